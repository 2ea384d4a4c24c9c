//! `match`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "match",
    group: "string",
    doc: "Tells whether a regular expression is found in a text, anywhere: ^ and $ bind it to \
        the ends.",
    arguments: &[
        required("regexp", Accepts::Regexp),
        required("text", Accepts::Text),
    ],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[
        ("match('^web[0-9]+$', 'web12')", "True"),
        ("match('db', 'web12')", "False"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let text = call.text(1)?;
    let regex = call.regex(0, text.len())?;
    Ok(Datum::Bool(regex.is_match(text)))
}
