//! Keys, locks and who leads, as users and programs meet them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tests::{Agent, Home, holds_for, wait_for, wait_within};

/// Time that nodes have to find each other and to agree on who votes.
pub(crate) const TOGETHER: Duration = Duration::from_secs(60);

/// What is not about agreement is switched off: many agents share one machine here.
pub(crate) const QUIET: &str = "metrology_topic_enabled: false\n";

pub(crate) fn kv(agent: &Agent, words: &[&str]) -> tests::Ran {
    agent.opsbro(&[&["kv-store"], words].concat())
}

pub(crate) fn put(agent: &Agent, key: &str, value: &str) -> u64 {
    let put = kv(agent, &["put", key, value, "-o", "json"])
        .expect(0)
        .json();
    put["revision"].as_u64().unwrap()
}

pub(crate) fn get(agent: &Agent, key: &str) -> Value {
    kv(agent, &["get", key, "-o", "json"]).expect(0).json()
}

fn state(agent: &Agent) -> Value {
    agent
        .opsbro(&["raft", "state", "-o", "json"])
        .expect(0)
        .json()
}

#[test]
fn a_single_node_keeps_keys_from_its_first_second_on() {
    let agent = Agent::start("");
    agent.opsbro(&["raft", "wait-leader"]).expect(0);
    let state = state(&agent);
    assert_eq!(state["state"], "leader");
    assert_eq!(state["leader"], agent.info()["uuid"]);
    assert_eq!(state["voters"].as_array().unwrap().len(), 1);
    assert!(state["term"].as_u64().unwrap() > 0, "{state}");
    let revision = put(&agent, "app/color", "blue");
    let got = get(&agent, "app/color");
    assert_eq!(got["key"], "app/color");
    assert_eq!(got["value"], "blue");
    assert_eq!(got["revision"], revision);
    assert_eq!(got["age_ms"], 0);
    assert_eq!(kv(&agent, &["get", "app/color"]).expect(0).stdout, "blue\n");
    kv(&agent, &["get", "nothing"]).expect(1);
    let at = revision.to_string();
    kv(&agent, &["cas", "app/color", "green", "--revision", &at]).expect(0);
    let refused = kv(&agent, &["cas", "app/color", "red", "--revision", &at]).expect(1);
    assert!(refused.stderr.contains("is at revision"), "{refused:?}");
    kv(&agent, &["cas", "app/new", "x", "--revision", "0"]).expect(0);
    kv(&agent, &["undo", "app/color"]).expect(0);
    assert_eq!(get(&agent, "app/color")["value"], "blue");
    let history = kv(&agent, &["history", "app/color", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(history.as_array().unwrap().len(), 3, "{history}");
    assert_eq!(
        kv(&agent, &["list", "app/"]).expect(0).stdout,
        "app/color\napp/new\n"
    );
    kv(&agent, &["delete", "app/new"]).expect(0);
    kv(&agent, &["delete", "app/new"]).expect(1);
    kv(&agent, &["get", "app/new"]).expect(1);
    kv(&agent, &["put", "short", "x", "--ttl", "300ms"]).expect(0);
    wait_for("a key to go away by itself", || {
        (kv(&agent, &["get", "short"]).code == Some(1)).then_some(())
    });
    let agent = agent.stop().launch().ready();
    assert_eq!(
        get(&agent, "app/color")["value"],
        "blue",
        "it is there after a restart"
    );
}

#[test]
fn the_routes_of_the_original_keep_working() {
    let agent = Agent::start("");
    put(&agent, "a/b", "text");
    let reply = agent.get("/kv/a/b");
    assert_eq!((reply.status, reply.body.as_str()), (200, "text"));
    assert!(
        reply.head.to_lowercase().contains("x-opsbro-revision:"),
        "{}",
        reply.head
    );
    assert_eq!(agent.get("/kv/absent").status, 404);
    assert_eq!(agent.get("/kv/").json(), serde_json::json!(["a/b"]));
    let changed = agent.get("/kv-meta/changed/0").json();
    assert_eq!(
        (&changed[0][0], &changed[0][1]),
        (&"a/b".into(), &"text".into())
    );
    let since = changed[0][2]["modify_time"].as_u64().unwrap();
    assert_eq!(
        agent.get(&format!("/kv-meta/changed/{since}")).json(),
        serde_json::json!([])
    );
}

#[test]
fn who_watches_hears_of_changes_and_who_waits_gets_its_value() {
    let agent = Agent::start("");
    let revision = put(&agent, "w/one", "1");
    put(&agent, "other", "x");
    put(&agent, "w/two", "2");
    kv(&agent, &["delete", "w/one"]).expect(0);
    let from = revision.to_string();
    let watched = kv(&agent, &["watch", "w/", "--from", &from, "--count", "2"]).expect(0);
    let lines: Vec<&str> = watched.stdout.lines().collect();
    assert!(lines[0].ends_with("put w/two 2"), "{lines:?}");
    assert!(lines[1].ends_with("deleted w/one"), "{lines:?}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| kv(&agent, &["wait-value", "w/late", "yes"]));
        put(&agent, "w/late", "no");
        put(&agent, "w/late", "yes");
        assert_eq!(waiting.join().unwrap().expect(0).stdout, "yes\n");
        let blocked = scope.spawn(|| agent.get("/kv/w/late?index=1000000&wait=100ms"));
        assert_eq!(blocked.join().unwrap().body, "yes");
    });
    kv(&agent, &["wait-exists", "w/never", "--timeout", "200ms"]).expect(1);
}

#[test]
fn a_lock_is_held_by_one_and_lost_with_its_lease() {
    let agent = Agent::start("");
    let run = |more: &[&str]| agent.opsbro(&[&["lock", "deploy"], more].concat());
    let token = run(&["--", "sh", "-c", "echo $OPSBRO_LOCK_TOKEN"])
        .expect(0)
        .stdout;
    assert!(token.trim().parse::<u64>().unwrap() > 0);
    run(&["--", "sh", "-c", "exit 3"]).expect(1);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| run(&["--ttl", "3s", "--", "sleep", "60"]));
        let held = wait_for("the lock to be held", || {
            let list = agent
                .opsbro(&["lock", "list", "-o", "json"])
                .expect(0)
                .json();
            list[0]["holders"][0]["token"].as_u64()
        });
        let late = run(&["--timeout", "200ms", "--", "true"]).expect(1);
        assert!(late.stderr.contains("did not come"), "{late:?}");
        let token = held.to_string();
        let named = ["put", "k", "v", "--lock", "deploy", "--token", &token];
        kv(&agent, &named).expect(0);
        agent.opsbro(&["lock", "force-release", "deploy"]).expect(0);
        let fenced = kv(&agent, &named);
        assert_ne!(fenced.code, Some(0), "{fenced:?}");
        assert!(
            fenced.stderr.contains("is not held with token"),
            "{fenced:?}"
        );
        // Its session lives on: the holder finds out by itself that the lock is another's.
        let ended = holder.join().unwrap().expect(2);
        assert!(ended.stderr.contains("was lost"), "{ended:?}");
    });
    let acquire = [
        "lock",
        "acquire",
        "door",
        "--timeout",
        "100ms",
        "-o",
        "json",
    ];
    let acquired = agent.opsbro(&acquire).expect(0).json();
    let session = acquired["session"].as_str().unwrap();
    agent.opsbro(&acquire).expect(1);
    agent
        .opsbro(&["lock", "release", "other", "--session", session])
        .expect(2);
    let release = ["lock", "release", "door", "--session", session];
    agent.opsbro(&release).expect(0);
    agent.opsbro(&acquire).expect(0);
    agent.opsbro(&["lock", "release", "door"]).expect(0);
    let released = agent.opsbro(&["lock", "release", "door"]).expect(1);
    assert!(released.stderr.contains("lock list"), "{released:?}");
    agent.opsbro(&acquire).expect(0);
}

