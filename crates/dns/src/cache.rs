//! What resolvers above answered, for as long as they allow: checked before it is believed,
//! bounded, and given again with the time that is left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::Moment;
use model::limits::{DNS_CACHE_ENTRIES_MAX, DNS_CACHE_NEGATIVE_TTL_MAX, DNS_CACHE_TTL_MAX};

use crate::message::Message;
use crate::query::Query;
use crate::responder::{Transport, answer_limit};
use crate::wire::{self, HEADER_BYTES, number32};

/// What tells two questions apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    name: Box<[u8]>,
    kind: u16,
    /// Whether the asker speaks EDNS, wants DNSSEC records, and wants them unchecked.
    wants: (bool, bool, bool),
}

impl Key {
    /// Gives the key of a query.
    pub fn of(query: &Query) -> Self {
        Self {
            name: Box::from(query.name()),
            kind: query.kind,
            wants: (
                query.edns.is_some(),
                query.edns.is_some_and(|edns| edns.wants_dnssec),
                query.flags & wire::CD != 0,
            ),
        }
    }

    /// Writes the question to a resolver above, with a number that cannot be guessed.
    pub fn question(&self, id: u16) -> Vec<u8> {
        let (has_edns, wants_dnssec, unchecked) = self.wants;
        let mut out = Vec::with_capacity(HEADER_BYTES + self.name.len() + 15);
        let flags = wire::RD | if unchecked { wire::CD } else { 0 };
        for number in [id, flags, 1, 0, 0, u16::from(has_edns)] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.name);
        for number in [self.kind, wire::IN] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        if has_edns {
            out.push(0);
            let flags = if wants_dnssec { wire::DO } else { 0 };
            for number in [wire::OPT, 1_232, 0, flags, 0] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        out
    }

    /// Tells whether a packet answers the question with this number.
    pub fn is_answered_by(&self, id: u16, packet: &[u8]) -> bool {
        let Ok(message) = Message::decode(packet) else {
            return false;
        };
        let is_same =
            |(name, kind): &(crate::Name, u16)| name.as_wire() == &*self.name && *kind == self.kind;
        message.id == id
            && message.flags & (wire::QR | 0x7800) == wire::QR
            && message.question.as_ref().is_some_and(is_same)
    }
}

/// Answers that are kept.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<Key, Kept>,
    ends: BTreeMap<(Moment, u64), Key>,
    count: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    packet: Arc<[u8]>,
    ttls: Vec<usize>,
    since: Moment,
    end: (Moment, u64),
}

impl Cache {
    /// Keeps an answer for as long as it allows. A cut one, and one that says that something
    /// failed, is not kept.
    pub fn keep(&mut self, now: Moment, key: Key, packet: &[u8]) {
        let Ok(message) = Message::decode(packet) else {
            return;
        };
        let is_whole = message.flags & wire::TC == 0;
        if !is_whole || !matches!(message.code, wire::NOERROR | wire::NXDOMAIN) {
            return;
        }
        let lasts = lasts(&message);
        if lasts.is_zero() {
            return;
        }
        self.forget(&key);
        while self.entries.len() >= DNS_CACHE_ENTRIES_MAX {
            let Some((_, first)) = self.ends.pop_first() else {
                break;
            };
            self.entries.remove(&first);
        }
        self.count += 1;
        let end = (now + lasts, self.count);
        let all = message.answers.iter().chain(&message.authority);
        let kept = Kept {
            packet: Arc::from(packet),
            ttls: all.chain(&message.additional).map(|it| it.ttl_at).collect(),
            since: now,
            end,
        };
        self.ends.insert(end, key.clone());
        self.entries.insert(key, kept);
    }

    /// Gives an answer that is still good, as the resolver above would give it now.
    pub fn find(&mut self, now: Moment, key: &Key) -> Option<Vec<u8>> {
        let kept = self.entries.get(key)?;
        if kept.end.0 <= now {
            self.forget(key);
            return None;
        }
        let age = u32::try_from(now.since(kept.since).as_secs()).unwrap_or(u32::MAX);
        let mut packet = kept.packet.to_vec();
        for at in &kept.ttls {
            let left = number32(&packet, *at)?.saturating_sub(age);
            packet[*at..at + 4].copy_from_slice(&left.to_be_bytes());
        }
        Some(packet)
    }

    /// Counts what is kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn forget(&mut self, key: &Key) {
        if let Some(old) = self.entries.remove(key) {
            self.ends.remove(&old.end);
        }
    }
}

/// Tells how long an answer may be kept: its shortest record; nothing found, as long as the zone
/// says (RFC 2308).
fn lasts(message: &Message) -> Duration {
    if message.code == wire::NOERROR && !message.answers.is_empty() {
        let all = message.answers.iter().chain(&message.authority);
        let shortest = all.map(|record| record.ttl).min().unwrap_or_default();
        return Duration::from_secs(u64::from(shortest)).min(DNS_CACHE_TTL_MAX);
    }
    let soa = message.authority.iter().find_map(|record| {
        let negative = record.negative_ttl?;
        Some(record.ttl.min(negative))
    });
    let seconds = u64::from(soa.unwrap_or_default());
    Duration::from_secs(seconds).min(DNS_CACHE_NEGATIVE_TTL_MAX)
}

