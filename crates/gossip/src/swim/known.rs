//! What is known of a member.

use std::net::SocketAddr;

use foca::{Member, State};
use model::{MemberState, Moment, NodeId};

use super::identity::{Accused, Identity};

/// What is known of a member.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Who it is.
    pub identity: Identity,
    /// Which incarnation of it.
    pub incarnation: u16,
    /// How it is.
    pub state: MemberState,
    /// Who said so first, as far as is known.
    pub accuser: Option<NodeId>,
    /// When it was heard itself, or was known to refute.
    pub heard: Moment,
}

/// What is known of the few members that were seen at more than one address.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moves {
    /// Where it was before, and until when.
    pub(super) from: Option<(SocketAddr, Moment)>,
    /// Until when another machine with its id is not listened to.
    pub(super) cloned_until: Option<Moment>,
}

impl Known {
    /// Tells whether it lives or may live.
    pub fn is_active(&self) -> bool {
        matches!(self.state, MemberState::Alive | MemberState::Suspect)
    }

    /// Gives what is known of it, as another node may learn it.
    pub(super) fn statement(&self) -> Member<Identity> {
        let state = match self.state {
            MemberState::Alive => State::Alive,
            MemberState::Suspect => State::Suspect,
            MemberState::Dead | MemberState::Leave => State::Down,
        };
        let accused = self.accuser.map(|by| Accused {
            by,
            incarnation: self.incarnation,
        });
        let identity = Identity {
            accused,
            ..self.identity
        };
        Member::new(identity, self.incarnation, state)
    }
}
