//! Making a [`Directory`]: from what is known of the nodes to answers that are only copied.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::MemberState;

use crate::answer::{Answer, Extra, push_address, push_record};
use crate::cluster::{Cluster, Protocol, Service};
use crate::directory::{ANY_ZONE, Directory, Entry, KEY_HEAD_BYTES, Kind, is_set};
use crate::health::{Candidate, Judge};
use crate::label::{hash, label};
use crate::name::{NAME_BYTES_MAX, Name};
use crate::wire;

/// How often others may ask whether the names changed, and how long they may be used when nobody
/// answers. Only resolvers that copy whole zones read them, and there are none here.
const SOA_TIMES: [u32; 3] = [60, 60, 86_400];

/// How the names are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The domain that they are below.
    pub domain: Name,
    pub(crate) domain_labels: usize,
    /// How long answers may be kept.
    pub ttls: Ttls,
    /// Share in percent of those that were well: when more fail at once, none of these is left out.
    pub panic_percent: u8,
}

impl Config {
    /// Makes it.
    pub fn new(domain: Name, ttls: Ttls, panic_percent: u8) -> Self {
        Self {
            domain_labels: domain.labels().count(),
            domain,
            ttls,
            panic_percent,
        }
    }

    /// Gives what is in force where nobody said otherwise. The pack `dns-listener` says the same,
    /// with the reasons; a test compares them.
    pub fn standard() -> Self {
        let ttl = |positive, negative| Ttl { positive, negative };
        let ttls = Ttls {
            node: ttl(60, 5),
            group: ttl(5, 5),
            service: ttl(5, 5),
            lock: ttl(1, 1),
        };
        let domain = Name::parse("opsbro").expect("this is a name");
        Self::new(domain, ttls, 70)
    }
}

/// How long answers of one kind may be kept, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// What is there.
    pub positive: u32,
    /// What is not there.
    pub negative: u32,
}

/// How long answers may be kept, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttls {
    /// Names and addresses of nodes.
    pub node: Ttl,
    /// Groups.
    pub group: Ttl,
    /// Services that say nothing of their own.
    pub service: Ttl,
    /// Locks and the leader.
    pub lock: Ttl,
}

impl Ttls {
    /// Gives those of a kind.
    pub(crate) fn of(&self, kind: Kind) -> Ttl {
        match kind {
            Kind::Apex | Kind::Node | Kind::Reverse => self.node,
            Kind::Group => self.group,
            Kind::Service | Kind::Tcp | Kind::Udp => self.service,
            Kind::Lock | Kind::Raft => self.lock,
        }
    }
}

impl Directory {
    /// Makes the names of a cluster. The serial grows with each change.
    pub fn new(cluster: Arc<Cluster>, config: &Config, serial: u32) -> Self {
        let builder = Builder::new(&cluster, config);
        let judge = Judge::new(&cluster, config.panic_percent);
        let sets = builder.sets();
        let mut entries: Vec<Entry> = sets
            .into_iter()
            .map(|(key, (kind, members))| builder.entry(&judge, key, kind, members))
            .collect();
        entries.push(builder.apex(serial));
        entries.extend(builder.reverse());
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        let negatives = Kind::ALL.map(|kind| builder.negative(config.ttls.of(kind), serial));
        let zones = builder.zones;
        Self {
            slots: slots(&entries),
            config: config.clone(),
            judge,
            zones,
            entries,
            negatives,
            serial,
            cluster,
        }
    }
}

/// Makes a hash table of the entries, half empty, so that a look into it is one or two steps.
fn slots(entries: &[Entry]) -> Box<[u32]> {
    let size = (entries.len() * 2 + 1).next_power_of_two();
    let mut slots = vec![0_u32; size].into_boxed_slice();
    for (number, entry) in entries.iter().enumerate() {
        let mut at = hash(&entry.key) as usize & (size - 1);
        while slots[at] != 0 {
            at = (at + 1) & (size - 1);
        }
        slots[at] = u32::try_from(number + 1).expect("names are made of bounded nodes");
    }
    slots
}

type Sets = BTreeMap<Box<[u8]>, (Kind, Vec<Candidate>)>;

struct Builder<'c> {
    cluster: &'c Cluster,
    config: &'c Config,
    zones: Vec<(String, u16)>,
    /// For each node the number of its zone.
    zone_of: Vec<u16>,
    /// For each node the name that only it has.
    targets: Vec<Name>,
}

