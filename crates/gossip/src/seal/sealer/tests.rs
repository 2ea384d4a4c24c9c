//! Datagrams: sealed, opened, replayed, changed, and made up.

use std::collections::BTreeSet;

use model::limits::GOSSIP_SENDERS_MAX;
use proptest::prelude::*;

use super::super::orders::Holder;
use super::*;
use crate::input::KeyOrder;

const WALL: WallTime = WallTime::from_millis(1_700_000_000_000);

fn node(byte: u8) -> NodeId {
    NodeId::from_random([byte; 16])
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn key(byte: u8) -> Key {
    Key::from_random([byte; 32])
}

fn rings(of: &[(&str, Ring)]) -> Rings {
    of.iter()
        .map(|(name, ring)| (zone(name), ring.clone()))
        .collect()
}

/// Salts that never come twice in a test.
fn salts(seed: u8) -> Salts {
    let mut count = 0_u32;
    Box::new(move || {
        count += 1;
        let mut salt = [seed; 12];
        salt[8..].copy_from_slice(&count.to_be_bytes());
        salt
    })
}

fn sealer(byte: u8, starts: u64) -> Sealer {
    Sealer::new(node(byte), starts, salts(byte), Moment::default(), WALL)
}

fn at(seconds: u64) -> (Moment, WallTime) {
    let passed = Duration::from_secs(seconds);
    let wall = WallTime::from_millis(WALL.as_millis() + seconds * 1_000);
    (Moment::from_start(passed), wall)
}

/// One zone with one key, a sender and a receiver.
struct Pair {
    zone: Zone,
    rings: Rings,
    from: Sealer,
    to: Sealer,
}

impl Pair {
    fn new() -> Self {
        Self::with(Ring::of_file(key(1)))
    }

    fn with(ring: Ring) -> Self {
        Self {
            zone: zone("lan"),
            rings: rings(&[("lan", ring)]),
            from: sealer(1, 1),
            to: sealer(2, 1),
        }
    }

    fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        self.from.seal(&self.rings[&self.zone], &self.zone, plain)
    }

    fn open(&mut self, packet: &[u8]) -> Result<Vec<u8>, Dropped> {
        let opened = self.to.open(&self.zone, &self.rings, packet)?;
        assert_eq!(opened.sender, self.from.own);
        Ok(opened.plain)
    }
}

#[test]
fn what_was_sealed_is_opened_with_its_sender_and_zone() {
    let mut pair = Pair::new();
    for length in [0, 1, 200, PLAIN_BYTES_MAX] {
        let plain = vec![0x5a; length];
        let packet = pair.seal(&plain);
        assert!(packet.len() <= GOSSIP_DATAGRAM_BYTES_MAX);
        let opened = pair.to.open(&pair.zone, &pair.rings, &packet).unwrap();
        let expected = Opened {
            zone: Some(zone("lan")),
            sender: node(1),
            starts: 1,
            plain,
        };
        assert_eq!(opened, expected);
    }
}

#[test]
fn sealed_bytes_tell_neither_text_nor_key_nor_sender() {
    let mut pair = Pair::new();
    let packet = pair.seal(b"the plain text of a datagram");
    let holds = |part: &[u8]| packet.windows(part.len()).any(|window| window == part);
    assert!(!holds(b"plain text"));
    assert!(!holds(&key(1).as_bytes()[..8]));
    assert!(!holds(&node(1).as_bytes()[..8]));
}

#[test]
fn each_bit_and_each_byte_counts() {
    let mut pair = Pair::new();
    let packet = pair.seal(b"hello");
    for at in 0..packet.len() * 8 {
        let mut changed = packet.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(pair.open(&changed).is_err(), "bit {at}");
    }
    for length in 0..packet.len() {
        assert!(pair.open(&packet[..length]).is_err(), "{length} bytes");
    }
    let longer = [packet.as_slice(), &[0]].concat();
    assert_eq!(pair.open(&longer), Err(Dropped::Forged));
    assert_eq!(pair.open(&vec![1; 2_000]), Err(Dropped::Size));
    assert_eq!(pair.to.held(), (0, 0), "junk takes no room");
    assert_eq!(pair.open(&packet).unwrap(), b"hello");
}

#[test]
fn a_packet_is_taken_once_in_any_order_within_the_window() {
    let mut pair = Pair::new();
    let packets: Vec<_> = (0..1_100).map(|_| pair.seal(b"x")).collect();
    for packet in packets[80..].iter().rev().take(1_020) {
        assert!(pair.open(packet).is_ok());
    }
    for packet in &packets[80..] {
        assert_eq!(pair.open(packet), Err(Dropped::Replayed));
    }
    assert_eq!(pair.open(&packets[0]), Err(Dropped::Late));
}

