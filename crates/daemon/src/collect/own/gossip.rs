//! What the agent knows of the other nodes.

use std::time::Duration;

use drivers::collectors::Key;
use model::{MemberState, Value};

use super::{Own, whole};
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
        key("nb_zone_nodes", "", "how many of them are of its zone"),
        key("alive", "", "how many of them live"),
        key(
            "suspect",
            "",
            "how many did not answer somebody, and may yet",
        ),
        key("dead", "", "how many nobody reaches"),
        key("leave", "", "how many left"),
        key(
            "sent_bytes",
            "B",
            "datagrams that were sent since the start",
        ),
        key(
            "received_bytes",
            "B",
            "datagrams that were taken since the start",
        ),
        key(
            "dropped",
            "",
            "datagrams that were dropped since the start, whatever the reason",
        ),
        key(
            "self_doubt",
            "",
            "how much this node doubts itself; 0 is not at all",
        ),
    ],
    collect,
};

const fn key(path: &'static str, unit: &'static str, doc: &'static str) -> Key {
    Key { path, unit, doc }
}

fn collect(agent: &Agent) -> Value {
    let node = agent.node.borrow();
    let known = agent.members.borrow();
    let count = |is_it: &dyn Fn(&gossip::Member) -> bool| {
        whole(known.members.iter().filter(|member| is_it(member)).count() as u64)
    };
    let in_state = |state: MemberState| count(&move |member| member.state == state);
    Value::map([
        ("zone", Value::from(node.zone.as_str())),
        ("nb_known_nodes", count(&|_| true)),
        (
            "nb_zone_nodes",
            count(&|member| member.record.body.zone == node.zone),
        ),
        ("alive", in_state(MemberState::Alive)),
        ("suspect", in_state(MemberState::Suspect)),
        ("dead", in_state(MemberState::Dead)),
        ("leave", in_state(MemberState::Leave)),
        ("sent_bytes", whole(known.figures.sent.1)),
        ("received_bytes", whole(known.figures.received.1)),
        (
            "dropped",
            whole(known.figures.dropped.iter().map(|(_, count)| count).sum()),
        ),
        ("self_doubt", whole(u64::from(known.figures.self_doubt))),
    ])
}
