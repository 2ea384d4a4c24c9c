//! What a resolver sees of a cluster, as `question` gives lines of the answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::{CheckState, Group, MemberState, Moment, NodeId, WallTime, Zone};

use super::*;
use crate::build::{Config, Ttl, Ttls};
use crate::cluster::{Cluster, Holder, Holders, Node, Protocol, Service, Told};
use crate::message::Message;
use crate::name::Name;
use crate::query::question;

fn at(seconds: u64) -> WallTime {
    WallTime::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn id(number: u8) -> NodeId {
    NodeId::from_random([number; 16])
}

fn node(number: u8, name: &str, groups: &[&str]) -> Node {
    Node {
        told: Arc::new(Told {
            id: id(number),
            name: name.to_owned(),
            display_name: String::new(),
            addresses: vec![IpAddr::from([10, 0, 0, number])],
            zone: Zone::parse("internet").unwrap(),
            groups: groups.iter().map(|it| Group::parse(it).unwrap()).collect(),
            services: Vec::new(),
            facts: vec!["version=0.6.0".to_owned()],
        }),
        state: MemberState::Alive,
        since: at(0),
        accuser: None,
    }
}

fn service(name: &str, state: CheckState, since: u64) -> Service {
    Service {
        name: name.to_owned(),
        port: 80,
        protocol: Protocol::Tcp,
        tags: Vec::new(),
        weight: 1,
        priority: 0,
        ttl: None,
        state,
        since: at(since),
        output: "said so".to_owned(),
        is_withdrawn: false,
    }
}

impl Node {
    fn told(mut self, change: impl FnOnce(&mut Told)) -> Self {
        change(Arc::make_mut(&mut self.told));
        self
    }

    fn with(self, service: Service) -> Self {
        self.told(|told| told.services.push(service))
    }

    fn died(mut self, since: u64) -> Self {
        (self.state, self.since) = (MemberState::Dead, at(since));
        self
    }
}

fn cluster(nodes: Vec<Node>) -> Cluster {
    Cluster {
        own: id(1),
        zone: Zone::parse("internet").unwrap(),
        nodes,
        holders: None,
    }
}

fn config() -> Config {
    let ttl = |positive| Ttl {
        positive,
        negative: positive + 1,
    };
    let ttls = Ttls {
        node: ttl(60),
        group: ttl(5),
        service: ttl(7),
        lock: ttl(1),
    };
    Config::new(Name::parse("opsbro").unwrap(), ttls, 70)
}

fn responder(cluster: Cluster) -> Responder {
    let directory = Directory::new(Arc::new(cluster), &config(), 3);
    let rules = Rules {
        answers_per_second: 1_000,
        forwards: false,
    };
    Responder::new(Arc::new(directory), rules, 0)
}

fn send(responder: &mut Responder, packet: &[u8], transport: Transport) -> Option<Message> {
    let source: SocketAddr = "127.0.0.1:40000".parse().unwrap();
    let mut out = Vec::new();
    let reaction = responder.respond(Moment::default(), source, transport, packet, &mut out);
    (reaction == Reaction::Answered).then(|| Message::decode(&out).unwrap())
}

/// Asks, and writes the answer: the code, then each record of the answer in order.
fn ask(responder: &mut Responder, name: &str, kind: &str) -> Vec<String> {
    let name = Name::parse(name).unwrap();
    let packet = question(1, &name, wire::parse_type(kind).unwrap(), 4_096);
    let message = send(responder, &packet, Transport::Udp).unwrap();
    let mut lines = vec![wire::code_name(message.code)];
    let mut records: Vec<String> = message
        .answers
        .iter()
        .map(|it| format!("{} {}", it.ttl, it.content))
        .collect();
    records.sort();
    lines.extend(records);
    lines
}

fn check(cluster: Cluster, expect: &[(&str, &str, &[&str])]) {
    let mut responder = responder(cluster);
    for (name, kind, lines) in expect {
        assert_eq!(ask(&mut responder, name, kind), *lines, "{kind} of {name}");
    }
}

fn three() -> Vec<Node> {
    vec![
        node(1, "web-1", &["linux", "web"]),
        node(2, "web-2", &["linux", "web"]),
        node(3, "db-1", &["linux"]),
    ]
}

#[test]
fn nodes_and_groups_answer_to_all_their_names() {
    let id_name = format!("{}.name.opsbro", id(2));
    let three = three();
    check(
        cluster(three),
        &[
            ("web-1.name.opsbro", "A", &["NOERROR", "60 10.0.0.1"]),
            (
                "WEB-1.Node.internet.opsbro",
                "A",
                &["NOERROR", "60 10.0.0.1"],
            ),
            ("web-1.name.local.opsbro", "A", &["NOERROR", "60 10.0.0.1"]),
            (&id_name, "A", &["NOERROR", "60 10.0.0.2"]),
            (
                "web.group.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.1", "5 10.0.0.2"],
            ),
            (
                "linux.group.local.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.1", "5 10.0.0.2", "5 10.0.0.3"],
            ),
            ("web.group.opsbro", "AAAA", &["NOERROR"]),
            (
                "web.group.opsbro",
                "TXT",
                &["NOERROR", "5 \"in=2\"", "5 \"members=2\"", "5 \"out=0\""],
            ),
            ("nobody.name.opsbro", "A", &["NXDOMAIN"]),
            ("web.group.elsewhere.opsbro", "A", &["NXDOMAIN"]),
            ("group.opsbro", "A", &["NOERROR"]),
            ("internet.opsbro", "A", &["NOERROR"]),
            ("nonsense.opsbro", "A", &["NXDOMAIN"]),
            ("a.nonsense.opsbro", "A", &["NXDOMAIN"]),
            ("opsbro", "NS", &["NOERROR", "60 web-1.node.opsbro."]),
            (
                "opsbro",
                "SOA",
                &[
                    "NOERROR",
                    "60 web-1.node.opsbro. hostmaster.opsbro. 3 60 60 86400 61",
                ],
            ),
            ("opsbro", "A", &["NOERROR"]),
            (
                "3.0.0.10.in-addr.arpa",
                "PTR",
                &["NOERROR", "60 db-1.node.opsbro."],
            ),
            ("9.0.0.10.in-addr.arpa", "PTR", &["REFUSED"]),
            ("example.org", "A", &["REFUSED"]),
            ("notopsbro", "A", &["REFUSED"]),
            ("web.group.opsbro", "ANY", &["REFUSED"]),
            ("opsbro", "AXFR", &["REFUSED"]),
            ("opsbro", "IXFR", &["REFUSED"]),
        ],
    );
}