#[test]
fn packets_of_salts_that_were_given_up_are_not_taken_again() {
    let mut pair = Pair::new();
    let mut first = Vec::new();
    for hour in 0..4 {
        let (now, wall) = at(hour * 3_600);
        pair.from.tick(now, wall);
        first.push((pair.seal(b"taken"), pair.seal(b"still on its way")));
        assert!(pair.open(&first[hour as usize].0).is_ok());
    }
    assert_eq!(pair.open(&first[3].0), Err(Dropped::Replayed));
    assert!(pair.open(&first[2].1).is_ok(), "of the salt before");
    assert_eq!(pair.open(&first[1].1), Err(Dropped::Replayed));
    assert_eq!(pair.open(&first[0].0), Err(Dropped::Replayed));
    assert_eq!(pair.to.held().0, 1);
}

#[test]
fn what_was_sent_before_a_start_is_dropped() {
    let mut pair = Pair::new();
    let before = pair.seal(b"1");
    pair.from = sealer(1, 2);
    let after = pair.seal(b"2");
    assert!(pair.open(&after).is_ok());
    assert_eq!(pair.open(&before), Err(Dropped::OldStart));
    let mut other = sealer(3, 1);
    other.learn(node(1), 3);
    let opened = other.open(&pair.zone, &pair.rings, &after);
    assert_eq!(opened, Err(Dropped::OldStart));
}

#[test]
fn a_clone_is_told_from_a_replay() {
    let mut pair = Pair::new();
    let packet = pair.seal(b"first");
    assert!(pair.open(&packet).is_ok());
    pair.from = Sealer::new(node(1), 1, salts(9), Moment::default(), WALL);
    let twin = pair.seal(b"second");
    assert_eq!(pair.open(&twin), Err(Dropped::Twin));
    let mut original = sealer(1, 1);
    let own = original.seal(&pair.rings[&pair.zone], &pair.zone, b"mine");
    let reflected = original.open(&pair.zone, &pair.rings, &own);
    assert_eq!(reflected, Err(Dropped::Own));
    let seen = original.open(&pair.zone, &pair.rings, &twin);
    assert_eq!(seen, Err(Dropped::Twin));
}

#[test]
fn nobody_speaks_under_anothers_salt() {
    let mut pair = Pair::new();
    let packet = pair.seal(b"first");
    assert!(pair.open(&packet).is_ok());
    let salt = pair.from.salt;
    let same = move || salt;
    pair.from = Sealer::new(node(7), 1, Box::new(same), Moment::default(), WALL);
    let stolen = pair.seal(b"second");
    assert_eq!(pair.open(&stolen), Err(Dropped::WrongSender));
}

#[test]
fn the_open_key_is_refused_where_a_key_seals() {
    let mut pair = Pair::with(Ring::default());
    let open = pair.seal(b"open");
    let opened = pair.to.open(&pair.zone, &pair.rings, &open).unwrap();
    assert_eq!((opened.zone, opened.plain), (None, b"open".to_vec()));
    let open = pair.seal(b"open");
    pair.rings = rings(&[("lan", Ring::of_file(key(1)))]);
    assert_eq!(pair.open(&open), Err(Dropped::Open));
    // A zone below that has a key does not open, or close, the own zone.
    pair.rings = rings(&[("below", Ring::of_file(key(1)))]);
    assert!(pair.open(&open).is_ok());
}

#[test]
fn a_rotation_loses_nothing_and_a_retired_key_opens_no_datagram() {
    let mut pair = Pair::new();
    let file = Ring::of_file(key(1));
    let change = |ring: &Ring, order: KeyOrder| {
        let none: [Holder; 0] = [];
        ring.ordered(&zone("lan"), &order, &none, WALL).unwrap()
    };
    let (old, new) = (key(1).fingerprint(), key(2).fingerprint());
    let added = change(&file, KeyOrder::Add(key(2)));
    let used = change(
        &added,
        KeyOrder::Use {
            key: new,
            force: false,
        },
    );
    let removed = change(
        &used,
        KeyOrder::Remove {
            key: old,
            force: false,
        },
    );
    let forced = change(
        &used,
        KeyOrder::Remove {
            key: old,
            force: true,
        },
    );
    let ring_of = |ring: &Ring| rings(&[("lan", ring.clone())]);
    let steps = [
        (&file, &added, Ok(())),
        (&added, &file, Ok(())),
        (&added, &used, Ok(())),
        (&used, &added, Ok(())),
        (&used, &removed, Ok(())),
        (&used, &file, Err(Dropped::UnknownKey)),
        (&added, &removed, Err(Dropped::RetiredKey)),
        (&added, &forced, Err(Dropped::UnknownKey)),
    ];
    for (at, (sends, receives, expected)) in steps.into_iter().enumerate() {
        let packet = pair.from.seal(sends, &pair.zone, b"x");
        let opened = pair.to.open(&pair.zone, &ring_of(receives), &packet);
        assert_eq!(opened.map(drop), expected, "step {at}");
    }
}

