//! What always holds, whatever was asked, and that a snapshot is the state.

use std::collections::{BTreeMap, BTreeSet};

use model::limits::KV_PAST_MAX;
use proptest::prelude::*;

use super::*;
use crate::answer::Refusal;
use crate::command::{Check, Write};
use crate::words::Voter;

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
