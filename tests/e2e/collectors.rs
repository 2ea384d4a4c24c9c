//! Collectors and detectors of a real agent: what is bad stops only itself, and is named.

mod shown;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};
use tests::{Agent, Home, wait_for};

const PACK: &str = "var/lib/local-configuration/packs/mine";

/// Writes a collector of the pack `mine`.
fn collector(home: &Home, name: &str, body: &str) {
    collector_within(home, "2s", name, body);
}

/// Writes a collector of the pack `mine` that may take so long.
fn collector_within(home: &Home, timeout: &str, name: &str, body: &str) {
    let body = body.trim_start_matches('\n');
    home.write(
        &format!("{PACK}/collectors/{name}.yml"),
        &format!("collector:\n  if_group: '*'\n  interval: 1s\n  timeout: {timeout}\n{body}"),
    );
}

fn home() -> Home {
    let home = Home::with_port_0("");
    home.write(&format!("{PACK}/package.yml"), "name: mine\n");
    home
}

/// Evaluates an expression: its value, or the reason why it is not known.
fn eval(agent: &Agent, expression: &str) -> Result<Value, String> {
    let ran = agent.opsbro(&["evaluator", "eval", expression, "-o", "json"]);
    let json = ran.json();
    match json["unknown"].as_str() {
        Some(reason) => Err(reason.to_owned()),
        None => Ok(json["value"].clone()),
    }
}

/// Waits until an expression is not known for this reason.
#[track_caller]
fn unknown_because(agent: &Agent, expression: &str, reason: &str) {
    wait_for(reason, || {
        let said = eval(agent, expression).err()?;
        said.contains(reason).then_some(())
    });
}

/// Waits until the agent gives data of its own, so that others are seen to be unaffected.
#[track_caller]
fn others_are_well(agent: &Agent) {
    let uptime = || eval(agent, "{{collector.well.number}}").ok()?.as_i64();
    let before = wait_for("data of another collector", uptime);
    wait_for("newer data of it", || uptime().filter(|now| *now > before));
}

/// A collector that counts its own runs.
fn well(home: &Home) {
    let counter = home.root().join("counter").display().to_string();
    collector(
        home,
        "well",
        &format!(
            r#"
  source:
    command:
      shell: "n=$(cat {counter} 2>/dev/null || echo 0); echo $((n+1)) > {counter}; echo number: $n"
  format: key_value
"#
        ),
    );
}

#[test]
fn data_that_is_bad_is_told_and_others_are_unaffected() {
    let home = home();
    well(&home);
    let command = |name: &str, shell: &str, rest: &str| {
        let source = format!("\n  source:\n    command:\n      shell: \"{shell}\"\n{rest}");
        // A busy machine moves 100 MB in some seconds; what never ends is given up sooner.
        let timeout = if name == "slow" { "2s" } else { "20s" };
        collector_within(&home, timeout, name, &source);
    };
    command("flood", "head -c 104857600 /dev/zero", "");
    command("junk", "head -c 100000 /dev/urandom", "  format: json\n");
    for (name, count) in [("keys", 1_000_000), ("many", 100_000)] {
        let shell = format!("seq {count} | sed 's/.*/k&: 1/'");
        command(name, &shell, "  format: key_value\n");
    }
    let endless = "  format: text\n  script: |\n    let n = 0;\n    loop { n += 1; }\n";
    command("endless", "echo 1", endless);
    command("nan", "printf 'a: nan\\nb: 2\\n'", "  format: key_value\n");
    command("slow", "exec sleep 1000", "");
    let agent = home.launch().ready();
    unknown_because(&agent, "{{collector.flood.raw}}", "more than 4 MiB");
    unknown_because(&agent, "{{collector.junk.x}}", "is not JSON");
    unknown_because(&agent, "{{collector.keys.k1}}", "more than 4 MiB");
    unknown_because(&agent, "{{collector.many.k1}}", "more than 20000 values");
    unknown_because(&agent, "{{collector.endless.x}}", "(endless: ERROR");
    unknown_because(&agent, "{{collector.slow.x}}", "(slow: ERROR");
    wait_for("the number beside the one that is none", || {
        (eval(&agent, "{{collector.nan.b}}").ok()? == 2).then_some(())
    });
    assert_ne!(
        eval(&agent, "{{collector.nan.a}} > 1"),
        Ok(Value::Bool(true))
    );
    others_are_well(&agent);
    let memory = agent.info()["memory_bytes"].as_u64().unwrap();
    assert!(memory < 100 << 20, "{} MiB", memory >> 20);
    assert_eq!(agent.info()["workers"]["panicked"], 0);
}

#[test]
fn a_server_that_never_answers_stops_only_its_own_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It accepts, reads and never says a word.
    let server = thread::spawn(move || {
        let mut streams = Vec::new();
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let mut byte = [0];
            let _ = stream.read(&mut byte);
            streams.push(stream);
        }
    });
    let home = home();
    well(&home);
    let source = format!(
        "\n  source:\n    tcp: {{address: '127.0.0.1:{port}', send: \"INFO\\r\\n\"}}\n  \
         format: key_value\n"
    );
    collector(&home, "mute", &source);
    let agent = home.launch().ready();
    unknown_because(&agent, "{{collector.mute.x}}", "mute: ERROR");
    others_are_well(&agent);
    agent.stop();
    for _ in 0..3 {
        let _ = std::net::TcpStream::connect(("127.0.0.1", port)).map(|mut it| it.write(b"x"));
    }
    server.join().unwrap();
}

