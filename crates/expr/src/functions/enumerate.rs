//! `enumerate`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "enumerate",
    group: "basic",
    doc: "Gives each item with its number, as a tuple.",
    arguments: &[
        required("list", Accepts::Items),
        optional("start", Accepts::Integer, Constant::Int(0)),
    ],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[
        ("enumerate(['a', 'b'])", "[(0, 'a'), (1, 'b')]"),
        ("enumerate(['a'], start=1)", "[(1, 'a')]"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let start = call.integer(1)?;
    let items = call.items(0)?;
    let numbered = (start..).zip(items);
    Ok(Datum::list(
        numbered
            .map(|(number, item)| Datum::Tuple([Datum::Int(number), item].into()))
            .collect(),
    ))
}
