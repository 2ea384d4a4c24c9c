//! Alerts on virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{CheckState, Level, NodeId, Place};
use packs::{File, PackFiles};

use super::kept::{Scope, Stage};
use super::*;
use crate::transition::{Change, Reason, Standing, Subject, Transition};

/// 2026-11-25, a Wednesday, 12:00 UTC.
const NOON: u64 = 1_795_608_000_000;

/// A core, its clock, what it kept and what it sent.
struct World {
    alerts: Alerts,
    now: Duration,
    /// How far somebody has set the wall clock.
    set_ms: i64,
    kept: BTreeMap<String, Record>,
    out: Vec<(Arc<Delivery>, Arc<Handler>)>,
    notes: Vec<String>,
    number: u64,
    /// What becomes of the next tries: down when false.
    is_up: bool,
}

const QUIET: &str = "notifier: syslog";

impl World {
    fn new(handlers: &[(&str, &str)]) -> Self {
        let now = Duration::from_secs(1_000);
        let mut world = Self {
            alerts: core(now, NOON),
            now,
            set_ms: 0,
            kept: BTreeMap::new(),
            out: Vec::new(),
            notes: Vec::new(),
            number: 0,
            is_up: true,
        };
        world.packs(handlers);
        world
    }

    fn packs(&mut self, handlers: &[(&str, &str)]) {
        let registry = registry(handlers);
        let (now, wall) = self.time();
        self.alerts.set_packs(now, wall, &registry);
        self.drain();
    }

    fn time(&self) -> (Moment, WallTime) {
        let passed = (self.now - Duration::from_secs(1_000)).as_millis() as u64;
        let wall = (NOON + passed).checked_add_signed(self.set_ms).unwrap();
        (Moment::from_start(self.now), WallTime::from_millis(wall))
    }

    /// Does what the shell does: keeps, sends, tells what became of it.
    fn drain(&mut self) {
        while let Some(output) = self.alerts.poll_output() {
            match output {
                Output::Keep(batch) => {
                    for (key, record) in batch {
                        match record {
                            Some(record) => drop(self.kept.insert(key, record)),
                            None => drop(self.kept.remove(&key)),
                        }
                    }
                }
                Output::Note { text, .. } => self.notes.push(text),
                Output::Deliver { delivery, handler } => {
                    let key = delivery_key(delivery.number);
                    assert!(self.kept.contains_key(&key), "sent before it was kept");
                    let (now, wall) = self.time();
                    let number = delivery.number;
                    if self.is_up {
                        self.out.push((delivery, handler));
                        self.alerts
                            .delivered(now, wall, number, Ok("taken".to_owned()));
                    } else {
                        let failed = Undelivered {
                            message: "connection refused".to_owned(),
                            can_help: true,
                            wait: None,
                        };
                        self.alerts.delivered(now, wall, number, Err(failed));
                    }
                }
            }
        }
    }

