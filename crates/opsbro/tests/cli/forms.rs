//! The forms of an answer: text, JSON, YAML, colour, and readers that go away.

use std::io::Read as _;
use std::process::Stdio;

use crate::sandbox::Sandbox;

#[test]
fn one_answer_has_three_forms() {
    let version = env!("CARGO_PKG_VERSION");
    let sandbox = Sandbox::new();
    sandbox.check("version", 0, &format!("{version}\n"), "");
    sandbox.check(
        "-o json version",
        0,
        &format!("{{\n  \"version\": \"{version}\"\n}}\n"),
        "",
    );
    sandbox.check(
        "version -o yaml",
        0,
        &format!("version: \"{version}\"\n"),
        "",
    );
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let sandbox = Sandbox::new();
    let coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = sandbox.command(arguments);
        command.envs(environment.iter().copied());
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "into a pipe");
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&["--color", "always", "--help"], &[]));
    assert!(!coloured(
        &["--color", "never", "--help"],
        &[("CLICOLOR_FORCE", "1")]
    ));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["internal", "docs", "openapi"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn every_shell_gets_a_script_and_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = sandbox.run(&["completion", shell]);
        assert_eq!(said.code, Some(0), "{shell}");
        assert!(said.stdout.contains("COMPLETE"), "{}", said.stdout);
    }
    let complete = |words: &[&str]| {
        let mut command = sandbox.command(&["--", "opsbro"]);
        command.args(words).env("COMPLETE", "fish");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(complete(&["agent", "inf"]).starts_with("info"));
    assert!(complete(&["agent", "parameters", "se"]).starts_with("set"));
    assert!(complete(&["agent", "parameters", "set", "log_l"]).contains("log_level\t"));
    assert_eq!(
        complete(&["agent", "log", "follow", "go"]),
        "",
        "no agent, no lecture"
    );
}
