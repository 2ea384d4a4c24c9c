//! What comes out of [`Swim`](super::Swim), and why something did not go in.

use std::net::SocketAddr;

use model::{MemberState, NodeId};

/// Something that a caller of [`Swim`](super::Swim) has to do or know.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this body to a member.
    Send {
        /// Whom to.
        to: NodeId,
        /// Where it is.
        address: SocketAddr,
        /// What.
        body: Vec<u8>,
    },
    /// A member's state changed.
    Changed {
        /// Whose.
        id: NodeId,
        /// What it was; nothing when it was not known.
        from: Option<MemberState>,
        /// What it is.
        to: MemberState,
        /// Who said so first, as far as is known.
        accuser: Option<NodeId>,
    },
    /// Somebody told something beside the members.
    Told {
        /// Who.
        by: NodeId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Two machines use one id.
    Cloned {
        /// The id.
        id: NodeId,
        /// Where both are.
        at: [SocketAddr; 2],
    },
    /// The cluster knows later starts of this node than it remembers itself.
    Outrun {
        /// How many.
        starts: u64,
    },
    /// This node had no processor for a while, or its machine slept.
    Woke,
}

/// Why a body was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is not well formed.
    Malformed,
    /// It is for another node, that was at this address maybe.
    Foreign,
    /// It is of an earlier life of its sender.
    Stale,
    /// Its sender is a second machine with the id of another.
    Cloned,
    /// Its sender was forgotten.
    Forgotten,
    /// There are too many members.
    Full,
}
