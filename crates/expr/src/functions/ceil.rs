//! `ceil`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "ceil",
    group: "math",
    doc: "Gives the smallest whole number that is not below a number.",
    arguments: &[required("x", Accepts::Number)],
    returns: "an integer",
    reach: Reach::Arguments,
    examples: &[("ceil(1.5)", "2"), ("ceil(-1.5)", "-1")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    match call.any(0) {
        Datum::Float(number) => convert::truncate(number.ceil()).map(Datum::Int),
        _ => call.integer(0).map(Datum::Int),
    }
}
