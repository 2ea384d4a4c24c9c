//! `compliance_get_state_of_rule`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "compliance_get_state_of_rule",
    group: "gossip",
    doc: "Gives the state of a compliance rule; UNKNOWN when there is no such rule.",
    arguments: &[required("rule_name", Accepts::Text)],
    returns: "a text",
    reach: Reach::Agent,
    examples: &[
        ("compliance_get_state_of_rule('passwd')", "COMPLIANT"),
        ("compliance_get_state_of_rule('nothing')", "UNKNOWN"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let state = call.env.rule_state(call.text(0)?)?;
    Ok(state.map_or_else(|| Datum::text("UNKNOWN"), Datum::Text))
}
