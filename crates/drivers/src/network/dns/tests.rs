//! Packets as servers send them, and junk.

use super::*;

const NAME: &str = "www.example.com";

fn ask(name: &str, kind: RecordType) -> Option<Vec<u8>> {
    question(7, name, kind, Some(UDP_BYTES_MAX))
}

/// Makes an answer: the flags, the question as it was, and the records.
fn answer(question: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let end = question.len() - 11;
    let mut packet = question[..2].to_vec();
    packet.extend_from_slice(&flags.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet.extend_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&question[12..end]);
    for (number, data) in records {
        // The name of the question, class IN, 300 seconds.
        packet.extend_from_slice(&[0xc0, 12]);
        packet.extend_from_slice(&number.to_be_bytes());
        packet.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
        packet.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(data);
    }
    packet
}

fn records(kind: &str, number: u16, data: &[&[u8]]) -> Vec<String> {
    let kind = RecordType::parse(kind).unwrap();
    let question = ask(NAME, kind).unwrap();
    let list: Vec<_> = data.iter().map(|data| (number, *data)).collect();
    let packet = answer(&question, 0x8180, &list);
    Records::new(&read(&packet, 7, NAME, kind).unwrap(), kind).answers
}

#[test]
fn records_are_written_as_people_write_them() {
    assert_eq!(
        records("a", 1, &[&[192, 0, 2, 1], &[192, 0, 2, 2]]),
        ["192.0.2.1", "192.0.2.2"]
    );
    let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(records("AAAA", 28, &[&v6]), ["2001:db8::1"]);
    // `mail`, then the name of the question from its second label on.
    let mail = [4, b'm', b'a', b'i', b'l', 0xc0, 16];
    assert_eq!(records("CNAME", 5, &[&mail]), ["mail.example.com"]);
    assert_eq!(
        records("MX", 15, &[&[&[0, 10], &mail[..]].concat()]),
        ["10 mail.example.com"]
    );
    let srv = [&[0, 1, 0, 2, 0, 80], &mail[..]].concat();
    assert_eq!(records("SRV", 33, &[&srv]), ["1 2 80 mail.example.com"]);
    let soa = [&mail[..], &mail[..], &[0, 0, 0, 9], &[0; 16]].concat();
    assert_eq!(
        records("SOA", 6, &[&soa]),
        ["mail.example.com mail.example.com 9"]
    );
    assert_eq!(records("TXT", 16, &[b"\x03a b\x02\x1bc"]), ["a b?c"]);
    // An alias in front of what was asked for is passed over; what is too short too.
    assert_eq!(records("A", 5, &[&mail]), Vec::<String>::new());
    assert_eq!(records("A", 1, &[&[1, 2, 3]]), Vec::<String>::new());
}

#[test]
fn what_is_not_the_answer_is_none() {
    let kind = RecordType::A;
    let asked = ask(NAME, kind).unwrap();
    let good = answer(&asked, 0x8180, &[(1, &[192, 0, 2, 1])]);
    assert!(read(&good, 7, NAME, kind).is_some());
    assert!(read(&good, 8, NAME, kind).is_none(), "another number");
    assert!(
        read(&good, 7, "www.example.org", kind).is_none(),
        "another name"
    );
    assert!(
        read(&good, 7, NAME, RecordType::Mx).is_none(),
        "another type"
    );
    assert!(
        read(&answer(&asked, 0x0180, &[]), 7, NAME, kind).is_none(),
        "a question"
    );
    let code = |flags| {
        let packet = read(&answer(&asked, flags, &[]), 7, NAME, kind).unwrap();
        Records::new(&packet, kind).code
    };
    let codes = [0x8180, 0x8183, 0x8182, 0x8185, 0x818f].map(code);
    assert_eq!(
        codes,
        [
            "NOERROR",
            "NXDOMAIN",
            "SERVFAIL",
            "REFUSED",
            "another failure"
        ]
    );
    for length in 0..good.len() {
        // The records that are whole count; a head that is not counts for nothing.
        if let Some(part) = read(&good[..length], 7, NAME, kind) {
            assert!(part.records.is_empty());
        }
    }
    for index in 0..good.len() {
        for bit in 0..8 {
            let mut bent = good.clone();
            bent[index] ^= 1 << bit;
            if let Some(packet) = read(&bent, 7, NAME, kind) {
                assert!(packet.records.len() <= 1);
            }
        }
    }
    // A name that leads to itself.
    let mut endless = answer(&asked, 0x8180, &[(5, &[0xc0, 45])]);
    let at = u8::try_from(endless.len() - 2).unwrap();
    *endless.last_mut().unwrap() = at;
    let found = read(&endless, 7, NAME, RecordType::A).unwrap();
    assert!(found.records.is_empty());
}

#[test]
fn only_names_that_dns_has_are_asked_for() {
    let fits = |name: &str| ask(name, RecordType::A).is_some();
    assert!(fits("a") && fits("a.b.") && fits("_sip._tcp.example.com") && fits("."));
    assert!(fits(&"a.".repeat(126)));
    for wrong in ["a..b", ".a", &"a".repeat(64), &"a.".repeat(128), "é.de"] {
        assert!(!fits(wrong), "{wrong}");
    }
}
