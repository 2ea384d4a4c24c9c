//! `first_match`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "first_match",
    group: "string",
    doc: "Gives what a regular expression finds first: its first group when it has one, else \
        all of it; None when it finds nothing.",
    arguments: &[
        required("regexp", Accepts::Regexp),
        required("text", Accepts::Text),
    ],
    returns: "a text or None",
    reach: Reach::Arguments,
    examples: &[
        ("first_match('v([0-9.]+)', 'redis v7.0.1')", "7.0.1"),
        ("first_match('[0-9]+', 'none')", "None"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let text = call.text(1)?;
    let regex = call.regex(0, text.len())?;
    let Some(found) = regex.captures(text) else {
        return Ok(Datum::None);
    };
    let part = found.get(1).or_else(|| found.get(0));
    Ok(part.map_or(Datum::None, |part| Datum::text(part.as_str())))
}