/// Starts nodes that know the first one, and waits until so many vote.
pub(crate) fn together(count: usize, voters: usize) -> Vec<Agent> {
    let first = Agent::start(QUIET);
    let seed = first.listen("gossip");
    let mut agents = vec![first];
    agents.extend((1..count).map(|_| Agent::start(&seeded(seed))));
    for agent in &agents {
        wait_within(TOGETHER, "the voters", || {
            (state_of(agent)?["voters"].as_array()?.len() == voters).then_some(())
        });
    }
    agents
}

pub(crate) fn seeded(seed: SocketAddr) -> String {
    format!("{QUIET}seeds: ['{seed}']\n")
}

/// Lets an agent take the same port at its next start: who all move at once find nobody.
pub(crate) fn keep_port(agent: &Agent) {
    let port = agent.listen("gossip").port();
    let text = agent.home.read("etc/agent.yml");
    let kept = text.replace("port: 0\n", &format!("port: {port}\n"));
    agent.home.write("etc/agent.yml", &kept);
}

/// Tells how a node stands; nothing while it cannot say.
pub(crate) fn state_of(agent: &Agent) -> Option<Value> {
    let state = agent.opsbro(&["raft", "state", "-o", "json"]);
    matches!(state.code, Some(0 | 1)).then(|| state.json())
}

