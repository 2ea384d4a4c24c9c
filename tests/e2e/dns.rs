//! Names of nodes, groups and services, as programs of others ask for them.

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use tests::{Agent, Folder, Home, free_port, wait_for, wait_within};

const PACK: &str = "var/lib/local-configuration/packs";

/// Runs a program that asks for names, and gives its lines.
fn ask(program: &str, package: &str, arguments: &[&str]) -> Vec<String> {
    let folder = Folder::new();
    let mut command: Command = folder.command(&format!("/usr/bin/{program}"), package);
    command.args(arguments);
    let printed = folder.run(command);
    printed.lines().map(str::to_owned).collect()
}

/// Asks with `dig +short`, in order.
fn dig(agent: &Agent, arguments: &[&str]) -> Vec<String> {
    let port = agent.listen("dns").port().to_string();
    let head = ["-p", &port, "@127.0.0.1", "+short", "+tries=1", "+time=5"];
    let mut lines = ask("dig", "bind9-dnsutils", &[&head[..], arguments].concat());
    lines.sort();
    lines
}

/// Asks with `dig`, and gives all that it prints.
fn dig_all(agent: &Agent, arguments: &[&str]) -> String {
    let port = agent.listen("dns").port().to_string();
    let head = ["-p", &port, "@127.0.0.1", "+tries=1", "+time=5"];
    ask("dig", "bind9-dnsutils", &[&head[..], arguments].concat()).join("\n")
}

fn listens(agent: &Agent) -> bool {
    agent.info()["listen"]["dns"].is_string()
}

#[test]
fn who_takes_all_connections_leaves_others_their_answers() {
    let agent = Agent::start("groups: [dns-listener, linux]\n");
    let at = wait_for("DNS to listen", || {
        listens(&agent).then(|| agent.listen("dns"))
    });
    let greedy: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(at).unwrap();
            // The first half of a length. Who was already ended cannot even say that.
            let _ = std::io::Write::write(&mut stream, b"\0");
            stream
        })
        .collect();
    let asked = ["+tcp", "linux.group.local.opsbro"];
    assert_eq!(dig(&agent, &asked), ["127.0.0.1"]);
    drop(greedy);
}

#[test]
fn the_group_starts_the_listener_while_the_agent_runs_and_stops_it() {
    let agent = Agent::start("display_name: front-1\ngroups: [linux]\n");
    assert!(!listens(&agent));
    let told = agent.opsbro(&["dns", "records"]).expect(0).stdout;
    assert!(told.contains("has not the group dns-listener"), "{told}");
    agent
        .opsbro(&["agent", "parameters", "add", "groups", "dns-listener"])
        .expect(0);
    agent.opsbro(&["agent", "reload"]).expect(0);
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    assert_eq!(dig(&agent, &["linux.group.local.opsbro"]), ["127.0.0.1"]);
    assert_eq!(dig(&agent, &["front-1.name.local.opsbro"]), ["127.0.0.1"]);
    agent
        .opsbro(&["agent", "parameters", "remove", "groups", "dns-listener"])
        .expect(0);
    agent.opsbro(&["agent", "reload"]).expect(0);
    wait_for("DNS to stop", || (!listens(&agent)).then_some(()));
}

