//! `opsbro agent …` where no agent runs.

use crate::sandbox::Sandbox;

#[test]
fn without_an_agent_every_question_says_how_to_start_one() {
    let advice = "error: no agent is running (nothing listens on ROOT/run/opsbro.sock)\n \
                  hint: start it with: opsbro --root ROOT agent start\n";
    for line in [
        "info",
        "agent info -o json",
        "agent stop",
        "agent reload",
        "agent history",
        "agent print uuid",
        "agent log follow",
        "agent internal show-threads",
        "token list",
        "agent wait-initialized --timeout 0",
    ] {
        Sandbox::new().check(line, 2, "", advice);
    }
}

#[test]
fn an_agent_that_does_not_run_is_stopped() {
    Sandbox::new().check("agent state", 1, "stopped\n", "");
}

#[test]
fn the_socket_is_looked_for_where_the_configuration_says() {
    let sandbox = Sandbox::new().with("etc/agent.yml", "socket: /elsewhere/bro.sock\nport: x\n");
    let said = sandbox.run(&["agent", "history"]);
    assert!(
        said.stderr
            .contains("nothing listens on ROOT/elsewhere/bro.sock"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_wrong_configuration_is_told_as_a_whole_and_nothing_is_written() {
    let sandbox = Sandbox::new().with("etc/agent.yml", "prot: 1\nlog_level: LOUD\n");
    let expect = "\
ROOT/etc/agent.yml:1:1: error: unknown key `prot`
 1 | prot: 1
   | ^
   hint: did you mean `port`?
ROOT/etc/agent.yml:2:12: error: `log_level`: `LOUD` is no log level
 2 | log_level: LOUD
   |            ^
   hint: use ERROR, WARNING, INFO, DEBUG or TRACE
error: the configuration has errors
 hint: the agent was not started, and nothing was changed
";
    sandbox.check("agent start", 64, "", expect);
    sandbox.check("agent start --daemon", 64, "", expect);
    assert!(!sandbox.path().join("run").exists());
}

#[test]
fn a_parameter_is_set_with_its_comments_kept_and_a_trail_left() {
    let sandbox = Sandbox::new().with("etc/agent.yml", "# ours\nport: 0 # any\n");
    let done = "OK: agent.display_name (ROOT/etc/agent.yml) SET web: 1\n  \
                no agent is running: the next start has it\n";
    let said = sandbox.run(&["agent", "parameters", "set", "display_name", "web: 1"]);
    assert_eq!(
        (said.stdout.as_str(), said.code),
        (done, Some(0)),
        "{}",
        said.stderr
    );
    let text = sandbox.read("etc/agent.yml");
    assert!(
        text.starts_with("# ours\nport: 0 # any\ndisplay_name: 'web: 1'\n# CHANGE: ("),
        "{text}"
    );
    assert!(text.ends_with(" SET display_name -> 'web: 1'\n"), "{text}");
    sandbox.check(
        "agent parameters get display_name",
        0,
        "agent.display_name → web: 1  (ROOT/etc/agent.yml:3:15)\n  \
         | # The name shown to people instead of the host name. It may change and need not be unique.\n",
        "",
    );
}

#[test]
fn groups_are_added_once_and_removed() {
    let sandbox = Sandbox::new();
    for (line, expect) in [
        (
            "add groups web",
            "OK: agent.groups (ROOT/etc/agent.yml) ADD web\n",
        ),
        (
            "add groups web",
            "OK (already there): agent.groups (ROOT/etc/agent.yml) ADD web\n",
        ),
        (
            "remove groups web",
            "OK: agent.groups (ROOT/etc/agent.yml) REMOVE web\n",
        ),
        (
            "remove groups web",
            "OK (was not there): agent.groups (ROOT/etc/agent.yml) REMOVE web\n",
        ),
    ] {
        let expect = format!("{expect}  no agent is running: the next start has it\n");
        sandbox.check(&format!("agent parameters {line}"), 0, &expect, "");
    }
    let text = sandbox.read("etc/agent.yml");
    assert!(
        text.contains("\n# The static groups of this node."),
        "made from the defaults: {text}"
    );
    assert_eq!(text.matches("# CHANGE:").count(), 2, "{text}");
}

#[test]
fn a_parameter_that_the_agent_would_refuse_is_not_written() {
    let sandbox = Sandbox::new().with("etc/agent.yml", "port: 0\n");
    for (line, advice) in [
        ("set prot 1", "did you mean `port`?"),
        ("set port ninety", "`port` must be a port number"),
        ("set port 70000", "`port` must be a port number"),
        (
            "set monitoring_topic_enabled perhaps",
            "must be true or false",
        ),
        (
            "set log_level LOUD",
            "use ERROR, WARNING, INFO, DEBUG or TRACE",
        ),
        ("set node-zone moon", "there is no zone `moon`"),
        ("set seeds [a", "not valid YAML"),
        ("add port 1", "use: opsbro agent parameters set port 1"),
        ("set master_key_priv x", "no effect"),
    ] {
        let words = format!("agent parameters {line}");
        let said = sandbox.run(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, Some(64), "{line}: {}", said.stderr);
        assert!(said.stderr.contains(advice), "{line}: {}", said.stderr);
    }
    assert_eq!(sandbox.read("etc/agent.yml"), "port: 0\n");
}

#[test]
fn an_old_mistake_in_the_file_does_not_forbid_to_mend_another() {
    let sandbox = Sandbox::new().with("etc/agent.yml", "prot: 1\nlog_level: LOUD\n");
    let said = sandbox.run(&["agent", "parameters", "set", "log_level", "INFO"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        sandbox
            .read("etc/agent.yml")
            .starts_with("prot: 1\nlog_level: INFO\n")
    );
}

#[test]
fn a_key_is_32_random_bytes_alone_on_stdout() {
    let sandbox = Sandbox::new();
    let (one, other) = (sandbox.run(&["agent", "keygen"]), sandbox.run(&["keygen"]));
    assert_eq!(one.stdout.trim_end().len(), 44, "{}", one.stdout);
    assert_ne!(one.stdout, other.stdout);
    assert!(
        one.stderr.contains("ROOT/etc/zone_keys/<zone>.gossip.key"),
        "{}",
        one.stderr
    );
    let json = sandbox.run(&["agent", "keygen", "-o", "json"]);
    let key: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(key["gossip_key"].as_str().map(str::len), Some(44));
    assert_eq!(json.stderr, "");
}

#[test]
fn a_unit_is_written_printed_and_removed() {
    let sandbox = Sandbox::new();
    let unit = sandbox.run(&["agent", "service", "install", "--print"]);
    assert_eq!(unit.code, Some(0), "{}", unit.stderr);
    assert!(
        unit.stdout.contains(" --root ROOT agent start\n"),
        "{}",
        unit.stdout
    );
    assert!(!sandbox.path().join("etc/agent.yml").exists());
    let folder = sandbox.path().join("units");
    let place = ["--name", "bro", "--unit-dir", folder.to_str().unwrap()];
    let said = sandbox.run(&[&["agent", "service", "install"], &place[..]].concat());
    assert!(
        said.stdout.starts_with("√ wrote ROOT/units/bro.service\n"),
        "{said:?}"
    );
    assert_eq!(
        sandbox.read("units/bro.service"),
        unit.stdout
            .replace("ROOT", sandbox.path().to_str().unwrap())
    );
    // A service is never open by default; a configuration that is there stays as it is.
    let agent_yml = sandbox.read("etc/agent.yml");
    assert!(
        agent_yml.contains("\nnew-cluster-key: true\n"),
        "{agent_yml}"
    );
    assert!(
        said.stdout.contains("√ wrote ROOT/etc/agent.yml\n"),
        "{said:?}"
    );
    let sandbox = sandbox.with("etc/agent.yml", "port: 6768\n");
    let again = sandbox.run(&[&["agent", "service", "install"], &place[..]].concat());
    assert!(!again.stdout.contains("agent.yml"), "{again:?}");
    assert_eq!(sandbox.read("etc/agent.yml"), "port: 6768\n");
    let removal = [&["agent", "service", "remove"], &place[..]].concat();
    assert_eq!(sandbox.run(&removal).code, Some(0));
    let again = sandbox.run(&removal);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (Some(2), "error: there is no unit ROOT/units/bro.service\n")
    );
}
