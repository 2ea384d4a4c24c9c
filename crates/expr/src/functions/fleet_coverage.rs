//! `fleet_coverage`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "fleet_coverage",
    group: "gossip",
    doc: "Tells how much of a group, or of all nodes, is known, and how old the oldest of it is.",
    arguments: &[optional("group", Accepts::Text, Constant::Text(""))],
    returns: "a text",
    reach: Reach::Agent,
    examples: &[("fleet_coverage('web')", "2 of 3 nodes, oldest 8 s")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let fleet = call.env.fleet(call.optional_text(0))?;
    Ok(Datum::text(fleet.coverage().to_string()))
}
