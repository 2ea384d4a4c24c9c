//! The rules of keys, locks and sessions, and that a snapshot is the state.

use std::collections::{BTreeMap, BTreeSet};

use model::limits::{
    KV_EVENTS_MAX, KV_KEY_BYTES_MAX, KV_PAST_BYTES_MAX, KV_PAST_ENTRIES_MAX, KV_PAST_MAX,
    KV_TRANSACTION_WRITES_MAX, KV_VALUE_BYTES_MAX,
};
use proptest::prelude::*;

use super::*;
use crate::answer::Refusal;
use crate::command::{Check, Command, Write};
use crate::event::What;
use crate::words::{Value, Voter};

const TTL_MS: u64 = 10_000;

fn session(number: u8) -> SessionId {
    SessionId([number; 16])
}

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

fn put_for(key: &str, ttl_ms: u64) -> Command {
    Command::Transact {
        checks: vec![],
        writes: vec![Write::Put {
            key: key.into(),
            value: Value::new(b"v"),
            ttl_ms: Some(ttl_ms),
        }],
    }
}

/// A state with a clock of its own.
#[derive(Default)]
struct Bench {
    state: State,
    term: u64,
    clock: u64,
}

impl Bench {
    fn all(&mut self, commands: Vec<Command>) -> Vec<Answer> {
        let batch = Batch {
            clock: Clock(self.clock),
            wall: 1_000_000 + self.clock,
            commands,
        };
        self.state.apply(self.term, &batch)
    }

    fn one(&mut self, command: Command) -> Answer {
        self.all(vec![command]).remove(0)
    }

    fn done(&mut self, command: Command) -> Revision {
        match self.one(command) {
            Answer::Done(revision) | Answer::Held(revision) => revision,
            other => panic!("not done: {other:?}"),
        }
    }

    fn refused(&mut self, command: Command) -> String {
        let before: Vec<Item> = self.state.items().collect();
        let Answer::Refused(refusal) = self.one(command) else {
            panic!("it was not refused");
        };
        let after: Vec<Item> = self.state.items().collect();
        assert_eq!(before[1..], after[1..], "what was refused changed nothing");
        refusal.to_string()
    }

    fn pass(&mut self, millis: u64) {
        self.clock += millis;
        self.all(vec![]);
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.state.get(key).map(|cell| cell.value)
    }

    fn holders(&self, lock: &str) -> Vec<u8> {
        let holders = self.state.lock(lock).map(|lock| lock.holders.as_slice());
        let holders = holders.unwrap_or_default();
        holders.iter().map(|hold| hold.session.0[0]).collect()
    }
}

#[test]
fn a_key_is_written_compared_and_deleted() {
    let mut bench = Bench::default();
    let absent = Check::Revision("a".into(), Revision::NONE);
    let first = bench.done(Command::put("a", b"1", Some(absent.clone())));
    assert_eq!(
        (first, bench.value("a").as_deref()),
        (Revision(1), Some(&b"1"[..]))
    );
    let error = bench.refused(Command::put("a", b"2", Some(absent)));
    assert_eq!(error, "key a is at revision 1");
    let at = |revision| Some(Check::Revision("a".into(), Revision(revision)));
    assert_eq!(bench.done(Command::put("a", b"2", at(1))), Revision(2));
    let error = bench.refused(Command::delete("a", at(1)));
    assert_eq!(error, "key a is at revision 2");
    bench.done(Command::delete("a", at(2)));
    assert_eq!(bench.value("a").as_deref(), None);
    let revision = bench.state.revision();
    assert_eq!(
        bench.done(Command::delete("a", None)),
        revision,
        "to delete what is absent is no change"
    );
    let error = bench.refused(Command::put("a", b"3", at(2)));
    assert_eq!(error, "key a does not exist");
}

