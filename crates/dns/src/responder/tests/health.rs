//! Who is left out of an answer, when nobody is, and what tells why.

use super::*;

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