#[test]
fn a_key_of_two_zones_proves_the_one_it_was_sealed_for() {
    let ring = Ring::of_file(key(1));
    let both = rings(&[("above", ring.clone()), ("below", ring.clone())]);
    let (mut from, mut to) = (sealer(1, 1), sealer(2, 1));
    for name in ["below", "above", "below"] {
        let packet = from.seal(&ring, &zone(name), b"x");
        let opened = to.open(&zone("above"), &both, &packet).unwrap();
        assert_eq!(opened.zone, Some(zone(name)));
    }
}

#[test]
fn a_salt_is_renewed_by_age_by_count_and_when_clocks_part() {
    let mut sealer = sealer(1, 1);
    let mut seen = BTreeSet::from([sealer.salt]);
    let mut renewed = |sealer: &Sealer| seen.insert(sealer.salt);
    let step = |sealer: &mut Sealer, now: u64, wall: u64| sealer.tick(at(now).0, at(wall).1);
    step(&mut sealer, 1_000, 1_000);
    assert!(!renewed(&sealer));
    step(&mut sealer, 3_601, 3_601);
    assert!(renewed(&sealer), "after an hour");
    step(&mut sealer, 3_602, 3_902);
    assert!(renewed(&sealer), "wall time jumped ahead");
    step(&mut sealer, 3_603, 3_603);
    assert!(renewed(&sealer), "and back");
    step(&mut sealer, 3_604, 3_604);
    assert!(!renewed(&sealer));
    let before = generation(&sealer.salt);
    sealer.counter = SALT_DATAGRAMS_MAX;
    sealer.seal(&Ring::default(), &zone("lan"), b"x");
    assert!(renewed(&sealer), "after many datagrams");
    assert_eq!(sealer.counter, 1);
    assert!(generation(&sealer.salt) > before);
}

#[test]
fn what_is_remembered_of_others_has_a_bound() {
    let ring = Ring::of_file(key(1));
    let rings = rings(&[("lan", ring.clone())]);
    let mut to = sealer(2, 1);
    let mut ids = (0_u32..).map(|count| {
        let mut id = [9; 16];
        id[..4].copy_from_slice(&count.to_be_bytes());
        NodeId::from_random(id)
    });
    let steady = ids.next().unwrap();
    let mut steady = Sealer::new(steady, 1, salts(1), Moment::default(), WALL);
    for (count, id) in ids.take(GOSSIP_SENDERS_MAX + 1_000).enumerate() {
        let salt = [(count % 251) as u8; 12];
        let mut salt = salt;
        salt[4..8].copy_from_slice(&(count as u32).to_be_bytes());
        let mut from = Sealer::new(id, 1, Box::new(move || salt), Moment::default(), WALL);
        let packet = from.seal(&ring, &zone("lan"), b"x");
        assert!(to.open(&zone("lan"), &rings, &packet).is_ok());
        if count % 100 == 0 {
            let packet = steady.seal(&ring, &zone("lan"), b"x");
            assert!(to.open(&zone("lan"), &rings, &packet).is_ok());
        }
        let (senders, subkeys) = to.held();
        assert!(senders <= GOSSIP_SENDERS_MAX && subkeys <= GOSSIP_SUBKEYS_MAX);
    }
    let held = (key(1).fingerprint(), steady.salt);
    assert!(to.subkeys.contains_key(&held), "who speaks is kept");
}

#[test]
fn each_reason_to_drop_has_a_name_of_its_own() {
    let names: BTreeSet<_> = Dropped::ALL.iter().map(|why| why.as_str()).collect();
    assert_eq!(names.len(), Dropped::ALL.len());
}

proptest! {
    #[test]
    fn no_nonce_comes_twice_whatever_happens(steps in prop::collection::vec(0_u8..7, 1..300)) {
        let mut from = sealer(1, 1);
        let (mut now, mut wall) = (0, 10_000);
        let mut seen = BTreeSet::new();
        let rings = [
            Ring::default(),
            Ring::of_file(key(1)),
            Ring::of_file(key(2)),
        ];
        for step in steps {
            match step {
                0 => now += 1_800,
                1 => wall += 5_000,
                2 => wall -= wall.min(5_000),
                3 => from.counter = from.counter.max(SALT_DATAGRAMS_MAX - 1),
                _ => {}
            }
            from.tick(at(now).0, at(wall).1);
            let ring = &rings[usize::from(step) % 3];
            let packet = from.seal(ring, &zone("lan"), b"x");
            // One key derives another subkey for each salt: salt and counter name a nonce.
            prop_assert!(seen.insert(packet[5..25].to_vec()));
            wall += 1;
            now += 1;
        }
    }

    #[test]
    fn junk_is_dropped_and_leaves_no_trace(
        junk in prop::collection::vec(any::<u8>(), 0..1_400),
        known in any::<bool>(),
    ) {
        let mut pair = Pair::new();
        let mut junk = junk;
        if known && junk.len() > 5 {
            junk[0] = 1;
            junk[1..5].copy_from_slice(&key(1).fingerprint());
        }
        prop_assert!(pair.open(&junk).is_err());
        prop_assert_eq!(pair.to.held(), (0, 0));
    }
}
