//! What a cluster does on a virtual clock: `cargo xtask bench gossip` prints one line
//! `name value unit` a figure. Without `--bench`, as under `cargo test`, it runs small and its
//! figures mean nothing.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::time::Duration;

use gossip::Description;
use model::{Group, MemberState};
use tests::sim::{Cluster, Plan, Weather};

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let (some, many, most) = if full {
        (100, 1_000, 5_000)
    } else {
        (3, 6, 10)
    };
    idle(some);
    deaths(3);
    deaths(some.min(30));
    deaths(some);
    joins(many);
    losses(many, if full { 600 } else { 30 });
    warm(most);
}

fn print(name: &str, value: f64, unit: &str) {
    println!("sim.{name} {value:.2} {unit}");
}

/// What a node sends while nothing happens.
fn idle(size: usize) {
    let mut cluster = Cluster::joined(1, Weather::fine(), size);
    cluster.run_for(Duration::from_secs(60));
    let before: u64 = cluster.nodes.iter().map(|node| node.sent.0).sum();
    cluster.run_for(Duration::from_secs(60));
    let after: u64 = cluster.nodes.iter().map(|node| node.sent.0).sum();
    let rate = (after - before) as f64 / 60.0 / size as f64;
    print(
        &format!("idle_bytes_of_{size}"),
        rate,
        "B/s a node, headers included",
    );
}

/// How soon a death is suspected by one, and known by half and by all.
fn deaths(size: usize) {
    let mut known = Vec::new();
    for seed in 1..=9 {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.0), size);
        cluster.run_for(Duration::from_secs(10));
        let victim = cluster.dice.below(size);
        cluster.kill(victim);
        let others = cluster.running();
        let mut times = vec![None; others.len()];
        let mut suspected = None;
        let began = cluster.now;
        cluster.run_until("all to know", Duration::from_secs(60), |cluster| {
            for (at, observer) in others.iter().enumerate() {
                let state = cluster.state(*observer, victim);
                let now = cluster.now.since(began);
                if state != Some(MemberState::Alive) {
                    suspected.get_or_insert(now);
                }
                if state == Some(MemberState::Dead) {
                    times[at].get_or_insert(now);
                }
            }
            times.iter().all(Option::is_some)
        });
        let mut times: Vec<_> = times.into_iter().flatten().collect();
        times.sort_unstable();
        known.push((suspected, times[times.len() / 2], times[times.len() - 1]));
    }
    known.sort_unstable();
    let mut halves: Vec<_> = known.iter().map(|known| known.1).collect();
    let mut alls: Vec<_> = known.iter().map(|known| known.2).collect();
    halves.sort_unstable();
    alls.sort_unstable();
    let suspected = known[4].0.unwrap_or_default();
    print(
        &format!("suspected_of_{size}"),
        suspected.as_secs_f64(),
        "s median",
    );
    print(
        &format!("dead_of_{size}"),
        halves[4].as_secs_f64(),
        "s median",
    );
    print(
        &format!("dead_everywhere_of_{size}"),
        alls[4].as_secs_f64(),
        "s median",
    );
}

/// How soon nodes that join within ten seconds all see each other.
fn joins(size: usize) {
    let plans = vec![Plan::usual(); size];
    let mut cluster = Cluster::new(1, Weather::lossy(0.01), plans);
    let between = Duration::from_secs(10) / u32::try_from(size).unwrap_or(1);
    let began = cluster.now;
    for node in 0..size {
        cluster.start(node, &[0, 1, 2]);
        cluster.run_for(between);
    }
    cluster.run_until("all to see all", Duration::from_secs(120), |cluster| {
        cluster.all_see_all_alive()
    });
    let took = cluster.now.since(began);
    print(
        &format!("joined_of_{size}"),
        took.as_secs_f64(),
        "s from the first start",
    );
}

/// Who is called dead falsely when a tenth of all datagrams is lost.
fn losses(size: usize, seconds: u64) {
    let mut cluster = Cluster::joined(1, Weather::lossy(0.01), size);
    cluster.network.weather = Weather::lossy(0.1);
    let before = cluster.invariants.false_deaths;
    cluster.run_for(Duration::from_secs(seconds));
    let false_deaths = cluster.invariants.false_deaths - before;
    print(
        &format!("false_deaths_of_{size}"),
        false_deaths as f64,
        "at 10 % loss",
    );
}

/// What happens among very many that know each other.
fn warm(size: usize) {
    let plans = vec![Plan::usual(); size];
    let mut cluster = Cluster::new(1, Weather::lossy(0.01), plans);
    for node in 0..size {
        cluster.start(node, &[0, 1, 2]);
        cluster.run_for(Duration::from_millis(12));
    }
    cluster.run_until("all to see all", Duration::from_secs(300), |cluster| {
        cluster.all_see_all_alive()
    });
    cluster.run_for(Duration::from_secs(60));
    let before: u64 = cluster.nodes.iter().map(|node| node.sent.0).sum();
    cluster.run_for(Duration::from_secs(10));
    let after: u64 = cluster.nodes.iter().map(|node| node.sent.0).sum();
    let rate = (after - before) as f64 / 10.0 / size as f64;
    print(
        &format!("warm_bytes_of_{size}"),
        rate,
        "B/s a node, headers included",
    );
    flip(&mut cluster, size);
    let victim = cluster.dice.below(size);
    cluster.kill(victim);
    let others = cluster.running();
    let began = cluster.now;
    let mut most = None;
    cluster.run_until("all to know", Duration::from_secs(60), |cluster| {
        let dead = |observer: &&usize| {
            let state = cluster.state(**observer, victim);
            state == Some(MemberState::Dead)
        };
        let known = others.iter().filter(dead).count();
        if known * 100 >= others.len() * 99 {
            most.get_or_insert(cluster.now.since(began));
        }
        known == others.len()
    });
    let all = cluster.now.since(began).as_secs_f64();
    let most = most.unwrap_or_default().as_secs_f64();
    print(&format!("dead_to_99_percent_of_{size}"), most, "s");
    print(&format!("dead_to_all_of_{size}"), all, "s");
}

/// How soon what one node tells is known to all.
fn flip(cluster: &mut Cluster, size: usize) {
    let Ok(group) = Group::parse("flipped") else {
        return;
    };
    let teller = cluster.dice.below(size);
    let id = cluster.nodes[teller].id;
    let description = Description {
        static_groups: vec![group.clone()],
        ..Description::default()
    };
    cluster.describe(teller, description);
    let took = cluster.run_until("all to know", Duration::from_secs(60), |cluster| {
        (0..size).all(|observer| {
            let snapshot = cluster.snapshot(observer);
            let member = snapshot.member(id);
            member.is_some_and(|member| member.record.body.static_groups == [group.clone()])
        })
    });
    print(&format!("flip_of_{size}"), took.as_secs_f64(), "s");
}
