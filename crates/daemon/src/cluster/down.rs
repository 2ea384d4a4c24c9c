//! Which nodes are dead, for checks that depend on them and for those who are told of it.
//!
//! One living node serves each handler: the one of the smallest id among those of the dead node's
//! zone whose records say that the handler sends from there, or, when that zone has none, among
//! those of this node's zone. All nodes see the same records, so they agree without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::rules::alerts::nodes::{OtherNode, View, names_of};
use gossip::{Member, Record, Snapshot};
use model::{CheckState, MemberState, NodeId, Zone};

use super::describe;

/// Time after the start in which nobody is called dead: those who were known before the start are
/// not heard at once.
const START_GRACE: Duration = Duration::from_secs(10);
/// Problems of a dead node that are named.
const PROBLEMS_TOLD: usize = 5;

/// What was looked at last: figures change all the time, who lives and what he tells does not.
#[derive(Default)]
pub(crate) struct Seen {
    members: Vec<(Arc<Record>, MemberState)>,
    is_ready: bool,
}

impl Seen {
    /// Tells whether there is something new to look at, and remembers it.
    pub(crate) fn is_news(&mut self, known: &Snapshot, uptime: Duration) -> bool {
        let is_ready = uptime >= START_GRACE;
        let is_same = self.is_ready == is_ready
            && self.members.len() == known.members.len()
            && self
                .members
                .iter()
                .zip(&known.members)
                .all(|(seen, member)| {
                    Arc::ptr_eq(&seen.0, &member.record) && seen.1 == member.state
                });
        if !is_same {
            let members = known.members.iter();
            self.members = members
                .map(|it| (Arc::clone(&it.record), it.state))
                .collect();
            self.is_ready = is_ready;
        }
        !is_same
    }
}

/// Names the nodes and groups that are down, as `depends_on` of checks does, and checks of other
/// nodes that are critical. A group is down when all that are known of it are.
pub(crate) fn names(known: &Snapshot, uptime: Duration) -> BTreeSet<String> {
    if uptime < START_GRACE {
        return BTreeSet::new();
    }
    let mut down = BTreeSet::new();
    let mut groups: BTreeMap<&str, bool> = BTreeMap::new();
    for member in &known.members {
        if member.state == MemberState::Leave {
            continue;
        }
        let is_dead = is_dead(known, member);
        for group in member.record.groups() {
            *groups.entry(group.as_str()).or_insert(true) &= is_dead;
        }
        let problems = &member.record.body.health.problems;
        let critical = problems
            .iter()
            .filter(|it| it.state == CheckState::Critical);
        let critical: Vec<&str> = critical.map(|it| it.check.as_str()).collect();
        if !is_dead && (critical.is_empty() || member.record.id == known.own) {
            continue;
        }
        let body = &member.record.body;
        let id = member.record.id.to_string();
        for name in names_of(&id, &body.name, &body.display_name) {
            for check in &critical {
                let whole = check.split('[').next().unwrap_or(check);
                down.insert(format!("{name}/{check}"));
                down.insert(format!("{name}/{whole}"));
            }
            if is_dead {
                down.insert(name);
            }
        }
    }
    let groups = groups.into_iter().filter(|(_, is_down)| *is_down);
    down.extend(groups.map(|(name, _)| format!("group:{name}")));
    down
}

/// Gives the cluster as alerts see it; nothing soon after the start.
pub(crate) fn view(known: &Snapshot, uptime: Duration) -> Option<View> {
    if uptime < START_GRACE {
        return None;
    }
    let others = known.members.iter().filter(|it| it.record.id != known.own);
    let nodes: Vec<OtherNode> = others.map(|member| other(known, member)).collect();
    let dead = known.members.iter().filter(|it| is_dead(known, it));
    let zones: BTreeSet<&Zone> = dead.map(|it| &it.record.body.zone).collect();
    let tellers = zones
        .into_iter()
        .map(|zone| (zone.to_string(), tellers(known, zone)));
    Some(View {
        tellers: tellers.collect(),
        down: names(known, uptime),
        nodes,
    })
}

fn is_dead(known: &Snapshot, member: &Member) -> bool {
    member.state == MemberState::Dead && member.record.id != known.own
}

fn other(known: &Snapshot, member: &Member) -> OtherNode {
    let body = &member.record.body;
    let dead = is_dead(known, member).then(|| (member.since, told(known, member)));
    let groups = member.record.groups();
    OtherNode {
        id: member.record.id.to_string(),
        name: body.name.clone(),
        display_name: body.display_name.clone(),
        zone: body.zone.to_string(),
        groups: groups.into_iter().map(ToString::to_string).collect(),
        dead,
        left: member.state == MemberState::Leave,
    }
}

