//! `bool`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "bool",
    group: "convert",
    doc: "Tells whether a value is true in the sense of `if`.",
    arguments: &[required("value", Accepts::Any)],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[("bool('')", "False"), ("bool([0])", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Bool(call.flag(0)))
}
