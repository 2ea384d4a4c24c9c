//! What this node says to one other by itself, beside what foca has it say.

use foca::{Header, Member, Message, State};
use model::{NodeId, limits};

use super::effect::Effect;
use super::identity::{Accused, Identity};
use super::{Swim, packet};
use crate::wire::Writer;

impl Swim {
    /// Gives the body that tells a member that this node leaves, and this beside, when it fits.
    pub fn farewell(&self, to: Identity, told: &[u8]) -> Vec<u8> {
        let own = *self.own();
        let accused = Some(Accused {
            by: own.id,
            incarnation: self.incarnation,
        });
        let down = Member::new(Identity { accused, ..own }, self.incarnation, State::Down);
        let header = self.header(to, Message::Gossip);
        let mut writer = Writer::new();
        packet::write_header(&mut writer, &header);
        packet::write_members(&mut writer, std::slice::from_ref(&down));
        let mut body = writer.into_bytes();
        if body.len() + told.len() + 2 <= limits::GOSSIP_BODY_BYTES_MAX {
            packet::write_told(&mut body, told);
        }
        body
    }

    /// Tells a suspect that it is one, for it to refute.
    pub(super) fn tell_suspect(&mut self, id: NodeId) {
        if let Some(known) = self.members.get(&id).copied() {
            self.send_own(known.identity, &[known.statement()]);
        }
    }

    /// Sends a message of our own making, which foca at the other end takes as news.
    pub(super) fn send_own(&mut self, to: Identity, said: &[Member<Identity>]) {
        self.send_message(to, Message::Gossip, said);
    }

    pub(super) fn send_message(
        &mut self,
        to: Identity,
        message: Message<Identity>,
        said: &[Member<Identity>],
    ) {
        let header = self.header(to, message);
        let mut writer = Writer::new();
        packet::write_header(&mut writer, &header);
        packet::write_members(&mut writer, said);
        let mut body = writer.into_bytes();
        let max = limits::GOSSIP_BODY_BYTES_MAX;
        self.broadcasts.fill(&mut body, max, packet::write_told);
        self.send(to, body);
    }

    pub(super) fn header(&self, to: Identity, message: Message<Identity>) -> Header<Identity> {
        Header {
            src: *self.own(),
            src_incarnation: self.incarnation,
            dst: to,
            message,
        }
    }

    pub(super) fn send(&mut self, to: Identity, body: Vec<u8>) {
        self.effects.push_back(Effect::Send {
            to: to.id,
            address: to.address,
            body,
        });
    }
}
