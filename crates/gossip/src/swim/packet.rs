//! How foca's messages look on the wire, and how they are taken apart again.
//!
//! A body is a header, what the sender says of members, and what it tells beside. The sender's id
//! and starts are in front of every datagram already and not said again. Who it is for is said in
//! short: four bytes of the id, and the epoch, so that a message for an earlier life is known as
//! such.

use bytes::{Buf, BufMut};
use foca::{Header, Member, Message, State};
use model::NodeId;

use super::identity::{Accused, Epoch, Identity};
use crate::wire::{Malformed, Reader, Writer};

/// A body, taken apart.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    /// Its header. Whom it is for has this node's address, and maybe another epoch of it.
    pub(super) header: Header<Identity>,
    /// What the sender says of members.
    pub(super) updates: Vec<Member<Identity>>,
    /// What it tells beside.
    pub(super) told: Vec<&'a [u8]>,
}

/// Takes a body apart. Gives nothing when it is well formed and for another node.
pub(super) fn read<'a>(
    sender: (NodeId, u64),
    own: &Identity,
    body: &'a [u8],
) -> Result<Option<Packet<'a>>, Malformed> {
    let mut reader = Reader::new(body);
    let (id, starts) = sender;
    let renewals = small(&mut reader)?;
    let src_incarnation = small(&mut reader)?;
    let src = Identity {
        id,
        epoch: Epoch::new(starts, renewals),
        address: reader.address()?,
        accused: None,
    };
    let for_me = reader.array::<4>()? == own.id.as_bytes()[..4];
    let dst = Identity {
        epoch: read_epoch(&mut reader)?,
        ..*own
    };
    let message = read_message(&mut reader)?;
    let header = Header {
        src,
        src_incarnation,
        dst,
        message,
    };
    let mut updates = Vec::new();
    let mut told = Vec::new();
    if !reader.is_empty() {
        for _ in 0..u16::from_be_bytes(reader.array()?) {
            updates.push(read_member(&mut reader)?);
        }
        while !reader.is_empty() {
            told.push(reader.bytes(body.len())?);
        }
    }
    let packet = Packet {
        header,
        updates,
        told,
    };
    Ok(for_me.then_some(packet))
}

/// Writes a header as it is on the wire.
pub(super) fn write_header(writer: &mut Writer, header: &Header<Identity>) {
    writer.number(header.src.epoch.renewals().into());
    writer.number(header.src_incarnation.into());
    writer.address(header.src.address);
    writer.raw(&header.dst.id.as_bytes()[..4]);
    write_epoch(writer, header.dst.epoch);
    write_message(writer, &header.message);
}

/// Gives how many bytes a header takes: the number of members stands behind it.
pub(super) fn header_len(header: &Header<Identity>) -> usize {
    let mut writer = Writer::new();
    write_header(&mut writer, header);
    writer.len()
}

/// Raises the number of members that a body tells of, which stands at `count_at`.
pub(super) fn raise_count(body: &mut [u8], count_at: usize, by: u16) {
    if let Some([high, low]) = body.get_mut(count_at..count_at + 2) {
        let count = u16::from_be_bytes([*high, *low]).saturating_add(by);
        [*high, *low] = count.to_be_bytes();
    }
}

/// Writes what is said of members, with their number in front.
pub(super) fn write_members(writer: &mut Writer, members: &[Member<Identity>]) {
    let count = u16::try_from(members.len()).expect("the caller says a few things only");
    writer.raw(&count.to_be_bytes());
    for member in members {
        write_member(writer, member);
    }
}

/// Writes something that is told beside the members.
pub(super) fn write_told(writer: &mut Vec<u8>, told: &[u8]) {
    let mut bytes = Writer::new();
    bytes.bytes(told);
    writer.extend_from_slice(bytes.as_bytes());
}

/// What foca writes and reads by. It writes what goes on the wire. What it reads was taken apart,
/// judged and written anew by this room, in full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codec {
    /// This node.
    pub(super) own: NodeId,
}

/// Writes a header in full, for foca's own reading.
pub(super) fn hand_over(header: &Header<Identity>) -> Vec<u8> {
    let mut writer = Writer::new();
    write_identity(&mut writer, &header.src);
    writer.number(header.src_incarnation.into());
    write_identity(&mut writer, &header.dst);
    write_message(&mut writer, &header.message);
    writer.into_bytes()
}

impl foca::Codec<Identity> for Codec {
    type Error = Malformed;

