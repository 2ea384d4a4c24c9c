//! All names and their answers, made once for each change of the cluster and then only read.
//!
//! A name is found by one look into a table: its zone and kind are taken from its last labels, and
//! what is left is the key. So `web.group.opsbro` and `web.group.local.opsbro` are one entry.

use std::sync::Arc;

use crate::answer::Answer;
use crate::build::{Config, Ttl};
use crate::cluster::Cluster;
use crate::explain::Share;
use crate::health::{Candidate, Judge, Judged};
use crate::label::hash;
use crate::name::NAME_BYTES_MAX;
use crate::query::Query;

/// The zone of names that name none, or `local`: all that this node sees.
pub(crate) const ANY_ZONE: u16 = 0;
/// Bytes of a key in front of its labels.
pub(crate) const KEY_HEAD_BYTES: usize = 3;
/// The word for [`ANY_ZONE`], as the original's names have it.
const LOCAL: &[u8] = b"local";
/// The word that asks for reasons.
const WHY: &[u8] = b"why";

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The domain itself.
    Apex,
    /// A node.
    Node,
    /// The nodes of a group.
    Group,
    /// The nodes that offer a service.
    Service,
    /// The places of a service by TCP.
    Tcp,
    /// The places of a service by UDP.
    Udp,
    /// The holder of a lock.
    Lock,
    /// Who leads the agreement.
    Raft,
    /// The node of an address.
    Reverse,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Apex,
        Self::Node,
        Self::Group,
        Self::Service,
        Self::Tcp,
        Self::Udp,
        Self::Lock,
        Self::Raft,
        Self::Reverse,
    ];

    /// Reads the label that names a kind.
    pub(crate) fn of_label(label: &[u8]) -> Option<Self> {
        match label {
            b"name" | b"node" => Some(Self::Node),
            b"group" => Some(Self::Group),
            b"service" => Some(Self::Service),
            b"_tcp" => Some(Self::Tcp),
            b"_udp" => Some(Self::Udp),
            b"lock" => Some(Self::Lock),
            b"raft" => Some(Self::Raft),
            _ => None,
        }
    }

    /// Gives the label that names it.
    pub(crate) const fn as_label(self) -> &'static str {
        match self {
            Self::Apex | Self::Reverse => "",
            Self::Node => "node",
            Self::Group => "group",
            Self::Service => "service",
            Self::Tcp => "_tcp",
            Self::Udp => "_udp",
            Self::Lock => "lock",
            Self::Raft => "raft",
        }
    }

    fn is_protocol(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

/// All names and their answers.
#[derive(Debug)]
pub struct Directory {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) config: Config,
    pub(crate) judge: Judge,
    /// The labels of the zones, and their numbers.
    pub(crate) zones: Vec<(String, u16)>,
    /// By key.
    pub(crate) entries: Vec<Entry>,
    /// Hash table of the entries: their number plus one, or nothing.
    pub(crate) slots: Box<[u32]>,
    /// For each kind the record that stands where an answer would, with its time to live.
    pub(crate) negatives: [Box<[u8]>; Kind::ALL.len()],
    pub(crate) serial: u32,
}

/// A name.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Box<[u8]>,
    pub(crate) kind: Kind,
    /// Who may be in its answers, in or out.
    pub(crate) members: Box<[Candidate]>,
    pub(crate) answers: Vec<Answer>,
    /// Whether its answers hold those that fail, because too many do.
    pub(crate) has_panic: bool,
}

impl Entry {
    /// Gives the answer of a type.
    pub(crate) fn answer(&self, kind: u16) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.kind == kind)
    }

    /// Tells whether several may answer to the name, so that it may panic.
    pub(crate) fn is_set(&self) -> bool {
        is_set(self.kind)
    }
}

/// Tells whether names of a kind stand for several nodes.
pub(crate) fn is_set(kind: Kind) -> bool {
    matches!(kind, Kind::Group | Kind::Service | Kind::Tcp | Kind::Udp)
}

