//! Everything at once, as the seed decides; then quiet, and all must agree.

use std::time::Duration;

use gossip::seal::{Fingerprint, Key};
use gossip::{Done, KeyOrder, Order, OrderId};
use model::{MemberState, NodeId, Zone};
use tests::sim::{Cluster, Plan, Weather, each, each_of};

/// What the scenario remembers of what it ordered.
struct Ordered {
    keys: Vec<Fingerprint>,
    made: u8,
    forgets: Vec<(OrderId, NodeId, u64)>,
}

fn chaos(seed: u64, size: usize, acts: usize) {
    // Some speak a later protocol, too.
    let plan = |node: usize| Plan {
        protocol: (1 + u8::from(node % 3 == 1), 1),
        ..Plan::usual()
    };
    let plans: Vec<_> = (0..size).map(plan).collect();
    let zone = plans[0].zone.clone();
    let first = plans[0].rings[&zone].keys[0].0.fingerprint();
    let mut cluster = Cluster::joined_as(seed, Weather::lossy(0.02), plans);
    let mut ordered = Ordered {
        keys: vec![first],
        made: 0,
        forgets: Vec::new(),
    };
    for _ in 0..acts {
        act(&mut cluster, size, &zone, &mut ordered);
        let pause = cluster
            .dice
            .between(Duration::from_millis(100), Duration::from_secs(12));
        cluster.run_for(pause);
        for (order, id, starts) in &ordered.forgets {
            if cluster.outcome(*order) == Some(&Ok(Done::Forgotten)) {
                cluster.invariants.forgotten(*id, *starts);
            }
        }
        cluster.check();
    }
    cluster.mend();
    cluster.weather(Weather::lossy(0.01));
    for node in 0..size {
        if !cluster.nodes[node].runs() {
            // Who was forgotten is not sought by anybody.
            let seeds = [(node + 1) % size, (node + 2) % size];
            cluster.start(node, &seeds);
        }
    }
    let limit = Duration::from_secs(90);
    cluster.run_until("all to see all", limit, Cluster::all_see_all_alive);
    cluster.run_until("all to agree", limit, |cluster| {
        cluster.all_agree() && rings_agree(cluster, &zone)
    });
    cluster.check();
}

fn rings_agree(cluster: &Cluster, zone: &Zone) -> bool {
    let rings = cluster.nodes.iter().map(|node| node.rings[zone].encode());
    let rings: std::collections::BTreeSet<_> = rings.collect();
    rings.len() == 1
}

/// One thing that goes wrong, or changes.
fn act(cluster: &mut Cluster, size: usize, zone: &Zone, ordered: &mut Ordered) {
    let (one, other) = (cluster.dice.below(size), cluster.dice.below(size));
    match cluster.dice.below(12) {
        0 => cluster.kill(one),
        1 if !cluster.nodes[one].runs() => cluster.start(one, &[other]),
        2 => {
            // The disk is lost: only the seeds bring it back.
            cluster.kill(one);
            cluster.nodes[one].kept = None;
            cluster.start(one, &[(one + 1) % size]);
        }
        3 => {
            let time = cluster
                .dice
                .between(Duration::from_millis(300), Duration::from_secs(25));
            cluster.pause(one, time);
        }
        4 => cluster.cut(one, other),
        5 => {
            let some: Vec<_> = (0..size).filter(|_| cluster.dice.happens(0.3)).collect();
            cluster.part(&some);
        }
        6 => cluster.mend(),
        7 => cluster.nodes[one].wall_ahead = [0, 7_200_000, -7_200_000][other % 3],
        8 => cluster.weather(Weather::slow()),
        9 => {
            let key = key_order(cluster, ordered);
            cluster.order(one, Order::Keys(zone.clone(), key));
        }
        10 => {
            let id = cluster.nodes[other].id;
            let dead = cluster.state(one, other) == Some(MemberState::Dead);
            let core = cluster.nodes[one].core.as_ref();
            let known = core.and_then(|core| core.record(id)).cloned();
            if let Some(known) = known.filter(|_| dead && !cluster.nodes[other].runs()) {
                let order = cluster.order(one, Order::Forget(id));
                ordered.forgets.push((order, id, known.version.starts));
            }
        }
        _ => cluster.weather(Weather::lossy([0.0, 0.05, 0.2, 0.4][other % 4])),
    }
}

/// What an operator orders about keys; it may be refused.
fn key_order(cluster: &mut Cluster, ordered: &mut Ordered) -> KeyOrder {
    let key = ordered.keys[cluster.dice.below(ordered.keys.len())];
    let force = false;
    match cluster.dice.below(3) {
        0 => {
            ordered.made += 1;
            let key = Key::from_bytes(&[100 + ordered.made; 32]).unwrap();
            ordered.keys.push(key.fingerprint());
            KeyOrder::Add(key)
        }
        1 => KeyOrder::Use { key, force },
        _ => KeyOrder::Remove { key, force },
    }
}

#[test]
fn three_nodes_agree_after_anything() {
    each("chaos among 3", |seed| chaos(seed, 3, 12));
}

#[test]
fn fifty_nodes_agree_after_anything() {
    each("chaos among 50", |seed| chaos(seed, 50, 12));
}

#[test]
fn five_hundred_nodes_agree_after_anything() {
    each_of(1, "chaos among 500", |seed| chaos(seed, 500, 3));
}
