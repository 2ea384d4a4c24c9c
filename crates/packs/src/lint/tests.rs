//! What a pack can get wrong, and what it is told.

use crate::files::{File, PackFiles};

use super::*;

/// Lints one pack `mine`, given as (path, text), and compares what it is told.
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let mut tree = PackFiles::new();
    tree.add(
        model::Level::Global,
        "mine/package.yml",
        File::new("package.yml", b"name: mine\n".as_slice()),
    );
    for (path, text) in files {
        let file = File::new(*path, text.as_bytes());
        tree.add(model::Level::Global, &format!("mine/{path}"), file);
    }
    let lint = lint(&tree, None);
    let told: Vec<String> = lint.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(told, expect);
}

#[test]
fn files_that_nothing_reads_are_told_with_the_likely_name() {
    check(
        &[
            ("detector/a.yml", "detector:\n"),
            ("detectors/b.yaml", ""),
            ("collectors/collector_c.py", ""),
            ("monitoring/d.yml", "chekc:\n  x: 1\n"),
            ("module/module.py", ""),
            ("README.md", ""),
            ("notes.doc", ""),
            ("generators/templates/unused.conf", ""),
            ("cases/case.yml", ""),
        ],
        &[
            "cases/case.yml:1:1: warning: nothing reads this file (its name must end in .txt)",
            "collectors/collector_c.py:1:1: warning: nothing reads this file (code in Python is not run: write a .yml file instead)",
            "detector/a.yml:1:1: warning: nothing reads files of the folder `detector` (did you mean the folder `detectors`?)",
            "detectors/b.yaml:1:1: warning: nothing reads this file (its name must end in .yml)",
            "generators/templates/unused.conf:1:1: warning: no generator uses this template (remove it)",
            "module/module.py:1:1: warning: nothing reads files of the folder `module` (code in Python is not run: write a .yml file instead)",
            "monitoring/d.yml:1:1: warning: nothing reads the key `chekc` (did you mean `check`?)",
            "notes.doc:1:1: warning: nothing reads this file (remove it)",
        ],
    );
}

#[test]
fn files_that_hold_no_object_are_told() {
    check(
        &[
            ("detectors/empty.yml", ""),
            ("monitoring/bare.yml", "check:\n"),
            ("monitoring/list.yml", "- a\n"),
            ("monitoring/remark.yml", "# later\n"),
            ("monitoring/text.yml", "just text\n"),
        ],
        &[
            "detectors/empty.yml:1:1: warning: nothing in this file is read (write `detector:` and its keys below)",
            "monitoring/bare.yml:1:6: error: `check` wants keys with values, not nothing (write `key: value` lines, indented below it)",
            "monitoring/list.yml:1:1: warning: nothing in this file is read (write `check:` or `service:` and its keys below)",
            "monitoring/remark.yml:1:1: warning: nothing in this file is read (write `check:` or `service:` and its keys below)",
            "monitoring/text.yml:1:1: warning: nothing in this file is read (write `check:` or `service:` and its keys below)",
        ],
    );
}

#[test]
fn a_variable_sees_those_above_it() {
    check(
        &[(
            "monitoring/a.yml",
            "check:\n  variables:\n    a: '{{variables.b}}'\n    b: '2'\n    c: '{{variables.b}}'\n    d: '{{variables.d}}'\n  warning_if: '{{variables.a}} > 1'\n",
        )],
        &[
            "monitoring/a.yml:3:9: error: the variable `b` is not there yet (variables are evaluated in order: write it above the one that uses it)",
            "monitoring/a.yml:6:9: error: the variable `d` is not there yet (variables are evaluated in order: write it above the one that uses it)",
        ],
    );
}

#[test]
fn groups_are_spelled_like_groups_and_given_by_somebody() {
    check(
        &[
            (
                "detectors/a.yml",
                "detector:\n  apply_if: 'True'\n  add_groups: [\"web server\", webserver, \"a,b::\"]\n",
            ),
            (
                "monitoring/c.yml",
                "check:\n  if_group: webserver1\n  script: x\n",
            ),
            (
                "monitoring/d.yml",
                "check:\n  if_group: byhand\n  script: x\n",
            ),
            (
                "monitoring/e.yml",
                "check:\n  if_group: byhand & !(webservr | other)\n  script: x\n",
            ),
            (
                "monitoring/f.yml",
                "check:\n  if_group: \"linux and redis\"\n  script: x\n",
            ),
        ],
        &[
            "detectors/a.yml:3:16: error: `web server` is no group: a group name may hold letters, digits and . _ - : + @ /, not ' '",
            "detectors/a.yml:3:41: error: `b::` is no group: a group name (or what follows its `::`) is empty",
            "monitoring/c.yml:1:1: warning: `if_group: webserver1`: nothing gives the group webserver1 (did you mean `webserver`? A group given by hand is fine)",
            "monitoring/e.yml:1:1: warning: `if_group: byhand & !(webservr | other)`: nothing gives the group webservr (did you mean `webserver`? A group given by hand is fine)",
            "monitoring/f.yml:2:20: error: `if_group`: `and` is no sign here (write `&`)",
        ],
    );
}

