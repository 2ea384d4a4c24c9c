//! What the book takes, forgets and tells; its hash is always that of what is in it.

use std::sync::Arc;
use std::time::Duration;

use model::limits::{CLUSTER_EVENTS_MAX, MEMBERS_MAX};
use model::{CheckState, Group, MemberState, Moment, WallTime, Zone};

use super::*;
use crate::input::Description;
use crate::item::Report;
use crate::record::tests::{id, record};
use crate::record::{Problem, Version};

pub(crate) fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

pub(crate) fn tree() -> Arc<Zones> {
    Arc::new(Zones::new([
        (zone("lan"), None),
        (zone("internet"), Some(zone("lan"))),
        (zone("office"), Some(zone("lan"))),
        (zone("customer-1"), Some(zone("internet"))),
    ]))
}

pub(crate) fn book(number: u8, zone: &str) -> Book {
    Book::new(record(number, zone), tree())
}

pub(crate) fn at(seconds: u64) -> Moment {
    Moment::from_start(Duration::from_secs(seconds))
}

pub(crate) fn wall(seconds: u64) -> WallTime {
    WallTime::from_millis((1_700_000_000 + seconds) * 1_000)
}

pub(crate) fn proxy(number: u8, zone: &str) -> Record {
    let mut record = record(number, zone);
    record.body.is_proxy = true;
    record
}

fn told(record: Record) -> Item {
    Item::Record(Arc::new(record))
}

fn take(book: &mut Book, item: Item) -> Result<bool, Refused> {
    let taken = book.take(at(10), wall(10), &From::Zone, item);
    check_hash(book);
    taken
}

fn check_hash(book: &Book) {
    assert_eq!(book.hash(), book.hash_of(&Scope::Zone));
}

fn newer(mut record: Record, change: u64) -> Record {
    record.version.change = change;
    record.body.program = format!("0.6.{change}");
    record
}

fn event(number: u128, from: u8, of: &str) -> Event {
    Event {
        id: number,
        kind: "NODE1-END".to_owned(),
        payload: Arc::from([]),
        from: id(from),
        zone: zone(of),
        at: wall(0),
    }
}

#[test]
fn the_newest_record_wins_in_any_order() {
    let mut one = book(1, "lan");
    let mut other = book(1, "lan");
    let (old, new) = (record(2, "lan"), newer(record(2, "lan"), 2));
    assert_eq!(take(&mut one, told(old.clone())), Ok(true));
    assert_eq!(take(&mut one, told(new.clone())), Ok(true));
    assert_eq!(take(&mut other, told(new.clone())), Ok(true));
    assert_eq!(take(&mut other, told(old)), Ok(false));
    assert_eq!(take(&mut other, told(new)), Ok(false));
    assert_eq!(one.hash(), other.hash());
}

#[test]
fn two_records_of_one_version_are_settled_alike_and_counted() {
    let mut twin = record(2, "lan");
    twin.body.name = "clone".to_owned();
    let items = [told(record(2, "lan")), told(twin)];
    let mut one = book(1, "lan");
    let mut other = book(1, "lan");
    for item in &items {
        let _ = take(&mut one, item.clone());
    }
    for item in items.iter().rev() {
        let _ = take(&mut other, item.clone());
    }
    assert_eq!(one.record(id(2)), other.record(id(2)));
    assert_eq!(one.counts()["two records of one version"], 1);
    assert_eq!(other.counts()["two records of one version"], 1);
}

#[test]
fn some_changes_are_told_at_once_and_more_one_a_second() {
    let mut book = book(1, "lan");
    let with = |group: &str| Description {
        detected_groups: vec![Group::parse(group).unwrap()],
        ..Description::default()
    };
    let version = |book: &Book| book.own().version.change;
    book.describe(with("apache"));
    book.tick(at(100), wall(100));
    assert_eq!(version(&book), 2);
    for round in 0..100 {
        book.describe(with(["nginx", "redis"][round % 2]));
        book.tick(at(100), wall(100));
    }
    assert_eq!((version(&book), book.next_deadline()), (5, Some(at(101))));
    book.tick(at(101), wall(101));
    assert_eq!(version(&book), 6);
    book.describe(with("redis"));
    assert_eq!((book.next_deadline(), version(&book)), (None, 6));
    check_hash(&book);
}