impl<'c> Builder<'c> {
    fn new(cluster: &'c Cluster, config: &'c Config) -> Self {
        let mut labels: Vec<String> = std::iter::once(&cluster.zone)
            .chain(cluster.nodes.iter().map(|node| &node.told.zone))
            .map(|zone| label(zone.as_str()))
            .collect();
        labels.sort_unstable();
        labels.dedup();
        // A zone that holds all nodes needs no names of its own.
        let is_only = labels.len() == 1;
        let zones: Vec<(String, u16)> = labels
            .into_iter()
            .zip(1_u16..)
            .map(|(label, number)| (label, if is_only { ANY_ZONE } else { number }))
            .collect();
        let number = |zone: &model::Zone| {
            let label = label(zone.as_str());
            let known = zones.iter().find(|(name, _)| *name == label);
            known.map_or(ANY_ZONE, |(_, number)| *number)
        };
        let mut by_zone: BTreeMap<&str, u16> = BTreeMap::new();
        let zone_of = cluster.nodes.iter().map(|node| {
            let zone = &node.told.zone;
            *by_zone.entry(zone.as_str()).or_insert_with(|| number(zone))
        });
        let zone_of = zone_of.collect();
        Self {
            targets: targets(cluster, config),
            cluster,
            config,
            zones,
            zone_of,
        }
    }

    /// Gathers who may answer to each name.
    fn sets(&self) -> Sets {
        let mut sets = Sets::new();
        let mut groups: BTreeMap<&str, Vec<Candidate>> = BTreeMap::new();
        let mut services: BTreeMap<(&str, Protocol), Vec<Candidate>> = BTreeMap::new();
        let mut tags: BTreeMap<(&str, &str, Protocol), Vec<Candidate>> = BTreeMap::new();
        for (number, node) in (0_u32..).zip(&self.cluster.nodes) {
            let candidate = Candidate {
                node: number,
                service: None,
            };
            self.add_node(&mut sets, candidate);
            for group in &node.told.groups {
                groups.entry(group.as_str()).or_default().push(candidate);
            }
            for (at, service) in (0_u16..).zip(&node.told.services) {
                let offered = Candidate {
                    service: Some(at),
                    ..candidate
                };
                let (name, protocol) = (service.name.as_str(), service.protocol);
                services.entry((name, protocol)).or_default().push(offered);
                for tag in &service.tags {
                    let key = (tag.as_str(), name, protocol);
                    tags.entry(key).or_default().push(offered);
                }
            }
        }
        for (group, members) in groups {
            self.add(&mut sets, Kind::Group, &[&label(group)], &members);
        }
        for ((name, protocol), members) in services {
            let names = [label(name)];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.add(&mut sets, Kind::Service, &names, &members);
            self.add(&mut sets, kind_of(protocol), &names, &members);
        }
        for ((tag, name, protocol), members) in tags {
            let (tag, name) = (label(tag), label(name));
            self.add(&mut sets, Kind::Service, &[&tag, &name], &members);
            self.add(&mut sets, kind_of(protocol), &[&tag, &name], &members);
        }
        self.add_holders(&mut sets);
        sets
    }

    /// A node answers to its name, its display name, its id, and its host name with the dots.
    fn add_node(&self, sets: &mut Sets, candidate: Candidate) {
        let told = &candidate.node(self.cluster).told;
        let members = [candidate];
        for text in [&told.name, &told.display_name, &told.id.to_string()] {
            if !text.is_empty() {
                self.add(sets, Kind::Node, &[&label(text)], &members);
            }
        }
        if !told.name.contains('.') || Name::parse(&told.name).is_err() {
            return;
        }
        let labels: Vec<&str> = told.name.trim_end_matches('.').split('.').collect();
        self.add(sets, Kind::Node, &labels, &members);
        for from in 1..labels.len() {
            // What has names below it is there, though it has no records.
            self.add(sets, Kind::Node, &labels[from..], &[]);
        }
    }

    fn add_holders(&self, sets: &mut Sets) {
        let Some(holders) = &self.cluster.holders else {
            return;
        };
        let place = |id| {
            let node = self.cluster.nodes.iter().position(|it| it.told.id == id);
            node.and_then(|it| u32::try_from(it).ok())
        };
        let candidates = |holders: &[model::NodeId]| -> Vec<Candidate> {
            let nodes = holders.iter().filter_map(|id| place(*id));
            nodes
                .map(|node| Candidate {
                    node,
                    service: None,
                })
                .collect()
        };
        for holder in &holders.locks {
            let members = candidates(&holder.nodes);
            self.add(sets, Kind::Lock, &[&label(&holder.lock)], &members);
        }
        let members = candidates(holders.leader.as_slice());
        self.add(sets, Kind::Raft, &["leader"], &members);
    }

