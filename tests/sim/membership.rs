//! Joining, leaving, forgetting, and coming together again.

use std::time::Duration;

use gossip::{Description, Done, Order, Refusal};
use model::{Group, MemberState};
use tests::sim::{Cluster, Plan, Weather, each, each_of, large};

fn all_join_at_once(seed: u64, size: usize, limit: Duration) {
    let mut cluster = Cluster::new(seed, Weather::lossy(0.01), vec![Plan::usual(); size]);
    for node in 0..size {
        cluster.start(node, &[0, 1, 2]);
    }
    cluster.run_until("all to see all", limit, |cluster| {
        cluster.all_see_all_alive()
    });
    cluster.check();
}

#[test]
fn nodes_that_start_at_once_see_each_other_soon() {
    each("join of 3", |seed| {
        all_join_at_once(seed, 3, Duration::from_secs(5));
    });
    each("join of 50", |seed| {
        all_join_at_once(seed, 50, Duration::from_secs(10));
    });
}

#[test]
fn five_hundred_nodes_that_start_at_once_see_each_other_soon() {
    each_of(2, "join of 500", |seed| {
        all_join_at_once(seed, 500, Duration::from_secs(20));
    });
}

#[test]
fn five_thousand_nodes_that_start_within_a_minute_see_each_other() {
    if !large() {
        return;
    }
    each_of(1, "join of 5 000", |seed| {
        let mut cluster = Cluster::warm(seed, Weather::lossy(0.01), 5_000);
        cluster.check();
    });
}

#[test]
fn a_node_that_joins_by_order_is_told_who_it_joined() {
    each("order", |seed| {
        let plans = vec![Plan::usual(); 2];
        let mut cluster = Cluster::new(seed, Weather::fine(), plans);
        cluster.start(0, &[]);
        cluster.start(1, &[]);
        let address = cluster.nodes[0].address;
        let order = cluster.order(1, Order::Join(address));
        cluster.run_until("the answer", Duration::from_secs(5), |cluster| {
            cluster.outcome(order).is_some()
        });
        let first = cluster.nodes[0].id;
        assert_eq!(cluster.outcome(order), Some(&Ok(Done::Joined(first))));
        cluster.run_until("both to see both", Duration::from_secs(5), |cluster| {
            cluster.all_see_all_alive()
        });
        let again = cluster.order(1, Order::Join(address));
        cluster.run_until("the second answer", Duration::from_secs(5), |cluster| {
            cluster.outcome(again).is_some()
        });
        assert_eq!(cluster.outcome(again), Some(&Ok(Done::Joined(first))));
    });
}

#[test]
fn who_left_stays_left_until_it_starts_again() {
    each("leave", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.02), 10);
        let id = cluster.nodes[4].id;
        let order = cluster.order(4, Order::Leave(id));
        cluster.run_until("it to have left", Duration::from_secs(5), |cluster| {
            cluster.outcome(order).is_some()
        });
        cluster.kill(4);
        let others = cluster.running();
        let left = |cluster: &mut Cluster| {
            others
                .iter()
                .all(|node| cluster.state(*node, 4) == Some(MemberState::Leave))
        };
        cluster.run_until("all to know", Duration::from_secs(10), left);
        cluster.run_for(Duration::from_secs(120));
        assert!(left(&mut cluster), "who left changed its state");
        cluster.start(4, &[0]);
        cluster.run_until("it to be back", Duration::from_secs(10), |cluster| {
            cluster.all_see_all_alive()
        });
    });
}

#[test]
fn a_farewell_is_heard_although_its_packets_are_lost() {
    each("farewell", |seed| {
        let size = 2 + usize::try_from(seed % 7).unwrap();
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.05), size);
        cluster.weather(Weather::lossy(0.3));
        let id = cluster.nodes[1].id;
        let order = cluster.order(1, Order::Leave(id));
        cluster.run_until("it to have left", Duration::from_secs(3), |cluster| {
            cluster.outcome(order).is_some()
        });
        cluster.kill(1);
        cluster.run_for(Duration::from_secs(20));
        for node in cluster.running() {
            let state = cluster.state(node, 1);
            assert_eq!(state, Some(MemberState::Leave), "node {node} of {size}");
        }
    });
}

