//! What holds at each step, whatever the network does.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gossip::{Change, What};
use model::{MemberState, Moment, NodeId};

use super::network::Network;
use super::node::Node;

/// Largest datagram: what every path carries over IPv6.
const DATAGRAM_BYTES_MAX: usize = 1_232;
/// How long a node that lives and is reached may be called dead by another.
const FALSE_DEATH_MAX: Duration = Duration::from_secs(30);
/// Most updates and broadcasts that may wait, for each node of the cluster.
const BACKLOG_A_NODE: u64 = 8;

/// What was seen so far, and what must hold of it.
#[derive(Default)]
pub struct Invariants {
    /// Since when each observer calls a node dead.
    dead: BTreeMap<(usize, NodeId), Moment>,
    /// Until when a node is not expected to answer, or to be right: it was paused or cut off.
    disturbed: HashMap<usize, Moment>,
    /// Until when nobody can be right, as the network was parted.
    parted: Option<Moment>,
    /// The counter of the last packet by key and salt: no pair of them comes twice.
    counters: HashMap<[u8; 16], u64>,
    /// Nodes that were forgotten, with the life that was.
    forgotten: BTreeMap<NodeId, u64>,
    /// Whether nobody who runs may be called dead.
    no_deaths: bool,
    /// How often somebody called a node dead that ran.
    pub false_deaths: u64,
}

impl Invariants {
    /// A node started: until now it was dead indeed.
    pub fn started(&mut self, node: usize, id: NodeId, now: Moment) {
        self.dead.retain(|(observer, _), _| *observer != node);
        for ((_, dead), since) in &mut self.dead {
            if *dead == id {
                *since = now;
            }
        }
    }

    /// A node was killed.
    pub fn stopped(&mut self, node: usize, _now: Moment) {
        self.dead.retain(|(observer, _), _| *observer != node);
    }

    /// A node is paused or cut off until then.
    pub fn disturbed(&mut self, node: usize, until: Moment) {
        let known = self.disturbed.entry(node).or_insert(until);
        *known = (*known).max(until);
    }

    /// The network is parted until then.
    pub fn parted(&mut self, until: Moment) {
        self.parted = Some(until);
    }

    /// A node was forgotten.
    pub fn forgotten(&mut self, node: &Node) {
        self.forgotten.insert(node.id, node.starts);
    }

    /// From now on nobody may call a node dead that runs.
    pub fn forbid_deaths(&mut self) {
        self.no_deaths = true;
    }

    /// Looks at a packet: none is too large, and no nonce comes twice.
    pub fn sent(&mut self, from: usize, packet: &[u8]) {
        assert!(
            packet.len() <= DATAGRAM_BYTES_MAX,
            "node {from} sent {} bytes in one datagram",
            packet.len()
        );
        let key_and_salt = packet[1..17].try_into().unwrap();
        let counter = u64::from_be_bytes(packet[17..25].try_into().unwrap());
        if let Some(before) = self.counters.insert(key_and_salt, counter) {
            assert!(
                counter > before,
                "node {from} used the nonce {counter} after {before}"
            );
        }
    }

    /// Takes what an observer saw of a node.
    pub fn changed(&mut self, observer: usize, change: &Change, lives: bool, now: Moment) {
        match &change.what {
            What::State {
                to: MemberState::Dead,
                ..
            } => {
                self.false_deaths += u64::from(lives);
                assert!(
                    !(lives && self.no_deaths),
                    "node {observer} calls {} dead, and it runs",
                    change.name
                );
                self.dead.entry((observer, change.id)).or_insert(now);
            }
            What::State { .. } | What::Forgotten => {
                self.dead.remove(&(observer, change.id));
            }
            What::Zone { .. } | What::Groups { .. } => {}
        }
    }

    /// Looks at everything that must hold now.
    pub fn check(&mut self, nodes: &[Node], network: &Network, now: Moment) {
        if self.parted.is_some_and(|until| until > now) {
            return;
        }
        let numbers: HashMap<NodeId, usize> = nodes
            .iter()
            .enumerate()
            .map(|(number, node)| (node.id, number))
            .collect();
        let calm = |node: usize| {
            nodes[node].runs() && self.disturbed.get(&node).is_none_or(|until| *until < now)
        };
        for ((observer, id), since) in &self.dead {
            let Some(&node) = numbers.get(id) else {
                continue;
            };
            let reached = network.carries(*observer, node) && network.carries(node, *observer);
            if !calm(*observer) || !calm(node) || !reached {
                continue;
            }
            let quiet_since = [observer, &node]
                .into_iter()
                .filter_map(|node| self.disturbed.get(node))
                .chain(self.parted.as_ref())
                .max()
                .copied()
                .unwrap_or_default();
            let false_for = now.since((*since).max(quiet_since));
            assert!(
                false_for < FALSE_DEATH_MAX,
                "node {observer} calls node {node} dead for {false_for:?}, and it lives"
            );
        }
    }

    /// Looks at what costs more: bounds of each node, and nodes that were forgotten.
    pub fn check_whole(&self, nodes: &mut [Node]) {
        let bound = BACKLOG_A_NODE * u64::try_from(nodes.len()).unwrap() + 64;
        for (number, node) in nodes.iter_mut().enumerate() {
            let Some(core) = &mut node.core else {
                continue;
            };
            let snapshot = core.snapshot();
            assert!(
                snapshot.figures.backlog <= bound,
                "{} updates wait on node {number}",
                snapshot.figures.backlog
            );
            for member in &snapshot.members {
                let known = self.forgotten.get(&member.record.id);
                assert!(
                    known.is_none_or(|starts| member.record.version.starts > *starts),
                    "node {number} knows {} again, which was forgotten",
                    member.record.body.name
                );
            }
        }
    }
}
