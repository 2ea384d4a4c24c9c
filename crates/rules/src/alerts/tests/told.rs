//! Who is told of what, once, and why others are not.

use super::*;

#[test]
fn without_a_handler_nothing_is_sent_and_all_is_known() {
    let mut world = World::new(&[]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(7_200);
    assert!(world.sent().is_empty());
    assert_eq!(world.alerts.snapshot().problems.len(), 1);
    world.goes("linux/cpu", CRITICAL, OK);
    assert!(world.alerts.snapshot().problems.is_empty());
}

#[test]
fn what_handlers_that_are_off_think_of_a_problem_is_no_decision() {
    let off = ("off", "notifier: syslog\nenabled: false");
    let mut world = World::new(&[off, ("worst", "notifier: syslog\nstates: [critical]")]);
    world.goes("linux/cpu", OK, WARNING);
    let snapshot = world.alerts.snapshot();
    let decisions = snapshot.problems[0].decisions.iter();
    let decisions: Vec<_> = decisions
        .map(|it| format!("{} {}", it.handler, it.text))
        .collect();
    assert_eq!(
        decisions,
        [" OK → WARNING", "t/worst `states` has no warning"]
    );
    assert!(world.why("linux/cpu", "off").contains("it is off"));
}

#[test]
fn a_problem_and_its_end_are_told_once_and_at_once() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes("linux/cpu", OK, WARNING);
    assert_eq!(world.sent(), ["a problem: linux/cpu WARNING"]);
    world.goes("linux/cpu", WARNING, WARNING);
    world.pass(3_600);
    assert!(world.sent().is_empty());
    world.goes("linux/cpu", WARNING, CRITICAL);
    world.pass(60);
    world.goes("linux/cpu", CRITICAL, OK);
    world.pass(60);
    assert_eq!(
        world.sent(),
        ["a problem: linux/cpu CRITICAL", "a recovery: linux/cpu OK"]
    );
    assert!(world.alerts.snapshot().problems.is_empty());
    assert!(world.kept.keys().all(|key| !key.starts_with("problem")));
}

