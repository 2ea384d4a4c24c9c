//! Methods of lists and tuples.

use super::{Method, method};
use crate::call::Call;
use crate::compare;
use crate::datum::Datum;
use crate::fleet;
use crate::function::{Accepts, required};
use crate::stop::{Step, fault};

pub(super) const METHODS: &[Method] = &[
    method("check", &[required("name", Accepts::Text)], check),
    method("count", &[required("value", Accepts::Any)], count),
    method("index", &[required("value", Accepts::Any)], index),
];

/// Gives the state of a check on each node of `fleet()` that has it.
fn check(list: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let name = call.text(0)?;
    let mut states = Vec::new();
    for node in items(list, call)? {
        let checks = match &node {
            Datum::Map(node) => node.get(&Datum::text("checks")),
            _ => None,
        };
        let Some(Datum::Map(checks)) = checks else {
            return fault(format!(
                "only the nodes of fleet() have checks, and here is {}",
                node.describe()
            ));
        };
        call.budget.spend_items(checks.len())?;
        let exact = checks.get(&Datum::Text(name.clone()));
        let entries = checks.entries();
        let named = entries.iter().filter_map(|(id, state)| match id {
            Datum::Text(id) => Some((&**id, state)),
            _ => None,
        });
        states.extend(exact.or_else(|| fleet::short(named, name).cloned()));
    }
    Ok(Datum::list(states))
}

fn count(list: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let wanted = call.any(0);
    let items = items(list, call)?;
    let count = items
        .iter()
        .filter(|item| compare::equal(item, wanted))
        .count();
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn index(list: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let wanted = call.any(0);
    let items = items(list, call)?;
    match items.iter().position(|item| compare::equal(item, wanted)) {
        Some(index) => Ok(Datum::Int(i64::try_from(index).unwrap_or(i64::MAX))),
        None => fault(format!("{} is not in the list", wanted.describe())),
    }
}

fn items(list: &Datum, call: &mut Call<'_>) -> Step<Vec<Datum>> {
    call.budget.spend_items(list.elements_max())?;
    Ok(list.elements().unwrap_or_default())
}
