//! What a cluster does on a virtual clock: `cargo xtask bench gossip` prints one line
//! `name value unit` a figure. Without `--bench`, as under `cargo test`, it runs small and its
//! figures mean nothing. `SIM_SEED=N` has the losses fall otherwise.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "that is what it is for"
)]

use std::time::Duration;

use gossip::Description;
use model::{Group, MemberState};
use tests::sim::{Cluster, Plan, Weather, large, seed_or};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let full = arguments.iter().any(|argument| argument == "--bench");
    let names: Vec<_> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|it| *it == name);
    let largest = if large() { 5_000 } else { 2_000 };
    let (some, many, most) = if full {
        (100, 1_000, largest)
    } else {
        (3, 6, 10)
    };
    if wanted("idle") {
        idle(some);
    }
    if wanted("deaths") {
        deaths(3);
        deaths(some.min(30));
        deaths(some);
    }
    if wanted("joins") {
        joins(some, Duration::ZERO);
        joins(many, Duration::from_secs(10));
    }
    if wanted("losses") {
        losses(many, if full { 600 } else { 30 });
    }
    if wanted("warm") {
        warm(most);
    }
}

fn print(name: &str, value: f64, unit: &str) {
    println!("sim.{name} {value:.2} {unit}");
}

/// What a node sends while nothing happens.
fn idle(size: usize) {
    let mut cluster = Cluster::joined(1, Weather::fine(), size);
    cluster.run_for(Duration::from_secs(60));
    let before: u64 = cluster.nodes.iter().map(|node| node.sent.0).sum();
    let (cpu, minutes) = (cpu_ticks(), 10);
    cluster.run_for(Duration::from_secs(60 * minutes));
    let after: u64 = cluster.nodes.iter().map(|node| node.sent.0).sum();
    let seconds = (60 * minutes) as f64 * size as f64;
    print(
        &format!("idle_bytes_of_{size}"),
        (after - before) as f64 / seconds,
        "B/s a node, headers included",
    );
    // A tick is a hundredth of a second: what the network of the simulation costs is in it.
    let busy = (cpu_ticks() - cpu) as f64 / 100.0 / seconds;
    print(
        &format!("idle_core_of_{size}"),
        busy * 100.0,
        "% of a core a node, the network included",
    );
}

/// Gives how long this process has computed.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
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

/// How soon nodes that join within some time all see each other.
fn joins(size: usize, within: Duration) {
    let plans = vec![Plan::usual(); size];
    let mut cluster = Cluster::new(1, Weather::lossy(0.01), plans);
    let between = within / u32::try_from(size).unwrap_or(1);
    let began = cluster.now;
    for node in 0..size {
        cluster.start(node, &[0, 1, 2]);
        if !between.is_zero() {
            cluster.run_for(between);
        }
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
    let mut times = Vec::new();
    for _ in 0..9 {
        cluster.run_for(Duration::from_secs(5));
        let late = cluster.add(Plan::usual());
        cluster.start(late, &[0, 1, 2]);
        let all = cluster.running().len();
        let limit = Duration::from_secs(60);
        times.push(cluster.run_until("all to see one more", limit, |cluster| {
            cluster.sight.observers_of(late) == all
        }));
    }
    times.sort_unstable();
    print(
        &format!("one_more_of_{size}"),
        times[4].as_secs_f64(),
        "s median",
    );
}

/// Who is called dead falsely when a tenth of all datagrams is lost.
fn losses(size: usize, seconds: u64) {
    let mut cluster = Cluster::warm(seed_or(1), Weather::lossy(0.01), size);
    cluster.weather(Weather::lossy(0.1));
    let before = cluster.invariants.false_deaths;
    let (cpu, sent) = (cpu_ticks(), packets(&cluster));
    for minute in 1..=seconds.div_ceil(60) {
        cluster.run_for(Duration::from_secs(60.min(seconds)));
        // It takes minutes of the real clock: who waits for it sees that it goes on.
        let took = (cpu_ticks() - cpu) as f64 / 100.0;
        let sent = packets(&cluster) - sent;
        eprintln!("losses: minute {minute}, {took:.0} s of CPU, {sent} packets");
    }
    let false_deaths = cluster.invariants.false_deaths - before;
    print(
        &format!("false_deaths_of_{size}"),
        false_deaths as f64,
        "at 10 % loss",
    );
}

/// Counts what all nodes sent so far.
fn packets(cluster: &Cluster) -> u64 {
    cluster.nodes.iter().map(|node| node.sent.1).sum()
}

/// What happens among very many that know each other.
fn warm(size: usize) {
    let mut cluster = Cluster::warm(1, Weather::lossy(0.01), size);
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
            let core = cluster.nodes[observer].core.as_ref();
            let record = core.and_then(|core| core.record(id));
            record.is_some_and(|record| record.body.static_groups == [group.clone()])
        })
    });
    print(&format!("flip_of_{size}"), took.as_secs_f64(), "s");
}
