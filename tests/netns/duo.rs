//! Nodes that join, die, return, leave and tell each other things.

use rustix::process::Signal;
use tests::{Lan, wait_within};

use crate::seen::{
    KEY, OTHER_KEY, SOON, a_while, alive, all_see_all, changes, goes_on_to_see, home, join_all,
    keyed, sees, start, states,
};

#[test]
fn duo2_nodes_join_by_name_die_leave_and_come_back() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    for agent in &agents {
        for host in &hosts {
            // To join oneself is no crime of a script that does the same everywhere.
            let ran = agent.opsbro(&["gossip", "join", &host.name()]);
            assert!(
                ran.code == Some(0) || ran.stderr.contains("itself"),
                "{ran:?}"
            );
        }
    }
    all_see_all(&agents);
    for (agent, name) in agents.iter().zip(["SYNC-1", "SYNC-2", "SYNC-3"]) {
        agent.opsbro(&["gossip", "events", "add", name]).expect(0);
    }
    for agent in &agents {
        for name in ["SYNC-1", "SYNC-2", "SYNC-3"] {
            let words = ["gossip", "events", "wait", name, "--timeout", "10s"];
            agent.opsbro(&words).expect(0);
        }
    }
    let [one, two, three] = agents;
    let first = one.kill();
    let mut two = two;
    two.opsbro(&["gossip", "leave"]).expect(0);
    assert_eq!(two.ended().code(), Some(0));
    sees(&three, "n2", "leave");
    sees(&three, "n1", "dead");
    for (state, count) in [("leave", "1"), ("dead", "1"), ("alive", "1")] {
        let words = ["gossip", "wait-members", "--state", state, "--count", count];
        three.opsbro(&words).expect(0);
        let more = [&words[..5], &["2", "--timeout", "100ms"]].concat();
        three.opsbro(&more).expect(1);
    }
    // What is known stays known over a restart: who has left is not sought, who died is.
    let three = hosts[2].start(three.stop());
    assert_eq!(states(&three)["n2"], "leave");
    let one = hosts[0].start(first);
    all_see_all_of(&one, &three);
    let home = std::mem::replace(&mut two.home, hosts[1].home(""));
    drop(two);
    let two = hosts[1].start(home);
    for agent in [&one, &two, &three] {
        for name in ["n1", "n2", "n3"] {
            sees(agent, name, "alive");
        }
    }
}

#[track_caller]
fn all_see_all_of(one: &tests::Agent, three: &tests::Agent) {
    for agent in [one, three] {
        sees(agent, "n1", "alive");
        sees(agent, "n3", "alive");
        sees(agent, "n2", "leave");
    }
}

#[test]
fn duo5_who_joins_gets_the_events_from_before() {
    let lan = Lan::new();
    let hosts: [_; 2] = lan.hosts();
    let agents = start(&hosts, "");
    let words = ["gossip", "events", "add", "BEFORE", "of long ago"];
    agents[0].opsbro(&words).expect(0);
    join_all(&agents, &hosts[0]);
    let words = ["gossip", "events", "wait", "BEFORE", "--timeout", "10s"];
    agents[1].opsbro(&words).expect(0);
    let words = ["gossip", "events", "list", "-o", "json"];
    let listed = agents[1].opsbro(&words).expect(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["payload"], "of long ago");
    assert_eq!(listed[0]["from"], agents[0].info()["uuid"]);
}

#[test]
fn duo6_two_that_cannot_speak_are_alive_by_a_third() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    lan.part(&[&hosts[0]], &[&hosts[2]]);
    goes_on_to_see(a_while(30), &agents, &["n1", "n2", "n3"]);
    for agent in &agents {
        let told = changes(agent);
        assert!(told.iter().all(|(_, state)| state == "alive"), "{told:?}");
    }
    let pong = agents[0].opsbro(&["gossip", "ping", "n3", "-o", "json"]);
    let pong = pong.expect(0).json();
    assert_eq!(
        (&pong["answered"], &pong["relay"]),
        (&true.into(), &"n2".into()),
        "{pong}"
    );
}

