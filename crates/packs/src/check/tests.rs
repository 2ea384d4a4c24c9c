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
    assert_eq!(
        command(&check),
        CommandLine::Shell("check -p 6768 -c 5 -w 3 -l 90  $HOME".into())
    );
    assert_eq!(
        judge(&check, &Node).output,
        "UNKNOWN: the state of this check comes from its script"
    );
}

fn command(check: &Check) -> CommandLine {
    let Method::Script(plugin) = &check.method else {
        panic!("{check:?}");
    };
    let scope = crate::Scope::new(&Node, Arc::clone(&check.home.parameters));
    plugin.fill(&scope).unwrap()
}

/// What is wrong with a check.
fn refused(fields: &str) -> Vec<String> {
    let mut files = PackFiles::new();
    let text = format!("check:\n{fields}");
    for (path, text) in [
        ("a/package.yml", "name: a"),
        ("a/parameters/p.yml", "limit: 90\nword: soon\n"),
        ("a/monitoring/x.yml", &text),
    ] {
        files.add(Level::Local, path, File::new(path, text.as_bytes()));
    }
    let registry = Registry::load(&files, None);
    let told = registry.diagnostics().iter();
    told.map(|it| format!("{}: {}", it.place.line, it.message))
        .collect()
}

#[test]
fn a_value_in_a_script_is_a_word_and_never_a_command() {
    let shell = read(
        "  script: \"check -n '$name$' -m $name$ {{parameters.limit}}\"\n  name: \"it's; rm *\"\n",
    );
    assert_eq!(
        command(&shell),
        CommandLine::Shell("check -n 'it'\\''s; rm *' -m 'it'\\''s;' rm '*' 90".into())
    );
    let plain = read(
        "  script: [check, -n, '$name$', 'l={{parameters.limit}}']\n  name: \"it's; rm *\"\n  run_as: nagios\n",
    );
    let arguments = ["check", "-n", "it's; rm *", "l=90"];
    assert_eq!(
        command(&plain),
        CommandLine::Arguments(arguments.map(str::to_owned).to_vec())
    );
    let Method::Script(plugin) = &plain.method else {
        panic!("{plain:?}");
    };
    assert_eq!(plugin.run_as.as_deref(), Some("nagios"));
}

#[test]
fn timing_may_come_from_parameters() {
    let check = read(
        "  critical_if: '1 > 2'\n  interval: 1m\n  retry_interval: '{{parameters.limit}}s'\n  attempts: '{{parameters.limit}}'\n  flapping: {begin: 50}\n",
    );
    let timing = &check.timing;
    assert_eq!(timing.interval, Duration::from_secs(60));
    assert_eq!(timing.retry_interval, Duration::from_secs(90));
    assert_eq!((timing.attempts, timing.recovery_attempts), (90, 1));
    let flapping = timing.flapping.unwrap();
    assert!((flapping.begin_pct - 50.0).abs() < 0.1 && flapping.end_pct < 34.0);
    assert_eq!(
        read("  critical_if: '1 > 2'\n  flapping: no\n")
            .timing
            .flapping,
        None
    );
    for (fields, problem) in [
        (
            "interval: '{{parameters.word}}'",
            "`soon` is no interval: write 10, 10s, 5m, 1h30m or 2d",
        ),
        (
            "attempts: 0",
            "`attempts` wants a whole number from 1 on, not `0`",
        ),
        (
            "attempts: '{{parameters.word}}'",
            "`attempts` wants a whole number from 1 on, and the parameter is `soon`",
        ),
        (
            "attempts: '{{collector.x}}'",
            "`attempts`: collector.x is not known while packs are read",
        ),
        (
            "flapping: {begin: 20, end: 30}",
            "flapping ends at 30 % and begins at 20 %",
        ),
        ("flapping: {start: 20}", "`flapping` has no key `start`"),
    ] {
        let told = refused(&format!("  critical_if: '1 > 2'\n  {fields}\n"));
        assert_eq!(told, [format!("3: {problem}")], "{fields}");
    }
}

#[test]
fn a_value_has_no_place_in_backticks() {
    for wrong in [
        "echo `echo {{parameters.limit}}`",
        "echo \"OK `echo $word$`\"",
        "echo `date` {{parameters.limit}}",
    ] {
        let told = refused(&format!("  script: '{wrong}'\n  word: x\n"));
        let expect = "2: a value cannot stand in backticks, nor behind them";
        assert_eq!(told, [expect], "{wrong}");
    }
    for right in [
        "echo {{parameters.limit}} `date`",
        "echo $(echo {{parameters.limit}})",
    ] {
        let told = refused(&format!("  script: '{right}'\n"));
        assert!(told.is_empty(), "{right}: {told:?}");
    }
}

#[test]
fn a_check_judges_in_one_way() {
    let both = refused("  critical_if: '1 > 2'\n  push: {}\n");
    assert_eq!(
        both,
        ["1: the check judges in several ways: push, critical_if or warning_if"]
    );
    let each = refused("  script: x\n  for_each: '[1]'\n");
    assert_eq!(each, ["3: a script cannot have `for_each`"]);
    // The original let the conditions win.
    let original = read("  critical_if: '1 > 2'\n  script: x\n");
    assert!(matches!(original.method, Method::Conditions(_)));
}

