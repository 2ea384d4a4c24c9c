//! What nodes know of each other: aggregates, fleet expressions, and who tells of a dead node.

use tests::{Agent, Home, wait_for};

use crate::alerts::Recorder;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const PACKS: &str = "var/lib/local-configuration/packs";

/// Makes the folder of an agent that has a key, and a pack `mine` of these files.
fn home(number: u8, more: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::new(&format!(
        "port: 0\nlisten_address: 127.0.0.{number}\ndisplay_name: n{number}\n{more}"
    ));
    home.write("etc/zone_keys/internet.gossip.key", KEY);
    home.write(&format!("{PACKS}/mine/package.yml"), "name: mine\n");
    for (name, text) in files {
        home.write(&format!("{PACKS}/mine/{name}"), text);
    }
    home
}

/// Gives what an expression says on an agent.
fn eval(agent: &Agent, expression: &str) -> String {
    let ran = agent.opsbro(&["evaluator", "eval", expression]);
    let last = ran.stdout.trim().lines().last();
    last.unwrap_or_default().to_owned()
}

fn join(agents: &[&Agent]) {
    let first = agents[0].listen("gossip").to_string();
    for agent in &agents[1..] {
        agent.opsbro(&["join", &first]).expect(0);
    }
    let count = agents.len().to_string();
    for agent in agents {
        let words = [
            "gossip",
            "wait-members",
            "--timeout",
            "30s",
            "--state",
            "alive",
        ];
        agent
            .opsbro(&[&words[..], &["--count", &count]].concat())
            .expect(0);
    }
}

#[test]
fn aggregates_and_expressions_see_the_checks_of_other_nodes() {
    let api = |home: &Home| {
        let flag = home.root().join("broken").display().to_string();
        let check = format!(
            "check:\n  interval: 1s\n  if_group: web\n  critical_if: \"file_exists('{flag}')\"\n"
        );
        home.write(&format!("{PACKS}/mine/monitoring/api.yml"), &check);
    };
    let aggregate = "check:\n  interval: 1s\n  if_group: boss\n  aggregate: {group: web, \
                     check: mine/api, at_least: 2, min_coverage: 80%}\n";
    let one = home(
        81,
        "groups: [boss]\n",
        &[("monitoring/enough.yml", aggregate)],
    );
    let (two, three) = (
        home(82, "groups: [web]\n", &[]),
        home(83, "groups: [web]\n", &[]),
    );
    api(&two);
    api(&three);
    let one = one.launch().ready();
    let (two, three) = (two.launch().ready(), three.launch().ready());
    join(&[&one, &two, &three]);
    let states = "fleet('web').check('mine/api')";
    let becomes = |expression: &str, expect: &str| {
        wait_for(&format!("{expression} to be {expect}"), || {
            eval(&one, expression).contains(expect).then_some(())
        });
    };
    let enough = |state: &str| {
        wait_for(&format!("the aggregate to be {state}"), || {
            let checks = one.get("/monitoring/checks").json();
            (checks["mine/enough"]["state"] == state).then_some(())
        });
    };
    becomes(states, "['OK', 'OK']");
    becomes("fleet_coverage('web')", "2 of 2 nodes");
    enough("ok");
    two.home.write("broken", "");
    becomes(&format!("count({states}, 'CRITICAL')"), "1");
    enough("critical");
    std::fs::remove_file(two.home.root().join("broken")).unwrap();
    enough("ok");
    // Of a node that is dead nothing is known: too few are heard of to say.
    drop(three.kill());
    becomes("fleet_coverage('web')", "1 of 2 nodes");
    enough("unknown");
}

#[test]
fn a_dead_node_is_told_once_and_what_depends_on_it_is_silent() {
    let recorder = Recorder::start();
    let hook = format!(
        "handler:\n  notifier: webhook\n  options: {{url: 'http://{}/'}}\n  window: 0s\n  \
         packs: [mine, core-gossip]\n",
        recorder.address
    );
    let check = "check:\n  interval: 1s\n  if_group: boss\n  depends_on: ['node:n93']\n  \
                 critical_if: \"gossip_count_nodes(state='dead') > 0\"\n";
    let files = [
        ("handlers/hook.yml", &*hook),
        ("monitoring/needs.yml", check),
    ];
    let one = home(91, "groups: [boss]\n", &files).launch().ready();
    let two = home(92, "", &files).launch().ready();
    // Whoever is killed at once may have kept nobody: the seed is what brings it back for sure.
    let seeds = format!("seeds: ['{}']\n", one.listen("gossip"));
    let three = home(93, &seeds, &files).launch().ready();
    join(&[&one, &two, &three]);
    let home = three.kill();
    wait_for("the dead node to be told", || {
        recorder.told().contains_key("node:n93").then_some(())
    });
    wait_for("what depends on it to be silent for that reason", || {
        let shown = one.opsbro(&["explain", "check", "mine/needs"]).stdout;
        shown
            .contains("node:n93, which is told instead")
            .then_some(())
    });
    let notices = recorder.notices.lock().unwrap().clone();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let notice = notices[0].to_string();
    assert!(notice.contains("mine/needs"), "{notice}");
    assert!(notice.contains("nobody reaches it"), "{notice}");
    let three = home.launch().ready();
    wait_for("its return to be told", || {
        (recorder.told()["node:n93"].len() == 2).then_some(())
    });
    assert_eq!(recorder.told().len(), 1, "{:?}", recorder.told());
    drop(three);
}
