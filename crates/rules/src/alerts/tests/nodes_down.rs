//! Nodes that are dead, and who tells of them.

use super::*;

/// Makes the cluster as this node sees it: `db-1`, dead or not, and who tells of it.
fn view(is_dead: bool, teller: Option<&str>) -> View {
    let dead = is_dead.then(|| (WallTime::from_millis(NOON), "nobody reaches it".to_owned()));
    let node = nodes::OtherNode {
        id: "db".to_owned(),
        name: "db-1".to_owned(),
        zone: "internet".to_owned(),
        groups: vec!["db".to_owned()],
        dead,
        ..nodes::OtherNode::default()
    };
    let down = ["node:db-1", "group:db"].map(str::to_owned);
    let tellers = teller.map(|name| ("t/a".to_owned(), name.to_owned()));
    View {
        nodes: vec![node],
        down: down.into_iter().filter(|_| is_dead).collect(),
        tellers: BTreeMap::from([("internet".to_owned(), tellers.into_iter().collect())]),
    }
}

impl World {
    fn cluster(&mut self, view: View) {
        let (now, wall) = self.time();
        self.alerts.set_cluster(now, wall, view);
        self.drain();
    }

    fn happens(&mut self, name: &str, old: CheckState, new: CheckState, depends_on: &[&str]) {
        self.number += 1;
        let (now, wall) = self.time();
        let mut transition = transition(self.number, name, old, new, depends_on, wall);
        transition.blocked_by = depends_on.iter().map(|it| Arc::from(*it)).collect();
        self.alerts.transition(now, wall, &transition);
        self.drain();
    }
}

#[test]
fn a_dead_node_is_told_by_one_node_and_its_children_are_silent_until_it_is_back() {
    let mut world = World::new(&[("a", "notifier: syslog\nwindow: 0s")]);
    world.cluster(view(false, None));
    for parent in ["node:db-1", "group:db"] {
        world.happens("a/api", CheckState::Ok, CheckState::Critical, &[parent]);
        world.cluster(view(true, None));
        world.pass(120);
        assert_eq!(world.out.len(), 1, "{parent}: {:?}", world.notes);
        let notice = world.out.pop().unwrap().0.notice.clone();
        assert_eq!(notice.items[0].thing.name, "node:db-1");
        assert!(notice.items[0].output.contains("nobody reaches it"));
        assert_eq!(notice.affected, ["a/api (CRITICAL)"]);
        // The node comes back: its end is told, and who still has a problem is told of it.
        world.cluster(view(false, None));
        world.pass(120);
        let told: Vec<_> = world.out.drain(..).map(|it| it.0.notice.clone()).collect();
        let names: Vec<_> = told.iter().map(|it| &*it.items[0].thing.name).collect();
        assert_eq!(names, ["node:db-1", "a/api"]);
        world.happens("a/api", CheckState::Critical, CheckState::Ok, &[]);
        world.pass(120);
        world.out.clear();
    }
}

#[test]
fn who_does_not_tell_of_a_dead_node_is_silent_until_its_turn_comes() {
    let mut world = World::new(&[("a", QUIET)]);
    world.cluster(view(true, Some("web-0")));
    world.pass(120);
    assert!(world.out.is_empty());
    world.cluster(view(true, None));
    world.pass(120);
    assert_eq!(world.out.len(), 1);
    // A node that nobody knows any longer is no problem.
    world.cluster(View::default());
    world.pass(120);
    let notice = world.out.pop().unwrap().0.notice.clone();
    assert_eq!(notice.occasion, notice::Occasion::Recovery);
    assert!(notice.items[0].output.contains("forgotten"));
}

#[test]
fn a_check_of_a_dead_node_is_told_to_who_hears_of_no_nodes() {
    let mut world = World::new(&[("apps", "notifier: syslog\npacks: [a]"), ("all", QUIET)]);
    world.cluster(view(true, None));
    world.happens("a/api", OK, CRITICAL, &["node:db-1"]);
    world.pass(limits::ALERT_BLOCKED_MAX.as_secs() * 2);
    let mut sent = world.sent();
    sent.sort();
    let expect = [
        "all problem: node:db-1 CRITICAL",
        "apps problem: a/api CRITICAL",
    ];
    assert_eq!(sent, expect);
}
