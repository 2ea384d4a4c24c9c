//! What foca wants done in one turn, gathered up.

use std::time::Duration;

use foca::{Header, Message, Notification, Runtime, Timer};
use model::NodeId;

use super::identity::Identity;
use super::packet;

/// What foca wants done.
#[derive(Debug, Default)]
pub(super) struct Hands {
    /// Packets to send.
    pub(super) packets: Vec<Packet>,
    /// Timers to set, and how long foca would wait.
    pub(super) timers: Vec<(Timer<Identity>, Duration)>,
    /// Members that may have changed.
    pub(super) touched: Vec<NodeId>,
    /// The probe that was begun.
    pub(super) probe: Option<(u8, Identity)>,
    /// Whom a probe got no answer from.
    pub(super) failed: Option<NodeId>,
    /// The incarnation that this node says it has.
    pub(super) incarnation: Option<u16>,
}

/// A packet to send.
#[derive(Debug)]
pub(super) struct Packet {
    /// Whom to.
    pub(super) to: Identity,
    /// Its bytes.
    pub(super) body: Vec<u8>,
    /// Where it says of how many members it tells; nothing when it tells of none, and nothing may
    /// ride on it.
    pub(super) count_at: Option<usize>,
}

impl Runtime<Identity> for Hands {
    fn notify(&mut self, notification: Notification<'_, Identity>) {
        match notification {
            Notification::MemberUp(member) | Notification::MemberDown(member) => {
                self.touched.push(member.id);
            }
            Notification::Rename(_, after) => self.touched.push(after.id),
            Notification::ProbeFailed(_, member) => {
                self.touched.push(member.id);
                self.failed = Some(member.id);
            }
            Notification::DataSent(header) => self.sent(header),
            Notification::DataReceived(_)
            | Notification::Active
            | Notification::Idle
            | Notification::Defunct
            | Notification::Rejoin(_) => {}
        }
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.packets.push(Packet {
            to,
            body: data.to_vec(),
            count_at: None,
        });
    }

    fn submit_after(&mut self, event: Timer<Identity>, after: Duration) {
        self.timers.push((event, after));
    }
}

impl Hands {
    fn sent(&mut self, header: &Header<Identity>) {
        self.incarnation = Some(header.src_incarnation);
        if let Message::Ping(number) = header.message {
            self.probe = Some((number, header.dst));
        }
        let takes_more = !matches!(header.message, Message::Announce | Message::TurnUndead);
        if let Some(last) = self.packets.last_mut() {
            last.count_at = takes_more.then(|| packet::header_len(header));
        }
    }
}
