//! `zip`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "zip",
    group: "basic",
    doc: "Puts the items of several lists side by side, as tuples, as far as the shortest list \
        goes.",
    arguments: &[repeated("lists", Accepts::Items)],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[
        ("zip([1, 2], ['a', 'b'])", "[(1, 'a'), (2, 'b')]"),
        ("zip()", "[]"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let mut lists = Vec::with_capacity(call.arguments.len());
    for index in 0..call.arguments.len() {
        lists.push(call.items(index)?);
    }
    let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
    let rows =
        (0..shortest).map(|row| Datum::Tuple(lists.iter().map(|list| list[row].clone()).collect()));
    Ok(Datum::list(rows.collect()))
}
