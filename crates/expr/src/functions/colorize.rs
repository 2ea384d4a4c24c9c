//! `colorize`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "colorize",
    group: "system",
    doc: "Writes a value in one of the 256 colours of a terminal.",
    arguments: &[
        required("s", Accepts::Any),
        required("color", Accepts::Integer),
    ],
    returns: "a text with colours",
    reach: Reach::Arguments,
    examples: &[("len(colorize('a', 44))", "15")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let color = call.integer(1)?;
    let Ok(color) = u8::try_from(color) else {
        return fault(format!("{color} is no colour: colours are from 0 to 255"));
    };
    let text = repr::spend_str(call.any(0), call.budget)?;
    Ok(Datum::text(palette::paint(&text, color)))
}
