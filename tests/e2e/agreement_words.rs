//! What the commands of keys and locks say, and with which exit code they end.

use tests::{Agent, opsbro, run, wait_for};

use crate::agreement::{QUIET, get, kv, put};

#[test]
fn what_is_not_there_is_said_and_no_success() {
    let agent = Agent::start(QUIET);
    let is_absent = |words: &[&str], text: &str| {
        let told = kv(&agent, words).expect(1);
        assert!(told.stderr.contains(text), "{words:?}: {told:?}");
        assert_eq!(told.stdout, "", "{words:?}");
    };
    let unknown = "key none does not exist, and nothing is known of what it was";
    is_absent(&["get", "none"], "the key none does not exist");
    is_absent(&["delete", "none"], "the key none does not exist");
    is_absent(&["history", "none"], unknown);
    is_absent(&["undo", "none"], unknown);
    is_absent(&["undo", "none", "--to", "1"], unknown);
    // A key that begins so is another one.
    put(&agent, "none/other", "x");
    is_absent(&["delete", "none"], "the key none does not exist");
    let history = kv(&agent, &["history", "none", "-o", "json"]).expect(1);
    assert_eq!(history.json(), serde_json::json!([]));
    put(&agent, "none", "1");
    let deleted = kv(&agent, &["delete", "none"]).expect(0);
    assert_eq!(deleted.stdout, "none deleted at revision 3\n");
    is_absent(&["delete", "none"], "the key none does not exist");
    kv(&agent, &["history", "none"]).expect(0);
    kv(&agent, &["undo", "none"]).expect(0);
    assert_eq!(get(&agent, "none")["value"], "1");
}

#[test]
fn a_value_comes_from_stdin_as_it_is_and_no_larger_than_a_value_may_be() {
    let agent = Agent::start(QUIET);
    let put_bytes = |words: &[&str], bytes: &[u8]| {
        let file = agent.home.root().join("value");
        let mut out = std::fs::File::create(&file).unwrap();
        std::io::Write::write_all(&mut out, bytes).unwrap();
        let mut command = opsbro(agent.home.root());
        command.arg("kv-store").args(words);
        command.stdin(std::fs::File::open(file).unwrap());
        run(command)
    };
    put_bytes(&["put", "text", "-"], b"two\nlines\n").expect(0);
    assert_eq!(get(&agent, "text")["value"], "two\nlines\n");
    put_bytes(&["put", "bytes", "-"], &[0, 0xff]).expect(0);
    assert_eq!(get(&agent, "bytes")["value_hex"], "00ff");
    let raw = |key: &str| {
        let mut command = opsbro(agent.home.root());
        command.args(["kv-store", "get", key, "--raw"]);
        command.output().unwrap().stdout
    };
    assert_eq!(raw("text"), b"two\nlines\n");
    assert_eq!(raw("bytes"), [0, 0xff]);
    put_bytes(&["put", "empty", "-"], b"").expect(0);
    assert_eq!(get(&agent, "empty")["value"], "");
    put_bytes(&["cas", "new", "-", "--revision", "0"], b"x").expect(0);
    assert_eq!(get(&agent, "new")["value"], "x");
    let largest = vec![b'x'; 1 << 20];
    put_bytes(&["put", "large", "-"], &largest).expect(0);
    let larger = vec![b'y'; (1 << 20) + 1];
    let refused = put_bytes(&["put", "large", "-"], &larger).expect(2);
    assert!(refused.stderr.contains("more than 1 MiB"), "{refused:?}");
    let kept = get(&agent, "large");
    assert_eq!(kept["value"].as_str().unwrap().as_bytes(), largest);
}

