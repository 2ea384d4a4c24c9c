//! What the agent knows of the other nodes.

use std::time::Duration;

use drivers::collectors::Key;
use model::Value;

use super::Own;
use crate::agent::Agent;

pub(super) const COLLECTOR: Own = Own {
    name: "gossip",
    doc: "The zone of this node, and the nodes that it knows.",
    interval: Duration::from_secs(10),
    keys: &[
        Key {
            path: "zone",
            unit: "",
            doc: "the zone of this node",
        },
        Key {
            path: "nb_known_nodes",
            unit: "",
            doc: "how many nodes it knows, itself counted",
        },
    ],
    collect,
};

fn collect(agent: &Agent) -> Value {
    let node = agent.node.borrow();
    Value::map([
        ("zone", Value::from(node.zone.as_str())),
        // No membership protocol is spoken yet: this node knows itself.
        ("nb_known_nodes", Value::Int(1)),
    ])
}
