//! The rules of the cluster, each broken by the network in its own way.

use super::*;
use crate::sync::{Ask, Request};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nodes_that_join_one_see_all_and_a_death_is_known_in_seconds() {
    // The figures are medians, and the benchmark's business; this is one run.
    for (count, most) in [(3, 3_500), (30, 4_500)] {
        let mut world = World::joined(count);
        world.kill(1);
        let took = world.run_until(SECOND * 10, |world| world.all_say(1, MemberState::Dead));
        assert!(took.as_millis() < most, "{count} nodes: {took:?}");
        let dead = world.called_dead();
        assert!(dead.iter().all(|it| *it == id(2)), "{dead:?}");
        let told = world
            .changes
            .iter()
            .find_map(|(_, change)| match &change.what {
                What::State {
                    to: MemberState::Dead,
                    accuser,
                    ..
                } => *accuser,
                _ => None,
            });
        assert!(told.is_some_and(|it| it != id(2)), "{told:?}");
    }
}

#[test]
fn an_idle_cluster_costs_little() {
    let mut world = World::joined(30);
    for node in &mut world.nodes {
        node.bytes = 0;
        node.wakeups = 0;
    }
    world.run(SECOND * 60);
    let bytes = world.nodes.iter().map(|node| node.bytes).sum::<u64>() / 30 / 60;
    let wakeups = world.nodes.iter().map(|node| node.wakeups).sum::<u64>() / 30 / 60;
    assert!(bytes < 400, "{bytes} B/s");
    assert!(wakeups < 9, "{wakeups} wakeups a second");
}

#[test]
fn a_paused_node_accuses_nobody_and_is_back_at_once() {
    let mut world = World::joined(5);
    world.nodes[2].paused = true;
    world.run_until(SECOND * 10, |world| {
        world.all_say(2, MemberState::Dead) || {
            (0..5)
                .filter(|at| *at != 2)
                .all(|at| world.state(at, 2) == Some(MemberState::Dead))
        }
    });
    world.run(SECOND * 15);
    world.changes.clear();
    world.wake(2);
    world.run_until(SECOND * 5, World::all_see_all);
    world.run(SECOND * 10);
    assert_eq!(world.called_dead(), []);
    let accused: Vec<_> = world
        .changes
        .iter()
        .filter(|(at, change)| {
            *at == 2
                && matches!(
                    change.what,
                    What::State {
                        to: MemberState::Suspect,
                        ..
                    }
                )
        })
        .collect();
    assert!(accused.is_empty(), "{accused:?}");
}

#[test]
fn lost_packets_kill_nobody() {
    for loss in [0.05, 0.3] {
        let mut world = World::joined(10);
        world.loss = loss;
        world.run(SECOND * 300);
        assert_eq!(world.called_dead(), [], "at {loss}");
    }
}

#[test]
fn two_that_do_not_hear_each_other_live_by_relays() {
    let mut world = World::joined(4);
    world.cut.insert((0, 1));
    world.run(SECOND * 60);
    world.cut.insert((1, 0));
    world.run(SECOND * 60);
    assert_eq!(world.called_dead(), []);
    let order = world.order(0, Order::Ping(id(2)));
    world.run(SECOND * 5);
    match &world.done[&order] {
        Ok(Done::Pong { relay: Some(_), .. }) => {}
        other => panic!("{other:?}"),
    }
    let order = world.order(0, Order::Ping(id(3)));
    world.run(SECOND);
    assert!(matches!(
        world.done[&order],
        Ok(Done::Pong { relay: None, .. })
    ));
}

#[test]
fn one_that_hears_nothing_harms_nobody_else() {
    let mut world = World::joined(6);
    for other in 1..6 {
        world.cut.insert((other, 0));
    }
    world.run(SECOND * 60);
    let wrong = world.changes.iter().filter(|(at, change)| {
        *at != 0
            && change.id != id(1)
            && matches!(
                change.what,
                What::State {
                    to: MemberState::Dead,
                    ..
                }
            )
    });
    assert_eq!(wrong.count(), 0);
    world.cut.clear();
    world.run_until(SECOND * 60, World::all_see_all);
}