#[test]
fn addresses_of_both_families_are_told_apart() {
    let six: IpAddr = "2001:db8::7".parse().unwrap();
    let both = node(2, "web-2", &["web"]).told(|told| told.addresses.push(six));
    let mut reverse = "7".to_owned();
    for digit in "000000000000000000000008bd01002".chars() {
        reverse.push('.');
        reverse.push(digit);
    }
    reverse.push_str(".ip6.arpa");
    check(
        cluster(vec![node(1, "web-1", &["web"]), both]),
        &[
            (
                "web.group.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.1", "5 10.0.0.2"],
            ),
            ("web.group.opsbro", "AAAA", &["NOERROR", "5 2001:db8::7"]),
            (&reverse, "PTR", &["NOERROR", "60 web-2.node.opsbro."]),
        ],
    );
}

#[test]
fn names_that_are_no_labels_get_one() {
    let named = node(2, "host.example.org", &["web"]).told(|told| {
        told.display_name = "Zürich".to_owned();
    });
    check(
        cluster(vec![node(1, "web-1", &["zone::internet"]), named]),
        &[
            ("zürich.name.opsbro", "A", &["NOERROR", "60 10.0.0.2"]),
            (
                "xn--zrich-kva.name.opsbro",
                "A",
                &["NOERROR", "60 10.0.0.2"],
            ),
            (
                "host.example.org.name.opsbro",
                "A",
                &["NOERROR", "60 10.0.0.2"],
            ),
            ("example.org.name.opsbro", "A", &["NOERROR"]),
            (
                &format!("{}.group.opsbro", crate::label("zone::internet")),
                "A",
                &["NOERROR", "5 10.0.0.1"],
            ),
        ],
    );
}

