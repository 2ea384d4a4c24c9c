//! Records are read back as written, fit, and junk is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::limits::RECORD_BYTES_MAX;
use model::{CheckState, Group, NodeId, WallTime, Zone};
use proptest::prelude::*;

use super::{Body, Health, Problem, Record, Version};
use crate::wire::{Malformed, Writer};

pub(crate) fn id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

pub(crate) fn record(number: u8, zone: &str) -> Record {
    Record {
        id: id(number),
        version: Version {
            starts: 1,
            change: 1,
        },
        body: Body {
            name: format!("node-{number}"),
            display_name: String::new(),
            address: ([10, 0, 0, number], 6768).into(),
            zone: Zone::parse(zone).unwrap(),
            is_proxy: false,
            left: false,
            static_groups: Vec::new(),
            detected_groups: vec![Group::parse("linux").unwrap()],
            program: "0.6.0".to_owned(),
            health: Health::default(),
            keys: (0, None),
            parts: BTreeMap::new(),
            cut: Vec::new(),
        },
        unknown: Vec::new(),
    }
}

fn problem(check: String, state: CheckState) -> Problem {
    Problem {
        check,
        state,
        since: WallTime::from_millis(7),
        handled: false,
        output: "disk\u{7} full\n".repeat(40),
    }
}

#[test]
fn a_node_with_ten_thousand_problems_fits_with_the_worst() {
    let mut record = record(1, "internet");
    for number in 0..10_000 {
        let state = match number {
            9_999 => CheckState::Critical,
            _ => CheckState::Warning,
        };
        let problem = problem(format!("check {number}"), state);
        record.body.health.problems.push(problem);
    }
    record.fit();
    let bytes = record.encode();
    assert!(bytes.len() <= RECORD_BYTES_MAX, "{}", bytes.len());
    assert_eq!(Record::decode(&bytes), Ok(record.clone()));
    assert_eq!(record.body.health.problems[0].check, "check 9999");
    let left_out = 10_000 - record.body.health.problems.len();
    assert_eq!(record.body.cut, [format!("{left_out} problems")]);
}

#[test]
fn whatever_a_node_has_its_record_fits_and_is_taken() {
    let mut record = record(1, "internet");
    record.body.name = "x\u{1b}[2J".repeat(200);
    for number in 0..2_000 {
        let group = Group::parse(&format!("{number}-{}", "g".repeat(100))).unwrap();
        record.body.static_groups.push(group.clone());
        record.body.detected_groups.push(group);
        let part = Arc::from(vec![7; 900]);
        record.body.parts.insert(format!("part {number}"), part);
    }
    record.fit();
    let bytes = record.encode();
    assert!(bytes.len() <= RECORD_BYTES_MAX, "{}", bytes.len());
    assert_eq!(Record::decode(&bytes), Ok(record.clone()));
    assert!(record.body.parts.is_empty() && record.body.detected_groups.is_empty());
    assert!(record.body.static_groups.len() > 50);
}

#[test]
fn what_a_later_protocol_says_is_passed_on() {
    let mut later = record(1, "internet");
    later.unknown = vec![(77, Arc::from(*b"new")), (1 << 40, Arc::from(*b"newer"))];
    let bytes = later.encode();
    let passed = Record::decode(&bytes).unwrap();
    assert_eq!(passed, later);
    assert_eq!(passed.encode(), bytes);
}

#[test]
fn refuses_what_no_node_should_say() {
    let check = |change: &dyn Fn(&mut Record), expected| {
        let mut record = record(1, "internet");
        change(&mut record);
        assert_eq!(Record::decode(&record.encode()), Err(expected));
    };
    check(&|it| it.body.name = "a\u{1b}b".to_owned(), Malformed::Text);
    check(&|it| it.body.name = String::new(), Malformed::Missing);
    check(&|it| it.body.name = "x".repeat(300), Malformed::TooLong);
    check(&|it| it.body.address.set_port(0), Malformed::Value);
    check(
        &|it| it.body.address = ([224, 0, 0, 1], 6768).into(),
        Malformed::Value,
    );
    check(
        &|it| it.body.detected_groups = vec![Group::parse("a").unwrap(); 513],
        Malformed::TooLong,
    );
    check(
        &|it| it.unknown = vec![(99, Arc::from([0; 9_000]))],
        Malformed::TooLong,
    );
    let twice = vec![(99, Arc::from([1])), (99, Arc::from([1]))];
    check(&|it| it.unknown = twice.clone(), Malformed::Value);
    let mut bare = Writer::new();
    bare.node(id(1));
    bare.number(1);
    bare.number(1);
    assert_eq!(Record::decode(bare.as_bytes()), Err(Malformed::Missing));
}

prop_compose! {
    fn any_record()(
        starts: u64,
        change: u64,
        names in ("[^\\p{Cc}]{1,20}", "[^\\p{Cc}]{0,20}"),
        (proxy, left) in any::<(bool, bool)>(),
        groups in proptest::collection::btree_set("[a-z]{1,9}", 0..9),
        count: u32,
        keys: (u64, Option<[u8; 4]>),
        part in proptest::collection::vec(any::<u8>(), 0..99),
        unknown in proptest::collection::btree_map(14_u64.., [any::<u8>(); 3], 0..4),
    ) -> Record {
        let mut record = record(9, "lan");
        record.version = Version { starts, change };
        (record.body.name, record.body.display_name) = names;
        (record.body.is_proxy, record.body.left) = (proxy, left);
        let groups = groups.iter().map(|name| Group::parse(name).unwrap());
        record.body.static_groups = groups.collect();
        record.body.health.counts = vec![(CheckState::Critical, count)];
        record.body.health.problems = vec![problem("disk".to_owned(), CheckState::Unknown)];
        record.body.keys = keys;
        record.body.parts.insert("services".to_owned(), Arc::from(part));
        let unknown = unknown.into_iter();
        record.unknown = unknown.map(|(tag, bytes)| (tag, Arc::from(bytes))).collect();
        record.fit();
        record
    }
}

proptest! {
    #[test]
    fn a_record_is_read_back_as_written(record in any_record()) {
        let bytes = record.encode();
        prop_assert_eq!(Record::decode(&bytes), Ok(record));
    }

    #[test]
    fn broken_records_never_panic_and_have_one_form(
        record in any_record(),
        cut in any::<prop::sample::Index>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..6),
    ) {
        let mut bytes = record.encode();
        prop_assert!(Record::decode(&bytes[..cut.index(bytes.len())]) != Ok(record));
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        }
        if let Ok(other) = Record::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
        }
    }
}
