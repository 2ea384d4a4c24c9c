//! Checks of a real agent: judged, told, kept over a crash, and never defined by a request.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;
use tests::{Agent, DEADLINE, Home, wait_for};

const PACK: &str = "var/lib/local-configuration/packs/mine";

fn check(home: &Home, name: &str, body: &str) {
    let text = format!("check:\n  if_group: '*'\n  interval: 1s\n{body}");
    home.write(&format!("{PACK}/monitoring/{name}.yml"), &text);
}

fn home() -> Home {
    let home = Home::with_port_0("");
    home.write(&format!("{PACK}/package.yml"), "name: mine\n");
    home
}

fn of(agent: &Agent, id: &str) -> Value {
    agent.get("/monitoring/checks").json()[id].clone()
}

/// Waits until a check has a state that counts.
#[track_caller]
fn counts(agent: &Agent, id: &str, state: &str) -> Value {
    wait_for(state, || {
        let check = of(agent, id);
        (check["hard_state"] == state && check["state"] == state).then_some(check)
    })
}

/// Tells what counted, in order.
fn told(agent: &Agent, id: &str) -> Vec<String> {
    let history = agent.get("/monitoring/history/checks").json();
    let entries = history.as_array().unwrap().iter();
    let all = entries.flat_map(|entry| entry["entries"].as_array().unwrap().clone());
    let own = all.filter(|it| it["name"] == id && it["old_hard_state"] != it["hard_state"]);
    own.map(|it| it["hard_state"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_crash_neither_loses_nor_repeats_what_happened() {
    let home = home();
    check(&home, "switch", "  attempts: 2\n  script: 'exit 2'\n");
    let agent = home.launch().ready();
    let before = counts(&agent, "mine/switch", "critical");
    let seen = || (told(&agent, "mine/switch") == ["critical"]).then_some(());
    wait_for("the history", seen);
    // What was told is on disk within moments, whatever happens next.
    let files = || {
        let all = tests::files_below(&agent.home.root().join("var/lib/history/checks"));
        let bytes = all.iter().map(|it| std::fs::read(it).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes.flatten().collect::<Vec<u8>>()).into_owned();
        (text.contains("mine/switch") && text.contains("hardened")).then_some(())
    };
    wait_for("the history on disk", files);
    let home = agent.kill();
    let agent = home.launch().ready();
    let after = counts(&agent, "mine/switch", "critical");
    assert_eq!(before["since"], after["since"]);
    agent
        .opsbro(&["monitoring", "run", "mine/switch"])
        .expect(1);
    assert_eq!(told(&agent, "mine/switch"), ["critical"]);
    check(&agent.home, "switch", "  attempts: 2\n  script: 'exit 0'\n");
    counts(&agent, "mine/switch", "ok");
    assert_eq!(told(&agent, "mine/switch"), ["critical", "ok"]);
}

#[test]
fn problems_come_first_and_a_file_that_is_removed_takes_its_problem_away() {
    let home = home();
    check(&home, "bad", "  critical_if: '1 > 0'\n");
    check(&home, "good", "  critical_if: '1 > 2'\n");
    let agent = home.launch().ready();
    counts(&agent, "mine/bad", "critical");
    agent
        .opsbro(&["monitoring", "wait-ok", "mine/good"])
        .expect(0);
    let shown = agent.opsbro(&["state"]).expect(1).stdout;
    let at = |what: &str| {
        shown
            .find(what)
            .unwrap_or_else(|| panic!("{what}: {shown}"))
    };
    assert!(at("Problems") < at("mine/bad") && at("mine/bad") < at("mine/good"));
    assert_eq!(agent.get("/status").status, 503);
    let unwatched = Agent::start("monitoring_topic_enabled: false\n");
    assert_eq!(unwatched.get("/status").status, 200);
    let file = format!("{PACK}/monitoring/bad.yml");
    std::fs::remove_file(agent.home.root().join(file)).unwrap();
    wait_for("the check to be gone", || {
        of(&agent, "mine/bad").is_null().then_some(())
    });
    assert_eq!(told(&agent, "mine/bad"), ["critical", "pending"]);
}

#[test]
fn results_are_pushed_and_checks_are_not() {
    let home = home();
    check(&home, "nightly", "  push: {expect_every: 1h}\n");
    check(&home, "good", "  critical_if: '1 > 2'\n");
    let agent = home.launch().ready();
    wait_for("the check", || {
        (!of(&agent, "mine/nightly").is_null()).then_some(())
    });
    agent
        .opsbro(&[
            "monitoring",
            "push",
            "mine/nightly",
            "warning",
            "slow | t=9s",
        ])
        .expect(0);
    let check = counts(&agent, "mine/nightly", "warning");
    assert_eq!(
        (&check["output"], &check["perfdata"]),
        (&"slow".into(), &"t=9s".into())
    );
    agent
        .opsbro(&["monitoring", "push", "mine/good", "ok"])
        .expect(2);
    let explained = agent.opsbro(&["explain", "check", "mine/good"]).expect(0);
    assert!(
        explained.stdout.contains("critical_if"),
        "{}",
        explained.stdout
    );
}

#[test]
fn a_check_is_meant_by_each_of_its_names() {
    let home = home();
    check(
        &home,
        "sub/deep",
        "  display_name: Deep one\n  critical_if: '1 > 0'\n",
    );
    check(&home, "nightly", "  push: {expect_every: 1h}\n");
    let agent = home.launch().ready();
    counts(&agent, "mine/sub/deep", "critical");
    for path in ["mine/sub/deep", "mine/sub%2Fdeep"] {
        let one = agent.get(&format!("/monitoring/checks/{path}")).json();
        assert_eq!(one["mine/sub/deep"]["state"], "critical", "{path}");
    }
    let unknown = agent.get("/monitoring/checks/nosuch");
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.body.contains("there is no check `nosuch`"),
        "{}",
        unknown.body
    );
    let unknown = agent.get("/monitoring/services/nosuch");
    assert!(
        unknown.body.contains("no service `nosuch`"),
        "{}",
        unknown.body
    );

    agent
        .opsbro(&["monitoring", "run", "mine/sub/deep"])
        .expect(1);
    let history = ["monitoring", "history", "--check", "Deep one"];
    let told = || {
        agent
            .opsbro(&history)
            .expect(0)
            .stdout
            .contains("CRITICAL")
            .then_some(())
    };
    wait_for("the history by the name for people", told);
    // It has nothing to run: that is said at once.
    let refused = agent
        .opsbro(&["monitoring", "run", "mine/nightly"])
        .expect(2);
    assert!(
        refused
            .stderr
            .contains("opsbro monitoring push mine/nightly ok"),
        "{}",
        refused.stderr
    );

    let info = agent.info();
    assert_eq!(info["monitoring"]["critical"], 1, "{info}");
    assert_eq!(info["collectors"]["memory"]["name"], "memory");
}

#[test]
fn explaining_a_check_tells_what_it_runs_and_asks_and_hides_what_is_secret() {
    let home = Home::with_port_0("");
    let pack = "var/lib/local-configuration/packs/mine";
    home.write(
        &format!("{pack}/package.yml"),
        "name: mine\nparameters: {port: {type: integer, default: 9}}\n",
    );
    home.write(
        &format!("{pack}/monitoring/page.yml"),
        "check:\n  if_group: '*'\n  interval: 1s\n  probe:\n    http:\n      \
         url: 'http://127.0.0.1:{{parameters.port}}/x'\n      user: ada\n      \
         password: hunter2\n      headers: {X-Token: hunter2}\n",
    );
    home.write(
        &format!("{pack}/monitoring/plugin.yml"),
        "check:\n  if_group: '*'\n  interval: 1s\n  \
         script: [/bin/echo, \"fine | 'round trip'=1.5ms;3;~:4;0;9 n=U\"]\n",
    );
    let agent = home.launch().ready();
    let plugin = counts(&agent, "mine/plugin", "ok");
    let figures = &plugin["figures"];
    assert_eq!(
        (
            &figures[0]["label"],
            &figures[0]["value"],
            &figures[0]["critical"]
        ),
        (&"round trip".into(), &1.5.into(), &"~:4".into())
    );
    assert!(figures[1]["value"].is_null(), "{figures}");
    let shown = |name: &str| agent.opsbro(&["explain", "check", name]).expect(0).stdout;
    let plugin = shown("mine/plugin");
    for part in ["/bin/echo", "run_as", "round trip", "1.5ms", "critical ~:4"] {
        assert!(plugin.contains(part), "{part}: {plugin}");
    }
    let page = shown("mine/page");
    for part in ["the probe http", "http://127.0.0.1:9/x", "ada", "X-Token"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("hunter2"), "{page}");
}

#[test]
fn every_change_is_streamed_as_it_happens() {
    let home = home();
    let flag = home.root().join("flag").display().to_string();
    let body = format!("  critical_if: \"file_exists('{flag}')\"\n");
    check(&home, "flag", &body);
    let agent = home.launch().ready();
    counts(&agent, "mine/flag", "ok");
    let mut stream = UnixStream::connect(agent.home.socket()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let asked = b"GET /events/stream HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(asked).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    // From the head on it listens.
    assert!(lines.any(|line| line.is_empty()));
    agent.home.write("flag", "");
    let told = lines.find_map(|line| {
        let event: Value = serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()?;
        (event["name"] == "mine/flag").then_some(event)
    });
    let told = told.unwrap();
    assert_eq!(
        (&told["old_hard_state"], &told["hard_state"]),
        (&"ok".into(), &"critical".into())
    );
}

#[test]
fn one_of_several_things_that_does_not_answer_holds_no_other_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = listener.local_addr().unwrap();
    let closed = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let home = home();
    let things = format!("  timeout: 20s\n  for_each: \"['{mute}', '{closed}']\"\n");
    check(
        &home,
        "probed",
        &format!("{things}  probe: {{tcp: {{address: '{{{{item}}}}', regexp: 'hello'}}}}\n"),
    );
    let url =
        format!("{things}  critical_if: \"'hello' in url_get('http://%s/' % {{{{item}}}}, 15)\"\n");
    check(&home, "asked", &url);
    let agent = home.launch().ready();
    let began = std::time::Instant::now();
    counts(&agent, &format!("mine/probed[{closed}]"), "critical");
    counts(&agent, &format!("mine/asked[{closed}]"), "unknown");
    let took = began.elapsed();
    assert!(took.as_secs() < 12, "it took {took:?}");
    for check in ["probed", "asked"] {
        let silent = of(&agent, &format!("mine/{check}[{mute}]"));
        assert!(silent.is_null() || silent["state"] == "pending", "{silent}");
    }
}

/// The helpers of an agent that is root: small processes that run its plugins as other users.
fn helpers(agent: &Agent) -> Vec<u32> {
    let is_helper = |child: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{child}/cmdline"));
        line.is_ok_and(|line| line.contains("internal-helper"))
    };
    children(agent.pid())
        .into_iter()
        .filter(is_helper)
        .collect()
}

fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut found = Vec::new();
    for thread in threads.into_iter().flatten().flatten() {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(
            children
                .split_whitespace()
                .filter_map(|it| it.parse::<u32>().ok()),
        );
    }
    found
}

