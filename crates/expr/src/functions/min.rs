//! `min`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "min",
    group: "basic",
    doc: "Gives the smallest of the items of a list, or of several values.",
    arguments: &[repeated("values", Accepts::Any)],
    returns: "an item",
    reach: Reach::Arguments,
    examples: &[("min([3, 1, 2])", "1"), ("min('b', 'a')", "a")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items_or_arguments()?;
    sort::extreme(&items, Ordering::Less, call.name)
}