#[test]
fn names_answer_to_the_tools_of_others() {
    let agent = Agent::start("display_name: Front 1\ngroups: [linux]\ndns: {enabled: true}\n");
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    let port = agent.listen("dns").port().to_string();
    for transport in ["+notcp", "+tcp"] {
        let found = dig(&agent, &[transport, "linux.group.opsbro"]);
        assert_eq!(found, ["127.0.0.1"]);
    }
    let kdig = ["-p", &port, "@127.0.0.1", "+short", "linux.group.opsbro"];
    assert_eq!(ask("kdig", "knot-dnsutils", &kdig), ["127.0.0.1"]);
    let drill = ["-p", &port, "@127.0.0.1", "-Q", "linux.group.opsbro"];
    assert_eq!(ask("drill", "ldnsutils", &drill), ["127.0.0.1"]);
    let why = dig(&agent, &["TXT", "why.linux.group.opsbro"]);
    assert!(why[0].starts_with("\"1 of 1 in the answer"), "{why:?}");
    assert!(why[1].starts_with("\"in: Front 1 127.0.0.1"), "{why:?}");
    let facts = dig(
        &agent,
        &[
            "TXT",
            &format!("{}.name.opsbro", agent.info()["uuid"].as_str().unwrap()),
        ],
    );
    assert!(
        facts.iter().any(|it| it.contains("display-name=Front 1")),
        "{facts:?}"
    );
    for (arguments, expect) in [
        (&["none.group.opsbro"][..], "status: NXDOMAIN"),
        (&["AAAA", "linux.group.opsbro"], "status: NOERROR"),
        (&["ANY", "linux.group.opsbro"], "status: REFUSED"),
        (&["example.org"], "status: REFUSED"),
        (&["SOA", "opsbro"], "hostmaster.opsbro."),
        (&["-x", "127.0.0.1"], ".node.opsbro."),
        (&["LINUX.Group.OpsBro"], "LINUX.Group.OpsBro."),
    ] {
        let printed = dig_all(&agent, arguments);
        assert!(printed.contains(expect), "{arguments:?}: {printed}");
        assert!(!printed.contains("warning"), "{printed}");
    }
    let nodata = dig_all(&agent, &["AAAA", "linux.group.opsbro"]);
    assert!(
        nodata.contains("AUTHORITY: 1") && nodata.contains("ANSWER: 0"),
        "{nodata}"
    );
    // A whole zone is nobody's business.
    assert!(dig_all(&agent, &["AXFR", "opsbro"]).contains("Transfer failed"));
    let ran = agent
        .opsbro(&["dns", "query", "linux.group", "-o", "json"])
        .expect(0);
    assert_eq!(ran.json()["answers"][0]["content"], "127.0.0.1");
    agent.opsbro(&["dns", "query", "none.group"]).expect(1);
    // As dig takes them, and the other way round.
    for words in [["TXT", "why.linux.group"], ["why.linux.group", "txt"]] {
        let told = agent.opsbro(&[&["dns", "query"], &words[..]].concat());
        let told = told.expect(0).stdout;
        assert!(told.contains("in the answer"), "{words:?}: {told}");
    }
    agent.opsbro(&["explain", "dns", "linux.group"]).expect(0);
    agent.opsbro(&["explain", "dns", "none.group"]).expect(1);
    let records = agent.get("/dns/records").json();
    assert!(
        records["counts"]["answered"].as_u64().unwrap() > 10,
        "{records}"
    );
    assert!(
        records["names"].to_string().contains("linux.group.opsbro."),
        "{records}"
    );
}

#[test]
fn a_node_that_is_killed_is_out_of_the_answers_and_why_tells() {
    let one = Agent::start("display_name: n-1\ngroups: [web]\ndns.enabled: true\n");
    let gossip = one.listen("gossip").to_string();
    let more = format!("groups: [web]\nseeds: [\"{gossip}\"]\n");
    let others = ["n-2", "n-3", "n-4"].map(|name| {
        let yml = format!("display_name: {name}\n{more}");
        Home::with_port_0(&yml).launch()
    });
    let [two, three, four] = others.map(Agent::ready);
    let seen = |wanted: &str| {
        let facts = dig(&one, &["TXT", "web.group.opsbro"]);
        let is_there = facts
            .iter()
            .any(|it| it.starts_with(&format!("\"{wanted}")));
        is_there.then_some(())
    };
    let long = Duration::from_secs(60);
    wait_for("all to be in", || seen("in=4"));
    // What another node offers is known here.
    let words = ["services", "register", "shop", "--port", "80"];
    two.opsbro(&words).expect(0);
    wait_for("the service of another node", || {
        (one.opsbro(&["services", "show", "shop"]).code == Some(0)).then_some(())
    });
    assert_eq!(dig(&one, &["shop.service.opsbro"]), ["127.0.0.1"]);
    drop(two.kill());
    wait_within(long, "the dead one to be out", || seen("in=3"));
    let why = dig(&one, &["TXT", "why.web.group.opsbro"]);
    let is_two = |it: &&String| it.starts_with("\"out: n-2") && it.contains("dead since");
    assert!(why.iter().any(|it| is_two(&it)), "{why:?}");
    assert_eq!(dig(&one, &["n-2.name.opsbro"]), Vec::<String>::new());
    let told = one
        .opsbro(&["explain", "dns", "web.group"])
        .expect(0)
        .stdout;
    assert!(told.contains("3 of 4 in the answer"), "{told}");
    // With all others gone at once it is this node that is cut off, and it answers as before.
    drop((three.kill(), four.kill()));
    wait_within(long, "it to be told", || seen("cut-off=3 of 3"));
    assert!(seen("in=4").is_some());
    assert_eq!(dig(&one, &["n-2.name.opsbro"]), ["127.0.0.1"]);
}