#[test]
fn expressions_that_fail_whatever_the_world_is_like_are_told() {
    let lines = [
        "check:",
        "  critical_if: 1 / 0 > 1",
        "  warning_if: \"'a' > {{parameters.limit}}\"",
        "  ok_output: \"'fine'\"",
        "  if_group: linux",
        "  variables:",
        "    late: \"{{collector.memory.memtotal}} / 0\"",
        "",
    ];
    check(
        &[
            ("parameters/parameters.yml", "limit: 3\n"),
            ("monitoring/wrong.yml", &lines.join("\n")),
        ],
        &[
            "monitoring/wrong.yml:2:16: error: division by zero",
            "monitoring/wrong.yml:3:16: error: text 'a' and integer 3 cannot be ordered \
             (to_float(…) makes a number of the text)",
        ],
    );
}

#[test]
fn a_collector_names_what_is_built_in_and_takes_its_place_knowingly() {
    check(
        &[
            (
                "collectors/a.yml",
                "collector:\n  source: {native: memroy}\n",
            ),
            (
                "collectors/docker.yml",
                "collector:\n  source: {native: {name: docker, options: {socket: /s}}}\n",
            ),
            (
                "collectors/memory.yml",
                "collector:\n  source: {file: /proc/loadavg}\n",
            ),
        ],
        &[
            "collectors/a.yml:1:1: error: no collector `memroy` is built in (did you mean `native: memory`?)",
            "collectors/memory.yml:1:1: warning: this takes the place of the built-in collector `memory` (if that is not meant, give it another `name`)",
        ],
    );
}

#[test]
fn a_command_is_what_its_author_wrote_and_shows_no_secret() {
    let package = "name: mine\nparameters:\n  who: {type: text, default: x}\n  \
                   login: {type: text, default: x, secret: true}\n";
    let collector = |command: &str| format!("collector:\n  source:\n    command: {command}\n");
    let told = |command: &str| {
        let mut tree = PackFiles::new();
        let text = collector(command);
        for (path, text) in [("package.yml", package), ("collectors/own.yml", &text)] {
            let file = File::new(path, text.as_bytes());
            tree.add(model::Level::Global, &format!("mine/{path}"), file);
        }
        let lint = lint(&tree, None);
        let told = lint.diagnostics.iter().map(ToString::to_string);
        told.collect::<Vec<_>>().join("\n")
    };
    for wrong in [
        "{shell: 'echo {{collector.own.raw}}'}",
        "{shell: 'echo {{parameters.who}}'}",
        "{shell: 'echo \"{{parameters.login}}\"', environment: {A: b}}",
    ] {
        let told = told(wrong);
        assert!(
            told.contains("a line for the shell cannot hold"),
            "{wrong}: {told}"
        );
    }
    let measured = told("[echo, '{{collector.own.raw}}']");
    assert!(measured.contains("is no parameter"), "{measured}");
    let shown = told("{run: [echo, '{{parameters.login}}']}");
    assert!(shown.contains("others can read arguments"), "{shown}");
    for right in [
        "{shell: 'echo \"$WHO\"', environment: {WHO: '{{parameters.login}}'}}",
        "[echo, '{{parameters.who}}']",
    ] {
        assert_eq!(told(right), "", "{right}");
    }
}

#[test]
fn checks_that_depend_on_each_other_are_told_once_for_each_circle() {
    let on = |names: &str| format!("check:\n  critical_if: 'False'\n  depends_on: [{names}]\n");
    check(
        &[
            ("monitoring/a.yml", &on("mine/b")),
            ("monitoring/b.yml", &on("c")),
            ("monitoring/c.yml", &on("a, top")),
            ("monitoring/itself.yml", &on("itself")),
            ("monitoring/leaf.yml", &on("a")),
            ("monitoring/top.yml", "check:\n  critical_if: 'False'\n"),
        ],
        &[
            "monitoring/a.yml:1:1: error: `depends_on` goes in a circle: mine/a → mine/b → mine/c → mine/a (none of them explains the others: remove one step)",
            "monitoring/itself.yml:1:1: error: `depends_on`: mine/itself depends on itself (none of them explains the others: remove one step)",
        ],
    );
}
