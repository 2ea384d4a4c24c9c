//! What the names are made of: the nodes as this one knows them, and what they offer.

use std::net::IpAddr;
use std::sync::Arc;

use model::{CheckState, Group, MemberState, NodeId, WallTime, Zone};

/// The cluster as this node knows it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// This node.
    pub own: NodeId,
    /// Its zone.
    pub zone: Zone,
    /// The nodes that this one may see, itself too.
    pub nodes: Vec<Node>,
    /// Who holds locks and who leads; nothing where nothing agrees on that.
    pub holders: Option<Holders>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it tells about itself.
    pub told: Arc<Told>,
    /// How it is.
    pub state: MemberState,
    /// Since when, as seen here.
    pub since: WallTime,
    /// Who said so first, where another node did.
    pub accuser: Option<Arc<str>>,
}

/// What a node tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its identity.
    pub id: NodeId,
    /// Its host name.
    pub name: String,
    /// Its name for people; empty when it is the host name.
    pub display_name: String,
    /// Where it is reached.
    pub addresses: Vec<IpAddr>,
    /// Its zone.
    pub zone: Zone,
    /// Its groups.
    pub groups: Vec<Group>,
    /// What it offers.
    pub services: Vec<Service>,
    /// More about it for people, as `version=0.6.0`.
    pub facts: Vec<String>,
}

impl Told {
    /// Gives the name for people.
    pub fn shown_name(&self) -> &str {
        match self.display_name.as_str() {
            "" => &self.name,
            shown => shown,
        }
    }
}

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// By TCP.
    Tcp,
    /// By UDP.
    Udp,
}

impl Protocol {
    /// Gives the word that users know.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// Something that a node offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its port; 0 when it has none to tell.
    pub port: u16,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// What tells its kinds apart, as `primary`.
    pub tags: Vec<String>,
    /// Its share of the questions among those of its priority.
    pub weight: u16,
    /// Who asks takes the lowest number that answers.
    pub priority: u16,
    /// How long its answers may be kept, in seconds, when it wants that different.
    pub ttl: Option<u32>,
    /// How it is.
    pub state: CheckState,
    /// Since when.
    pub since: WallTime,
    /// Why, for people.
    pub output: String,
    /// Whether its owner takes it out of the answers for a downtime.
    pub is_withdrawn: bool,
}

/// What the cluster agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// Who holds which lock.
    pub locks: Vec<Holder>,
    /// Who leads.
    pub leader: Option<NodeId>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The lock.
    pub lock: String,
    /// Those who hold it: several where it has several slots, and nobody when it is free.
    pub nodes: Vec<NodeId>,
}
