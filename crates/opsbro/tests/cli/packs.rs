//! `opsbro packs …` on the files of a machine and of a user.

use serde_json::Value;

use crate::sandbox::Sandbox;

const LEVEL_LOCAL: &str = "var/lib/local-configuration/packs";

#[test]
fn the_packs_inside_the_program_are_listed_shown_clean_and_pass_their_cases() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(&["packs", "list"]);
    assert!(list.stdout.contains("▒ global  > redis"), "{}", list.stdout);
    let list = sandbox.run(&["packs", "list", "-o", "json"]).json();
    assert_eq!(list["global"]["redis"]["in_use"], true);
    let show = sandbox
        .run(&["packs", "show", "redis", "-o", "json"])
        .json();
    assert_eq!(show[0]["parameters"]["port"]["value"], 6379);
    let lint = sandbox.run(&["packs", "lint", "-o", "json"]);
    assert_eq!(
        (lint.code, &lint.json()["errors"]),
        (Some(0), &Value::Array(vec![]))
    );
    let test = sandbox.run(&["packs", "test", "-o", "json"]);
    assert_eq!(
        (test.code, &test.json()["failed"]),
        (Some(0), &Value::from(0)),
        "{test:?}"
    );
}

#[test]
fn a_broken_pack_is_told_by_file_line_and_column() {
    let sandbox = Sandbox::new()
        .with("mine/shop/package.yml", "name: shop\n")
        .with(
            "mine/shop/monitoring/till.yml",
            "check:\n  intervall: 10s\n  critical_if: \"1 +\"\n",
        );
    let folder = sandbox.path().join("mine");
    let lint = sandbox.run(&["packs", "lint", folder.to_str().unwrap(), "-o", "json"]);
    assert_eq!(lint.code, Some(1), "{lint:?}");
    let report = lint.json();
    assert_eq!(
        (&report["packs"], &report["errors"][0]["line"]),
        (&1.into(), &3.into()),
        "{report}"
    );
    assert_eq!(
        report["errors"][0]["file"],
        "ROOT/mine/shop/monitoring/till.yml"
    );
    let text = sandbox.run(&["packs", "lint", folder.to_str().unwrap()]);
    assert!(text.stdout.contains("till.yml:3:"), "{}", text.stdout);
    let strict = sandbox.run(&["packs", "lint", "--strict", "/nowhere"]);
    assert_eq!(strict.code, Some(1), "{strict:?}");
    assert!(
        strict.stdout.contains("there is no such folder"),
        "{}",
        strict.stdout
    );
}

#[test]
fn a_pack_is_overloaded_changed_compared_and_removed() {
    let sandbox = Sandbox::new();
    sandbox.check(
        "packs overload global.statsd --to-local --dry-run",
        0,
        &format!(
            "Nothing is changed. This would be:\n  write ROOT/{LEVEL_LOCAL}/statsd/package.yml\n  \
             write ROOT/{LEVEL_LOCAL}/statsd/parameters/parameters.yml\n"
        ),
        "",
    );
    assert!(!sandbox.path().join(LEVEL_LOCAL).exists());
    assert_eq!(
        sandbox.run(&["packs", "overload", "global.statsd"]).code,
        Some(0)
    );
    sandbox.check(
        "packs parameters set local.statsd.port 8126",
        0,
        "OK: SET local.statsd.port → 8126\n",
        "",
    );
    let below = sandbox.run(&["packs", "parameters", "set", "global.statsd.port", "8127"]);
    assert!(
        below
            .stdout
            .ends_with("‼ It has no effect: hidden by level local\n"),
        "{below:?}"
    );
    sandbox.run(&["packs", "delete", "global.statsd"]);
    let diff = sandbox.run(&["packs", "diff", "statsd"]);
    assert_eq!(diff.code, Some(1), "{diff:?}");
    assert!(
        diff.stdout.contains("\n-port: 8125\n+port: 8126\n"),
        "{}",
        diff.stdout
    );
    assert_eq!(
        sandbox.run(&["packs", "delete", "local.statsd"]).code,
        Some(0)
    );
    assert!(!sandbox.path().join(LEVEL_LOCAL).join("statsd").exists());
}

#[test]
fn one_field_is_changed_by_an_overlay() {
    let sandbox = Sandbox::new();
    sandbox.check(
        "packs parameters set local.redis.port 6380",
        2,
        "",
        "error: there is no pack local.redis; redis is at level global\n hint: make one that changes \
         single fields: opsbro packs overload global.redis --to-level local --overlay\n",
    );
    let overload = "packs overload global.redis --to-level local --overlay";
    assert_eq!(
        sandbox.run(&overload.split(' ').collect::<Vec<_>>()).code,
        Some(0)
    );
    assert_eq!(
        sandbox
            .run(&["packs", "parameters", "set", "local.redis.port", "6380"])
            .code,
        Some(0)
    );
    let show = sandbox
        .run(&["packs", "show", "redis", "-o", "json"])
        .json();
    assert_eq!(show[0]["parameters"]["port"]["value"], 6380, "{show}");
    assert_eq!(
        show[0]["parameters"]["server"]["value"], "127.0.0.1",
        "the rest stays: {show}"
    );
    sandbox.check(
        "packs parameters set local.redis.port 99999",
        64,
        "",
        "error: `port` must be at most 65535\n hint: opsbro packs show PACK lists its parameters \
         with their types\n",
    );
}

#[test]
fn a_secret_is_never_said() {
    let sandbox = Sandbox::new()
        .with(
            &format!("{LEVEL_LOCAL}/bank/package.yml"),
            "name: bank\nparameters:\n  pin: {type: text, secret: true}\n",
        )
        .with(
            &format!("{LEVEL_LOCAL}/bank/parameters/parameters.yml"),
            "pin: hunter2\n",
        );
    for line in [
        "packs parameters get local.bank.pin",
        "packs show bank",
        "packs show bank -o yaml",
        "packs parameters set local.bank.pin hunter22",
        "packs list -o json",
    ] {
        let said = sandbox.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, Some(0), "{line}: {said:?}");
        assert!(!format!("{said:?}").contains("hunter"), "{line}: {said:?}");
    }
    let file = sandbox.read(&format!("{LEVEL_LOCAL}/bank/parameters/parameters.yml"));
    assert_eq!(
        file.matches("hunter22").count(),
        1,
        "not in the trail: {file}"
    );
}

#[test]
fn the_shipped_packs_are_written_out_once_and_never_over_a_change() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("out");
    let export = [
        "packs",
        "export",
        folder.to_str().unwrap(),
        "--pack",
        "statsd",
    ];
    assert_eq!(sandbox.run(&export).code, Some(0));
    assert!(
        sandbox
            .read("out/global/statsd/package.yml")
            .contains("name: statsd")
    );
    assert_eq!(sandbox.run(&export).stdout, "√ wrote 0 files to ROOT/out\n");
    let sandbox = sandbox.with("out/global/statsd/package.yml", "name: mine\n");
    let said = sandbox.run(&export);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(
        sandbox.read("out/global/statsd/package.yml"),
        "name: mine\n"
    );
}
