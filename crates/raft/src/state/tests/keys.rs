//! Keys: written, compared, deleted, bounded, and those that go away by themselves.

use model::limits::{
    KV_EXPIRED_MAX, KV_KEY_BYTES_MAX, KV_TRANSACTION_WRITES_MAX, KV_VALUE_BYTES_MAX,
};

use super::*;
use crate::command::{Check, Write};
use crate::event::What;

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
fn keys_that_are_over_are_gone_before_they_are_taken_away() {
    let mut bench = Bench::default();
    let names = (0..KV_EXPIRED_MAX + 2).map(|number| format!("over/{number:04}"));
    let names: Vec<String> = names.collect();
    for name in &names {
        bench.done(put_for(name, 5_000));
    }
    let last = names.last().unwrap();
    let at = |revision| Some(Check::Revision(Key::from(&**last), revision));
    let before = bench.state.get(last).unwrap().revision;
    // One turn, which may not take away all of them.
    let batch = Batch {
        clock: Clock(5_000),
        wall: 0,
        commands: vec![
            Command::put(last, b"late", at(before)),
            Command::put(last, b"anew", at(Revision::NONE)),
        ],
    };
    let answers = bench.state.apply(1, &batch);
    assert!(matches!(answers[0], Answer::Refused(_)), "{answers:?}");
    assert!(matches!(answers[1], Answer::Done(_)), "{answers:?}");
    assert_eq!(bench.state.usage().keys, 2);
    assert_eq!(bench.state.range("", None).count(), 1);
    assert_eq!(bench.value(last).as_deref(), Some(&b"anew"[..]));
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