    fn encode_header(
        &mut self,
        header: &Header<Identity>,
        buf: impl BufMut,
    ) -> Result<(), Malformed> {
        let mut writer = Writer::new();
        write_header(&mut writer, header);
        put(&writer, buf)
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Identity>, Malformed> {
        let mut reader = Reader::new(buf.chunk());
        let header = Header {
            src: read_identity(&mut reader)?,
            src_incarnation: small(&mut reader)?,
            dst: read_identity(&mut reader)?,
            message: read_message(&mut reader)?,
        };
        let taken = buf.chunk().len() - reader.rest().len();
        buf.advance(taken);
        Ok(header)
    }

    fn encode_member(
        &mut self,
        member: &Member<Identity>,
        buf: impl BufMut,
    ) -> Result<(), Malformed> {
        let mut id = *member.id();
        let mut state = member.state();
        if id.id == self.own {
            // Foca calls an earlier epoch of its own down. That must not take the node down where
            // its new epoch is not known yet; the new one wins by itself.
            state = State::Alive;
        } else if state != State::Alive {
            let accused = id
                .accused
                .filter(|accused| accused.incarnation == member.incarnation());
            // What others did not accuse of, this node does.
            id.accused = Some(accused.unwrap_or(Accused {
                by: self.own,
                incarnation: member.incarnation(),
            }));
        }
        let mut writer = Writer::new();
        let said = Member::new(id, member.incarnation(), state);
        write_member(&mut writer, &said);
        put(&writer, buf)
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Member<Identity>, Malformed> {
        let mut reader = Reader::new(buf.chunk());
        let member = read_member(&mut reader)?;
        let taken = buf.chunk().len() - reader.rest().len();
        buf.advance(taken);
        Ok(member)
    }
}

fn put(writer: &Writer, mut buf: impl BufMut) -> Result<(), Malformed> {
    if buf.remaining_mut() < writer.len() {
        return Err(Malformed::TooLong);
    }
    buf.put_slice(writer.as_bytes());
    Ok(())
}

/// Writes what is said of one member.
pub(crate) fn write_member(writer: &mut Writer, member: &Member<Identity>) {
    write_identity(writer, member.id());
    writer.number(member.incarnation().into());
    let by = match member.state() {
        State::Alive => None,
        State::Suspect | State::Down => member.id().accused.map(|accused| accused.by),
    };
    let state = match member.state() {
        State::Alive => 0,
        State::Suspect => 1,
        State::Down => 2,
    };
    writer.byte(state | u8::from(by.is_some()) << 2);
    if let Some(by) = by {
        writer.node(by);
    }
}

/// Reads what is said of one member.
pub(crate) fn read_member(reader: &mut Reader) -> Result<Member<Identity>, Malformed> {
    let mut id = read_identity(reader)?;
    let incarnation = small(reader)?;
    let (state, accused) = match reader.byte()? {
        0 => (State::Alive, false),
        1 => (State::Suspect, false),
        2 => (State::Down, false),
        5 => (State::Suspect, true),
        6 => (State::Down, true),
        _ => return Err(Malformed::Value),
    };
    if accused {
        let by = reader.node()?;
        id.accused = Some(Accused { by, incarnation });
    }
    Ok(Member::new(id, incarnation, state))
}

fn write_identity(writer: &mut Writer, identity: &Identity) {
    writer.node(identity.id);
    write_epoch(writer, identity.epoch);
    writer.address(identity.address);
}

fn read_identity(reader: &mut Reader) -> Result<Identity, Malformed> {
    Ok(Identity {
        id: reader.node()?,
        epoch: read_epoch(reader)?,
        address: reader.address()?,
        accused: None,
    })
}

fn write_epoch(writer: &mut Writer, epoch: Epoch) {
    writer.number(epoch.starts());
    writer.number(epoch.renewals().into());
}

fn read_epoch(reader: &mut Reader) -> Result<Epoch, Malformed> {
    let starts = reader.number()?;
    if starts >> 48 != 0 {
        return Err(Malformed::Number);
    }
    Ok(Epoch::new(starts, small(reader)?))
}

fn small(reader: &mut Reader) -> Result<u16, Malformed> {
    u16::try_from(reader.number()?).map_err(|_| Malformed::Number)
}

fn write_message(writer: &mut Writer, message: &Message<Identity>) {
    let (kind, about, number) = match message {
        Message::Ping(number) => (0, None, Some(number)),
        Message::Ack(number) => (1, None, Some(number)),
        Message::PingReq {
            target,
            probe_number,
        } => (2, Some(target), Some(probe_number)),
        Message::IndirectPing {
            origin,
            probe_number,
        } => (3, Some(origin), Some(probe_number)),
        Message::IndirectAck {
            target,
            probe_number,
        } => (4, Some(target), Some(probe_number)),
        Message::ForwardedAck {
            origin,
            probe_number,
        } => (5, Some(origin), Some(probe_number)),
        Message::Announce => (6, None, None),
        Message::Feed => (7, None, None),
        Message::Gossip => (8, None, None),
        Message::Broadcast => (9, None, None),
        Message::TurnUndead => (10, None, None),
    };
    writer.byte(kind);
    if let Some(number) = number {
        writer.byte(*number);
    }
    if let Some(about) = about {
        write_identity(writer, about);
    }
}

fn read_message(reader: &mut Reader) -> Result<Message<Identity>, Malformed> {
    let kind = reader.byte()?;
    let probe_number = if kind <= 5 { reader.byte()? } else { 0 };
    Ok(match kind {
        0 => Message::Ping(probe_number),
        1 => Message::Ack(probe_number),
        2 => Message::PingReq {
            target: read_identity(reader)?,
            probe_number,
        },
        3 => Message::IndirectPing {
            origin: read_identity(reader)?,
            probe_number,
        },
        4 => Message::IndirectAck {
            target: read_identity(reader)?,
            probe_number,
        },
        5 => Message::ForwardedAck {
            origin: read_identity(reader)?,
            probe_number,
        },
        6 => Message::Announce,
        7 => Message::Feed,
        8 => Message::Gossip,
        10 => Message::TurnUndead,
        _ => return Err(Malformed::Value),
    })
}
