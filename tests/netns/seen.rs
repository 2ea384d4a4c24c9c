//! What agents see of each other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{Agent, Home, Host, holds_for};

/// The key that the scenarios share.
pub(crate) const KEY: &str = "NGNjZWI2ZmEyMzEyMTFlOA==";
/// Another one.
pub(crate) const OTHER_KEY: &str = "YzAzZTdjYmFmOTRmMTFlOA==";
/// What is not about the cluster is switched off: many agents share one machine here.
pub(crate) const QUIET: &str = "\
monitoring_topic_enabled: false
metrology_topic_enabled: false
automatic_detection_topic_enabled: false
configuration_automation_topic_enabled: false
system_compliance_topic_enabled: false
";
/// How often agents are looked at: more often keeps a small machine busy with nothing else.
const LOOK: Duration = Duration::from_millis(150);
/// How long anything of the scenarios may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Gives how long something has to go on: so many seconds where slow tests are wanted, a third of
/// it otherwise.
pub(crate) fn a_while(seconds: u64) -> Duration {
    match std::env::var_os("SLOW_TESTS") {
        Some(_) => Duration::from_secs(seconds),
        None => Duration::from_secs(seconds) / 3,
    }
}

/// Makes the folder of a quiet agent with the key that the scenarios share.
pub(crate) fn home(host: &Host, more: &str) -> Home {
    keyed(host, KEY, more)
}

/// Makes the folder of a quiet agent with a key.
pub(crate) fn keyed(host: &Host, key: &str, more: &str) -> Home {
    let home = host.home(&format!("{QUIET}{more}"));
    home.write("etc/zone_keys/internet.gossip.key", key);
    home
}

/// Starts quiet agents with the key that the scenarios share.
pub(crate) fn start<const COUNT: usize>(hosts: &[Host; COUNT], more: &str) -> [Agent; COUNT] {
    let all = std::array::from_fn(|at| hosts[at].launch(home(&hosts[at], more)));
    all.map(Agent::ready)
}

/// Makes all join the first, and waits until all see all.
#[track_caller]
pub(crate) fn join_all(agents: &[Agent], first: &Host) {
    for agent in &agents[1..] {
        agent.opsbro(&["join", &first.four().to_string()]).expect(0);
    }
    all_see_all(agents);
}

/// Waits until each of some agents sees all of them alive.
#[track_caller]
pub(crate) fn all_see_all(agents: &[Agent]) {
    for agent in agents {
        waits_to_see(SOON, agent, "all alive", |known| {
            let alive = known.values().filter(|state| *state == "alive");
            known.len() == agents.len() && alive.count() == agents.len()
        });
    }
}

/// Waits until an agent sees the others as they should be seen; tells what it saw when it does not.
#[track_caller]
pub(crate) fn waits_to_see(
    time: Duration,
    agent: &Agent,
    what: &str,
    is_right: impl Fn(&BTreeMap<String, String>) -> bool,
) {
    let deadline = Instant::now() + time;
    loop {
        let known = states(agent);
        if is_right(&known) {
            return;
        }
        if Instant::now() > deadline {
            let members = agent.opsbro(&["members", "--detail"]).stdout;
            let figures = agent.info()["cluster"]["figures"].clone();
            let said = agent.said();
            panic!("waited in vain for {what}: {known:?}\n{members}\n{figures}\n{said}");
        }
        // tidy: sleep, what an agent sees changes by itself
        std::thread::sleep(LOOK);
    }
}

/// Gives the state of each node, by its name for people.
pub(crate) fn states(agent: &Agent) -> BTreeMap<String, String> {
    let members = agent.get("/agent/members").json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = members.as_object().unwrap().values();
    all.map(|it| (text(&it["display_name"]), text(&it["state"])))
        .collect()
}

/// Gives the nodes that an agent sees alive, in order.
pub(crate) fn alive(agent: &Agent) -> Vec<String> {
    let known = states(agent).into_iter();
    known
        .filter(|(_, state)| state == "alive")
        .map(|(name, _)| name)
        .collect()
}

/// Waits until a node is known in a state.
#[track_caller]
pub(crate) fn sees(agent: &Agent, name: &str, state: &str) {
    sees_within(SOON, agent, name, state);
}

/// Waits for a time until a node is known in a state.
#[track_caller]
pub(crate) fn sees_within(time: Duration, agent: &Agent, name: &str, state: &str) {
    let what = format!("{name} to be {state}");
    waits_to_see(time, agent, &what, |known| {
        known.get(name).map(String::as_str) == Some(state)
    });
}

/// Checks for a time that an agent sees exactly these alive.
#[track_caller]
pub(crate) fn goes_on_to_see(time: Duration, agents: &[Agent], names: &[&str]) {
    let what = format!("all see {names:?} alive");
    holds_for(time, &what, || {
        agents.iter().all(|agent| alive(agent) == names)
    });
}

/// Gives what an agent's history tells: whose state changed, and to what.
pub(crate) fn changes(agent: &Agent) -> Vec<(String, String)> {
    let told = agent.get("/agent/members/history").json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let turns = told.as_array().unwrap().iter();
    let all = turns.flat_map(|turn| turn["entries"].as_array().unwrap());
    all.filter(|it| it["type"] == "node-state-change")
        .map(|it| (text(&it["display_name"]), text(&it["state"])))
        .collect()
}

/// Checks that an agent never held one of these nodes for dead.
#[track_caller]
pub(crate) fn never_saw_dead(agents: &[Agent]) {
    for agent in agents {
        let told = changes(agent);
        assert!(!told.is_empty(), "a history without anybody is no history");
        let dead = told.iter().filter(|(_, state)| state == "dead");
        assert_eq!(dead.count(), 0, "{told:?}");
    }
}

/// Gives a figure of the cluster loop.
pub(crate) fn figure(agent: &Agent, name: &str) -> u64 {
    let figures = agent.info()["cluster"]["figures"].clone();
    figures[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} in {figures}"))
}
