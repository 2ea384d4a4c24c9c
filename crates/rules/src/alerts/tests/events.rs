//! Events of groups and compliance.

use super::*;

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
