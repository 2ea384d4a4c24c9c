//! `int`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "int",
    group: "convert",
    doc: "Makes a whole number of a text or number; a fraction is cut off. The same as to_int.",
    arguments: &[required("value", Accepts::Any)],
    returns: "an integer",
    reach: Reach::Arguments,
    examples: &[("int(' 42 ')", "42"), ("int(-1.9)", "-1")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    convert::to_int(call.any(0)).map(Datum::Int)
}
