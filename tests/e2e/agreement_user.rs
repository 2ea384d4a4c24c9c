//! What users carry into the keys, and out of them; who wins an election.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tests::{Agent, Home, files_below, request_over, wait_for, wait_within};

use crate::agreement::{QUIET, TOGETHER, get, kv, put, state_of};

fn post(agent: &Agent, path: &str, body: &serde_json::Value) -> (u16, String) {
    let body = body.to_string();
    let reply = request_over(&agent.home.socket(), "POST", path, &[], body.as_bytes());
    (reply.status, reply.body)
}

#[test]
fn a_transaction_is_made_as_a_whole_or_not() {
    let agent = Agent::start("");
    let revision = put(&agent, "a", "1");
    let both = json!({
        "checks": [{"key": "a", "revision": revision}, {"key": "b", "revision": 0}],
        "writes": [{"key": "a"}, {"key": "b", "value": "2", "ttl_ms": 60_000}],
    });
    let (status, body) = post(&agent, "/kv-meta/transact", &both);
    assert_eq!(status, 200, "{body}");
    kv(&agent, &["get", "a"]).expect(1);
    assert_eq!(get(&agent, "b")["value"], "2");
    assert!(get(&agent, "b")["ttl_ms"].as_u64().unwrap() <= 60_000);
    let (status, body) = post(&agent, "/kv-meta/transact", &both);
    assert_eq!(status, 409, "{body}");
    for wrong in [
        json!({"checks": [{"key": "a"}], "writes": []}),
        json!({"writes": [{"key": "a", "value": "x", "value_hex": "00"}]}),
        json!({"writes": [{"key": "a", "value_hex": "0"}]}),
        json!({"writes": [{"key": "a", "other": 1}]}),
    ] {
        let (status, body) = post(&agent, "/kv-meta/transact", &wrong);
        assert_eq!(status, 400, "{wrong}: {body}");
    }
}

#[test]
fn keys_are_carried_out_and_into_another_cluster() {
    let old = Agent::start("");
    for number in 0..250 {
        put(&old, &format!("app/{number}"), &format!("value {number}"));
    }
    let bytes = json!({"writes": [{"key": "bytes", "value_hex": "00ff"}]});
    assert_eq!(post(&old, "/kv-meta/transact", &bytes).0, 200);
    let exported = kv(&old, &["export"]).expect(0).stdout;
    assert_eq!(exported.lines().count(), 251);
    let file = old.home.root().join("keys.backup");
    let name = file.display().to_string();
    let made = old.opsbro(&["backup", "create", &name, "-o", "json"]);
    assert_eq!(made.expect(0).json()["keys"], 251);
    old.opsbro(&["backup", "inspect", &name]).expect(0);
    let new = Agent::start("");
    new.opsbro(&["backup", "restore", &name]).expect(0);
    assert_eq!(kv(&new, &["export"]).expect(0).stdout, exported);
    let refused = new.opsbro(&["backup", "restore", &name]).expect(2);
    assert!(refused.stderr.contains("has 251 keys"), "{refused:?}");
    new.opsbro(&["backup", "restore", &name, "--merge"])
        .expect(0);
    let damaged = old.home.read("keys.backup").replace("value 7", "value 8");
    old.home.write("keys.backup", &damaged);
    old.opsbro(&["backup", "inspect", &name]).expect(1);
    let refused = new
        .opsbro(&["backup", "restore", &name, "--merge"])
        .expect(2);
    assert!(refused.stderr.contains("checksum"), "{refused:?}");
    let third = Agent::start("");
    third.home.write("keys.jsonl", &exported);
    let keys = third.home.root().join("keys.jsonl").display().to_string();
    kv(&third, &["import", &keys]).expect(0);
    assert_eq!(kv(&third, &["export"]).expect(0).stdout, exported);
}

