//! `parse_json_file`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "parse_json_file",
    group: "system",
    doc: "Reads a file of JSON. It is unknown when there is no such file.",
    arguments: &[required("path", Accepts::Text)],
    returns: "what the file holds",
    reach: Reach::Machine,
    examples: &[("parse_json_file('/tmp/example.json')", "{'key': 'value'}")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    match call.machine(MachineCall::ReadFile { path: path.clone() })? {
        Datum::Text(text) => {
            document::json(&text, call.budget).map_err(|stop| stop.in_front(&format!("{path}: ")))
        }
        other => Ok(other),
    }
}
