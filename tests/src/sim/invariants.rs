//! What holds at each step, whatever the network does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use gossip::Held;
use model::{MemberState, Moment, NodeId};

use super::network::Network;
use super::node::Node;
use super::sight::Sight;

/// Largest datagram: what every path carries over IPv6.
const DATAGRAM_BYTES_MAX: usize = 1_232;
/// How long a node that lives and is reached may be called dead by another.
const FALSE_DEATH_MAX: Duration = Duration::from_secs(30);
/// How long a node that is dead may be called alive.
const FALSE_LIFE_MAX: Duration = Duration::from_secs(40);
/// Most updates and broadcasts that may wait, for each node of the cluster.
const BACKLOG_A_NODE: usize = 8;
/// Most calls that a node makes at one time: its own, and those that were ordered.
const CALLS_MAX: usize = 64;

/// What was seen so far, and what must hold of it.
#[derive(Default)]
pub struct Invariants {
    /// Since when each observer calls a node dead.
    dead: BTreeMap<(usize, usize), Moment>,
    /// Since when each node does not run.
    gone: BTreeMap<usize, Moment>,
    /// Until when a node is not expected to answer, or to be right: it was paused or not there.
    disturbed: HashMap<usize, Moment>,
    /// Nodes of which a link is cut.
    cut: BTreeSet<usize>,
    /// Whether nobody can be right, as the network is parted or hardly carries anything.
    unrest: bool,
    /// Since when the network is as it should be.
    calm_since: Moment,
    /// The counter of the last packet by key and salt: no pair of them comes twice.
    counters: HashMap<[u8; 16], u64>,
    /// Nodes that were forgotten, with the life that was.
    forgotten: BTreeMap<NodeId, u64>,
    /// Who has heard that they are forgotten, and must not know them again.
    heard: BTreeSet<(usize, NodeId)>,
    /// Whether nobody who runs may be called dead.
    no_deaths: bool,
    /// How often somebody called a node dead that ran.
    pub false_deaths: u64,
}

impl Invariants {
    /// A node started: until now it was dead indeed, and knows nothing.
    pub(super) fn started(&mut self, node: usize, now: Moment) {
        self.dead.retain(|(observer, _), _| *observer != node);
        self.gone.remove(&node);
        // What it heard last may not have been on its disk.
        self.heard.retain(|(observer, _)| *observer != node);
        self.disturbed(node, now);
    }

    /// A node was killed.
    pub(super) fn stopped(&mut self, node: usize, now: Moment) {
        self.dead.retain(|(observer, _), _| *observer != node);
        self.gone.insert(node, now);
    }

    /// A node is paused until then.
    pub(super) fn disturbed(&mut self, node: usize, until: Moment) {
        let known = self.disturbed.entry(node).or_insert(until);
        *known = (*known).max(until);
    }

    /// The link between two nodes is cut.
    pub(super) fn cut(&mut self, nodes: [usize; 2]) {
        self.cut.extend(nodes);
    }

    /// All links are mended.
    pub(super) fn mended(&mut self, now: Moment) {
        for node in std::mem::take(&mut self.cut) {
            self.disturbed(node, now);
        }
    }

    /// The network lets nobody be right, or does so no longer.
    pub(super) fn unrest(&mut self, unrest: bool, now: Moment) {
        if unrest || self.unrest {
            self.calm_since = now;
        }
        self.unrest = unrest;
    }

    /// A node that does not run was forgotten, in the life that another knew of it.
    pub fn forgotten(&mut self, id: NodeId, starts: u64) {
        self.forgotten.insert(id, starts);
    }

    pub(super) fn forbid_deaths(&mut self) {
        self.no_deaths = true;
    }

    /// Looks at a packet: none is too large, and no nonce comes twice.
    pub(super) fn sent(&mut self, from: usize, packet: &[u8]) {
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
    pub(super) fn changed(
        &mut self,
        observer: usize,
        node: usize,
        state: Option<MemberState>,
        lives: bool,
        now: Moment,
    ) {
        if state != Some(MemberState::Dead) {
            self.dead.remove(&(observer, node));
            return;
        }
        self.false_deaths += u64::from(lives);
        assert!(
            !(lives && self.no_deaths),
            "node {observer} calls node {node} dead at {now:?}, and it runs"
        );
        self.dead.entry((observer, node)).or_insert(now);
    }

    /// Looks at who is called what: a life or a death that is none is known as such in time, where
    /// the network lets it be known.
    pub(super) fn check(&self, sight: &Sight, network: &Network, now: Moment) {
        if self.unrest {
            return;
        }
        for ((observer, node), since) in &self.dead {
            let pair = [*observer, *node];
            let reached = network.carries(*observer, *node) && network.carries(*node, *observer);
            if !sight.runs(*node) || !reached {
                continue;
            }
            let Some(calm) = self.calm_since(pair, now) else {
                continue;
            };
            let false_for = now.since(calm.max(*since));
            assert!(
                false_for < FALSE_DEATH_MAX,
                "node {observer} calls node {node} dead for {false_for:?}, and it lives"
            );
        }
        for (node, since) in &self.gone {
            for observer in sight.running() {
                if !sight.sees(observer, *node) {
                    continue;
                }
                let Some(calm) = self.calm_since([observer, observer], now) else {
                    continue;
                };
                let false_for = now.since(calm.max(*since));
                assert!(
                    false_for < FALSE_LIFE_MAX,
                    "node {observer} calls node {node} alive for {false_for:?}, and it is dead"
                );
            }
        }
    }

    /// Gives since when nothing disturbs these nodes; nothing when something does.
    fn calm_since(&self, nodes: [usize; 2], now: Moment) -> Option<Moment> {
        let mut since = self.calm_since;
        for node in nodes {
            if self.cut.contains(&node) {
                return None;
            }
            since = since.max(self.disturbed.get(&node).copied().unwrap_or_default());
        }
        (since <= now).then_some(since)
    }

    /// Looks at what costs more: bounds of each node, and nodes that were forgotten.
    pub(super) fn check_whole(&mut self, nodes: &[Node]) {
        let all = nodes.len();
        for (number, node) in nodes.iter().enumerate() {
            let Some(core) = &node.core else {
                continue;
            };
            let held = core.held();
            let bounds = Held {
                members: all,
                records: all,
                backlog: BACKLOG_A_NODE * all + 64,
                calls: CALLS_MAX,
                wanted: all,
                joins: all,
                senders: all,
                subkeys: 512,
            };
            assert!(
                held.within(&bounds),
                "node {number} of {all} holds {held:?}"
            );
            for (id, starts) in &self.forgotten {
                let known = core.record(*id).map(|record| record.version.starts);
                if known.is_none_or(|known| known > *starts) {
                    self.heard.insert((number, *id));
                } else {
                    let again = self.heard.contains(&(number, *id));
                    assert!(
                        !again,
                        "node {number} knows {id} again, which was forgotten"
                    );
                }
            }
        }
    }
}
