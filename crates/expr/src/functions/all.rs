//! `all`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "all",
    group: "basic",
    doc: "Tells whether every item is true.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[
        ("all([True, 1])", "True"),
        ("all([])", "True"),
        ("all(x > 90 for x in [10, 95])", "False"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Bool(call.items(0)?.iter().all(Datum::truth)))
}
