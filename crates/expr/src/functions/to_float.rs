//! `to_float`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "to_float",
    group: "convert",
    doc: "Makes a number of a text or whole number. The same as float.",
    arguments: &[required("value", Accepts::Any)],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[("to_float('1.5')", "1.5"), ("to_float(2)", "2.0")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    convert::to_float(call.any(0)).map(Datum::Float)
}