#[test]
fn a_transaction_is_made_as_a_whole_or_not_at_all() {
    let mut bench = Bench::default();
    bench.done(Command::put("a", b"1", None));
    let put = |key: &str| Write::Put {
        key: key.into(),
        value: Value::new(b"t"),
        ttl_ms: None,
    };
    let transact = |check, writes| Command::Transact {
        checks: vec![check],
        writes,
    };
    let is = |value: &[u8]| Check::Value("a".into(), Value::new(value));
    let error = bench.refused(transact(is(b"2"), vec![put("b"), put("c")]));
    assert_eq!(error, "key a is at revision 1");
    let delete = Write::Delete { key: "a".into() };
    let done = bench.done(transact(is(b"1"), vec![put("b"), put("c"), delete]));
    assert_eq!(bench.state.get("b").unwrap().revision, done);
    assert_eq!(bench.state.get("c").unwrap().revision, done);
    assert_eq!(bench.value("a").as_deref(), None);
    let events: Vec<_> = bench.state.events(Revision(1)).unwrap().collect();
    let told: Vec<_> = events
        .iter()
        .map(|one| (&*one.name, one.revision))
        .collect();
    assert_eq!(told, [("b", done), ("c", done), ("a", done)]);
    let error = bench.refused(transact(is(b"1"), vec![put("b"), put("b")]));
    assert_eq!(error, "key b is written twice in one transaction");
}

#[test]
fn what_cannot_be_a_key_or_is_too_large_is_refused() {
    let mut bench = Bench::default();
    let long = "k".repeat(KV_KEY_BYTES_MAX + 1);
    for key in ["", "a\nb", &long] {
        let error = bench.refused(Command::put(key, b"", None));
        assert!(error.contains("cannot be a key"), "{error}");
    }
    let error = bench.refused(Command::put("a", &vec![0; KV_VALUE_BYTES_MAX + 1], None));
    assert_eq!(error, "bytes of a value: 1048577, at most 1048576 allowed");
    bench.done(Command::put("a", &vec![0; KV_VALUE_BYTES_MAX], None));
    let writes = (0..=KV_TRANSACTION_WRITES_MAX).map(|number| Write::Delete {
        key: number.to_string().into(),
    });
    let error = bench.refused(Command::Transact {
        checks: vec![],
        writes: writes.collect(),
    });
    assert!(error.contains("129, at most 128"), "{error}");
}

#[test]
fn a_key_with_a_time_goes_away_by_itself() {
    let mut bench = Bench::default();
    bench.done(put_for("a", 5_000));
    bench.done(put_for("b", 5_000));
    assert_eq!(bench.state.next_expiry(), Some(Clock(5_000)));
    bench.clock = 1_000;
    bench.done(Command::put("b", b"for ever", None));
    bench.pass(3_999);
    assert_eq!(bench.value("a").as_deref(), Some(&b"v"[..]));
    bench.pass(1);
    assert_eq!(
        (bench.value("a").as_deref(), bench.value("b").as_deref()),
        (None, Some(&b"for ever"[..]))
    );
    assert_eq!(bench.state.next_expiry(), None);
    let last = bench.state.events(Revision::NONE).unwrap().last().unwrap();
    assert_eq!((&*last.name, &last.what), ("a", &What::Expired));
    let undo = Command::Undo {
        key: "a".into(),
        to: None,
    };
    bench.done(undo);
    assert_eq!(
        bench.value("a").as_deref(),
        Some(&b"v"[..]),
        "also what expired comes back"
    );
}

#[test]
fn a_clock_that_runs_back_stands_still() {
    let mut bench = Bench {
        clock: 1_000,
        ..Bench::default()
    };
    bench.done(put_for("a", 100));
    bench.clock = 10;
    bench.done(put_for("b", 100));
    assert_eq!(bench.state.clock(), Clock(1_000));
    assert_eq!(bench.state.get("b").unwrap().expires, Clock(1_100));
}