#[test]
fn other_words_of_a_problem_wait_for_a_minute() {
    let mut book = book(1, "lan");
    let with = |output: &str, state| {
        let mut description = Description::default();
        description.health.problems = vec![Problem {
            check: "disk".to_owned(),
            state,
            since: wall(1),
            handled: false,
            output: output.to_owned(),
        }];
        description
    };
    book.describe(with("91 %", CheckState::Warning));
    book.tick(at(100), wall(100));
    book.describe(with("92 %", CheckState::Warning));
    assert_eq!(book.next_deadline(), Some(at(160)));
    book.describe(with("99 %", CheckState::Critical));
    assert!(book.next_deadline() <= Some(at(100)), "at once");
}

#[test]
fn a_forgotten_node_stays_forgotten_until_it_starts_again() {
    let mut book = book(1, "lan");
    take(&mut book, told(record(2, "lan"))).unwrap();
    assert!(book.forget(wall(10), id(2)));
    check_hash(&book);
    assert!(book.is_forgotten(id(2), 1) && !book.is_forgotten(id(2), 2));
    assert_eq!(
        take(&mut book, told(newer(record(2, "lan"), 900))),
        Ok(false)
    );
    let mut again = record(2, "lan");
    again.version.starts = 2;
    assert_eq!(take(&mut book, told(again)), Ok(true));
    assert!(!book.is_forgotten(id(2), 1));
}

#[test]
fn a_tombstone_goes_after_thirty_days_and_is_not_taken_when_older() {
    let mut book = book(1, "lan");
    take(&mut book, told(record(2, "lan"))).unwrap();
    book.forget(wall(10), id(2));
    let key = (Kind::Tombstone, *id(2).as_bytes());
    let tombstone = book.get(at(0), &Scope::Zone, key).unwrap();
    book.tick(at(20), wall(30 * 86_400));
    assert!(book.is_forgotten(id(2), 1));
    book.tick(at(20), wall(30 * 86_400 + 10));
    assert!(!book.is_forgotten(id(2), 1));
    check_hash(&book);
    let late = wall(31 * 86_400);
    let taken = book.take(at(20), late, &From::Zone, tombstone);
    assert_eq!(taken, Err(Refused::TooOld));
}

#[test]
fn who_lives_and_is_said_to_be_forgotten_or_gone_says_otherwise() {
    let mut other = book(2, "lan");
    take(&mut other, told(record(1, "lan"))).unwrap();
    other.forget(wall(10), id(1));
    let tombstone = other.poll_spread();
    let tombstone = std::iter::successors(tombstone, |_| other.poll_spread());
    let tombstone = tombstone.last().unwrap();
    let mut own = book(1, "lan");
    assert_eq!(take(&mut own, tombstone), Ok(false));
    assert_eq!(
        own.own().version,
        Version {
            starts: 2,
            change: 1
        }
    );
    let news = std::iter::from_fn(|| own.poll_news()).last();
    assert_eq!(news, Some(News::Outdone { starts: 2 }));
    let back = Item::Record(Arc::clone(own.own()));
    assert_eq!(take(&mut other, back), Ok(true));
}

#[test]
fn a_dead_node_said_to_have_left_has_left_until_it_starts_again() {
    let mut book = book(1, "lan");
    take(&mut book, told(record(2, "lan"))).unwrap();
    assert!(book.depart(wall(10), id(2)));
    take(&mut book, told(newer(record(2, "lan"), 2))).unwrap();
    assert!(book.has_left(id(2)));
    let mut again = record(2, "lan");
    again.version.starts = 2;
    take(&mut book, told(again)).unwrap();
    assert!(!book.has_left(id(2)));
}

