//! What strangers send at full speed: nothing panics, grows or changes, and all of it is counted.
//!
//! `SLOW_TESTS=1` sends a million packets of each kind.

use std::time::Duration;

use gossip::Input;
use tests::sim::{Cluster, Dice, Weather};

/// How many packets of each kind are sent.
fn rounds() -> u64 {
    match std::env::var_os("SLOW_TESTS") {
        Some(_) => 1_000_000,
        None => 20_000,
    }
}

fn junk(dice: &mut Dice) -> Vec<u8> {
    let length = dice.below(1_400);
    let mut bytes: Vec<u8> = (0..length).map(|_| dice.number() as u8).collect();
    // Some look like datagrams of this protocol.
    if dice.happens(0.5)
        && let Some(first) = bytes.first_mut()
    {
        *first = 1;
    }
    bytes
}

fn broken(dice: &mut Dice, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    if dice.happens(0.5) {
        bytes.truncate(dice.below(bytes.len()));
    } else {
        let bit = dice.below(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    bytes
}

fn dropped(cluster: &Cluster) -> u64 {
    let snapshot = cluster.snapshot(0);
    snapshot
        .figures
        .dropped
        .iter()
        .map(|(_, count)| count)
        .sum()
}

#[test]
fn junk_and_broken_packets_at_full_speed_change_nothing() {
    let mut cluster = Cluster::joined(1, Weather::fine(), 5);
    cluster.run_for(Duration::from_secs(10));
    cluster.tap = Some(Vec::new());
    cluster.run_for(Duration::from_secs(10));
    let real = cluster.tap.take().unwrap();
    assert!(real.len() > 50, "{} packets", real.len());
    cluster.expect_no_deaths();
    let before = (dropped(&cluster), cluster.held(0));
    let mut dice = Dice::new(7);
    let rounds = rounds();
    for round in 0..rounds {
        let known = &real[dice.below(real.len())];
        for packet in [junk(&mut dice), broken(&mut dice, known)] {
            // Some of it says to come from where a member is.
            let from = cluster.nodes[dice.below(5)].address;
            cluster.give(0, Input::Datagram { from, packet });
        }
        if round % 100 == 0 {
            cluster.run_for(Duration::from_millis(1));
        }
    }
    let after = (dropped(&cluster), cluster.held(0));
    assert_eq!(after.0 - before.0, 2 * rounds, "not all of it was counted");
    let (was, is) = (before.1, after.1);
    assert_eq!((is.members, is.senders), (was.members, was.senders));
    assert!(is.subkeys <= was.subkeys + 5, "{is:?}");
    assert!(is.backlog <= was.backlog + 16, "{is:?}");
    cluster.run_for(Duration::from_secs(30));
    assert!(cluster.all_see_all_alive());
    cluster.check();
}
