//! Ways of notices: restarts, crashes, handlers that are down, alternates.

use super::*;

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
fn a_test_does_not_wait_behind_what_fails() {
    let mut world = World::new(&[("a", QUIET)]);
    world.is_up = false;
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(120);
    world.is_up = true;
    let (now, wall) = world.time();
    world.alerts.test(now, wall, "t/a", "alice").unwrap();
    world.drain();
    assert_eq!(world.sent(), ["a test: test TEST"]);
    // What failed has its own time, and its own order.
    world.pass(600);
    assert_eq!(world.sent(), ["a problem: linux/cpu CRITICAL"]);
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
fn what_is_on_its_way_is_not_told_and_what_was_given_up_never_was() {
    let mut world = World::new(&[("a", QUIET), ("b", "notifier: syslog\nenabled: false")]);
    let reached = |world: &World| world.alerts.snapshot().marks[0].reached.clone();
    let only = |one| BTreeMap::from([("t/a".to_owned(), one)]);
    world.is_up = false;
    world.goes("linux/cpu", OK, CRITICAL);
    world.pass(10);
    assert_eq!(reached(&world), only(Reached::Waiting));
    let told = |world: &World| {
        let (_, explained) = world
            .alerts
            .explain(&id().to_string(), "linux/cpu")
            .unwrap();
        explained[0].told.clone().unwrap()
    };
    assert!(
        told(&world).contains("n1 waits to be delivered"),
        "{}",
        told(&world)
    );
    world.is_up = true;
    world.pass(3_600);
    assert_eq!(reached(&world), only(Reached::Told));
    assert!(told(&world).contains("n1 delivered"), "{}", told(&world));
    world.is_up = false;
    world.goes("linux/cpu", CRITICAL, WARNING);
    world.pass(86_400 + 600);
    assert_eq!(reached(&world), only(Reached::Failed));
    world.restart(&[("a", QUIET)]);
    assert_eq!(reached(&world), only(Reached::Failed));
    assert!(told(&world).contains("n2 WAS GIVEN UP"), "{}", told(&world));
    world.is_up = true;
    world.goes("linux/cpu", WARNING, CRITICAL);
    world.pass(60);
    assert_eq!(reached(&world), only(Reached::Told));
}

#[test]
fn what_waits_for_a_handler_that_is_removed_ends_however_much_it_is() {
    let pager = ("pager", "notifier: syslog\ngather: check\nwindow: 0s");
    let mut world = World::new(&[pager]);
    world.is_up = false;
    for number in 0..limits::ALERT_DELIVERIES_WAITING_MAX {
        world.goes(&format!("app/check-{number}"), OK, CRITICAL);
    }
    let waiting = world.alerts.snapshot().handlers[0].waiting;
    assert_eq!(waiting, limits::ALERT_DELIVERIES_WAITING_MAX as u64);
    // Far less than one frame for each of them.
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let world = small.spawn(move || {
        world.restart(&[]);
        world.pass(600);
        world
    });
    let mut world = world.unwrap().join().unwrap();
    let snapshot = world.alerts.snapshot();
    let is_over = |it: &Arc<Delivery>| it.stage == Stage::Failed;
    assert!(snapshot.deliveries.iter().all(is_over));
    assert!(snapshot.deliveries.len() <= limits::ALERT_DELIVERIES_KEPT_MAX);
    // On disk it is the same: the next start finds nothing that waits.
    world.restart(&[pager]);
    world.is_up = true;
    world.pass(60);
    assert!(world.sent().is_empty());
}
