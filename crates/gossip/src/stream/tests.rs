//! Streams: two ends in one process, with a hand on what is on the way.

use model::WallTime;
use model::limits::{STREAM_MESSAGE_BYTES_MAX, STREAM_REKEY_AFTER};
use proptest::prelude::*;

use super::*;
use crate::seal::{Key, Ring, Rings, Use};

const WALL: WallTime = WallTime::from_millis(1_700_000_000_000);

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn key(byte: u8) -> Key {
    Key::from_random([byte; 32])
}

/// The rings of an end whose zone is the first.
fn end(of: &[(&str, &[(u8, Use)])]) -> (Zone, Rings) {
    let rings = of.iter().map(|(name, keys)| {
        let keys = keys.iter().map(|(byte, use_)| (key(*byte), *use_));
        let ring = Ring {
            version: 1,
            keys: keys.collect(),
        };
        (zone(name), ring)
    });
    (zone(of[0].0), rings.collect())
}

type End = (Zone, Rings);
type Ready = (Channel, Proof);

/// Runs a handshake in pieces of this many bytes, with a hand on what is on the way.
fn run(
    caller: &End,
    answerer: &End,
    piece: usize,
    mut touch: impl FnMut(usize, &mut Vec<u8>),
) -> (Result<Ready, HandshakeError>, Result<Ready, HandshakeError>) {
    let zones: Vec<_> = caller.1.keys().cloned().collect();
    let (mut calls, first) = Caller::new(&caller.0, &caller.1, &zones, WALL);
    let mut answers = Answerer::new(&answerer.0, &answerer.1, WALL);
    let (mut called, mut answered) = (None, None);
    let mut flying = first;
    for turn in 0..6 {
        touch(turn, &mut flying);
        let (mut send, to_caller) = (Vec::new(), turn % 2 == 1);
        for part in flying.chunks(piece) {
            let done = if to_caller {
                &mut called
            } else {
                &mut answered
            };
            if done.is_some() {
                break;
            }
            let step = match to_caller {
                true => calls.advance(part),
                false => answers.advance(part),
            };
            match step {
                Ok(Step::Wait { send: more }) => send.extend(more),
                Ok(Step::Done {
                    send: more,
                    channel,
                    proof,
                    rest,
                }) => {
                    assert!(rest.is_empty());
                    send.extend(more);
                    *done = Some(Ok((channel, proof)));
                }
                Err(error) => {
                    *done = Some(Err(error));
                    if !to_caller {
                        send.extend(answers.farewell());
                    }
                }
            }
        }
        flying = send;
    }
    let missing = || Err(HandshakeError::Ended);
    (
        called.unwrap_or_else(missing),
        answered.unwrap_or_else(missing),
    )
}

fn untouched(_: usize, _: &mut Vec<u8>) {}

fn pair() -> (Channel, Channel) {
    let end = end(&[("lan", &[(1, Use::Seals)])]);
    let (called, answered) = run(&end, &end, 1_000, untouched);
    (called.unwrap().0, answered.unwrap().0)
}

#[test]
fn two_ends_with_a_key_prove_it_and_talk() {
    let end = end(&[("lan", &[(1, Use::Seals)])]);
    for piece in [1, 7, 1_000] {
        let (called, answered) = run(&end, &end, piece, untouched);
        let ((mut caller, one), (mut answerer, two)) = (called.unwrap(), answered.unwrap());
        assert_eq!(one.zone, Some(zone("lan")));
        assert_eq!(one, two);
        let request = caller.seal(b"the request").unwrap();
        assert!(!request.windows(7).any(|window| window == b"request"));
        assert_eq!(answerer.open(&request).unwrap(), [b"the request"]);
        let answer = answerer.seal(b"").unwrap();
        assert_eq!(caller.open(&answer).unwrap(), [b""]);
        assert!(caller.is_between() && answerer.is_between());
    }
}

#[test]
fn says_why_two_ends_do_not_meet() {
    let retired = Use::Retired { until: WALL };
    let one = end(&[("lan", &[(1, Use::Seals)])]);
    let other = end(&[("lan", &[(2, Use::Seals), (1, retired)])]);
    let same_key = end(&[("internet", &[(1, Use::Seals)])]);
    let open = end(&[("lan", &[])]);
    let fails = |caller, answerer| {
        let (called, answered) = run(caller, answerer, 1_000, untouched);
        (called.unwrap_err(), answered.unwrap_err())
    };
    use HandshakeError::{NoCommonKey, NotOpenThere, OpenThere};
    assert_eq!(fails(&one, &other), (NoCommonKey, NoCommonKey));
    assert_eq!(fails(&one, &same_key), (NoCommonKey, NoCommonKey));
    assert_eq!(fails(&open, &one), (NotOpenThere, OpenThere));
    assert_eq!(fails(&one, &open), (OpenThere, NotOpenThere));
    assert_eq!(CallError::from(NotOpenThere), CallError::NoKeyHere);
    assert_eq!(CallError::from(OpenThere), CallError::NoKeyThere);
}