#[test]
fn a_partition_of_hours_heals_by_itself() {
    let mut world = World::joined(6);
    for left in 0..3 {
        for right in 3..6 {
            world.cut.insert((left, right));
            world.cut.insert((right, left));
        }
    }
    world.run(SECOND * 3_600);
    assert_eq!(world.state(0, 5), Some(MemberState::Dead));
    world.cut.clear();
    let took = world.run_until(SECOND * 60, World::all_see_all);
    assert!(took < SECOND * 30, "{took:?}");
    world.changes.clear();
    world.run(SECOND * 60);
    assert_eq!(world.called_dead(), []);
}

#[test]
fn a_node_that_restarts_is_back_with_and_without_what_it_kept() {
    for keeps in [true, false] {
        let mut world = World::joined(5);
        world.run(SECOND * 10);
        world.kill(3);
        world.run_until(SECOND * 10, |world| world.all_say(3, MemberState::Dead));
        if !keeps {
            world.nodes[3].kept = None;
        }
        world.start(3);
        if !keeps {
            let seeds = vec![world.nodes[3].address, world.nodes[0].address];
            world.give(3, Input::Seeds(seeds));
        }
        world.run_until(SECOND * 10, World::all_see_all);
        world.changes.clear();
        world.run(SECOND * 30);
        assert_eq!(world.called_dead(), []);
    }
}

#[test]
fn seeds_are_tried_until_somebody_is_there() {
    let mut world = World::new(2);
    world.kill(0);
    let seed = world.nodes[0].address;
    world.give(1, Input::Seeds(vec![seed]));
    world.run(SECOND * 600);
    world.start(0);
    world.run_until(SECOND * 45, World::all_see_all);
}

#[test]
fn who_leaves_has_left_until_it_starts_again() {
    let mut world = World::joined(5);
    let order = world.order(4, Order::Leave(id(5)));
    let took = world.run_until(SECOND * 3, |world| world.done.contains_key(&order));
    assert_eq!(world.done[&order], Ok(Done::Left));
    assert!(took < SECOND / 10, "{took:?}");
    world.run(SECOND * 2);
    world.kill(4);
    assert!(world.all_say(4, MemberState::Leave));
    world.run(SECOND * 120);
    assert!(world.all_say(4, MemberState::Leave));
    assert_eq!(world.called_dead(), []);
    world.start(4);
    world.run_until(SECOND * 10, World::all_see_all);
}

#[test]
fn an_operator_lets_others_leave_dead_or_alive() {
    let mut world = World::joined(4);
    let order = world.order(0, Order::Leave(id(4)));
    world.run(SECOND);
    assert_eq!(world.done[&order], Ok(Done::Left));
    assert!(world.nodes[3].core.is_none(), "its agent stops");
    assert!(world.all_say(3, MemberState::Leave));
    world.kill(2);
    world.run(SECOND * 8);
    let order = world.order(0, Order::Leave(id(3)));
    world.run(SECOND * 5);
    assert_eq!(world.done[&order], Ok(Done::Left));
    assert!(world.all_say(2, MemberState::Leave));
}

#[test]
fn where_gossip_is_open_only_a_member_lets_others_leave() {
    let mut world = World::joined(3);
    let (member, stranger) = (world.nodes[0].address, ([203, 0, 113, 9], 6_768).into());
    let (starts, zone) = (world.nodes[1].starts, world.nodes[1].zone.clone());
    let mut ask = |from: NodeId, address: SocketAddr| {
        world.number += 1;
        let call = Call(1 << 40 | world.number);
        world.asked.insert(call, (0, Call(u64::MAX)));
        let request = Request {
            from,
            zone: zone.clone(),
            ask: Ask::Leave { starts },
        };
        let peer = Peer {
            address,
            zone: None,
            retired: false,
        };
        let request = request.encode();
        world.give(
            1,
            Input::Asked {
                call,
                peer,
                request,
            },
        );
        world.run(SECOND * 5);
        world.nodes[1].core.is_none()
    };
    assert!(!ask(id(99), stranger), "nobody knows it");
    assert!(!ask(id(99), member), "nobody knows it there");
    assert!(!ask(id(1), stranger), "it says to be another");
    assert!(ask(id(1), (member.ip(), 50_000).into()), "it is a member");
}