#[test]
fn duo10_keys_that_differ_keep_strangers_out() {
    let lan = Lan::new();
    let hosts: [_; 2] = lan.hosts();
    let one = hosts[0].start(keyed(&hosts[0], KEY, ""));
    let two = hosts[1].start(keyed(&hosts[1], OTHER_KEY, ""));
    for (agent, other) in [(&one, &hosts[1]), (&two, &hosts[0])] {
        let words = ["gossip", "detect", "--auto-join", "--timeout", "2"];
        agent.opsbro(&words).expect(1);
        let refused = agent.opsbro(&["gossip", "join", &other.name()]).expect(2);
        assert!(refused.stderr.contains("key"), "{refused:?}");
    }
    for agent in [&one, &two] {
        let own = [agent.info()["display_name"].as_str().unwrap().to_owned()];
        tests::holds_for(a_while(20), "a stranger is not seen", || {
            alive(agent) == own && states(agent).len() == 1
        });
        let dropped = agent.info()["cluster"]["figures"]["dropped"].clone();
        assert!(dropped["unknown key"].as_u64().unwrap() > 0, "{dropped}");
    }
    // A key that is taken later opens the door, without a restart.
    two.opsbro(&["keys", "add", KEY, "--use"]).expect(0);
    two.opsbro(&["gossip", "join", &hosts[0].name()]).expect(0);
    sees(&one, "n2", "alive");
    sees(&two, "n1", "alive");
}

#[test]
fn a_node_without_key_and_one_with_a_key_are_strangers() {
    let lan = Lan::new();
    let hosts: [_; 2] = lan.hosts();
    let one = hosts[0].start(keyed(&hosts[0], KEY, ""));
    let two = hosts[1].start(hosts[1].home(crate::seen::QUIET));
    for (agent, other) in [(&one, &hosts[1]), (&two, &hosts[0])] {
        agent
            .opsbro(&["gossip", "detect", "--timeout", "2"])
            .expect(1);
        let refused = agent.opsbro(&["gossip", "join", &other.name()]).expect(2);
        assert!(refused.stderr.contains("key"), "{refused:?}");
        assert_eq!(states(agent).len(), 1);
    }
}

#[test]
fn a_killed_node_is_dead_for_all_and_alive_when_it_starts_again() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let [one, two, three] = agents;
    let home = three.kill();
    for agent in [&one, &two] {
        sees(agent, "n3", "dead");
    }
    let who = |agent: &tests::Agent| {
        let members = agent
            .opsbro(&["members", "--detail", "-o", "json"])
            .expect(0)
            .json();
        let all = members.as_array().unwrap().clone();
        let dead = all
            .into_iter()
            .find(|it| it["display_name"] == "n3")
            .unwrap();
        dead["accuser"].clone()
    };
    let accusers = [who(&one), who(&two)];
    let names = |it: &serde_json::Value| it == "n1" || it == "n2";
    assert!(accusers.iter().any(names), "{accusers:?}");
    // It knows nobody's address but those it has met: nobody has to tell it anything.
    let three = hosts[2].start(home);
    all_see_all(&[one, two, three]);
}

#[test]
fn the_dead_stay_in_sight_until_the_age_that_is_configured() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let [one, two, three] = agents;
    drop(three);
    sees(&one, "n3", "dead");
    sees(&two, "n3", "dead");
    // Who was there when this one stopped is expected, and nobody vanishes by that.
    let one = hosts[0].start(one.stop());
    sees(&one, "n3", "dead");
    tests::holds_for(a_while(30), "the dead one is shown", || {
        [&one, &two]
            .iter()
            .all(|agent| states(agent).get("n3").is_some_and(|it| it == "dead"))
    });
    let words = ["agent", "parameters", "set", "forget-dead-after", "2s"];
    one.opsbro(&words).expect(0);
    one.opsbro(&["agent", "reload"]).expect(0);
    for agent in [&one, &two] {
        wait_within(SOON, "n3 to be forgotten", || {
            (!states(agent).contains_key("n3")).then_some(())
        });
        let told = agent.opsbro(&["gossip", "history"]).expect(0).stdout;
        assert!(told.contains("n3 ]  forgotten"), "{told}");
    }
}

