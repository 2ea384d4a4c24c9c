//! Answers: records that are encoded once, and how a turn of them is written.
//!
//! A record of the answer begins with a pointer to the name of the question, which stands at a
//! fixed place. So the bytes of a record are the same for all who ask, and only copied.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

use model::limits::DNS_RECORDS_MAX;

use crate::wire;

/// Points to the name of the question.
const QUESTION: [u8; 2] = [0xc0, 0x0c];
/// Steps of a round in which each record comes first as often as its weight says.
const ROUND_MIN: usize = 64;
/// Steps of the longest round; with more records the weights are kept less exactly.
const ROUND_MAX: usize = 1_024;

/// The records of a type that a name has.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The type.
    pub(crate) kind: u16,
    records: Box<[u8]>,
    ends: Ends,
    /// Which record comes first, by turn; nothing when all do in turn.
    starts: Option<Box<[u16]>>,
    /// For each record the addresses that its reader asks for next.
    extra: Box<[Extra]>,
}

#[derive(Clone, Debug)]
enum Ends {
    Stride(usize),
    List(Box<[u32]>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    pub(crate) records: u16,
    pub(crate) bytes: Vec<u8>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) answers: u16,
    pub(crate) additional: u16,
    pub(crate) is_cut: bool,
}

impl Answer {
    /// Makes the answer of addresses of one family; nothing when there are none.
    pub(crate) fn of_addresses(kind: u16, ttl: u32, addresses: &[(IpAddr, u16)]) -> Option<Self> {
        let of_kind = |it: &&(IpAddr, u16)| it.0.is_ipv4() == (kind == wire::A);
        let mut kept: Vec<(IpAddr, u16)> = Vec::new();
        let mut places: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (address, weight) in addresses.iter().filter(of_kind) {
            // Two agents of one machine have one address: a set holds it once.
            match places.entry(*address) {
                Entry::Occupied(place) => {
                    let (_, known) = &mut kept[*place.get()];
                    *known = known.saturating_add(*weight);
                }
                Entry::Vacant(place) => {
                    place.insert(kept.len());
                    kept.push((*address, *weight));
                }
            }
        }
        let (first, _) = kept.first()?;
        let mut records = Vec::with_capacity(kept.len() * 28);
        for (address, _) in &kept {
            push_address(&mut records, &QUESTION, ttl, *address);
        }
        let stride = if first.is_ipv4() { 16 } else { 28 };
        let weights: Vec<u16> = kept.iter().map(|(_, weight)| *weight).collect();
        Some(Self {
            kind,
            records: records.into_boxed_slice(),
            ends: Ends::Stride(stride),
            starts: round(&weights),
            extra: Box::default(),
        })
    }

    /// Makes the answer of other records; nothing when there are none.
    pub(crate) fn of_records(
        kind: u16,
        ttl: u32,
        contents: impl IntoIterator<Item = (Vec<u8>, Extra)>,
    ) -> Option<Self> {
        let (mut records, mut ends, mut extra) = (Vec::new(), Vec::new(), Vec::new());
        for (content, more) in contents {
            push_record(&mut records, &QUESTION, kind, ttl, &content);
            ends.push(u32::try_from(records.len()).ok()?);
            extra.push(more);
        }
        (!ends.is_empty()).then(|| Self {
            kind,
            records: records.into_boxed_slice(),
            ends: Ends::List(ends.into_boxed_slice()),
            starts: None,
            extra: extra.into_boxed_slice(),
        })
    }

    /// Counts the records.
    pub(crate) fn count(&self) -> usize {
        match &self.ends {
            Ends::Stride(stride) => self.records.len() / stride,
            Ends::List(ends) => ends.len(),
        }
    }

    /// Gives the records from one up to another.
    fn between(&self, from: usize, to: usize) -> &[u8] {
        let place = |at: usize| match &self.ends {
            Ends::Stride(stride) => at * stride,
            Ends::List(_) if at == 0 => 0,
            Ends::List(ends) => ends[at - 1] as usize,
        };
        &self.records[place(from)..place(to)]
    }

    /// Writes the records of a turn, as many as there is room for; each turn begins with another.
    pub(crate) fn write(&self, out: &mut Vec<u8>, room: usize, turn: u32) -> Written {
        let all = self.count();
        let first = match &self.starts {
            Some(starts) => usize::from(starts[turn as usize % starts.len()]),
            None => turn as usize % all,
        };
        let wanted = all.min(DNS_RECORDS_MAX);
        let many = self.fitting(first, wanted, room);
        let before_end = many.min(all - first);
        out.extend_from_slice(self.between(first, first + before_end));
        out.extend_from_slice(self.between(0, many - before_end));
        let mut written = Written {
            answers: u16::try_from(many).unwrap_or(u16::MAX),
            additional: 0,
            is_cut: many < wanted,
        };
        if !self.extra.is_empty() && !written.is_cut {
            let used = self.between(first, first + before_end).len()
                + self.between(0, many - before_end).len();
            self.write_extra(out, room - used, (first, many), &mut written);
        }
        written
    }

    /// What is additional is left out where there is no room: nobody has to ask again for that.
    fn write_extra(
        &self,
        out: &mut Vec<u8>,
        room: usize,
        (first, many): (usize, usize),
        written: &mut Written,
    ) {
        let mut room = room;
        for step in 0..many {
            let extra = &self.extra[(first + step) % self.extra.len()];
            if extra.bytes.len() > room {
                return;
            }
            room -= extra.bytes.len();
            out.extend_from_slice(&extra.bytes);
            written.additional += extra.records;
        }
    }

