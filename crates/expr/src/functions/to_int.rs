//! `to_int`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "to_int",
    group: "convert",
    doc: "Makes a whole number of a text or number; a fraction is cut off. The same as int.",
    arguments: &[required("value", Accepts::Any)],
    returns: "an integer",
    reach: Reach::Arguments,
    examples: &[("to_int(' 42 ')", "42"), ("to_int(-1.9)", "-1")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    convert::to_int(call.any(0)).map(Datum::Int)
}
