//! `count`.

use super::prelude::*;
use crate::compare;

pub(super) const FUNCTION: Function = Function {
    name: "count",
    group: "basic",
    doc: "Counts the items of a list, tuple, set, map or text; with a value, those equal to it.",
    arguments: &[
        required("items", Accepts::Items),
        optional("value", Accepts::Any, Constant::None),
    ],
    returns: "an integer",
    reach: Reach::Arguments,
    examples: &[
        ("count(['OK', 'CRITICAL', 'OK'])", "3"),
        ("count(['OK', 'CRITICAL', 'OK'], 'OK')", "2"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items(0)?;
    let count = match call.any(1) {
        Datum::None => items.len(),
        wanted => items.iter().filter(|it| compare::equal(it, wanted)).count(),
    };
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}
