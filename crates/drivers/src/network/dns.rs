//! The two kinds of DNS packets that are needed to ask for the name of an address (RFC 1035).
//!
//! Pure: bytes in, values out. Whatever comes from the network may be junk, and is not an error of
//! ours but none of our answers either.

use std::net::IpAddr;

/// The types of records that matter here.
const TYPE_CNAME: u16 = 5;
const TYPE_PTR: u16 = 12;
const CLASS_IN: u16 = 1;

/// A name is no longer than this in a packet.
const NAME_BYTES_MAX: usize = 255;
/// Aliases that are followed; RFC 2317 needs one.
const ALIASES_MAX: usize = 8;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The name of the address.
    Name(String),
    /// The address has no name.
    None,
    /// It cannot tell; with its code.
    Failed(&'static str),
}

/// Gives the name under which an address is looked up.
pub(super) fn reverse_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let mut name = String::with_capacity(72);
            for byte in v6.octets().iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            }
            name + "ip6.arpa"
        }
    }
}

/// Writes the question for the PTR records of a name.
pub(super) fn question(id: u16, name: &str) -> Vec<u8> {
    let mut packet = Vec::with_capacity(96);
    packet.extend_from_slice(&id.to_be_bytes());
    // Recursion desired; one question; no records.
    packet.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).unwrap_or(0));
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&TYPE_PTR.to_be_bytes());
    packet.extend_from_slice(&CLASS_IN.to_be_bytes());
    packet
}

/// Reads the answer to a question; none when it is not one, which may be somebody's forgery.
pub(super) fn read_answer(packet: &[u8], id: u16, asked: &str) -> Option<Answer> {
    let mut reader = Reader { packet, at: 0 };
    let (its_id, flags) = (reader.number()?, reader.number()?);
    let (questions, answers) = (reader.number()?, reader.number()?);
    reader.at += 4;
    let is_answer = flags & 0x8000 != 0 && flags & 0x7800 == 0;
    if its_id != id || !is_answer || questions != 1 {
        return None;
    }
    let repeated = reader.name()?;
    let kind = (reader.number()?, reader.number()?);
    if !repeated.eq_ignore_ascii_case(asked) || kind != (TYPE_PTR, CLASS_IN) {
        return None;
    }
    match flags & 0xf {
        0 => Some(find_name(reader.records(answers), asked).map_or(Answer::None, Answer::Name)),
        3 => Some(Answer::None),
        1 => Some(Answer::Failed("it did not understand the question")),
        2 => Some(Answer::Failed("it could not ask the servers above it")),
        4 => Some(Answer::Failed("it does not know how to answer")),
        5 => Some(Answer::Failed("it refuses to answer this machine")),
        _ => Some(Answer::Failed("it failed for a reason of its own")),
    }
}

/// Finds the first PTR record of a name, along its aliases.
fn find_name(records: Vec<Record>, asked: &str) -> Option<String> {
    let mut owner = asked.to_owned();
    for _ in 0..=ALIASES_MAX {
        let of = |kind| {
            let is_it = move |record: &&Record| record.kind == kind;
            records
                .iter()
                .filter(is_it)
                .find(|record| record.owner.eq_ignore_ascii_case(&owner))
        };
        match (of(TYPE_PTR), of(TYPE_CNAME)) {
            (Some(found), _) => return is_host_name(&found.target).then(|| found.target.clone()),
            (None, Some(alias)) => owner = alias.target.clone(),
            (None, None) => return None,
        }
    }
    None
}

/// Tells whether a name can be one of a host. DNS itself allows any byte, and this one will be
/// printed and compared.
fn is_host_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

/// A PTR or CNAME record.
struct Record {
    owner: String,
    kind: u16,
    target: String,
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

    /// Reads a name, which may go on earlier in the packet. It must be earlier each time, so there
    /// is an end. What is no ASCII becomes `?`, which is in no name that is accepted.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        let mut start = at;
        let mut jumped = false;
        loop {
            let length = usize::from(*self.packet.get(at)?);
            match length {
                0 => break,
                1..=63 => {
                    let label = self.packet.get(at + 1..at + 1 + length)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.extend(label.iter().map(|byte| ascii_or_mark(*byte)));
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
                    if !jumped {
                        self.at = at + 2;
                        jumped = true;
                    }
                    at = target;
                    start = target;
                }
                _ => return None,
            }
        }
        if !jumped {
            self.at = at + 1;
        }
        Some(name)
    }

    /// Reads records as far as they make sense; only those of interest are kept.
    fn records(mut self, count: u16) -> Vec<Record> {
        let mut records = Vec::new();
        for _ in 0..count {
            let Some(record) = self.record() else { break };
            records.extend(record);
        }
        records
    }

    /// Reads one record; the inner none is one of another type.
    fn record(&mut self) -> Option<Option<Record>> {
        let owner = self.name()?;
        let (kind, class) = (self.number()?, self.number()?);
        self.at += 4;
        let length = usize::from(self.number()?);
        let end = self.at + length;
        if end > self.packet.len() {
            return None;
        }
        let wanted = class == CLASS_IN && matches!(kind, TYPE_PTR | TYPE_CNAME);
        let target = if wanted { Some(self.name()?) } else { None };
        self.at = end;
        Some(target.map(|target| Record {
            owner,
            kind,
            target,
        }))
    }
}

/// A dot inside of a label would look like two labels.
fn ascii_or_mark(byte: u8) -> char {
    if byte.is_ascii_graphic() && byte != b'.' {
        char::from(byte)
    } else {
        '?'
    }
}

#[cfg(test)]
mod tests;