    fn fitting(&self, first: usize, wanted: usize, room: usize) -> usize {
        match &self.ends {
            Ends::Stride(stride) => wanted.min(room / stride),
            Ends::List(_) => {
                let all = self.count();
                let mut used = 0;
                (0..wanted)
                    .take_while(|step| {
                        let at = (first + step) % all;
                        used += self.between(at, at + 1).len();
                        used <= room
                    })
                    .count()
            }
        }
    }

    /// Gives what each record holds, without its header.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count()).map(|at| &self.between(at, at + 1)[12..])
    }

    /// Gives the seconds that it may be kept.
    pub(crate) fn ttl(&self) -> u32 {
        wire::number32(&self.records, 6).unwrap_or_default()
    }
}

/// Writes a record.
pub(crate) fn push_record(out: &mut Vec<u8>, owner: &[u8], kind: u16, ttl: u32, content: &[u8]) {
    out.extend_from_slice(owner);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&wire::IN.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    let length = u16::try_from(content.len()).expect("records are made of bounded parts");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
}

/// Writes the record of an address.
pub(crate) fn push_address(out: &mut Vec<u8>, owner: &[u8], ttl: u32, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_record(out, owner, wire::A, ttl, &address.octets()),
        IpAddr::V6(address) => push_record(out, owner, wire::AAAA, ttl, &address.octets()),
    }
}

/// Writes lines as the strings of a text record.
pub(crate) fn text_content(line: &str) -> Vec<u8> {
    let mut content = Vec::with_capacity(line.len() + 1);
    let mut rest = line;
    loop {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(255));
        content.push(u8::try_from(piece.len()).expect("a piece has 255 bytes at most"));
        content.extend_from_slice(piece.as_bytes());
        rest = after;
        if rest.is_empty() {
            return content;
        }
    }
}

/// Deals the turns of a round out by weight, so that the same one rarely comes twice in a row.
/// A weight of 0 never comes first, unless all weigh nothing.
fn round(weights: &[u16]) -> Option<Box<[u16]>> {
    let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
    if total == 0 || weights.windows(2).all(|two| two[0] == two[1]) {
        return None;
    }
    let steps = (weights.len() * 4).clamp(ROUND_MIN, ROUND_MAX);
    let mut credits = vec![0_i64; weights.len()];
    let mut starts = Vec::with_capacity(steps);
    for _ in 0..steps {
        for (credit, weight) in credits.iter_mut().zip(weights) {
            *credit += i64::from(*weight);
        }
        let richest = (0..credits.len()).rev().max_by_key(|at| credits[*at])?;
        credits[richest] -= total;
        starts.push(u16::try_from(richest).ok()?);
    }
    Some(starts.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(many: u8) -> Vec<(IpAddr, u16)> {
        (1..=many)
            .map(|it| (IpAddr::from([10, 0, 0, it]), 1))
            .collect()
    }

    fn firsts(answer: &Answer, turns: u32) -> Vec<u8> {
        (0..turns)
            .map(|turn| {
                let mut out = Vec::new();
                answer.write(&mut out, 9_000, turn);
                out[15]
            })
            .collect()
    }

    #[test]
    fn each_turn_begins_with_another_and_none_is_lost() {
        let answer = Answer::of_addresses(wire::A, 5, &addresses(3)).unwrap();
        assert_eq!(firsts(&answer, 4), [1, 2, 3, 1]);
        let mut out = Vec::new();
        let written = answer.write(&mut out, 9_000, 2);
        assert_eq!((written.answers, written.is_cut), (3, false));
        let order: Vec<u8> = out.chunks(16).map(|record| record[15]).collect();
        assert_eq!(order, [3, 1, 2]);
    }

    #[test]
    fn what_has_no_room_is_cut_and_said_to_be() {
        let answer = Answer::of_addresses(wire::A, 5, &addresses(100)).unwrap();
        let mut out = Vec::new();
        let written = answer.write(&mut out, 480, 99);
        assert_eq!((written.answers, written.is_cut), (30, true));
        assert_eq!(out.len(), 480);
    }

    #[test]
    fn weights_decide_who_comes_first() {
        let mut weighed = addresses(3);
        weighed[0].1 = 6;
        weighed[1].1 = 2;
        weighed[2].1 = 0;
        let answer = Answer::of_addresses(wire::A, 5, &weighed).unwrap();
        let firsts = firsts(&answer, 64);
        let count = |who| firsts.iter().filter(|it| **it == who).count();
        assert_eq!((count(1), count(2), count(3)), (48, 16, 0));
    }

    #[test]
    fn one_address_is_answered_once() {
        let mut twice = addresses(2);
        twice.extend(addresses(1));
        let answer = Answer::of_addresses(wire::A, 5, &twice).unwrap();
        assert_eq!(answer.count(), 2);
        assert!(Answer::of_addresses(wire::AAAA, 5, &twice).is_none());
        // It stands where it came first, with the weight of both.
        let mut weighed = addresses(2);
        weighed.push((weighed[0].0, 3));
        let answer = Answer::of_addresses(wire::A, 5, &weighed).unwrap();
        let firsts = firsts(&answer, 64);
        let count = |who| firsts.iter().filter(|it| **it == who).count();
        assert_eq!((count(1), count(2)), (51, 13));
        let ends: Vec<u8> = answer.contents().map(|it| it[3]).collect();
        assert_eq!(ends, [1, 2]);
    }

    #[test]
    fn long_lines_become_several_strings() {
        let content = text_content(&"é".repeat(200));
        assert_eq!((content[0], content[255]), (254, 146));
        assert_eq!(content.len(), 402);
        assert_eq!(text_content(""), [0]);
    }
}