#[test]
fn what_a_key_was_is_known_and_comes_back() {
    let mut bench = Bench::default();
    for value in ["one", "two", "three"] {
        bench.done(Command::put("a", value.as_bytes(), None));
        bench.done(Command::put("busy", value.as_bytes(), None));
    }
    let undo = |to: Option<u64>| Command::Undo {
        key: "a".into(),
        to: to.map(Revision),
    };
    bench.done(undo(None));
    assert_eq!(bench.value("a").as_deref(), Some(&b"two"[..]));
    bench.done(undo(None));
    assert_eq!(
        bench.value("a").as_deref(),
        Some(&b"three"[..]),
        "undo undoes an undo"
    );
    bench.done(undo(Some(2)));
    assert_eq!(bench.value("a").as_deref(), Some(&b"one"[..]));
    bench.done(undo(Some(0)));
    assert_eq!(bench.value("a").as_deref(), None);
    bench.done(undo(None));
    assert_eq!(bench.value("a").as_deref(), Some(&b"one"[..]));
    let history = bench.state.history("a");
    let told: Vec<Option<&[u8]>> = history.iter().map(|past| past.value.as_deref()).collect();
    let expect: [Option<&[u8]>; 8] = [
        Some(b"one"),
        None,
        Some(b"one"),
        Some(b"three"),
        Some(b"two"),
        Some(b"three"),
        Some(b"two"),
        Some(b"one"),
    ];
    assert_eq!(told, expect);
}

#[test]
fn a_key_keeps_its_last_values_however_busy_others_are() {
    let mut bench = Bench::default();
    bench.done(Command::put("quiet", b"old", None));
    bench.done(Command::put("quiet", b"new", None));
    for number in 0..1_000 {
        bench.done(Command::put("busy", format!("{number}").as_bytes(), None));
    }
    assert_eq!(bench.state.history("quiet").len(), 2);
    assert_eq!(bench.state.history("busy").len(), KV_PAST_MAX + 1);
    let error = bench.refused(Command::Undo {
        key: "busy".into(),
        to: Some(Revision(3)),
    });
    assert_eq!(
        error,
        "what key busy was then is forgotten: 11 values of it are known"
    );
}

#[test]
fn what_is_kept_of_the_past_is_bounded() {
    let mut bench = Bench::default();
    for round in 0..3 {
        for number in 0..KV_PAST_ENTRIES_MAX / 2 {
            bench.done(Command::put(&format!("{number}"), &[round], None));
        }
    }
    for number in 0..20 {
        bench.done(Command::put("large", &vec![number; 900_000], None));
    }
    let (entries, bytes) = bench.state.past_usage();
    assert!(entries <= KV_PAST_ENTRIES_MAX && bytes <= KV_PAST_BYTES_MAX);
    assert!(bytes > KV_PAST_BYTES_MAX / 2, "{bytes}");
    let error = bench.state.events(Revision::NONE).err().unwrap();
    assert!(error.0 > Revision(KV_EVENTS_MAX as u64));
    assert!(bench.state.events(error.0).unwrap().count() <= KV_EVENTS_MAX);
}

