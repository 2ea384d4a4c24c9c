//! Problems that no transition told of.

use crate::checks::{Checks, Definitions, Ended, Kept, Outcome, Output as Asked, Said};

use super::*;

/// Checks of this node that are well or bad without anybody having been told.
fn checks(files: &[(&str, &str, CheckState)]) -> Checks {
    let mut all = PackFiles::new();
    let package = File::new("package.yml", b"name: p\n".as_slice());
    all.add(Level::Local, "p/package.yml", package);
    for (name, keys, _) in files {
        let text = format!("check:\n  if_group: '*'\n  critical_if: 'False'\n{keys}");
        let path = format!("p/monitoring/{name}.yml");
        all.add(Level::Local, &path, File::new(&*path, text.as_bytes()));
    }
    let registry = Registry::load(&all, None);
    let (now, wall) = (Moment::from_start(HOUR), WallTime::from_millis(NOON));
    let mut checks = Checks::new(id(), Arc::from("web-1"), Kept::default());
    let definitions = Definitions {
        checks: registry.checks().cloned().collect(),
        groups: BTreeSet::new(),
        is_settled: true,
    };
    checks.define(now, wall, definitions);
    let now = now + HOUR;
    checks.tick(now, wall);
    while let Some(output) = checks.poll_output() {
        let Asked::Judge(runs) = output else {
            continue;
        };
        for run in runs {
            let named = files.iter().find(|(name, _, _)| **name == *run.check.name);
            let state = named.unwrap().2;
            let ended = Ended {
                slot: run.slot,
                number: run.number,
                began: now,
                took: Duration::ZERO,
                outcome: Outcome::Said(vec![Said::new(state, "said")]),
            };
            checks.ended(now, wall, ended);
        }
    }
    checks
}

impl World {
    fn compare(&mut self, checks: &mut Checks) {
        let (now, wall) = self.time();
        self.alerts.compare(now, wall, &checks.snapshot());
        self.drain();
    }
}

#[test]
fn a_problem_that_nobody_told_of_begins_and_ends() {
    let mut world = World::new(&[("a", QUIET)]);
    let mut bad = checks(&[("x", "", CRITICAL), ("y", "", OK)]);
    world.compare(&mut bad);
    assert_eq!(world.sent(), ["a problem: p/x CRITICAL"]);
    world.compare(&mut bad);
    world.pass(60);
    assert!(world.sent().is_empty(), "it is told once");
    // A restart whose checks remember more than the alerts, or less.
    world.restart(&[("a", QUIET)]);
    let mut worse = checks(&[("x", "", WARNING), ("y", "", CRITICAL)]);
    world.compare(&mut worse);
    world.pass(60);
    let mut sent = world.sent();
    sent.sort();
    assert_eq!(sent, ["a problem: p/y CRITICAL, p/x WARNING"]);
    let mut well = checks(&[("x", "", OK), ("y", "", OK)]);
    world.compare(&mut well);
    world.pass(60);
    assert!(world.alerts.snapshot().problems.is_empty());
}

#[test]
fn what_is_soft_or_on_its_way_here_is_left_to_its_transition() {
    let mut world = World::new(&[("a", QUIET)]);
    world.compare(&mut checks(&[("x", "  attempts: 2\n", CRITICAL)]));
    assert!(world.alerts.snapshot().problems.is_empty());
    // The alerts have heard of more than these checks show.
    world.number = 40;
    world.goes("linux/cpu", OK, WARNING);
    world.compare(&mut checks(&[("x", "", CRITICAL)]));
    world.pass(60);
    assert_eq!(world.sent(), ["a problem: linux/cpu WARNING"]);
}

#[test]
fn among_missed_problems_the_cause_is_told_and_the_rest_is_silent() {
    let mut world = World::new(&[("a", QUIET)]);
    let child = "  depends_on: [parent]\n";
    // The child waits for its parent, so it counts only in a second look.
    let mut bad = checks(&[("achild", "", CRITICAL), ("parent", "", CRITICAL)]);
    let snapshot = bad.snapshot();
    let mut edited = (*snapshot).clone();
    for watched in &mut edited.checks {
        if &*watched.check.name == "achild" {
            let with = checks(&[("achild", child, OK)]).snapshot();
            let mut own = crate::checks::Watched::clone(watched);
            own.subject = Arc::clone(&with.checks[0].subject);
            *watched = Arc::new(own);
        }
    }
    let (now, wall) = world.time();
    world.alerts.compare(now, wall, &edited);
    world.drain();
    world.pass(600);
    assert_eq!(world.sent(), ["a problem: p/parent CRITICAL"]);
}

#[test]
fn no_more_problems_begin_than_there_may_be() {
    let mut world = World::new(&[]);
    for number in 0..limits::ALERT_PROBLEMS_MAX {
        world.goes(&format!("linux/c{number}"), OK, CRITICAL);
    }
    world.number = 0;
    let mut more = (*checks(&[("x", "", CRITICAL)]).snapshot()).clone();
    // All the others are somewhere.
    more.is_settled = false;
    world.alerts.last_transition = None;
    let (now, wall) = world.time();
    world.alerts.compare(now, wall, &more);
    world.drain();
    let snapshot = world.alerts.snapshot();
    assert_eq!(snapshot.problems.len(), limits::ALERT_PROBLEMS_MAX);
    assert_eq!(snapshot.refused, 0);
}

#[test]
fn a_problem_whose_check_is_gone_ends_though_nobody_told_that() {
    let handlers = [("a", QUIET)];
    let mut world = World::new(&handlers);
    for name in ["p/x", "p/removed", "p/each[old]", "p/y[old]"] {
        world.goes(name, OK, CRITICAL);
        world.pass(60);
    }
    world.sent();
    world.restart(&handlers);
    let each = "  for_each: '[1]'\n";
    let mut unsettled = checks(&[]);
    unsettled.pause();
    world.compare(&mut unsettled);
    world.pass(60);
    assert!(
        world.sent().is_empty(),
        "who does not know itself ends nothing"
    );
    let mut all = checks(&[
        ("x", "", CRITICAL),
        ("each", each, OK),
        ("y", each, CheckState::Unknown),
    ]);
    world.compare(&mut all);
    world.pass(60);
    let problems = world.alerts.snapshot().problems.clone();
    let open: Vec<&str> = problems.iter().map(|it| &*it.thing.name).collect();
    // What vanished and what is only unknown: the check as a whole says so.
    assert_eq!(open, ["p/x", "p/y", "p/y[old]"]);
    let ended: Vec<&str> = world
        .out
        .iter()
        .flat_map(|(delivery, _)| &delivery.notice.items)
        .filter(|item| item.state == "OK")
        .map(|item| &*item.output)
        .collect();
    let expect = [
        "no longer looked at: it vanished",
        "no longer looked at: its check is no longer on this node",
    ];
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(expect.iter().all(|it| ended.contains(it)), "{ended:?}");
}
