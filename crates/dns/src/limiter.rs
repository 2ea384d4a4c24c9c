//! How many answers a network gets: whoever forges senders must not make us shout at somebody.
//!
//! Each network (/24, /56) has a bucket of answers in a table of fixed size; two that share a place
//! share a bucket. Beyond its rate every second query is answered "ask by TCP", which a forged
//! sender cannot and a real one can.

use std::net::IpAddr;
use std::time::Duration;

use model::Moment;
use model::limits::DNS_SOURCES_MAX;

use crate::label::hash;

/// What to do with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Answer it.
    Answer,
    /// Say that the answer is to be had by TCP.
    AskByTcp,
    /// Say nothing.
    Silence,
}

/// How many answers each network gets.
#[derive(Debug)]
pub struct Limiter {
    buckets: Box<[Bucket]>,
    per_second: u32,
    seed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Answers that are left, in thousandths.
    left: u64,
    /// When that was, in milliseconds; 0 before the first query.
    at_ms: u64,
    slips: bool,
}

impl Limiter {
    /// Makes one that lets a network have so many answers a second, and as many at once. The seed
    /// keeps others from choosing with whom they share a bucket.
    pub fn new(per_second: u32, seed: u64) -> Self {
        Self {
            // Made with the first query that it is for: who talks by TCP has none.
            buckets: Box::default(),
            per_second,
            seed,
        }
    }

    /// Rules on a query by UDP. This machine itself is never limited: its senders cannot be forged
    /// from outside.
    pub fn rule(&mut self, now: Moment, source: IpAddr) -> Ruling {
        let source = source.to_canonical();
        if source.is_loopback() {
            return Ruling::Answer;
        }
        if self.buckets.is_empty() {
            self.buckets = vec![Bucket::default(); DNS_SOURCES_MAX].into_boxed_slice();
        }
        let place = hash_of(self.seed, source) as usize % self.buckets.len();
        let bucket = &mut self.buckets[place];
        let now_ms = millis(now.since_start()).max(1);
        let most = u64::from(self.per_second) * 1_000;
        let earned = now_ms.saturating_sub(bucket.at_ms) * u64::from(self.per_second);
        bucket.left = match bucket.at_ms {
            0 => most,
            _ => bucket.left.saturating_add(earned).min(most),
        };
        bucket.at_ms = now_ms;
        if bucket.left >= 1_000 {
            bucket.left -= 1_000;
            return Ruling::Answer;
        }
        bucket.slips = !bucket.slips;
        match bucket.slips {
            true => Ruling::AskByTcp,
            false => Ruling::Silence,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn hash_of(seed: u64, source: IpAddr) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    match source {
        IpAddr::V4(address) => bytes[8..11].copy_from_slice(&address.octets()[..3]),
        IpAddr::V6(address) => bytes[8..15].copy_from_slice(&address.octets()[..7]),
    }
    let hash = hash(&bytes);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_gets_its_rate_and_is_then_sent_to_tcp() {
        let mut limiter = Limiter::new(10, 7);
        let at = |ms| Moment::from_start(Duration::from_millis(ms));
        let one = IpAddr::from([192, 0, 2, 1]);
        let neighbour = IpAddr::from([192, 0, 2, 200]);
        for _ in 0..10 {
            assert_eq!(limiter.rule(at(5), one), Ruling::Answer);
        }
        assert_eq!(limiter.rule(at(5), neighbour), Ruling::AskByTcp);
        assert_eq!(limiter.rule(at(5), one), Ruling::Silence);
        assert_eq!(limiter.rule(at(5), one), Ruling::AskByTcp);
        assert_eq!(
            limiter.rule(at(5), IpAddr::from([198, 51, 100, 1])),
            Ruling::Answer
        );
        assert_eq!(limiter.rule(at(105), one), Ruling::Answer);
        assert_eq!(limiter.rule(at(105), one), Ruling::Silence);
    }

    #[test]
    fn this_machine_is_never_limited() {
        let mut limiter = Limiter::new(1, 7);
        let now = Moment::default();
        for source in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let source = source.parse().unwrap();
            for _ in 0..100 {
                assert_eq!(limiter.rule(now, source), Ruling::Answer);
            }
        }
    }
}
