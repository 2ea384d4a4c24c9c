//! Alerts on virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{CheckState, Level, NodeId, Place};
use packs::{File, PackFiles};

use super::kept::{Scope, Stage};
use super::*;
use crate::facts::Detected;
use crate::transition::{Change, Reason, Standing, Subject, Transition};

mod delivery;
mod events;
mod missed;
mod nodes_down;
mod orders;
mod told;

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
        let given = Arc::new(groups(names));
        self.has(OwnGroups {
            given,
            is_certain,
            ..OwnGroups::default()
        });
    }

    /// Takes groups that a detector `p/NAME` gives for each, while others wait.
    fn detects(&mut self, names: &[&str], undecided: &[&str]) {
        let detected = names.iter().map(|name| {
            let by = BTreeSet::from([Arc::from(format!("p/{name}"))]);
            let since = WallTime::from_millis(NOON);
            (Group::parse(name).unwrap(), Detected { by, since })
        });
        let undecided = undecided.iter().map(|name| Arc::from(format!("p/{name}")));
        self.has(OwnGroups {
            given: Arc::new(groups(&["linux"])),
            detected: Arc::new(detected.collect()),
            is_certain: undecided.len() == 0,
            undecided: undecided.collect(),
        });
    }

    fn has(&mut self, groups: OwnGroups) {
        let (now, wall) = self.time();
        self.alerts.set_groups(now, wall, groups);
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

fn groups(names: &[&str]) -> BTreeSet<Group> {
    let groups = names.iter().map(|name| Group::parse(name).unwrap());
    groups.collect()
}

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
    let page = File::new("own.html", b"<p>{{ check.name }}</p>".as_slice());
    files.add(Level::Local, "t/templates/own.html", page);
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

const GROUPS: (&str, &str) = ("g", "notifier: syslog\nevents: [group]");

#[test]
fn a_test_is_sent_once_and_no_problem_when_it_fails() {
    let mut world = World::new(&[("a", QUIET)]);
    world.is_up = false;
    let (now, wall) = world.time();
    world.alerts.test(now, wall, "a", "alice").unwrap();
    world.drain();
    let snapshot = world.alerts.snapshot();
    assert_eq!(snapshot.deliveries[0].stage, Stage::Failed);
    assert_eq!(snapshot.handlers[0].failed, 0);
    let error = world.alerts.test(now, wall, "t/b", "alice").unwrap_err();
    assert_eq!(error, "there is no handler t/b: did you mean t/a?");
}
