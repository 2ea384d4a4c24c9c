//! What keys were: it is kept, bounded, and comes back.

use model::limits::{KV_EVENTS_MAX, KV_PAST_BYTES_MAX, KV_PAST_ENTRIES_MAX, KV_PAST_MAX};

use super::*;

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
