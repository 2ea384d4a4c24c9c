//! Who a member is to foca: its id, which life of it, and where it is.

use std::net::SocketAddr;

use model::NodeId;

/// Which life of a node: its starts first, then how often it had to prove itself alive anew since.
/// A bigger one is a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Makes an epoch of starts and renewals.
    pub const fn new(starts: u64, renewals: u16) -> Self {
        Self(starts.saturating_mul(1 << 16) | renewals as u64)
    }

    /// Gives how often the node has started.
    pub const fn starts(self) -> u64 {
        self.0 >> 16
    }

    /// Gives how often it was renewed since.
    pub const fn renewals(self) -> u16 {
        self.0 as u16
    }

    /// Gives the next one; nothing when only another start can help.
    pub fn renewed(self) -> Option<Self> {
        (self.renewals() < u16::MAX).then(|| Self(self.0 + 1))
    }
}

/// Who a member is. Two are the same when id, epoch and address are.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Its id.
    pub id: NodeId,
    /// Which life of it.
    pub epoch: Epoch,
    /// Where it takes datagrams and streams.
    pub address: SocketAddr,
    /// Who accused it, when this is part of an accusation.
    pub accused: Option<Accused>,
}

/// Who accused a member, and which incarnation of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accused {
    /// Who.
    pub by: NodeId,
    /// The incarnation.
    pub incarnation: u16,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.epoch == other.epoch && self.address == other.address
    }
}

impl Eq for Identity {}

impl foca::Identity for Identity {
    type Addr = NodeId;

    fn renew(&self) -> Option<Self> {
        let epoch = self.epoch.renewed()?;
        Some(Self {
            epoch,
            accused: None,
            ..*self
        })
    }

    fn addr(&self) -> NodeId {
        self.id
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.epoch, self.address) > (adversary.epoch, adversary.address)
    }
}
