//! Levels, overlays, reloads: which version of what is in use, and what is told.

use crate::files::{File, PackFiles};
use crate::levels::Role;
use crate::parameters::Content;

use super::*;

/// Makes a tree of `level/pack/path` and text.
fn tree(files: &[(&str, &str)]) -> PackFiles {
    let mut tree = PackFiles::new();
    for (path, text) in files {
        let (level, below) = path.split_once('/').unwrap();
        let level = Level::parse(level).unwrap();
        tree.add(level, below, File::new(*path, text.as_bytes()));
    }
    tree
}

fn check_of(interval: &str) -> String {
    format!("check:\n  interval: {interval}\n  critical_if: 'True'\n  notes: below\n")
}

/// Tells the checks in use: id, level, interval, notes.
fn checks(registry: &Registry) -> Vec<String> {
    let show = |check: &Arc<Check>| {
        format!(
            "{} {} {}s {}",
            check.id,
            check.home.level,
            check.timing.interval.as_secs(),
            check.notes.as_deref().unwrap_or("-")
        )
    };
    registry.checks().map(show).collect()
}

fn told(registry: &Registry) -> Vec<String> {
    let diagnostics = registry.diagnostics().iter();
    diagnostics.map(ToString::to_string).collect()
}

#[test]
fn the_highest_level_of_a_name_counts_as_a_whole() {
    let registry = Registry::load(
        &tree(&[
            ("core/a/package.yml", "name: a"),
            ("core/a/monitoring/x.yml", &check_of("10s")),
            ("core/a/monitoring/y.yml", &check_of("10s")),
            // The name counts, not the folder.
            ("local/mine/package.yml", "name: a"),
            ("local/mine/monitoring/x.yml", &check_of("20s")),
            ("global/b/package.yml", "name: b"),
        ]),
        None,
    );
    assert_eq!(checks(&registry), ["a/x local 20s below"]);
    let roles: Vec<(&str, Role)> = registry
        .standings()
        .iter()
        .map(|standing| (&*standing.folder, standing.role))
        .collect();
    assert_eq!(
        roles,
        [
            ("a", Role::Hidden { by: Level::Local }),
            ("mine", Role::Wins),
            ("b", Role::Wins),
        ]
    );
    assert_eq!(told(&registry), [""; 0]);
}

#[test]
fn an_overlay_changes_fields_and_keeps_the_rest() {
    let registry = Registry::load(
        &tree(&[
            ("core/a/package.yml", "name: a\ntopics: [monitoring]"),
            ("core/a/monitoring/x.yml", &check_of("10s")),
            ("core/a/monitoring/y.yml", &check_of("10s")),
            (
                "core/a/parameters/p.yml",
                "low: 1\nhigh: 2\nmap: {a: 1, b: 2}\n",
            ),
            ("zone/a/package.yml", "name: a\noverlay: true"),
            ("zone/a/monitoring/x.yml", "check: {interval: 30s}"),
            ("zone/a/parameters/p.yml", "high: 3\nmap: {b: 3}\n"),
            ("local/a/package.yml", "name: a\noverlay: yes"),
            ("local/a/monitoring/x.yml", "check: {notes: }"),
            ("local/a/monitoring/z.yml", &check_of("5s")),
        ]),
        None,
    );
    assert_eq!(told(&registry), [""; 0]);
    assert_eq!(
        checks(&registry),
        [
            "a/x local 30s -",
            "a/y core 10s below",
            "a/z local 5s below"
        ]
    );
    let pack = registry.pack("a").unwrap();
    assert_eq!(pack.package.main_topic(), model::Topic::Monitoring);
    assert_eq!(
        format!("{:?}", pack.parameters.shown()),
        format!(
            "{:?}",
            crate::yaml::parse("f", "{low: 1, high: 3, map: {a: 1, b: 3}}")
                .0
                .unwrap()
                .to_value()
        )
    );
    let roles: Vec<Role> = registry.standings().iter().map(|it| it.role).collect();
    assert_eq!(roles, [Role::Base, Role::Overlays, Role::Overlays]);
}