#[test]
fn who_hears_a_farewell_alone_knows_it_after_a_crash_too() {
    each("witness", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.02), 3);
        cluster.kill(0);
        cluster.run_for(Duration::from_secs(10));
        let id = cluster.nodes[1].id;
        let order = cluster.order(1, Order::Leave(id));
        cluster.run_until("it to have left", Duration::from_secs(3), |cluster| {
            cluster.outcome(order).is_some()
        });
        cluster.kill(1);
        // No longer than a disk takes.
        cluster.run_for(Duration::from_millis(300));
        cluster.kill(2);
        cluster.start(2, &[]);
        cluster.start(0, &[]);
        // The other was dead meanwhile: it learns so from the first that it meets.
        cluster.run_for(Duration::from_secs(9));
        for _ in 0..10 {
            for node in [0, 2] {
                let state = cluster.state(node, 1);
                assert_eq!(state, Some(MemberState::Leave), "node {node}");
            }
            cluster.run_for(Duration::from_secs(2));
        }
    });
}

#[test]
fn who_was_told_that_it_joined_finds_the_others_after_a_crash() {
    each("crash after the join", |seed| {
        let plans = vec![Plan::usual(); 4];
        let mut cluster = Cluster::new(seed, Weather::lossy(0.02), plans);
        for node in 0..4 {
            cluster.start(node, &[]);
        }
        let address = cluster.nodes[0].address;
        for node in 1..4 {
            let order = cluster.order(node, Order::Join(address));
            while !matches!(cluster.outcome(order), Some(Ok(Done::Joined(_)))) {
                cluster.run_for(Duration::from_millis(1));
                assert!(!matches!(cluster.outcome(order), Some(Err(_))), "refused");
            }
            let pause = cluster.dice.between(Duration::ZERO, Duration::from_secs(1));
            cluster.run_for(pause);
            cluster.kill(node);
        }
        for node in 1..4 {
            cluster.start(node, &[]);
        }
        cluster.run_until("all to see all", Duration::from_secs(40), |cluster| {
            cluster.all_see_all_alive()
        });
    });
}

#[test]
fn who_was_forgotten_is_not_heard_of_again() {
    each("forget", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.02), 10);
        // This one sleeps through it all, and wakes with old rumours.
        cluster.kill(9);
        cluster.kill(3);
        cluster.run_for(Duration::from_secs(15));
        let id = cluster.nodes[3].id;
        let order = cluster.order(0, Order::Forget(id));
        cluster.run_for(Duration::from_secs(15));
        assert_eq!(cluster.outcome(order), Some(&Ok(Done::Forgotten)));
        let starts = cluster.nodes[3].starts;
        cluster.invariants.forgotten(id, starts);
        cluster.check();
        cluster.start(9, &[]);
        cluster.run_for(Duration::from_secs(60));
        cluster.check();
        for node in cluster.running() {
            assert_eq!(cluster.state(node, 3), None, "node {node} knows it");
        }
        cluster.start(3, &[0]);
        cluster.run_until(
            "a new life to be seen",
            Duration::from_secs(20),
            |cluster| cluster.all_see_all_alive(),
        );
        cluster.check();
    });
}

#[test]
fn the_parts_of_a_cluster_come_together_after_any_time() {
    each("partition", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), 12);
        let time = [30, 300, 7_200][cluster.dice.below(3)];
        let some: Vec<_> = (0..12).filter(|node| node % 3 == 0).collect();
        cluster.part(&some);
        cluster.run_for(Duration::from_secs(time));
        assert_eq!(cluster.state(0, 1), Some(MemberState::Dead));
        cluster.mend();
        cluster.run_until("the parts to meet", Duration::from_secs(60), |cluster| {
            cluster.all_see_all_alive()
        });
        cluster.check();
    });
}

