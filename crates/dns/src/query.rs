//! Queries: what a packet asks, read in one pass and without an allocation.

use crate::name::{NAME_BYTES_MAX, Name};
use crate::wire::{self, HEADER_BYTES, number16, number32};

/// Most records behind the question that are looked at for EDNS; a query with more is refused.
const ADDITIONAL_MAX: u16 = 8;
/// Most labels of a name: each takes two bytes, and the end one.
const LABELS_MAX: usize = NAME_BYTES_MAX / 2 + 1;

/// What a packet asks.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its number, which the answer repeats.
    pub id: u16,
    /// Its flags.
    pub flags: u16,
    /// The type asked for.
    pub kind: u16,
    /// The class asked for.
    pub class: u16,
    /// What it can do beside RFC 1035, when it says so.
    pub edns: Option<Edns>,
    /// Where the question ends in the packet.
    pub question_end: usize,
    name: Lowered,
}

/// What the asker can do beside RFC 1035.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest answer that it takes by UDP.
    pub size: u16,
    /// The version it speaks.
    pub version: u8,
    /// Whether it wants DNSSEC records.
    pub wants_dnssec: bool,
}

/// Why a packet is not answered as a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is too short, or an answer: whoever sent it gets nothing.
    Ignored,
    /// It has a header and no question that can be read: the code to answer with.
    Code(u16),
}

/// A name in lower case, with the places of its labels.
#[derive(Clone, Debug)]
struct Lowered {
    bytes: [u8; NAME_BYTES_MAX],
    length: usize,
    starts: [u8; LABELS_MAX],
    labels: usize,
}

impl Query {
    /// Reads a packet.
    pub fn parse(packet: &[u8]) -> Result<Self, Refused> {
        let header = packet.get(..HEADER_BYTES).ok_or(Refused::Ignored)?;
        let number = |at| number16(header, at).unwrap_or_default();
        let (id, flags) = (number(0), number(2));
        if flags & wire::QR != 0 {
            return Err(Refused::Ignored);
        }
        if flags & 0x7800 != 0 {
            return Err(Refused::Code(wire::NOTIMP));
        }
        let malformed = Refused::Code(wire::FORMERR);
        let counts = (number(4), number(6), number(8));
        if counts != (1, 0, 0) || number(10) > ADDITIONAL_MAX {
            return Err(malformed);
        }
        let name = Lowered::read(packet).ok_or(malformed)?;
        let at = HEADER_BYTES + name.length;
        let kind = number16(packet, at).ok_or(malformed)?;
        let class = number16(packet, at + 2).ok_or(malformed)?;
        let question_end = at + 4;
        let edns = match number(10) {
            0 => None,
            many => read_edns(packet, question_end, many).ok_or(malformed)?,
        };
        Ok(Self {
            id,
            flags,
            kind,
            class,
            edns,
            question_end,
            name,
        })
    }

    /// Gives the name in wire form and lower case.
    pub fn name(&self) -> &[u8] {
        &self.name.bytes[..self.name.length]
    }

    /// Gives the name from a label on.
    pub(crate) fn name_from(&self, label: usize) -> &[u8] {
        match label < self.name.labels {
            true => &self.name()[usize::from(self.name.starts[label])..],
            false => &[0],
        }
    }

    /// Counts the labels.
    pub(crate) fn labels_count(&self) -> usize {
        self.name.labels
    }

    /// Gives a label without its length.
    pub(crate) fn label(&self, number: usize) -> &[u8] {
        let (length, after) = self.name_from(number).split_first().unwrap_or((&0, &[]));
        after.get(..usize::from(*length)).unwrap_or_default()
    }
}

/// Reads the records behind the question. Only EDNS counts, and it may stand there once.
fn read_edns(packet: &[u8], from: usize, many: u16) -> Option<Option<Edns>> {
    let mut found = None;
    let mut at = from;
    for _ in 0..many {
        let is_root = packet.get(at) == Some(&0);
        at = skip_name(packet, at)?;
        let kind = number16(packet, at)?;
        let (size, ttl) = (number16(packet, at + 2)?, number32(packet, at + 4)?);
        let length = usize::from(number16(packet, at + 8)?);
        at += 10;
        packet.get(at..at + length)?;
        at += length;
        if kind == wire::OPT {
            if found.is_some() || !is_root {
                return None;
            }
            found = Some(Edns {
                size,
                version: (ttl >> 16) as u8,
                wants_dnssec: ttl as u16 & wire::DO != 0,
            });
        }
    }
    Some(found)
}