    /// Lets time pass, waking the core when it asks to be woken.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        for _ in 0..100_000 {
            let next = self.alerts.next_deadline().map(Moment::since_start);
            self.now = next.unwrap_or(end).clamp(self.now, end);
            let (now, wall) = self.time();
            self.alerts.tick(now, wall);
            self.drain();
            if self.now == end && next.is_none_or(|next| next > end) {
                return;
            }
        }
        panic!("the core never comes to rest");
    }

    /// Kills the agent and starts it again with what was kept.
    fn restart(&mut self, handlers: &[(&str, &str)]) {
        let (now, wall) = self.time();
        self.alerts = Alerts::new(now, wall, here(), TimeZone::UTC);
        let records: Vec<Record> = self
            .kept
            .values()
            .map(|record| {
                let text = serde_json::to_string(record).unwrap();
                serde_json::from_str(&text).unwrap()
            })
            .collect();
        self.alerts.restore(records);
        // The agent looks at itself before it has read the packs: nobody must be forgotten.
        self.alerts.set_here(now, wall, here());
        self.alerts.tick(now, wall);
        self.drain();
        assert!(self.alerts.next_deadline().is_none());
        self.packs(handlers);
    }

    fn has_groups(&mut self, names: &[&str], is_certain: bool) {
        let groups = names.iter().map(|name| Group::parse(name).unwrap());
        let (now, wall) = self.time();
        self.alerts
            .set_groups(now, wall, &groups.collect(), is_certain);
        self.drain();
    }

    fn goes(&mut self, name: &str, old: CheckState, new: CheckState) {
        self.goes_with(name, old, new, &[], |_| ());
    }

    fn goes_with(
        &mut self,
        name: &str,
        old: CheckState,
        new: CheckState,
        depends_on: &[&str],
        edit: impl FnOnce(&mut Transition),
    ) {
        self.number += 1;
        let (now, wall) = self.time();
        let mut transition = transition(self.number, name, old, new, depends_on, wall);
        edit(&mut transition);
        self.alerts.transition(now, wall, &transition);
        self.drain();
    }

    /// Takes what was sent: handler, occasion and the states of its things.
    fn sent(&mut self) -> Vec<String> {
        let out = std::mem::take(&mut self.out);
        out.iter()
            .map(|(delivery, handler)| {
                let notice = &delivery.notice;
                let items = notice.items.iter().take(3);
                let items: Vec<String> = items
                    .map(|item| format!("{} {}", item.thing.name, item.state))
                    .collect();
                let more = notice.items.len() as u64 + notice.more;
                let more = match more {
                    0..=3 => String::new(),
                    more => format!(" of {more}"),
                };
                let word = notice.occasion.as_str();
                format!("{} {word}: {}{more}", handler.name, items.join(", "))
            })
            .collect()
    }

    fn why(&self, name: &str, handler: &str) -> String {
        let (_, explained) = self.alerts.explain(&id().to_string(), name).unwrap();
        let handler = format!("t/{handler}");
        explained
            .into_iter()
            .find(|it| it.handler == handler)
            .unwrap()
            .verdict
    }

    fn mute(&mut self, checks: &str, span: Span, every: &[&str]) -> String {
        let (now, wall) = self.time();
        let new = NewMute {
            is_downtime: true,
            scope: Scope {
                checks: vec![checks.to_owned()],
                ..Scope::default()
            },
            from: None,
            span,
            every: every.iter().map(|it| (*it).to_owned()).collect(),
            timezone: String::new(),
            by: "alice".to_owned(),
            comment: "kernel".to_owned(),
        };
        let made = self.alerts.mute(now, wall, new).unwrap();
        self.drain();
        made.id()
    }
}

const OK: CheckState = CheckState::Ok;
const WARNING: CheckState = CheckState::Warning;
const CRITICAL: CheckState = CheckState::Critical;
const HOUR: Duration = Duration::from_secs(3_600);

fn id() -> NodeId {
    NodeId::from_random([7; 16])
}

fn here() -> Here {
    Here {
        id: id().to_string(),
        name: "web-1".to_owned(),
        display_name: String::new(),
        zone: "internet".to_owned(),
        groups: BTreeSet::from([Group::parse("linux").unwrap()]),
    }
}

fn core(now: Duration, wall: u64) -> Alerts {
    let wall = WallTime::from_millis(wall);
    Alerts::new(Moment::from_start(now), wall, here(), TimeZone::UTC)
}

/// Makes a pack `t` of handlers, given by name and keys.
fn registry(handlers: &[(&str, &str)]) -> Registry {
    let mut files = PackFiles::new();
    let package = File::new("package.yml", b"name: t\n".as_slice());
    files.add(Level::Local, "t/package.yml", package);
    for (name, keys) in handlers {
        let keys = keys.replace('\n', "\n  ");
        let text = format!("handler:\n  {keys}\n");
        let file = File::new("h.yml", text.as_bytes());
        files.add(Level::Local, &format!("t/handlers/{name}.yml"), file);
    }
    let registry = Registry::load(&files, None);
    assert!(
        registry.diagnostics().is_empty(),
        "{:?}",
        registry.diagnostics()
    );
    registry
}

