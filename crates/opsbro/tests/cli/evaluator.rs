//! `opsbro evaluator …` without an agent.

use serde_json::json;

use crate::sandbox::Sandbox;

#[track_caller]
fn check(expr: &str, code: i32, expect: &serde_json::Value) {
    let said = Sandbox::new().run(&["evaluator", "eval", expr, "-o", "json"]);
    assert_eq!(said.code, Some(code), "{said:?}");
    let answer = said.json();
    for (name, value) in expect.as_object().expect("a map of what is expected") {
        assert_eq!(&answer[name], value, "{expr}: {answer}");
    }
}

#[test]
fn an_answer_is_a_value_unknown_or_an_error_each_with_its_exit_code() {
    check("1 + 1", 0, &json!({"value": 2}));
    check("1 == 2", 0, &json!({"value": false}));
    check("None", 0, &json!({"value": null}));
    check("{{configuration.port}}", 0, &json!({"value": 6768}));
    let unknown = "no agent is running, so nothing is collected";
    check("{{collector.redis.x}} > 1", 1, &json!({"unknown": unknown}));
    let said = Sandbox::new().run(&["evaluator", "eval", "1 + * 2", "-o", "json"]);
    let error = &said.json()["error"];
    assert_eq!(
        (said.code, &error["line"], &error["column"]),
        (Some(2), &json!(1), &json!(5))
    );
}

#[test]
fn the_value_is_the_last_line_and_an_error_has_a_caret() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(&["evaluator", "eval", "'a' + 'b'", "--explain"]);
    assert_eq!(said.stdout.lines().last(), Some("ab"), "{said:?}");
    let said = sandbox.run(&["evaluator", "eval", "1 + * 2"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(
        said.stderr.contains(" 1 | 1 + * 2\n   |     ^\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn waiting_ends_with_yes_no_or_a_failure() {
    let wait = |expr, timeout| {
        let line = ["evaluator", "wait-eval-true", expr, "--timeout", timeout];
        Sandbox::new().run(&line).code
    };
    assert_eq!(wait("1 == 1", "30s"), Some(0));
    assert_eq!(wait("1", "0"), Some(1), "only True counts");
    assert_eq!(wait("{{collector.redis.x}}", "50ms"), Some(1));
    assert_eq!(wait("1 +", "30s"), Some(2));
}

#[test]
fn functions_are_listed_with_their_details() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(&["evaluator", "list"]);
    assert!(
        list.stdout.contains("\nfile_exists(path)\n"),
        "{}",
        list.stdout
    );
    let one = sandbox.run(&["evaluator", "list", "file_exists"]);
    assert!(
        one.stdout
            .contains("    file_exists('/etc/passwd') → True\n"),
        "{}",
        one.stdout
    );
    sandbox.check(
        "evaluator list file_exist",
        64,
        "",
        "error: there is no function `file_exist`\n hint: did you mean `file_exists`?\n",
    );
}