#[test]
fn zones_can_be_asked_for_alone() {
    let mut nodes = three();
    nodes[2] = nodes[2].clone().told(|told| {
        told.zone = Zone::parse("customer-1").unwrap();
    });
    check(
        cluster(nodes),
        &[
            (
                "linux.group.customer-1.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.3"],
            ),
            (
                "linux.group.internet.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.1", "5 10.0.0.2"],
            ),
            (
                "linux.group.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.1", "5 10.0.0.2", "5 10.0.0.3"],
            ),
            ("web.group.customer-1.opsbro", "A", &["NXDOMAIN"]),
        ],
    );
}

#[test]
fn a_service_is_answered_with_its_places() {
    let mut nodes = three();
    let tagged = Service {
        port: 8080,
        tags: vec!["primary".to_owned()],
        weight: 5,
        ttl: Some(2),
        ..service("web", CheckState::Warning, 0)
    };
    nodes[0] = nodes[0].clone().with(service("web", CheckState::Ok, 0));
    nodes[1] = nodes[1].clone().with(tagged);
    check(
        cluster(nodes.clone()),
        &[
            (
                "web.service.opsbro",
                "A",
                &["NOERROR", "2 10.0.0.1", "2 10.0.0.2"],
            ),
            (
                "primary.web.service.opsbro",
                "A",
                &["NOERROR", "2 10.0.0.2"],
            ),
            (
                "_web._tcp.opsbro",
                "SRV",
                &[
                    "NOERROR",
                    "2 0 1 80 web-1.node.opsbro.",
                    "2 0 5 8080 web-2.node.opsbro.",
                ],
            ),
            (
                "_web._tcp.service.local.opsbro",
                "SRV",
                &[
                    "NOERROR",
                    "2 0 1 80 web-1.node.opsbro.",
                    "2 0 5 8080 web-2.node.opsbro.",
                ],
            ),
            (
                "primary._web._tcp.opsbro",
                "SRV",
                &["NOERROR", "2 0 5 8080 web-2.node.opsbro."],
            ),
            ("web._tcp.opsbro", "SRV", &["NXDOMAIN"]),
            ("_web._udp.opsbro", "SRV", &["NXDOMAIN"]),
            ("_web._tcp.opsbro", "A", &["NOERROR"]),
            ("none.service.opsbro", "A", &["NXDOMAIN"]),
        ],
    );
    let mut responder = responder(cluster(nodes));
    let name = Name::parse("_web._tcp.opsbro").unwrap();
    let packet = question(1, &name, wire::SRV, 1_232);
    let message = send(&mut responder, &packet, Transport::Udp).unwrap();
    let mut extra: Vec<String> = message.additional.iter().map(ToString::to_string).collect();
    extra.sort();
    assert_eq!(
        extra,
        [
            "web-1.node.opsbro. 2 IN A 10.0.0.1",
            "web-2.node.opsbro. 2 IN A 10.0.0.2"
        ]
    );
}

#[test]
fn nodes_of_one_name_are_told_apart_where_it_matters() {
    let twins = vec![
        node(1, "web", &[]).with(service("web", CheckState::Ok, 0)),
        node(2, "web", &[]).with(service("web", CheckState::Ok, 0)),
    ];
    let places = [1, 2].map(|number| format!("7 0 1 80 {}.node.opsbro.", id(number)));
    let mut srv = vec!["NOERROR", places[0].as_str(), places[1].as_str()];
    srv[1..].sort_unstable();
    check(
        cluster(twins),
        &[
            (
                "web.name.opsbro",
                "A",
                &["NOERROR", "60 10.0.0.1", "60 10.0.0.2"],
            ),
            ("_web._tcp.opsbro", "SRV", &srv),
        ],
    );
}