impl Query {
    /// Makes the answer of a resolver above the answer to this query: its number, its way to write
    /// the name, and no more than it has room for.
    pub fn adopt(&self, asked: &[u8], answer: &[u8], transport: Transport) -> Vec<u8> {
        let end = self.question_end;
        let mut out = answer.to_vec();
        let same = asked
            .get(HEADER_BYTES..end)
            .zip(out.get_mut(HEADER_BYTES..end));
        let Some((from, to)) = same else {
            return self.fail(asked);
        };
        to.copy_from_slice(from);
        out[..2].copy_from_slice(&self.id.to_be_bytes());
        if out.len() <= answer_limit(self, transport, true) {
            return out;
        }
        // What was found has no room; the asker will come by TCP.
        out.truncate(self.question_end);
        let flags = wire::number16(&out, 2).unwrap_or_default() | wire::TC;
        out[2..4].copy_from_slice(&flags.to_be_bytes());
        out[6..HEADER_BYTES].fill(0);
        out
    }

    /// Says that no resolver above answered.
    pub fn fail(&self, asked: &[u8]) -> Vec<u8> {
        let mut out = asked[..self.question_end].to_vec();
        let flags = wire::QR | wire::RA | wire::SERVFAIL | self.flags & (wire::RD | wire::CD);
        out[2..4].copy_from_slice(&flags.to_be_bytes());
        out[6..HEADER_BYTES].fill(0);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::push_record;
    use crate::{Name, question};

    fn query(name: &str) -> (Vec<u8>, Query) {
        let packet = question(9, &Name::parse(name).unwrap(), wire::A, 1_232);
        let query = Query::parse(&packet).unwrap();
        (packet, query)
    }

    /// An answer with addresses that may be kept for so long.
    fn answer(asked: &[u8], ttls: &[u32]) -> Vec<u8> {
        let query = Query::parse(asked).unwrap();
        let mut out = asked[..query.question_end].to_vec();
        out[2] = 0x81;
        out[7] = u8::try_from(ttls.len()).unwrap();
        out[11] = 0;
        for ttl in ttls {
            push_record(&mut out, &[0xc0, 0x0c], wire::A, *ttl, &[192, 0, 2, 1]);
        }
        out
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn an_answer_is_given_again_with_the_time_that_is_left() {
        let (asked, query) = query("example.org");
        let key = Key::of(&query);
        let mut cache = Cache::default();
        cache.keep(at(100), key.clone(), &answer(&asked, &[60, 20]));
        let given = Message::decode(&cache.find(at(105), &key).unwrap()).unwrap();
        let ttls: Vec<u32> = given.answers.iter().map(|it| it.ttl).collect();
        assert_eq!(ttls, [55, 15]);
        assert_eq!(cache.find(at(120), &key), None);
        assert!(cache.is_empty());
    }

    #[test]
    fn failures_and_cut_answers_are_not_kept() {
        let (asked, query) = query("example.org");
        let mut cache = Cache::default();
        let mut failed = answer(&asked, &[60]);
        failed[3] = 2;
        let mut cut = answer(&asked, &[60]);
        cut[2] |= 2;
        for packet in [
            failed,
            cut,
            answer(&asked, &[0]),
            answer(&asked, &[]),
            vec![1, 2],
        ] {
            cache.keep(at(1), Key::of(&query), &packet);
        }
        assert!(cache.is_empty());
    }

    #[test]
    fn the_cache_is_bounded_and_drops_what_ends_first() {
        let mut cache = Cache::default();
        for number in 0..=DNS_CACHE_ENTRIES_MAX {
            let (asked, query) = query(&format!("n{number}.example.org"));
            let ttl = if number == 7 { 5 } else { 60 };
            cache.keep(at(1), Key::of(&query), &answer(&asked, &[ttl]));
        }
        assert_eq!(cache.len(), DNS_CACHE_ENTRIES_MAX);
        assert_eq!(
            cache.find(at(2), &Key::of(&query("n7.example.org").1)),
            None
        );
        assert!(
            cache
                .find(at(2), &Key::of(&query("n0.example.org").1))
                .is_some()
        );
    }

    #[test]
    fn only_the_answer_to_the_question_is_believed() {
        let (asked, query) = query("example.org");
        let key = Key::of(&query);
        let good = answer(&key.question(77), &[60]);
        assert!(key.is_answered_by(77, &good));
        assert!(!key.is_answered_by(78, &good));
        assert!(!key.is_answered_by(77, &key.question(77)), "a query");
        let (other, _) = self::query("example.net");
        assert!(!key.is_answered_by(9, &answer(&other, &[60])));
        assert!(key.is_answered_by(9, &answer(&asked, &[60])));
    }

    #[test]
    fn what_has_no_room_is_cut() {
        let (asked, query) = query("example.org");
        let long = answer(&asked, &[60; 100]);
        let cut = query.adopt(&asked, &long, Transport::Udp);
        let read = Message::decode(&cut).unwrap();
        assert!(read.flags & wire::TC != 0 && read.answers.is_empty());
        let whole = query.adopt(&asked, &long, Transport::Tcp);
        assert_eq!(Message::decode(&whole).unwrap().answers.len(), 100);
        assert_eq!(
            Message::decode(&query.fail(&asked)).unwrap().code,
            wire::SERVFAIL
        );
    }
}
