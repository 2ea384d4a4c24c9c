//! `sorted`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "sorted",
    group: "basic",
    doc: "Gives the items in order. Items of different kinds have no order: that is an error.",
    arguments: &[
        required("list", Accepts::Items),
        optional("reverse", Accepts::Any, Constant::Bool(false)),
    ],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[
        ("sorted([2, 1, 3])", "[1, 2, 3]"),
        ("sorted(['v2', 'v1'], reverse=True)", "['v2', 'v1']"),
        ("sorted({'b': 1, 'a': 2})", "['a', 'b']"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items(0)?;
    let reverse = call.flag(1);
    sort::sort_by(items, reverse, call.budget, |item| item).map(Datum::list)
}