#[test]
fn applications_offer_services_over_a_restart_and_for_a_time() {
    let agent = Agent::start("dns.enabled: true\n");
    agent
        .opsbro(&[
            "services", "register", "web", "--port", "8080", "--tag", "blue",
        ])
        .expect(0);
    let found = |agent: &Agent, name: &str, kind: &str| {
        let found = dig(agent, &[kind, name]);
        (!found.is_empty()).then_some(found)
    };
    wait_for("the service to be found", || {
        found(&agent, "web.service.opsbro", "A")
    });
    wait_for("its tag to be found", || {
        found(&agent, "blue.web.service.opsbro", "A")
    });
    let places = found(&agent, "_web._tcp.opsbro", "SRV").unwrap();
    assert!(places[0].starts_with("0 1 8080 "), "{places:?}");
    let state = agent.get("/state/services/web").json();
    assert_eq!(
        (&state["passing"], &state["failing"]),
        (&1.into(), &0.into()),
        "{state}"
    );
    let shown = agent.opsbro(&["services", "show", "web"]).expect(0).stdout;
    for part in ["√ OK", "since ", "127.0.0.1:8080 tcp", "tags blue"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let words = ["services", "show", "web", "-o", "json"];
    let shown = agent.opsbro(&words).expect(0).json();
    assert_eq!(shown["instances"][0]["port"], 8080, "{shown}");

    let agent = agent.kill().launch().ready();
    wait_for("the service to be kept", || {
        found(&agent, "web.service.opsbro", "A")
    });
    agent.opsbro(&["services", "deregister", "web"]).expect(0);
    wait_for("the service to be gone", || {
        dig_all(&agent, &["web.service.opsbro"])
            .contains("NXDOMAIN")
            .then_some(())
    });
    agent.opsbro(&["services", "deregister", "web"]).expect(2);

    agent
        .opsbro(&["services", "register", "short", "--port", "1", "--ttl", "1"])
        .expect(0);
    wait_for("it to fail when nobody renews it", || {
        let why = dig(&agent, &["TXT", "why.short.service.opsbro"]);
        why.iter()
            .any(|it| it.contains("not renewed for 1 s"))
            .then_some(())
    });
    let refused = agent
        .opsbro(&["services", "register", "x", "--state", "fine"])
        .expect(64);
    assert!(refused.stderr.contains("is no state"), "{refused:?}");
}

#[test]
fn names_that_people_give_find_their_labels() {
    let agent = Agent::start("groups: ['a::b']\ndns.enabled: true\n");
    let words = [
        "services", "register", "my shop", "--port", "80", "-o", "json",
    ];
    let answered = agent.opsbro(&words).expect(0).json();
    let name = answered["dns"].as_str().unwrap().to_owned();
    wait_for("the service to be found", || {
        (dig(&agent, &[&name]) == ["127.0.0.1"]).then_some(())
    });
    for name in [
        "my shop.service",
        "a::b.group",
        "127.0.0.1",
        "_my-shop-f3ff7d35._tcp",
    ] {
        agent.opsbro(&["dns", "query", name]).expect(0);
    }
    agent
        .opsbro(&["explain", "dns", "my shop.service"])
        .expect(0);
    for verb in ["register", "deregister", "show"] {
        let refused = agent.opsbro(&["services", verb, ""]).expect(64);
        assert!(refused.stderr.contains("the name is empty"), "{refused:?}");
    }
    let refused = agent.opsbro(&["dns", "query", "a..b"]).expect(64);
    assert!(refused.stderr.contains("is empty"), "{refused:?}");
}

#[test]
fn recipes_are_written_again_but_never_over_files_of_others() {
    let agent = Agent::start("dns.enabled: true\n");
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    let write = |name: &str| {
        let file = agent.home.root().join(name).display().to_string();
        agent.opsbro(&["dns", "install", "--for", "dnsmasq", "--file", &file])
    };
    for _ in 0..2 {
        write("new/opsbro.conf").expect(0);
    }
    agent.home.write("dnsmasq.conf", "port=53\n");
    let refused = write("dnsmasq.conf").expect(2);
    assert!(refused.stderr.contains("was not written by"), "{refused:?}");
    assert_eq!(agent.home.read("dnsmasq.conf"), "port=53\n");
}

#[test]
fn what_dns_is_told_without_sense_is_shown_and_changes_nothing() {
    let home = Home::with_port_0("groups: [linux]\ndns.enabled: true\n");
    home.set_parameters("dns-listener", "domain: .corp.test\n");
    let agent = home.launch().ready();
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    let wrong = "domain: '..'\naddress: here\nforwarders: [nobody]\n";
    agent.home.set_parameters("dns-listener", wrong);
    let records = wait_for("it to be told", || {
        let records = agent.get("/dns/records").json();
        (records["wrong"].as_array()?.len() == 3).then_some(records)
    });
    assert_eq!(records["domain"], "corp.test.", "{records}");
    assert_eq!(dig(&agent, &["linux.group.corp.test"]), ["127.0.0.1"]);
    // Who starts with it listens nowhere, as nobody knows where it may.
    let agent = agent.kill().launch().ready();
    let told = wait_for("it to be refused", || {
        let records = agent.get("/dns/records").json();
        let off = records["off"].as_str()?.to_owned();
        off.contains("makes no sense").then_some(off)
    });
    assert!(told.contains("`here` is no IP address"), "{told}");
    assert!(!listens(&agent));
}

#[test]
fn a_service_of_a_pack_is_as_well_as_its_check() {
    let home = Home::with_port_0("groups: [web]\ndns.enabled: true\n");
    let file = |name: &str, text: &str| home.write(&format!("{PACK}/mine/{name}"), text);
    file("package.yml", "name: mine\ntopics: [monitoring]\n");
    file("parameters/parameters.yml", "down: false\n");
    file(
        "services/shop.yml",
        "service:\n  name: shop\n  if_group: web\n  port: 443\n  tags: [blue]\n  weight: 2 + 3\n\
         \x20 check:\n    interval: 1s\n    attempts: 1\n    critical_if: \"{{parameters.down}}\"\n\
         \x20   ok_output: \"'fine'\"\n    critical_output: \"'closed'\"\n",
    );
    let agent = home.launch().ready();
    let why = |part: &str| {
        let why = dig(&agent, &["TXT", "why.shop.service.opsbro"]);
        why.iter().any(|it| it.contains(part)).then_some(())
    };
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    wait_for("the service to be well", || why("shop OK"));
    wait_for("its weight to be known", || {
        let places = dig(&agent, &["SRV", "_shop._tcp.opsbro"]);
        places.first()?.starts_with("0 5 443 ").then_some(())
    });
    agent.home.write(
        &format!("{PACK}/mine/parameters/parameters.yml"),
        "down: true\n",
    );
    wait_for("the service to fail", || why("shop CRITICAL"));
    // It is the only one, so it is answered as it was, and that is told.
    assert_eq!(dig(&agent, &["shop.service.opsbro"]), ["127.0.0.1"]);
    assert!(why("panic: 1 of 1 failed at once").is_some());
    let state = agent.get("/state/services/shop").json();
    assert_eq!(state["failing"], 1, "{state}");
}

#[test]
fn locks_and_the_leader_answer_with_their_node() {
    let agent = Agent::start("dns.enabled: true\n");
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    let becomes = |name: &str, expect: &[&str]| {
        wait_for(name, || (dig(&agent, &[name]) == expect).then_some(()));
    };
    becomes("leader.raft.opsbro", &["127.0.0.1"]);
    becomes("door.lock.opsbro", &[]);
    let words = ["lock", "acquire", "door", "--ttl", "60s", "-o", "json"];
    let acquired = agent.opsbro(&words).expect(0).json();
    becomes("door.lock.opsbro", &["127.0.0.1"]);
    let session = acquired["session"].as_str().unwrap();
    let words = ["lock", "release", "door", "--session", session];
    agent.opsbro(&words).expect(0);
    becomes("door.lock.opsbro", &[]);
}

#[test]
fn a_service_leaves_in_a_downtime_when_its_pack_says_so() {
    let home = Home::with_port_0("groups: [web]\ndns.enabled: true\n");
    let file = |name: &str, text: &str| home.write(&format!("{PACK}/mine/{name}"), text);
    file("package.yml", "name: mine\n");
    for (name, more) in [("stays", ""), ("leaves", "  in_downtime: leave\n")] {
        let service = format!(
            "service:\n  if_group: web\n  port: 80\n{more}  checks:\n    \
             one: {{interval: 1s, critical_if: '1 > 2'}}\n    \
             two: {{interval: 1s, critical_if: '1 > 2'}}\n"
        );
        file(&format!("services/{name}.yml"), &service);
    }
    let agent = home.launch().ready();
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    let answers = |name: &str| dig(&agent, &[&format!("{name}.service.opsbro")]);
    for name in ["stays", "leaves"] {
        let is_there = || (answers(name) == ["127.0.0.1"]).then_some(());
        wait_for("the service to be well", is_there);
    }
    let words = ["downtime", "add", "--check", "mine/*-two", "--for", "1h"];
    agent.opsbro(&words).expect(0);
    wait_for("the one to leave", || {
        answers("leaves").is_empty().then_some(())
    });
    assert_eq!(answers("stays"), ["127.0.0.1"]);
    let told = agent
        .opsbro(&["explain", "dns", "leaves.service"])
        .expect(1);
    assert!(told.stdout.contains("in a downtime"), "{told:?}");
}

#[test]
fn other_names_are_asked_of_others_and_kept() {
    let folder = Folder::new();
    let above = free_port();
    let mut command = folder.command("/usr/sbin/dnsmasq", "dnsmasq-base");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
    ]);
    command.args([
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--user=root",
    ]);
    command.args([
        &format!("--port={above}"),
        "--address=/example.test/192.0.2.7",
    ]);
    command.args(["--local-ttl=300", "--pid-file="]);
    let server = folder.start(command).on_port(above);
    let home = Home::with_port_0("dns.enabled: true\n");
    let parameters = format!("forwarders: [\"127.0.0.1:{above}\"]\n");
    home.set_parameters("dns-listener", &parameters);
    let agent = home.launch().ready();
    wait_for("the forwarder to answer", || {
        (dig(&agent, &["www.example.test"]) == ["192.0.2.7"]).then_some(())
    });
    assert_eq!(dig(&agent, &["+tcp", "www.example.test"]), ["192.0.2.7"]);
    server.kill();
    assert_eq!(
        dig(&agent, &["www.example.test"]),
        ["192.0.2.7"],
        "it is kept"
    );
    let port = agent.listen("dns").port().to_string();
    let words = [
        "-p",
        &port,
        "@127.0.0.1",
        "+tries=1",
        "+time=20",
        "new.example.test",
    ];
    let printed = ask("dig", "bind9-dnsutils", &words).join("\n");
    assert!(printed.contains("SERVFAIL"), "{printed}");
}