#[test]
fn a_quota_stops_growth_and_nothing_else() {
    let mut bench = Bench::default();
    bench.done(Command::put("app/a", b"12345", None));
    bench.done(Command::put("app/b", b"12345", None));
    bench.done(Command::put(
        "application",
        b"is below app but not below app/",
        None,
    ));
    let bound = |keys_max, bytes_max| Command::Bound {
        prefix: "app/".to_owned(),
        quota: Some(Quota {
            keys_max,
            bytes_max,
        }),
    };
    bench.done(bound(2, 20));
    let error = bench.refused(Command::put("app/c", b"", None));
    assert!(
        error.starts_with("the keys below \"app/\" would be 3, at most 2"),
        "{error}"
    );
    let error = bench.refused(Command::put("app/a", b"123456", None));
    assert!(error.contains("would take 21 bytes, at most 20"), "{error}");
    bench.done(Command::put("other", &[0; 100], None));
    bench.done(bound(1, 5));
    bench.done(Command::put("app/a", b"1234", None));
    let swap = Command::Transact {
        checks: vec![],
        writes: vec![
            Write::Delete {
                key: "app/b".into(),
            },
            Write::Put {
                key: "app/c".into(),
                value: Value::new(b"123"),
                ttl_ms: None,
            },
        ],
    };
    bench.done(swap);
    bench.done(Command::delete("app/a", None));
    bench.done(Command::delete("app/c", None));
    let usage: Vec<_> = bench.state.quotas().map(|(_, _, usage)| usage).collect();
    assert_eq!(usage, [Usage { keys: 0, bytes: 0 }]);
    let unbound = Command::Bound {
        prefix: "app/".to_owned(),
        quota: None,
    };
    bench.done(unbound);
    bench.done(Command::put("app/a", &[0; 100], None));
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

/// A command out of few names, so that commands have to do with each other.
fn commands() -> impl Strategy<Value = Command> {
    let key = || (0..4_u8).prop_map(|key| Key::from(["p/a", "p/b", "p", "q"][usize::from(key)]));
    let lock = || (0..2_u8).prop_map(|lock| Key::from(["l", "m"][usize::from(lock)]));
    let session = || (0..4_u8).prop_map(session);
    let revision = || (0..60_u64).prop_map(Revision);
    let check = prop_oneof![
        (key(), revision()).prop_map(|(key, at)| Check::Revision(key, at)),
        (lock(), revision()).prop_map(|(lock, at)| Check::Held(lock, at)),
    ];
    let write = prop_oneof![
        3 => (key(), any::<u8>(), prop::option::of(0..500_u64)).prop_map(|(key, value, ttl_ms)| {
            Write::Put { key, value: Value::new(&vec![value; usize::from(value % 8)]), ttl_ms }
        }),
        1 => key().prop_map(|key| Write::Delete { key }),
    ];
    prop_oneof![
        6 => (prop::collection::vec(check, 0..2), prop::collection::vec(write, 1..4))
            .prop_map(|(checks, writes)| Command::Transact { checks, writes }),
        2 => (key(), prop::option::of(revision())).prop_map(|(key, to)| Command::Undo { key, to }),
        1 => (0..4_u64, 0..30_u64).prop_map(|(keys_max, bytes_max)| Command::Bound {
            prefix: "p/".to_owned(),
            quota: (keys_max > 0).then_some(Quota { keys_max, bytes_max }),
        }),
        3 => (0..4_u8, 0..4_000_u64).prop_map(|(number, ttl_ms)| Command::Open {
            session: SessionId([number; 16]),
            ttl_ms,
            node: Voter([number; 16]),
            name: "x".to_owned(),
        }),
        1 => prop::collection::vec(session(), 0..3)
            .prop_map(|sessions| Command::Renew { sessions }),
        1 => session().prop_map(|session| Command::Close { session }),
        6 => (lock(), session(), 1..3_u32, any::<bool>()).prop_map(
            |(lock, session, slots, wait)| Command::Acquire { lock, session, slots, wait }
        ),
        3 => (lock(), session()).prop_map(|(lock, session)| Command::Release { lock, session }),
        1 => (lock(), prop::option::of(revision()))
            .prop_map(|(lock, token)| Command::Force { lock, token }),
    ]
}

fn batches() -> impl Strategy<Value = Vec<(u64, Batch)>> {
    let batch = (
        0..2_u64,
        0..1_500_u64,
        prop::collection::vec(commands(), 0..6),
    );
    prop::collection::vec(batch, 1..40).prop_map(|steps| {
        let (mut term, mut clock) = (0, 0);
        let mut batches = Vec::new();
        for (number, (terms, passed, commands)) in steps.into_iter().enumerate() {
            term += terms * u64::from(number % 7 == 0);
            clock += passed;
            let batch = Batch {
                clock: Clock(clock),
                wall: clock,
                commands,
            };
            batches.push((term, batch));
        }
        batches
    })
}

/// What always holds, whatever was asked.
fn assert_sound(state: &State, tokens: &mut BTreeSet<Revision>) {
    let mut usage = Usage::default();
    for (key, cell) in state.range("", None) {
        usage.keys += 1;
        usage.bytes += (key.len() + cell.value.len()) as u64;
        assert!(cell.revision <= state.revision() && cell.previous < cell.revision);
        assert!(cell.expires == Clock(0) || cell.expires > state.clock());
    }
    assert_eq!(state.usage(), usage);
    for (prefix, _, usage) in state.quotas() {
        let keys = state.range(prefix, None);
        let sizes: Vec<usize> = keys
            .map(|(key, cell)| key.len() + cell.value.len())
            .collect();
        assert_eq!(usage.keys, sizes.len() as u64);
        assert_eq!(usage.bytes, sizes.iter().sum::<usize>() as u64);
    }
    let mut of_sessions = BTreeSet::new();
    for (id, session) in state.sessions() {
        assert!(session.deadline > state.clock());
        of_sessions.extend(session.locks.iter().map(|lock| (Key::clone(lock), id)));
    }
    let (mut of_locks, mut new_tokens) = (BTreeSet::new(), BTreeSet::new());
    for (name, lock) in state.locks() {
        assert!(lock.holders.len() <= lock.slots as usize);
        assert!(!lock.holders.is_empty(), "a free lock is gone");
        assert!(lock.holders.len() == lock.slots as usize || lock.waiters.is_empty());
        let holders = lock.holders.iter().map(|hold| hold.session);
        for session in holders.chain(lock.waiters.iter().copied()) {
            assert!(of_locks.insert((Key::clone(name), session)), "held once");
        }
        for hold in &lock.holders {
            let newest = tokens.last().copied().unwrap_or_default();
            assert!(
                tokens.contains(&hold.token) || hold.token > newest,
                "fencing tokens grow"
            );
            new_tokens.insert(hold.token);
        }
    }
    assert_eq!(of_sessions, of_locks);
    tokens.append(&mut new_tokens);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_state_stays_sound_and_a_snapshot_is_the_state(batches in batches(), cut in 0..40_usize) {
        let mut state = State::new();
        let mut follower = State::new();
        let mut tokens = BTreeSet::new();
        for (number, (term, batch)) in batches.iter().enumerate() {
            let decoded = Batch::decode(&batch.encode()).unwrap();
            prop_assert_eq!(&decoded, batch);
            let answers = state.apply(*term, batch);
            prop_assert_eq!(answers.len(), batch.commands.len());
            // The follower gets a snapshot in the middle, and the log from there on.
            if number > cut {
                prop_assert_eq!(follower.apply(*term, &decoded), answers);
            } else if number == cut {
                for item in state.items() {
                    follower.restore(Item::decode(&item.encode(Vec::new())).unwrap());
                }
            }
            assert_sound(&state, &mut tokens);
        }
        if cut < batches.len() {
            let items: Vec<Item> = follower.items().collect();
            prop_assert_eq!(items, state.items().collect::<Vec<_>>());
            prop_assert_eq!(follower.next_expiry(), state.next_expiry());
        }
    }

    #[test]
    fn an_undo_to_a_revision_gives_what_was_read_then(batches in batches()) {
        let mut state = State::new();
        let mut seen: BTreeMap<Revision, Option<Value>> = BTreeMap::new();
        for (term, batch) in &batches {
            for command in &batch.commands {
                let one = Batch { commands: vec![command.clone()], ..batch.clone() };
                state.apply(*term, &one);
                seen.insert(state.revision(), state.get("p/a").map(|cell| cell.value));
            }
        }
        for (to, value) in seen {
            let mut undone = state.clone();
            let key = Key::from("p/a");
            let commands = vec![Command::Undo { key, to: Some(to) }];
            let undo = Batch { commands, ..Batch::default() };
            match &undone.apply(u64::MAX, &undo)[0] {
                Answer::Done(_) => {
                    prop_assert_eq!(undone.get("p/a").map(|cell| cell.value), value);
                }
                Answer::Refused(Refusal::Forgotten { known, .. }) => {
                    prop_assert!(*known >= KV_PAST_MAX || (*known == 0 && value.is_none()));
                }
                Answer::Refused(Refusal::Keys { .. } | Refusal::Bytes { .. }) => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