#[test]
fn a_stream_of_changes_resumes_from_a_revision() {
    let agent = Agent::start("");
    let first = put(&agent, "w/a", "1");
    put(&agent, "w/b", "2");
    put(&agent, "other", "3");
    let mut stream = std::os::unix::net::UnixStream::connect(agent.home.socket()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let request =
        format!("GET /kv-meta/watch?prefix=w/&index={first} HTTP/1.1\r\nhost: opsbro\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut text = String::new();
    let mut read_until = |wanted: &str| {
        let mut buffer = [0; 4_096];
        while !text.contains(wanted) {
            let count = std::io::Read::read(&mut stream, &mut buffer).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        text.clone()
    };
    let seen = read_until("\"key\":\"w/b\"");
    assert!(seen.to_lowercase().contains("text/event-stream"), "{seen}");
    assert!(!seen.contains("w/a") && seen.contains("id: 2\n"), "{seen}");
    kv(&agent, &["delete", "w/b"]).expect(0);
    let seen = read_until("\"what\":\"deleted\"");
    assert!(!seen.contains("other"), "{seen}");
}

#[test]
fn a_quota_refuses_clearly_and_what_is_there_may_shrink() {
    let agent = Agent::start("");
    let socket = agent.home.socket();
    let quota = br#"{"keys_max":2,"bytes_max":100}"#;
    let made = request_over(&socket, "PUT", "/kv-meta/quota/app/", &[], quota);
    assert_eq!(made.status, 200, "{}", made.body);
    put(&agent, "app/1", "x");
    put(&agent, "app/2", "x");
    let refused = kv(&agent, &["put", "app/3", "x"]).expect(2);
    assert!(
        refused.stderr.contains("at most 2 are allowed"),
        "{refused:?}"
    );
    let long = "x".repeat(200);
    let refused = kv(&agent, &["put", "app/1", &long]).expect(2);
    assert!(
        refused.stderr.contains("at most 100 are allowed"),
        "{refused:?}"
    );
    kv(&agent, &["delete", "app/1"]).expect(0);
    put(&agent, "app/3", "x");
    put(&agent, "elsewhere", &long);
}

#[test]
fn one_node_wins_an_election_and_expressions_see_it() {
    let agent = Agent::start("");
    let home: &Home = &agent.home;
    home.opsbro(&["election", "db"]).expect(1);
    put(&agent, "app/color", "blue");
    let evaluate = |expression: &str| {
        let ran = agent.opsbro(&["evaluator", "eval", expression, "-o", "json"]);
        ran.json()["value"].clone()
    };
    assert_eq!(evaluate("kv('app/color')"), "blue");
    assert_eq!(evaluate("is_leader('db')"), false);
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| home.opsbro(&["election", "db", "--", "sleep", "60"]));
        wait_for("the expression to see the winner", || {
            (evaluate("is_leader('db')") == true).then_some(())
        });
        let uuid = agent.info()["uuid"].clone();
        assert_eq!(evaluate("lock_owner('election/db')"), uuid);
        let won = home
            .opsbro(&["election", "db", "-o", "json"])
            .expect(0)
            .json();
        assert_eq!(won["node"], uuid);
        let id = agent.get("/sessions").json()[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        request_over(
            &home.socket(),
            "DELETE",
            &format!("/sessions/{id}"),
            &[],
            b"",
        );
        runs.join().unwrap().expect(2);
    });
}

#[test]
fn a_lock_with_slots_has_so_many_holders_and_a_place_that_is_free_goes_to_who_waits() {
    let agent = Agent::start(QUIET);
    let acquire = |time: &str| {
        let words = ["lock", "acquire", "pool", "--slots", "2", "--timeout", time];
        agent.opsbro(&[&words[..], &["-o", "json"]].concat())
    };
    let session = |ran: tests::Ran| ran.expect(0).json()["session"].as_str().unwrap().to_owned();
    let first = session(acquire("5s"));
    let second = session(acquire("5s"));
    assert_ne!(first, second);
    acquire("200ms").expect(1);
    let holders = || {
        let list = agent.opsbro(&["lock", "list", "-o", "json"]);
        let list = list.expect(0).json();
        list[0]["holders"].as_array().unwrap().len()
    };
    assert_eq!(holders(), 2);
    let words = ["lock", "pool", "--slots", "2", "--", "echo", "mine"];
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| agent.opsbro(&words));
        wait_for("somebody to wait", || {
            let list = agent.opsbro(&["lock", "list", "-o", "json"]);
            let waiters = list.expect(0).json()[0]["waiters"].as_array()?.len();
            (waiters == 1).then_some(())
        });
        let release = ["lock", "release", "pool", "--session", &first];
        agent.opsbro(&release).expect(0);
        assert_eq!(waiting.join().unwrap().expect(0).stdout, "mine\n");
    });
    wait_for("the place to be free again", || {
        (holders() == 1).then_some(())
    });
    let other = ["lock", "pool", "--slots", "3", "--", "true"];
    let refused = agent.opsbro(&other);
    assert_ne!(refused.code, Some(0), "all agree on the slots: {refused:?}");
}