#[test]
fn folders_that_cannot_count_are_told() {
    let registry = Registry::load(
        &tree(&[
            ("core/a/monitoring/x.yml", ""),
            ("global/b/package.yml", "name: b"),
            ("global/c/package.yml", "name: b"),
            ("local/d/package.yml", "name: d\noverlay: true"),
            ("local/e/package.yml", "name: e e"),
            ("local/f/package.yml", ""),
            ("local/g/package.yml", "topics: [monitorin]"),
        ]),
        None,
    );
    assert_eq!(
        told(&registry),
        [
            "core/a/monitoring/x.yml:1:1: warning: the folder a of level core is no pack: it has no package.yml (write one with `name: …`)",
            "global/c/package.yml:1:1: error: the folder b of level global has the name `b` too (give one of both another name)",
            "local/d/package.yml:1:1: warning: the overlay `d` has no pack below it (remove `overlay: true`, or check the name)",
            "local/e/package.yml:1:7: error: `e e` cannot be the name of a pack (use letters, digits, `-` and `_`)",
            "local/f/package.yml:1:1: error: the file is empty (write at least `name: …`)",
            "local/g/package.yml:1:1: error: `package` has no `name`",
            "local/g/package.yml:1:10: warning: a topic cannot be `monitorin` (did you mean `monitoring`? One of: service discovery, automatic detection, monitoring, metrology, configuration automation, system compliance)",
        ]
    );
    let names: Vec<&str> = registry.packs().map(|pack| &*pack.name).collect();
    assert_eq!(names, ["b", "d"]);
}

#[test]
fn a_broken_object_keeps_its_last_good_version_and_its_neighbours() {
    let good = tree(&[
        ("local/a/package.yml", "name: a"),
        ("local/a/monitoring/x.yml", &check_of("10s")),
        ("local/a/monitoring/y.yml", &check_of("10s")),
        ("local/a/parameters/p.yml", "low: 1\n"),
    ]);
    let first = Registry::load(&good, None);
    let broken = tree(&[
        ("local/a/package.yml", "name: a"),
        ("local/a/monitoring/x.yml", "check: [oops"),
        ("local/a/monitoring/y.yml", &check_of("20s")),
        (
            "local/a/monitoring/new.yml",
            "check: {interval: soon, script: x}",
        ),
        ("local/a/parameters/p.yml", "low: [1\n"),
    ]);
    let second = Registry::load(&broken, Some(&first));
    assert_eq!(
        checks(&second),
        ["a/x local 10s below", "a/y local 20s below"]
    );
    let pack = second.pack("a").unwrap();
    let kept: Vec<String> = pack
        .broken
        .iter()
        .map(|it| format!("{} {} {}", it.kind, it.path, it.keeps_last_good))
        .collect();
    assert_eq!(
        kept,
        [
            "parameters parameters true",
            "check monitoring/new.yml false",
            "check monitoring/x.yml true",
        ]
    );
    assert!(pack.broken.iter().all(|it| !it.diagnostics.is_empty()));
    assert!(matches!(
        pack.parameters.get("low").unwrap().content,
        Content::Plain(model::Value::Int(1))
    ));
    // A broken file stays broken over further loads, and a mended one is taken.
    let third = Registry::load(&broken, Some(&second));
    assert_eq!(checks(&third), checks(&second));
    assert_eq!(checks(&Registry::load(&good, Some(&third))), checks(&first));
    // Without a version before, only the broken ones are missing.
    assert_eq!(
        checks(&Registry::load(&broken, None)),
        ["a/y local 20s below"]
    );
}

#[test]
fn a_broken_package_file_keeps_the_pack_above_a_lower_level() {
    let files = |package: &str| {
        tree(&[
            ("core/a/package.yml", "name: a"),
            ("core/a/monitoring/x.yml", &check_of("10s")),
            ("local/a/package.yml", package),
            ("local/a/monitoring/x.yml", &check_of("20s")),
        ])
    };
    let first = Registry::load(&files("name: a"), None);
    let second = Registry::load(&files("name: [a"), Some(&first));
    assert_eq!(checks(&second), ["a/x local 20s below"]);
    let broken = &second.pack("a").unwrap().broken;
    assert_eq!(
        (broken[0].kind, broken[0].keeps_last_good),
        ("package", true)
    );
    assert!(broken[0].diagnostics[0].place.file.starts_with("local/"));
    let third = Registry::load(&files("name: [a"), Some(&second));
    assert_eq!(third.pack("a").unwrap().broken.len(), 1);
}

