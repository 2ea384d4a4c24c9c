//! The cluster: who is in it and how each is, joining and leaving, zones, and events.
//!
//! Routes are here; what travels is in `told`.

mod told;

use std::collections::BTreeMap;

use schemars::schema_for;

use crate::history::HistoryEntry;
use crate::route::{Answer, Method, Parameter, Role, Route};

pub use told::{
    AddEvent, Cluster, ClusterState, Done, Event, Figures, Found, Health, Joined, KeyInfo, Left,
    Member, NodeChange, NodeState, Pong, Problem, Zone, ZoneChanged, in_turn,
};

/// Tells who is in the cluster.
pub const MEMBERS: Route = Route {
    method: Method::Get,
    path: "/agent/members",
    role: Role::Read,
    summary: "Tells of every node that this one may see, itself too, by UUID",
    query: &[
        Parameter {
            name: "detail",
            doc: "`true` tells also who said a state first, and how old what is known is",
        },
        Parameter {
            name: "zone",
            doc: "only the nodes of this zone",
        },
    ],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Member>)),
};

/// Tells what happened to nodes.
pub const HISTORY: Route = Route {
    method: Method::Get,
    path: "/agent/members/history",
    role: Role::Read,
    summary: "Tells when nodes, their zones and groups changed, oldest first",
    query: &[Parameter {
        name: "last",
        doc: "how many changes at the most (default 1000)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<HistoryEntry<NodeChange>>)),
};

/// Joins a cluster.
pub const JOIN: Route = Route {
    method: Method::Get,
    path: "/agent/join/{address}",
    role: Role::Admin,
    summary: "Joins the cluster of whoever listens at host[:port]; answers when it is done",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Joined)),
};

/// Makes a node leave.
pub const LEAVE: Route = Route {
    method: Method::Get,
    path: "/agent/leave/{node}",
    role: Role::Admin,
    summary: "Makes a node leave the cluster, and its agent stop; a dead one is said to have left",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Left)),
};

/// Forgets a dead node.
pub const FORGET: Route = Route {
    method: Method::Delete,
    path: "/agent/members/{node}",
    role: Role::Admin,
    summary: "Forgets a node that is dead or has left, on all nodes and for good",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Done)),
};

/// Asks who is there.
pub const DETECT: Route = Route {
    method: Method::Get,
    path: "/agent/detect",
    role: Role::Operate,
    summary: "Asks by broadcast and multicast who is there, on all interfaces",
    query: &[Parameter {
        name: "timeout",
        doc: "how long to wait for answers, in seconds or as 10s (default 5)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Found>)),
};

/// Sees whether a node answers.
pub const PING: Route = Route {
    method: Method::Get,
    path: "/agent/ping/{node}",
    role: Role::Operate,
    summary: "Sees whether a node answers now, by itself or through others",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Pong)),
};

/// Finds a node.
pub const GUESS: Route = Route {
    method: Method::Get,
    path: "/agent/query/guess/{node}",
    role: Role::Read,
    summary: "Finds a node by its UUID, the beginning of that, its name or its name for people",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Member)),
};

/// Tells how all nodes are.
pub const STATE: Route = Route {
    method: Method::Get,
    path: "/cluster/state",
    role: Role::Read,
    summary: "Tells how every node of the cluster is and which problems it has, the worst first",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(ClusterState)),
};

/// Lists the zones.
pub const ZONES: Route = Route {
    method: Method::Get,
    path: "/agent/zones",
    role: Role::Read,
    summary: "Lists the zones, how each lies to this node's, and whether a key of it is here",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(BTreeMap<String, Zone>)),
};

/// Goes to another zone.
pub const ZONE_CHANGE: Route = Route {
    method: Method::Put,
    path: "/agent/zone",
    role: Role::Admin,
    summary: "Takes this node to another zone, for good; the body is its name",
    query: &[],
    body: Some(|| schema_for!(String)),
    answer: Answer::Json(|| schema_for!(ZoneChanged)),
};

/// Lists the events.
pub const EVENTS: Route = Route {
    method: Method::Get,
    path: "/agent/events",
    role: Role::Read,
    summary: "Lists the events of the last 300 s, oldest first",
    query: &[],
    body: None,
    answer: Answer::Json(|| schema_for!(Vec<Event>)),
};

/// Finds an event.
pub const EVENT: Route = Route {
    method: Method::Get,
    path: "/agent/event/{type}",
    role: Role::Read,
    summary: "Gives the last event of a type; null when there is none",
    query: &[Parameter {
        name: "wait",
        doc: "answer as soon as there is one, or after this long (10s, 1m)",
    }],
    body: None,
    answer: Answer::Json(|| schema_for!(Option<Event>)),
};

/// Adds an event.
pub const EVENT_ADD: Route = Route {
    method: Method::Post,
    path: "/agent/event",
    role: Role::Operate,
    summary: "Tells the cluster that something happened",
    query: &[],
    body: Some(|| schema_for!(AddEvent)),
    answer: Answer::Json(|| schema_for!(Event)),
};

/// The routes of this noun.
pub const ROUTES: &[&Route] = &[
    &MEMBERS,
    &HISTORY,
    &JOIN,
    &LEAVE,
    &FORGET,
    &DETECT,
    &PING,
    &GUESS,
    &STATE,
    &ZONES,
    &ZONE_CHANGE,
    &EVENTS,
    &EVENT,
    &EVENT_ADD,
];

/// The reads that another node of the zone, or of one above, may ask of this one, and that are
/// answered with those of another node where the query has `node`.
pub const FORWARDED: &[&Route] = &[
    &crate::agent::INFO,
    &crate::agent::HISTORY,
    &crate::agent::METRICS,
    &crate::collectors::LIST,
    &crate::collectors::SHOW,
    &crate::collectors::HISTORY,
    &crate::detectors::LIST,
    &crate::detectors::STATE,
    &crate::detectors::HISTORY,
    &crate::groups::LIST,
    &crate::groups::EXPLAIN,
    &crate::inventory::SHOW,
    &crate::inventory::DIFF,
    &crate::monitoring::STATE,
    &crate::monitoring::CHECKS,
    &crate::monitoring::CHECK,
    &crate::monitoring::SERVICES,
    &crate::monitoring::HISTORY,
    &crate::monitoring::EXPLAIN,
    &MEMBERS,
    &HISTORY,
];

/// Tells whether a route may be asked of another node.
pub fn is_forwarded(route: &Route) -> bool {
    let same = |it: &&&Route| it.method == route.method && it.path == route.path;
    FORWARDED.iter().any(|it| same(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_other_nodes_only_reads() {
        for route in FORWARDED {
            assert_eq!((route.method, route.role), (Method::Get, Role::Read));
            let is_whole = matches!(route.answer, Answer::Json(_) | Answer::Text);
            assert!(
                is_whole,
                "{} is a stream, and those have no end",
                route.path
            );
            let taken = route.query.iter().any(|it| it.name == "node");
            assert!(!taken, "{} has a parameter `node` of its own", route.path);
        }
        assert!(!is_forwarded(&crate::agent::STOP));
        assert!(!is_forwarded(&EVENT_ADD));
    }
}
