//! From a packet to the answer: the one way in for UDP, TCP, `opsbro dns query` and the fuzzer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::Moment;
use model::limits::{DNS_LOCAL_BYTES_MAX, DNS_TCP_BYTES_MAX, DNS_TEXTS_MAX, DNS_UDP_BYTES_MAX};

use crate::answer::{Written, push_record, text_content};
use crate::directory::{Directory, Entry, Found, Kind};
use crate::limiter::{Limiter, Ruling};
use crate::query::{Query, Refused};
use crate::wire::{self, HEADER_BYTES};

/// Smallest answer that everybody takes by UDP (RFC 1035).
const UDP_BYTES_MIN: usize = 512;
/// Points to the name of the question.
const QUESTION: [u8; 2] = [0xc0, 0x0c];
/// Bytes of what tells that we speak EDNS.
const OPT_BYTES: usize = 11;
/// Longest reason that is told in an answer.
const REASON_BYTES_MAX: usize = 200;

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By UDP: the sender may be forged, and the answer has little room.
    Udp,
    /// By TCP.
    Tcp,
}

/// What came of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The answer is written.
    Answered,
    /// Another resolver is to be asked.
    Forward,
    /// Nothing is to be sent.
    Dropped(Dropped),
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is no query.
    Junk,
    /// Its network had its share.
    Limited,
}

/// What a listener does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Answers a second that a network gets by UDP.
    pub answers_per_second: u32,
    /// Whether other names are asked of another resolver, for this machine itself.
    pub forwards: bool,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Queries that were answered.
    pub answered: u64,
    /// Of these, those for names that are not there.
    pub missing: u64,
    /// Of these, those that were refused or could not be read.
    pub refused: u64,
    /// Of these, those that were cut and sent to TCP.
    pub cut: u64,
    /// Queries that were handed to another resolver.
    pub forwarded: u64,
    /// Packets that are no queries.
    pub junk: u64,
    /// Queries of networks that had their share.
    pub limited: u64,
}

/// Answers packets.
#[derive(Debug)]
pub struct Responder {
    directory: Arc<Directory>,
    rules: Rules,
    limiter: Limiter,
    turn: u32,
    counts: Counts,
}

impl Responder {
    /// Makes one. The seed is of the system's randomness.
    pub fn new(directory: Arc<Directory>, rules: Rules, seed: u64) -> Self {
        Self {
            directory,
            rules,
            limiter: Limiter::new(rules.answers_per_second, seed),
            turn: seed as u32,
            counts: Counts::default(),
        }
    }

    /// Answers with these names from here on.
    pub fn set_directory(&mut self, directory: Arc<Directory>) {
        self.directory = directory;
    }

    /// Gives what was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a packet and writes the answer.
    pub fn respond(
        &mut self,
        now: Moment,
        source: SocketAddr,
        transport: Transport,
        packet: &[u8],
        out: &mut Vec<u8>,
    ) -> Reaction {
        out.clear();
        if source.port() == 0 {
            return self.drop(Dropped::Junk);
        }
        let query = match Query::parse(packet) {
            Ok(query) => query,
            Err(Refused::Ignored) => return self.drop(Dropped::Junk),
            Err(Refused::Code(code)) => {
                if self.rule(now, source, transport) != Ruling::Answer {
                    return self.drop(Dropped::Limited);
                }
                self.counts.answered += 1;
                self.counts.refused += 1;
                write_refusal(packet, code, out);
                return Reaction::Answered;
            }
        };
        match self.rule(now, source, transport) {
            Ruling::Silence => self.drop(Dropped::Limited),
            Ruling::AskByTcp => {
                self.counts.answered += 1;
                self.counts.cut += 1;
                self.reply(&query, packet, 0).cut(out);
                Reaction::Answered
            }
            Ruling::Answer => self.answer(source.ip(), transport, &query, packet, out),
        }
    }

    fn rule(&mut self, now: Moment, source: SocketAddr, transport: Transport) -> Ruling {
        match transport {
            Transport::Udp => self.limiter.rule(now, source.ip()),
            Transport::Tcp => Ruling::Answer,
        }
    }

    fn drop(&mut self, why: Dropped) -> Reaction {
        match why {
            Dropped::Junk => self.counts.junk += 1,
            Dropped::Limited => self.counts.limited += 1,
        }
        Reaction::Dropped(why)
    }

