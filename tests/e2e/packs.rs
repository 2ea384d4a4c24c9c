//! Packs while an agent runs: taken as they are saved, and never worse than before.

use tests::{Agent, Home, wait_for};

const PACK: &str = "var/lib/local-configuration/packs/mine/package.yml";

#[test]
fn a_pack_is_taken_as_it_is_saved_and_a_broken_one_keeps_its_last_good_version() {
    let agent = Agent::start("");
    let packs = || agent.info()["packs"]["packs"].as_u64();
    let before = packs();
    assert!(before > Some(10), "the shipped packs are loaded");
    assert_eq!(
        agent.info()["packs"]["errors"],
        0,
        "{}",
        agent.info()["problems"]
    );
    agent.home.write(PACK, "name: mine\n");
    wait_for("the new pack", || (packs() > before).then_some(()));
    let detector = "var/lib/local-configuration/packs/mine/detectors/mine.yml";
    agent.home.write(
        detector,
        "detector: {apply_if: 'True', add_groups: [mine]}\n",
    );
    let mine = || agent.get("/packs").json()["local"]["mine"].clone();
    wait_for("its detector", || {
        (mine()["objects"]["detectors"] == 1).then_some(())
    });
    agent.home.write(
        detector,
        "detector: {apply_if: 'Tru', add_groups: [mine]}\n",
    );
    wait_for("the error", || {
        agent.info()["problems"]
            .to_string()
            .contains("mine.yml")
            .then_some(())
    });
    assert_eq!(
        mine()["objects"]["detectors"],
        1,
        "the last good version runs on"
    );
    std::fs::remove_file(agent.home.root().join(detector)).unwrap();
    wait_for("the detector to be gone", || {
        mine()["objects"]["detectors"].is_null().then_some(())
    });
    // What never was good is not there, and whoever asks for it hears why.
    agent.home.write(detector, "detector: {apply_if: 'Tru'}\n");
    let check = "var/lib/local-configuration/packs/mine/monitoring/bad.yml";
    agent.home.write(check, "check: {critical_if: '1 >> 2'}\n");
    for words in [
        ["detectors", "run", "mine/mine"],
        ["monitoring", "run", "mine/bad"],
    ] {
        wait_for("the reason", || {
            let ran = agent.opsbro(&words);
            let is_told = ran.stderr.contains("its file is broken") && ran.code == Some(2);
            is_told.then_some(())
        });
    }
}

#[test]
fn an_overload_is_in_force_at_once() {
    let agent = Agent::start("");
    agent
        .opsbro(&["packs", "overload", "global.linux"])
        .expect(0);
    wait_for("the overload", || {
        (agent.get("/packs").json()["local"]["linux"]["in_use"] == true).then_some(())
    });
    assert_eq!(
        agent.get("/packs").json()["global"]["linux"]["in_use"],
        false
    );
}

