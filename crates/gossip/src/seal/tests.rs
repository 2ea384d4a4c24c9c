//! Rings: ordered, merged, read from disk, and refused.

use model::MemberState;

use super::*;
use crate::input::KeyOrder;
use crate::output::Refusal;
use crate::wire::Malformed;

const NOW: WallTime = WallTime::from_millis(1_700_000_000_000);

fn key(byte: u8) -> Key {
    Key::from_random([byte; 32])
}

fn zone() -> Zone {
    Zone::parse("lan").unwrap()
}

fn holder(name: &str, state: MemberState, version: u64, key: &Key) -> Holder {
    Holder {
        name: name.into(),
        state,
        keys: (version, Some(key.fingerprint())),
    }
}

fn order(ring: &Ring, order: KeyOrder, holders: &[Holder]) -> Result<Ring, Refusal> {
    ring.ordered(&zone(), &order, holders, NOW)
}

fn use_key(key: &Key, force: bool) -> KeyOrder {
    let key = key.fingerprint();
    KeyOrder::Use { key, force }
}

fn remove(key: &Key, force: bool) -> KeyOrder {
    let key = key.fingerprint();
    KeyOrder::Remove { key, force }
}

#[test]
fn a_rotation_waits_for_each_living_member() {
    use MemberState::{Alive, Dead, Leave, Suspect};
    let (old, new) = (key(1), key(2));
    let file = Ring::of_file(old.clone());
    let added = order(&file, KeyOrder::Add(new.clone()), &[]).unwrap();
    assert_eq!(added.told(), (1, Some(old.fingerprint())));
    let lags = [
        holder("web1", Alive, 1, &old),
        holder("web2", Suspect, 0, &old),
        holder("db1", Dead, 0, &old),
        holder("db2", Leave, 0, &old),
    ];
    let behind = Refusal::KeysBehind(vec!["web2".into()]);
    assert_eq!(order(&added, use_key(&new, false), &lags), Err(behind));
    assert!(order(&added, use_key(&new, true), &lags).is_ok());
    let holds = [holder("web1", Alive, 1, &old), holder("db1", Dead, 0, &old)];
    let used = order(&added, use_key(&new, false), &holds).unwrap();
    assert_eq!(used.told(), (2, Some(new.fingerprint())));

    let sealing = Refusal::KeySeals(zone(), shown(new.fingerprint()));
    assert_eq!(order(&used, remove(&new, true), &[]), Err(sealing));
    let needs = [
        holder("web1", Alive, 2, &old),
        holder("web2", Alive, 1, &new),
    ];
    let needed = Refusal::KeyNeeded(vec!["web1".into(), "web2".into()]);
    assert_eq!(order(&used, remove(&old, false), &needs), Err(needed));
    let done = [holder("web1", Alive, 2, &new), holder("db1", Dead, 0, &old)];
    let retired = order(&used, remove(&old, false), &done).unwrap();
    let (_, is) = retired.find(old.fingerprint()).unwrap();
    let until = WallTime::from_millis(NOW.as_millis() + 30 * 86_400_000);
    assert_eq!(is, Use::Retired { until });

    // The sleeper still needs it; a key in wrong hands goes all the same.
    let needed = Refusal::KeyNeeded(vec!["db1".into()]);
    assert_eq!(order(&retired, remove(&old, false), &done), Err(needed));
    let gone = order(&retired, remove(&old, true), &done).unwrap();
    assert_eq!(gone.find(old.fingerprint()), None);
    let leaked = order(&used, remove(&old, true), &needs).unwrap();
    assert_eq!(leaked.find(old.fingerprint()), None);
}

#[test]
fn orders_that_change_nothing_raise_no_version() {
    let ring = Ring::of_file(key(1));
    assert_eq!(order(&ring, KeyOrder::Add(key(1)), &[]).unwrap(), ring);
    assert_eq!(order(&ring, use_key(&key(1), false), &[]).unwrap(), ring);
    let unknown = Refusal::UnknownKey(zone(), shown(key(9).fingerprint()));
    assert_eq!(order(&ring, remove(&key(9), true), &[]), Err(unknown));
}