    fn answer(
        &mut self,
        source: IpAddr,
        transport: Transport,
        query: &Query,
        packet: &[u8],
        out: &mut Vec<u8>,
    ) -> Reaction {
        let is_local = source.to_canonical().is_loopback();
        let limit = answer_limit(query, transport, is_local);
        self.turn = self.turn.wrapping_add(1);
        let forwards = self.rules.forwards && is_local;
        let reply = Reply {
            recursion: if forwards { wire::RA } else { 0 },
            ..self.reply(query, packet, limit)
        };
        let Some(outcome) = reply.write(forwards, out) else {
            self.counts.forwarded += 1;
            return Reaction::Forward;
        };
        self.counts.answered += 1;
        match outcome.code {
            wire::NOERROR => {}
            wire::NXDOMAIN => self.counts.missing += 1,
            _ => self.counts.refused += 1,
        }
        if outcome.is_cut {
            self.counts.cut += 1;
        }
        Reaction::Answered
    }

    fn reply<'q>(&'q self, query: &'q Query, packet: &'q [u8], limit: usize) -> Reply<'q> {
        Reply {
            directory: &self.directory,
            query,
            packet,
            limit,
            turn: self.turn,
            recursion: 0,
        }
    }
}

/// Gives how large an answer may be.
pub(crate) fn answer_limit(query: &Query, transport: Transport, is_local: bool) -> usize {
    let most = match transport {
        Transport::Tcp => return DNS_TCP_BYTES_MAX,
        Transport::Udp if is_local => DNS_LOCAL_BYTES_MAX,
        Transport::Udp => DNS_UDP_BYTES_MAX,
    };
    let asked = query.edns.map_or(UDP_BYTES_MIN, |edns| edns.size.into());
    asked.clamp(UDP_BYTES_MIN, most)
}

/// Answers what has a header and no question that can be read.
fn write_refusal(packet: &[u8], code: u16, out: &mut Vec<u8>) {
    let flags = wire::number16(packet, 2).unwrap_or_default();
    out.extend_from_slice(&packet[..2]);
    let flags = wire::QR | flags & (0x7800 | wire::RD) | code;
    out.extend_from_slice(&flags.to_be_bytes());
    out.extend_from_slice(&[0; HEADER_BYTES - 4]);
}

/// An answer in the making.
struct Reply<'q> {
    directory: &'q Directory,
    query: &'q Query,
    packet: &'q [u8],
    limit: usize,
    turn: u32,
    recursion: u16,
}

/// What the answer says.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    code: u16,
    is_ours: bool,
    is_cut: bool,
    answers: u16,
    authority: u16,
    additional: u16,
}