#[test]
fn three_nodes_agree_outlive_one_and_all_of_them() {
    let mut agents = together(3, 3);
    for (number, agent) in agents.iter().enumerate() {
        put(agent, "a", &number.to_string());
        for other in &agents {
            assert_eq!(get(other, "a")["value"], number.to_string());
        }
    }
    agents.iter().for_each(keep_port);
    let leader = state(&agents[0])["leader"].clone();
    let at = agents
        .iter()
        .position(|agent| agent.info()["uuid"] == leader)
        .unwrap();
    let dead = agents.remove(at).kill();
    // What is asked of the dead one has no answer; a write that came through is there.
    wait_within(TOGETHER, "another leader", || {
        (kv(&agents[0], &["put", "a", "after"]).code == Some(0)).then_some(())
    });
    assert_eq!(get(&agents[1], "a")["value"], "after");
    let back = dead.launch().ready();
    wait_within(TOGETHER, "the dead one to be back", || {
        let got = kv(&back, &["get", "a", "--stale"]);
        (got.stdout == "after\n").then_some(())
    });
    agents.push(back);
    // All at once, and started again in another order.
    let mut homes: Vec<Home> = agents.into_iter().map(Agent::kill).collect();
    homes.reverse();
    let agents: Vec<Agent> = homes
        .into_iter()
        .map(|home| home.launch().ready())
        .collect();
    wait_within(TOGETHER, "all of them to be back", || {
        let got = kv(&agents[2], &["get", "a"]);
        (got.stdout == "after\n").then_some(())
    });
    put(&agents[1], "b", "again");
    assert_eq!(get(&agents[0], "b")["value"], "again");
    // One comes back at another address, which the others learn.
    let mut agents = agents;
    let moved = agents.remove(0).stop();
    let yml = moved.read("etc/agent.yml");
    let port = yml.lines().find(|line| line.starts_with("port: ")).unwrap();
    moved.write("etc/agent.yml", &yml.replace(port, "port: 0"));
    put(&agents[0], "c", "moved");
    let moved = moved.launch().ready();
    wait_within(TOGETHER, "who moved to be told", || {
        (kv(&moved, &["get", "c", "--stale"]).stdout == "moved\n").then_some(())
    });
}

#[test]
fn of_two_that_meet_the_empty_one_gives_way_and_two_with_data_stay_apart() {
    let one = Agent::start("");
    put(&one, "mine", "1");
    let two = Agent::start("");
    two.opsbro(&["raft", "wait-leader"]).expect(0);
    two.opsbro(&["join", &one.listen("gossip").to_string()])
        .expect(0);
    wait_within(TOGETHER, "the empty one to give way", || {
        let got = kv(&two, &["get", "mine"]);
        (got.stdout == "1\n").then_some(())
    });
    let three = Agent::start("");
    put(&three, "theirs", "3");
    three
        .opsbro(&["join", &one.listen("gossip").to_string()])
        .expect(0);
    wait_within(TOGETHER, "the refusal to be told", || {
        let log = three.said();
        log.contains("with data of their own meet and stay apart")
            .then_some(())
    });
    assert_eq!(get(&three, "theirs")["value"], "3");
    kv(&three, &["get", "mine"]).expect(1);
    kv(&one, &["get", "theirs"]).expect(1);
}

