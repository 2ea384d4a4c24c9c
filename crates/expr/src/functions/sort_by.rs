//! `sort_by`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "sort_by",
    group: "basic",
    doc: "Gives maps or tuples in the order of one of their members, named by key or index.",
    arguments: &[
        required("list", Accepts::Items),
        required("key", Accepts::Any),
        optional("reverse", Accepts::Any, Constant::Bool(false)),
    ],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[
        ("sort_by([{'n': 2}, {'n': 1}], 'n')", "[{'n': 1}, {'n': 2}]"),
        (
            "sort_by([('a', 1), ('b', 2)], 1, reverse=True)",
            "[('b', 2), ('a', 1)]",
        ),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items(0)?;
    let mut pairs = Vec::with_capacity(items.len());
    for item in items {
        let member = subscript::index(&item, call.any(1), call.budget)?;
        pairs.push((member, item));
    }
    let sorted = sort::sort_by(pairs, call.flag(2), call.budget, |(member, _)| member)?;
    Ok(Datum::list(
        sorted.into_iter().map(|(_, item)| item).collect(),
    ))
}
