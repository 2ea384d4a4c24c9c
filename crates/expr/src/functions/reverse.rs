//! `reverse`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "reverse",
    group: "basic",
    doc: "Gives the items from the last to the first.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[("reverse([1, 2, 3])", "[3, 2, 1]")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let mut items = call.items(0)?;
    items.reverse();
    Ok(Datum::list(items))
}
