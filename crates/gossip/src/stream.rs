//! Streams between nodes: who has which key of which zone is proved, and all that follows is sealed
//! by Noise (`Noise_NNpsk0_25519_AESGCM_SHA256`).
//!
//! Nothing here touches a socket: bytes in, bytes out. [`Caller`] is for the end that opened the
//! connection, [`Answerer`] for the other one, which sends nothing first. Both are used in the same
//! way, after the HTTP upgrade:
//!
//! ```text
//! let (mut caller, first) = Caller::new(&own, &rings, &zones, wall);
//! socket.write_all(&first);
//! let (channel, proof) = loop {
//!     let input = socket.read();      // in any pieces; the end of the stream here is a failure
//!     match caller.advance(&input)? {
//!         Step::Wait { send } => socket.write_all(&send),          // `send` may be empty
//!         Step::Done { send, channel, proof, rest } => {
//!             socket.write_all(&send);
//!             break …;                              // feed `rest` to `channel.open` first
//!         }
//!     }
//! };
//! socket.write_all(&channel.seal(&request)?);
//! let messages = channel.open(&socket.read())?;     // whole messages: none, one, or several
//! ```
//!
//! When [`Answerer::advance`] fails, what [`Answerer::farewell`] gives is to be sent before the
//! connection is closed: it tells the caller why, so that he can say so to people.
//!
//! [`Proof::zone`] goes into `Peer.zone`. [`Proof::retired`] tells that the other end came with a
//! key that is retired here: it may be told the new ring of the zone and nothing else.
//! An end that closes in the middle of a message is seen by [`Channel::is_between`].
//! [`HandshakeError`] becomes a [`CallError`] by `into()`.
//!
//! On the wire: the caller offers versions and keys, the answerer picks, then come the two messages
//! of Noise. The key enters Noise as a pre-shared key that is derived for the zone; offer and
//! choice enter it as the prologue, so nobody on the way can make two ends settle for less than
//! they would. Forward secrecy comes from the ephemeral keys: who learns a zone key later cannot
//! read what was recorded. Ephemeral keys are made by the system's randomness inside `ring`, the
//! one place of this room that is not determined by its inputs; the core never makes a stream.

mod channel;
mod handshake;
mod primitives;

use model::Zone;

pub use channel::{Channel, ChannelError};
pub use handshake::{Answerer, Caller};

use crate::input::CallError;

/// The version of the handshake and of the channel.
pub const STREAM_VERSION: u8 = 1;

/// What to do next in a handshake.
#[derive(Debug)]
pub enum Step {
    /// Send these bytes, if any, and go on with the next that come.
    Wait {
        /// What to send; may be empty.
        send: Vec<u8>,
    },
    /// Send these bytes, if any; the channel is ready.
    Done {
        /// What to send; may be empty.
        send: Vec<u8>,
        /// What seals and opens from now on.
        channel: Channel,
        /// What the handshake proved.
        proof: Proof,
        /// Bytes that came behind the handshake: they belong to the channel.
        rest: Vec<u8>,
    },
}

/// What a handshake proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The zone whose key both ends have; nothing when gossip is open, and nothing is proved.
    pub zone: Option<Zone>,
    /// Whether the key is retired on this end.
    pub retired: bool,
}

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Both ends have keys, and none in common.
    #[error("it has none of this node's zone keys")]
    NoCommonKey,
    /// The other end has a key for its zone, and this one has none.
    #[error("its gossip is sealed, and this node has no zone key")]
    NotOpenThere,
    /// The other end has no key for its zone, and this one has.
    #[error("its gossip is open, and this node's is sealed with a zone key")]
    OpenThere,
    /// The other end speaks another version.
    #[error("it speaks version {theirs} of streams, this node {ours}")]
    Version {
        /// Its version.
        theirs: u8,
        /// This node's.
        ours: u8,
    },
    /// The other end sent something else than a handshake.
    #[error("it sent something else than a handshake: {0}")]
    NotOurs(&'static str),
    /// The other end does not have the key that it named, or somebody changed bytes on the way.
    #[error("it does not have the zone key that it named, or its bytes were changed on the way")]
    Forged,
    /// The system gave no randomness, so no key can be made.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The handshake ended before.
    #[error("the handshake has ended before")]
    Ended,
}

impl From<HandshakeError> for CallError {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::NoCommonKey => Self::NoCommonKey,
            HandshakeError::NotOurs(_) => Self::NotOurs(error.to_string()),
            HandshakeError::NotOpenThere => Self::NoKeyHere,
            HandshakeError::OpenThere => Self::NoKeyThere,
            HandshakeError::Version { .. }
            | HandshakeError::Forged
            | HandshakeError::NoRandomness
            | HandshakeError::Ended => Self::Closed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
