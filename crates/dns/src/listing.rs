//! The names for people: all of them, and the facts that TXT tells.

use std::net::IpAddr;

use model::NodeId;

use crate::directory::{ANY_ZONE, Directory, Entry, KEY_HEAD_BYTES, Kind};
use crate::explain::Verdict;
use crate::message::content_text;
use crate::name;
use crate::wire;

/// A name with its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: u16,
    /// Seconds that the answer may be kept.
    pub ttl: u32,
    /// The answers, in the order of a first turn.
    pub contents: Vec<String>,
    /// How many may be in it and are left out.
    pub left_out: usize,
    /// Whether it holds those that fail, because too many do.
    pub has_panic: bool,
}

impl Directory {
    /// Gives all names with records, by kind and name; those of single zones only when asked for.
    pub fn list(&self, with_zones: bool) -> Vec<Listed> {
        let wanted = |entry: &&Entry| with_zones || zone_of(entry) == ANY_ZONE;
        // Those that are names of names, as identities, come behind those that people gave.
        let mut entries: Vec<(Kind, bool, String, &Entry)> = self
            .entries
            .iter()
            .filter(wanted)
            .map(|entry| {
                let name = self.name_of(entry);
                let first = name.split('.').next().unwrap_or_default();
                (entry.kind, NodeId::parse(first).is_ok(), name, entry)
            })
            .collect();
        entries.sort_by(|one, other| (one.0, one.1, &one.2).cmp(&(other.0, other.1, &other.2)));
        let listed = entries
            .into_iter()
            .flat_map(|(.., name, entry)| self.listed(entry, name));
        listed.collect()
    }

    fn listed(&self, entry: &Entry, name: String) -> Vec<Listed> {
        let judged = self.judge(entry);
        let left_out = judged.verdicts.iter().filter(|it| !it.is_in()).count();
        let listed = entry.answers.iter().map(|answer| Listed {
            name: name.clone(),
            kind: answer.kind,
            ttl: answer.ttl(),
            contents: answer
                .contents()
                .map(|content| content_text(answer.kind, content))
                .collect(),
            left_out,
            has_panic: entry.has_panic,
        });
        listed.collect()
    }

    /// Writes the name of an entry.
    fn name_of(&self, entry: &Entry) -> String {
        let labels = &entry.key[KEY_HEAD_BYTES..];
        let domain = self.config().domain.to_string();
        if entry.kind == Kind::Reverse {
            return name::text(labels);
        }
        if entry.kind == Kind::Apex {
            return domain;
        }
        let mut text = name::text(labels);
        if matches!(entry.kind, Kind::Tcp | Kind::Udp) {
            let service = text[..text.len() - 1].rfind('.').map_or(0, |dot| dot + 1);
            text.insert(service, '_');
        }
        text.push_str(entry.kind.as_label());
        text.push('.');
        let zone = self
            .zones
            .iter()
            .find(|(_, number)| *number == zone_of(entry) && *number != ANY_ZONE);
        if let Some((zone, _)) = zone {
            text.push_str(zone);
            text.push('.');
        }
        text + &domain
    }

    /// Writes the facts that TXT tells of a name.
    pub(crate) fn facts(&self, entry: &Entry) -> Vec<String> {
        match entry.kind {
            Kind::Node | Kind::Lock | Kind::Raft => {
                let members = entry.members.iter();
                members
                    .flat_map(|it| node_facts(it.node(&self.cluster)))
                    .collect()
            }
            Kind::Group | Kind::Service | Kind::Tcp | Kind::Udp => self.set_facts(entry),
            Kind::Apex | Kind::Reverse => Vec::new(),
        }
    }

    fn set_facts(&self, entry: &Entry) -> Vec<String> {
        let judged = self.judge(entry);
        let inside = judged.verdicts.iter().filter(|it| it.is_in()).count();
        let mut facts = vec![
            format!("members={}", entry.members.len()),
            format!("in={inside}"),
            format!("out={}", entry.members.len() - inside),
        ];
        if let Some(share) = judged.panic {
            facts.push(format!(
                "panic={} of {} failed at once",
                share.some, share.of
            ));
        }
        let kept = judged.verdicts.contains(&Verdict::Kept);
        if let Some(share) = self.cut_off().filter(|_| kept) {
            facts.push(format!(
                "cut-off={} of {} other nodes died at once",
                share.some, share.of
            ));
        }
        facts
    }
}

fn zone_of(entry: &Entry) -> u16 {
    wire::number16(&entry.key, 0).unwrap_or(ANY_ZONE)
}

fn node_facts(node: &crate::cluster::Node) -> Vec<String> {
    let told = &node.told;
    let mut facts = vec![
        format!("id={}", told.id),
        format!("name={}", told.name),
        format!("zone={}", told.zone),
        format!("state={} since {}", node.state, node.since),
    ];
    if !told.display_name.is_empty() {
        facts.insert(2, format!("display-name={}", told.display_name));
    }
    let addresses: Vec<String> = told.addresses.iter().map(IpAddr::to_string).collect();
    facts.push(format!("addresses={}", addresses.join(",")));
    let groups: Vec<&str> = told.groups.iter().map(model::Group::as_str).collect();
    facts.push(format!("groups={}", groups.join(",")));
    if !told.services.is_empty() {
        let services: Vec<&str> = told.services.iter().map(|it| it.name.as_str()).collect();
        facts.push(format!("services={}", services.join(",")));
    }
    facts.extend(told.facts.iter().cloned());
    facts
}
