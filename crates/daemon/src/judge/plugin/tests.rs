//! Real plugins, good and bad, and what they say.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use packs::{File, PackFiles, Registry};

use super::*;

/// Runs a script as a check does.
fn run(script: &str, keys: &str) -> (Said, Duration) {
    let text = format!("check:\n  if_group: '*'\n{keys}  script: {script}\n");
    let mut files = PackFiles::new();
    for (path, text) in [
        ("a/package.yml", "name: a\n"),
        ("a/monitoring/x.yml", &text),
    ] {
        files.add(model::Level::Local, path, File::new(path, text.as_bytes()));
    }
    let registry = Registry::load(&files, None);
    let check = registry.checks().next().unwrap();
    let Method::Script(plugin) = &check.method else {
        panic!("{check:?}");
    };
    let began = Instant::now();
    let agent = Agent::for_tests();
    let world = World::of(&agent);
    let scope = Scope::new(&world, Arc::clone(&check.home.parameters));
    let line = plugin.fill(&scope).unwrap();
    let deadline = Deadline::after(check.timing.timeout);
    let said = match execute(&Machine::real(), plugin, &line, deadline) {
        Ok(finished) => said(&finished, &format_interval(check.timing.timeout)),
        Err(problem) => Said::new(CheckState::Unknown, &problem),
    };
    (said, began.elapsed())
}

fn check(script: &str, state: CheckState, output: &str) {
    let (said, _) = run(script, "");
    assert_eq!((said.state, &*said.output), (state, output), "{script}");
}

#[test]
fn the_exit_code_is_the_state_and_the_output_has_its_parts() {
    let (said, _) = run(
        r#""echo 'DISK OK | /=2643MB;5948;5958;0;5968'; echo more; echo 'lines | a=1'; exit 1""#,
        "",
    );
    assert_eq!(said.state, CheckState::Warning);
    let texts = (&*said.output, &*said.long_output);
    assert_eq!(texts, ("DISK OK", "more\nlines"));
    assert_eq!(&*said.perfdata, "'/'=2643MB;5948;5958;0;5968 'a'=1");
    let silent = "CRITICAL: the plugin said nothing";
    check("exit 2", CheckState::Critical, silent);
    check("'echo err >&2; exit 0'", CheckState::Ok, "err");
    check(
        "'echo out; exit 77'",
        CheckState::Unknown,
        "UNKNOWN: the plugin ended with code 77: out",
    );
    check("[/bin/echo, \"a; exit 2\"]", CheckState::Ok, "a; exit 2");
}

#[test]
fn a_plugin_that_is_not_there_says_so() {
    let (said, _) = run("/nowhere/check_x", "");
    assert_eq!(said.state, CheckState::Unknown);
    let output = &said.output;
    assert!(output.contains("ended with code 127"), "{output}");
    let (said, _) = run("[/nowhere/check_x]", "");
    assert_eq!(said.state, CheckState::Unknown);
    let output = &said.output;
    assert!(output.contains("/nowhere/check_x"), "{output}");
}

#[test]
fn a_plugin_that_hangs_and_forks_is_stopped_in_time() {
    let (said, took) = run("'echo begun; sleep 1000 & sleep 1000'", "  timeout: 1s\n");
    assert_eq!(said.state, CheckState::Unknown);
    let expect = "UNKNOWN: the plugin took longer than 1s and was stopped: begun";
    assert_eq!(&*said.output, expect);
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn a_child_that_is_left_behind_holds_nobody_up() {
    let (said, took) = run("'sleep 1000 & echo done'", "  timeout: 60s\n");
    assert_eq!((said.state, &*said.output), (CheckState::Ok, "done"));
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn fifty_megabytes_are_read_and_cut() {
    let (said, _) = run(
        "'yes CRITICAL | head -c 50000000; exit 2'",
        "  timeout: 60s\n",
    );
    let said_of = (said.state, &*said.output);
    assert_eq!(said_of, (CheckState::Critical, "CRITICAL"));
    assert!(said.long_output.len() <= limits::CHECK_OUTPUT_BYTES_MAX + 16);
}

#[test]
fn a_signal_is_told() {
    check(
        "'kill -SEGV $$'",
        CheckState::Unknown,
        "UNKNOWN: the plugin was ended by signal 11",
    );
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    check(
        r#"'printf "OK\033]0;x\007 \377\376 \000end"'"#,
        CheckState::Ok,
        "OK\u{fffd}]0;x\u{fffd} \u{fffd}\u{fffd} \u{fffd}end",
    );
}

#[test]
fn a_plugin_of_root_runs_as_nobody() {
    if !rustix::process::geteuid().is_root() {
        let (said, _) = run("id -un", "  run_as: nobody\n");
        let output = &said.output;
        assert!(output.contains("only an agent that is root"), "{output}");
        return;
    }
    check("id -un", CheckState::Ok, "nobody");
    let (said, _) = run("id -un", "  run_as: root\n");
    assert_eq!(&*said.output, "root");
    let (said, _) = run("id -un", "  run_as: no-such-user\n");
    let output = &said.output;
    assert!(output.contains("no user `no-such-user`"), "{output}");
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::File::create(&secret)
        .and_then(|mut file| file.write_all(b"hunter2"))
        .unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (said, _) = run(&format!("cat {}", secret.display()), "");
    assert_ne!(said.state, CheckState::Ok);
    assert!(!said.output.contains("hunter2"));
}