#[test]
fn no_more_nodes_are_taken_than_may_be() {
    let mut book = book(1, "lan");
    let many = |number: usize| {
        let mut record = record(2, "lan");
        let mut bytes = [9; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        record.id = NodeId::from_bytes(bytes);
        told(record)
    };
    for number in 1..MEMBERS_MAX {
        book.take(at(1), wall(1), &From::Zone, many(number))
            .unwrap();
        while book.poll_news().is_some() || book.poll_spread().is_some() {}
    }
    let refused = book.take(at(1), wall(1), &From::Zone, many(MEMBERS_MAX));
    assert_eq!(refused, Err(Refused::Full));
    assert_eq!(book.counts()["too many nodes"], 1);
    check_hash(&book);
}

#[test]
fn events_are_told_once_expire_by_age_and_are_bounded() {
    let mut book = book(1, "lan");
    let old = Item::Event(event(1, 2, "lan"), Duration::from_secs(200));
    assert_eq!(take(&mut book, old.clone()), Ok(true));
    assert_eq!(take(&mut book, old), Ok(false));
    let expired = Item::Event(event(2, 2, "lan"), Duration::from_secs(300));
    assert_eq!(take(&mut book, expired), Err(Refused::TooOld));
    assert_eq!(book.next_deadline(), Some(at(110)));
    book.tick(at(110), wall(1));
    assert_eq!(book.events(at(110)), []);
    check_hash(&book);
    for number in 0..2 * CLUSTER_EVENTS_MAX as u128 {
        let from = (number / 250) as u8;
        let item = Item::Event(event(number, from, "lan"), Duration::ZERO);
        let _ = book.take(at(200 + number as u64 / 100), wall(1), &From::Zone, item);
    }
    assert_eq!(book.events(at(300)).len(), CLUSTER_EVENTS_MAX);
    check_hash(&book);
    let own = || event(90_000, 1, "lan");
    for number in 0..250 {
        let id = 90_000 + number;
        book.add_event(at(400), Event { id, ..own() }).unwrap();
    }
    assert_eq!(book.add_event(at(400), own()), Err(Refused::TooManyEvents));
}

#[test]
fn each_zone_sees_itself_those_below_and_the_proxies_right_above() {
    let nodes = [
        proxy(1, "lan"),
        record(2, "lan"),
        proxy(3, "internet"),
        proxy(4, "customer-1"),
        record(5, "office"),
    ];
    let check = |number: u8, of: &str, sees: &[u8], events: &[u8]| {
        let mut book = book(number, of);
        for node in &nodes {
            let _ = take(&mut book, told(node.clone()));
            let number = node.id.as_bytes()[0];
            let event = event(number.into(), number, node.body.zone.as_str());
            let _ = take(&mut book, Item::Event(event, Duration::ZERO));
        }
        let seen: Vec<_> = book
            .records()
            .map(|record| record.id.as_bytes()[0])
            .collect();
        assert_eq!(seen, sees, "{of}");
        let heard: Vec<_> = book.events(at(10)).iter().map(|it| it.id as u8).collect();
        assert_eq!(heard, events, "{of}");
    };
    check(2, "lan", &[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]);
    check(3, "internet", &[1, 3, 4], &[3, 4]);
    check(4, "customer-1", &[3, 4], &[4]);
    check(5, "office", &[1, 5], &[5]);
}

#[test]
fn a_zone_speaks_only_for_itself_and_those_below() {
    let mut book = book(2, "lan");
    let from = From::Below(zone("internet"));
    let mut take = |item| book.take(at(1), wall(1), &from, item);
    assert_eq!(take(told(proxy(4, "customer-1"))), Ok(true));
    assert_eq!(take(told(record(9, "lan"))), Err(Refused::NotItsOwn));
    assert_eq!(take(told(record(9, "office"))), Err(Refused::NotItsOwn));
    let event = Item::Event(event(7, 9, "lan"), Duration::ZERO);
    assert_eq!(take(event), Err(Refused::NotItsOwn));
}

#[test]
fn who_goes_out_of_sight_is_let_go_everywhere_alike() {
    let mut one = book(3, "internet");
    let mut other = book(6, "internet");
    for book in [&mut one, &mut other] {
        take(book, told(proxy(1, "lan"))).unwrap();
        take(book, told(record(7, "internet"))).unwrap();
    }
    let plain = newer(record(1, "lan"), 2);
    let moved = newer(record(7, "lan"), 2);
    for item in [told(plain.clone()), told(moved)] {
        assert_eq!(take(&mut one, item), Ok(true));
    }
    assert!(one.record(id(1)).is_none() && one.record(id(7)).is_none());
    while let Some(item) = one.poll_spread() {
        let _ = take(&mut other, item);
    }
    assert!(other.record(id(1)).is_none() && other.record(id(7)).is_none());
    let mut proxy_again = newer(plain, 3);
    proxy_again.body.is_proxy = true;
    assert_eq!(take(&mut one, told(proxy_again)), Ok(true));
}

#[test]
fn another_zone_lets_go_of_what_it_does_not_see() {
    let mut book = book(2, "lan");
    for node in [proxy(1, "lan"), record(5, "office"), proxy(3, "internet")] {
        take(&mut book, told(node)).unwrap();
    }
    book.change_own(at(20), |body| body.zone = zone("internet"));
    let seen: Vec<_> = book
        .records()
        .map(|record| record.id.as_bytes()[0])
        .collect();
    assert_eq!((seen, book.own().version.change), (vec![1, 2, 3], 2));
    check_hash(&book);
}

#[test]
fn a_zone_that_falls_silent_is_suspect_then_dead_and_back_with_a_word() {
    let mut book = book(2, "lan");
    take(&mut book, told(proxy(4, "customer-1"))).unwrap();
    let state = |book: &Book, second| {
        let seen = book.seen(at(second), wall(second), id(4)).unwrap();
        (seen.state, seen.through, seen.accuser)
    };
    let internet = || zone("internet");
    assert_eq!(state(&book, 39), (MemberState::Alive, internet(), None));
    let suspect = (MemberState::Suspect, internet(), Some(id(2)));
    assert_eq!(state(&book, 40), suspect);
    assert_eq!(state(&book, 70).0, MemberState::Dead);
    let report = Item::Report(Report {
        zone: internet(),
        count: 1,
    });
    book.take(at(71), wall(71), &From::Zone, report).unwrap();
    assert_eq!(state(&book, 72).0, MemberState::Alive);
}

#[test]
fn proxies_agree_on_a_state_without_clocks() {
    let mut first = book(3, "internet");
    let mut second = book(6, "internet");
    for book in [&mut first, &mut second] {
        take(book, told(record(7, "internet"))).unwrap();
    }
    let of = |state| [(id(7), state, wall(1), None)];
    assert!(first.report(at(1), wall(1), of(MemberState::Dead)));
    assert!(!first.report(at(2), wall(2), of(MemberState::Dead)));
    let key = (Kind::Sighting, *id(7).as_bytes());
    let scope = Scope::Below(zone("internet"));
    // The second never saw it dead; told that others think so, it says otherwise and wins.
    let dead = first.get(at(2), &scope, key).unwrap();
    take(&mut second, dead).unwrap();
    assert!(second.report(at(3), wall(3), of(MemberState::Alive)));
    let alive = second.get(at(3), &scope, key).unwrap();
    assert_eq!(take(&mut first, alive), Ok(true));
    check_hash(&first);
}

#[test]
fn the_largest_count_of_all_keeps_nobody_from_saying_something_newer() {
    let mut book = book(1, "lan");
    take(&mut book, told(proxy(7, "internet"))).unwrap();
    let sighting = |count, state| {
        Item::Sighting(Sighting {
            id: id(7),
            starts: record(7, "internet").version.starts,
            count,
            state,
            since: wall(1),
            accuser: None,
        })
    };
    let report = |count| {
        let zone = zone("internet");
        Item::Report(Report { zone, count })
    };
    let refused = Err(Refused::Implausible);
    assert_eq!(take(&mut book, report(3)), Ok(true));
    assert_eq!(take(&mut book, report(u64::MAX)), refused);
    assert_eq!(take(&mut book, report(4)), Ok(true));
    for count in [u64::MAX, u64::MAX - 1] {
        assert_eq!(take(&mut book, sighting(count, MemberState::Dead)), refused);
    }
    assert_eq!(take(&mut book, sighting(1, MemberState::Dead)), Ok(true));
    let largest = sighting(u64::MAX, MemberState::Dead);
    assert_eq!(take(&mut book, largest), refused);
    assert_eq!(take(&mut book, sighting(2, MemberState::Alive)), Ok(true));
}