/// Says what is known of a dead node.
fn told(known: &Snapshot, member: &Member) -> String {
    let address = member.record.body.address;
    let accuser = member
        .accuser
        .and_then(|id| super::shown_name(known, id))
        .map_or_else(String::new, |by| format!(" ({by} said so first)"));
    let problems = &member.record.body.health.problems;
    let mut last: Vec<String> = problems
        .iter()
        .take(PROBLEMS_TOLD)
        .map(|problem| format!("{} {}", problem.check, problem.state))
        .collect();
    if problems.len() > PROBLEMS_TOLD {
        last.push(format!("{} more", problems.len() - PROBLEMS_TOLD));
    }
    let last = match last[..] {
        [] => String::new(),
        _ => format!("; it told last: {}", last.join(", ")),
    };
    format!("the node is dead: nobody reaches it at {address}{accuser}{last}")
}

/// Gives for each handler the node that tells of nodes of a zone, where it is not this one.
fn tellers(known: &Snapshot, zone: &Zone) -> BTreeMap<String, String> {
    let own = known.member(known.own).map(|it| &it.record.body.zone);
    let mut first: BTreeMap<String, (bool, NodeId)> = BTreeMap::new();
    for member in &known.members {
        let is_living = member.record.id == known.own || member.state < MemberState::Dead;
        let in_zone = member.record.body.zone == *zone;
        if !is_living || !(in_zone || own == Some(&member.record.body.zone)) {
            continue;
        }
        let candidate = (!in_zone, member.record.id);
        for handler in describe::handlers(&member.record) {
            let best = first.entry(handler).or_insert(candidate);
            *best = (*best).min(candidate);
        }
    }
    let others = first.into_iter().filter(|(_, (_, id))| *id != known.own);
    others
        .map(|(handler, (_, id))| {
            let name = super::shown_name(known, id).unwrap_or_else(|| id.to_string());
            (handler, name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::Group;

    use super::*;
    use crate::cluster::show::tests::snapshot;

    const LATER: Duration = Duration::from_secs(60);

    /// Three nodes, of which the second is dead; 2 and 3 are of the group `db`.
    fn cluster() -> Snapshot {
        let mut known = snapshot(&[(1, "web-1", ""), (2, "db-1", "main"), (3, "db-2", "")]);
        for member in &mut known.members {
            let number = member.record.id.as_bytes()[0];
            let body = &mut Arc::make_mut(&mut member.record).body;
            if number != 1 {
                body.static_groups = vec![Group::parse("db").unwrap()];
            }
            let handlers: Arc<[u8]> = Arc::from(&b"mail/mail\nslack/slack\n"[..]);
            body.parts.insert("handlers".to_owned(), handlers);
            if number == 2 {
                member.state = MemberState::Dead;
            }
        }
        known
    }

    fn own(known: &mut Snapshot, number: u8) {
        let ids = known.members.iter().map(|it| it.record.id);
        known.own = ids
            .into_iter()
            .find(|id| id.as_bytes()[0] == number)
            .unwrap();
    }

    #[test]
    fn dead_nodes_are_down_by_all_their_names_and_groups_when_all_are() {
        let mut known = cluster();
        own(&mut known, 1);
        let down = names(&known, LATER);
        assert!(
            down.contains("node:db-1") && down.contains("node:main"),
            "{down:?}"
        );
        assert_eq!(down.len(), 3, "{down:?}");
        for member in &mut known.members {
            if member.record.id.as_bytes()[0] == 3 {
                member.state = MemberState::Dead;
            }
        }
        assert!(names(&known, LATER).contains("group:db"));
        assert!(names(&known, Duration::from_secs(1)).is_empty());
        assert_eq!(view(&known, Duration::from_secs(1)), None);
    }

    #[test]
    fn one_living_node_tells_each_handler() {
        let mut known = cluster();
        own(&mut known, 1);
        let view_of = |known: &Snapshot| view(known, LATER).unwrap();
        assert!(
            view_of(&known).tellers["internet"].is_empty(),
            "this one tells"
        );
        let dead = &view_of(&known).nodes[0];
        assert_eq!(dead.name, "db-1");
        assert!(dead.dead.as_ref().unwrap().1.contains("nobody reaches it"));
        own(&mut known, 3);
        let tellers = view_of(&known).tellers["internet"].clone();
        assert_eq!(tellers["mail/mail"], "web-1");
        // When that one is dead too, or has no such handler, the next one has its turn.
        let first = known.members.iter_mut();
        let first = first.into_iter().find(|it| it.record.id.as_bytes()[0] == 1);
        let record = &mut first.unwrap().record;
        Arc::make_mut(record).body.parts.clear();
        assert!(view_of(&known).tellers["internet"].is_empty());
    }
}
