//! What a handler may say, what it means, and what it is told when it is wrong.

use std::time::Duration;

use model::{CheckState, Level};

use super::*;
use crate::{File, PackFiles, Registry};

const PACKAGE: &str = "name: team\nparameters:\n  states: {type: list, default: [critical]}\n  \
                       people: {type: list, default: [a@example.org, b@example.org]}\n  \
                       token: {type: text, secret: true, default: \"\"}\n  \
                       group: {type: text, default: \"\"}\n";

fn load(handler: &str) -> Result<Arc<Handler>, String> {
    let mut files = PackFiles::new();
    for (path, text) in [
        ("team/package.yml", PACKAGE),
        ("team/handlers/night.yml", handler),
        ("team/templates/short.tpl", "{{ check.name }}"),
        ("team/templates/broken.tpl", "{{ check.name"),
    ] {
        files.add(Level::Local, path, File::new(path, text.as_bytes()));
    }
    let registry = Registry::load(&files, None);
    let told = registry.diagnostics().first().map(|it| it.to_string());
    let handler = registry.handlers().next().cloned();
    handler.ok_or_else(|| told.unwrap_or_default())
}

struct Nowhere;

impl Env for Nowhere {
    fn reference(&self, _: &expr::Reference) -> Result<Value, expr::Unknown> {
        Err(expr::Unknown::new("nothing is known here"))
    }
}

#[test]
fn a_handler_says_who_is_told_of_what_and_when() {
    let handler = load(
        "handler:
  notifier: mail
  options: {to: \"{{parameters.people}}\", server: \"mx.example.org\"}
  states: \"{{parameters.states}}\"
  checks: [linux/*, '!linux/swap']
  when: mon-fri 08:00-18:00
  timezone: Europe/Paris
  delay: 0s
  repeat: 4h
  if_group: \"{{parameters.group}}\"
  escalate:
    - {after: 1h, to: boss}
    - {after: 30m, to: [other/phone]}
  alternates: [slack/slack]
  templates: {check_text: short.tpl}
",
    )
    .unwrap();
    assert_eq!(&*handler.id, "team/night");
    assert_eq!(handler.route.states, [CheckState::Critical]);
    assert!(
        handler.route.checks.matches("linux/cpu") && !handler.route.checks.matches("linux/swap")
    );
    assert_eq!(handler.if_group, GroupSet::all());
    assert_eq!(handler.pace.repeat, Some(Duration::from_secs(4 * 3600)));
    assert_eq!(handler.escalate[0].to, [Arc::from("other/phone")]);
    assert_eq!(handler.escalate[1].to, [Arc::from("team/boss")]);
    assert_eq!(
        &*handler.texts.get("check_text").unwrap().text,
        "{{ check.name }}"
    );
    let scope = crate::Scope::new(&Nowhere, Arc::clone(&handler.home.parameters));
    let options = handler.fill_options(&scope).unwrap();
    let people = ["a@example.org", "b@example.org"].map(Value::from);
    assert_eq!(options["to"], Value::list(people));
}

#[test]
fn what_is_wrong_is_told_with_what_would_be_right() {
    for (keys, expect) in [
        (
            "notifier: mial",
            "`notifier` cannot be `mial` (did you mean `mail`?",
        ),
        ("notifier: mail", "`mail` needs the option `to`"),
        (
            "notifier: mail\n  options: {too: a}",
            "`mail` has no option `too` (did you mean `to`?)",
        ),
        (
            "notifier: syslog\n  states: [critcal]",
            "`states` cannot be `critcal`",
        ),
        (
            "notifier: syslog\n  states: \"{{parameters.staets}}\"",
            "the pack has no parameter `staets`: did you mean `states`?",
        ),
        ("notifier: syslog\n  when: mon 8-9", "`8` is no time of day"),
        (
            "notifier: syslog\n  timezone: Europe/Pari",
            "there is no time zone `Europe/Pari`",
        ),
        (
            "notifier: syslog\n  checks: \"{{parameters.token}}\"",
            "the parameter `token` is a secret",
        ),
        (
            "notifier: syslog\n  templates: {check_text: broken.tpl}",
            "the template cannot be read: ",
        ),
        (
            "notifier: syslog\n  templates: {check_text: sort.tpl}",
            "there is no template `sort.tpl` (did you mean `short.tpl`?)",
        ),
        (
            "notifier: syslog\n  escalate: [{after: 5m}]",
            "`escalate` has no `to`",
        ),
        (
            "notifier: syslog\n  stats: [ok]",
            "`handler` has no key `stats` (did you mean `states`?)",
        ),
    ] {
        let error = load(&format!("handler:\n  {keys}\n")).unwrap_err();
        assert!(error.contains(expect), "{keys}: {error}");
    }
}

#[test]
fn every_notifier_is_found_by_its_name() {
    for name in Notifier::names() {
        assert_eq!(Notifier::parse(name).unwrap().as_str(), name);
    }
}