#[test]
fn who_waits_for_a_lock_is_told_for_whom() {
    let agent = Agent::start(QUIET);
    let name = agent.info()["name"].as_str().unwrap().to_owned();
    let acquire = ["lock", "acquire", "door", "-o", "json"];
    let held = agent.opsbro(&acquire).expect(0);
    assert_eq!(held.stderr, "", "who need not wait is told nothing");
    let session = held.json()["session"].as_str().unwrap().to_owned();
    std::thread::scope(|scope| {
        let kept = scope.spawn(|| agent.opsbro(&acquire));
        let runs = scope.spawn(|| agent.opsbro(&["lock", "door", "--", "echo", "mine"]));
        // They say so when they have waited a while, which they have when both are in line for
        // longer than that: the list tells since when the lock is held.
        wait_for("both to wait", || {
            let list = agent.opsbro(&["lock", "list", "-o", "json"]);
            let waiters = list.expect(0).json()[0]["waiters"].as_array()?.len();
            (waiters == 2).then_some(())
        });
        let late = agent.opsbro(&["lock", "door", "--timeout", "1s", "--", "true"]);
        let late = late.expect(1);
        let told =
            format!("waiting for the lock door, held by `lock acquire door` on {name} since 2");
        assert!(late.stderr.contains(&told), "{late:?}");
        assert!(late.stderr.contains("; 2 others wait"), "{late:?}");
        assert_eq!(late.stderr.matches("waiting for").count(), 1, "{late:?}");
        let release = |session: &str| {
            let words = ["lock", "release", "door", "--session", session];
            agent.opsbro(&words).expect(0);
        };
        release(&session);
        // Whichever of them is first, the other one comes when it is done.
        let kept = kept.join().unwrap().expect(0);
        assert!(
            kept.stderr.contains("waiting for the lock door"),
            "{kept:?}"
        );
        release(kept.json()["session"].as_str().unwrap());
        let runs = runs.join().unwrap().expect(0);
        assert_eq!(runs.stdout, "mine\n");
        assert!(
            runs.stderr.contains("waiting for the lock door"),
            "{runs:?}"
        );
    });
}

#[test]
fn a_lease_out_of_bounds_is_refused_with_the_bounds() {
    let agent = Agent::start(QUIET);
    for ttl in ["1ms", "1s", "100d"] {
        for words in [
            &["lock", "acquire", "door", "--ttl", ttl][..],
            &["lock", "door", "--ttl", ttl, "--", "true"],
            &["election", "cron", "--ttl", ttl, "--", "true"],
        ] {
            let refused = agent.opsbro(words).expect(64);
            let text = format!("2s to 1d without a renewal, not {ttl}");
            assert!(refused.stderr.contains(&text), "{words:?}: {refused:?}");
        }
    }
    agent
        .opsbro(&["lock", "door", "--ttl", "2s", "--", "true"])
        .expect(0);
    agent
        .opsbro(&["lock", "door", "--ttl", "1d", "--", "true"])
        .expect(0);
}

#[test]
fn what_would_not_do_what_was_meant_is_refused() {
    let agent = Agent::start(QUIET);
    put(&agent, "k", "old");
    let gone = kv(&agent, &["put", "k", "new", "--ttl", "0s"]).expect(64);
    assert!(gone.stderr.contains("gone at once"), "{gone:?}");
    let typo = tests::request_over(&agent.home.socket(), "PUT", "/kv/k?csa=1", &[], b"new");
    assert_eq!(typo.status, 400, "{}", typo.body);
    assert!(typo.body.contains("csa"), "{}", typo.body);
    assert_eq!(get(&agent, "k")["value"], "old");
    let never = ["wait-value", "k", "new", "--timeout", "100ms"];
    let late = kv(&agent, &never).expect(1);
    assert!(late.stderr.contains("it has old"), "{late:?}");
    let absent = kv(&agent, &["wait-exists", "none", "--timeout", "100ms"]).expect(1);
    assert!(absent.stderr.contains("it is absent"), "{absent:?}");
    for slots in ["0", "1001"] {
        let wrong = ["lock", "door", "--slots", slots, "--", "true"];
        agent.opsbro(&wrong).expect(64);
    }
}

#[test]
fn an_operator_bounds_a_prefix_and_sees_what_is_used_of_it() {
    let agent = Agent::start(QUIET);
    kv(&agent, &["quota", "app/", "--keys", "1"]).expect(0);
    put(&agent, "app/one", "x");
    let refused = kv(&agent, &["put", "app/two", "x"]).expect(2);
    assert!(refused.stderr.contains("at most 1"), "{refused:?}");
    let top = kv(&agent, &["top"]).expect(0).stdout;
    let line = top.lines().find(|line| line.starts_with("app/ "));
    assert!(line.is_some_and(|line| line.ends_with("1 keys")), "{top}");
    kv(&agent, &["quota", "app/", "--remove"]).expect(0);
    put(&agent, "app/two", "x");
    kv(&agent, &["quota", "app/"]).expect(64);
}