#[test]
fn the_leader_backs_up_the_keys_by_itself_and_keeps_the_newest() {
    let home = Home::with_port_0(&format!("{QUIET}backup-every: 1h\nbackup-keep: 2\n"));
    let agent = home.launch().ready();
    put(&agent, "app/color", "blue");
    let home = agent.stop();
    // Those of other days; the first start wrote none, as there was no key.
    let old = |hours: u64| {
        format!(
            "var/lib/backup/keys-{}.backup",
            1_000_000 + hours * 3_600_000
        )
    };
    (0..3).for_each(|hours| home.write(&old(hours), "old"));
    let agent = home.launch().ready();
    let folder = agent.home.root().join("var/lib/backup");
    let names = || {
        let files = files_below(&folder).into_iter();
        let mut names: Vec<String> = files
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .filter(|name| name.ends_with(".backup"))
            .collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names
    };
    let names = wait_within(
        TOGETHER,
        "a backup, and those that are too many to be gone",
        || Some(names()).filter(|names| names.len() == 2),
    );
    assert!(old(2).ends_with(&names[0]), "{names:?}");
    let newest = folder.join(&names[1]).to_str().unwrap().to_owned();
    let inspected = agent.opsbro(&["backup", "inspect", &newest]).expect(0);
    assert!(inspected.stdout.contains('1'), "{inspected:?}");
    let other = Agent::start(QUIET);
    other.opsbro(&["backup", "restore", &newest]).expect(0);
    assert_eq!(get(&other, "app/color")["value"], "blue");
}

#[test]
fn voters_are_spread_over_the_places_that_are_told() {
    let text = |rack: &str| {
        format!(
            "{QUIET}voters: 3\nvoters-spread: [rack-a, rack-b, rack-c]\n\
             bootstrap: 5\ngroups: [{rack}]\n"
        )
    };
    let first = Agent::start(&text("rack-a"));
    let seed = first.listen("gossip");
    let mut agents = vec![(first, "rack-a")];
    for rack in ["rack-a", "rack-a", "rack-b", "rack-c"] {
        let yml = format!("{}seeds: ['{seed}']\n", text(rack));
        agents.push((Agent::start(&yml), rack));
    }
    // Some of them neither vote nor copy, and know of no voters.
    let voters = wait_within(TOGETHER, "three voters", || {
        agents.iter().find_map(|(agent, _)| {
            let voters = state_of(agent)?["voters"].as_array()?.clone();
            (voters.len() == 3).then_some(voters)
        })
    });
    let places: BTreeSet<&str> = agents
        .iter()
        .filter(|(agent, _)| voters.contains(&agent.info()["uuid"]))
        .map(|(_, rack)| *rack)
        .collect();
    assert_eq!(places.len(), 3, "{places:?}");
}

#[test]
fn expressions_know_keys_on_a_node_that_keeps_no_copy_of_them() {
    let yml = format!("{QUIET}voters: 1\n");
    let first = Agent::start(&yml);
    put(&first, "app/color", "blue");
    let more = format!("{yml}seeds: ['{}']\n", first.listen("gossip"));
    // One votes and one more copies; the third does neither.
    let others = [Agent::start(&more), Agent::start(&more)];
    for agent in &others {
        wait_within(TOGETHER, "the group to be joined", || {
            (kv(agent, &["get", "app/color"]).stdout == "blue\n").then_some(())
        });
    }
    for agent in &others {
        let evaluate = |expression: &str| {
            let ran = agent.opsbro(&["evaluator", "eval", expression, "-o", "json"]);
            (ran.code == Some(0)).then(|| ran.json()["value"].clone())
        };
        wait_within(TOGETHER, "the key to be known", || {
            (evaluate("kv('app/color')")? == "blue").then_some(())
        });
        put(&first, "app/color", "green");
        wait_within(TOGETHER, "its next value to be known", || {
            (evaluate("kv('app/color')")? == "green").then_some(())
        });
        put(&first, "app/color", "blue");
        wait_within(TOGETHER, "an absent key to be known as absent", || {
            (evaluate("kv('app/none') == None")? == true).then_some(())
        });
    }
}
