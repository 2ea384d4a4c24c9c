//! `gossip_count_nodes`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "gossip_count_nodes",
    group: "gossip",
    doc: "Counts the known nodes, of a group and in a state when these are given. States are \
        alive, suspect, dead, leave, unknown.",
    arguments: &[
        optional("group", Accepts::Text, Constant::Text("")),
        optional("state", Accepts::Text, Constant::Text("")),
    ],
    returns: "an integer",
    reach: Reach::Agent,
    examples: &[
        ("gossip_count_nodes()", "3"),
        ("gossip_count_nodes(group='linux', state='alive')", "2"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let state = call.optional_text(1).map(str::to_lowercase);
    if let Some(state) = &state {
        const STATES: [&str; 5] = ["alive", "suspect", "dead", "leave", "unknown"];
        if !STATES.contains(&state.as_str()) {
            return fault_with_hint(
                format!("`{state}` is no state of a node"),
                format!("states are {}", STATES.join(", ")),
            );
        }
    }
    let group = call.optional_text(0);
    let count = call.env.count_nodes(group, state.as_deref())?;
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}
