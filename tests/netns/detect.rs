//! Nodes that find each other by calls to everybody on their network.

use tests::{Agent, Host, Kind, Lan};

use crate::seen::{SOON, all_see_all, changes, home, sees, sees_within, start, states};

#[test]
fn duo1_two_nodes_find_each_other_and_join() {
    let lan = Lan::new();
    let hosts: [_; 2] = lan.hosts();
    let agents = start(&hosts, "");
    for agent in &agents {
        let words = ["gossip", "detect", "--auto-join", "--timeout=2"];
        let ran = agent.opsbro(&words).expect(0);
        assert!(ran.stdout.contains("Joined"), "{ran:?}");
    }
    sees(&agents[0], "n2", "alive");
    sees(&agents[1], "n1", "alive");
    for (agent, other) in [(&agents[0], "n2"), (&agents[1], "n1")] {
        let told = changes(agent);
        assert!(
            told.contains(&(other.to_owned(), "alive".to_owned())),
            "{told:?}"
        );
        let text = agent.opsbro(&["gossip", "history"]).expect(0).stdout;
        assert!(text.contains(other), "{text}");
    }
    for (agent, event) in [(&agents[0], "NODE1-END"), (&agents[1], "NODE2-END")] {
        agent.opsbro(&["gossip", "events", "add", event]).expect(0);
    }
    for (agent, event) in [(&agents[1], "NODE1-END"), (&agents[0], "NODE2-END")] {
        let words = ["gossip", "events", "wait", event, "--timeout=10s"];
        agent.opsbro(&words).expect(0);
    }
}

#[test]
fn duo12_a_node_that_boots_joins_the_proxy_that_comes_later() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let detecting = ["--auto-detect"];
    let two = hosts[1].launch_with(home(&hosts[1], ""), &detecting);
    let one = hosts[0].launch_with(home(&hosts[0], "proxy-node: true\n"), &detecting);
    let (one, two) = (one.ready(), two.ready());
    sees_within(SOON, &two, "n1", "alive");
    sees_within(SOON, &one, "n2", "alive");
    // A third finds them when they have long ceased to ask.
    let three = hosts[2]
        .launch_with(home(&hosts[2], ""), &detecting)
        .ready();
    all_see_all(&[one, two, three]);
}

fn found(agent: &Agent) -> Vec<(String, String)> {
    let words = ["gossip", "detect", "--timeout", "2", "-o", "json"];
    let found = agent.opsbro(&words).expect(0).json()["found"].clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let all = found.as_array().unwrap().iter();
    all.map(|it| (text(&it["name"]), text(&it["addr"])))
        .collect()
}

fn two_that_find_each_other(lan: &Lan, yml: &str, address: impl Fn(&Host) -> String) {
    let hosts: [_; 2] = lan.hosts();
    let agents = start(&hosts, yml);
    assert_eq!(found(&agents[0]), [("n2".to_owned(), address(&hosts[1]))]);
    assert_eq!(found(&agents[1]), [("n1".to_owned(), address(&hosts[0]))]);
    assert_eq!(states(&agents[0]).len(), 1, "to look is not to join");
    let words = ["gossip", "detect", "--auto-join", "--timeout", "1"];
    agents[0].opsbro(&words).expect(0);
    all_see_all(&agents);
}

#[test]
fn everybody_is_called_where_there_is_only_ipv4() {
    let lan = Lan::of(Kind {
        mtu: 1_500,
        has_v4: true,
        has_v6: false,
    });
    two_that_find_each_other(&lan, "", |host| host.four().to_string());
}

#[test]
fn everybody_is_called_where_there_is_only_ipv6() {
    let lan = Lan::of(Kind {
        mtu: 1_500,
        has_v4: false,
        has_v6: true,
    });
    two_that_find_each_other(&lan, "listen_address: '::'\n", |host| {
        host.six().to_string()
    });
}

#[test]
fn everybody_is_called_where_sockets_take_both_kinds() {
    let lan = Lan::new();
    two_that_find_each_other(&lan, "listen_address: '::'\n", |host| {
        host.four().to_string()
    });
}

#[test]
fn a_machine_with_two_cards_calls_on_both_and_is_heard_on_both() {
    let (left, right) = (Lan::new(), Lan::beside());
    let (one, mut two, three) = (left.host(1), left.host(2), right.host(3));
    right.second_card(&mut two);
    let hosts = [one, two, three];
    let agents = start(&hosts, "");
    let names =
        |agent: &Agent| -> Vec<String> { found(agent).into_iter().map(|(name, _)| name).collect() };
    assert_eq!(names(&agents[1]), ["n1", "n3"]);
    assert_eq!(names(&agents[0]), ["n2"]);
    assert_eq!(names(&agents[2]), ["n2"]);
}

#[test]
fn nobody_answers_where_nobody_is() {
    let lan = Lan::new();
    let host = lan.host(1);
    let agent = host.start(home(&host, ""));
    let ran = agent
        .opsbro(&["gossip", "detect", "--timeout", "1"])
        .expect(1);
    assert!(
        ran.stdout.contains("No") || ran.stderr.contains("no"),
        "{ran:?}"
    );
}