#[test]
fn the_forgotten_stay_forgotten_until_they_start_again() {
    let mut world = World::joined(4);
    let order = world.order(0, Order::Forget(id(4)));
    assert_eq!(world.done[&order], Err(Refusal::Lives(id(4))));
    world.run(SECOND * 6);
    world.kill(3);
    world.run_until(SECOND * 10, |world| world.all_say(3, MemberState::Dead));
    // One of them is away, and comes back with what it knew.
    world.run(SECOND * 6);
    world.kill(2);
    let order = world.order(0, Order::Forget(id(4)));
    assert_eq!(world.done[&order], Ok(Done::Forgotten));
    world.run(SECOND * 5);
    assert_eq!(world.state(1, 3), None);
    world.start(2);
    world.run(SECOND * 120);
    for at in 0..3 {
        assert_eq!(world.state(at, 3), None, "at {at}");
    }
    world.start(3);
    world.run_until(SECOND * 40, World::all_see_all);
}

#[test]
fn the_dead_are_forgotten_after_the_age_that_was_set_and_by_no_clock_that_is() {
    let mut world = World::joined(4);
    world.kill(3);
    world.run_until(SECOND * 10, |world| world.all_say(3, MemberState::Dead));
    world.run(SECOND * 600);
    assert!(world.all_say(3, MemberState::Dead), "nothing was set");
    let year = 365 * 86_400_000;
    for at in 0..3 {
        world.give(at, Input::ReapAfter(Some(SECOND * 900)));
        world.nodes[at].wall_ahead = year;
    }
    world.run(SECOND * 800);
    assert!(world.all_say(3, MemberState::Dead), "the clock was set");
    world.changes.clear();
    world.run(SECOND * 130);
    for at in 0..3 {
        assert_eq!(world.state(at, 3), None, "at {at}");
        let told = world.changes.iter().filter(|(by, _)| *by == at);
        assert_eq!(told.filter(|(_, it)| it.what == What::Forgotten).count(), 1);
    }
    world.start(3);
    world.run_until(SECOND * 40, World::all_see_all);
}

#[test]
fn a_jump_of_the_wall_clock_does_nothing() {
    let mut world = World::joined(4);
    world.nodes[1].wall_ahead = 365 * 86_400_000;
    world.run(SECOND * 30);
    world.nodes[1].wall_ahead = 0;
    world.run(SECOND * 30);
    assert!(world.all_see_all());
    let changed = world
        .changes
        .iter()
        .filter(|(_, it)| matches!(it.what, What::State { .. }));
    assert_eq!(changed.count(), 0);
}

#[test]
fn joining_is_refused_with_the_reason() {
    let mut world = World::joined(2);
    let stranger = world.add();
    world.nodes[stranger].key = Some(1);
    world.start(stranger);
    let seed = world.nodes[0].address;
    let order = world.order(stranger, Order::Join(seed));
    world.run(SECOND);
    assert!(matches!(
        world.done[&order],
        Err(Refusal::NotAsked {
            error: CallError::NoCommonKey,
            ..
        })
    ));
    // Its answers to knocks are lost: it cannot be reached.
    let deaf = world.add();
    world.cut.insert((0, deaf));
    let asks_others = world.nodes[0].address;
    world.cut.remove(&(0, deaf));
    world.loss = 1.0;
    let order = world.order(deaf, Order::Join(asks_others));
    world.run(SECOND * 4);
    let advertised = world.nodes[deaf].address;
    assert_eq!(
        world.done[&order],
        Err(Refusal::NotReached {
            address: asks_others,
            advertised
        })
    );
    world.loss = 0.0;
    let own = world.nodes[deaf].address;
    let order = world.order(deaf, Order::Join(own));
    assert_eq!(world.done[&order], Err(Refusal::Myself(own)));
    for _ in 0..2 {
        let order = world.order(deaf, Order::Join(seed));
        world.run(SECOND * 2);
        assert_eq!(world.done[&order], Ok(Done::Joined(id(1))));
    }
}