#[test]
fn open_ends_meet_and_prove_nothing() {
    let open = end(&[("lan", &[(1, Use::Accepted)])]);
    let (called, answered) = run(&open, &end(&[("internet", &[])]), 1_000, untouched);
    let zone = |ready: Result<Ready, _>| ready.unwrap().1.zone;
    assert_eq!((zone(called), zone(answered)), (None, None));
}

#[test]
fn a_sleeper_with_a_retired_key_is_known_as_one() {
    let until = WallTime::from_millis(WALL.as_millis() + 1);
    let sleeper = end(&[("lan", &[(1, Use::Seals)])]);
    let rotated = end(&[("lan", &[(1, Use::Retired { until }), (2, Use::Seals)])]);
    let (called, answered) = run(&sleeper, &rotated, 1_000, untouched);
    assert!(answered.unwrap().1.retired);
    assert!(!called.unwrap().1.retired);
    let (called, answered) = run(&rotated, &sleeper, 1_000, untouched);
    assert!(called.unwrap().1.retired);
    assert!(!answered.unwrap().1.retired);
    // A key that is not retired is always preferred.
    let both = end(&[("lan", &[(1, Use::Seals), (2, Use::Accepted)])]);
    let (_, answered) = run(&both, &rotated, 1_000, untouched);
    assert!(!answered.unwrap().1.retired);
}

#[test]
fn an_end_above_meets_one_below_with_the_key_of_the_lower_zone() {
    let above = end(&[
        ("lan", &[(1, Use::Seals)]),
        ("internet", &[(2, Use::Seals)]),
    ]);
    let below = end(&[("internet", &[(2, Use::Seals)])]);
    for (caller, answerer) in [(&above, &below), (&below, &above)] {
        let (called, answered) = run(caller, answerer, 1_000, untouched);
        assert_eq!(called.unwrap().1.zone, Some(zone("internet")));
        assert_eq!(answered.unwrap().1.zone, Some(zone("internet")));
    }
}