/// Gives how often agents die in a test: `AGREEMENT_ROUNDS` says it, 200 is a proof.
pub(crate) fn rounds() -> u64 {
    let asked = std::env::var("AGREEMENT_ROUNDS").ok();
    let usual = if std::env::var("SLOW_TESTS").is_ok() {
        12
    } else {
        4
    };
    asked.map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn what_was_acknowledged_outlives_kills_at_any_moment() {
    let rounds = rounds();
    let mut home = Home::with_port_0("");
    let mut acknowledged = 0_u64;
    for round in 0..rounds {
        let agent = home.launch().ready();
        if acknowledged > 0 {
            let last = number(&agent);
            assert!(
                last >= acknowledged,
                "round {round}: {last} after {acknowledged}"
            );
        }
        let told = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let socket = agent.home.socket();
        let writer = std::thread::spawn({
            let (told, is_over, socket) = (Arc::clone(&told), Arc::clone(&is_over), socket.clone());
            move || {
                for number in acknowledged + 1.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    if !is_put(&socket, number) {
                        return;
                    }
                    told.store(number, Ordering::Relaxed);
                }
            }
        });
        let wanted = 3 + (round * 7) % 40;
        wait_for("writes", || {
            (told.load(Ordering::Relaxed) >= acknowledged + wanted).then_some(())
        });
        home = agent.kill();
        is_over.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        acknowledged = told.load(Ordering::Relaxed);
    }
    let agent = home.launch().ready();
    let last = number(&agent);
    assert!(last >= acknowledged, "{last} after {acknowledged}");
}

/// Gives the number that was put last, as soon as the disk has let agreement start.
pub(crate) fn number(agent: &Agent) -> u64 {
    let text = wait_within(TOGETHER, "the number", || {
        let got = kv(agent, &["get", "counter"]);
        (got.code == Some(0)).then_some(got.stdout)
    });
    text.trim().parse().unwrap()
}

/// Puts a number, and tells whether that was acknowledged. The agent may die meanwhile.
pub(crate) fn is_put(socket: &std::path::Path, number: u64) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket) else {
        return false;
    };
    let body = number.to_string();
    let head = format!(
        "PUT /kv/counter HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    stream.write_all(head.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
        && answer.contains("\"revision\":")
}

#[test]
fn a_survivor_recovers_and_one_that_comes_back_joins_it() {
    let mut agents = together(3, 3);
    put(&agents[0], "kept", "1");
    agents.iter().for_each(keep_port);
    let back = agents.remove(2).kill();
    let gone = agents.remove(1).kill();
    let alone = &agents[0];
    let told = alone.opsbro(&["raft", "recover", "-o", "json"]);
    let survey = told.json();
    assert_eq!(survey["survivors"].as_array().unwrap().len(), 3, "{survey}");
    wait_for("the lead to be lost", || {
        (alone.opsbro(&["raft", "state"]).code == Some(1)).then_some(())
    });
    alone.opsbro(&["raft", "recover"]).expect(1);
    let made = alone.opsbro(&["raft", "recover", "--yes", "-o", "json"]);
    assert_eq!(made.expect(0).json()["keys"], 1);
    wait_within(TOGETHER, "the survivor to lead", || {
        let state = state_of(alone)?;
        (state["voters"].as_array()?.len() == 1 && state["state"] == "leader").then_some(())
    });
    put(alone, "new", "2");
    assert_eq!(get(alone, "kept")["value"], "1");
    let refused = alone.opsbro(&["raft", "recover", "--yes"]).expect(2);
    assert!(refused.stderr.contains("nothing is lost"), "{refused:?}");
    let back = back.launch().ready();
    wait_within(
        TOGETHER,
        "the one that came back to be in the new group",
        || {
            let got = kv(&back, &["get", "new", "--stale"]);
            (got.stdout == "2\n").then_some(())
        },
    );
    drop(gone);
}

#[test]
fn of_two_with_data_the_younger_one_gives_way_when_it_is_told_so() {
    let older = Agent::start(QUIET);
    put(&older, "older", "1");
    let younger = Agent::start(QUIET);
    put(&younger, "younger", "2");
    younger
        .opsbro(&["join", &older.listen("gossip").to_string(), "--adopt"])
        .expect(0);
    wait_within(TOGETHER, "the younger one to give way", || {
        (kv(&younger, &["get", "older"]).stdout == "1\n").then_some(())
    });
    kv(&younger, &["get", "younger"]).expect(1);
    let folder = younger.home.root().join("var/lib/dropped");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let kept = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(kept, "{\"key\":\"younger\",\"value\":\"2\"}\n");
}

