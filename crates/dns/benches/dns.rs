//! What an answer costs, and what making all names costs: `cargo bench -p dns` prints one line
//! `name value unit` a figure. Sockets are not in it: `cargo xtask bench dns` measures the agent.
//!
//! Without `--bench`, as under `cargo test`, it runs small and its figures mean nothing.

#![allow(
    clippy::disallowed_methods,
    reason = "what is measured is pure; who measures reads a clock"
)]

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use dns::{
    Cluster, Config, Directory, Name, Node, Responder, Rules, Told, Transport, question, wire,
};
use model::{Group, MemberState, Moment, NodeId, WallTime, Zone};

fn main() -> io::Result<()> {
    let full = std::env::args().any(|argument| argument == "--bench");
    let (rounds, nodes) = if full { (2_000_000, 1_000) } else { (50, 120) };
    for many in [1, 10, 100] {
        answers(many, rounds)?;
    }
    directory(nodes, if full { 50 } else { 1 })?;
    remade(nodes, if full { 50 } else { 2 })
}

fn report(name: &str, value: f64, unit: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{name} {value:.1} {unit}")
}

/// Answers a name of so many addresses.
fn answers(many: u32, rounds: u32) -> io::Result<()> {
    let directory = Directory::new(Arc::new(cluster(many, 1)), &Config::standard(), 1);
    let rules = Rules {
        answers_per_second: 1_000,
        forwards: false,
    };
    let mut responder = Responder::new(Arc::new(directory), rules, 1);
    let name = Name::parse("g0.group.local.opsbro").expect("a name");
    let packet = question(1, &name, wire::A, 4_096);
    let source: SocketAddr = "127.0.0.1:5300".parse().expect("an address");
    let mut out = Vec::with_capacity(4_096);
    let started = Instant::now();
    for _ in 0..rounds {
        responder.respond(Moment::default(), source, Transport::Udp, &packet, &mut out);
    }
    let took = started.elapsed().as_nanos() as f64 / f64::from(rounds);
    report(&format!("answer_{many}_records"), took, "ns")
}

/// Makes all names of nodes of twenty groups each.
fn directory(nodes: u32, rounds: u32) -> io::Result<()> {
    let cluster = Arc::new(cluster(nodes, 20));
    let mut names = 0;
    let (mut made, mut dropped) = (0.0, 0.0);
    for serial in 0..rounds {
        let started = Instant::now();
        let directory = Directory::new(Arc::clone(&cluster), &Config::standard(), serial);
        made += started.elapsed().as_secs_f64();
        names = directory.names_count();
        let started = Instant::now();
        drop(directory);
        dropped += started.elapsed().as_secs_f64();
    }
    let report = |what: &str, seconds: f64| {
        let name = format!("{what}_{nodes}_nodes_{names}_names");
        report(&name, seconds * 1_000.0 / f64::from(rounds), "ms")
    };
    report("directory", made)?;
    report("directory_drop", dropped)
}

/// Makes the names anew as the agent does when one node changes: it dies, and comes back.
fn remade(nodes: u32, rounds: u32) -> io::Result<()> {
    let mut cluster = cluster(nodes, 20);
    let mut took = Vec::new();
    for serial in 0..rounds {
        let node = &mut cluster.nodes[(serial / 2 * 7 % nodes) as usize];
        node.state = match serial % 2 {
            0 => MemberState::Dead,
            _ => MemberState::Alive,
        };
        let changed = Arc::new(cluster.clone());
        let started = Instant::now();
        let directory = Directory::new(changed, &Config::standard(), serial);
        took.push(started.elapsed().as_secs_f64() * 1_000.0);
        drop(directory);
    }
    took.sort_unstable_by(f64::total_cmp);
    let median = took[took.len() / 2];
    report(&format!("dns.names_of_{nodes}_remade"), median, "ms")
}

fn cluster(nodes: u32, groups: u32) -> Cluster {
    let zone = Zone::parse("internet").expect("a name");
    let id = |number: u32| {
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        NodeId::from_random(bytes)
    };
    let groups: Vec<Group> = (0..groups)
        .map(|number| Group::parse(&format!("g{number}")).expect("a name"))
        .collect();
    let nodes = (0..nodes).map(|number| Node {
        told: Arc::new(Told {
            id: id(number),
            name: format!("node-{number}"),
            display_name: String::new(),
            addresses: vec![IpAddr::from((0x0a00_0000 + number).to_be_bytes())],
            zone: zone.clone(),
            groups: groups.clone(),
            services: Vec::new(),
            facts: Vec::new(),
        }),
        state: MemberState::Alive,
        since: WallTime::from_millis(1_700_000_000_000),
        accuser: None,
    });
    Cluster {
        own: id(0),
        zone: zone.clone(),
        nodes: nodes.collect(),
        holders: None,
    }
}
