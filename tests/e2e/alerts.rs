//! Alerts from the agent to a recording server: once each, whatever happens on the way.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tests::{Agent, Home, wait_for, wait_within};

/// A server that records what it is told. Its thread ends with the process.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    pub(crate) notices: Arc<Mutex<Vec<Value>>>,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        Self::on("127.0.0.1:0".parse().unwrap())
    }

    fn on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let recorder = Self {
            address: listener.local_addr().unwrap(),
            notices: Arc::default(),
        };
        let notices = Arc::clone(&recorder.notices);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if let Some(notice) = take(&mut stream) {
                    notices.lock().unwrap().push(notice);
                    let answer =
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                    // The agent may have been killed meanwhile.
                    let _ = stream.write_all(answer.as_bytes());
                }
            }
        });
        recorder
    }

    /// Counts for each thing under how many identities it was told.
    pub(crate) fn told(&self) -> BTreeMap<String, Vec<String>> {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for notice in self.notices.lock().unwrap().iter() {
            let id = notice["id"].as_str().unwrap().to_owned();
            let names: Vec<String> = match notice["items"].as_array() {
                Some(items) if !items.is_empty() => {
                    let names = items.iter().map(|item| item["check"].as_str());
                    names.map(|name| name.unwrap().to_owned()).collect()
                }
                _ => vec![notice["check"].as_str().unwrap().to_owned()],
            };
            for name in names {
                let ids = told.entry(name).or_default();
                if !ids.contains(&id) {
                    ids.push(id.clone());
                }
            }
        }
        told
    }
}

/// Reads one request and gives its body.
fn take(stream: &mut std::net::TcpStream) -> Option<Value> {
    let (_, body) = tests::take_request(stream)?;
    serde_json::from_str(&body).ok()
}

/// Makes a folder whose agent tells the recorder of groups, and of the checks of its own pack: what
/// is shipped judges the machine that the tests run on.
fn home(address: SocketAddr) -> Home {
    let home = Home::with_port_0("");
    let pack = "var/lib/local-configuration/packs/duty";
    home.write(&format!("{pack}/package.yml"), "name: duty\n");
    // The one shipped detector that waits for a slow collector, which would put off for a minute
    // to tell that a group is gone: this pack wins as a whole, and is empty.
    home.write(
        "var/lib/local-configuration/packs/updates/package.yml",
        "name: updates\n",
    );
    home.write(
        &format!("{pack}/handlers/hook.yml"),
        &format!(
            "handler:\n  notifier: webhook\n  options: {{url: 'http://{address}/'}}\n  \
             events: [check, group]\n  groups: ['*']\n  packs: [duty]\n  window: 0s\n"
        ),
    );
    home
}

/// Adds a detector that gives this node a group as long as a file is there. It asks the machine, so
/// its look may be the last of all first looks of a start.
fn detect(home: &Home, group: &str) {
    let flag = home.root().join(group).display().to_string();
    home.write(
        &format!("var/lib/local-configuration/packs/duty/detectors/{group}.yml"),
        &format!(
            "detector:\n  interval: 1s\n  apply_if: \"file_exists('{flag}')\"\n  \
             add_groups: ['{group}']\n"
        ),
    );
}

fn add_group(agent: &Agent, group: &str) {
    agent
        .opsbro(&["agent", "parameters", "add", "groups", group])
        .expect(0);
}

#[test]
fn without_a_handler_that_is_on_nothing_is_sent() {
    let agent = Agent::start("");
    let alerts = agent.get("/alerts").json();
    let handlers = alerts["handlers"].as_array().unwrap();
    assert!(handlers.len() >= 2, "{alerts}");
    assert!(
        handlers.iter().all(|handler| handler["is_on"] == false),
        "{alerts}"
    );
    add_group(&agent, "quiet");
    assert_eq!(agent.get("/alerts").json()["notices"].to_string(), "[]");
}

