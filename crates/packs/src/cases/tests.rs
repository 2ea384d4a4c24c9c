//! Cases are read, run and reported.

use crate::files::{File, PackFiles};

use super::*;

const PACK: &[(&str, &str)] = &[
    ("package.yml", "name: mine\n"),
    (
        "parameters/parameters.yml",
        "limit: 95\nserver: localhost\n",
    ),
    (
        "monitoring/disk.yml",
        "check:\n  variables: {used: '{{collector.diskusage./.pct_used}}'}\n  critical_if: '{{variables.used}} > {{parameters.limit}}'\n  critical_output: \"'/ is at %d%%' % {{variables.used}}\"\n",
    ),
    (
        "monitoring/each.yml",
        "check:\n  for_each: '{{collector.diskusage}}'\n  warning_if: '{{item.value.pct_used}} > 50'\n  warning_output: \"'%s is full' % {{item.key}}\"\n",
    ),
    (
        "detectors/redis.yml",
        "detector:\n  apply_if: \"file_exists('/etc/redis.conf')\"\n  add_groups: [redis]\n",
    ),
    (
        "compliance/c.yml",
        "compliance:\n  name: passwd\n  verify_if: \"is_in_group('linux')\"\n  rule: {type: file-rights, parameters: {file: /etc/passwd}}\n",
    ),
];

fn outcomes(cases: &str) -> Outcomes {
    let mut files = PackFiles::new();
    for (path, text) in PACK {
        let file = File::new(*path, text.as_bytes());
        files.add(model::Level::Global, &format!("mine/{path}"), file);
    }
    let file = File::new("c.txt", cases.as_bytes());
    files.add(model::Level::Global, "mine/cases/c.txt", file);
    run(&files, &Registry::load(&files, None))
}

/// Runs the cases and tells everything that is wrong.
fn check(cases: &str, expect: &[&str]) {
    let outcomes = outcomes(cases);
    let failures = outcomes.cases.iter().flat_map(|case| &case.failures);
    let told: Vec<String> = outcomes
        .diagnostics
        .iter()
        .chain(failures)
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, expect);
}

#[test]
fn lines_that_cannot_be_read_are_told() {
    check(
        "given groups a\ncase: x\ngvien groups a\nsomething\ngiven x\ngiven other.x = 1\ngiven collector.a = [1\nexpect check disk BAD\nexpect nothing\ngiven elapsed = soon\n",
        &[
            "c.txt:1:1: error: a line stands before the first case (write `case: …` above it)",
            "c.txt:3:1: error: a line cannot begin with `gvien` (did you mean `given`?)",
            "c.txt:4:1: error: a line cannot begin with `something` (a line begins with `case:`, `given`, `expect` or `#`)",
            "c.txt:5:1: error: `given x` is not understood (one of: given collector.PATH = VALUE (also node, configuration, parameters); given groups NAME NAME …; given static groups NAME …; given FUNCTION(ARGUMENTS) = VALUE; given failure COLLECTOR = REASON; given raw COLLECTOR = VALUE; given previous COLLECTOR = VALUE; given elapsed = INTERVAL)",
            "c.txt:6:1: error: `given other.x = 1` is not understood (one of: given collector.PATH = VALUE (also node, configuration, parameters); given groups NAME NAME …; given static groups NAME …; given FUNCTION(ARGUMENTS) = VALUE; given failure COLLECTOR = REASON; given raw COLLECTOR = VALUE; given previous COLLECTOR = VALUE; given elapsed = INTERVAL)",
            "c.txt:7:1: error: the value cannot be read: a list `[` is not closed (close it with `]`, and separate its items by `,`)",
            "c.txt:8:1: error: `BAD` is no state (one of: OK, WARNING, CRITICAL, UNKNOWN, PENDING)",
            "c.txt:9:1: error: `expect nothing` is not understood (one of: expect check NAME STATE \"TEXT\" …; expect groups NAME …; expect no groups NAME …; expect compliance NAME applies (or: does not apply); expect generator NAME applies (or: does not apply); expect handler NAME gets CHECK STATE (or: does not get); expect dashboard NAME; expect collector NAME KEY = VALUE)",
            "c.txt:10:1: error: `soon` is no interval: write 10, 10s, 5m, 1h30m or 2d (as `given elapsed = 10s`)",
            "c.txt:2:1: warning: the case `x` expects nothing",
        ],
    );
}

#[test]
fn names_that_are_nowhere_are_told_with_the_likely_one() {
    check(
        "case: x\nexpect check dsik OK\nexpect generator g applies\n",
        &[
            "c.txt:2:1: error: the pack has no check `dsik` (did you mean `disk`?)",
            "c.txt:3:1: error: the pack has no generator `g`",
        ],
    );
}

#[test]
fn facts_are_given_and_expectations_hold() {
    check(
        r#"
        # Comments and indentation are free.
        case: a full disk is critical
        given collector.diskusage./.pct_used = 97
        given collector.diskusage."/srv".pct_used = 10
        given groups linux, kv
        given file_exists('/etc/redis.conf') = true
        expect check disk CRITICAL "97%"
        expect check each[/] WARNING "/ is full"
        expect check each[/srv] OK
        expect groups redis linux
        expect no groups windows
        expect compliance passwd applies

        case: nothing is known
        expect check disk UNKNOWN "collector.diskusage./.pct_used is missing"
        expect compliance passwd does not apply
        expect no groups redis

        case: another limit
        given collector.diskusage./.pct_used = 97
        given parameters.limit = 98
        expect check disk OK
        "#,
        &[],
    );
}

#[test]
fn what_is_not_as_expected_is_told_with_what_is() {
    check(
        "case: x\ngiven collector.diskusage./.pct_used = 97\ngiven file_exists('/etc/redis.conf') = false\nexpect check disk OK\nexpect check disk CRITICAL full\nexpect check each[/x] OK\nexpect groups redis\nexpect compliance passwd applies\n",
        &[
            "c.txt:4:1: error: the check disk is CRITICAL, expected: OK (it says: / is at 97%)",
            "c.txt:5:1: error: the output of disk does not hold `full` (it says: / is at 97%)",
            "c.txt:6:1: error: the check each has no item `/x` (it has: /)",
            "c.txt:7:1: error: missing: redis (the groups are: )",
            "c.txt:8:1: error: passwd does not apply, expected: applies",
        ],
    );
    check(
        "case: x\ngiven len('abc') = 3\ngiven file_exist('/x') = true\nexpect groups redis\n",
        &[
            "c.txt:2:1: error: `len('abc')` asks nothing of the machine, so nothing can be given for it",
            "c.txt:3:1: error: there is no function `file_exist`",
            "c.txt:4:1: error: missing: redis (the groups are: ; redis: the case does not say what file_exists gives)",
        ],
    );
}
