//! From the text of a check and given facts to a verdict.

use std::sync::Arc;

use expr::{Env, Reference, Root, Unknown};
use model::{CheckState, Level, Value};

use super::*;
use crate::files::{File, PackFiles};
use crate::registry::Registry;

/// A node on which one disk is full and one collector is missing.
struct Node;

impl Env for Node {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        let disk = |used: i64| Value::map([("pct_used", Value::Int(used))]);
        let tree = Value::map([
            ("disks", Value::map([("/", disk(97)), ("/srv", disk(10))])),
            ("names", Value::list([Value::from("a"), Value::from("b")])),
            ("load", Value::Float(1.5)),
        ]);
        match (reference.root, reference.first()) {
            (Root::Collector, Some("redis")) => {
                Err(Unknown::new("redis: NOT-ELIGIBLE, add the group redis"))
            }
            (Root::Collector, _) => reference.walk(&tree),
            (Root::Configuration, Some("port")) => Ok(Value::Int(6768)),
            _ => Err(Unknown::new(format!("{reference} is missing"))),
        }
    }
}

fn read(fields: &str) -> Arc<Check> {
    let mut files = PackFiles::new();
    for (path, text) in [
        ("a/package.yml", "name: a".to_owned()),
        (
            "a/parameters/p.yml",
            "limit: 90\npassword: hunter2\n".to_owned(),
        ),
        ("a/monitoring/x.yml", format!("check:\n{fields}")),
    ] {
        files.add(Level::Local, path, File::new(path, text.into_bytes()));
    }
    let registry = Registry::load(&files, None);
    let told: Vec<String> = registry
        .diagnostics()
        .iter()
        .map(|it| it.render())
        .collect();
    let check = registry.checks().next().cloned();
    check.unwrap_or_else(|| panic!("{told:?}"))
}

fn check(fields: &str, state: CheckState, output: &str) {
    let verdict = judge(&read(fields), &Node);
    assert_eq!((verdict.state, verdict.output.as_str()), (state, output));
}

#[test]
fn the_worst_condition_that_holds_decides() {
    let fields = |used: i64| {
        format!(
            "  variables: {{used: '{used}'}}\n  critical_if: '{{{{variables.used}}}} > {{{{parameters.limit}}}}'\n  warning_if: '{{{{variables.used}}}} > 80'\n  ok_output: \"'fine'\"\n  warning_output: \"'%d%%' % {{{{variables.used}}}}\"\n"
        )
    };
    check(&fields(50), CheckState::Ok, "fine");
    check(&fields(85), CheckState::Warning, "85%");
    check(&fields(95), CheckState::Critical, "CRITICAL: x");
}

#[test]
fn what_is_missing_is_unknown_with_the_reason() {
    check(
        "  critical_if: '{{collector.redis.x}} > 1'\n",
        CheckState::Unknown,
        "UNKNOWN: critical_if: redis: NOT-ELIGIBLE, add the group redis",
    );
    check(
        "  critical_if: '{{parameters.password}} == 1'\n",
        CheckState::Unknown,
        "UNKNOWN: critical_if: parameters.password is a secret, which only the sources of collectors and handlers may use",
    );
    // An unknown variable matters only to who uses it.
    check(
        "  variables: {gone: '{{collector.redis.x}}', here: '1'}\n  critical_if: '{{variables.here}} > 5'\n",
        CheckState::Ok,
        "OK: x",
    );
    check(
        "  critical_if: '1 > 0'\n  critical_output: '{{collector.redis.x}}'\n",
        CheckState::Critical,
        "CRITICAL: x (critical_output: redis: NOT-ELIGIBLE, add the group redis)",
    );
}

#[test]
fn a_failing_expression_is_unknown_with_its_place() {
    let verdict = judge(
        &read("  critical_if: >-\n    1 > 0 and\n    {{collector.names}} > 3\n"),
        &Node,
    );
    assert_eq!(verdict.state, CheckState::Unknown);
    assert!(
        verdict
            .output
            .starts_with("UNKNOWN: critical_if: a/monitoring/x.yml:4:"),
        "{}",
        verdict.output
    );
}

#[test]
fn for_each_judges_every_item_by_itself() {
    let disks = read(
        "  for_each: '{{collector.disks}}'\n  critical_if: '{{item.value.pct_used}} > {{parameters.limit}}'\n  critical_output: \"'%s is full' % {{item.key}}\"\n",
    );
    let told: Vec<String> = instances(&disks, &Node)
        .unwrap()
        .iter()
        .map(|it| format!("{}: {}", it.name, judge_item(&disks, it, &Node).output))
        .collect();
    assert_eq!(told, ["/: / is full", "/srv: OK: x"]);
    let names = read("  for_each: '{{collector.names}}'\n  critical_if: \"{{item}} == 'b'\"\n");
    let states: Vec<CheckState> = instances(&names, &Node)
        .unwrap()
        .iter()
        .map(|it| judge_item(&names, it, &Node).state)
        .collect();
    assert_eq!(states, [CheckState::Ok, CheckState::Critical]);
    let odd = read("  for_each: '5'\n  critical_if: '1 > 2'\n");
    assert_eq!(
        instances(&odd, &Node).unwrap_err().output,
        "UNKNOWN: for_each gives one integer, and a list or map is wanted"
    );
}

#[test]
fn a_script_gets_its_macros_and_parameters() {
    let check = read(
        "  script: \"check -p $port$ -c $load.critical$ -w $load.x | load.warning$ -l {{parameters.limit}} $nothing$ $HOME\"\n  load: {critical: 5, warning: 3}\n",
    );
    let Method::Script(line) = &check.method else {
        panic!("{check:?}");
    };
    let scope = crate::Scope::new(&Node, Arc::clone(&check.home.parameters));
    assert_eq!(
        line.fill(&scope).unwrap(),
        "check -p 6768 -c 5 -w 3 -l 90  $HOME"
    );
    assert_eq!(
        judge(&check, &Node).output,
        "UNKNOWN: the state of this check comes from its script"
    );
}
