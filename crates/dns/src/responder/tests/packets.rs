//! What a packet looks like: codes, flags, sizes, and what becomes of odd ones.

use super::*;

#[test]
fn what_is_not_there_may_be_remembered_for_a_while() {
    let mut responder = responder(cluster(three()));
    for (name, code, ttl) in [
        ("none.group.opsbro", wire::NXDOMAIN, 6),
        ("none.name.opsbro", wire::NXDOMAIN, 61),
        ("none.service.opsbro", wire::NXDOMAIN, 8),
    ] {
        let packet = question(1, &Name::parse(name).unwrap(), wire::A, 1_232);
        let message = send(&mut responder, &packet, Transport::Udp).unwrap();
        assert_eq!(message.code, code);
        let soa = &message.authority[0];
        assert_eq!(
            (soa.kind, soa.ttl, soa.negative_ttl),
            (wire::SOA, ttl, Some(ttl))
        );
        assert!(message.flags & wire::AA != 0);
    }
}

#[test]
fn answers_fit_what_the_asker_takes() {
    let many = (1..=200).map(|number| node(number, &format!("n-{number}"), &["all"]));
    let mut responder = responder(cluster(many.collect()));
    let name = Name::parse("all.group.opsbro").unwrap();
    let mut lengths = Vec::new();
    for (source, size, transport) in [
        ("127.0.0.1:9", 512, Transport::Udp),
        ("127.0.0.1:9", 4_096, Transport::Udp),
        ("192.0.2.1:9", 4_096, Transport::Udp),
        ("192.0.2.1:9", 0, Transport::Udp),
        ("192.0.2.1:9", 512, Transport::Tcp),
    ] {
        let packet = question(1, &name, wire::A, size);
        let mut out = Vec::new();
        let source = source.parse().unwrap();
        responder.respond(Moment::default(), source, transport, &packet, &mut out);
        let message = Message::decode(&out).unwrap();
        let is_cut = message.flags & wire::TC != 0;
        lengths.push((out.len(), message.answers.len(), is_cut));
    }
    assert_eq!(
        lengths,
        [
            (509, 29, true),
            (3_245, 200, false),
            (1_229, 74, true),
            (509, 29, true),
            (3_245, 200, false),
        ]
    );
}

#[test]
fn the_question_is_repeated_as_it_was_written() {
    let mut responder = responder(cluster(three()));
    let mut packet = question(
        0xbeef,
        &Name::parse("web.group.opsbro").unwrap(),
        wire::A,
        512,
    );
    packet[13] = b'W';
    let mut out = Vec::new();
    let source = "127.0.0.1:9".parse().unwrap();
    responder.respond(Moment::default(), source, Transport::Udp, &packet, &mut out);
    assert_eq!(out[..2], [0xbe, 0xef]);
    assert_eq!(out[12..30], packet[12..30]);
    assert!(
        out[2] & 1 == 1 && out[3] & 0x80 == 0,
        "RD is repeated, RA is not claimed"
    );
}

#[test]
fn odd_queries_get_the_right_code() {
    let mut responder = responder(cluster(three()));
    let good = question(1, &Name::parse("web.group.opsbro").unwrap(), wire::A, 512);
    let mut code = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        send(&mut responder, &packet, Transport::Udp).map(|it| wire::code_name(it.code))
    };
    let answered = |code: &str| Some(code.to_owned());
    assert_eq!(code(0, 0), answered("NOERROR"));
    assert_eq!(code(2, 0x80), None, "an answer");
    assert_eq!(code(2, 0x10), answered("NOTIMP"));
    assert_eq!(code(5, 0), answered("FORMERR"));
    assert_eq!(code(good.len() - 12, 3), answered("REFUSED"), "class CH");
    assert_eq!(code(good.len() - 5, 1), answered("BADVERS"));
    assert_eq!(responder.counts().junk, 1);
}

#[test]
fn forged_senders_are_sent_to_tcp() {
    let mut responder = responder(cluster(three()));
    responder.rules.answers_per_second = 5;
    responder.limiter = Limiter::new(5, 1);
    let packet = question(1, &Name::parse("web.group.opsbro").unwrap(), wire::A, 1_232);
    let source = "192.0.2.1:99".parse().unwrap();
    let now = Moment::from_start(Duration::from_secs(1));
    let mut out = Vec::new();
    for _ in 0..20 {
        responder.respond(now, source, Transport::Udp, &packet, &mut out);
        assert!(out.len() <= 80);
    }
    let counts = responder.counts();
    assert_eq!((counts.answered, counts.cut, counts.limited), (13, 8, 7));
    let tcp = responder.respond(now, source, Transport::Tcp, &packet, &mut out);
    assert_eq!(tcp, Reaction::Answered);
}

#[test]
fn signatures_are_not_promised_to_who_wants_them() {
    let mut responder = responder(cluster(three()));
    let mut packet = question(1, &Name::parse("web.group.opsbro").unwrap(), wire::A, 512);
    let flags = packet.len() - 4;
    packet[flags] = 0x80;
    let mut out = Vec::new();
    let source = "127.0.0.1:9".parse().unwrap();
    responder.respond(Moment::default(), source, Transport::Udp, &packet, &mut out);
    assert_eq!(out[out.len() - 4..], [0; 4], "no flag and no option");
}
