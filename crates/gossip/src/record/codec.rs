//! A record as bytes: id and version, then fields of a tag, a length and a value, by tag.
//!
//! A field whose tag is not known is kept and written again in its place. A later protocol adds
//! tags; it never changes what a tag means. Empty fields are left out, so a record has one form.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::limits::{
    RECORD_BYTES_MAX, RECORD_GROUPS_MAX, RECORD_NAME_BYTES_MAX, RECORD_OUTPUT_BYTES_MAX,
    RECORD_PARTS_MAX, RECORD_PROBLEMS_MAX, RECORD_UNKNOWN_MAX,
};
use model::{CheckState, Group};

use super::{Body, Health, Problem, Record, Version};
use crate::wire::{Malformed, Reader, Writer};

const NAME: u64 = 1;
const DISPLAY_NAME: u64 = 2;
const ADDRESS: u64 = 3;
const ZONE: u64 = 4;
const FLAGS: u64 = 5;
const STATIC_GROUPS: u64 = 6;
const DETECTED_GROUPS: u64 = 7;
const PROGRAM: u64 = 8;
const COUNTS: u64 = 9;
const PROBLEMS: u64 = 10;
const KEYS: u64 = 11;
const PARTS: u64 = 12;
const CUT: u64 = 13;

const PROXY: u8 = 1;
const LEFT: u8 = 2;

impl Record {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer.node(self.id);
        writer.number(self.version.starts);
        writer.number(self.version.change);
        let known = fields(&self.body);
        let mut unknown = self.unknown.iter().peekable();
        for (tag, value) in &known {
            while let Some((other, bytes)) = unknown.next_if(|(other, _)| other < tag) {
                field(&mut writer, *other, bytes);
            }
            if !value.is_empty() {
                field(&mut writer, *tag, value.as_bytes());
            }
        }
        for (other, bytes) in unknown {
            field(&mut writer, *other, bytes);
        }
        writer.into_bytes()
    }

    /// Reads it: whole, not over the limit, and with nothing in it that could play with those who
    /// show it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let mut reader = Reader::new(bytes);
        let id = reader.node()?;
        let version = Version {
            starts: reader.number()?,
            change: reader.number()?,
        };
        let mut known = BTreeMap::new();
        let mut unknown = Vec::new();
        let mut last = 0;
        while !reader.is_empty() {
            let tag = reader.number()?;
            let value = reader.bytes(RECORD_BYTES_MAX)?;
            if tag <= last || value.is_empty() {
                return Err(Malformed::Value);
            }
            last = tag;
            if tag <= CUT {
                known.insert(tag, value);
            } else {
                unknown.push((tag, Arc::from(value)));
            }
        }
        if unknown.len() > RECORD_UNKNOWN_MAX {
            return Err(Malformed::TooLong);
        }
        Ok(Self {
            id,
            version,
            body: read_body(&known)?,
            unknown,
        })
    }
}

fn field(writer: &mut Writer, tag: u64, value: &[u8]) {
    writer.number(tag);
    writer.bytes(value);
}

/// Gives the fields that this protocol knows, by tag.
fn fields(body: &Body) -> Vec<(u64, Writer)> {
    let written = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        writer
    };
    let flags = u8::from(body.is_proxy) * PROXY + u8::from(body.left) * LEFT;
    vec![
        (NAME, written(&|w| w.raw(body.name.as_bytes()))),
        (
            DISPLAY_NAME,
            written(&|w| w.raw(body.display_name.as_bytes())),
        ),
        (ADDRESS, written(&|w| w.address(body.address))),
        (ZONE, written(&|w| w.text(body.zone.as_str()))),
        (
            FLAGS,
            written(&|w| (0..flags.min(1)).for_each(|_| w.byte(flags))),
        ),
        (STATIC_GROUPS, written(&|w| groups(w, &body.static_groups))),
        (
            DETECTED_GROUPS,
            written(&|w| groups(w, &body.detected_groups)),
        ),
        (PROGRAM, written(&|w| w.raw(body.program.as_bytes()))),
        (COUNTS, written(&|w| counts(w, &body.health))),
        (PROBLEMS, written(&|w| problems(w, &body.health.problems))),
        (KEYS, written(&|w| keys(w, body.keys))),
        (
            PARTS,
            written(&|w| {
                for (name, bytes) in &body.parts {
                    w.text(name);
                    w.bytes(bytes);
                }
            }),
        ),
        (
            CUT,
            written(&|w| body.cut.iter().for_each(|cut| w.text(cut))),
        ),
    ]
}

fn groups(writer: &mut Writer, groups: &[Group]) {
    for group in groups {
        writer.text(group.as_str());
    }
}

fn counts(writer: &mut Writer, health: &Health) {
    for (state, count) in &health.counts {
        writer.byte(state_number(*state));
        writer.number(u64::from(*count));
    }
}