    /// Adds those who may answer to a name, in all zones and in each one's own.
    fn add(&self, sets: &mut Sets, kind: Kind, labels: &[&str], members: &[Candidate]) {
        let Some(mut key) = key(kind, labels) else {
            return;
        };
        add_to(sets, &key, kind, members.iter().copied());
        let zones = self.zones.iter().map(|(_, number)| *number);
        for zone in zones.filter(|zone| *zone != ANY_ZONE) {
            let of_zone = |it: &Candidate| self.zone_of[it.node as usize] == zone;
            let mut inside = members.iter().copied().filter(of_zone).peekable();
            if inside.peek().is_some() {
                key[..2].copy_from_slice(&zone.to_be_bytes());
                add_to(sets, &key, kind, inside);
            }
        }
    }

    fn entry(
        &self,
        judge: &Judge,
        key: Box<[u8]>,
        kind: Kind,
        mut members: Vec<Candidate>,
    ) -> Entry {
        members.sort_unstable();
        members.dedup();
        let judged = judge.judge(self.cluster, &members, is_set(kind));
        let pairs = members.iter().zip(&judged.verdicts);
        let inside: Vec<Candidate> = pairs
            .filter(|(_, verdict)| verdict.is_in())
            .map(|(candidate, _)| *candidate)
            .collect();
        let ttl = self.ttl(kind, &inside);
        let mut answers = Vec::new();
        if !matches!(kind, Kind::Tcp | Kind::Udp) {
            let addresses = self.addresses(&inside);
            for family in [wire::A, wire::AAAA] {
                answers.extend(Answer::of_addresses(family, ttl, &addresses));
            }
        }
        if matches!(kind, Kind::Service | Kind::Tcp | Kind::Udp) {
            let places = inside.iter().filter_map(|it| self.place(*it, ttl));
            answers.extend(Answer::of_records(wire::SRV, ttl, places));
        }
        Entry {
            key,
            kind,
            members: members.into_boxed_slice(),
            answers,
            has_panic: judged.panic.is_some(),
        }
    }

    /// Services of one name may say how long their answers may be kept; the shortest counts.
    fn ttl(&self, kind: Kind, inside: &[Candidate]) -> u32 {
        let services = inside.iter().filter_map(|it| it.service(self.cluster));
        let shortest = services.filter_map(|service| service.ttl).min();
        shortest.unwrap_or(self.config.ttls.of(kind).positive)
    }

    fn addresses(&self, inside: &[Candidate]) -> Vec<(IpAddr, u16)> {
        let of_one = |candidate: &Candidate| {
            let service = candidate.service(self.cluster);
            let weight = service.map_or(1, |service| service.weight);
            let addresses = candidate.node(self.cluster).told.addresses.iter();
            addresses.map(move |address| (*address, weight))
        };
        inside.iter().flat_map(of_one).collect()
    }

    /// Makes the place of a service, with the addresses of its node.
    fn place(&self, candidate: Candidate, ttl: u32) -> Option<(Vec<u8>, Extra)> {
        let service: &Service = candidate.service(self.cluster)?;
        if service.port == 0 {
            return None;
        }
        let target = &self.targets[candidate.node as usize];
        let mut content = Vec::with_capacity(6 + target.as_wire().len());
        for number in [service.priority, service.weight, service.port] {
            content.extend_from_slice(&number.to_be_bytes());
        }
        content.extend_from_slice(target.as_wire());
        Some((content, self.extra(candidate, ttl)))
    }

    fn extra(&self, candidate: Candidate, ttl: u32) -> Extra {
        let mut extra = Extra::default();
        let target = &self.targets[candidate.node as usize];
        for address in &candidate.node(self.cluster).told.addresses {
            push_address(&mut extra.bytes, target.as_wire(), ttl, *address);
            extra.records += 1;
        }
        extra
    }

    /// Gives the name of this node, which is the server of its names.
    fn server(&self) -> (Name, Option<Candidate>) {
        let own = |node: &crate::cluster::Node| node.told.id == self.cluster.own;
        let at = self.cluster.nodes.iter().position(own);
        match at.and_then(|at| Some((at, u32::try_from(at).ok()?))) {
            Some((at, node)) => (
                self.targets[at].clone(),
                Some(Candidate {
                    node,
                    service: None,
                }),
            ),
            None => (self.config.domain.clone(), None),
        }
    }

    fn apex(&self, serial: u32) -> Entry {
        let ttl = self.config.ttls.node;
        let (server, candidate) = self.server();
        let extra = candidate.map_or_else(Extra::default, |it| self.extra(it, ttl.positive));
        let soa = (self.soa(ttl, serial), Extra::default());
        let ns = (server.as_wire().to_vec(), extra);
        let mut answers = Vec::new();
        answers.extend(Answer::of_records(wire::SOA, ttl.positive, [soa]));
        answers.extend(Answer::of_records(wire::NS, ttl.positive, [ns]));
        Entry {
            key: Box::from([0, 0, Kind::Apex as u8]),
            kind: Kind::Apex,
            members: Box::default(),
            answers,
            has_panic: false,
        }
    }

