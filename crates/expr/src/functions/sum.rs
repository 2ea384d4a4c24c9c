//! `sum`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "sum",
    group: "basic",
    doc: "Adds the items of a list.",
    arguments: &[
        required("list", Accepts::Items),
        optional("start", Accepts::Any, Constant::Int(0)),
    ],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[
        ("sum([1, 2, 3])", "6"),
        ("sum([0.5, 1])", "1.5"),
        ("sum([])", "0"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let mut total = call.any(1).clone();
    for item in call.items(0)? {
        total = arithmetic::apply(Operator::Add, &total, &item, call.budget)?;
    }
    Ok(total)
}
