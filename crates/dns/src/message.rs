//! Messages of others, and our own for people: read whole, with every pointer and length in doubt.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::name::{NAME_BYTES_MAX, Name};
use crate::wire::{self, HEADER_BYTES, number16, number32};

/// Most records of a message that are read; one with more is refused.
const RECORDS_MAX: usize = 4_096;
/// Most pointers that one name may follow.
const POINTERS_MAX: usize = 16;

/// Bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: u16,
    /// Its flags.
    pub flags: u16,
    /// How it went.
    pub code: u16,
    /// What was asked.
    pub question: Option<(Name, u16)>,
    /// What was found.
    pub answers: Vec<Record>,
    /// Who knows more.
    pub authority: Vec<Record>,
    /// What the asker will need next.
    pub additional: Vec<Record>,
    /// Why it is as it is, for people.
    pub reasons: Vec<String>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub name: Name,
    /// The type.
    pub kind: u16,
    /// The seconds that it may be kept.
    pub ttl: u32,
    /// What it says, for people.
    pub content: String,
    /// Where the time to live stands in the message.
    pub(crate) ttl_at: usize,
    /// The last number of a start of authority: how long the lack of a name may be remembered.
    pub(crate) negative_ttl: Option<u32>,
}

impl Message {
    /// Reads a message.
    pub fn decode(packet: &[u8]) -> Result<Self, Malformed> {
        read(packet).ok_or(Malformed)
    }
}

fn read(packet: &[u8]) -> Option<Message> {
    let number = |at| number16(packet, at);
    let flags = number(2)?;
    let mut message = Message {
        id: number(0)?,
        flags,
        code: flags & 0xf,
        question: None,
        answers: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        reasons: Vec::new(),
    };
    let counts = [number(6)?, number(8)?, number(10)?];
    if counts.iter().map(|it| usize::from(*it)).sum::<usize>() > RECORDS_MAX {
        return None;
    }
    let mut at = HEADER_BYTES;
    match number(4)? {
        0 => {}
        1 => {
            let (name, after) = read_name(packet, at)?;
            message.question = Some((name, number(after)?));
            number(after + 2)?;
            at = after + 4;
        }
        _ => return None,
    }
    for (section, count) in counts.into_iter().enumerate() {
        for _ in 0..count {
            let (record, content, after) = read_record(packet, at)?;
            at = after;
            if record.kind == wire::OPT {
                message.code |= (record.ttl >> 24 << 4) as u16;
                message.reasons = read_reasons(content);
                continue;
            }
            match section {
                0 => message.answers.push(record),
                1 => message.authority.push(record),
                _ => message.additional.push(record),
            }
        }
    }
    Some(message)
}

fn read_record(packet: &[u8], from: usize) -> Option<(Record, &[u8], usize)> {
    let (name, at) = read_name(packet, from)?;
    let kind = number16(packet, at)?;
    number16(packet, at + 2)?;
    let ttl = number32(packet, at + 4)?;
    let length = usize::from(number16(packet, at + 8)?);
    let (start, end) = (at + 10, at + 10 + length);
    let content = packet.get(start..end)?;
    let record = Record {
        name,
        kind,
        ttl,
        content: read_content(packet, kind, start, end).unwrap_or_else(|| unknown(content)),
        ttl_at: at + 4,
        negative_ttl: match kind {
            wire::SOA if length >= 22 => number32(packet, end - 4),
            _ => None,
        },
    };
    Some((record, content, end))
}

/// Reads a name that may point to places before it.
fn read_name(packet: &[u8], from: usize) -> Option<(Name, usize)> {
    let mut wire = Vec::new();
    let (mut at, mut after, mut pointers) = (from, None, 0);
    loop {
        let length = *packet.get(at)?;
        match length & 0xc0 {
            0 if length == 0 => {
                wire.push(0);
                let name = Name::from_wire(&wire);
                return Some((name, after.unwrap_or(at + 1)));
            }
            0 => {
                let end = at + 1 + usize::from(length);
                wire.extend_from_slice(packet.get(at..end)?);
                at = end;
            }
            0xc0 => {
                let place = usize::from(number16(packet, at)? & 0x3fff);
                after = after.or(Some(at + 2));
                pointers += 1;
                if place >= at || pointers > POINTERS_MAX {
                    return None;
                }
                at = place;
            }
            _ => return None,
        }
        if wire.len() >= NAME_BYTES_MAX {
            return None;
        }
    }
}

/// Reads why an answer is as it is (RFC 8914).
fn read_reasons(options: &[u8]) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut rest = options;
    while let (Some(code), Some(length)) = (number16(rest, 0), number16(rest, 2)) {
        let Some(content) = rest.get(4..4 + usize::from(length)) else {
            break;
        };
        if code == wire::EXTENDED_ERROR && content.len() > 2 {
            let text = String::from_utf8_lossy(&content[2..]);
            reasons.push(text.replace(char::is_control, " "));
        }
        rest = &rest[4 + content.len()..];
    }
    reasons
}

/// Writes what one of our own records holds; it has no pointers.
pub(crate) fn content_text(kind: u16, content: &[u8]) -> String {
    read_content(content, kind, 0, content.len()).unwrap_or_else(|| unknown(content))
}

fn read_content(packet: &[u8], kind: u16, start: usize, end: usize) -> Option<String> {
    let content = packet.get(start..end)?;
    let name_at = |at| read_name(packet, at).map(|(name, after)| (name.to_string(), after));
    Some(match kind {
        wire::A => Ipv4Addr::from(<[u8; 4]>::try_from(content).ok()?).to_string(),
        wire::AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(content).ok()?).to_string(),
        wire::NS | wire::CNAME | wire::PTR => name_at(start)?.0,
        wire::MX => {
            let preference = number16(packet, start)?;
            format!("{preference} {}", name_at(start + 2)?.0)
        }
        wire::SRV => {
            let of = |at| number16(packet, start + at);
            let (priority, weight, port) = (of(0)?, of(2)?, of(4)?);
            format!("{priority} {weight} {port} {}", name_at(start + 6)?.0)
        }
        wire::SOA => {
            let (server, at) = name_at(start)?;
            let (people, at) = name_at(at)?;
            let mut text = format!("{server} {people}");
            for place in 0..5 {
                let number = number32(packet, at + 4 * place)?;
                write!(text, " {number}").ok()?;
            }
            text
        }
        wire::TXT => read_strings(content)?,
        _ => return None,
    })
}

fn read_strings(content: &[u8]) -> Option<String> {
    let mut strings = Vec::new();
    let mut rest = content;
    while let Some((length, after)) = rest.split_first() {
        let string = after.get(..usize::from(*length))?;
        strings.extend_from_slice(string);
        rest = &after[string.len()..];
    }
    let text = String::from_utf8_lossy(&strings);
    let text = text.replace(char::is_control, " ").replace('"', "\\\"");
    Some(format!("\"{text}\""))
}

/// Writes content of a type that is not known here (RFC 3597).
fn unknown(content: &[u8]) -> String {
    format!("\\# {} {}", content.len(), model::to_hex(content))
}

/// Writes a record as `dig` does.
impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = wire::type_name(self.kind);
        write!(f, "{} {} IN {kind} {}", self.name, self.ttl, self.content)
    }
}
