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
    // What somebody put into an event does nothing to the terminal of who looks at it.
    let evil = "\u{1b}]52;c;eA==\u{7}\u{202e}";
    agent
        .opsbro(&["gossip", "events", "add", "evil", evil])
        .expect(0);
    let shown = agent.opsbro(&["gossip", "events", "list"]).expect(0).stdout;
    assert!(shown.contains(r"\u{1b}]52;c;eA==\u{7}\u{202e}"), "{shown}");
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
        (agent.junk() >= 5).then_some(())
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
fn what_cannot_be_joined_is_refused_with_what_is_wrong_about_it() {
    let agent = Agent::start("");
    let long = "a".repeat(5_000);
    let longer = "a".repeat(100_000);
    for (typed, why) in [
        ("", "the address is empty"),
        (":", "neither HOST nor HOST:PORT"),
        ("127.0.0.2:0", "`0` is no port"),
        ("127.0.0.2:99999", "`99999` is no port"),
        ("http://web-1", "is no port"),
        ("a b", "neither a host name nor an address"),
        ("127.0.0.1/24", "neither a host name nor an address"),
        ("[::1", "neither HOST nor HOST:PORT"),
        ("0.0.0.0", "not the address of one node"),
        ("ff02::1", "not the address of one node"),
        ("fe80::1", "one link only"),
        (&long, "no name of a host is so long"),
        (&longer, "too long"),
    ] {
        let ran = agent.opsbro(&["join", typed]).expect(64);
        assert!(ran.stderr.contains(why), "{typed:.80}: {}", ran.stderr);
        assert!(ran.stderr.len() < 400, "{}", ran.stderr);
    }
    let own = agent.listen("gossip").to_string();
    let ran = agent.opsbro(&["join", &own]).expect(2);
    assert!(ran.stderr.contains("this node itself"), "{}", ran.stderr);
    assert!(ran.stderr.contains("name another node"), "{}", ran.stderr);
    for words in [
        &["gossip", "ping", ""][..],
        &["leave", ""],
        &["members", "forget", ""],
        &["state", ""],
        &["keys", "use", ""],
    ] {
        let ran = agent.opsbro(words).expect(64);
        assert!(ran.stderr.contains("is empty"), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_key_that_is_none_is_refused_at_the_start() {
    let home = Home::with_port_0("");
    let file = "etc/zone_keys/internet.gossip.key";
    home.write(file, "not a key");
    let ran = home.opsbro(&["agent", "start"]).expect(64);
    assert!(ran.stderr.contains("internet.gossip.key"), "{}", ran.stderr);
    assert!(ran.stderr.contains("another node"), "{}", ran.stderr);
    // Nobody ever writes into this pipe: the start does not wait for it.
    let path = home.root().join(file);
    std::fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let ran = home.opsbro(&["agent", "start"]).expect(64);
    assert!(ran.stderr.contains("no plain file"), "{}", ran.stderr);
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

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
/// What is not about the cluster is switched off: many agents share one machine here.
const QUIET: &str = "metrology_topic_enabled: false\n";

/// Starts an agent on an address of its own, with a key when there is one.
fn node(number: u8, key: Option<&str>, more: &str) -> Agent {
    let home = Home::new(&format!(
        "port: 0\nlisten_address: 127.0.0.{number}\ndisplay_name: n{number}\n{QUIET}{more}"
    ));
    if let Some(key) = key {
        home.write("etc/zone_keys/internet.gossip.key", key);
    }
    home.launch().ready()
}

/// Gives where others join an agent.
fn at(agent: &Agent) -> String {
    agent.listen("gossip").to_string()
}

/// Waits until a node is known in a state.
#[track_caller]
fn sees(agent: &Agent, name: &str, state: &str) {
    let words = [
        "gossip",
        "wait-members",
        "--timeout",
        "20s",
        "--display-name",
        name,
        "--state",
        state,
    ];
    let ran = agent.opsbro(&words);
    assert_eq!(
        ran.code,
        Some(0),
        "{ran:?}\n{}",
        agent.opsbro(&["members", "--detail"]).stdout
    );
}

#[test]
fn nodes_join_die_return_leave_and_are_forgotten() {
    let one = node(11, Some(KEY), "");
    let two = node(12, Some(KEY), "");
    let joined = two.opsbro(&["join", &at(&one)]).expect(0);
    assert!(joined.stdout.contains("Joined n11"), "{}", joined.stdout);
    two.opsbro(&["join", &at(&one)]).expect(0);
    let three = node(13, Some(KEY), &format!("seeds: ['{}']\n", at(&two)));
    for agent in [&one, &two, &three] {
        for name in ["n11", "n12", "n13"] {
            sees(agent, name, "alive");
        }
    }
    one.opsbro(&["gossip", "events", "add", "ready"]).expect(0);
    three
        .opsbro(&["gossip", "events", "wait", "ready"])
        .expect(0);
    one.opsbro(&["gossip", "ping", "n13"]).expect(0);
    let home = three.kill();
    sees(&one, "n13", "dead");
    sees(&two, "n13", "dead");
    let history = one
        .opsbro(&["gossip", "history", "-o", "json"])
        .expect(0)
        .stdout;
    assert!(
        history.contains("\"dead\"") && history.contains("accuser"),
        "{history}"
    );
    let three = home.launch().ready();
    sees(&one, "n13", "alive");
    let refused = one.opsbro(&["members", "forget", "n13"]).expect(2);
    let told = "n13 lives\n hint: let it leave first: opsbro leave n13";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    let mut three = three;
    three.opsbro(&["leave"]).expect(0);
    assert_eq!(three.ended().code(), Some(0));
    sees(&one, "n13", "leave");
    sees(&two, "n13", "leave");
    one.opsbro(&["members", "forget", "n13"]).expect(0);
    wait_for("both to forget", || {
        let knows = |agent: &Agent| agent.opsbro(&["members"]).stdout.contains("n13");
        (!knows(&one) && !knows(&two)).then_some(())
    });
}

#[test]
fn any_node_shows_the_others_and_reads_from_them() {
    let one = node(21, Some(KEY), "groups: [web]\n");
    let two = node(22, Some(KEY), "");
    two.opsbro(&["join", &at(&one)]).expect(0);
    sees(&one, "n22", "alive");
    let state = two.opsbro(&["state", "n21", "-o", "json"]);
    assert_eq!(state.json()["node"], one.info()["name"], "{state:?}");
    let reply = two.get("/agent/info?node=n21").json();
    assert_eq!(reply["uuid"], one.info()["uuid"]);
    assert_eq!(two.get("/stop?node=n21").status, 200);
    sees(&one, "n22", "leave");
    assert_eq!(one.info()["agent_state"], "ok");
    let count = "gossip_count_nodes(group='web', state='alive')";
    let seen = one.opsbro(&["evaluator", "eval", count]).expect(0).stdout;
    assert_eq!(seen.trim().lines().last(), Some("1"));
}

#[test]
fn without_a_key_members_read_from_each_other_by_their_addresses() {
    let a = node(61, None, "");
    let b = node(62, None, "");
    b.opsbro(&["join", &at(&a)]).expect(0);
    sees(&a, "n62", "alive");
    let ran = b.opsbro(&["state", "n61", "-o", "json"]);
    assert_eq!(ran.json()["node"], a.info()["name"], "{ran:?}");
}

#[test]
fn strangers_are_refused_with_the_reason() {
    let one = node(31, Some(KEY), "");
    let other_key = node(32, Some(OTHER_KEY), "");
    let no_key = node(33, None, "");
    assert!(
        no_key.said().contains("Gossip is open"),
        "{}",
        no_key.said()
    );
    let refused = other_key.opsbro(&["join", &at(&one)]).expect(2);
    assert!(refused.stderr.contains("key"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
    let refused = no_key.opsbro(&["join", &at(&one)]).expect(2);
    assert!(refused.stderr.contains("key"), "{}", refused.stderr);
    let nobody = one.opsbro(&["join", "127.0.0.39:9"]).expect(2);
    assert!(
        nobody.stderr.contains("connection refused"),
        "{}",
        nobody.stderr
    );
    let members = one.opsbro(&["members", "-o", "json"]).expect(0).json();
    assert_eq!(members.as_array().unwrap().len(), 1, "{members}");
}

/// Gives the ring of an agent's zone.
fn ring(agent: &Agent) -> serde_json::Value {
    let listed = agent.opsbro(&["keys", "list", "-o", "json"]).expect(0);
    listed.json()[0].clone()
}

/// Gives the fingerprint of the key that is used so.
fn print_of(ring: &serde_json::Value, use_: &str) -> String {
    let keys = ring["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["use"] == use_);
    let key = key.unwrap_or_else(|| panic!("no key {use_} in {ring}"));
    key["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_zone_changes_its_key_and_a_sleeper_comes_back_with_the_old_one() {
    let file = "etc/zone_keys/internet.gossip.key";
    let one = node(41, Some(KEY), "");
    let two = node(42, Some(KEY), &format!("seeds: ['{}']\n", at(&one)));
    // Whoever is killed at once may have kept nobody: the seed is what brings it back for sure.
    let three = node(43, Some(KEY), &format!("seeds: ['{}']\n", at(&two)));
    for name in ["n41", "n42", "n43"] {
        sees(&one, name, "alive");
        sees(&three, name, "alive");
    }
    let sleeper = three.kill();
    sees(&one, "n43", "dead");
    sees(&two, "n43", "dead");

    let old = print_of(&ring(&one), "seals");
    let used = one.opsbro(&["keys", "add", OTHER_KEY, "--use"]).expect(0);
    assert!(used.stdout.contains("2 of 2 living nodes"), "{used:?}");
    assert!(used.stdout.contains("n43 is dead"), "{used:?}");
    // The order ended: the other one has the key in force, and on its disk within a moment.
    assert_ne!(print_of(&ring(&two), "seals"), old);
    wait_for("the key on the disk of the other", || {
        (two.home.read(file).trim() == OTHER_KEY).then_some(())
    });
    two.opsbro(&["keys", "remove", &old]).expect(0);
    assert_eq!(print_of(&ring(&one), "retired"), old);
    // The one who is dead was seen to seal with it: it is not dropped for good.
    let refused = one.opsbro(&["keys", "remove", &old]).expect(2);
    assert!(refused.stderr.contains("n43"), "{refused:?}");
    sees(&one, "n42", "alive");

    let three = sleeper.launch().ready();
    for (agent, name) in [
        (&three, "n41"),
        (&three, "n42"),
        (&one, "n43"),
        (&two, "n43"),
    ] {
        sees(agent, name, "alive");
    }
    assert_ne!(print_of(&ring(&three), "seals"), old);
    wait_for("the key on the disk of the sleeper", || {
        (three.home.read(file).trim() == OTHER_KEY).then_some(())
    });
    for agent in [&one, &two, &three] {
        wait_for("all to be known to hold the keys", || {
            let status = agent.opsbro(&["keys", "status"]);
            (status.code == Some(0) && status.stdout.contains("3 of 3 living nodes")).then_some(())
        });
    }
    two.opsbro(&["keys", "remove", &old]).expect(0);
}

#[test]
fn who_does_not_acknowledge_a_key_is_named() {
    let one = node(51, Some(KEY), "");
    let two = node(52, Some(KEY), "");
    two.opsbro(&["join", &at(&one)]).expect(0);
    sees(&one, "n52", "alive");
    sees(&two, "n51", "alive");
    // It stands still: for a moment it counts as alive, and answers nothing.
    two.signal(rustix::process::Signal::STOP);
    let added = one.opsbro(&["keys", "add", OTHER_KEY]);
    let told = format!("{}{}", added.stdout, added.stderr);
    assert!(told.contains("n52"), "{added:?}");
    two.signal(rustix::process::Signal::CONT);
    sees(&one, "n52", "alive");
    wait_for("both to hold it", || {
        one.opsbro(&["keys", "status"])
            .code
            .filter(|code| *code == 0)
    });
}

#[test]
fn a_new_cluster_makes_its_key_and_the_second_node_joins_with_it_at_once() {
    let file = "etc/zone_keys/internet.gossip.key";
    let home = |number: u8| {
        Home::new(&format!(
            "port: 0\nlisten_address: 127.0.0.{number}\ndisplay_name: n{number}\n{QUIET}\
             new-cluster-key: true\n"
        ))
    };
    let (one, two) = (home(61).launch().ready(), home(62).launch().ready());
    assert_eq!(one.info()["is_zone_protected"], true);
    let key = one.home.read(file).trim().to_owned();
    assert_ne!(
        two.home.read(file).trim(),
        key,
        "each is a cluster of its own"
    );
    let refused = two.opsbro(&["join", &at(&one)]).expect(2);
    assert!(refused.stderr.contains("--key"), "{}", refused.stderr);
    let joined = two.opsbro(&["join", &at(&one), "--key", &key]).expect(0);
    assert!(joined.stdout.contains("Joined n61"), "{joined:?}");
    sees(&one, "n62", "alive");
    assert_eq!(two.home.read(file).trim(), key);
    two.opsbro(&["join", &at(&one), "--key", &key]).expect(0);
    // A second start makes no other key, and an agent that has none says so wherever it is asked.
    let one = one.stop().launch().ready();
    assert_eq!(one.home.read(file).trim(), key);
    let open = node(63, None, "");
    let members = open.opsbro(&["members"]).expect(0).stdout;
    assert!(members.contains("gossip is open"), "{members}");
    let info = open.opsbro(&["agent", "info"]).expect(0).stdout;
    assert!(info.contains("Gossip is open"), "{info}");
}

#[test]
fn a_join_is_refused_for_another_zone_or_a_wrong_address_with_the_reason() {
    let one = node(64, Some(KEY), "");
    let wrong = node(65, Some(KEY), "advertise_address: 127.0.0.66\n");
    let refused = wrong.opsbro(&["join", &at(&one)]).expect(2);
    assert!(
        refused.stderr.contains("127.0.0.66") && refused.stderr.contains("advertise_address"),
        "{}",
        refused.stderr
    );
    let home = Home::new(&format!(
        "port: 0\nlisten_address: 127.0.0.67\nnode-zone: lan\n{QUIET}"
    ));
    home.write("etc/zones/lan.yml", "zone: {name: lan}\n");
    home.write("etc/zone_keys/internet.gossip.key", KEY);
    home.write("etc/zone_keys/lan.gossip.key", OTHER_KEY);
    let elsewhere = home.launch().ready();
    let refused = elsewhere.opsbro(&["join", &at(&one)]).expect(2);
    assert!(
        refused.stderr.contains("zone") && refused.stderr.contains("hint:"),
        "{}",
        refused.stderr
    );
}