#[test]
fn the_dead_and_the_failing_are_left_out_and_why_tells() {
    let mut nodes: Vec<Node> = (1..=6)
        .map(|number| node(number, &format!("web-{number}"), &["web"]))
        .collect();
    for node in &mut nodes {
        *node = node.clone().with(service("web", CheckState::Ok, 0));
    }
    let set = |node: &mut Node, state| {
        *node = node.clone().told(|told| told.services[0].state = state);
    };
    set(&mut nodes[1], CheckState::Critical);
    set(&mut nodes[2], CheckState::Warning);
    nodes[3] = nodes[3].clone().died(10);
    nodes[3].accuser = Some(Arc::from("web-1"));
    nodes[4].state = MemberState::Leave;
    nodes[5] = nodes[5]
        .clone()
        .told(|told| told.services[0].is_withdrawn = true);
    check(
        cluster(nodes),
        &[
            (
                "web.service.opsbro",
                "A",
                &["NOERROR", "7 10.0.0.1", "7 10.0.0.3"],
            ),
            (
                "web.group.opsbro",
                "A",
                &[
                    "NOERROR",
                    "5 10.0.0.1",
                    "5 10.0.0.2",
                    "5 10.0.0.3",
                    "5 10.0.0.6",
                ],
            ),
            ("web-4.name.opsbro", "A", &["NOERROR"]),
            (
                "4.0.0.10.in-addr.arpa",
                "PTR",
                &["NOERROR", "60 web-4.node.opsbro."],
            ),
            ("5.0.0.10.in-addr.arpa", "PTR", &["REFUSED"]),
            (
                "why.web.service.opsbro",
                "TXT",
                &[
                    "NOERROR",
                    "7 \"2 of 6 in the answer\"",
                    "7 \"in: web-1 10.0.0.1:80 alive since 2023-11-14T22:13:20.000Z, \
                     web OK since 2023-11-14T22:13:20.000Z: said so\"",
                    "7 \"in: web-3 10.0.0.3:80 alive since 2023-11-14T22:13:20.000Z, \
                     web WARNING since 2023-11-14T22:13:20.000Z: said so\"",
                    "7 \"out: web-2 10.0.0.2:80 web CRITICAL since \
                     2023-11-14T22:13:20.000Z: said so\"",
                    "7 \"out: web-4 10.0.0.4:80 dead since 2023-11-14T22:13:30.000Z \
                     (said by web-1)\"",
                    "7 \"out: web-5 10.0.0.5:80 leave since 2023-11-14T22:13:20.000Z\"",
                    "7 \"out: web-6 10.0.0.6:80 in a downtime, web OK since \
                     2023-11-14T22:13:20.000Z: said so\"",
                ],
            ),
            ("why.nobody.service.opsbro", "TXT", &["NXDOMAIN"]),
            ("why.web.service.opsbro", "A", &["NOERROR"]),
        ],
    );
}

/// Five nodes that offer a service, each failed since some second or well.
fn failing(since: [Option<u64>; 5]) -> Cluster {
    let nodes = (1..=5).zip(since).map(|(number, since)| {
        let state = since.map_or(CheckState::Ok, |_| CheckState::Critical);
        let service = service("web", state, since.unwrap_or(0));
        node(number, &format!("web-{number}"), &[]).with(service)
    });
    cluster(nodes.collect())
}

