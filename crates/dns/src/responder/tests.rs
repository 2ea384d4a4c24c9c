//! What a resolver sees of a cluster, as `question` gives lines of the answer.

mod health;
mod names;
mod packets;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::{CheckState, Group, MemberState, Moment, NodeId, WallTime, Zone};

use super::*;
use crate::build::{Config, Ttl, Ttls};
use crate::cluster::{Cluster, Node, Protocol, Service, Told};
use crate::message::Message;
use crate::name::Name;
use crate::query::question;

fn at(seconds: u64) -> WallTime {
    WallTime::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn id(number: u8) -> NodeId {
    NodeId::from_random([number; 16])
}

fn node(number: u8, name: &str, groups: &[&str]) -> Node {
    Node {
        told: Arc::new(Told {
            id: id(number),
            name: name.to_owned(),
            display_name: String::new(),
            addresses: vec![IpAddr::from([10, 0, 0, number])],
            zone: Zone::parse("internet").unwrap(),
            groups: groups.iter().map(|it| Group::parse(it).unwrap()).collect(),
            services: Vec::new(),
            facts: vec!["version=0.6.0".to_owned()],
        }),
        state: MemberState::Alive,
        since: at(0),
        accuser: None,
    }
}

fn service(name: &str, state: CheckState, since: u64) -> Service {
    Service {
        name: name.to_owned(),
        port: 80,
        protocol: Protocol::Tcp,
        tags: Vec::new(),
        weight: 1,
        priority: 0,
        ttl: None,
        state,
        since: at(since),
        output: "said so".to_owned(),
        is_withdrawn: false,
    }
}

impl Node {
    fn told(mut self, change: impl FnOnce(&mut Told)) -> Self {
        change(Arc::make_mut(&mut self.told));
        self
    }

    fn with(self, service: Service) -> Self {
        self.told(|told| told.services.push(service))
    }

    fn died(mut self, since: u64) -> Self {
        (self.state, self.since) = (MemberState::Dead, at(since));
        self
    }
}

fn cluster(nodes: Vec<Node>) -> Cluster {
    Cluster {
        own: id(1),
        zone: Zone::parse("internet").unwrap(),
        nodes,
        holders: None,
    }
}

fn config() -> Config {
    let ttl = |positive| Ttl {
        positive,
        negative: positive + 1,
    };
    let ttls = Ttls {
        node: ttl(60),
        group: ttl(5),
        service: ttl(7),
        lock: ttl(1),
    };
    Config::new(Name::parse("opsbro").unwrap(), ttls, 70)
}

fn responder(cluster: Cluster) -> Responder {
    let directory = Directory::new(Arc::new(cluster), &config(), 3);
    let rules = Rules {
        answers_per_second: 1_000,
        forwards: false,
    };
    Responder::new(Arc::new(directory), rules, 0)
}

fn send(responder: &mut Responder, packet: &[u8], transport: Transport) -> Option<Message> {
    let source: SocketAddr = "127.0.0.1:40000".parse().unwrap();
    let mut out = Vec::new();
    let reaction = responder.respond(Moment::default(), source, transport, packet, &mut out);
    (reaction == Reaction::Answered).then(|| Message::decode(&out).unwrap())
}

/// Asks, and writes the answer: the code, then each record of the answer in order.
fn ask(responder: &mut Responder, name: &str, kind: &str) -> Vec<String> {
    let name = Name::parse(name).unwrap();
    let packet = question(1, &name, wire::parse_type(kind).unwrap(), 4_096);
    let message = send(responder, &packet, Transport::Udp).unwrap();
    let mut lines = vec![wire::code_name(message.code)];
    let mut records: Vec<String> = message
        .answers
        .iter()
        .map(|it| format!("{} {}", it.ttl, it.content))
        .collect();
    records.sort();
    lines.extend(records);
    lines
}

fn check(cluster: Cluster, expect: &[(&str, &str, &[&str])]) {
    let mut responder = responder(cluster);
    for (name, kind, lines) in expect {
        assert_eq!(ask(&mut responder, name, kind), *lines, "{kind} of {name}");
    }
}

fn three() -> Vec<Node> {
    vec![
        node(1, "web-1", &["linux", "web"]),
        node(2, "web-2", &["linux", "web"]),
        node(3, "db-1", &["linux"]),
    ]
}
