//! Who is called dead, how soon, and that nobody is who lives.

use std::time::Duration;

use model::MemberState;
use tests::sim::{Cluster, Plan, Weather, each, each_of, large};

/// How soon every node knows of a death, by the size of the cluster and the loss.
fn known_within(size: usize) -> Duration {
    match size {
        0..=50 => Duration::from_secs(8),
        51..=500 => Duration::from_secs(12),
        _ => Duration::from_secs(15),
    }
}

fn a_death_is_known_everywhere(seed: u64, size: usize, loss: f64) {
    let mut cluster = match size {
        0..=500 => Cluster::joined(seed, Weather::lossy(loss), size),
        _ => Cluster::warm(seed, Weather::lossy(loss), size),
    };
    cluster.run_for(Duration::from_secs(5));
    let victim = cluster.dice.below(size);
    cluster.kill(victim);
    let running = cluster.running();
    cluster.run_until("all to know the death", known_within(size), |cluster| {
        running
            .iter()
            .all(|observer| cluster.state(*observer, victim) == Some(MemberState::Dead))
    });
    cluster.start(victim, &[usize::from(victim == 0)]);
    cluster.run_until(
        "all to know the return",
        Duration::from_secs(20),
        |cluster| cluster.all_see_all_alive(),
    );
    cluster.check();
}

#[test]
fn a_death_is_known_everywhere_among_3() {
    each("death among 3", |seed| {
        a_death_is_known_everywhere(seed, 3, 0.02);
    });
}

#[test]
fn a_death_is_known_everywhere_among_50() {
    each("death among 50", |seed| {
        a_death_is_known_everywhere(seed, 50, 0.02);
    });
}

#[test]
fn a_death_is_known_everywhere_among_500() {
    each_of(2, "death among 500", |seed| {
        a_death_is_known_everywhere(seed, 500, 0.01);
    });
}

#[test]
fn a_death_is_known_everywhere_among_5000() {
    if large() {
        each_of(1, "death among 5 000", |seed| {
            a_death_is_known_everywhere(seed, 5_000, 0.01);
        });
    }
}

#[test]
fn each_of_several_deaths_in_a_row_among_3_is_known_as_soon() {
    each("deaths in a row", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::fine(), 3);
        let mut victim = 2;
        for _ in 0..4 {
            cluster.run_for(Duration::from_secs(2));
            cluster.kill(victim);
            // Three rounds until it is probed, one to see that it is silent, its time, and gossip.
            let limit = Duration::from_millis(4_400);
            cluster.run_until("both to know the death", limit, |cluster| {
                let dead = Some(MemberState::Dead);
                (0..2).all(|observer| cluster.state(observer, victim) == dead)
            });
            victim = cluster.add(Plan::usual());
            cluster.start(victim, &[0]);
            cluster.run_until("all to see it", Duration::from_secs(10), |cluster| {
                cluster.all_see_all_alive()
            });
        }
        cluster.check();
    });
}

#[test]
fn nobody_who_lives_is_called_dead_in_a_lossy_network() {
    each("loss", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.05), 30);
        cluster.expect_no_deaths();
        cluster.run_for(Duration::from_secs(120));
        cluster.check();
    });
}

#[test]
fn nobody_who_lives_is_called_dead_for_a_refutation_that_was_lost() {
    each("loss of refutations", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.1), 30);
        cluster.expect_no_deaths();
        cluster.run_for(Duration::from_secs(120));
        cluster.check();
    });
}

#[test]
fn a_node_that_slept_accuses_nobody_and_comes_back() {
    each("sleep", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), 20);
        let sleeper = cluster.dice.below(20);
        cluster.pause(sleeper, Duration::from_secs(20));
        cluster.run_for(Duration::from_secs(18));
        let others: Vec<_> = (0..20).filter(|node| *node != sleeper).collect();
        for observer in &others {
            assert_eq!(cluster.state(*observer, sleeper), Some(MemberState::Dead));
        }
        cluster.run_for(Duration::from_millis(2_500));
        for node in &others {
            let state = cluster.state(sleeper, *node);
            assert_eq!(
                state,
                Some(MemberState::Alive),
                "the sleeper woke and accused {node}"
            );
        }
        cluster.run_until(
            "the sleeper to be back",
            Duration::from_secs(20),
            |cluster| cluster.all_see_all_alive(),
        );
        cluster.check();
    });
}

#[test]
fn a_link_that_is_cut_one_way_kills_nobody() {
    each("one way", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), 10);
        cluster.expect_no_deaths();
        let (from, to) = (cluster.dice.below(10), cluster.dice.below(10));
        cluster.cut(from, to);
        cluster.run_for(Duration::from_secs(60));
        cluster.check();
    });
}

#[test]
fn three_nodes_of_which_two_lost_their_link_all_live() {
    each("duo6", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::fine(), 3);
        cluster.cut(0, 2);
        cluster.cut(2, 0);
        cluster.expect_no_deaths();
        cluster.run_for(Duration::from_secs(60));
        assert!(cluster.all_see_all_alive());
    });
}

#[test]
fn wall_clocks_that_jump_kill_nobody() {
    each("clocks", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), 10);
        cluster.expect_no_deaths();
        for jump in [3_600_000, -86_400_000, 31_536_000_000] {
            let node = cluster.dice.below(10);
            cluster.nodes[node].wall_ahead = jump;
            cluster.run_for(Duration::from_secs(15));
        }
        cluster.check();
    });
}
