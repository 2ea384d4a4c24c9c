//! `parse_yaml`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "parse_yaml",
    group: "parse",
    doc: "Reads a text of YAML: one document, anchors allowed.",
    arguments: &[required("text", Accepts::Text)],
    returns: "what the text holds",
    reach: Reach::Arguments,
    examples: &[
        ("parse_yaml('a: [1, yes]')", "{'a': [1, 'yes']}"),
        ("parse_yaml('x: 1.5')['x']", "1.5"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    document::yaml(call.text(0)?, call.budget)
}
