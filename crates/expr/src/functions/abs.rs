//! `abs`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "abs",
    group: "basic",
    doc: "Gives the distance of a number from zero.",
    arguments: &[required("x", Accepts::Number)],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[("abs(-1)", "1"), ("abs(-1.5)", "1.5")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    match call.any(0) {
        Datum::Float(number) => Ok(Datum::Float(number.abs())),
        _ if call.integer(0)? < 0 => arithmetic::negate(call.any(0)),
        _ => call.integer(0).map(Datum::Int),
    }
}
