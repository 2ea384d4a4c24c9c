//! Which names there are, and what each answers.

use super::*;
use crate::cluster::{Holder, Holders};

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
fn a_word_alone_is_told_which_names_there_are() {
    let shop = || service("web", CheckState::Ok, 0);
    let mut responder = responder(cluster(vec![node(1, "web", &["web"]).with(shop())]));
    let told = |name: &str, responder: &mut Responder| {
        let name = Name::parse(name).unwrap();
        let message = send(
            responder,
            &question(1, &name, wire::A, 4_096),
            Transport::Udp,
        );
        let message = message.unwrap();
        let explained = responder.directory.explain(&name).summary;
        assert_eq!(message.code, wire::NXDOMAIN);
        assert_eq!(message.reasons, std::slice::from_ref(&explained));
        explained
    };
    let all = "`web` alone is no name: ask for web.node or web.group or web.service";
    assert_eq!(told("WEB.opsbro", &mut responder), all);
    for other in ["nothing.opsbro", "a.web.opsbro", "web.nothing.opsbro"] {
        let forms = told(other, &mut responder);
        assert!(forms.starts_with("names are NODE.name"), "{forms}");
    }
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
fn nobody_denies_a_lock_before_it_is_known_who_holds_it() {
    check(
        cluster(three()),
        &[
            ("backup.lock.opsbro", "A", &["SERVFAIL"]),
            ("why.backup.lock.opsbro", "TXT", &["SERVFAIL"]),
            ("leader.raft.local.opsbro", "A", &["SERVFAIL"]),
            ("lock.opsbro", "A", &["NOERROR"]),
        ],
    );
    let mut agreed = cluster(three());
    agreed.holders = Some(Holders::default());
    check(
        agreed,
        &[
            ("backup.lock.opsbro", "A", &["NXDOMAIN"]),
            ("leader.raft.opsbro", "A", &["NOERROR"]),
            ("follower.raft.opsbro", "A", &["NXDOMAIN"]),
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
                nodes: vec![id(2), id(1)],
            },
            Holder {
                lock: "free".to_owned(),
                nodes: Vec::new(),
            },
        ],
        leader: Some(id(3)),
    });
    check(
        agreed,
        &[
            (
                "backup.lock.opsbro",
                "A",
                &["NOERROR", "1 10.0.0.1", "1 10.0.0.2"],
            ),
            ("free.lock.opsbro", "A", &["NOERROR"]),
            ("none.lock.opsbro", "A", &["NXDOMAIN"]),
            ("leader.raft.opsbro", "A", &["NOERROR", "1 10.0.0.3"]),
        ],
    );
    let mut responder = responder(cluster(three()));
    let name = Name::parse("backup.lock.opsbro").unwrap();
    let packet = question(1, &name, wire::A, 1_232);
    let message = send(&mut responder, &packet, Transport::Udp).unwrap();
    assert_eq!(message.code, wire::SERVFAIL);
    assert!(
        message.reasons[0].contains("does not know yet"),
        "{:?}",
        message.reasons
    );
}

#[test]
fn who_asks_for_no_name_of_ours_is_told_why() {
    let mut responder = responder(cluster(three()));
    for (name, reason) in [
        ("99.0.0.10.in-addr.arpa", "no node has this address"),
        ("example.org", "not below opsbro."),
        ("opsbro", "the domain itself"),
        ("x.raft.opsbro", "does not know yet"),
    ] {
        let name = Name::parse(name).unwrap();
        let told = responder.directory.explain(&name).summary;
        assert!(told.contains(reason), "{name}: {told}");
        let packet = question(1, &name, wire::A, 1_232);
        let message = send(&mut responder, &packet, Transport::Udp).unwrap();
        let said = message.reasons.join(" ");
        assert!(said.contains(reason) || said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn all_names_are_listed_as_they_are_asked() {
    let mut nodes = three();
    nodes[0] = nodes[0].clone().with(service("web", CheckState::Ok, 0));
    let mut responder = responder(cluster(nodes));
    let listed = responder.directory.list(true);
    assert!(listed.iter().any(|it| it.name == "_web._tcp.opsbro."));
    let nodes = listed.iter().filter(|it| it.name.contains(".node."));
    let nodes: Vec<&str> = nodes.map(|it| it.name.as_str()).collect();
    assert_eq!(nodes[..2], ["db-1.node.opsbro.", "web-1.node.opsbro."]);
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