#[test]
fn a_wedged_mount_stops_only_what_touches_it_and_is_named() {
    let home = home();
    well(&home);
    let wedged = home.root().join("wedged").display().to_string();
    let source = format!("\n  source:\n    file: {wedged}/x\n  format: text\n");
    collector(&home, "stale", &source);
    let detector = |apply_if: &str, group: &str| {
        format!("detector:\n  apply_if: \"{apply_if}\"\n  add_groups: [{group}]\n")
    };
    let file = format!("{PACK}/detectors/stale.yml");
    let touches = format!("file_exists('{wedged}/x')");
    home.write(&file, &detector(&touches, "stale"));
    home.write(
        &format!("{PACK}/detectors/fresh.yml"),
        &detector("True", "fresh"),
    );
    let agent = home.launch_with_wedged_folder("wedged").ready();
    unknown_because(
        &agent,
        "{{collector.stale.raw}}",
        "stale: ERROR, hangs since 20",
    );
    others_are_well(&agent);
    let groups = || agent.info()["groups"].to_string();
    wait_for("the other group", || {
        groups().contains("fresh").then_some(())
    });
    assert!(!groups().contains("stale"));
    let stuck = || agent.info()["workers"]["stuck"].to_string();
    wait_for("the name of what hangs", || {
        stuck().contains("collector stale").then_some(())
    });
    wait_for("the name of the detector that hangs", || {
        stuck().contains("detector mine/stale").then_some(())
    });
    // One thread each, not one more each turn; and nothing holds up the end.
    others_are_well(&agent);
    assert_eq!(stuck().matches("collector stale").count(), 1);
    agent.stop();
}

#[test]
fn values_may_change_their_kind_between_two_runs() {
    let home = home();
    let flip = home.root().join("flip").display().to_string();
    collector(
        &home,
        "odd",
        &format!(
            r#"
  source:
    command:
      shell: "if [ -e {flip} ]; then rm {flip}; echo '{{\"a\": [1]}}'; else touch {flip}; echo '{{\"a\": 5}}'; fi"
  format: json
"#
        ),
    );
    let agent = home.launch().ready();
    for expect in [json!(5), json!([1]), json!(5)] {
        wait_for("a value of the other kind", || {
            (eval(&agent, "{{collector.odd.a}}").ok()? == expect).then_some(())
        });
    }
}

#[test]
fn a_parameter_that_is_missing_is_named_with_the_command_that_sets_it() {
    let home = home();
    home.write(
        &format!("{PACK}/package.yml"),
        "name: mine\nparameters:\n  server: {type: text}\n",
    );
    let source = "\n  source:\n    tcp: {address: '{{parameters.server}}:1', send: x}\n";
    collector(&home, "asks", source);
    let agent = home.launch().ready();
    unknown_because(
        &agent,
        "{{collector.asks.x}}",
        "opsbro packs parameters set local.mine.server",
    );
}

#[test]
fn groups_follow_the_machine_and_come_back_after_a_restart() {
    let home = home();
    let mark = home.root().join("mark");
    let detector = format!(
        "detector:\n  interval: 1s\n  apply_if: \"file_exists('{}')\"\n  add_groups: [marked]\n",
        mark.display()
    );
    home.write(&format!("{PACK}/detectors/marked.yml"), &detector);
    collector(
        &home,
        "asks",
        "\n  source:\n    command: [echo, 'a: 1']\n  format: key_value\n",
    );
    let agent = home.launch().ready();
    let has = |agent: &Agent| {
        let groups = agent.info()["groups"].clone();
        groups.as_array().unwrap().contains(&Value::from("marked"))
    };
    assert!(!has(&agent));
    std::fs::File::create(&mark).unwrap();
    wait_for("the group", || has(&agent).then_some(()));
    wait_for("data", || eval(&agent, "{{collector.asks.a}}").ok());
    let home = agent.stop();
    // The source is gone, so what is known of it is what was kept.
    collector(
        &home,
        "asks",
        "\n  source:\n    command: [sleep, '1000']\n  format: key_value\n",
    );
    let agent = home.launch().ready();
    assert!(has(&agent), "a group that was kept comes back at once");
    assert_eq!(eval(&agent, "{{collector.asks.a}}"), Ok(Value::from(1)));
    std::fs::remove_file(&mark).unwrap();
    wait_for("the group to go", || (!has(&agent)).then_some(()));
}

#[test]
fn a_topic_that_is_switched_off_stops_at_once() {
    let home = home();
    let always = "detector:\n  apply_if: 'True'\n  add_groups: [always]\n";
    home.write(&format!("{PACK}/detectors/always.yml"), always);
    let agent = home.launch().ready();
    let has = || agent.info()["groups"].to_string().contains("\"always\"");
    wait_for("the group", || has().then_some(()));
    wait_for("data", || {
        eval(&agent, "{{collector.loadaverage.load1}}").ok()
    });
    for topic in ["automatic_detection", "metrology"] {
        let key = format!("{topic}_topic_enabled");
        agent
            .opsbro(&["agent", "parameters", "set", &key, "false"])
            .expect(0);
    }
    wait_for("the group to go", || (!has()).then_some(()));
    unknown_because(
        &agent,
        "{{collector.loadaverage.load1}}",
        "opsbro agent parameters set metrology_topic_enabled true",
    );
}
