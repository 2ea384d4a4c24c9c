//! Collectors as people look at them while an agent runs.

use tests::{Agent, wait_for};

const FOLDER: &str = "var/lib/local-configuration/packs/mine";

/// Starts an agent with a collector of its own, which reads a file with two numbers.
fn with_file(text: &str) -> Agent {
    let agent = Agent::start("");
    let path = agent.home.root().join("numbers");
    agent.home.write("numbers", text);
    agent
        .home
        .write(&format!("{FOLDER}/package.yml"), "name: mine\n");
    let source = path.display();
    agent.home.write(
        &format!("{FOLDER}/collectors/numbers.yml"),
        &format!(
            "collector:\n  if_group: \"*\"\n  interval: 1s\n  timeout: 1s\n  \
             source: {{file: \"{source}\"}}\n  format: key_value\n  \
             script: |\n    let out = raw;\n    out.sum = raw.one + raw.two;\n    out\n"
        ),
    );
    let known = || agent.get("/collectors/numbers").status == 200;
    wait_for("the new collector", || known().then_some(()));
    agent
}

#[test]
fn what_a_collector_gives_is_shown_with_how_it_came_about() {
    let agent = with_file("one: 3\ntwo: 4\n");
    agent
        .opsbro(&["collectors", "wait-ok", "numbers"])
        .expect(0);
    let flat = agent
        .opsbro(&["collectors", "show", "numbers", "--flat"])
        .expect(0)
        .stdout;
    assert!(flat.contains("collector.numbers.sum  = 7"), "{flat}");
    let explained = agent
        .opsbro(&["collectors", "run", "numbers", "--explain"])
        .expect(0)
        .stdout;
    for part in ["1. source", "2. format", "3. script", "one: 3", "sum  7"] {
        assert!(explained.contains(part), "{part} in {explained}");
    }
    let all = agent.get("/collectors?results=false").json();
    assert_eq!(all["numbers"]["state"], "OK");
    assert!(all["numbers"]["results"].is_null(), "{all}");
    assert_eq!(
        agent.get("/collectors").json()["numbers"]["results"]["sum"],
        7
    );
    wait_for("what a look at the machine has read", || {
        let memory = agent.get("/collectors/memory").json();
        (memory["cost"]["bytes"].as_u64()? > 500).then_some(())
    });
    let ran = agent
        .opsbro(&["collectors", "run", "numbers", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&ran["results"]["sum"], ran["steps"].is_null()),
        (&7.into(), true)
    );
}

#[test]
fn a_collector_that_fails_says_why_and_keeps_what_it_gave() {
    let agent = with_file("one: 3\ntwo: 4\n");
    agent
        .opsbro(&["collectors", "wait-ok", "numbers"])
        .expect(0);
    std::fs::remove_file(agent.home.root().join("numbers")).unwrap();
    let show = || agent.get("/collectors/numbers").json();
    wait_for("the failure", || (show()["state"] != "OK").then_some(()));
    assert_eq!(show()["results"]["sum"], 7, "the last good result is kept");
    let run = agent.opsbro(&["collectors", "run", "numbers"]).expect(1);
    assert!(run.stdout.contains("numbers"), "{run:?}");
    let waited = agent.opsbro(&["collectors", "wait-ok", "numbers", "--timeout", "10ms"]);
    assert!(waited.expect(1).stdout.contains("is not OK in time"));
    let history = || {
        agent
            .opsbro(&["collectors", "history", "-o", "json"])
            .expect(0)
            .json()
    };
    let has = |state: &str| {
        let all = history();
        let entries = all.as_array().unwrap().iter();
        let mut changes = entries.flat_map(|entry| entry["entries"].as_array().unwrap().clone());
        changes.any(|it| it["name"] == "numbers" && it["state"] == state)
    };
    wait_for("the history", || has("OK").then_some(()));
}

#[test]
fn numbers_that_move_are_drawn() {
    let agent = with_file("one: 1\ntwo: 4\n");
    agent
        .opsbro(&["collectors", "wait-ok", "numbers"])
        .expect(0);
    let mut next = 1;
    let recent = wait_for("the numbers to move", || {
        next += 1;
        agent
            .home
            .write("numbers", &format!("one: {next}\ntwo: 4\n"));
        let recent = agent.get("/collectors/numbers").json()["recent"].clone();
        (!recent["one"].is_null()).then_some(recent)
    });
    assert!(recent["one"].as_array().unwrap().len() >= 2, "{recent}");
    assert!(
        recent["two"].is_null(),
        "what stands still is not drawn: {recent}"
    );
}

#[test]
fn a_name_that_is_wrong_is_told_the_nearest() {
    let agent = Agent::start("");
    for verb in ["show", "run", "wait-ok"] {
        let said = agent
            .opsbro(&["collectors", verb, "memroy"])
            .expect(2)
            .stderr;
        assert!(said.contains("did you mean `memory`?"), "{verb}: {said}");
    }
    let state = agent
        .opsbro(&["collectors", "state", "--only", "ok"])
        .expect(0)
        .stdout;
    assert!(
        state.contains("memory") && !state.contains("NOT-ELIGIBLE"),
        "{state}"
    );
    agent
        .opsbro(&["collectors", "state", "--only", "broken"])
        .expect(64);
    let docker = agent.opsbro(&["docker", "show"]);
    assert!(matches!(docker.code, Some(0..=2)), "{docker:?}");
}