#[test]
fn no_bit_of_a_handshake_may_change_and_none_may_be_missing() {
    let until = WallTime::from_millis(WALL.as_millis() + 1);
    let end = end(&[("lan", &[(1, Use::Seals), (2, Use::Retired { until })])]);
    let mut lengths = Vec::new();
    let _ = run(&end, &end, 1_000, |_, bytes| lengths.push(bytes.len()));
    assert_eq!(lengths[..4], [18, 10, 48, 48]);
    for (turn, length) in lengths.iter().copied().enumerate().take(4) {
        for bit in 0..length * 8 {
            let (called, answered) = run(&end, &end, 1_000, |at, bytes| {
                if at == turn && bytes.len() * 8 > bit {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            });
            // The answerer is ready before his last message arrives, and hears nothing more.
            let whole = called.is_ok() && answered.is_ok();
            assert!(!whole, "turn {turn}, bit {bit}");
        }
        for length in 0..length {
            let (called, _) = run(&end, &end, 1_000, |at, bytes| {
                if at == turn {
                    bytes.truncate(length);
                }
            });
            assert!(called.is_err(), "turn {turn}, {length} bytes");
        }
    }
}

#[test]
fn nobody_moves_two_ends_to_a_retired_key() {
    let until = WallTime::from_millis(WALL.as_millis() + 1);
    let end = end(&[("lan", &[(1, Use::Seals), (2, Use::Retired { until })])]);
    let (called, answered) = run(&end, &end, 1_000, |turn, bytes| {
        if turn == 0 {
            bytes.drain(2..10);
            bytes[1] = 1;
        }
    });
    assert_eq!(answered.unwrap_err(), HandshakeError::Forged);
    assert!(called.is_err());
}

#[test]
fn long_messages_are_cut_and_too_long_ones_refused() {
    let (mut caller, mut answerer) = pair();
    for length in [65_518, 65_519, 200_000, STREAM_MESSAGE_BYTES_MAX] {
        let message: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let bytes = caller.seal(&message).unwrap();
        let mut got = Vec::new();
        for part in bytes.chunks(50_000) {
            got.extend(answerer.open(part).unwrap());
        }
        assert!(got == [message], "{length}");
    }
    let long = vec![0; STREAM_MESSAGE_BYTES_MAX + 1];
    assert_eq!(caller.seal(&long), Err(ChannelError::TooLong));
}

#[test]
fn keys_are_renewed_under_way_in_both_directions() {
    let (mut caller, mut answerer) = pair();
    for count in 0..STREAM_REKEY_AFTER * 2 + 10 {
        let message = count.to_be_bytes();
        let bytes = caller.seal(&message).unwrap();
        assert_eq!(answerer.open(&bytes).unwrap(), [message]);
        if count % 3 == 0 {
            let bytes = answerer.seal(&message).unwrap();
            assert_eq!(caller.open(&bytes).unwrap(), [message]);
        }
    }
}

#[test]
fn a_channel_ends_when_bytes_change_repeat_or_are_left_out() {
    for bit in 0..8 * 40 {
        let (mut caller, mut answerer) = pair();
        let mut bytes = caller.seal(b"a message of 21 bytes").unwrap();
        assert_eq!(bytes.len(), 40);
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes.extend([0; 70_000]);
        assert_eq!(answerer.open(&bytes), Err(ChannelError::Forged));
        assert_eq!(answerer.open(&[]), Err(ChannelError::Broken));
        assert!(!answerer.is_between());
    }
    let (mut caller, mut answerer) = pair();
    let (one, two) = (caller.seal(b"1").unwrap(), caller.seal(b"2").unwrap());
    assert_eq!(answerer.open(&two), Err(ChannelError::Forged));
    let (_, mut other) = pair();
    assert_eq!(other.open(&one), Err(ChannelError::Forged));
    let (mut caller, mut answerer) = pair();
    let one = caller.seal(b"1").unwrap();
    assert!(answerer.open(&one).is_ok());
    assert_eq!(answerer.open(&one), Err(ChannelError::Forged));
}

#[test]
fn a_stream_cut_in_the_middle_is_seen() {
    let (mut caller, mut answerer) = pair();
    let bytes = caller.seal(&[1; 100_000]).unwrap();
    let mut from = 0;
    for cut in [1, 2, 100, 65_540, bytes.len() - 1] {
        assert!(answerer.open(&bytes[from..cut]).unwrap().is_empty());
        assert!(!answerer.is_between());
        from = cut;
    }
    assert_eq!(answerer.open(&bytes[from..]).unwrap().len(), 1);
    assert!(answerer.is_between());
}

#[test]
fn a_proof_that_came_before_the_choice_is_refused() {
    let end = end(&[("lan", &[(1, Use::Seals)])]);
    let (_, mut first) = Caller::new(&end.0, &end.1, std::slice::from_ref(&end.0), WALL);
    first.extend([0; 48]);
    let mut answerer = Answerer::new(&end.0, &end.1, WALL);
    let refused = answerer.advance(&first);
    assert!(matches!(refused, Err(HandshakeError::NotOurs(_))));
    assert!(matches!(answerer.advance(&[]), Err(HandshakeError::Ended)));
}

#[test]
fn another_version_is_named() {
    let end = end(&[("lan", &[(1, Use::Seals)])]);
    let (called, answered) = run(&end, &end, 1_000, |turn, bytes| {
        if turn == 0 {
            bytes[0] = 9;
        }
    });
    let expected = HandshakeError::Version { theirs: 9, ours: 1 };
    assert_eq!(answered.unwrap_err(), expected);
    assert!(called.is_err());
}

proptest! {
    #[test]
    fn junk_ends_a_handshake_or_waits_for_more(
        junk in prop::collection::vec(any::<u8>(), 0..600),
        ours in any::<bool>(),
    ) {
        let end = end(&[("lan", &[(1, Use::Seals)])]);
        let mut junk = junk;
        if ours && junk.len() > 2 {
            junk[..2].copy_from_slice(&[1, 1]);
        }
        let mut answerer = Answerer::new(&end.0, &end.1, WALL);
        let done = matches!(answerer.advance(&junk), Ok(Step::Done { .. }));
        prop_assert!(!done);
        let (mut caller, _) = Caller::new(&end.0, &end.1, std::slice::from_ref(&end.0), WALL);
        let done = matches!(caller.advance(&junk), Ok(Step::Done { .. }));
        prop_assert!(!done);
        let (_, mut channel) = pair();
        if let Ok(messages) = channel.open(&junk) {
            prop_assert!(messages.is_empty());
        }
    }
}
