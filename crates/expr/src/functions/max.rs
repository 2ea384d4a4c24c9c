//! `max`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "max",
    group: "basic",
    doc: "Gives the largest of the items of a list, or of several values.",
    arguments: &[repeated("values", Accepts::Any)],
    returns: "an item",
    reach: Reach::Arguments,
    examples: &[("max([3, 1, 2])", "3"), ("max('b', 'a')", "b")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items_or_arguments()?;
    sort::extreme(&items, Ordering::Greater, call.name)
}
