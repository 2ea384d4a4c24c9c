//! Keys of zones: where they come from, what takes them, and where they never stand.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tests::{Agent, Home, Ran};

const FILE: &str = "etc/zone_keys/internet.gossip.key";

fn new_key(home: &Home) -> String {
    let made = home.opsbro(&["agent", "keygen", "-o", "json"]).expect(0);
    made.json()["gossip_key"].as_str().unwrap().to_owned()
}

fn mode_of_the_file(home: &Home) -> u32 {
    let found = std::fs::metadata(home.root().join(FILE)).unwrap();
    found.permissions().mode() & 0o777
}

fn only_ring(ran: Ran) -> Value {
    ran.expect(0).json()[0].clone()
}

#[test]
fn a_key_is_taken_into_the_running_agent_and_onto_disk() {
    let agent = Agent::start("");
    assert_eq!(agent.info()["is_zone_protected"], false);
    let (key, next) = (new_key(&agent.home), new_key(&agent.home));
    agent.opsbro(&["keys", "add", &key, "--use"]).expect(0);
    assert_eq!(agent.info()["is_zone_protected"], true);
    assert_eq!(agent.home.read(FILE).trim_end(), key);
    assert_eq!(mode_of_the_file(&agent.home), 0o600);

    let ring = only_ring(agent.opsbro(&["keys", "list", "-o", "json"]));
    let old = ring["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    let refused = agent.opsbro(&["keys", "remove", &old]).expect(2);
    assert!(
        refused.stderr.contains("use another one first"),
        "{refused:?}"
    );
    agent.opsbro(&["keys", "add", &next, "--use"]).expect(0);
    agent.opsbro(&["keys", "remove", &old]).expect(0);
    agent.opsbro(&["keys", "status"]).expect(0);

    let agent = agent.kill().launch().ready();
    let ring = only_ring(agent.opsbro(&["keys", "list", "-o", "json"]));
    let uses: Vec<_> = ring["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["use"])
        .collect();
    assert_eq!(uses, ["retired", "seals"], "{ring}");
    assert_eq!(agent.home.read(FILE).trim_end(), next);
    agent.opsbro(&["keys", "remove", &old, "--force"]).expect(0);
    let told = agent.opsbro(&["agent", "history"]).expect(0);
    assert!(
        told.stdout.contains(&format!("key {old} removed")),
        "{told:?}"
    );
    assert!(!told.stdout.contains(&key), "{told:?}");
    let itself = agent.home.root().join(FILE);
    for file in tests::files_below(agent.home.root()) {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let holds = text.contains(&key) || text.contains(&next);
        assert!(!holds || file == itself, "{}", file.display());
    }
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let agent = Agent::start("");
    let bad = agent.opsbro(&["keys", "add", "hunter2hunter2"]).expect(64);
    assert!(bad.stderr.contains("not base64"), "{bad:?}");
    assert!(!bad.stderr.contains("hunter2"), "{bad:?}");
    let nowhere = agent
        .opsbro(&["keys", "list", "--zone", "nowhere"])
        .expect(2);
    assert!(nowhere.stderr.contains("no zone nowhere"), "{nowhere:?}");
    let unknown = agent.opsbro(&["keys", "use", "01234567"]).expect(2);
    assert!(unknown.stderr.contains("no key 01234567"), "{unknown:?}");
}

#[test]
fn the_file_of_a_key_is_made_without_an_agent_and_never_lost_by_mistake() {
    let home = Home::with_port_0("");
    let generate = ["gossip", "zone", "key", "generate", "--zone", "internet"];
    let made = home.opsbro(&generate).expect(0);
    let key = home.read(FILE);
    assert!(made.stdout.contains(key.trim_end()), "{made:?}");
    assert_eq!(mode_of_the_file(&home), 0o600);
    let again = home.opsbro(&generate).expect(2);
    assert!(again.stderr.contains("--erase"), "{again:?}");
    assert_eq!(home.read(FILE), key);

    let agent = home.launch().ready();
    assert_eq!(agent.info()["is_zone_protected"], true);
    let import = |key: &str| {
        let zone = ["gossip", "zone", "key", "import", "--zone", "internet"];
        agent.opsbro(&[&zone[..], &["--key", key, "--erase"]].concat())
    };
    let short = import("c2hvcnQ=").expect(64);
    assert!(short.stderr.contains("5 bytes, not 16 or 32"), "{short:?}");
    let before = only_ring(agent.opsbro(&["keys", "list", "-o", "json"]));
    // A key of the original.
    import("NGNjZWI2ZmEyMzEyMTFlOA==").expect(0);
    let after = only_ring(agent.opsbro(&["keys", "list", "-o", "json"]));
    assert_ne!(before["keys"], after["keys"], "the agent took it");
    let problems = agent.info()["problems"].to_string();
    assert!(problems.contains("can be guessed"), "{problems}");
}

#[test]
fn a_wrong_file_is_refused_at_start_and_at_a_reload() {
    let home = Home::with_port_0("");
    home.write(FILE, "hunter2");
    let ran = home.opsbro(&["agent", "start"]).expect(64);
    assert!(ran.stderr.contains("internet.gossip.key"), "{ran:?}");
    assert!(ran.stderr.contains("not base64"), "{ran:?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    home.write(FILE, &new_key(&home));
    let agent = home.launch().ready();
    agent.home.write(FILE, "hunter2");
    let reload = agent.opsbro(&["agent", "reload"]).expect(1);
    assert!(reload.stdout.contains("not base64"), "{reload:?}");
    assert_eq!(agent.info()["is_zone_protected"], true);
}
