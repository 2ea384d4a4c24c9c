//! Answers as servers send them, and as nobody should.

use super::*;
use crate::network::dns;

const ID: u16 = 0x1c2d;
const ASKED: &str = "10.2.0.192.in-addr.arpa";

fn question() -> Vec<u8> {
    dns::question(ID, ASKED, RecordType::Ptr, None).unwrap()
}

fn read_answer(packet: &[u8], id: u16, asked: &str) -> Option<Answer> {
    let packet = dns::read(packet, id, asked, RecordType::Ptr)?;
    Some(Answer::new(&packet, asked))
}

/// The question of [`ASKED`], as it stands in each packet.
fn asked() -> Vec<u8> {
    question()[12..].to_vec()
}

/// An answer with these flags and records, each as `(owner, type, data)`.
fn packet(flags: u16, records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
    let mut packet = Vec::new();
    for number in [ID, flags, 1, u16::try_from(records.len()).unwrap(), 0, 0] {
        packet.extend_from_slice(&number.to_be_bytes());
    }
    packet.extend(asked());
    for (owner, kind, data) in records {
        packet.extend_from_slice(owner);
        packet.extend_from_slice(&kind.to_be_bytes());
        packet.extend_from_slice(&[0, 1, 0, 0, 0x0e, 0x10]);
        packet.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(data);
    }
    packet
}

/// Writes a name without compression.
fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The owner of an answer is nearly always a pointer to the question.
const TO_QUESTION: &[u8] = &[0xc0, 12];

#[track_caller]
fn check(packet: &[u8], expect: Option<Answer>) {
    assert_eq!(read_answer(packet, ID, ASKED), expect);
}

fn is_named(text: &str) -> Option<Answer> {
    Some(Answer::Name(text.to_owned()))
}

#[test]
fn addresses_are_written_backwards() {
    for (address, expect) in [
        ("192.0.2.10", ASKED),
        ("::ffff:192.0.2.10", ASKED),
        (
            "2001:db8::567:89ab",
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        ),
    ] {
        assert_eq!(reverse_name(address.parse().unwrap()), expect);
    }
}

#[test]
fn a_question_is_what_a_server_expects() {
    // As `dig -x 192.0.2.10 +noedns +noad` sends it.
    let expect =
        b"\x1c\x2d\x01\0\0\x01\0\0\0\0\0\0\x0210\x012\x010\x03192\x07in-addr\x04arpa\0\0\x0c\0\x01";
    assert_eq!(question(), expect);
}

#[test]
fn a_recorded_answer_gives_the_name() {
    // The shape in which unbound answers: the owner and the end of the name are pointers.
    let mut recorded = question();
    recorded[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    recorded
        .extend_from_slice(b"\xc0\x0c\0\x0c\0\x01\0\0\x0e\x10\0\x11\x03db1\x07example\x03com\0");
    check(&recorded, is_named("db1.example.com"));
}

#[test]
fn the_first_name_counts_and_other_records_do_not() {
    let records: &[(&[u8], u16, &[u8])] = &[
        (TO_QUESTION, 46, b"\0\x0csignature"),
        (&name("other.example.com"), 12, &name("wrong.example.com")),
        (TO_QUESTION, 12, &name("db1.example.com")),
        (TO_QUESTION, 12, &name("db2.example.com")),
    ];
    check(&packet(0x8180, records), is_named("db1.example.com"));
}

#[test]
fn an_alias_is_followed_but_not_in_circles() {
    let alias = name("10.0-25.2.0.192.in-addr.arpa");
    let delegated: &[(&[u8], u16, &[u8])] = &[
        (TO_QUESTION, 5, &alias),
        (&alias, 12, &name("db1.example.com")),
    ];
    check(&packet(0x8180, delegated), is_named("db1.example.com"));
    let circle: &[(&[u8], u16, &[u8])] = &[(TO_QUESTION, 5, &alias), (&alias, 5, TO_QUESTION)];
    check(&packet(0x8180, circle), Some(Answer::None));
}

#[test]
fn an_address_without_a_name_is_an_answer() {
    check(&packet(0x8180, &[]), Some(Answer::None));
    check(&packet(0x8183, &[]), Some(Answer::None));
}

#[test]
fn a_server_that_failed_says_so() {
    check(
        &packet(0x8182, &[]),
        Some(Answer::Failed("it could not ask the servers above it")),
    );
    check(
        &packet(0x8185, &[]),
        Some(Answer::Failed("it refuses to answer this machine")),
    );
    check(
        &packet(0x818f, &[]),
        Some(Answer::Failed("it failed for a reason of its own")),
    );
}

#[test]
fn answers_to_other_questions_are_none() {
    let good = packet(0x8180, &[(TO_QUESTION, 12, &name("db1.example.com"))]);
    assert_eq!(read_answer(&good, ID + 1, ASKED), None);
    assert_eq!(read_answer(&good, ID, "11.2.0.192.in-addr.arpa"), None);
    assert!(read_answer(&good, ID, &ASKED.to_uppercase()).is_some());
    check(&packet(0x0100, &[]), None);
    check(&packet(0xa980, &[]), None);
}

#[test]
fn names_that_no_host_has_are_not_passed_on() {
    for bad in [
        &b"\x03a\nb\0"[..],
        b"\x03\xff\xfe\xfd\0",
        b"\x03a b\0",
        b"\x05<b>x;\0",
        b"\0",
    ] {
        check(
            &packet(0x8180, &[(TO_QUESTION, 12, bad)]),
            Some(Answer::None),
        );
    }
    // A dot inside of a label.
    check(
        &packet(0x8180, &[(TO_QUESTION, 12, b"\x03a.b\0")]),
        Some(Answer::None),
    );
}

#[test]
fn junk_is_never_more_than_junk() {
    let start = packet(0x8180, &[]).len();
    let itself = (0xc000 + start as u16 + 12).to_be_bytes();
    let ahead = (0xc000 + start as u16 + 13).to_be_bytes();
    let reserved = [0x80, 1];
    let long = [&[63; 64][..]; 5].concat();
    for data in [&itself[..], &ahead, &reserved, b"\x09short", &long, b""] {
        check(
            &packet(0x8180, &[(TO_QUESTION, 12, data)]),
            Some(Answer::None),
        );
    }
    let good = packet(0x8180, &[(TO_QUESTION, 12, &name("db1.example.com"))]);
    for length in 0..good.len() {
        let answer = read_answer(&good[..length], ID, ASKED);
        assert!(
            matches!(answer, None | Some(Answer::None)),
            "{length}: {answer:?}"
        );
    }
    for index in 0..good.len() {
        for bit in 0..8 {
            let mut bent = good.clone();
            bent[index] ^= 1 << bit;
            // Any answer will do, but one there must be.
            let _ = read_answer(&bent, ID, ASKED);
        }
    }
}
