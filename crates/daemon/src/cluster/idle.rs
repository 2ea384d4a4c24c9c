//! Streams to other nodes that are kept open for the next call: one for each of them, a bounded
//! number in all, and none for long.
//!
//! Whoever makes a call takes the stream out, so a node that hangs holds up nobody but who asked
//! it; when the call is given up, the stream goes with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gossip::seal::Rings;
use gossip::stream::Proof;
use model::{Zone, limits};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::channel::Link;

/// Time for which a stream is kept: shorter than the other end keeps it.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(20);

/// The streams that are kept.
#[derive(Default)]
pub(crate) struct Idle(Mutex<BTreeMap<SocketAddr, Kept>>);

struct Kept {
    link: Link<TcpStream>,
    proof: Proof,
    /// The keys at the time of the handshake: a stream does not outlive a change of them.
    rings: Arc<Rings>,
    since: Instant,
}

impl Idle {
    /// Takes the stream to a node out, when there is one that these zones and keys would make again
    /// and that the other end did not close.
    pub(super) fn take(
        &self,
        to: SocketAddr,
        zones: &[Zone],
        rings: &Arc<Rings>,
    ) -> Option<(Link<TcpStream>, Proof)> {
        let kept = self.all().remove(&to)?;
        let is_meant = kept.proof.zone.as_ref().is_none_or(|it| zones.contains(it));
        let is_fresh = kept.since.elapsed() < IDLE_TIME && Arc::ptr_eq(&kept.rings, rings);
        (is_meant && is_fresh && kept.link.is_quiet()).then_some((kept.link, kept.proof))
    }

    /// Keeps a stream after a call that ended well. When there are too many, the oldest goes.
    pub(super) fn put(
        &self,
        to: SocketAddr,
        link: Link<TcpStream>,
        proof: Proof,
        rings: Arc<Rings>,
    ) {
        let since = Instant::now();
        let mut all = self.all();
        let kept = Kept {
            link,
            proof,
            rings,
            since,
        };
        all.insert(to, kept);
        if all.len() > limits::NODE_STREAMS_IDLE_MAX {
            let oldest = all.iter().min_by_key(|(_, kept)| kept.since);
            if let Some(oldest) = oldest.map(|(to, _)| *to) {
                all.remove(&oldest);
            }
        }
    }

    /// Closes those that nobody used for a while.
    pub(super) fn close_old(&self) {
        self.all()
            .retain(|_, kept| kept.since.elapsed() < IDLE_TIME);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<SocketAddr, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how many there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all().len()
    }
}