#[test]
fn only_those_who_got_the_problem_hear_of_its_end() {
    let mut world = World::new(&[("a", QUIET), ("late", "notifier: syslog\ndelay: 5m")]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(60);
    assert!(world.why("linux/cpu", "late").contains("`delay`"));
    world.goes("linux/cpu", CRITICAL, OK);
    world.pass(600);
    assert_eq!(
        world.sent(),
        ["a problem: linux/cpu CRITICAL", "a recovery: linux/cpu OK"]
    );
}

#[test]
fn routes_decide_and_say_why_not() {
    let mut world = World::new(&[
        ("db", "notifier: syslog\npacks: [mysql]"),
        ("worst", "notifier: syslog\nstates: [critical]"),
        ("other", "notifier: syslog\nif_group: windows"),
        ("off", "notifier: syslog\nenabled: false"),
    ]);
    world.goes("linux/cpu", OK, WARNING);
    assert!(world.sent().is_empty());
    assert_eq!(world.why("linux/cpu", "db"), "`packs` does not mean linux");
    assert_eq!(world.why("linux/cpu", "worst"), "`states` has no warning");
    assert!(world.why("linux/cpu", "other").contains("`if_group`"));
    assert_eq!(
        world.why("linux/cpu", "off"),
        "it is off (`enabled: false`)"
    );
    world.goes("linux/cpu", WARNING, CRITICAL);
    assert_eq!(world.sent(), ["worst problem: linux/cpu CRITICAL"]);
    // It asked for no `ok`.
    world.goes("linux/cpu", CRITICAL, OK);
    world.pass(60);
    assert!(world.sent().is_empty() && world.alerts.snapshot().problems.is_empty());
}

#[test]
fn five_thousand_at_once_are_two_notices_and_none_is_lost() {
    let mut world = World::new(&[("a", QUIET), ("pager", "notifier: syslog\ngather: check")]);
    for number in 0..5_000 {
        world.goes(&format!("app/check-{number}"), OK, CRITICAL);
        if number % 5 == 0 {
            world.now += Duration::from_millis(1);
        }
    }
    world.pass(120);
    let told: BTreeSet<String> = world
        .alerts
        .snapshot()
        .problems
        .iter()
        .filter(|problem| problem.told.len() == 2)
        .map(|problem| problem.thing.name.clone())
        .collect();
    assert_eq!(told.len(), 5_000);
    let of = |world: &World, name: &str| {
        let out = world
            .out
            .iter()
            .filter(|(_, handler)| &*handler.name == name);
        out.map(|(delivery, _)| {
            assert!(delivery.notice.items.len() <= limits::ALERT_ITEMS_MAX);
            delivery.notice.items.len() as u64 + delivery.notice.more
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(of(&world, "a"), [1, 4_999]);
    assert_eq!(of(&world, "pager").iter().sum::<u64>(), 5_000);
}

#[test]
fn a_full_queue_holds_problems_back_and_loses_none() {
    let mut world = World::new(&[("pager", "notifier: syslog\ngather: check\nwindow: 0s")]);
    world.is_up = false;
    for number in 0..3_000 {
        world.goes(&format!("app/check-{number}"), OK, CRITICAL);
    }
    let waiting = world.alerts.snapshot().handlers[0].waiting;
    assert_eq!(waiting, limits::ALERT_DELIVERIES_WAITING_MAX as u64);
    world.is_up = true;
    world.pass(3_600);
    let told: u64 = world
        .out
        .iter()
        .map(|(delivery, _)| delivery.notice.items.len() as u64 + delivery.notice.more)
        .sum();
    assert_eq!(told, 3_000);
}

#[test]
fn what_depends_on_a_bad_check_is_silent_and_named_in_its_alert() {
    let mut world = World::new(&[("a", QUIET)]);
    // The child is seen first; its parent follows within the grace.
    world.goes_with("app/api", OK, CRITICAL, &["db"], |_| ());
    world.goes_with("app/shop", OK, CRITICAL, &["api"], |_| ());
    assert!(world.sent().is_empty());
    world.pass(5);
    world.goes("app/db", OK, CRITICAL);
    let affected = world.out[0].0.notice.affected.clone();
    assert_eq!(affected, ["app/api (CRITICAL)", "app/shop (CRITICAL)"]);
    assert_eq!(world.sent(), ["a problem: app/db CRITICAL"]);
    world.pass(3_600);
    assert!(world.sent().is_empty());
    assert_eq!(
        world.why("app/shop", "a"),
        "it depends on app/db, which is told instead"
    );
    // One recovers with its parent; the other is still bad on its own.
    world.goes("app/db", CRITICAL, OK);
    world.goes_with("app/api", CRITICAL, OK, &["db"], |_| ());
    assert_eq!(world.sent(), ["a recovery: app/db OK"]);
    world.pass(60);
    assert_eq!(world.sent(), ["a problem: app/shop CRITICAL"]);
}

#[test]
fn what_depends_on_something_that_nobody_is_told_of_is_told() {
    let mut world = World::new(&[
        ("all", QUIET),
        ("worst", "notifier: syslog\nstates: [ok, critical]"),
        ("api", "notifier: syslog\nchecks: [app/api]"),
    ]);
    world.goes("app/db", OK, WARNING);
    world.goes_with("app/api", OK, CRITICAL, &["db"], |_| ());
    world.pass(60);
    let mut sent = world.sent();
    sent.sort();
    let expect = [
        "all problem: app/api CRITICAL",
        "all problem: app/db WARNING",
        "api problem: app/api CRITICAL",
        "worst problem: app/api CRITICAL",
    ];
    // A warning explains no outage, whoever hears of it.
    assert_eq!(sent, expect);
    world.goes("app/db", WARNING, CRITICAL);
    world.goes_with("app/shop", OK, CRITICAL, &["db"], |_| ());
    world.pass(60);
    let mut sent = world.sent();
    sent.sort();
    let expect = [
        "all problem: app/db CRITICAL",
        "worst problem: app/db CRITICAL",
    ];
    assert_eq!(sent, expect);
}

#[test]
fn what_depends_on_something_planned_is_silent_as_long_as_that_is() {
    let mut world = World::new(&[("api", "notifier: syslog\nchecks: [app/api]")]);
    world.mute("app/db", Span::For(HOUR), &[]);
    world.goes("app/db", OK, CRITICAL);
    world.goes_with("app/api", OK, CRITICAL, &["db"], |_| ());
    world.pass(3_500);
    assert!(world.sent().is_empty());
    let why = world.why("app/api", "api");
    assert!(why.contains("it depends on app/db: downtime d1"), "{why}");
    world.pass(200);
    assert_eq!(world.sent(), ["api problem: app/api CRITICAL"]);
}

#[test]
fn checks_that_depend_on_each_other_silence_none_of_them() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes_with("app/a", OK, CRITICAL, &["b"], |_| ());
    world.goes_with("app/b", OK, CRITICAL, &["a"], |_| ());
    // It depends on one of them and is none of them.
    world.goes_with("app/c", OK, CRITICAL, &["a"], |_| ());
    world.goes_with("app/itself", OK, CRITICAL, &["itself"], |_| ());
    for (name, on) in [("x", "y"), ("y", "z"), ("z", "x")] {
        world.goes_with(&format!("app/{name}"), OK, CRITICAL, &[on], |_| ());
    }
    world.pass(3_600);
    let problems = world.alerts.snapshot().problems.clone();
    let told = problems.iter().filter(|it| !it.told.is_empty());
    let told: Vec<&str> = told.map(|it| &*it.thing.name).collect();
    assert_eq!(
        told,
        ["app/a", "app/b", "app/itself", "app/x", "app/y", "app/z"]
    );
    assert!(world.why("app/c", "a").contains("told instead"));
}

#[test]
fn in_a_long_circle_somebody_is_told() {
    let mut world = World::new(&[("a", QUIET)]);
    let count = limits::ALERT_CAUSES_MAX + 50;
    for number in 0..count {
        let next = format!("c{}", (number + 1) % count);
        world.goes_with(&format!("app/c{number}"), OK, CRITICAL, &[&next], |_| ());
    }
    world.pass(600);
    let problems = world.alerts.snapshot().problems.clone();
    assert!(problems.iter().all(|it| !it.told.is_empty()));
}

#[test]
fn what_depends_on_something_elsewhere_is_silent_for_a_while_only() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes_with("app/api", OK, CRITICAL, &["node:db-1"], |transition| {
        transition.blocked_by = Arc::from([Arc::from("node:db-1")]);
    });
    world.pass(600);
    assert!(world.why("app/api", "a").contains("node:db-1"));
    world.pass(600);
    assert_eq!(world.sent(), ["a problem: app/api CRITICAL"]);
}

#[test]
fn what_changes_too_often_is_told_so_once() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(60);
    world.goes_with("linux/cpu", CRITICAL, CRITICAL, &[], |it| {
        it.change = Change::FlappingBegan;
        it.is_flapping = true;
    });
    world.pass(60);
    assert_eq!(
        world.sent(),
        [
            "a problem: linux/cpu CRITICAL",
            "a flapping: linux/cpu CRITICAL"
        ]
    );
    for _ in 0..10 {
        world.goes_with("linux/cpu", CRITICAL, OK, &[], |it| it.is_flapping = true);
        world.goes_with("linux/cpu", OK, CRITICAL, &[], |it| it.is_flapping = true);
        world.pass(60);
    }
    world.goes_with("linux/cpu", CRITICAL, OK, &[], |it| it.is_flapping = true);
    assert!(world.sent().is_empty());
    world.goes_with("linux/cpu", OK, OK, &[], |it| {
        it.change = Change::FlappingEnded;
    });
    assert_eq!(world.sent(), ["a recovery: linux/cpu OK"]);
}

#[test]
fn what_is_no_longer_looked_at_is_closed_with_its_reason() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.goes_with("linux/cpu", CRITICAL, CRITICAL, &[], |it| {
        it.change = Change::Gone(Reason::CheckRemoved);
    });
    world.pass(60);
    let last = &world.out[1].0.notice.items[0];
    assert_eq!(last.output, "no longer looked at: its check was removed");
    assert!(world.alerts.snapshot().problems.is_empty());
}

