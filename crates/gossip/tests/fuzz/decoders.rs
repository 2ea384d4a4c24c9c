//! Gives bytes to each decoder of the cluster. Whatever can be read is written again the same,
//! and a book that takes it stays right.

use std::sync::Arc;
use std::time::Duration;

use gossip::book::{Book, From, Kept, Scope};
use gossip::item::Item;
use gossip::seal::Ring;
use gossip::sync::{Answer, Request};
use gossip::{Body, Health, Record, Version, Zones};
use model::{Moment, NodeId, WallTime, Zone};

/// Gives bytes to each decoder; tells how many understood them.
pub(crate) fn check(bytes: &[u8]) -> usize {
    let mut understood = 0;
    if let Ok(record) = Record::decode(bytes) {
        understood += 1;
        assert_eq!(record.encode(), bytes);
    }
    let now = Moment::from_start(Duration::from_secs(9));
    let wall = WallTime::from_millis(1_700_000_000_000);
    let mut book = book();
    if let Ok(item) = Item::decode(bytes) {
        understood += 1;
        assert_eq!(item.encode(), bytes);
        let _ = book.take(now, wall, &From::Zone, item);
    }
    if let Ok(request) = Request::decode(bytes) {
        understood += 1;
        let answer = book.answer(now, wall, None, request, &[]);
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }
    if let Ok(answer) = Answer::decode(bytes) {
        understood += 1;
        let (mut talk, _) = book.compare(Scope::Zone, Vec::new());
        let _ = book.answered(now, wall, &mut talk, answer);
    }
    if let Ok(kept) = Kept::decode(bytes) {
        book.restore(now, wall, kept);
        understood += 1;
    }
    if Ring::decode(bytes).is_ok() {
        understood += 1;
    }
    assert_eq!(book.hash(), book.hash_of(&Scope::Zone));
    understood
}

fn book() -> Book {
    let zone = |name| Zone::parse(name).expect("a name");
    let zones = Zones::new([
        (zone("lan"), None),
        (zone("internet"), Some(zone("lan"))),
        (zone("customer-1"), Some(zone("internet"))),
    ]);
    let own = Record {
        id: NodeId::from_bytes([1; 16]),
        version: Version {
            starts: 1,
            change: 1,
        },
        body: Body {
            name: "own".to_owned(),
            display_name: String::new(),
            address: ([10, 0, 0, 1], 6768).into(),
            zone: zone("internet"),
            is_proxy: true,
            left: false,
            static_groups: Vec::new(),
            detected_groups: Vec::new(),
            program: String::new(),
            health: Health::default(),
            keys: (0, None),
            parts: std::collections::BTreeMap::new(),
            cut: Vec::new(),
        },
        unknown: Vec::new(),
    };
    Book::new(own, Arc::new(zones))
}
