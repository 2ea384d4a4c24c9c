//! `kill -9` at any moment: whatever was acknowledged is there, and everything opens.

use std::time::Instant;

use crate::writer::{Acknowledged, Mode, Writer};
use crate::{Random, rounds, say};

/// Rounds on one directory: a crash after a crash after a crash.
const ROUNDS_ON_ONE: u32 = 10;

#[test]
fn a_writer_killed_at_any_moment_loses_nothing_that_was_acknowledged() {
    let mut random = Random::from_environment();
    let started = Instant::now();
    let rounds = rounds(60, 200);
    let mut count = 0;
    let mut dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..rounds {
        if round % ROUNDS_ON_ONE == 0 {
            count += acknowledged.len();
            dir = tempfile::tempdir().unwrap();
            acknowledged = Acknowledged::default();
        }
        let mut writer = Writer::start(dir.path(), random.next(), Mode::Store);
        writer.wait_for(random.below(500));
        // The moment shall not depend on what was printed last.
        for _ in 0..random.below(200_000) {
            std::hint::spin_loop();
        }
        acknowledged.take_in(&writer.kill());
        acknowledged.verify(dir.path(), &format!("round {round}"));
    }
    count += acknowledged.len();
    let took = started.elapsed();
    say(&format!(
        "kill: {rounds} rounds, {count} acknowledged, {took:.1?}"
    ));
}
