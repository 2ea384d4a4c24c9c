//! Groups that come and go with what the machine is, while an agent runs.

mod later;

use tests::{Agent, Home, wait_for};

const FOLDER: &str = "var/lib/local-configuration/packs/mine";

/// Starts an agent with a detector of its own.
fn with_detector(agent_yml: &str, apply_if: &str) -> Agent {
    home_with_detector(agent_yml, apply_if).launch().ready()
}

fn home_with_detector(agent_yml: &str, apply_if: &str) -> Home {
    let home = Home::with_port_0(agent_yml);
    home.write(&format!("{FOLDER}/package.yml"), "name: mine\n");
    home.write(
        &format!("{FOLDER}/detectors/mine.yml"),
        &format!("detector:\n  interval: 5s\n  apply_if: \"{apply_if}\"\n  add_groups: [mine]\n"),
    );
    home
}

fn detected(agent: &Agent) -> bool {
    let groups = agent.get("/agent/detectors/state").json();
    groups
        .as_array()
        .unwrap()
        .iter()
        .any(|group| group == "mine")
}

#[test]
fn a_detector_takes_away_only_what_it_gave() {
    let agent = with_detector("groups: [byhand]\n", "is_in_static_group('switch')");
    let group = |verb: &str, name: &str| {
        agent
            .opsbro(&["agent", "parameters", verb, "groups", name])
            .expect(0);
    };
    let groups = || agent.get("/groups").json();
    let here = |name: &str| {
        let all = groups();
        let found = all.as_array().unwrap().iter().find(|it| it["name"] == name);
        found.cloned()
    };
    group("add", "switch");
    wait_for("the detected group", || here("mine"));
    // Given by hand too, it stays when the detector no longer gives it.
    group("add", "mine");
    let both = here("mine").unwrap();
    assert_eq!(both["is_static"], true, "{both}");
    assert_eq!(both["detected_by"][0], "mine/mine", "{both}");
    group("remove", "switch");
    wait_for("the detector to let go", || {
        here("mine").filter(|it| it["detected_by"].as_array().unwrap().is_empty())
    });
    assert!(here("byhand").is_some());
    group("remove", "mine");
    wait_for("the group to go", || here("mine").is_none().then_some(()));
}

#[test]
fn detectors_are_listed_and_a_wrong_group_is_told_the_nearest() {
    let agent = with_detector("", "True");
    agent.opsbro(&["detectors", "wait-group", "mine"]).expect(0);
    let list = agent
        .opsbro(&["detectors", "list", "--active"])
        .expect(0)
        .stdout;
    assert!(
        list.contains("local > mine > detector > mine  MATCHES"),
        "{list}"
    );
    let state = agent.opsbro(&["detectors", "state"]).expect(0).stdout;
    assert!(
        state.contains("* mine") && state.contains("mine/mine"),
        "{state}"
    );
    let near = agent.opsbro(&["explain", "group", "mnie"]).expect(1).stdout;
    assert!(near.contains("Did you mean mine?"), "{near}");
    let waited = agent.opsbro(&["detectors", "wait-group", "no-such", "--timeout", "10ms"]);
    assert!(waited.expect(1).stdout.contains("was not detected in time"));
    let wrong = agent.opsbro(&["detectors", "run", "mnie"]).expect(2).stderr;
    assert!(wrong.contains("did you mean `mine`?"), "{wrong}");
}

#[test]
fn a_set_of_groups_is_explained_group_by_group() {
    let agent = Agent::start("groups: [web]\n");
    let explain = |set: &str| agent.opsbro(&["explain", "group", set]);
    let inside = explain("web & linux").expect(0).stdout;
    assert!(inside.contains("This node is in it"), "{inside}");
    assert!(
        inside.contains("Group web") && inside.contains("Group linux"),
        "{inside}"
    );
    let outside = explain("web & (!linux | nowhere)").expect(1).stdout;
    assert!(outside.contains("This node is not in it"), "{outside}");
    assert!(outside.contains("Group nowhere"), "{outside}");
    let wrong = explain("web & & linux").expect(64).stderr;
    assert!(wrong.contains("is no set of groups"), "{wrong}");
}