/// Gives the place behind a name, which may end in a pointer.
pub(crate) fn skip_name(packet: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let length = *packet.get(at)?;
        match length & 0xc0 {
            0 if length == 0 => return Some(at + 1),
            0 => at += 1 + usize::from(length),
            0xc0 => return packet.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
        if at - from > NAME_BYTES_MAX {
            return None;
        }
    }
}

impl Lowered {
    /// Reads the name of the question. It is the first name of the packet, so it has no pointer.
    fn read(packet: &[u8]) -> Option<Self> {
        let mut name = Self {
            bytes: [0; NAME_BYTES_MAX],
            length: 0,
            starts: [0; LABELS_MAX],
            labels: 0,
        };
        let wire = packet.get(HEADER_BYTES..)?;
        loop {
            let at = name.length;
            let length = *wire.get(at)?;
            if length == 0 {
                name.length += 1;
                return (name.length <= NAME_BYTES_MAX).then_some(name);
            }
            let end = at + 1 + usize::from(length);
            if length > 63 || end >= NAME_BYTES_MAX {
                return None;
            }
            let label = wire.get(at..end)?;
            name.bytes[at..end].copy_from_slice(label);
            name.bytes[at + 1..end].make_ascii_lowercase();
            name.starts[name.labels] = u8::try_from(at).ok()?;
            name.labels += 1;
            name.length = end;
        }
    }
}

/// Writes a query as a resolver would: with EDNS, and asking for recursion.
pub fn question(id: u16, name: &Name, kind: u16, size: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + name.as_wire().len() + 15);
    for number in [id, wire::RD, 1, 0, 0, 1] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(name.as_wire());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&wire::IN.to_be_bytes());
    out.push(0);
    for number in [wire::OPT, size, 0, 0, 0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(text: &str) -> Vec<u8> {
        question(7, &Name::parse(text).unwrap(), wire::A, 1_232)
    }

    #[test]
    fn a_query_is_read_in_lower_case() {
        let mut bytes = packet("web.group.opsbro");
        bytes[13] = b'W';
        let query = Query::parse(&bytes).unwrap();
        assert_eq!((query.id, query.kind, query.class), (7, wire::A, wire::IN));
        assert_eq!(query.name(), b"\x03web\x05group\x06opsbro\x00");
        assert_eq!(query.labels_count(), 3);
        assert_eq!(query.label(1), b"group");
        assert_eq!(query.name_from(2), b"\x06opsbro\x00");
        assert_eq!(query.name_from(3), b"\x00");
        assert_eq!(query.edns.unwrap().size, 1_232);
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let good = packet("a.b");
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            Query::parse(&bytes).map(|_| ())
        };
        assert_eq!(Query::parse(&good[..11]).map(|_| ()), Err(Refused::Ignored));
        assert_eq!(with(2, 0x80), Err(Refused::Ignored), "an answer");
        assert_eq!(with(2, 0x20), Err(Refused::Code(wire::NOTIMP)), "a notify");
        let malformed = Err(Refused::Code(wire::FORMERR));
        assert_eq!(with(5, 2), malformed, "two questions");
        assert_eq!(with(7, 1), malformed, "an answer inside");
        assert_eq!(with(12, 0xc0), malformed, "a pointer");
        assert_eq!(with(12, 0x40), malformed, "a label of an unknown kind");
        assert_eq!(with(11, 2), malformed, "a record that is not there");
        assert_eq!(with(11, 200), malformed, "too many records");
        for end in 12..good.len() {
            assert_eq!(Query::parse(&good[..end]).map(|_| ()), malformed, "{end}");
        }
    }

    #[test]
    fn the_longest_name_is_taken_and_a_longer_one_is_not() {
        let text = [
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61),
        ]
        .join(".");
        assert!(Query::parse(&packet(&text)).is_ok());
        let mut bytes = packet(&text);
        bytes[12 + 192] = 62;
        bytes.insert(12 + 193, b'd');
        assert!(Query::parse(&bytes).is_err());
    }

    #[test]
    fn edns_stands_there_once() {
        let mut bytes = packet("a.b");
        let option = bytes[bytes.len() - 11..].to_vec();
        bytes.extend_from_slice(&option);
        bytes[11] = 2;
        assert_eq!(
            Query::parse(&bytes).map(|_| ()),
            Err(Refused::Code(wire::FORMERR))
        );
    }
}