#[test]
fn declared_parameters_have_types_bounds_and_defaults() {
    let package = "name: a\nparameters:\n  port: {type: integer, default: 80, min: 1, max: 99}\n  mode: {type: text, choices: [on, off], default: on}\n  rate: {type: number}\n  every: {type: interval, default: 10s}\n  words: {type: string_list, default: []}\n";
    let load = |values: &str| {
        Registry::load(
            &tree(&[
                ("local/a/package.yml", package),
                ("local/a/parameters/p.yml", values),
            ]),
            None,
        )
    };
    let fine = load("port: 7\nrate: 1\nextra: x # more\n");
    assert_eq!(told(&fine), [""; 0]);
    let parameters = &fine.pack("a").unwrap().parameters;
    let port = parameters.get("port").unwrap();
    assert!(!port.is_default);
    assert!(parameters.get("every").unwrap().is_default);
    assert_eq!(
        parameters.get("extra").unwrap().description.as_deref(),
        Some("more")
    );
    let wrong = load("port: 100\nmode: mad\nrate: fast\nevery: 5 apples\nwords: [[1]]\n");
    assert_eq!(
        told(&wrong),
        [
            "local/a/parameters/p.yml:1:7: error: the parameter `port` must be at most 99",
            "local/a/parameters/p.yml:2:7: error: the parameter `mode` must be one of: on, off",
            "local/a/parameters/p.yml:3:7: error: the parameter `rate` wants a value of type number, not one text",
            "local/a/parameters/p.yml:4:8: error: the parameter `every` wants a value of type interval, not one text",
            "local/a/parameters/p.yml:5:8: error: the parameter `words` wants a value of type list, not one list",
        ]
    );
    // What is wrong falls back to its default.
    let shown = format!("{:?}", wrong.pack("a").unwrap().parameters.shown());
    assert!(shown.contains("\"port\": Int(80)"), "{shown}");
    let bad = "name: a\nparameters:\n  a: {default: 1}\n  b: {type: integer, default: x}\n  c: {type: nubmer, colour: red}\n";
    let registry = Registry::load(&tree(&[("local/a/package.yml", bad)]), None);
    assert_eq!(
        told(&registry),
        [
            "local/a/package.yml:3:3: error: the parameter `a` has no `type` (one of: text, boolean, integer, number, interval, list, map)",
            "local/a/package.yml:4:3: error: the default of `b` wants a value of type integer, not one text",
            "local/a/package.yml:5:13: error: `type` cannot be `nubmer` (did you mean `number`? One of: text, boolean, integer, number, interval, list, map, string, bool, int, float, string_list)",
            "local/a/package.yml:5:21: error: `a declared parameter` has no key `colour` (nothing reads it; remove it)",
        ]
    );
}

/// A secret must be in nothing that anybody prints, logs or answers.
#[test]
fn no_output_holds_a_secret() {
    let secret = "hunter2";
    let package = "name: a\nparameters:\n  pin: {type: integer, secret: true}\n  key: {type: text, secret: true, default: hunter2}\n";
    let values = "password: hunter2\napi_key: hunter2\nkey: hunter2\npin: hunter2\nsmtp: {password: hunter2, port: 1}\n";
    let check = "check:\n  script: echo {{parameters.password}} {{parameters.smtp}}\n";
    for values in [
        values,
        "password: hunter2\nbroken: [hunter2",
        "password: &a hunter2\npassword: hunter2",
    ] {
        let files = tree(&[
            ("local/a/package.yml", package),
            ("local/a/parameters/p.yml", values),
            ("local/a/monitoring/x.yml", check),
            ("zone/a/package.yml", package),
            ("zone/a/parameters/p.yml", ""),
        ]);
        let registry = Registry::load(&files, None);
        let mut output = format!("{registry:?}{:?}", crate::lint::lint(&files, None));
        for pack in registry.packs() {
            output.push_str(&format!("{:?}", pack.parameters.shown()));
            for (_, parameter) in pack.parameters.iter() {
                output.push_str(&format!("{:?}{parameter:?}", parameter.content.shown()));
            }
        }
        for diagnostic in registry.diagnostics() {
            output.push_str(&diagnostic.render());
        }
        let difference = levels::difference(&files, "a", Level::Zone, Level::Local);
        output.push_str(&format!("{difference:?}"));
        for key in ["password", "key", "pin", "smtp", "smtp.password"] {
            let at = parameters::ParameterAt::parse(&format!("local.a.{key}")).unwrap();
            output.push_str(&format!("{:?}", parameters::get(&files, &at)));
        }
        assert!(!output.contains(secret), "{output}");
    }
}

#[test]
fn secrets_are_opened_for_those_who_must_use_them() {
    let registry = Registry::load(
        &tree(&[
            ("local/a/package.yml", "name: a"),
            (
                "local/a/parameters/p.yml",
                "password: hunter2\ntoken: env:TOKEN\nsecret: file:/x\nempty_password: ''\nport: 1\n",
            ),
        ]),
        None,
    );
    let parameters = &registry.pack("a").unwrap().parameters;
    let opened = parameters.open(&|source| match source.to_string().as_str() {
        "env:TOKEN" => Ok(model::Secret::new("abc")),
        other => Err(format!("{other} cannot be read")),
    });
    assert_eq!(opened.problems, ["file:/x cannot be read"]);
    let get = |name: &str| opened.values.get(name).cloned();
    assert_eq!(get("password"), Some(model::Value::from("hunter2")));
    assert_eq!(get("token"), Some(model::Value::from("abc")));
    assert_eq!(get("secret"), None);
    assert_eq!(get("empty_password"), Some(model::Value::from("")));
    assert_eq!(get("port"), Some(model::Value::Int(1)));
}
