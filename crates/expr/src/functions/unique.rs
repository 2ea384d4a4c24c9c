//! `unique`.

use std::collections::BTreeSet;

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "unique",
    group: "basic",
    doc: "Gives each item once, in the order in which they come first.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[("unique([3, 1, 3, 2, 1])", "[3, 1, 2]")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items(0)?;
    call.budget.spend_sort(items.len())?;
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for item in items {
        item.check_key()?;
        if seen.insert(Key(item.clone())) {
            kept.push(item);
        }
    }
    Ok(Datum::list(kept))
}
