//! `parse_json`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "parse_json",
    group: "parse",
    doc: "Reads a text of JSON.",
    arguments: &[required("text", Accepts::Text)],
    returns: "what the text holds",
    reach: Reach::Arguments,
    examples: &[("parse_json('{\"a\": [1, null]}')", "{'a': [1, None]}")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    document::json(call.text(0)?, call.budget)
}