/// What became of a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'d> {
    /// It is there.
    Entry(&'d Entry),
    /// It asks why that one has its answers.
    Why(&'d Entry),
    /// It has no records of its own, only names below it.
    Empty(Kind),
    /// It would be one of ours, and is not there.
    Missing(Kind),
    /// Whether it is there is not known yet.
    Unknown,
    /// It is not one of ours.
    Foreign,
}

impl Directory {
    /// Gives what it was made of.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Gives how it was made.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Gives its number, which grows with each change.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Counts the names.
    pub fn names_count(&self) -> usize {
        self.entries.len()
    }

    /// Tells which share of the other nodes died at once, when so many did that it is this node
    /// that is cut off.
    pub fn cut_off(&self) -> Option<Share> {
        self.judge.cut_off()
    }

    /// Tells whether a name is below the domain.
    pub(crate) fn is_own(&self, query: &Query) -> bool {
        let domain = self.config.domain.as_wire();
        let name = query.name();
        // The domain must begin at a label, which only the places of the labels tell.
        name.len() >= domain.len()
            && query.labels_count() >= self.config.domain_labels
            && query.name_from(query.labels_count() - self.config.domain_labels) == domain
    }

    /// Finds what a query is about.
    pub(crate) fn find(&self, query: &Query) -> Found<'_> {
        if !self.is_own(query) {
            return self.find_reverse(query);
        }
        let below = query.labels_count() - self.config.domain_labels;
        if below == 0 {
            return self
                .get(&[0, 0, Kind::Apex as u8])
                .map_or(Found::Foreign, Found::Entry);
        }
        let (mut kind, zone, mut labels) = match self.place(query, below) {
            Ok(place) => place,
            Err(found) => return found,
        };
        if kind == Kind::Service
            && labels > 0
            && let Some(protocol) = Kind::of_label(query.label(labels - 1))
            && protocol.is_protocol()
        {
            (kind, labels) = (protocol, labels - 1);
        }
        if labels == 0 {
            return Found::Empty(kind);
        }
        if self.cluster.holders.is_none() && matches!(kind, Kind::Lock | Kind::Raft) {
            return Found::Unknown;
        }
        if let Some(entry) = self.find_key(query, kind, zone, 0, labels) {
            return match entry.members.is_empty() && entry.answers.is_empty() {
                true => Found::Empty(kind),
                false => Found::Entry(entry),
            };
        }
        if query.label(0) == WHY && labels > 1 {
            let entry = self.find_key(query, kind, zone, 1, labels);
            return entry.map_or(Found::Missing(kind), Found::Why);
        }
        Found::Missing(kind)
    }

    /// Reads kind and zone from the labels below the domain, and counts those in front of them.
    fn place(&self, query: &Query, below: usize) -> Result<(Kind, u16, usize), Found<'_>> {
        let last = query.label(below - 1);
        if let Some(kind) = Kind::of_label(last) {
            return Ok((kind, ANY_ZONE, below - 1));
        }
        let zone = self.zone_number(last).ok_or(Found::Missing(Kind::Apex))?;
        if below == 1 {
            return Err(Found::Empty(Kind::Apex));
        }
        let kind = Kind::of_label(query.label(below - 2)).ok_or(Found::Missing(Kind::Apex))?;
        Ok((kind, zone, below - 2))
    }

    fn zone_number(&self, label: &[u8]) -> Option<u16> {
        if label == LOCAL {
            return Some(ANY_ZONE);
        }
        let known = self.zones.iter().find(|(name, _)| name.as_bytes() == label);
        known.map(|(_, number)| *number)
    }

    fn find_reverse(&self, query: &Query) -> Found<'_> {
        if !is_reverse(query) {
            return Found::Foreign;
        }
        let mut key = Key::new(ANY_ZONE, Kind::Reverse);
        key.push(query.name());
        self.get(key.as_bytes())
            .map_or(Found::Foreign, Found::Entry)
    }

    fn find_key(
        &self,
        query: &Query,
        kind: Kind,
        zone: u16,
        from: usize,
        to: usize,
    ) -> Option<&Entry> {
        let mut key = Key::new(zone, kind);
        let end = query.name_from(to).len();
        let (names, service) = (query.name_from(from), query.name_from(to - 1));
        if !kind.is_protocol() {
            key.push(&names[..names.len() - end]);
            return self.get(key.as_bytes());
        }
        // A service among protocols is written with an underscore, and kept without.
        let label = query.label(to - 1).strip_prefix(b"_")?;
        key.push(&names[..names.len() - service.len()]);
        key.push(&[u8::try_from(label.len()).ok()?]);
        key.push(label);
        self.get(key.as_bytes())
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Entry> {
        let mask = self.slots.len() - 1;
        let mut at = hash(key) as usize & mask;
        loop {
            let number = (self.slots[at] as usize).checked_sub(1)?;
            let entry = &self.entries[number];
            if *entry.key == *key {
                return Some(entry);
            }
            at = (at + 1) & mask;
        }
    }

    /// Judges those who may be in the answers of a name, anew.
    pub(crate) fn judge(&self, entry: &Entry) -> Judged {
        self.judge
            .judge(&self.cluster, &entry.members, entry.is_set())
    }

    /// Gives how long answers of a kind may be kept.
    pub(crate) fn ttl(&self, kind: Kind) -> Ttl {
        self.config.ttls.of(kind)
    }

    /// Tells people why a name of ours is not there.
    pub(crate) fn missing_reason(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Apex => {
                "names are NODE.name, GROUP.group, SERVICE.service, LOCK.lock or leader.raft, and \
                 may name a zone behind that"
            }
            Kind::Node => "no node has this name, display name or id",
            Kind::Group => "no node has this group",
            Kind::Service | Kind::Tcp | Kind::Udp => "no node offers this service",
            Kind::Lock => "nobody holds this lock",
            Kind::Raft => "the only name of this kind is leader.raft",
            Kind::Reverse => "no node has this address",
        }
    }

    /// Tells people which names there are for a word that is none alone.
    pub(crate) fn meant(&self, query: &Query) -> Option<String> {
        if !self.is_own(query) || query.labels_count() != self.config.domain_labels + 1 {
            return None;
        }
        let kinds = [Kind::Node, Kind::Group, Kind::Service, Kind::Lock];
        let is_there = |kind: &Kind| self.find_key(query, *kind, ANY_ZONE, 0, 1).is_some();
        // What is there is made of letters, digits and hyphens.
        let word = String::from_utf8_lossy(query.label(0));
        let there = kinds.into_iter().filter(is_there);
        let names: Vec<String> = there
            .map(|kind| format!("{word}.{}", kind.as_label()))
            .collect();
        (!names.is_empty())
            .then(|| format!("`{word}` alone is no name: ask for {}", names.join(" or ")))
    }

    /// Tells people why it is not known yet whether a name is there.
    pub(crate) fn unknown_reason(&self) -> &'static str {
        "this node does not know yet who leads and who holds locks: ask again in a second"
    }

    /// Tells people why a name is none of ours.
    pub(crate) fn foreign_reason(&self, query: &Query) -> String {
        match is_reverse(query) {
            true => self.missing_reason(Kind::Reverse).to_owned(),
            false => format!("this name is not below {}", self.config.domain),
        }
    }
}

/// Tells whether a query asks for the name of an address.
fn is_reverse(query: &Query) -> bool {
    let labels = query.labels_count();
    labels > 2
        && query.label(labels - 1) == b"arpa"
        && matches!(query.label(labels - 2), b"in-addr" | b"ip6")
}

/// A key of the table, made without an allocation.
pub(crate) struct Key {
    bytes: [u8; KEY_HEAD_BYTES + NAME_BYTES_MAX],
    length: usize,
}

impl Key {
    pub(crate) fn new(zone: u16, kind: Kind) -> Self {
        let mut key = Self {
            bytes: [0; KEY_HEAD_BYTES + NAME_BYTES_MAX],
            length: KEY_HEAD_BYTES,
        };
        key.bytes[..2].copy_from_slice(&zone.to_be_bytes());
        key.bytes[2] = kind as u8;
        key
    }

    /// Adds labels in wire form. Those of a name always have room.
    pub(crate) fn push(&mut self, labels: &[u8]) {
        let end = self.length + labels.len();
        self.bytes[self.length..end].copy_from_slice(labels);
        self.length = end;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
