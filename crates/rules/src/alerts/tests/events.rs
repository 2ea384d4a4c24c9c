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
fn the_first_answer_of_a_detector_of_a_new_node_is_no_news() {
    let mut world = World::new(&[GROUPS]);
    world.detects(&["redis"], &["updates", "smart", "slow"]);
    // It ends before it knows all of itself.
    world.restart(&[GROUPS]);
    world.detects(&["redis"], &["redis", "updates", "smart", "slow"]);
    world.detects(&["redis", "updates"], &["smart", "slow"]);
    world.detects(&["redis", "updates"], &["slow"]);
    assert!(world.sent().is_empty());
    // Its first answer was that there is none.
    world.detects(&["redis", "updates", "smart"], &["slow"]);
    assert_eq!(world.sent(), ["g group: smart ADDED"]);
    // What came and went is told like all else, and so is one that is new.
    world.detects(&["redis", "smart"], &[]);
    world.pass(600);
    world.detects(&["redis", "smart", "slow"], &["later"]);
    world.detects(&["redis", "smart", "slow", "updates", "later"], &[]);
    world.pass(600);
    let expect = [
        "g group: updates REMOVED",
        "g group: slow ADDED",
        "g group: later ADDED, updates ADDED",
    ];
    assert_eq!(world.sent(), expect);
}

#[test]
fn a_group_that_is_given_by_hand_is_told_though_a_detector_waits() {
    let mut world = World::new(&[GROUPS]);
    world.detects(&[], &["web"]);
    world.has(OwnGroups {
        given: Arc::new(groups(&["linux", "web"])),
        undecided: BTreeSet::from([Arc::from("p/web")]),
        ..OwnGroups::default()
    });
    assert_eq!(world.sent(), ["g group: web ADDED"]);
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
