//! Problems of whole nodes: one that is dead cannot tell of itself, so another one does.
//!
//! Each node that knows of it has the problem, and every handler is served by one of them: the
//! shell says which, and the others stay silent and would tell when their turn came. When that node
//! dies in its turn, the next one may tell once more what was told already; that is better than
//! nobody telling it.

use std::collections::{BTreeMap, BTreeSet};

use model::{CheckState, Moment, WallTime, limits};

use super::Alerts;
use super::kept::{Problem, Thing};
use super::problems::{Live, key};
use crate::transition::is_problem;

/// The pack under whose name nodes are told of, for routes.
pub const NODES_PACK: &str = "core-gossip";

/// Another node, as alerts see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherNode {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its name for people; may be empty.
    pub display_name: String,
    /// Its zone.
    pub zone: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// Since when it is dead, and what is known of that; none while it is not.
    pub dead: Option<(WallTime, String)>,
    /// Whether it left, politely.
    pub left: bool,
}

/// The cluster, as alerts see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All other nodes.
    pub nodes: Vec<OtherNode>,
    /// What is down, as `depends_on` names it: `node:db1`, `group:db`.
    pub down: BTreeSet<String>,
    /// By zone, and by handler, the node that tells of the nodes of that zone; none where it is
    /// this one.
    pub tellers: BTreeMap<String, BTreeMap<String, String>>,
}

impl OtherNode {
    fn shown_name(&self) -> &str {
        match self.display_name.as_str() {
            "" => &self.name,
            shown => shown,
        }
    }

    fn thing_name(&self) -> String {
        format!("node:{}", self.shown_name())
    }
}

impl View {
    /// Gives the node that tells a handler of the nodes of a zone, when it is not this one.
    pub(super) fn teller(&self, zone: &str, handler: &str) -> Option<&String> {
        self.tellers.get(zone)?.get(handler)
    }
}

/// Gives all the ways in which `depends_on` may name a node.
pub fn names_of(id: &str, name: &str, display_name: &str) -> Vec<String> {
    let all = [id, name, display_name];
    let named = all.into_iter().filter(|name| !name.is_empty());
    named.map(|name| format!("node:{name}")).collect()
}

impl Alerts {
    /// Takes how the cluster is: all of it, so nothing depends on having heard of each change.
    pub fn set_cluster(&mut self, now: Moment, wall: WallTime, view: View) {
        self.at(now, wall);
        if self.cluster.as_ref() == Some(&view) {
            return self.settle();
        }
        let before = self.cluster.replace(view.clone());
        let mut touched = BTreeSet::new();
        for node in &view.nodes {
            touched.extend(match &node.dead {
                Some((since, output)) => self.node_is_dead(node, *since, output, wall),
                None => self.node_is_back(node, wall),
            });
        }
        touched.extend(self.nodes_are_gone(&view, wall));
        let is_freed = before.is_some_and(|before| !before.down.is_subset(&view.down));
        for (key, live) in &mut self.problems {
            // What hangs on nodes may be silent from here on, or is free in a while: it may end
            // with what it hung on.
            let hangs = live
                .problem
                .thing
                .depends_on
                .iter()
                .any(|on| on.contains(':'));
            if hangs && is_freed {
                live.edit().held_from = wall;
            }
            if hangs || is_node(&live.problem.thing) {
                touched.insert(key.clone());
            }
        }
        for key in touched {
            self.consider(&key);
        }
        self.settle();
    }