#[test]
fn expressions_are_evaluated_with_what_the_node_knows() {
    let agent = Agent::start("groups: [web]\n");
    let eval = |expression: &str| agent.opsbro(&["evaluator", "eval", expression, "-o", "json"]);
    assert_eq!(eval("1 + 1").expect(0).json()["value"], 2);
    assert_eq!(eval("is_in_group('web')").expect(0).json()["value"], true);
    assert_eq!(eval("is_in_group('db')").expect(0).json()["value"], false);
    assert_eq!(eval("{{node.zone}}").expect(0).json()["value"], "internet");
    let unknown = eval("{{collector.redis.x}} > 3").expect(1).json();
    assert!(
        unknown["unknown"].as_str().unwrap().contains("redis"),
        "{unknown}"
    );
    for (expression, near) in [
        ("{{node.nmae}}", "node.name"),
        ("{{configuration.prot}}", "configuration.port"),
        ("{{collector.memry.x}}", "`memory`"),
    ] {
        let reason = eval(expression).expect(1).json()["unknown"].to_string();
        assert!(reason.contains(near), "{expression}: {reason}");
    }
    let wrong = eval("is_in_grup('web')").expect(2).json();
    assert!(
        wrong["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("is_in_group"),
        "{wrong}"
    );
    assert_eq!(wrong["error"]["column"], 1);
    let last = agent.opsbro(&["evaluator", "eval", "1 < 2"]).expect(0);
    assert_eq!(last.stdout.lines().last(), Some("True"));
}

#[test]
fn a_secret_appears_nowhere() {
    let secret = "hunter2-and-more";
    let agent = Agent::start("log_level: TRACE\n");
    agent.home.write(
        PACK,
        "name: mine\nparameters: {password: {type: string, secret: true}}\n",
    );
    let file = "var/lib/local-configuration/packs/mine/parameters/parameters.yml";
    agent.home.write(file, &format!("password: {secret}\n"));
    let check = "var/lib/local-configuration/packs/mine/monitoring/mine.yml";
    let text = "check: {critical_if: \"{{parameters.password}} == 'x'\", if_group: mine}\n";
    agent.home.write(check, text);
    wait_for("the pack", || {
        (agent.get("/packs").json()["local"]["mine"]["objects"]["checks"] == 1).then_some(())
    });
    agent.home.write(file, &format!("password: [{secret}\n"));
    wait_for("the error", || {
        agent
            .get("/packs/problems")
            .body
            .contains("parameters.yml")
            .then_some(())
    });
    for path in [
        "/agent/info",
        "/packs",
        "/packs/problems",
        "/agent/history",
        "/metrics",
    ] {
        assert!(
            !agent.get(path).body.contains(secret),
            "{path} tells the secret"
        );
    }
    agent.home.write(file, &format!("password: {secret}\n"));
    for arguments in [
        &["packs", "parameters", "get", "local.mine.password"][..],
        &["packs", "show", "mine"],
        &["packs", "show", "mine", "-o", "json"],
        &["packs", "diff", "mine"],
        &["packs", "lint"],
        &["evaluator", "eval", "{{parameters.password}}", "--explain"],
        &["agent", "info", "--show-logs"],
    ] {
        let ran = agent.opsbro(arguments);
        assert!(
            !format!("{ran:?}").contains(secret),
            "{arguments:?} tells the secret: {ran:?}"
        );
    }
    let home = agent.stop();
    for folder in ["var/log", "var/lib/history", "var/lib/state", "run"] {
        for file in tests::files_below(&home.root().join(folder)) {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
            assert!(
                !text.contains(secret),
                "the secret stands in {}",
                file.display()
            );
        }
    }
    assert!(!home.read("said").contains(secret));
}

#[test]
fn a_file_that_is_broken_over_a_restart_keeps_its_last_good_version() {
    let home = Home::with_port_0("");
    home.write(PACK, "name: mine\n");
    let file = "var/lib/local-configuration/packs/mine/monitoring/mine.yml";
    home.write(
        file,
        "check:\n  if_group: '*'\n  interval: 1s\n  critical_if: 'True'\n  \
         critical_output: \"'still watched'\"\n",
    );
    let state = |agent: &Agent| {
        let all = agent.get("/monitoring/state").json();
        let check = &all["checks"]["mine/mine"];
        (check["hard_state"] == "critical").then(|| check["since"].clone())
    };
    let agent = home.launch().ready();
    let since = wait_for("the check", || state(&agent));
    wait_for("the good version to be kept", || {
        let kept = agent.home.root().join("var/lib/state/packs.document");
        let kept = std::fs::read_to_string(kept).ok()?;
        kept.contains("still watched").then_some(())
    });
    let mut home = agent.stop();
    home.write(file, "check:\n  critical_if: 'True and'\n");
    // Once more: the broken file must not take the place of the good one.
    for _ in 0..2 {
        let agent = home.launch().ready();
        assert_eq!(wait_for("the check to go on", || state(&agent)), since);
        let shown = agent.opsbro(&["state"]).stdout;
        assert!(
            shown.contains("still watched") && shown.contains("lint"),
            "{shown}"
        );
        let history = ["monitoring", "history", "--check", "mine/mine"];
        let history = agent.opsbro(&history).expect(0).stdout;
        assert!(!history.contains("gone"), "{history}");
        home = agent.stop();
    }
}
