//! `set`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "set",
    group: "basic",
    doc: "Makes a set: each item once, without order (shown sorted).",
    arguments: &[optional("list", Accepts::Items, Constant::Text(""))],
    returns: "a set",
    reach: Reach::Arguments,
    examples: &[
        ("set(['v1', 'v2', 'v2'])", "{'v1', 'v2'}"),
        ("len(set([1, 1.0, True]))", "1"),
        ("set()", "set()"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items(0)?;
    call.budget.spend_sort(items.len())?;
    Datum::set(items)
}
