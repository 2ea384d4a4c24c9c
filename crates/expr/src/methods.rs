//! The methods of values: `.upper()`, `.get()`, `.format()`. All of them leave the value as it is.

mod list;
mod map;
mod replace_fields;
mod set;
mod text;

pub(crate) use text::join_items;

use crate::call::Call;
use crate::datum::Datum;
use crate::function::Argument;
use crate::stop::{Step, Stop};

/// A method of one kind of value.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) wants: &'static [Argument],
    pub(crate) run: fn(&Datum, &mut Call<'_>) -> Step<Datum>,
}

/// Makes a line of a table.
const fn method(
    name: &'static str,
    wants: &'static [Argument],
    run: fn(&Datum, &mut Call<'_>) -> Step<Datum>,
) -> Method {
    Method { name, wants, run }
}

const TABLES: [&[Method]; 4] = [text::METHODS, list::METHODS, map::METHODS, set::METHODS];

/// Gives the arguments of the methods of a name: they are the same for every kind of value.
pub(crate) fn wants(name: &str) -> Option<(&'static str, &'static [Argument])> {
    TABLES
        .into_iter()
        .flatten()
        .find(|method| method.name == name)
        .map(|method| (method.name, method.wants))
}

/// Gives the names of all methods.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().flatten().map(|method| method.name)
}

/// Finds the method of a value.
pub(crate) fn find(receiver: &Datum, name: &str) -> Step<&'static Method> {
    let table = match receiver {
        Datum::Text(_) => text::METHODS,
        Datum::List(_) | Datum::Tuple(_) => list::METHODS,
        Datum::Map(_) => map::METHODS,
        Datum::Set(_) => set::METHODS,
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_) => &[],
    };
    table
        .iter()
        .find(|method| method.name == name)
        .ok_or_else(|| no_method(receiver, name))
}

#[cold]
fn no_method(receiver: &Datum, name: &str) -> Box<Stop> {
    Stop::fault(format!("{} has no method `{name}`", receiver.describe()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_one_name_want_the_same_arguments() {
        for method in TABLES.into_iter().flatten() {
            let (_, first) = wants(method.name).unwrap();
            let names = |wants: &[Argument]| -> Vec<String> {
                wants.iter().map(ToString::to_string).collect()
            };
            assert_eq!(names(method.wants), names(first), "{}", method.name);
        }
    }
}