#[test]
fn too_many_that_fail_at_once_are_answered_as_they_were() {
    let all = &[
        "NOERROR",
        "7 10.0.0.1",
        "7 10.0.0.2",
        "7 10.0.0.3",
        "7 10.0.0.4",
        "7 10.0.0.5",
    ];
    let three_left = &["NOERROR", "7 10.0.0.1", "7 10.0.0.2"];
    for (since, expect) in [
        ([None, None, Some(10), Some(20), Some(30)], &three_left[..]),
        ([None, Some(50), Some(10), Some(20), Some(30)], &all[..]),
        ([Some(1), Some(2), Some(3), Some(4), Some(5)], &all[..]),
        // One after the other is no panic: the last to fail is the last known good.
        (
            [
                Some(5_000),
                Some(4_000),
                Some(3_000),
                Some(2_000),
                Some(1_000),
            ],
            &["NOERROR", "7 10.0.0.1"][..],
        ),
        (
            [None, Some(4_000), Some(3_000), Some(2_000), Some(1_000)],
            &["NOERROR", "7 10.0.0.1"][..],
        ),
    ] {
        check(failing(since), &[("web.service.opsbro", "A", expect)]);
    }
    let mut responder = responder(failing([Some(1); 5]));
    let facts = ask(&mut responder, "web.service.opsbro", "TXT");
    assert!(
        facts.contains(&"7 \"panic=5 of 5 failed at once\"".to_owned()),
        "{facts:?}"
    );
    let why = ask(&mut responder, "why.web.service.opsbro", "TXT");
    assert!(
        why.iter()
            .any(|line| line.contains("panic: 5 of 5 failed at once")),
        "{why:?}"
    );
}

#[test]
fn a_node_that_is_cut_off_answers_as_before() {
    let mut nodes: Vec<Node> = (1..=5)
        .map(|number| node(number, &format!("n-{number}"), &["linux"]))
        .collect();
    for node in &mut nodes[1..=3] {
        *node = node.clone().died(60);
    }
    check(
        cluster(nodes.clone()),
        &[
            ("n-2.name.opsbro", "A", &["NOERROR", "60 10.0.0.2"]),
            (
                "linux.group.opsbro",
                "A",
                &[
                    "NOERROR",
                    "5 10.0.0.1",
                    "5 10.0.0.2",
                    "5 10.0.0.3",
                    "5 10.0.0.4",
                    "5 10.0.0.5",
                ],
            ),
        ],
    );
    // Two of four others: that may as well be their fault.
    nodes[3].state = MemberState::Alive;
    check(
        cluster(nodes),
        &[
            ("n-2.name.opsbro", "A", &["NOERROR"]),
            (
                "linux.group.opsbro",
                "A",
                &["NOERROR", "5 10.0.0.1", "5 10.0.0.4", "5 10.0.0.5"],
            ),
        ],
    );
}

#[test]
fn locks_answer_with_their_holder_where_there_is_agreement() {
    let mut agreed = cluster(three());
    agreed.holders = Some(Holders {
        locks: vec![
            Holder {
                lock: "backup".to_owned(),
                node: Some(id(2)),
            },
            Holder {
                lock: "free".to_owned(),
                node: None,
            },
        ],
        leader: Some(id(3)),
    });
    check(
        agreed,
        &[
            ("backup.lock.opsbro", "A", &["NOERROR", "1 10.0.0.2"]),
            ("free.lock.opsbro", "A", &["NOERROR"]),
            ("none.lock.opsbro", "A", &["NXDOMAIN"]),
            ("leader.raft.opsbro", "A", &["NOERROR", "1 10.0.0.3"]),
        ],
    );
    let mut responder = responder(cluster(three()));
    let name = Name::parse("backup.lock.opsbro").unwrap();
    let packet = question(1, &name, wire::A, 1_232);
    let message = send(&mut responder, &packet, Transport::Udp).unwrap();
    assert_eq!(message.code, wire::NXDOMAIN);
    assert!(
        message.reasons[0].contains("no agreement"),
        "{:?}",
        message.reasons
    );
}

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
fn all_names_are_listed_as_they_are_asked() {
    let mut nodes = three();
    nodes[0] = nodes[0].clone().with(service("web", CheckState::Ok, 0));
    let mut responder = responder(cluster(nodes));
    let listed = responder.directory.list(true);
    assert!(listed.iter().any(|it| it.name == "_web._tcp.opsbro."));
    for name in listed {
        let answer = ask(&mut responder, &name.name, &wire::type_name(name.kind));
        let mut expect: Vec<String> = name
            .contents
            .iter()
            .map(|content| format!("{} {content}", name.ttl))
            .collect();
        expect.sort();
        assert_eq!(answer[1..], expect, "{}", name.name);
    }
}
