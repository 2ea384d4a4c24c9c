//! What people call the nodes that answers name by their UUIDs.

use std::collections::BTreeMap;

use api::client::With;
use api::gossip::{MEMBERS, Member};

use crate::program::Program;

/// Letters of a UUID that tell namesakes apart.
const UUID_SHOWN: usize = 8;

/// The nodes that the agent knows, by UUID.
#[derive(Debug, Default)]
pub(crate) struct Nodes(BTreeMap<String, Member>);

impl Nodes {
    /// Asks the agent for them. Programs are told UUIDs alone, and people are, too, where nobody
    /// can tell the names.
    pub(crate) fn ask(program: &Program) -> Self {
        match program.printer.is_for_programs() {
            true => Self::default(),
            false => Self::of_agent(program),
        }
    }

    /// Asks the agent for them, for what is said to people in any case.
    pub(crate) fn of_agent(program: &Program) -> Self {
        Self(program.get(&MEMBERS, With::default()).unwrap_or_default())
    }

    #[cfg(test)]
    pub(crate) fn of(members: Vec<Member>) -> Self {
        let members = members.into_iter();
        Self(members.map(|it| (it.uuid.clone(), it)).collect())
    }

    /// Gives what is known of a node.
    pub(crate) fn get(&self, uuid: &str) -> Option<&Member> {
        self.0.get(uuid)
    }

    /// Gives the name of a node for people; the beginning of its UUID stands behind one that others
    /// have too.
    pub(crate) fn name(&self, uuid: &str) -> String {
        let Some(member) = self.0.get(uuid) else {
            return uuid.to_owned();
        };
        let name = shown_name(member);
        let namesakes = self.0.values().filter(|one| shown_name(one) == name);
        match namesakes.count() {
            0 | 1 => name.to_owned(),
            _ => format!("{name} ({})", uuid.get(..UUID_SHOWN).unwrap_or(uuid)),
        }
    }

    /// Gives the names of nodes, and the state of those that are not alive.
    pub(crate) fn names(&self, uuids: &[String]) -> String {
        let told = |uuid: &String| match self.get(uuid) {
            Some(member) if member.state != "alive" => {
                format!("{} ({})", self.name(uuid), member.state)
            }
            Some(_) | None => self.name(uuid),
        };
        let told: Vec<String> = uuids.iter().map(told).collect();
        told.join(", ")
    }
}

/// Gives the name of a node for people.
pub(crate) fn shown_name(member: &Member) -> &str {
    match member.display_name.as_str() {
        "" => &member.name,
        shown => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(uuid: &str, name: &str, state: &str) -> Member {
        serde_json::from_value(serde_json::json!({
            "uuid": uuid, "name": "vm", "display_name": name, "addr": "10.0.0.1", "port": 6768,
            "zone": "internet", "state": state, "incarnation": 1, "is_proxy": false, "groups": [],
            "version": "1", "since": "",
            "health": {"state": "ok", "counts": {}, "problems": []},
        }))
        .unwrap()
    }

    #[test]
    fn nodes_are_called_by_their_names_and_namesakes_by_their_uuids_too() {
        let nodes = Nodes::of(vec![
            member("aaaaaaaa-1", "web-1", "alive"),
            member("bbbbbbbb-2", "", "dead"),
            member("cccccccc-3", "", "alive"),
        ]);
        assert_eq!(nodes.name("aaaaaaaa-1"), "web-1");
        assert_eq!(nodes.name("dddddddd-4"), "dddddddd-4");
        let all = ["aaaaaaaa-1", "bbbbbbbb-2", "cccccccc-3", "dddddddd-4"];
        assert_eq!(
            nodes.names(&all.map(str::to_owned)),
            "web-1, vm (bbbbbbbb) (dead), vm (cccccccc), dddddddd-4"
        );
    }
}