fn transition(
    number: u64,
    name: &str,
    old: CheckState,
    new: CheckState,
    depends_on: &[&str],
    wall: WallTime,
) -> Transition {
    let pack = name.split('/').next().unwrap();
    Transition {
        number,
        node: id(),
        node_name: Arc::from("web-1"),
        groups: Arc::from([Group::parse("linux").unwrap()]),
        subject: Arc::new(Subject {
            id: Arc::from(name),
            display_name: Arc::from(name),
            pack: Arc::from(pack),
            level: Level::Global,
            place: Place::new("x", 1, 1),
            if_group: model::GroupSet::all(),
            service: None,
            depends_on: depends_on.iter().map(|it| Arc::from(*it)).collect(),
            notes: None,
        }),
        instance: None,
        change: Change::State,
        old: Standing::hard(old),
        new: Standing::hard(new),
        old_hard: old,
        hard: new,
        attempt: 1,
        attempts: 1,
        is_flapping: false,
        flapping_pct: 0.0,
        output: Arc::from("97 % used"),
        long_output: Arc::from(""),
        perfdata: Arc::from(""),
        at: wall,
        since: wall,
        blocked_by: Arc::from([]),
    }
}

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
fn checks_that_depend_on_each_other_are_no_endless_walk() {
    let mut world = World::new(&[("a", QUIET)]);
    world.goes_with("app/a", OK, CRITICAL, &["b"], |_| ());
    world.goes_with("app/b", OK, CRITICAL, &["a"], |_| ());
    world.pass(3_600);
    assert_eq!(
        world.why("app/a", "a"),
        "it depends on app/b, which is told instead"
    );
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
    assert_eq!(world.why("linux/cpu", "a"), "alice takes care of it");
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
fn a_restart_neither_loses_nor_repeats() {
    let handlers = [("a", QUIET)];
    let mut world = World::new(&handlers);
    world.goes("linux/cpu", OK, CRITICAL);
    assert_eq!(world.sent().len(), 1);
    world.restart(&handlers);
    // The checks may tell the same transition again.
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(3_600);
    assert!(world.sent().is_empty());
    world.goes("linux/cpu", CRITICAL, OK);
    assert_eq!(world.sent(), ["a recovery: linux/cpu OK"]);
}

#[test]
fn what_was_under_way_in_a_crash_is_tried_again_under_the_same_identity() {
    let mut world = World::new(&[("a", QUIET)]);
    let (now, wall) = world.time();
    let transition = transition(1, "linux/cpu", OK, CRITICAL, &[], wall);
    world.alerts.transition(now, wall, &transition);
    let mut first = None;
    while let Some(output) = world.alerts.poll_output() {
        match output {
            Output::Keep(batch) => {
                world
                    .kept
                    .extend(batch.into_iter().filter_map(|(key, it)| Some((key, it?))));
            }
            Output::Deliver { delivery, .. } => first = Some(delivery),
            Output::Note { .. } => {}
        }
    }
    world.restart(&[("a", QUIET)]);
    let sent: Vec<&str> = world
        .out
        .iter()
        .map(|(delivery, _)| &*delivery.id)
        .collect();
    assert_eq!(sent, [&*first.unwrap().id]);
}

#[test]
fn a_handler_that_is_down_for_an_hour_gets_everything_in_order_when_it_is_back() {
    let handlers = [("a", "notifier: syslog\nwindow: 1s")];
    let mut world = World::new(&handlers);
    world.is_up = false;
    for number in 0..6 {
        world.goes(&format!("app/check-{number}"), OK, CRITICAL);
        world.pass(600);
    }
    world.goes("app/check-0", CRITICAL, OK);
    assert!(world.alerts.snapshot().handlers[0].is_failing());
    world.restart(&handlers);
    world.is_up = true;
    world.pass(400);
    let mut sent = world.sent();
    assert_eq!(sent.last().unwrap(), "a recovery: app/check-0 OK");
    sent.sort();
    assert_eq!(sent.len(), 7, "{sent:?}");
    let ids: BTreeSet<String> = world.kept.keys().cloned().collect();
    assert!(ids.len() >= 7);
    assert!(!world.alerts.snapshot().handlers[0].is_failing());
}

#[test]
fn alternates_have_their_turn_in_order() {
    let handlers = [
        ("a", "notifier: syslog\nalternates: [b, c]"),
        ("b", "notifier: syslog\ndirect: false"),
        ("c", "notifier: syslog\ndirect: false"),
    ];
    let mut world = World::new(&handlers);
    world.is_up = false;
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(30);
    let log: Vec<String> = world.alerts.snapshot().deliveries[0]
        .log
        .iter()
        .map(|attempt| attempt.via.clone())
        .collect();
    assert_eq!(log, ["t/a", "t/a", "t/a", "t/b", "t/b", "t/b", "t/c"]);
    world.is_up = true;
    world.pass(60);
    assert_eq!(world.sent(), ["c problem: linux/cpu CRITICAL"]);
}

#[test]
fn a_final_failure_is_shown() {
    let mut world = World::new(&[("a", QUIET)]);
    world.is_up = false;
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(86_400 + 600);
    let snapshot = world.alerts.snapshot();
    assert_eq!(snapshot.deliveries[0].stage, Stage::Failed);
    assert!(snapshot.handlers[0].failed == 1 && snapshot.handlers[0].is_failing());
    assert!(
        world.notes.iter().any(|note| note.contains("was given up")),
        "{:?}",
        world.notes
    );
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
fn events_of_groups_and_compliances_take_the_same_path() {
    let handlers = [
        (
            "all",
            "notifier: syslog\nevents: [check, group, compliance]",
        ),
        (
            "day",
            "notifier: syslog\nevents: [group]\nwhen: 14:00-18:00",
        ),
        ("checks", QUIET),
    ];
    let mut world = World::new(&handlers);
    let (now, wall) = world.time();
    world.has_groups(&["linux"], true);
    world.has_groups(&["linux", "redis"], true);
    let compliance = kept::Happening::Compliance {
        mode: "audit".to_owned(),
        old_state: "PENDING".to_owned(),
        state: "ERROR".to_owned(),
        rules: Vec::new(),
    };
    world.alerts.happened(now, wall, "ssh", "linux", compliance);
    world.drain();
    assert_eq!(
        world.sent(),
        ["all group: redis ADDED", "all compliance: ssh ERROR"]
    );
    world.restart(&handlers);
    world.pass(2 * 3_600 + 1);
    assert_eq!(world.sent(), ["day group: redis ADDED"]);
    assert!(world.kept.keys().all(|key| !key.starts_with("event")));
}

const GROUPS: (&str, &str) = ("g", "notifier: syslog\nevents: [group]");

#[test]
fn the_first_groups_are_no_news_and_a_kill_repeats_none() {
    let mut world = World::new(&[GROUPS]);
    world.has_groups(&["linux", "redis"], true);
    assert!(world.sent().is_empty());
    world.has_groups(&["linux", "redis", "apache"], true);
    assert_eq!(world.sent(), ["g group: apache ADDED"]);
    for _ in 0..3 {
        world.restart(&[GROUPS]);
        world.has_groups(&["linux", "redis", "apache"], true);
        assert!(world.sent().is_empty());
    }
    world.restart(&[GROUPS]);
    world.has_groups(&["linux", "apache", "mysql"], true);
    assert_eq!(world.sent(), ["g group: mysql ADDED, redis REMOVED"]);
}

#[test]
fn a_group_that_a_new_node_finds_late_is_no_news() {
    let mut world = World::new(&[GROUPS]);
    world.has_groups(&["linux"], false);
    // It ends before it knows all of itself.
    world.restart(&[GROUPS]);
    world.has_groups(&["linux", "redis"], false);
    world.has_groups(&["linux", "redis", "updates"], false);
    world.has_groups(&["linux", "redis", "updates"], true);
    assert!(world.sent().is_empty());
    world.restart(&[GROUPS]);
    world.has_groups(&["linux", "redis", "updates", "apache"], false);
    assert_eq!(world.sent(), ["g group: apache ADDED"]);
}

#[test]
fn a_group_is_gone_only_when_its_detector_can_tell() {
    let mut world = World::new(&[GROUPS]);
    world.has_groups(&["linux", "redis"], true);
    world.restart(&[GROUPS]);
    world.has_groups(&["linux"], false);
    world.has_groups(&["linux", "redis"], false);
    world.has_groups(&["linux", "redis"], true);
    assert!(world.sent().is_empty());
    world.has_groups(&["linux", "mysql"], false);
    assert_eq!(world.sent(), ["g group: mysql ADDED"]);
    world.has_groups(&["linux", "mysql"], true);
    world.pass(600);
    assert_eq!(world.sent(), ["g group: redis REMOVED"]);
}

#[test]
fn groups_that_come_before_the_packs_are_told_with_them() {
    let mut world = World::new(&[GROUPS]);
    world.has_groups(&["linux"], true);
    let (now, wall) = world.time();
    world.alerts = Alerts::new(now, wall, here(), TimeZone::UTC);
    world.alerts.restore(world.kept.values().cloned());
    world.has_groups(&["linux", "redis"], true);
    assert!(world.sent().is_empty());
    world.packs(&[GROUPS]);
    assert_eq!(world.sent(), ["g group: redis ADDED"]);
}

#[test]
fn a_test_is_sent_once_and_no_problem_when_it_fails() {
    let mut world = World::new(&[("a", QUIET)]);
    world.is_up = false;
    let (now, wall) = world.time();
    world.alerts.test(now, wall, "t/a", "alice").unwrap();
    world.drain();
    let snapshot = world.alerts.snapshot();
    assert_eq!(snapshot.deliveries[0].stage, Stage::Failed);
    assert_eq!(snapshot.handlers[0].failed, 0);
    let error = world.alerts.test(now, wall, "t/b", "alice").unwrap_err();
    assert_eq!(error, "there is no handler t/b: did you mean t/a?");
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