impl Reply<'_> {
    /// Writes the answer; nothing when another resolver is to be asked.
    fn write(&self, forwards: bool, out: &mut Vec<u8>) -> Option<Outcome> {
        self.begin(out);
        let refuse = |code| Outcome {
            code,
            ..Outcome::default()
        };
        if self.query.edns.is_some_and(|edns| edns.version > 0) {
            return Some(self.end(out, refuse(wire::BADVERS), ""));
        }
        if self.query.class != wire::IN && self.query.class != wire::ANY {
            return Some(self.end(out, refuse(wire::REFUSED), "only the class IN is here"));
        }
        // Types above 127 are questions about questions: all records, whole zones, signatures.
        if (128..=wire::ANY).contains(&self.query.kind) || self.query.kind == wire::OPT {
            let reason = "questions for everything are not answered: ask for one type";
            return Some(self.end(out, refuse(wire::REFUSED), reason));
        }
        match self.directory.find(self.query) {
            Found::Foreign if forwards => None,
            Found::Foreign => {
                let reason = self.directory.foreign_reason(self.query);
                Some(self.end(out, refuse(wire::REFUSED), &reason))
            }
            Found::Missing(kind) => {
                let outcome = self.nothing(out, wire::NXDOMAIN, kind);
                // Only who speaks EDNS is told.
                let meant = self
                    .query
                    .edns
                    .and_then(|_| self.directory.meant(self.query));
                let reason = meant.as_deref();
                let reason = reason.unwrap_or(self.directory.missing_reason(kind));
                Some(self.end(out, outcome, reason))
            }
            // No denial: resolvers would remember it, and the name is there in a moment.
            Found::Unknown => {
                let reason = self.directory.unknown_reason();
                Some(self.end(out, refuse(wire::SERVFAIL), reason))
            }
            Found::Empty(kind) => {
                let outcome = self.nothing(out, wire::NOERROR, kind);
                Some(self.end(out, outcome, "there are only names below this one"))
            }
            Found::Entry(entry) => Some(self.entry(out, entry)),
            Found::Why(entry) if self.query.kind == wire::TXT => {
                let outcome = self.texts(out, entry.kind, &self.directory.why(entry));
                Some(self.end(out, outcome, ""))
            }
            Found::Why(entry) => {
                let outcome = self.nothing(out, wire::NOERROR, entry.kind);
                Some(self.end(out, outcome, "reasons are text: ask for TXT"))
            }
        }
    }

    /// Writes that the answer is to be had by TCP.
    fn cut(&self, out: &mut Vec<u8>) {
        self.begin(out);
        let outcome = Outcome {
            is_cut: true,
            is_ours: self.directory.is_own(self.query),
            ..Outcome::default()
        };
        self.end(out, outcome, "");
    }

    /// Leaves room for the header, and repeats the question as it was written.
    fn begin(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        out.extend_from_slice(&self.packet[HEADER_BYTES..self.query.question_end]);
    }

    fn room(&self, out: &[u8]) -> usize {
        let option = if self.query.edns.is_some() {
            OPT_BYTES
        } else {
            0
        };
        self.limit.saturating_sub(out.len() + option)
    }

    fn entry(&self, out: &mut Vec<u8>, entry: &Entry) -> Outcome {
        if let Some(answer) = entry.answer(self.query.kind) {
            let written = answer.write(out, self.room(out), self.turn);
            let reason = match entry.has_panic {
                true => "so many fail at once that none is left out: ask TXT of why.NAME",
                false => "",
            };
            return self.end(out, outcome(written), reason);
        }
        if self.query.kind == wire::TXT && entry.kind != Kind::Reverse {
            let texts = self.directory.facts(entry);
            let outcome = self.texts(out, entry.kind, &texts);
            return self.end(out, outcome, "");
        }
        let outcome = self.nothing(out, wire::NOERROR, entry.kind);
        let reason = match self.query.kind {
            wire::A | wire::AAAA | wire::SRV if entry.answers.is_empty() => {
                "all are left out: ask TXT of why.NAME"
            }
            _ => "",
        };
        self.end(out, outcome, reason)
    }

    /// Writes the record that tells how long others may remember that there is nothing.
    fn nothing(&self, out: &mut Vec<u8>, code: u16, kind: Kind) -> Outcome {
        let record = &self.directory.negatives[kind as usize];
        let fits = record.len() <= self.room(out);
        if fits {
            out.extend_from_slice(record);
        }
        Outcome {
            code,
            is_ours: true,
            authority: u16::from(fits),
            ..Outcome::default()
        }
    }

    fn texts(&self, out: &mut Vec<u8>, kind: Kind, lines: &[String]) -> Outcome {
        if lines.is_empty() {
            return self.nothing(out, wire::NOERROR, kind);
        }
        let ttl = self.directory.ttl(kind).positive;
        let mut written = Written::default();
        for (number, line) in lines.iter().enumerate() {
            let left_out = lines.len() - number;
            let content = match number + 1 == DNS_TEXTS_MAX && left_out > 1 {
                true => text_content(&format!("and {left_out} more")),
                false => text_content(line),
            };
            if content.len() + HEADER_BYTES > self.room(out) {
                written.is_cut = true;
                break;
            }
            push_record(out, &QUESTION, wire::TXT, ttl, &content);
            written.answers += 1;
            if number + 1 == DNS_TEXTS_MAX {
                break;
            }
        }
        outcome(written)
    }

    /// Adds what tells that we speak EDNS, and why, and writes the header.
    fn end(&self, out: &mut Vec<u8>, outcome: Outcome, reason: &str) -> Outcome {
        let mut additional = outcome.additional;
        if self.query.edns.is_some() {
            let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
            let has_room = out.len() + OPT_BYTES + 6 + reason.len() <= self.limit;
            let reason = if has_room { reason } else { "" };
            push_option(out, outcome.code >> 4, reason);
            additional += 1;
        }
        let mut flags = wire::QR | self.recursion | outcome.code & 0xf;
        flags |= self.query.flags & (wire::RD | wire::CD);
        if outcome.is_ours {
            flags |= wire::AA;
        }
        if outcome.is_cut {
            flags |= wire::TC;
        }
        let counts = [outcome.answers, outcome.authority, additional];
        let header = [self.query.id, flags, 1].into_iter().chain(counts);
        for (number, place) in header.zip(out.chunks_exact_mut(2)) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        outcome
    }
}

fn outcome(written: Written) -> Outcome {
    Outcome {
        code: wire::NOERROR,
        is_ours: true,
        is_cut: written.is_cut,
        answers: written.answers,
        authority: 0,
        additional: written.additional,
    }
}

/// Writes that we speak EDNS, and why the answer is as it is. That somebody wants signatures is not
/// repeated, as there are none: systemd-resolved takes it for a promise and refuses the answer.
fn push_option(out: &mut Vec<u8>, code: u16, reason: &str) {
    let size = u16::try_from(DNS_UDP_BYTES_MAX).expect("a small number");
    out.push(0);
    for number in [wire::OPT, size, code << 8, 0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    if reason.is_empty() {
        out.extend_from_slice(&[0, 0]);
        return;
    }
    let length = u16::try_from(reason.len()).expect("reasons are short");
    for number in [length + 6, wire::EXTENDED_ERROR, length + 2, 0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(reason.as_bytes());
}

#[cfg(test)]
mod tests;