#[test]
fn a_probe_knows_its_keys() {
    let check = read(
        "  probe: {http: {url: 'http://{{item}}/', status: [200, 3xx], slow_warning: 500ms}}\n  for_each: \"['a']\"\n",
    );
    let Method::Probe(probe) = &check.method else {
        panic!("{check:?}");
    };
    let scope = crate::Scope::new(&Node, Arc::clone(&check.home.parameters));
    let options = probe.fill(&scope.with_item(Value::from("a"))).unwrap();
    assert_eq!(options["url"], Value::from("http://a/"));
    for (fields, problem) in [
        ("{http: {}}", "the probe `http` has no `url`"),
        (
            "{http: {url: x, stauts: 200}}",
            "a key of the probe `http` cannot be `stauts`",
        ),
        (
            "{http: {url: x, status: 20}}",
            "`status` wants status codes: 200, 2xx, 200-299 or a list of those, not `20`",
        ),
        ("{htp: {url: x}}", "a probe cannot be `htp`"),
        (
            "{tcp: {address: x, regexp: '('}}",
            "`regexp` wants a regular expression, not `(`",
        ),
        ("x", "a probe is one key: its kind"),
    ] {
        let told = refused(&format!("  probe: {fields}\n"));
        assert_eq!(told, [format!("2: {problem}")], "{fields}");
    }
}

#[test]
fn an_aggregate_waits_for_nodes_that_were_not_judged_yet() {
    struct Two([CheckState; 2]);
    impl Env for Two {
        fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
            Err(Unknown::new(reference.to_string()))
        }

        fn fleet(&self, _group: Option<&str>) -> Result<expr::Fleet, Unknown> {
            let members = self.0.iter().zip(["one", "two"]);
            let member = |(state, name): (&CheckState, &str)| expr::Member {
                name: Arc::from(name),
                id: Arc::from(name),
                zone: Arc::from("internet"),
                age: Some(Duration::ZERO),
                checks: Arc::new([(Arc::from("a/http"), *state)].into()),
            };
            Ok(expr::Fleet {
                members: members.map(member).collect(),
            })
        }
    }
    use CheckState::{Critical, Ok as Well, Pending};
    for (states, at_least, expect) in [
        ([Pending, Pending], 1, Pending),
        ([Pending, Pending], 3, Pending),
        ([Well, Pending], 1, Well),
        ([Well, Pending], 2, Pending),
        ([Critical, Pending], 1, Pending),
        ([Critical, Pending], 2, Critical),
        ([Critical, Critical], 1, Critical),
    ] {
        let fields = format!("  aggregate: {{group: web, check: http, at_least: {at_least}}}\n");
        let verdict = judge(&read(&fields), &Two(states));
        assert_eq!(verdict.state, expect, "{states:?} {at_least}");
    }
}

#[test]
fn an_aggregate_counts_the_nodes_that_are_ok() {
    struct Three(Option<u64>);
    impl Env for Three {
        fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
            Err(Unknown::new(reference.to_string()))
        }

        fn fleet(&self, _group: Option<&str>) -> Result<expr::Fleet, Unknown> {
            let member = |name: &str, age: Option<u64>, state| expr::Member {
                name: Arc::from(name),
                id: Arc::from(name),
                zone: Arc::from("internet"),
                age: age.map(Duration::from_secs),
                checks: Arc::new([(Arc::from("a/http"), state)].into()),
            };
            Ok(expr::Fleet {
                members: vec![
                    member("one", Some(0), CheckState::Ok),
                    member("two", Some(8), CheckState::Critical),
                    member("three", self.0, CheckState::Ok),
                ],
            })
        }
    }
    let judged = |fields: &str, age| {
        let verdict = judge(
            &read(&format!("  aggregate: {{group: web, {fields}}}\n")),
            &Three(age),
        );
        (verdict.state, verdict.output)
    };
    assert_eq!(
        judged("check: http, at_least: 2", Some(3)),
        (
            CheckState::Ok,
            "OK: 2 of 3 nodes of web are OK at a/http, at least 2 wanted; not: two CRITICAL (3 of 3 nodes, oldest 8 s)".into()
        )
    );
    assert_eq!(
        judged("check: http, at_least: 60%", Some(3)).0,
        CheckState::Ok
    );
    assert_eq!(
        judged("check: http, at_least: 70%", Some(3)).0,
        CheckState::Critical
    );
    assert_eq!(
        judged("check: http, at_least: 1, warning_below: 100%", Some(3)).0,
        CheckState::Warning
    );
    assert_eq!(judged("at_least: 3", Some(3)).0, CheckState::Ok);
    assert_eq!(judged("check: http, at_least: 1", None).0, CheckState::Ok);
    assert_eq!(
        judged("check: http, at_least: 1, min_coverage: 80%", None).0,
        CheckState::Unknown
    );
}
