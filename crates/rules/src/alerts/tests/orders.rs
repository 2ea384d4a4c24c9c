//! What people order: acknowledgements, downtimes, silences; and the hours of handlers.

use super::*;

#[test]
fn an_acknowledged_problem_is_neither_repeated_nor_escalated_until_it_is_worse() {
    let mut world = World::new(&[
        (
            "a",
            "notifier: syslog\nrepeat: 1h\nescalate: [{after: 2h, to: boss}]",
        ),
        ("boss", "notifier: syslog\ndirect: false"),
    ]);
    world.goes("linux/cpu", OK, WARNING);
    world.pass(3_700);
    assert_eq!(
        world.sent(),
        [
            "a problem: linux/cpu WARNING",
            "a reminder: linux/cpu WARNING"
        ]
    );
    let (now, wall) = world.time();
    let new = NewAcknowledgement {
        checks: vec!["cpu".to_owned()],
        nodes: Vec::new(),
        span: Span::For(24 * HOUR),
        by: "alice".to_owned(),
        comment: "on it".to_owned(),
    };
    world.alerts.acknowledge(now, wall, &new).unwrap();
    world.drain();
    world.pass(4 * 3_600);
    assert!(world.sent().is_empty());
    assert!(
        world
            .why("linux/cpu", "a")
            .ends_with(": alice takes care of it")
    );
    world.goes("linux/cpu", WARNING, CRITICAL);
    let sent = world.sent();
    assert!(
        sent.contains(&"a problem: linux/cpu CRITICAL".to_owned()),
        "{sent:?}"
    );
    assert!(
        sent.contains(&"boss escalation: linux/cpu CRITICAL".to_owned()),
        "{sent:?}"
    );
    let nothing = world.alerts.acknowledge(
        now,
        wall,
        &NewAcknowledgement {
            checks: vec!["disk".to_owned()],
            ..new
        },
    );
    assert!(matches!(nothing, Err(Refused::Nothing(_))));
}

#[test]
fn an_acknowledgement_ends_by_its_time() {
    let mut world = World::new(&[("a", "notifier: syslog\nrepeat: 1h")]);
    world.goes("linux/cpu", OK, WARNING);
    let (now, wall) = world.time();
    let new = NewAcknowledgement {
        checks: vec!["*".to_owned()],
        nodes: vec!["web-*".to_owned()],
        span: Span::For(3 * HOUR),
        by: "alice".to_owned(),
        comment: String::new(),
    };
    world.alerts.acknowledge(now, wall, &new).unwrap();
    world.drain();
    world.sent();
    world.restart(&[("a", "notifier: syslog\nrepeat: 1h")]);
    world.pass(3 * 3_600 - 5);
    assert!(world.sent().is_empty());
    world.pass(10);
    assert_eq!(world.sent(), ["a reminder: linux/cpu WARNING"]);
    // From then on nothing is due until the next reminder.
    let next = world.alerts.next_deadline().unwrap();
    assert!(
        next.since_start() > world.now + Duration::from_secs(10),
        "{next:?}"
    );
}

#[test]
fn who_escalation_reaches_hears_of_the_end() {
    let handlers = [
        (
            "a",
            "notifier: syslog\nescalate: [{after: 30m, to: [boss]}]",
        ),
        ("boss", "notifier: syslog\ndirect: false"),
    ];
    let mut world = World::new(&handlers);
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(1_700);
    assert!(world.why("linux/cpu", "boss").contains("t/a hands it on"));
    world.restart(&handlers);
    world.pass(200);
    assert_eq!(
        world.sent(),
        [
            "a problem: linux/cpu CRITICAL",
            "boss escalation: linux/cpu CRITICAL"
        ]
    );
    world.goes("linux/cpu", CRITICAL, OK);
    world.pass(60);
    assert_eq!(
        world.sent(),
        ["a recovery: linux/cpu OK", "boss recovery: linux/cpu OK"]
    );
}