#[test]
fn a_node_that_leaves_votes_no_more_and_the_lead_can_be_handed_over() {
    let agents = together(3, 3);
    let first = state(&agents[0])["leader"].clone();
    let handed = agents[1].opsbro(&["raft", "transfer", "-o", "json"]);
    assert_ne!(handed.expect(0).json()["leader"], first);
    // Back, by the beginning of its UUID.
    let beginning = &first.as_str().unwrap()[..8];
    let back = agents[1].opsbro(&["raft", "transfer", beginning, "-o", "json"]);
    assert_eq!(back.expect(0).json()["leader"], first);
    agents[1].opsbro(&["raft", "transfer", "nobody"]).expect(2);
    let voters = agents[1].opsbro(&["raft", "voters"]).expect(0).stdout;
    let leads = voters.lines().find(|line| line.contains("leads"));
    let told = leads.is_some_and(|line| line.contains(beginning) && line.contains("alive"));
    assert!(told, "{voters}");
    let leaver = &agents[2];
    leaver.opsbro(&["leave"]).expect(0);
    wait_within(TOGETHER, "one voter to be left", || {
        (state_of(&agents[0])?["voters"].as_array()?.len() == 1).then_some(())
    });
    put(&agents[0], "a", "1");
    assert_eq!(get(&agents[1], "a")["value"], "1");
}

#[test]
fn a_new_cluster_may_wait_for_all_of_its_nodes() {
    let first = Agent::start(&format!("{QUIET}bootstrap: 3\n"));
    let waits = first.opsbro(&["raft", "state", "-o", "json"]).expect(1);
    assert_eq!(waits.json()["voters"].as_array().unwrap().len(), 0);
    let seed = first.listen("gossip");
    let more = format!("{}bootstrap: 3\n", seeded(seed));
    let second = Agent::start(&more);
    holds_for(Duration::from_secs(3), "two wait for the third", || {
        [&first, &second].into_iter().all(|agent| {
            let state = state_of(agent);
            state.is_none_or(|state| state.get("group").is_none())
        })
    });
    let third = Agent::start(&more);
    for agent in [&first, &second, &third] {
        wait_within(TOGETHER, "three voters", || {
            (state_of(agent)?["voters"].as_array()?.len() == 3).then_some(())
        });
    }
    put(&third, "a", "1");
    assert_eq!(get(&first, "a")["value"], "1");
}

#[test]
fn a_dead_voter_is_replaced_after_its_grace() {
    let quick = format!("{QUIET}voters: 3\nvoters-grace: 2s\n");
    let first = Agent::start(&quick);
    let seed = first.listen("gossip");
    let more = format!("{quick}seeds: ['{seed}']\n");
    let mut others: Vec<Agent> = (0..3).map(|_| Agent::start(&more)).collect();
    let voters = |agent: &Agent| -> Option<Vec<String>> {
        let state = state_of(agent)?;
        let voters = state["voters"].as_array()?.iter();
        Some(
            voters
                .filter_map(|one| Some(one.as_str()?.to_owned()))
                .collect(),
        )
    };
    wait_within(TOGETHER, "three voters of four nodes", || {
        (voters(&first)?.len() == 3).then_some(())
    });
    put(&first, "a", "1");
    let voting = voters(&first).unwrap();
    let is_voter = |agent: &Agent| voting.contains(&agent.info()["uuid"].as_str().unwrap().into());
    let at = others.iter().position(is_voter).unwrap();
    let dead = others.remove(at);
    let name = dead.info()["uuid"].as_str().unwrap().to_owned();
    let _home = dead.kill();
    wait_within(TOGETHER, "another voter in its place", || {
        let now = voters(&first)?;
        (now.len() == 3 && !now.contains(&name)).then_some(())
    });
    put(&others[0], "a", "2");
    assert_eq!(get(&first, "a")["value"], "2");
}