#[test]
fn changes_just_before_are_named() {
    let mut world = World::new(&[("a", QUIET)]);
    let (now, wall) = world.time();
    world
        .alerts
        .changed(now, wall, "pack local.linux was edited");
    world.pass(60);
    world.goes("linux/cpu", OK, CRITICAL);
    assert!(world.out[0].0.notice.context[0].contains("pack local.linux was edited"));
    world.pass(3_600);
    world.goes("linux/net", OK, CRITICAL);
    assert!(world.out[1].0.notice.context.is_empty());
}

#[test]
fn texts_say_what_happened_also_by_old_and_broken_templates() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.goes("linux/net", OK, CRITICAL);
    world.goes("linux/disks", OK, WARNING);
    world.pass(60);
    let texts = packs::handler::Texts::default();
    let one = text::words(&world.out[0].0.notice, &texts);
    assert_eq!(one.title, "CRITICAL: linux/cpu on web-1");
    assert!(one.text.contains("97 % used") && one.html.unwrap().contains("#b71c1c"));
    let two = text::words(&world.out[1].0.notice, &texts);
    assert_eq!(two.title, "1 CRITICAL, 1 WARNING on web-1");
    assert!(two.text.contains("linux/net") && two.text.contains("linux/disks"));
}

#[test]
fn names_are_text_in_a_page_whose_template_knows_one_thing_only() {
    let own = "notifier: syslog\ntemplates: {check_html: own.html}";
    let mut world = World::new(&[("a", own)]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.goes("linux/net", OK, CRITICAL);
    world.goes("linux/of <img src=x onerror=alert(1)>", OK, CRITICAL);
    world.pass(60);
    let (delivery, handler) = &world.out[1];
    let html = text::words(&delivery.notice, &handler.texts).html.unwrap();
    assert!(html.starts_with("<p>linux&#x2f;net</p>"), "{html}");
    assert!(html.contains("of &lt;img src=x"), "{html}");
    assert!(!html.contains("<img"), "{html}");
}

#[test]
fn what_depends_on_a_check_of_many_things_is_silent_and_named() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes_with("app/api", OK, CRITICAL, &["disks"], |_| ());
    world.pass(5);
    world.goes("app/disks[/srv]", OK, CRITICAL);
    assert_eq!(world.out[0].0.notice.affected, ["app/api (CRITICAL)"]);
    assert_eq!(world.sent(), ["a problem: app/disks[/srv] CRITICAL"]);
    // Of many things each depends on that of its own name, or on what blocks it.
    let on = ["app/disks"];
    world.goes_with("app/files[/srv]", OK, CRITICAL, &on, |_| ());
    world.goes_with("app/files[/home]", OK, CRITICAL, &on, |_| ());
    world.goes_with("app/queue[mails]", OK, CRITICAL, &on, |it| {
        it.blocked_by = Arc::from([Arc::from("app/disks")]);
    });
    world.pass(600);
    assert_eq!(world.sent(), ["a problem: app/files[/home] CRITICAL"]);
    assert!(
        world
            .why("app/queue[mails]", "a")
            .contains("depends on app/disks[/srv]")
    );
    // When it is well again those that it silenced have their time, and are told.
    world.goes("app/disks[/srv]", CRITICAL, OK);
    assert_eq!(world.sent(), ["a recovery: app/disks[/srv] OK"]);
    world.pass(120);
    assert!(!world.sent().is_empty());
    let problems = world.alerts.snapshot().problems.clone();
    assert!(problems.iter().all(|it| !it.told.is_empty()));
}
