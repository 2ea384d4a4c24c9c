//! Everything at once, as the seed decides; then quiet, and all must agree.

use std::time::Duration;

use tests::sim::{Cluster, Weather, each, large};

fn chaos(seed: u64, size: usize, acts: usize) {
    let mut cluster = Cluster::joined(seed, Weather::lossy(0.02), size);
    for _ in 0..acts {
        act(&mut cluster, size);
        let pause = cluster
            .dice
            .between(Duration::from_millis(100), Duration::from_secs(12));
        cluster.run_for(pause);
        cluster.check();
    }
    cluster.network.mend();
    cluster.network.weather = Weather::lossy(0.01);
    let calm = cluster.now + Duration::from_secs(90);
    cluster.invariants.parted(calm);
    for node in 0..size {
        if !cluster.nodes[node].runs() {
            cluster.start(node, &[]);
        }
    }
    cluster.run_until("all to agree", Duration::from_secs(90), |cluster| {
        cluster.all_see_all_alive() && cluster.all_agree()
    });
    cluster.check();
}

/// One thing that goes wrong.
fn act(cluster: &mut Cluster, size: usize) {
    let (one, other) = (cluster.dice.below(size), cluster.dice.below(size));
    let now = cluster.now;
    match cluster.dice.below(9) {
        0 => cluster.kill(one),
        1 if !cluster.nodes[one].runs() => cluster.start(one, &[]),
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
        4 => {
            cluster.network.cut(one, other);
            cluster
                .invariants
                .disturbed(one, now + Duration::from_secs(600));
            cluster
                .invariants
                .disturbed(other, now + Duration::from_secs(600));
        }
        5 => {
            let some: Vec<_> = (0..size).filter(|_| cluster.dice.happens(0.3)).collect();
            cluster.network.part(&some, 1);
            cluster.invariants.parted(now + Duration::from_secs(600));
        }
        6 => {
            cluster.network.mend();
            cluster.invariants.parted(now + Duration::from_secs(60));
        }
        7 => cluster.nodes[one].wall_ahead = [0, 7_200_000, -7_200_000][other % 3],
        _ => cluster.network.weather = Weather::lossy([0.0, 0.05, 0.2, 0.4][other % 4]),
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
    if large() {
        each("chaos among 500", |seed| chaos(seed, 500, 4));
    }
}