    fn soa(&self, ttl: Ttl, serial: u32) -> Vec<u8> {
        let (server, _) = self.server();
        let domain = &self.config.domain;
        let people = domain.child("hostmaster");
        let mut content = server.as_wire().to_vec();
        content.extend_from_slice(people.as_ref().unwrap_or(domain).as_wire());
        content.extend_from_slice(&serial.to_be_bytes());
        for number in SOA_TIMES {
            content.extend_from_slice(&number.to_be_bytes());
        }
        content.extend_from_slice(&ttl.negative.to_be_bytes());
        content
    }

    fn negative(&self, ttl: Ttl, serial: u32) -> Box<[u8]> {
        let mut record = Vec::new();
        let domain = self.config.domain.as_wire();
        let content = self.soa(ttl, serial);
        push_record(&mut record, domain, wire::SOA, ttl.negative, &content);
        record.into_boxed_slice()
    }

    /// Makes the names of the addresses of all nodes that did not leave.
    fn reverse(&self) -> Vec<Entry> {
        let mut nodes: BTreeMap<IpAddr, Vec<Candidate>> = BTreeMap::new();
        for (number, node) in (0_u32..).zip(&self.cluster.nodes) {
            if node.state == MemberState::Leave {
                continue;
            }
            for address in &node.told.addresses {
                nodes.entry(*address).or_default().push(Candidate {
                    node: number,
                    service: None,
                });
            }
        }
        let entry = |(address, members): (IpAddr, Vec<Candidate>)| {
            let mut key = Vec::from([0, 0, Kind::Reverse as u8]);
            key.extend_from_slice(Name::of_address(address).as_wire());
            let names = members.iter().map(|it| {
                let target = self.targets[it.node as usize].as_wire();
                (target.to_vec(), Extra::default())
            });
            let ttl = self.config.ttls.node.positive;
            Some(Entry {
                key: key.into_boxed_slice(),
                kind: Kind::Reverse,
                answers: Answer::of_records(wire::PTR, ttl, names)
                    .into_iter()
                    .collect(),
                members: members.into_boxed_slice(),
                has_panic: false,
            })
        };
        nodes.into_iter().filter_map(entry).collect()
    }
}

fn kind_of(protocol: Protocol) -> Kind {
    match protocol {
        Protocol::Tcp => Kind::Tcp,
        Protocol::Udp => Kind::Udp,
    }
}

fn add_to(sets: &mut Sets, key: &[u8], kind: Kind, members: impl Iterator<Item = Candidate>) {
    match sets.get_mut(key) {
        Some((_, known)) => known.extend(members),
        None => {
            sets.insert(Box::from(key), (kind, members.collect()));
        }
    }
}

/// Makes the key of a name in all zones; nothing when it would be no name.
fn key(kind: Kind, labels: &[&str]) -> Option<Box<[u8]>> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&ANY_ZONE.to_be_bytes());
    key.push(kind as u8);
    let name = Name::parse(&labels.join(".")).ok()?;
    let wire = name.as_wire();
    key.extend_from_slice(&wire[..wire.len() - 1]);
    (key.len() <= KEY_HEAD_BYTES + NAME_BYTES_MAX).then(|| key.into_boxed_slice())
}

/// Gives each node a name that only it has: of its label where no other has that, else of its id.
fn targets(cluster: &Cluster, config: &Config) -> Vec<Name> {
    let labels: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| label(node.told.shown_name()))
        .collect();
    let mut bearers: BTreeMap<String, usize> = BTreeMap::new();
    for (node, shown) in cluster.nodes.iter().zip(&labels) {
        let host = label(&node.told.name);
        *bearers.entry(shown.clone()).or_default() += 1;
        if host != *shown {
            *bearers.entry(host).or_default() += 1;
        }
    }
    let node_domain = config.domain.child(Kind::Node.as_label());
    let node_domain = node_domain.as_ref().unwrap_or(&config.domain);
    let pairs = cluster.nodes.iter().zip(&labels);
    pairs
        .map(|(node, shown)| {
            let is_unique = bearers.get(shown) == Some(&1);
            let own = is_unique.then(|| node_domain.child(shown)).flatten();
            own.or_else(|| node_domain.child(&node.told.id.to_string()))
                .unwrap_or_else(|| config.domain.clone())
        })
        .collect()
}