#[test]
fn a_cloned_machine_is_reported_and_does_not_flap() {
    let mut world = World::joined(4);
    let clone = world.add();
    world.kill(clone);
    world.nodes[clone].id = id(2);
    world.nodes[clone].starts = 0;
    world.nodes[clone].kept = world.nodes[1].kept.clone();
    world.start(clone);
    let seed = world.nodes[0].address;
    world.order(clone, Order::Join(seed));
    world.run(SECOND * 60);
    let conflicts = world.snapshot(0).figures.conflicts.clone();
    assert!(
        conflicts.iter().any(|it| it.contains(&id(2).to_string())),
        "{conflicts:?}"
    );
    assert!(world.changes.len() < 40, "{}", world.changes.len());
}

#[test]
fn events_reach_all_and_those_who_come_later() {
    let mut world = World::joined(3);
    let kind = "deployed".to_owned();
    let payload = b"4.2".to_vec();
    let order = world.order(0, Order::AddEvent { kind, payload });
    assert!(matches!(world.done[&order], Ok(Done::EventAdded(_))));
    world.run(SECOND * 2);
    assert_eq!(world.snapshot(2).events.len(), 1);
    let late = world.add();
    let seed = world.nodes[1].address;
    world.order(late, Order::Join(seed));
    world.run(SECOND * 3);
    assert_eq!(world.snapshot(late).events.len(), 1);
    world.run(SECOND * 300);
    assert_eq!(world.snapshot(2).events.len(), 0);
}

#[test]
fn a_hundred_that_start_at_once_see_all_and_one_more_is_seen_by_all() {
    let mut world = World::new(100);
    let seed = world.nodes[0].address;
    for at in 0..100 {
        world.give(at, Input::Seeds(vec![seed]));
    }
    let took = world.run_until(SECOND * 30, World::all_see_all);
    println!("cold start of 100: {took:?}");
    assert!(took < SECOND * 5, "{took:?}");
    world.run(SECOND * 20);
    for node in &mut world.nodes {
        node.bytes = 0;
        node.wakeups = 0;
    }
    world.run(SECOND * 20);
    let bytes = world.nodes.iter().map(|node| node.bytes).sum::<u64>() / 100 / 20;
    let wakeups = world.nodes.iter().map(|node| node.wakeups).sum::<u64>() / 100 / 20;
    println!("idle: {bytes} B/s, {wakeups} wakeups/s");
    assert!(bytes < 400, "{bytes} B/s");
    let late = world.add();
    world.order(late, Order::Join(seed));
    let took = world.run_until(SECOND * 10, |world| world.all_say(late, MemberState::Alive));
    println!("one more: {took:?}");
    assert!(took < SECOND * 2, "{took:?}");
    world.run(SECOND * 5);
    world.changes.clear();
    world.kill(50);
    let took = world.run_until(SECOND * 20, |world| world.all_say(50, MemberState::Dead));
    println!("death: {took:?}");
    assert!(took < SECOND * 5, "{took:?}");
    assert!(world.called_dead().iter().all(|it| *it == id(51)));
}

#[test]
fn a_key_is_changed_while_all_go_on() {
    let mut world = World::joined(4);
    let key = Key::from_bytes(&[33; 32]).unwrap();
    let print = key.fingerprint();
    let old = Key::from_bytes(&[9; 32]).unwrap().fingerprint();
    let orders = [
        crate::KeyOrder::Add(key),
        crate::KeyOrder::Use {
            key: print,
            force: false,
        },
        crate::KeyOrder::Remove {
            key: old,
            force: false,
        },
    ];
    for order in orders {
        let order = world.order(0, Order::Keys(zone(), order));
        assert!(
            matches!(world.done[&order], Ok(Done::KeysChanged(_))),
            "{:?}",
            world.done[&order]
        );
        world.run_until(SECOND * 30, |world| {
            (0..4).all(|at| {
                world
                    .snapshot(at)
                    .keys
                    .iter()
                    .all(|it| it.behind.is_empty())
            })
        });
    }
    for at in 0..4 {
        let snapshot = world.snapshot(at);
        let seals = snapshot.keys[0]
            .keys
            .iter()
            .find(|(_, it)| *it == Use::Seals);
        assert_eq!(seals.map(|it| it.0), Some(print));
    }
    world.run(SECOND * 30);
    assert_eq!(world.called_dead(), []);
}