#[test]
fn who_is_killed_right_after_its_join_finds_the_others_again() {
    let lan = Lan::new();
    let hosts: [_; 4] = lan.hosts();
    let [one, two, three, four] = start(&hosts, "");
    let agents = [two, three, four];
    let homes = agents.map(|agent| {
        agent.opsbro(&["join", &hosts[0].name()]).expect(0);
        agent.kill()
    });
    let mut all = vec![one];
    for (home, host) in homes.into_iter().zip(&hosts[1..]) {
        all.push(host.start(home));
    }
    all_see_all(&all);
}

#[test]
fn members_are_waited_for_by_name_group_zone_state_and_count() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = [
        hosts[0].start(home(&hosts[0], "groups: [web]\n")),
        hosts[1].start(home(&hosts[1], "groups: [web, db]\n")),
        hosts[2].start(home(&hosts[2], "")),
    ];
    join_all(&agents, &hosts[0]);
    let wait = |more: &[&str]| {
        let words = [&["gossip", "wait-members", "--timeout", "5s"], more].concat();
        agents[2].opsbro(&words).code
    };
    let never = |more: &[&str]| {
        let words = [&["gossip", "wait-members", "--timeout", "300ms"], more].concat();
        agents[2].opsbro(&words).code
    };
    assert_eq!(wait(&["--name", "node1"]), Some(0));
    assert_eq!(
        wait(&["--name", "node2", "--display-name", "n2", "--group", "db"]),
        Some(0)
    );
    assert_eq!(
        wait(&["--group", "web", "--count", "2", "--zone", "internet"]),
        Some(0)
    );
    assert_eq!(wait(&["--count", "3"]), Some(0));
    assert_eq!(never(&["--name", "node1", "--group", "db"]), Some(1));
    assert_eq!(never(&["--group", "web", "--count", "3"]), Some(1));
    assert_eq!(never(&["--zone", "lan"]), Some(1));
    assert_eq!(never(&["--state", "dead"]), Some(1));
    // A group that comes while somebody waits ends the wait.
    let waits = std::thread::scope(|scope| {
        let waits = scope.spawn(|| wait(&["--group", "late"]));
        agents[0].opsbro(&["agent", "parameters", "add", "groups", "late"]);
        agents[0].opsbro(&["agent", "reload"]).expect(0);
        waits.join().unwrap()
    });
    assert_eq!(waits, Some(0));
    let [_one, two, three] = agents;
    drop(two);
    let words = [
        "gossip",
        "wait-members",
        "--display-name",
        "n2",
        "--state",
        "dead",
    ];
    three.opsbro(&words).expect(0);
}

#[test]
fn an_operator_makes_another_node_leave_and_forgets_it() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let [one, two, mut three] = agents;
    one.opsbro(&["leave", "n3"]).expect(0);
    assert_eq!(three.ended().code(), Some(0));
    sees(&two, "n3", "leave");
    sees(&one, "n3", "leave");
    one.opsbro(&["members", "forget", "n3"]).expect(0);
    for agent in [&one, &two] {
        wait_within(SOON, "n3 to be forgotten", || {
            (!states(agent).contains_key("n3")).then_some(())
        });
    }
    // A dead one can be said to have left, by whoever is there.
    drop(two);
    sees(&one, "n2", "dead");
    one.opsbro(&["leave", "n2"]).expect(0);
    sees(&one, "n2", "leave");
}

#[test]
fn an_agent_that_is_stopped_leaves_and_is_back_when_it_starts() {
    let lan = Lan::new();
    let hosts: [_; 2] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let [one, two] = agents;
    two.signal(Signal::TERM);
    sees(&one, "n2", "leave");
    let mut two = two;
    assert_eq!(two.ended().code(), Some(0));
    let home = std::mem::replace(&mut two.home, hosts[1].home(""));
    drop(two);
    let two = hosts[1].start(home);
    sees(&one, "n2", "alive");
    sees(&two, "n1", "alive");
    let told = changes(&one);
    assert!(
        !told.contains(&("n2".to_owned(), "dead".to_owned())),
        "{told:?}"
    );
}