    fn node_is_dead(
        &mut self,
        node: &OtherNode,
        since: WallTime,
        output: &str,
        wall: WallTime,
    ) -> Option<String> {
        let name = node.thing_name();
        let key = key(&node.id, &name);
        if let Some(live) = self.problems.get(&key)
            && is_problem(live.problem.state)
        {
            return None;
        }
        if !self.problems.contains_key(&key) && self.problems.len() >= limits::ALERT_PROBLEMS_MAX {
            self.refused += 1;
            return None;
        }
        let thing = Thing {
            node: node.id.clone(),
            node_name: node.name.clone(),
            node_display_name: node.display_name.clone(),
            zone: node.zone.clone(),
            groups: node.groups.clone(),
            pack: NODES_PACK.to_owned(),
            display_name: format!("Node {}", node.shown_name()),
            name,
            ..Thing::default()
        };
        self.numbers.problems += 1;
        let problem = Problem {
            number: self.numbers.problems,
            thing,
            state: CheckState::Critical,
            old_state: CheckState::Ok,
            gone: None,
            output: output.to_owned(),
            began: since,
            changed: wall,
            held_from: wall,
            is_flapping: false,
            blocked_by: Vec::new(),
            acknowledged: None,
            // Who was told that it was well again hears that it is not.
            told: self
                .problems
                .get(&key)
                .map(|live| live.problem.told.clone())
                .unwrap_or_default(),
            context: Vec::new(),
            decisions: Vec::new(),
        };
        let mut live = Live::new(problem);
        live.decide(wall, "", "OK → CRITICAL".to_owned());
        if let Some(old) = self.problems.insert(key.clone(), live)
            && let Some(wake) = old.wake
        {
            self.wakes.remove(&(wake, key.clone()));
        }
        self.keep_problem(&key);
        Some(key)
    }

    fn node_is_back(&mut self, node: &OtherNode, wall: WallTime) -> Option<String> {
        let key = key(&node.id, &node.thing_name());
        let gone = node.left.then_some("the node left");
        self.end_of_node(&key, gone, wall).then_some(key)
    }

    /// Ends problems of nodes that nobody knows any longer, or that have another name.
    fn nodes_are_gone(&mut self, view: &View, wall: WallTime) -> Vec<String> {
        let known: BTreeSet<String> = view
            .nodes
            .iter()
            .map(|node| key(&node.id, &node.thing_name()))
            .collect();
        let gone = self.problems.iter();
        let gone = gone.filter(|(key, live)| is_node(&live.problem.thing) && !known.contains(*key));
        let gone: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        gone.into_iter()
            .filter(|key| self.end_of_node(key, Some("the node was forgotten"), wall))
            .collect()
    }

    fn end_of_node(&mut self, key: &str, gone: Option<&str>, wall: WallTime) -> bool {
        let Some(live) = self.problems.get_mut(key) else {
            return false;
        };
        if !is_problem(live.problem.state) {
            return false;
        }
        let problem = live.edit();
        problem.old_state = problem.state;
        problem.state = CheckState::Ok;
        problem.changed = wall;
        problem.acknowledged = None;
        problem.gone = gone.map(str::to_owned);
        if gone.is_none() {
            "it answers again".clone_into(&mut problem.output);
        }
        live.decide(wall, "", "CRITICAL → OK".to_owned());
        self.keep_problem(key);
        true
    }

    /// Finds the open problem of a node that `depends_on` names, or of one of a group that is down.
    pub(super) fn node_parent(&self, on: &str) -> Option<&Problem> {
        let view = self.cluster.as_ref()?;
        if !view.down.contains(on) {
            return None;
        }
        let is_meant = |node: &&OtherNode| match on.strip_prefix("group:") {
            Some(group) => node.groups.iter().any(|name| name == group),
            None => names_of(&node.id, &node.name, &node.display_name)
                .iter()
                .any(|name| name == on),
        };
        let mut dead = view.nodes.iter().filter(|node| node.dead.is_some());
        let node = dead.find(is_meant)?;
        let key = key(&node.id, &node.thing_name());
        let problem = &self.problems.get(&key)?.problem;
        is_problem(problem.state).then_some(&**problem)
    }

    /// Gives the names by which checks may depend on a node that is told of, and on its groups that
    /// are down with it.
    pub(super) fn node_roots(&self, thing: &Thing) -> Vec<String> {
        if !is_node(thing) {
            return Vec::new();
        }
        let mut names = names_of(&thing.node, &thing.node_name, &thing.node_display_name);
        let groups = thing.groups.iter().map(|group| format!("group:{group}"));
        let is_down = |name: &String| {
            let view = self.cluster.as_ref();
            view.is_some_and(|view| view.down.contains(name))
        };
        names.extend(groups.filter(is_down));
        names
    }
}

/// Tells whether a problem is that of a whole node.
pub(super) fn is_node(thing: &Thing) -> bool {
    thing.pack == NODES_PACK && thing.name.starts_with("node:")
}