#[test]
fn a_ring_has_a_limit_of_keys_and_drops_those_whose_grace_is_over() {
    let mut ring = Ring::of_file(key(1));
    for byte in 2..=16 {
        ring = order(&ring, KeyOrder::Add(key(byte)), &[]).unwrap();
    }
    assert!(matches!(
        order(&ring, KeyOrder::Add(key(17)), &[]),
        Err(Refusal::TooMuch(_))
    ));
    ring.keys[3].1 = Use::Retired { until: NOW };
    let ring = order(&ring, KeyOrder::Add(key(17)), &[]).unwrap();
    assert_eq!(ring.keys.len(), 16);
    assert!(ring.encode().len() <= RING_BYTES_MAX);
    assert_eq!(Ring::decode(&ring.encode()), Ok(ring));
}

#[test]
fn the_first_key_of_an_open_zone_seals_when_all_have_it() {
    let open = Ring::default();
    let added = order(&open, KeyOrder::Add(key(1)), &[]).unwrap();
    assert!(added.is_open());
    let used = order(&added, use_key(&key(1), false), &[]).unwrap();
    assert!(!used.is_open());
}

#[test]
fn of_two_rings_the_same_one_wins_everywhere() {
    let base = order(&Ring::of_file(key(1)), KeyOrder::Add(key(2)), &[]).unwrap();
    let one = order(&base, KeyOrder::Add(key(3)), &[]).unwrap();
    let two = order(&base, KeyOrder::Add(key(4)), &[]).unwrap();
    let (mut here, mut there) = (one.clone(), two.clone());
    let changed = (here.merge(two), there.merge(one.clone()));
    assert_eq!(here, there);
    assert!(changed.0 != changed.1, "{changed:?}");
    let mut newer = here.clone();
    assert!(!newer.merge(base));
    assert!(!newer.merge(here));
    let mut from_file = Ring::of_file(key(5));
    assert!(!from_file.merge(Ring::of_file(key(6))));
    assert!(from_file.merge(one));
}

#[test]
fn a_file_that_is_gone_opens_nothing_and_a_new_key_stands_alone() {
    let kept = order(&Ring::of_file(key(1)), KeyOrder::Add(key(2)), &[]).unwrap();
    assert_eq!(Ring::from_disk(None, Some(kept.clone())), kept);
    assert_eq!(Ring::from_disk(Some(key(2)), Some(kept.clone())), kept);
    assert_eq!(
        Ring::from_disk(Some(key(3)), Some(kept)),
        Ring::of_file(key(3))
    );
    assert_eq!(Ring::from_disk(None, None), Ring::default());
}

#[test]
fn status_names_who_lags_and_no_key() {
    let ring = order(&Ring::of_file(key(1)), KeyOrder::Add(key(2)), &[]).unwrap();
    let node = |byte| NodeId::from_random([byte; 16]);
    let status = ring.status(&zone(), [(node(1), 1), (node(2), 0)]);
    assert_eq!(status.behind, [(node(2), 0)]);
    assert_eq!(status.keys.len(), 2);
}

#[test]
fn a_damaged_ring_is_refused() {
    let ring = order(&Ring::of_file(key(1)), KeyOrder::Add(key(2)), &[]).unwrap();
    let bytes = ring.encode();
    for length in 0..bytes.len() {
        assert!(Ring::decode(&bytes[..length]).is_err(), "{length}");
    }
    let mut two_seal = ring.clone();
    two_seal.keys[1].1 = Use::Seals;
    assert_eq!(Ring::decode(&two_seal.encode()), Err(Malformed::Value));
    let mut twice = ring;
    twice.keys[1].0 = key(1);
    assert_eq!(Ring::decode(&twice.encode()), Err(Malformed::Value));
}