#[test]
fn a_node_answers_with_all_its_addresses() {
    let agent = Agent::start("groups: [linux]\ndns: {enabled: true, addresses: ['fd00::7']}\n");
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    wait_for("the other address to be told", || {
        (dig(&agent, &["AAAA", "linux.group.opsbro"]) == ["fd00::7"]).then_some(())
    });
    assert_eq!(dig(&agent, &["A", "linux.group.opsbro"]), ["127.0.0.1"]);
    assert!(dig_all(&agent, &["-x", "fd00::7"]).contains(".node.opsbro."));
    agent
        .opsbro(&["agent", "parameters", "add", "dns.addresses", "192.0.2.7"])
        .expect(0);
    agent.opsbro(&["agent", "reload"]).expect(0);
    wait_for("a third address to be told", || {
        (dig(&agent, &["linux.group.opsbro"]) == ["127.0.0.1", "192.0.2.7"]).then_some(())
    });
    agent
        .opsbro(&["agent", "parameters", "add", "dns.addresses", "nonsense"])
        .expect(64);
}

#[test]
fn junk_is_counted_and_does_no_harm() {
    let agent = Agent::start("groups: [linux]\ndns.enabled: true\n");
    wait_for("DNS to listen", || listens(&agent).then_some(()));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let rounds = match std::env::var("SLOW_TESTS") {
        Ok(_) => 1_000_000_u32,
        Err(_) => 20_000,
    };
    let address = agent.listen("dns");
    for number in 0..rounds {
        let length = (number % 600) as usize;
        let byte = number.to_be_bytes()[3] ^ number.to_be_bytes()[2];
        // What the kernel cannot take is dropped, which is what it is for.
        let _ = socket.send_to(&vec![byte; length], address);
    }
    wait_for("junk to be counted", || {
        let counts = agent.get("/dns/records").json()["counts"].clone();
        (counts["junk"].as_u64() > Some(1_000)).then_some(())
    });
    assert_eq!(dig(&agent, &["linux.group.opsbro"]), ["127.0.0.1"]);
}

#[test]
fn a_second_agent_at_the_same_port_is_told_who_has_it() {
    let port = free_port();
    let home = |name: &str| {
        let home = Home::with_port_0(&format!("display_name: {name}\ndns.enabled: true\n"));
        home.set_parameters("dns-listener", &format!("port: {port}\n"));
        home
    };
    let one = home("one").launch().ready();
    wait_for("the first to listen", || listens(&one).then_some(()));
    assert_eq!(one.listen("dns").port(), port);
    let two = home("two").launch().ready();
    wait_for("the second to say why not", || {
        let records = two.get("/dns/records").json();
        records["off"]
            .as_str()?
            .contains("cannot listen")
            .then_some(())
    });
    drop(one.stop());
    wait_for("the second to take over", || listens(&two).then_some(()));
}
