//! The cluster, as one agent tells of it.

use std::net::UdpSocket;

use tests::{Agent, Home, wait_for};

#[test]
fn a_node_tells_of_itself_what_the_contract_says() {
    let agent = Agent::start("display_name: front\ngroups: [web]\n");
    let members = agent.opsbro(&["members", "-o", "json"]).expect(0).json();
    let own = &members[0];
    assert_eq!(members.as_array().unwrap().len(), 1, "{members}");
    let info = agent.info();
    assert_eq!(own["uuid"], info["uuid"]);
    assert_eq!(own["display_name"], "front");
    assert_eq!(own["state"], "alive");
    assert_eq!(own["addr"], "127.0.0.1");
    assert_eq!(own["port"], agent.listen("gossip").port());
    assert_eq!(own["incarnation"], info["incarnation"]);
    assert!(own["groups"].to_string().contains("\"web\""), "{own}");
    let mut keys: Vec<&String> = own.as_object().unwrap().keys().collect();
    keys.sort_unstable();
    let expect = "addr display_name groups health incarnation is_proxy name port since state uuid \
                  version zone";
    let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
    assert_eq!(keys.join(" "), expect);
    let text = agent.opsbro(&["members"]).expect(0).stdout;
    assert!(
        text.contains("Zone: internet") && text.contains("[ front ]"),
        "{text}"
    );
}

#[test]
fn members_are_waited_for_by_all_that_is_said() {
    let agent = Agent::start("display_name: front\ngroups: [web]\n");
    let wait = |more: &[&str]| {
        let words = [&["gossip", "wait-members", "--timeout", "100ms"], more].concat();
        agent.opsbro(&words).code.unwrap()
    };
    let name = agent.info()["name"].as_str().unwrap().to_owned();
    assert_eq!(
        wait(&["--name", &name, "--display-name", "front", "--group", "web"]),
        0
    );
    assert_eq!(wait(&["--zone", "internet", "--count", "1"]), 0);
    assert_eq!(wait(&["--group", "web", "--count", "2"]), 1);
    assert_eq!(wait(&["--state", "dead"]), 1);
    assert_eq!(wait(&["--state", "gone"]), 64);
}

#[test]
fn events_are_added_listed_and_waited_for() {
    let agent = Agent::start("");
    let waited = agent.opsbro(&["gossip", "events", "wait", "deployed", "--timeout", "50ms"]);
    assert_eq!(waited.code, Some(1), "{waited:?}");
    agent
        .opsbro(&["gossip", "events", "add", "deployed", "1.2"])
        .expect(0);
    agent
        .opsbro(&["gossip", "events", "wait", "deployed"])
        .expect(0);
    let listed = agent
        .opsbro(&["gossip", "events", "list", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(listed[0]["type"], "deployed");
    assert_eq!(listed[0]["payload"], "1.2");
    let expression = "gossip_have_event_type('deployed')";
    let seen = agent
        .opsbro(&["evaluator", "eval", expression])
        .expect(0)
        .stdout;
    assert_eq!(seen.trim().lines().last(), Some("True"));
}

#[test]
fn a_zone_is_changed_for_good_and_a_wrong_one_refused() {
    let home = Home::with_port_0("");
    home.write(
        "etc/zones/internet.yml",
        "zone: {name: internet, sub-zones: [lan]}\n",
    );
    home.write("etc/zones/lan.yml", "zone: {name: lan}\n");
    let agent = home.launch().ready();
    let ran = agent.opsbro(&["gossip", "zone", "change", "lam"]).expect(2);
    assert!(ran.stderr.contains("did you mean `lan`?"), "{}", ran.stderr);
    agent.opsbro(&["gossip", "zone", "change", "lan"]).expect(0);
    assert_eq!(agent.info()["zone"], "lan");
    let tree = agent
        .opsbro(&["zone", "list", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(tree["internet"]["relation"], "higher");
    assert_eq!(tree["lan"]["is_our_zone"], true);
    let agent = agent.stop().launch().ready();
    assert_eq!(agent.info()["zone"], "lan");
}

#[test]
fn junk_is_counted_and_told() {
    let agent = Agent::start("");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 30, 1_400, 60_000] {
        socket
            .send_to(&vec![0xa5; length], agent.listen("gossip"))
            .unwrap();
    }
    wait_for("the junk to be counted", || {
        let dropped = agent.info()["cluster"]["figures"]["dropped"].clone();
        let counts = dropped.as_object()?.values().filter_map(|it| it.as_u64());
        (counts.sum::<u64>() >= 5).then_some(())
    });
    let text = agent.opsbro(&["agent", "info"]).expect(0).stdout;
    assert!(text.contains("Junk dropped:"), "{text}");
}

#[test]
fn nobody_is_called_by_a_name_that_is_not_known() {
    let agent = Agent::start("");
    for words in [
        &["gossip", "ping", "nobody"][..],
        &["leave", "nobody"],
        &["members", "forget", "nobody"],
        &["state", "nobody"],
    ] {
        let ran = agent.opsbro(words).expect(2);
        assert!(ran.stderr.contains("knows no node `nobody`"), "{ran:?}");
    }
    let own = agent.info()["name"].as_str().unwrap().to_owned();
    let ran = agent.opsbro(&["state", &own, "-o", "json"]);
    assert_eq!(ran.json()["node"], *own);
    let ran = agent.opsbro(&["state", "--cluster", "-o", "json"]);
    assert_eq!(ran.json()["nodes"][0]["name"], *own);
}

#[test]
fn a_key_that_is_none_is_refused_at_the_start() {
    let home = Home::with_port_0("");
    home.write("etc/zone_keys/internet.gossip.key", "not a key");
    let ran = home.opsbro(&["agent", "start"]).expect(2);
    assert!(ran.stderr.contains("internet.gossip.key"), "{}", ran.stderr);
}

#[test]
fn a_stream_is_for_nodes_only() {
    let agent = Agent::start("");
    let address = agent.listen("http");
    let upgrade = ["connection: upgrade", "upgrade: opsbro/1"];
    let page = [&upgrade[..], &["origin: http://evil.example"]].concat();
    for headers in [
        &[][..],
        &["connection: upgrade", "upgrade: websocket"],
        &page,
    ] {
        let reply = tests::request(address, "GET", "/node/stream", headers, b"");
        assert_eq!(reply.status, 400, "{reply:?}");
    }
    let over_socket = agent.get("/node/stream");
    assert_eq!(over_socket.status, 400, "{over_socket:?}");
}
