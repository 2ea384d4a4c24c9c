//! What this node tells about itself.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use gossip::{Body, Health};
use model::{Group, NodeId, Zone};

use crate::agent::VERSION;

/// What this node tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its identity.
    pub id: NodeId,
    /// The host name.
    pub name: String,
    /// The name shown to people; empty when it is the host name.
    pub display_name: String,
    /// Its zone.
    pub zone: Zone,
    /// Whether it relays between its zone and those above and below.
    pub is_proxy: bool,
    /// The groups that the configuration gave.
    pub static_groups: BTreeSet<Group>,
    /// The groups that detectors gave.
    pub detected_groups: BTreeSet<Group>,
    /// How often it has started.
    pub incarnation: u64,
    /// The address it uses inside its network.
    pub local_address: IpAddr,
    /// The address that other nodes are told.
    pub public_address: IpAddr,
    /// More addresses, which only DNS tells.
    pub more_addresses: Vec<IpAddr>,
    /// The port that other nodes are told; 0 when it takes part in no cluster.
    pub port: u16,
}

impl Node {
    /// Gives all groups, static and detected, each once and in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.static_groups.union(&self.detected_groups)
    }

    /// Gives where other nodes reach this one.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.public_address, self.port)
    }

    /// Gives what it tells when nothing is known of its checks yet.
    pub(crate) fn first_body(&self) -> Body {
        Body {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            address: self.address(),
            zone: self.zone.clone(),
            is_proxy: self.is_proxy,
            left: false,
            static_groups: self.static_groups.iter().cloned().collect(),
            detected_groups: self.detected_groups.iter().cloned().collect(),
            program: VERSION.to_owned(),
            health: Health::default(),
            keys: (0, None),
            parts: std::collections::BTreeMap::new(),
            cut: Vec::new(),
        }
    }
}
