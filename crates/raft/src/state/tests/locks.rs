//! Locks, those who wait for them, and the sessions that hold them.

use super::*;
use crate::command::Check;
use crate::words::Voter;

const TTL_MS: u64 = 10_000;

fn open(number: u8) -> Command {
    Command::Open {
        session: session(number),
        ttl_ms: TTL_MS,
        node: Voter([number; 16]),
        name: format!("session {number}"),
    }
}

fn acquire(lock: &str, number: u8, slots: u32, wait: bool) -> Command {
    Command::Acquire {
        lock: lock.into(),
        session: session(number),
        slots,
        wait,
    }
}

fn release(lock: &str, number: u8) -> Command {
    Command::Release {
        lock: lock.into(),
        session: session(number),
    }
}

#[test]
fn a_lock_has_one_holder_and_a_line_that_keeps_its_order() {
    let mut bench = Bench::default();
    bench.all((1..=4).map(open).collect());
    let first = bench.done(acquire("l", 1, 1, true));
    assert_eq!(
        bench.one(acquire("l", 1, 1, true)),
        Answer::Held(first),
        "asked again"
    );
    assert_eq!(bench.one(acquire("l", 2, 1, true)), Answer::Waiting(0));
    assert_eq!(bench.one(acquire("l", 3, 1, true)), Answer::Waiting(1));
    assert_eq!(bench.one(acquire("l", 2, 1, true)), Answer::Waiting(0));
    assert_eq!(
        bench.refused(acquire("l", 4, 1, false)),
        "lock l is held by session 1"
    );
    let error = bench.refused(acquire("l", 4, 2, true));
    assert_eq!(
        error,
        "lock l has 1 slots as long as it is in use, ask for as many"
    );
    assert_eq!(
        bench.refused(release("l", 4)),
        "lock l is not held by this session"
    );
    bench.done(release("l", 1));
    assert_eq!(bench.holders("l"), [2]);
    bench.done(release("l", 2));
    assert_eq!(bench.holders("l"), [3]);
    let last = bench.state.lock("l").unwrap().holders[0].token;
    assert!(last > first);
    bench.done(release("l", 3));
    assert_eq!(bench.state.lock("l"), None);
    let again = bench.done(acquire("l", 1, 1, true));
    assert!(again > last, "tokens grow also when a lock was out of use");
}

#[test]
fn a_semaphore_has_as_many_holders_as_slots() {
    let mut bench = Bench::default();
    bench.all((1..=4).map(open).collect());
    for number in 1..=4 {
        bench.one(acquire("s", number, 2, true));
    }
    assert_eq!(bench.holders("s"), [1, 2]);
    bench.done(release("s", 3));
    bench.done(release("s", 1));
    assert_eq!(bench.holders("s"), [2, 4]);
    let token = bench.state.lock("s").unwrap().holders[1].token;
    let force = |token| Command::Force {
        lock: "s".into(),
        token,
    };
    bench.done(force(Some(token)));
    assert_eq!(bench.holders("s"), [2]);
    assert_eq!(
        bench.refused(force(Some(token))),
        "lock s is not held by this session"
    );
    bench.done(force(None));
    assert_eq!(bench.state.lock("s"), None);
    assert!(bench.refused(acquire("s", 1, 0, true)).contains("slots: 0"));
}

#[test]
fn a_write_that_names_a_lost_lock_is_refused() {
    let mut bench = Bench::default();
    bench.all(vec![open(1), open(2)]);
    let token = bench.done(acquire("l", 1, 1, true));
    bench.one(acquire("l", 2, 1, true));
    let held = |token| Some(Check::Held("l".into(), token));
    bench.done(Command::put("a", b"1", held(token)));
    bench.pass(TTL_MS - 1);
    bench.one(Command::Renew {
        sessions: vec![session(2)],
    });
    bench.pass(1);
    assert_eq!(
        bench.holders("l"),
        [2],
        "the session that was not renewed lost it"
    );
    let error = bench.refused(Command::put("a", b"2", held(token)));
    assert_eq!(
        error,
        "lock l is not held with token 3: it was lost or taken away"
    );
    let next = bench.state.lock("l").unwrap().holders[0].token;
    bench.done(Command::put("a", b"3", held(next)));
    assert_eq!(
        bench.refused(acquire("l", 1, 1, true)),
        format!("session {} has ended: open a new one", session(1))
    );
}

#[test]
fn a_lease_survives_an_election() {
    let mut bench = Bench::default();
    bench.all(vec![open(1)]);
    bench.done(acquire("l", 1, 1, true));
    bench.pass(TTL_MS - 1);
    bench.term = 1;
    bench.pass(1);
    assert_eq!(
        bench.holders("l"),
        [1],
        "nobody could renew without a leader"
    );
    bench.pass(TTL_MS - 1);
    assert_eq!(bench.holders("l"), [1]);
    bench.pass(1);
    assert_eq!(bench.state.lock("l"), None);
}

#[test]
fn a_session_that_ends_lets_go_of_all_it_had() {
    let mut bench = Bench::default();
    bench.all(vec![
        open(1),
        open(2),
        acquire("a", 1, 1, true),
        acquire("b", 2, 1, true),
    ]);
    bench.all(vec![acquire("b", 1, 1, true), acquire("a", 2, 1, true)]);
    let close = |number| Command::Close {
        session: session(number),
    };
    bench.done(close(1));
    assert_eq!((bench.holders("a"), bench.holders("b")), (vec![2], vec![2]));
    assert!(bench.state.lock("b").unwrap().waiters.is_empty());
    assert!(bench.refused(close(1)).contains("has ended"));
    let renewed = bench.one(Command::Renew {
        sessions: vec![session(1), session(2)],
    });
    assert_eq!(renewed, Answer::Renewed(vec![session(1)]));
    bench.done(close(2));
    assert_eq!(bench.state.locks().count(), 0);
}