#[test]
fn what_a_killed_agent_ran_ends_when_it_starts_again() {
    let folder = tempfile::Builder::new()
        .prefix("opsbro-test-")
        .tempdir()
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    let once = folder.path().join("ran").display().to_string();
    let home = Home::with_port_0("");
    let pack = "var/lib/local-configuration/packs/mine";
    home.write(&format!("{pack}/package.yml"), "name: mine\n");
    home.write(
        &format!("{pack}/monitoring/endless.yml"),
        &format!(
            "check:\n  if_group: '*'\n  interval: 1s\n  timeout: 300s\n  script: \
             \"if mkdir {once} 2>/dev/null; then echo $$ > {once}.pid; exec sleep 600; fi; true\"\n"
        ),
    );
    let agent = home.launch().ready();
    let pid: u32 = wait_for("the program that does not end", || {
        let pid = std::fs::read_to_string(format!("{once}.pid")).ok()?;
        pid.trim().parse().ok()
    });
    let runs = || {
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        command.is_ok_and(|command| command.contains("sleep"))
    };
    wait_for("it to sleep", || runs().then_some(()));
    let home = agent.kill();
    assert!(runs(), "nobody ends it when its agent is killed");
    let agent = home.launch().ready();
    wait_for("it to be ended", || (!runs()).then_some(()));
    drop(agent);
}

