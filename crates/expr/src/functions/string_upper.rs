//! `string_upper`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "string_upper",
    group: "string",
    doc: "Gives a text in upper case.",
    arguments: &[required("string", Accepts::Text)],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[("string_upper('abc')", "ABC")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let text = call.text(0)?;
    call.budget.build_text(text.len())?;
    Ok(Datum::text(text.to_uppercase()))
}
