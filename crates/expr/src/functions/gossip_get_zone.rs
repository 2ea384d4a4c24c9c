//! `gossip_get_zone`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "gossip_get_zone",
    group: "gossip",
    doc: "Gives the zone of a node, or of this one; empty when the node is not known.",
    arguments: &[optional("node_uuid", Accepts::Text, Constant::Text(""))],
    returns: "a text",
    reach: Reach::Agent,
    examples: &[("gossip_get_zone()", "internet")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let node = call.optional_text(0);
    Ok(Datum::Text(call.env.zone(node)?))
}