#[test]
fn a_helper_that_is_killed_costs_its_own_run_and_no_other() {
    if !rustix::process::geteuid().is_root() {
        // Only an agent that is root runs plugins as somebody else.
        return;
    }
    let once = tempfile::Builder::new()
        .prefix("opsbro-test-")
        .tempdir()
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(once.path(), mode).unwrap();
    let flag = once.path().join("ran").display().to_string();
    let home = Home::with_port_0("");
    let pack = "var/lib/local-configuration/packs/mine";
    home.write(&format!("{pack}/package.yml"), "name: mine\n");
    // The first run hangs, all others do not.
    home.write(
        &format!("{pack}/monitoring/plugin.yml"),
        &format!(
            "check:\n  if_group: '*'\n  interval: 1s\n  timeout: 30s\n  \
             script: \"if mkdir {flag} 2>/dev/null; then exec sleep 20; fi; echo fine\"\n"
        ),
    );
    let agent = home.launch().ready();
    wait_for("the first run", || {
        std::fs::exists(&flag).ok()?.then_some(())
    });
    let killed = wait_for("its helper", || {
        let mut all = helpers(&agent).into_iter();
        all.find(|helper| !children(*helper).is_empty())
    });
    let pid = i32::try_from(killed)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    counts(&agent, "mine/plugin", "ok");
    assert!(!helpers(&agent).contains(&killed));
    let info = agent.info();
    assert_eq!(info["workers"]["stuck"].to_string(), "[]", "{info}");
}
