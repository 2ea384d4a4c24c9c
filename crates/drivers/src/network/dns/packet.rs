//! Questions and answers as bytes. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The types of records that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordType {
    A,
    Aaaa,
    Cname,
    Mx,
    Ns,
    Ptr,
    Soa,
    Srv,
    Txt,
}

impl RecordType {
    const ALL: [(Self, &'static str, u16); 9] = [
        (Self::A, "A", 1),
        (Self::Aaaa, "AAAA", 28),
        (Self::Cname, "CNAME", 5),
        (Self::Mx, "MX", 15),
        (Self::Ns, "NS", 2),
        (Self::Ptr, "PTR", 12),
        (Self::Soa, "SOA", 6),
        (Self::Srv, "SRV", 33),
        (Self::Txt, "TXT", 16),
    ];

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|(_, name, _)| name.eq_ignore_ascii_case(word));
        found.map(|(kind, _, _)| kind)
    }

    fn of_number(number: u16) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|(_, _, known)| *known == number);
        found.map(|(kind, _, _)| kind)
    }

    fn number(self) -> u16 {
        let found = Self::ALL.into_iter().find(|(kind, _, _)| *kind == self);
        found.map_or(0, |(_, _, number)| number)
    }
}

/// An answer, as far as it makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// How it went: 0 is well.
    pub(crate) code: u16,
    /// Whether the server answers for the name itself.
    pub(crate) is_authoritative: bool,
    /// Whether it was too long for its packet.
    pub(crate) is_cut: bool,
    /// The records of known types.
    pub(crate) records: Vec<Record>,
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The name it is of.
    pub(crate) owner: String,
    pub(crate) kind: RecordType,
    /// The time, in seconds, that it may be kept.
    pub(crate) time_to_live: u32,
    /// What it says, as people write it.
    pub(crate) text: String,
}

const CLASS_IN: u16 = 1;
const TYPE_OPT: u16 = 41;
/// A name is no longer than this in a packet.
const NAME_BYTES_MAX: usize = 255;
/// Records that are kept of one packet.
const RECORDS_MAX: usize = 256;

/// Writes a question; none when the name is none. With EDNS it says how large an answer may be;
/// without, as any server of any age understands it, an answer has at most 512 bytes.
pub(crate) fn question(
    id: u16,
    name: &str,
    kind: RecordType,
    answer_bytes_max: Option<u16>,
) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(300);
    packet.extend_from_slice(&id.to_be_bytes());
    // Recursion desired; one question; one additional record if it is EDNS.
    packet.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0]);
    packet.push(u8::from(answer_bytes_max.is_some()));
    let name = name.strip_suffix('.').unwrap_or(name);
    let length = name.len();
    if !name.is_ascii() || length > 253 {
        return None;
    }
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let length = u8::try_from(label.len()).ok()?;
        if !(1..=63).contains(&length) {
            return None;
        }
        packet.push(length);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&kind.number().to_be_bytes());
    packet.extend_from_slice(&CLASS_IN.to_be_bytes());
    if let Some(room) = answer_bytes_max {
        packet.push(0);
        packet.extend_from_slice(&TYPE_OPT.to_be_bytes());
        packet.extend_from_slice(&room.to_be_bytes());
        packet.extend_from_slice(&[0; 6]);
    }
    Some(packet)
}

/// Reads the answer to a question; none when it is not one, which may be somebody's forgery.
pub(crate) fn read(packet: &[u8], id: u16, name: &str, kind: RecordType) -> Option<Packet> {
    let mut reader = Reader { packet, at: 0 };
    let (its_id, flags) = (reader.number()?, reader.number()?);
    let (questions, answers) = (reader.number()?, reader.number()?);
    reader.at += 4;
    let is_answer = flags & 0x8000 != 0 && flags & 0x7800 == 0;
    if its_id != id || !is_answer || questions != 1 {
        return None;
    }
    let asked = name.strip_suffix('.').unwrap_or(name);
    let repeated = reader.name()?;
    let is_ours = (reader.number()?, reader.number()?) == (kind.number(), CLASS_IN);
    if !repeated.eq_ignore_ascii_case(asked) || !is_ours {
        return None;
    }
    let mut records = Vec::new();
    for _ in 0..answers {
        let Some(record) = reader.record() else { break };
        records.extend(record);
        if records.len() == RECORDS_MAX {
            break;
        }
    }
    Some(Packet {
        code: flags & 0xf,
        is_authoritative: flags & 0x400 != 0,
        is_cut: flags & 0x200 != 0,
        records,
    })
}

struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Option<u16> {
        let bytes = self.packet.get(self.at..self.at + 2)?;
        self.at += 2;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn long_number(&mut self) -> Option<u32> {
        Some(u32::from(self.number()?) << 16 | u32::from(self.number()?))
    }

    /// Reads a name, which may go on earlier in the packet; earlier each time, so there is an end.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        let mut start = at;
        let mut after = None;
        loop {
            let length = usize::from(*self.packet.get(at)?);
            match length {
                0 => break,
                1..=63 => {
                    if !name.is_empty() {
                        name.push('.');
                    }
                    let label = self.packet.get(at + 1..at + 1 + length)?;
                    name.extend(label.iter().map(|byte| shown(*byte, b'.')));
                    if name.len() > NAME_BYTES_MAX {
                        return None;
                    }
                    at += 1 + length;
                }
                192.. => {
                    let target = (length & 0x3f) << 8 | usize::from(*self.packet.get(at + 1)?);
                    if target >= start {
                        return None;
                    }
                    after.get_or_insert(at + 2);
                    at = target;
                    start = target;
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(at + 1);
        Some(name)
    }

    /// Reads one record; the inner none is one of another type, or one that makes no sense.
    fn record(&mut self) -> Option<Option<Record>> {
        let owner = self.name()?;
        let (number, class) = (self.number()?, self.number()?);
        let time_to_live = self.long_number()?;
        let length = usize::from(self.number()?);
        let end = self.at + length;
        if end > self.packet.len() {
            return None;
        }
        let kind = RecordType::of_number(number).filter(|_| class == CLASS_IN);
        let said = kind.and_then(|kind| Some((kind, self.data(kind, end)?)));
        self.at = end;
        Some(said.map(|(kind, text)| Record {
            owner,
            kind,
            time_to_live,
            text,
        }))
    }

    fn data(&mut self, kind: RecordType, end: usize) -> Option<String> {
        let bytes = self.packet.get(self.at..end)?;
        match kind {
            RecordType::A => {
                let octets: [u8; 4] = bytes.try_into().ok()?;
                Some(Ipv4Addr::from(octets).to_string())
            }
            RecordType::Aaaa => {
                let octets: [u8; 16] = bytes.try_into().ok()?;
                Some(Ipv6Addr::from(octets).to_string())
            }
            RecordType::Cname | RecordType::Ns | RecordType::Ptr => self.name(),
            RecordType::Mx => Some(format!("{} {}", self.number()?, self.name()?)),
            RecordType::Srv => {
                let (priority, weight, port) = (self.number()?, self.number()?, self.number()?);
                Some(format!("{priority} {weight} {port} {}", self.name()?))
            }
            RecordType::Soa => {
                let (server, person) = (self.name()?, self.name()?);
                Some(format!("{server} {person} {}", self.long_number()?))
            }
            RecordType::Txt => text(bytes),
        }
    }
}

/// Joins the parts of a text record.
fn text(mut bytes: &[u8]) -> Option<String> {
    let mut joined = String::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (part, rest) = rest.split_at_checked(usize::from(*length))?;
        joined.extend(part.iter().map(|byte| shown(*byte, 0)));
        bytes = rest;
    }
    Some(joined)
}

/// Shows a byte of a name or text; what is no printable ASCII, or the one sign that would mislead,
/// becomes a question mark.
fn shown(byte: u8, misleading: u8) -> char {
    if (byte.is_ascii_graphic() || byte == b' ') && byte != misleading {
        char::from(byte)
    } else {
        '?'
    }
}