#[test]
fn the_parts_of_a_cluster_of_hundreds_come_together_soon() {
    each_of(1, "large partition", |seed| {
        let size = 500;
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), size);
        let some: Vec<_> = (0..size).filter(|node| node % 3 == 0).collect();
        cluster.part(&some);
        let time = Duration::from_secs(30);
        let time = cluster.dice.between(time, 2 * time);
        cluster.run_for(time);
        assert_eq!(cluster.state(0, 1), Some(MemberState::Dead));
        cluster.mend();
        cluster.run_until("the parts to meet", Duration::from_secs(25), |cluster| {
            cluster.all_see_all_alive()
        });
        cluster.check();
    });
}

#[test]
fn all_nodes_that_were_stopped_and_started_find_each_other_without_seeds() {
    each("power cut", |seed| {
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), 8);
        cluster.run_for(Duration::from_secs(20));
        for node in 0..8 {
            cluster.kill(node);
        }
        cluster.run_for(Duration::from_secs(10));
        for node in 0..8 {
            cluster.start(node, &[]);
        }
        cluster.run_until("all to be back", Duration::from_secs(60), |cluster| {
            cluster.all_see_all_alive()
        });
    });
}

#[test]
fn what_a_node_tells_is_known_everywhere_within_5_seconds() {
    each("flip", |seed| {
        let size = 50;
        let mut cluster = Cluster::joined(seed, Weather::lossy(0.01), size);
        cluster.run_for(Duration::from_secs(10));
        let group = Group::parse("web").unwrap();
        let description = Description {
            static_groups: vec![group.clone()],
            ..Description::default()
        };
        let teller = cluster.dice.below(size);
        let id = cluster.nodes[teller].id;
        cluster.describe(teller, description);
        cluster.run_until("all to know", Duration::from_secs(5), |cluster| {
            (0..size).all(|observer| {
                let core = cluster.nodes[observer].core.as_ref().unwrap();
                core.record(id).unwrap().body.static_groups == [group.clone()]
            })
        });
    });
}

#[test]
fn nodes_of_several_protocols_live_together_and_strange_ones_are_told_why_not() {
    each("protocols", |seed| {
        let plan = |protocol| Plan {
            protocol,
            ..Plan::usual()
        };
        let plans = [(1, 1), (2, 1), (1, 1), (3, 1), (2, 1)].map(plan).to_vec();
        let mut cluster = Cluster::joined_as(seed, Weather::lossy(0.01), plans);
        cluster.expect_no_deaths();
        let stranger = cluster.add(plan((9, 5)));
        cluster.start(stranger, &[]);
        let address = cluster.nodes[0].address;
        let order = cluster.order(stranger, Order::Join(address));
        cluster.run_for(Duration::from_secs(30));
        let outcome = cluster.outcome(order);
        assert!(
            matches!(outcome, Some(Err(Refusal::Protocol { .. }))),
            "{outcome:?}"
        );
        for node in 0..5 {
            let alive = (0..5).filter(|other| cluster.sight.sees(node, *other));
            assert_eq!(alive.count(), 5);
            assert!(!cluster.sight.sees(node, stranger));
        }
    });
}

#[test]
fn who_starts_before_its_seeds_joins_soon_after_they_do() {
    let mut cluster = Cluster::new(9, Weather::fine(), vec![Plan::usual(); 10]);
    for node in 1..10 {
        cluster.start(node, &[0]);
    }
    cluster.run_for(Duration::from_secs(3));
    cluster.start(0, &[]);
    let limit = Duration::from_millis(1_500);
    cluster.run_until("all to see all", limit, Cluster::all_see_all_alive);
}
