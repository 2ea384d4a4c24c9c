//! Places for connections, dealt among those they come from.
//!
//! When all are taken, whoever takes most gives way: of the network with most connections that have
//! shown no proof (a token, the key of a zone) the oldest of these is ended, and the newcomer has
//! its place. So nobody shuts others out, and nobody has to be known beforehand: each newcomer gets
//! in for long enough to show its proof. One alone may still have what nobody else wants.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The places of a listener.
#[derive(Clone)]
pub(crate) struct Slots {
    most: usize,
    of_one_most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// By number, so the oldest comes first.
    places: BTreeMap<u64, Place>,
}

struct Place {
    from: IpAddr,
    is_proved: bool,
    give_up: Arc<Notify>,
}

impl Slots {
    /// Makes so many places in all, and so many for one address other than this machine's own: its
    /// clients share one, and a proxy on it brings everybody.
    pub(crate) fn new(most: usize, of_one_most: usize) -> Self {
        Self {
            most,
            of_one_most,
            taken: Arc::default(),
        }
    }

    /// Takes a place; none when the address has all it may have, or nobody can give way.
    pub(crate) fn take(&self, from: IpAddr) -> Option<Slot> {
        let from = from.to_canonical();
        let mut taken = lock(&self.taken);
        let own = taken.places.values().filter(|it| it.from == from).count();
        if own >= self.of_one_most && !from.is_loopback() {
            return None;
        }
        if taken.places.len() >= self.most {
            let oldest = taken.oldest_of_greediest()?;
            let gone = taken.places.remove(&oldest)?;
            gone.give_up.notify_one();
        }
        let number = taken.next;
        taken.next += 1;
        let give_up = Arc::new(Notify::new());
        let place = Place {
            from,
            is_proved: false,
            give_up: Arc::clone(&give_up),
        };
        taken.places.insert(number, place);
        let proof = Proof {
            number,
            taken: Arc::clone(&self.taken),
        };
        Some(Slot { proof, give_up })
    }

    /// Tells how many places are taken.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        lock(&self.taken).places.len()
    }
}

impl Taken {
    fn oldest_of_greediest(&self) -> Option<u64> {
        // How many, and the oldest.
        let mut networks: BTreeMap<IpAddr, (usize, u64)> = BTreeMap::new();
        for (number, place) in &self.places {
            if !place.is_proved {
                networks
                    .entry(network(place.from))
                    .or_insert((0, *number))
                    .0 += 1;
            }
        }
        let greediest = networks.into_values().max_by_key(|(count, _)| *count);
        greediest.map(|(_, oldest)| oldest)
    }
}

/// Gives what one client can have addresses of at will: a network of IPv6, all of loopback.
fn network(address: IpAddr) -> IpAddr {
    match address {
        _ if address.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(prefix).into()
        }
    }
}

/// A place that is taken; dropping it makes room for another.
pub(crate) struct Slot {
    proof: Proof,
    give_up: Arc<Notify>,
}

impl Slot {
    /// Waits until somebody else has the place; then the connection must end.
    pub(crate) async fn given_up(&self) {
        self.give_up.notified().await;
    }

    /// Gives what tells that the client has shown a proof.
    pub(crate) fn proof(&self) -> Proof {
        self.proof.clone()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.proof.taken).places.remove(&self.proof.number);
    }
}

/// Tells of the client of a connection that it has shown a proof.
#[derive(Clone)]
pub(crate) struct Proof {
    number: u64,
    taken: Arc<Mutex<Taken>>,
}

impl Proof {
    /// Keeps the connection its place from now on.
    pub(crate) fn shown(&self) {
        if let Some(place) = lock(&self.taken).places.get_mut(&self.number) {
            place.is_proved = true;
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_given_up(slot: &Slot) -> bool {
        slot.given_up().now_or_never().is_some()
    }

    #[test]
    fn one_address_has_so_many_and_loopback_all_that_nobody_else_wants() {
        let slots = Slots::new(8, 3);
        let greedy = address("192.0.2.1");
        let held: Vec<Slot> = std::iter::from_fn(|| slots.take(greedy)).collect();
        assert_eq!(held.len(), 3);
        assert!(slots.take(address("::ffff:192.0.2.1")).is_none());
        let local: Vec<Slot> = (0..5).filter_map(|_| slots.take(address("::1"))).collect();
        assert_eq!((local.len(), slots.count()), (5, 8));
        drop(held);
        assert!(slots.take(greedy).is_some());
    }

    #[test]
    fn who_takes_most_gives_way_for_each_newcomer() {
        let slots = Slots::new(8, 4);
        // Loopback, and one network of IPv6 with an address for each connection.
        for greedy in [["127.0.0.1", "127.0.0.2"], ["2001:db8::1", "2001:db8::2"]] {
            let quiet = slots.take(address("192.0.2.9")).unwrap();
            let takes = (0..7).map(|at| slots.take(address(greedy[at % 2])).unwrap());
            let held: Vec<Slot> = takes.collect();
            let others = ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1"];
            let new = others.map(|other| slots.take(address(other)).unwrap());
            let gone: Vec<bool> = held.iter().map(is_given_up).collect();
            assert_eq!(gone, [true, true, true, false, false, false, false]);
            assert!(!is_given_up(&quiet) && !new.iter().any(is_given_up));
            assert_eq!(slots.count(), 8);
            // Who has given up leaves nobody else's place.
            drop(held);
            assert_eq!(slots.count(), 4);
        }
        assert_eq!(slots.count(), 0);
    }

    #[test]
    fn who_has_shown_a_proof_keeps_its_place() {
        let slots = Slots::new(4, 4);
        let local = address("127.0.0.1");
        let known = slots.take(local).unwrap();
        known.proof().shown();
        let mut held: Vec<Slot> = (0..20).filter_map(|_| slots.take(local)).collect();
        assert_eq!(held.len(), 20);
        assert!(!is_given_up(&known));
        held.retain(|slot| !is_given_up(slot));
        assert_eq!(held.len(), 3);
        for slot in &held {
            slot.proof().shown();
        }
        assert!(slots.take(address("192.0.2.1")).is_none());
    }
}