fn problems(writer: &mut Writer, problems: &[Problem]) {
    for problem in problems {
        writer.text(&problem.check);
        writer.byte(state_number(problem.state));
        writer.wall(problem.since);
        writer.flag(problem.handled);
        writer.text(&problem.output);
    }
}

fn keys(writer: &mut Writer, (version, key): (u64, Option<[u8; 4]>)) {
    if version > 0 || key.is_some() {
        writer.number(version);
        writer.raw(key.as_ref().map_or(&[], |key| &key[..]));
    }
}

fn state_number(state: CheckState) -> u8 {
    match state {
        CheckState::Ok => 0,
        CheckState::Warning => 1,
        CheckState::Critical => 2,
        CheckState::Unknown => 3,
        CheckState::Pending => 4,
    }
}

fn read_state(reader: &mut Reader) -> Result<CheckState, Malformed> {
    let number = usize::from(reader.byte()?);
    let state = CheckState::ALL.get(number);
    state.copied().ok_or(Malformed::Value)
}

fn read_body(known: &BTreeMap<u64, &[u8]>) -> Result<Body, Malformed> {
    let of = |tag| Reader::new(known.get(&tag).copied().unwrap_or_default());
    let must = |tag| match known.get(&tag) {
        Some(value) => Ok(Reader::new(value)),
        None => Err(Malformed::Missing),
    };
    let mut address = must(ADDRESS)?;
    let mut zone = must(ZONE)?;
    let flags = match of(FLAGS).rest() {
        [] => 0,
        [flags] if (1..=PROXY | LEFT).contains(flags) => *flags,
        _ => return Err(Malformed::Value),
    };
    let body = Body {
        name: name(must(NAME)?.rest())?,
        display_name: name(of(DISPLAY_NAME).rest())?,
        address: address.address()?,
        zone: zone.zone()?,
        is_proxy: flags & PROXY != 0,
        left: flags & LEFT != 0,
        static_groups: list(of(STATIC_GROUPS), RECORD_GROUPS_MAX, Reader::group)?,
        detected_groups: list(of(DETECTED_GROUPS), RECORD_GROUPS_MAX, Reader::group)?,
        program: name(of(PROGRAM).rest())?,
        health: Health {
            counts: list(of(COUNTS), CheckState::ALL.len(), |reader| {
                let state = read_state(reader)?;
                let count = u32::try_from(reader.number()?);
                Ok((state, count.map_err(|_| Malformed::Number)?))
            })?,
            problems: list(of(PROBLEMS), RECORD_PROBLEMS_MAX, read_problem)?,
        },
        keys: read_keys(of(KEYS))?,
        parts: read_parts(of(PARTS))?,
        cut: list(of(CUT), RECORD_PARTS_MAX + 4, |reader| {
            reader.line(RECORD_NAME_BYTES_MAX + 32).map(str::to_owned)
        })?,
    };
    address.finish()?;
    zone.finish()?;
    let ip = body.address.ip();
    if ip.is_unspecified() || ip.is_multicast() || body.address.port() == 0 {
        return Err(Malformed::Value);
    }
    Ok(body)
}

fn name(bytes: &[u8]) -> Result<String, Malformed> {
    if bytes.len() > RECORD_NAME_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    let name = std::str::from_utf8(bytes).map_err(|_| Malformed::Text)?;
    let clean = !name.chars().any(char::is_control);
    clean.then(|| name.to_owned()).ok_or(Malformed::Text)
}

/// Reads things up to the end of a field.
fn list<'a, T>(
    mut reader: Reader<'a>,
    max: usize,
    one: impl Fn(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut list = Vec::new();
    while !reader.is_empty() {
        if list.len() == max {
            return Err(Malformed::TooLong);
        }
        list.push(one(&mut reader)?);
    }
    Ok(list)
}

fn read_problem(reader: &mut Reader) -> Result<Problem, Malformed> {
    Ok(Problem {
        check: reader.line(RECORD_NAME_BYTES_MAX)?.to_owned(),
        state: read_state(reader)?,
        since: reader.wall()?,
        handled: reader.flag()?,
        output: reader.text(RECORD_OUTPUT_BYTES_MAX)?.to_owned(),
    })
}

fn read_keys(mut reader: Reader) -> Result<(u64, Option<[u8; 4]>), Malformed> {
    if reader.is_empty() {
        return Ok((0, None));
    }
    let version = reader.number()?;
    let key = match reader.rest() {
        [] => None,
        _ => Some(reader.array()?),
    };
    reader.finish()?;
    Ok((version, key))
}

fn read_parts(reader: Reader) -> Result<BTreeMap<String, Arc<[u8]>>, Malformed> {
    let pairs = list(reader, RECORD_PARTS_MAX, |reader| {
        let name = reader.line(RECORD_NAME_BYTES_MAX)?.to_owned();
        Ok((name, Arc::from(reader.bytes(RECORD_BYTES_MAX)?)))
    })?;
    if !pairs.is_sorted_by(|(one, _), (next, _)| one < next) {
        return Err(Malformed::Value);
    }
    Ok(pairs.into_iter().collect())
}
