//! `format`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "format",
    group: "convert",
    doc: "Writes a value as a format specification says, as behind the : of an f-string.",
    arguments: &[
        required("value", Accepts::Any),
        optional("spec", Accepts::Text, Constant::Text("")),
    ],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[
        ("format(3.14159, '.2f')", "3.14"),
        ("format(1234567, ',')", "1,234,567"),
        ("format('a', '>3')", "  a"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    format_spec::format(call.any(0), call.text(1)?, call.budget).map(Datum::text)
}
