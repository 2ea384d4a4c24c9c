//! `floor`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "floor",
    group: "math",
    doc: "Gives the largest whole number that is not above a number.",
    arguments: &[required("x", Accepts::Number)],
    returns: "an integer",
    reach: Reach::Arguments,
    examples: &[("floor(1.5)", "1"), ("floor(-1.5)", "-2")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    match call.any(0) {
        Datum::Float(number) => convert::truncate(number.floor()).map(Datum::Int),
        _ => call.integer(0).map(Datum::Int),
    }
}
