//! `to_str`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "to_str",
    group: "convert",
    doc: "Writes a value as text. The same as str.",
    arguments: &[required("value", Accepts::Any)],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[
        ("to_str(1.50)", "1.5"),
        ("to_str([True, 'a'])", "[True, 'a']"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    repr::spend_str(call.any(0), call.budget).map(Datum::text)
}
