//! What a wrong command line is answered with.

use crate::sandbox::Sandbox;

/// Calls the program wrongly, and expects exit code 64, nothing on stdout, and this advice.
#[track_caller]
fn refuses(line: &str, advice: &str) {
    Sandbox::new().check(line, 64, "", advice);
}

#[test]
fn an_unknown_command_gets_the_nearest_one_as_a_hint() {
    refuses(
        "agnet",
        "error: there is no command `agnet`\n hint: did you mean `opsbro agent`?\n",
    );
    refuses(
        "agent stat",
        "error: there is no command `stat`\n hint: did you mean `opsbro agent start`?\n",
    );
    refuses(
        "start",
        "error: there is no command `start`\n hint: did you mean `opsbro agent start`?\n",
    );
    refuses(
        "zebra",
        "error: there is no command `zebra`\n hint: opsbro --help lists all commands\n",
    );
}

#[test]
fn a_wrong_option_or_value_says_what_would_be_right() {
    refuses(
        "agent info --show-log",
        "error: unexpected argument '--show-log' found\n hint: did you mean `--show-logs`?\n",
    );
    refuses(
        "version -o jsn",
        "error: invalid value 'jsn' for '--output <FORM>' [possible values: text, json, yaml]\n \
         hint: did you mean `json`?\n",
    );
    refuses(
        "agent wait-initialized --timeout soon",
        "error: invalid value 'soon' for '--timeout <TIME>': `soon` is no interval: write 10, 10s, \
         5m, 1h30m or 2d\n hint: opsbro agent wait-initialized --help tells what it takes\n",
    );
    refuses(
        "token create --role reed",
        "error: invalid value 'reed' for '--role <ROLE>': did you mean read? (the roles are read, \
         operate, admin)\n hint: opsbro token create --help tells what it takes\n",
    );
}

#[test]
fn what_could_never_be_done_to_a_pack_is_wrong_usage() {
    let check = |line: &str, code: i32, expect: &str| {
        let said = Sandbox::new().run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, Some(code), "{line}: {said:?}");
        assert!(said.stderr.contains(expect), "{line}: {}", said.stderr);
    };
    check(
        "packs copy global.redis a/b",
        64,
        "cannot be the name of a pack",
    );
    check(
        "packs promote global.redis",
        64,
        "no lower level than global",
    );
    check(
        "packs delete global.redis",
        64,
        "`opsbro packs overload` brings",
    );
    check(
        "packs copy global.redis mysql",
        2,
        "`opsbro packs diff mysql`",
    );
    check("packs delete local.redis", 2, "redis is at level global");
}

#[test]
fn a_group_without_a_verb_shows_its_help_on_stderr() {
    let said = Sandbox::new().run(&["agent"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(64), ""));
    assert!(said.stderr.contains("wait-initialized"), "{}", said.stderr);
}

#[test]
fn nothing_at_all_shows_where_to_start() {
    let said = Sandbox::new().run(&[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.contains("Run the agent\n  opsbro agent start"),
        "{}",
        said.stdout
    );
}

#[test]
fn help_is_data_and_goes_to_stdout() {
    for line in [
        vec!["--help"],
        vec!["agent", "start", "--help"],
        vec!["info", "-h"],
    ] {
        let said = Sandbox::new().run(&line);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{line:?}");
        assert!(
            said.stdout.contains("\nExamples:\n  opsbro "),
            "{}",
            said.stdout
        );
    }
}
