//! Two books become one by comparison, within bounds, and each sees what its zone may see.

use std::sync::Arc;

use model::limits::CALL_BYTES_MAX;
use model::{MemberState, NodeId, Zone};
use proptest::prelude::*;

use super::*;
use crate::book::tests::{at, book, proxy, wall, zone};
use crate::book::{Book, From, Scope};
use crate::item::Item;
use crate::record::Record;
use crate::record::tests::{id, record};
use crate::wire::Malformed;

fn many(number: u32, of: &str) -> Record {
    let mut record = record(2, of);
    let mut bytes = [9; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    record.id = NodeId::from_bytes(bytes);
    record
}

fn tell(book: &mut Book, record: Record) {
    let item = Item::Record(Arc::new(record));
    let _ = book.take(at(1), wall(1), &From::Zone, item);
}

/// Lets one book compare itself with another; gives the bytes and calls that it took.
fn compare(one: &mut Book, other: &mut Book, scope: Scope) -> (usize, usize) {
    let (mut talk, ask) = one.compare(scope, Vec::new());
    let mut next = Some(ask);
    let (mut bytes, mut calls) = (0, 0);
    while let Some(ask) = next {
        let request = Request {
            from: one.own().id,
            zone: one.zone().clone(),
            ask,
        };
        let request = request.encode();
        let proved = one.zone().clone();
        let heard = Request::decode(&request).unwrap();
        let answer = other
            .answer(at(5), wall(5), Some(&proved), heard, &[])
            .encode();
        assert!(request.len().max(answer.len()) <= CALL_BYTES_MAX);
        bytes += request.len() + answer.len();
        calls += 1;
        let answer = Answer::decode(&answer).unwrap();
        next = one.answered(at(5), wall(5), &mut talk, answer).unwrap();
        while one.poll_news().is_some() || other.poll_news().is_some() {}
        while one.poll_spread().is_some() || other.poll_spread().is_some() {}
        assert!(calls < 64);
    }
    (bytes, calls)
}

#[test]
fn five_thousand_nodes_with_three_differences_take_a_few_kilobytes() {
    let mut one = book(1, "lan");
    let mut other = book(2, "lan");
    for number in 0..5_000 {
        for book in [&mut one, &mut other] {
            tell(book, many(number, "lan"));
        }
    }
    let me = Record::clone(one.own());
    tell(&mut other, me);
    let me = Record::clone(other.own());
    tell(&mut one, me);
    assert_eq!(one.hash(), other.hash());
    let (bytes, _) = compare(&mut one, &mut other, Scope::Zone);
    assert!(bytes < 2_500, "{bytes}");
    tell(&mut one, many(9_000, "lan"));
    let mut changed = many(17, "lan");
    changed.version.change = 2;
    tell(&mut other, changed);
    other.forget(wall(5), many(4_000, "lan").id);
    let (bytes, calls) = compare(&mut one, &mut other, Scope::Zone);
    assert_eq!(one.hash(), other.hash());
    assert!(one.record(many(4_000, "lan").id).is_none());
    assert!(
        bytes < 8_000 && calls == 2,
        "{bytes} bytes in {calls} calls"
    );
}

#[test]
fn a_newcomer_learns_all_in_bounded_steps() {
    let mut old = book(1, "lan");
    for number in 0..5_000 {
        tell(&mut old, many(number, "lan"));
    }
    let mut new = book(2, "lan");
    let (bytes, calls) = compare(&mut new, &mut old, Scope::Zone);
    assert_eq!(new.hash(), old.hash());
    assert!(
        calls > 2 && bytes < 1_500_000,
        "{bytes} bytes in {calls} calls"
    );
}

#[test]
fn zones_learn_of_each_other_what_they_may_see() {
    let mut lan = Book::new(proxy(1, "lan"), crate::book::tests::tree());
    let mut internet = Book::new(proxy(3, "internet"), crate::book::tests::tree());
    let mut customer = Book::new(proxy(4, "customer-1"), crate::book::tests::tree());
    tell(&mut lan, record(2, "lan"));
    tell(&mut internet, record(6, "internet"));
    tell(&mut customer, record(8, "customer-1"));
    let dead = [(id(8), MemberState::Dead, wall(3), Some(id(4)))];
    assert!(customer.report(at(3), wall(3), dead));
    for _ in 0..2 {
        compare(
            &mut customer,
            &mut internet,
            Scope::Below(zone("customer-1")),
        );
        compare(&mut internet, &mut lan, Scope::Below(zone("internet")));
    }
    let seen = |book: &Book| -> Vec<u8> {
        book.records()
            .map(|record| record.id.as_bytes()[0])
            .collect()
    };
    assert_eq!(seen(&lan), [1, 2, 3, 4, 6, 8]);
    assert_eq!(seen(&internet), [1, 3, 4, 6, 8]);
    assert_eq!(seen(&customer), [3, 4, 8]);
    let seen = lan.seen(at(5), wall(5), id(8)).unwrap();
    assert_eq!((seen.state, seen.accuser), (MemberState::Dead, Some(id(4))));
    assert_eq!(seen.through, zone("internet"));
}

#[test]
fn a_proxy_above_that_is_none_any_longer_is_let_go_below() {
    let mut lan = Book::new(proxy(1, "lan"), crate::book::tests::tree());
    let mut internet = Book::new(proxy(3, "internet"), crate::book::tests::tree());
    tell(&mut lan, proxy(2, "lan"));
    let scope = || Scope::Below(zone("internet"));
    compare(&mut internet, &mut lan, scope());
    assert!(internet.record(id(2)).is_some());
    let mut plain = record(2, "lan");
    plain.version.change = 2;
    tell(&mut lan, plain);
    compare(&mut internet, &mut lan, scope());
    assert!(internet.record(id(2)).is_none() && internet.record(id(1)).is_some());
    assert_eq!(lan.proxies(&zone("lan")).count(), 1);
}

#[test]
fn a_zone_is_told_nothing_that_is_not_its_own() {
    let mut lan = book(1, "lan");
    let request = |from: &str, scope| Request {
        from: id(9),
        zone: zone(from),
        ask: Ask::Compare(Compare {
            scope,
            buckets: vec![0],
            above: Vec::new(),
            rings: Vec::new(),
        }),
    };
    let mut refused = |proved: &str, request| {
        let proved: Zone = zone(proved);
        let answer = lan.answer(at(1), wall(1), Some(&proved), request, &[]);
        matches!(answer, Answer::Refused(Reason::OtherZone(_)))
    };
    assert!(refused("internet", request("internet", Scope::Zone)));
    assert!(refused("internet", request("lan", Scope::Zone)));
    assert!(refused(
        "internet",
        request("internet", Scope::Below(zone("lan")))
    ));
    assert!(refused(
        "office",
        request("internet", Scope::Below(zone("internet")))
    ));
    assert!(!refused(
        "internet",
        request("internet", Scope::Below(zone("internet")))
    ));
    assert!(!refused("lan", request("lan", Scope::Zone)));
}

#[test]
fn no_common_protocol_is_refused_with_both_named() {
    let request = Request {
        from: id(1),
        zone: zone("lan"),
        ask: Ask::Leave { starts: 3 },
    };
    let mut bytes = request.encode();
    (bytes[0], bytes[1]) = (9, 1);
    assert_eq!(Request::decode(&bytes), Ok(request));
    (bytes[0], bytes[1]) = (9, 5);
    let unread = Unread::Protocol {
        newest: 9,
        oldest: 5,
    };
    assert_eq!(Request::decode(&bytes), Err(unread));
    assert_eq!(
        Answer::decode(&[]),
        Err(Unread::Malformed(Malformed::Short))
    );
}

fn messages() -> Vec<Vec<u8>> {
    let book = book(1, "lan");
    let mark = RingMark {
        zone: zone("lan"),
        version: 3,
        hash: 4,
    };
    let ask = |ask| Request {
        from: id(1),
        zone: zone("lan"),
        ask,
    };
    let own = || Arc::clone(book.own());
    let items = || vec![Item::Record(own())];
    let identity = crate::swim::Identity {
        id: own().id,
        epoch: crate::swim::Epoch::new(3, 1),
        address: own().body.address,
        accused: Some(crate::swim::Accused {
            by: own().id,
            incarnation: 2,
        }),
    };
    let (_, compare) = book.compare(Scope::Below(zone("lan")), vec![mark]);
    vec![
        ask(Ask::Join(own())).encode(),
        ask(compare).encode(),
        ask(Ask::Exchange {
            scope: Scope::Zone,
            give: items(),
            want: book.entries(&Scope::Zone).iter().map(|it| it.key).collect(),
        })
        .encode(),
        ask(Ask::Rings(vec![(zone("lan"), vec![1, 2])])).encode(),
        Answer::Refused(Reason::NotReached(own().body.address)).encode(),
        Answer::Joined {
            record: own(),
            above: items(),
            members: vec![foca::Member::new(identity, 2, foca::State::Down)],
        }
        .encode(),
        Answer::Differs {
            buckets: vec![(3, book.entries(&Scope::Zone))],
            above: items(),
            rings: true,
        }
        .encode(),
        Answer::Items {
            items: items(),
            handled: 9,
        }
        .encode(),
    ]
}

#[test]
fn each_message_has_one_form_and_is_refused_when_cut() {
    for (number, bytes) in messages().into_iter().enumerate() {
        let encoded = |bytes: &[u8]| match number {
            0..4 => Request::decode(bytes).map(|it| it.encode()),
            _ => Answer::decode(bytes).map(|it| it.encode()),
        };
        assert_eq!(encoded(&bytes), Ok(bytes.clone()));
        for end in 0..bytes.len() {
            assert!(encoded(&bytes[..end]).is_err(), "{number} {end}");
        }
    }
}

proptest! {
    #[test]
    fn flipped_bits_never_panic(
        which in 0..8_usize,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..5),
    ) {
        let mut bytes = messages().swap_remove(which);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let mut book = book(7, "lan");
        if let Ok(request) = Request::decode(&bytes) {
            let _ = book.answer(at(1), wall(1), None, request, &[]).encode();
        }
        if let Ok(answer) = Answer::decode(&bytes) {
            let (mut talk, _) = book.compare(Scope::Zone, Vec::new());
            let _ = book.answered(at(1), wall(1), &mut talk, answer);
        }
    }
}