#[test]
fn a_downtime_covers_its_time_survives_a_restart_and_what_lasts_is_told_then() {
    let mut world = World::new(&[("a", QUIET)]);
    world.mute("linux/*", Span::For(2 * HOUR), &[]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.goes("linux/disks", OK, CRITICAL);
    world.goes("linux/disks", CRITICAL, OK);
    world.goes("mysql/up", OK, CRITICAL);
    assert_eq!(world.sent(), ["a problem: mysql/up CRITICAL"]);
    assert_eq!(
        world.alerts.snapshot().marks[0].downtime.as_deref(),
        Some("d1")
    );
    world.restart(&[("a", QUIET)]);
    world.pass(7_100);
    assert!(world.sent().is_empty());
    assert!(
        world
            .why("linux/cpu", "a")
            .contains("downtime d1 by alice (kernel)")
    );
    world.pass(200);
    assert_eq!(world.sent(), ["a problem: linux/cpu CRITICAL"]);
    assert!(world.alerts.snapshot().mutes.is_empty());
}

#[test]
fn a_downtime_of_hours_comes_again_each_day() {
    let mut world = World::new(&[("a", QUIET)]);
    world.mute("*", Span::Endless, &["13:00-14:00"]);
    world.pass(3_600 + 60);
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(3_500);
    assert!(world.sent().is_empty());
    world.pass(100);
    assert_eq!(world.sent(), ["a problem: linux/cpu CRITICAL"]);
    world.pass(23 * 3_600);
    world.goes("linux/net", OK, CRITICAL);
    assert!(world.sent().is_empty());
}

#[test]
fn a_duration_lasts_and_a_time_of_day_holds_when_the_clock_is_set() {
    let mut world = World::new(&[("a", QUIET)]);
    world.mute("linux/*", Span::For(2 * HOUR), &[]);
    let at_three = WallTime::from_millis(NOON + 3 * 3_600_000);
    world.mute("mysql/*", Span::Until(at_three), &[]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.goes("mysql/up", OK, CRITICAL);
    world.pass(600);
    world.set_ms = 4 * 3_600_000;
    world.pass(1);
    assert_eq!(world.sent(), ["a problem: mysql/up CRITICAL"]);
    world.pass(6_500);
    assert!(world.sent().is_empty());
    world.pass(200);
    assert_eq!(world.sent(), ["a problem: linux/cpu CRITICAL"]);
    // Backwards: nothing is told again, and nothing waits for a day.
    world.set_ms = -86_400_000;
    world.goes("linux/cpu", CRITICAL, OK);
    world.pass(60);
    assert_eq!(world.sent(), ["a recovery: linux/cpu OK"]);
}

#[test]
fn hours_of_a_handler_hold_things_back_that_still_hold_then() {
    let mut world = World::new(&[("day", "notifier: syslog\nwhen: 14:00-18:00")]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.goes("linux/net", OK, CRITICAL);
    world.goes("linux/net", CRITICAL, OK);
    assert!(
        world
            .why("linux/cpu", "day")
            .contains("its hours are 14:00-18:00")
    );
    world.pass(2 * 3_600 + 1);
    assert_eq!(world.sent(), ["day problem: linux/cpu CRITICAL"]);
}

#[test]
fn orders_that_make_no_sense_are_refused_and_change_nothing() {
    let mut world = World::new(&[]);
    let (now, wall) = world.time();
    let new = |checks: &str, span: Span, every: &str| NewMute {
        is_downtime: true,
        scope: Scope {
            checks: Some(checks)
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            ..Scope::default()
        },
        from: None,
        span,
        every: Some(every)
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .into_iter()
            .collect(),
        timezone: String::new(),
        by: "alice".to_owned(),
        comment: String::new(),
    };
    for (mute, expect) in [
        (new("", Span::For(HOUR), ""), "a downtime of nothing"),
        (new("*", Span::Endless, ""), "needs an end, or hours"),
        (
            new("*", Span::Until(WallTime::from_millis(5)), ""),
            "before it begins",
        ),
        (new("*", Span::Endless, "mon 8-9"), "`8` is no time of day"),
        (
            new("a\u{1b}[31m", Span::For(HOUR), ""),
            "control characters",
        ),
        (
            new(&"x".repeat(501), Span::For(HOUR), ""),
            "longer than 500",
        ),
    ] {
        let refused = world.alerts.mute(now, wall, mute).unwrap_err();
        assert!(
            matches!(&refused, Refused::Invalid(why) if why.contains(expect)),
            "{refused:?}"
        );
    }
    world.drain();
    assert!(world.kept.is_empty(), "{:?}", world.kept);
}

#[test]
fn a_new_problem_begins_anew_while_others_wait_for_the_end_of_the_last() {
    let mut world = World::new(&[
        (
            "hook",
            "notifier: syslog\ndelay: 20s\nwindow: 0s\nescalate: [{after: 30s, to: boss}]",
        ),
        ("boss", "notifier: syslog\ndirect: false\nwindow: 0s"),
        ("mail", "notifier: syslog\nwindow: 5m\ndirect: true"),
    ]);
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(90);
    world.goes("linux/cpu", CRITICAL, OK);
    let first = world.sent();
    assert!(
        first.contains(&"hook recovery: linux/cpu OK".to_owned()),
        "{first:?}"
    );
    assert!(
        !first.contains(&"mail recovery: linux/cpu OK".to_owned()),
        "{first:?}"
    );
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(15);
    assert!(world.sent().is_empty());
    world.pass(10);
    assert_eq!(world.sent(), ["hook problem: linux/cpu CRITICAL"]);
    world.pass(20);
    assert!(world.sent().is_empty());
    world.pass(10);
    assert_eq!(world.sent(), ["boss escalation: linux/cpu CRITICAL"]);
}

#[test]
fn whoever_shows_downtimes_is_woken_when_one_begins_pauses_and_ends() {
    let mut world = World::new(&[("a", QUIET)]);
    let (now, wall) = world.time();
    let at = |seconds: u64| WallTime::from_millis(NOON + seconds * 1_000);
    let new = NewMute {
        is_downtime: true,
        scope: Scope {
            checks: vec!["linux/*".to_owned()],
            ..Scope::default()
        },
        from: Some(at(20)),
        span: Span::Until(at(50)),
        every: Vec::new(),
        timezone: String::new(),
        by: "alice".to_owned(),
        comment: String::new(),
    };
    world.alerts.mute(now, wall, new).unwrap();
    world.drain();
    world.mute("mysql/*", Span::Endless, &["13:00-14:00"]);
    let mut changes = Vec::new();
    for _ in 0..4 {
        world.now = world.alerts.next_deadline().unwrap().since_start();
        let (now, wall) = world.time();
        world.alerts.tick(now, wall);
        world.drain();
        let mutes = world.alerts.snapshot().mutes.clone();
        let active: Vec<String> = mutes.iter().filter(|it| it.1).map(|it| it.0.id()).collect();
        changes.push((world.now.as_secs() - 1_000, active.join(" ")));
    }
    let expect = [(20, "d1"), (50, ""), (3_600, "d2"), (7_200, "")];
    assert_eq!(changes, expect.map(|(at, active)| (at, active.to_owned())));
}

/// A boot without a battery in the clock: it shows a day of long ago until somebody sets it.
const LONG_AGO_MS: i64 = -9_000 * 86_400_000;

#[test]
fn what_was_kept_under_the_right_clock_stays_when_a_wrong_one_is_put_right() {
    let handlers = [("a", "notifier: syslog\nrepeat: 2h\nwindow: 1s")];
    let mut world = World::new(&handlers);
    world.mute("mysql/*", Span::For(HOUR), &[]);
    world.goes("linux/told", OK, CRITICAL);
    world.pass(30);
    world.is_up = false;
    world.goes("linux/waits", OK, CRITICAL);
    world.pass(30);
    world.sent();
    world.set_ms = LONG_AGO_MS;
    world.restart(&handlers);
    world.goes("mysql/up", OK, CRITICAL);
    world.pass(30);
    world.set_ms = 0;
    world.goes("linux/new", OK, CRITICAL);
    world.is_up = true;
    world.pass(600);
    let expect = [
        "a problem: linux/waits CRITICAL",
        "a problem: linux/new CRITICAL",
    ];
    assert_eq!(world.sent(), expect);
    let (_, wall) = world.time();
    let snapshot = world.alerts.snapshot();
    assert!(snapshot.deliveries.iter().all(|it| it.made <= wall));
    assert!(snapshot.mutes[0].1, "the downtime goes on");
    // It lasts as long as it was to last, and reminders come when they are due.
    world.pass(3_600);
    assert_eq!(world.sent(), ["a problem: mysql/up CRITICAL"]);
    world.pass(2 * 3_600);
    assert!(world.sent().iter().any(|it| it.contains("linux/told")));
}

#[test]
fn under_a_clock_that_nobody_sets_what_was_kept_goes_on() {
    let handlers = [
        ("a", "notifier: syslog\nrepeat: 2h"),
        ("b", "notifier: syslog\ndelay: 5m"),
    ];
    let mut world = World::new(&handlers);
    world.is_up = false;
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(30);
    world.set_ms = LONG_AGO_MS;
    world.is_up = true;
    world.restart(&handlers);
    world.pass(400);
    let mut sent = world.sent();
    sent.sort();
    let expect = [
        "a problem: linux/cpu CRITICAL",
        "b problem: linux/cpu CRITICAL",
    ];
    assert_eq!(sent, expect);
    world.pass(2 * 3_600);
    assert_eq!(world.sent(), ["a reminder: linux/cpu CRITICAL"]);
}