#[test]
fn a_test_says_what_the_other_side_answered() {
    let recorder = Recorder::start();
    let agent = home(recorder.address).launch().ready();
    let ran = agent.opsbro(&["alerts", "test", "duty/hook"]).expect(0);
    assert!(ran.stdout.contains("200"), "{}", ran.stdout);
    let ran = agent.opsbro(&["alerts", "test", "duty/hock"]).expect(2);
    assert!(
        ran.stderr.contains("did you mean duty/hook"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_check_that_fails_is_told_with_its_end_and_a_kill_between_repeats_nothing() {
    let recorder = Recorder::start();
    let home = home(recorder.address);
    let pack = "var/lib/local-configuration/packs/duty";
    let flag = home.root().join("bad").display().to_string();
    home.write(
        &format!("{pack}/monitoring/flag.yml"),
        &format!(
            "check:\n  if_group: '*'\n  interval: 1s\n  critical_if: \"file_exists('{flag}')\"\n  \
             ok_output: \"'good'\"\n  critical_output: \"'the flag is up'\"\n"
        ),
    );
    home.write("bad", "");
    let agent = home.launch().ready();
    let states = || {
        let notices = recorder.notices.lock().unwrap();
        let of_flag = notices
            .iter()
            .filter(|notice| notice["check"] == "duty/flag");
        of_flag
            .map(|notice| notice["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    wait_for("the problem", || (states() == ["CRITICAL"]).then_some(()));
    wait_for("the list to say so", || {
        let listed = agent.opsbro(&["alerts", "list"]).expect(0).stdout;
        (listed.contains("duty/flag") && listed.contains("told: duty/hook")).then_some(())
    });
    agent.opsbro(&["ack", "duty/flag"]).expect(0);
    let agent = agent.kill().launch().ready();
    let show = ["alerts", "show", "duty/flag"];
    let shown = agent.opsbro(&show).expect(0).stdout;
    assert!(shown.contains(&format!("by {}", user())), "{shown}");
    std::fs::remove_file(agent.home.root().join("bad")).unwrap();
    wait_for("the end", || (states() == ["CRITICAL", "OK"]).then_some(()));
}

#[test]
fn kills_at_any_moment_neither_lose_nor_double_an_event() {
    let recorder = Recorder::start();
    let mut home = home(recorder.address);
    // One group that the node has from its first look on, and one that it gets later.
    detect(&home, "always");
    home.write("always", "");
    detect(&home, "later");
    let mut groups = vec!["later".to_owned()];
    for round in 0..4 {
        let agent = home.launch().ready();
        agent.home.write("later", "");
        wait_for("the detected group", || {
            let groups = agent.get("/agent/info").json()["groups"].to_string();
            groups.contains("later").then_some(())
        });
        let group = format!("round-{round}");
        add_group(&agent, &group);
        // Kept is what the agent says is kept; the kill comes before or after the delivery.
        wait_for("the notice to be kept", || {
            let notices = agent.get("/alerts").json()["notices"].to_string();
            notices.contains(&group).then_some(())
        });
        groups.push(group);
        home = agent
            .kill()
            .launch_and_kill_after(Duration::from_millis(round * 15));
    }
    let _agent = home.launch().ready();
    wait_for("all groups to be told", || {
        let told = recorder.told();
        groups
            .iter()
            .all(|group| told.contains_key(group))
            .then_some(())
    });
    for (group, ids) in recorder.told() {
        assert_eq!(ids.len(), 1, "{group} was told as {ids:?}");
    }
    // What the node had from the first look on is no news, however often it starts.
    let told = recorder.told();
    assert!(!told.contains_key("always"), "{told:?}");
}

#[test]
fn what_became_of_a_group_while_the_agent_was_dead_is_told_once() {
    let recorder = Recorder::start();
    let mut home = home(recorder.address);
    for group in ["stays", "goes"] {
        detect(&home, group);
        home.write(group, "");
    }
    detect(&home, "comes");
    let agent = home.launch().ready();
    add_group(&agent, "begin");
    wait_for("the begin", || {
        recorder.told().contains_key("begin").then_some(())
    });
    home = agent.kill();
    home.write("comes", "");
    std::fs::remove_file(home.root().join("goes")).unwrap();
    for _ in 0..3 {
        let agent = home.launch().ready();
        // A group is certainly gone a minute after a start, when a detector cannot tell sooner.
        wait_within(Duration::from_secs(100), "both to be told", || {
            let told = recorder.told();
            (told.contains_key("comes") && told.contains_key("goes")).then_some(())
        });
        home = agent.kill();
    }
    let agent = home.launch().ready();
    add_group(&agent, "end");
    wait_for("the end", || {
        recorder.told().contains_key("end").then_some(())
    });
    let told = recorder.told();
    for name in ["begin", "comes", "end", "goes"] {
        let ids = told.get(name).map_or(0, Vec::len);
        assert_eq!(ids, 1, "{name} of {told:?}");
    }
    assert!(!told.contains_key("stays"), "{told:?}");
}

#[test]
fn a_server_that_was_away_gets_everything_when_it_is_back() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let agent = home(address).launch().ready();
    add_group(&agent, "lost");
    wait_for("the failure to be shown", || {
        let ran = agent.opsbro(&["alerts", "list"]);
        (ran.code == Some(1) && ran.stdout.contains("FAILING")).then_some(())
    });
    let recorder = Recorder::on(address);
    let agent = agent.stop().launch().ready();
    wait_for("the notice", || {
        recorder.told().contains_key("lost").then_some(())
    });
    wait_for("the handler to be well", || {
        (agent.opsbro(&["alerts", "list"]).code == Some(0)).then_some(())
    });
}

#[test]
fn downtimes_and_silences_outlive_a_kill_and_say_who_made_them() {
    let home = Home::with_port_0("");
    let pack = "var/lib/local-configuration/packs/duty";
    home.write(&format!("{pack}/package.yml"), "name: duty\n");
    let check = "check:\n  if_group: '*'\n  critical_if: 'False'\n";
    home.write(&format!("{pack}/monitoring/well.yml"), check);
    let agent = home.launch().ready();
    let add = ["downtime", "add", "--check", "linux/*", "--for", "2h"];
    let ran = agent.opsbro(&add).expect(0);
    assert_eq!(ran.stderr, "");
    let add = [
        "silence",
        "add",
        "--handler",
        "slack/*",
        "--every",
        "sun 02:00-04:00",
    ];
    agent.opsbro(&add).expect(0);
    let agent = agent.kill().launch().ready();
    let listed = agent.opsbro(&["downtime", "list"]).expect(0).stdout;
    assert!(
        listed.contains("d1") && listed.contains(&user()),
        "{listed}"
    );
    agent.opsbro(&["silence", "remove", "s2"]).expect(0);
    // Who misspells a name is told, as it may also be meant for what is to come.
    let add = ["downtime", "add", "--check", "lniux/*", "--for", "2h"];
    let ran = agent.opsbro(&add).expect(0);
    assert!(ran.stderr.contains("no check `lniux/*`"), "{}", ran.stderr);
    let agent = agent.kill().launch().ready();
    let left = agent.opsbro(&["silence", "list", "-o", "json"]).expect(0);
    assert_eq!(left.json().to_string(), "[]");
    let ran = agent.opsbro(&["ack", "duty/well"]).expect(2);
    assert!(ran.stderr.contains("no open problem"), "{}", ran.stderr);
    for (wrong, why) in [
        (&["downtime", "add", "--check", "*"][..], "needs an end"),
        (
            &["downtime", "add", "--for", "1h"],
            "name nodes, groups or checks",
        ),
        (
            &["downtime", "add", "--handler", "slack/*", "--for", "1h"],
            "opsbro silence add --handler",
        ),
        (&["ack", "duty/well", "--for", "foo"], "foo"),
        (&["ack", "duty/well", "--until", "soon"], "is no time"),
        (
            &["silence", "add", "--check", "*", "--every", "never"],
            "never",
        ),
    ] {
        let ran = agent.opsbro(wrong).expect(64);
        assert!(ran.stderr.contains(why), "{wrong:?}: {}", ran.stderr);
    }
}

#[test]
fn what_waits_is_not_called_told_and_an_empty_list_has_no_headings() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let home = home(address);
    let flag = home.root().join("bad").display().to_string();
    home.write(
        "var/lib/local-configuration/packs/duty/monitoring/flag.yml",
        &format!(
            "check:\n  if_group: '*'\n  interval: 1s\n  critical_if: \"file_exists('{flag}')\"\n"
        ),
    );
    let agent = home.launch().ready();
    let listed = agent.opsbro(&["alerts", "list"]).expect(0).stdout;
    assert!(!listed.contains("Notices"), "{listed}");
    agent.home.write("bad", "");
    let shown = wait_for("the problem", || {
        let ran = agent.opsbro(&["alerts", "list"]);
        ran.stdout.contains("duty/flag").then_some(ran.stdout)
    });
    assert!(!shown.contains("told: duty/hook"), "{shown}");
    wait_for("the list to say that it waits", || {
        let ran = agent.opsbro(&["alerts", "list"]);
        ran.stdout.contains("waiting: duty/hook").then_some(())
    });
    let explained = agent.opsbro(&["explain", "check", "duty/flag"]).expect(0);
    assert!(
        explained.stdout.contains("duty/hook waits for its notice"),
        "{}",
        explained.stdout
    );
}

#[test]
fn a_problem_that_began_before_its_handler_or_outlived_the_alerts_is_told() {
    let recorder = Recorder::start();
    let home = home(recorder.address);
    let hook = "var/lib/local-configuration/packs/duty/handlers/hook.yml";
    let handler = home.read(hook);
    std::fs::remove_file(home.root().join(hook)).unwrap();
    home.write(
        "var/lib/local-configuration/packs/duty/monitoring/flag.yml",
        "check:\n  if_group: '*'\n  interval: 1s\n  critical_if: 'True'\n",
    );
    let agent = home.launch().ready();
    let problem = || {
        let listed = agent.get("/alerts").json()["problems"].to_string();
        listed.contains("duty/flag").then_some(())
    };
    wait_for("the problem", problem);
    let home = agent.stop();
    // Whatever is kept of alerts is lost; how the checks are is not.
    let data = home.root().join("var/lib");
    std::fs::remove_dir_all(data.join("journal/alerts")).unwrap();
    for entry in std::fs::read_dir(data.join("view")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("/alerts.") {
            std::fs::remove_file(path).unwrap();
        }
    }
    home.write(hook, &handler);
    let _agent = home.launch().ready();
    wait_for("the notice", || {
        recorder.told().contains_key("duty/flag").then_some(())
    });
}

/// Names the user of this process, as the agent knows it.
pub(crate) fn user() -> String {
    let ran = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}
