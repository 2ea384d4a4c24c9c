//! `any`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "any",
    group: "basic",
    doc: "Tells whether at least one item is true.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[
        ("any([False, 1])", "True"),
        ("any([])", "False"),
        ("any(x > 90 for x in [10, 95])", "True"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Bool(call.items(0)?.iter().any(Datum::truth)))
}
