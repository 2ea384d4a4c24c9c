//! `string_lower`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "string_lower",
    group: "string",
    doc: "Gives a text in lower case.",
    arguments: &[required("string", Accepts::Text)],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[("string_lower('ABC')", "abc")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let text = call.text(0)?;
    call.budget.build_text(text.len())?;
    Ok(Datum::text(text.to_lowercase()))
}
