//! What a stream is after the handshake: whole messages, cut into parts, each sealed by Noise.
//!
//! A part is two bytes of length and a message of Noise, whose first plain byte tells whether more
//! parts of the same message follow.

use std::fmt;

use model::limits::{STREAM_MESSAGE_BYTES_MAX, STREAM_REKEY_AFTER};
use snow::TransportState;

/// The longest message of Noise.
const NOISE_BYTES_MAX: usize = 65_535;
/// The tag of each.
const TAG_BYTES: usize = 16;
/// What one part carries.
const PART_BYTES_MAX: usize = NOISE_BYTES_MAX - TAG_BYTES - 1;
const LAST: u8 = 0;
const MORE: u8 = 1;

/// Seals messages for the other end, and opens those that it sent.
pub struct Channel {
    noise: Box<TransportState>,
    sent: u32,
    received: u32,
    /// The bytes of a part that has not come as a whole.
    pending: Vec<u8>,
    /// The parts of a message that has not come as a whole.
    message: Vec<u8>,
    broken: bool,
}

/// Why a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// A message is too long.
    #[error("a message on the stream is longer than {STREAM_MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// Bytes were changed, left out or sent twice.
    #[error("bytes on the stream were changed on the way")]
    Forged,
    /// The channel failed before.
    #[error("the stream failed before")]
    Broken,
}

impl Channel {
    pub(super) fn new(noise: TransportState) -> Self {
        Self {
            noise: Box::new(noise),
            sent: 0,
            received: 0,
            pending: Vec::new(),
            message: Vec::new(),
            broken: false,
        }
    }

    /// Seals one message of at most [`STREAM_MESSAGE_BYTES_MAX`] bytes, which may be empty; gives
    /// the bytes to send.
    pub fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, ChannelError> {
        if message.len() > STREAM_MESSAGE_BYTES_MAX {
            return Err(ChannelError::TooLong);
        }
        let mut parts: Vec<_> = message.chunks(PART_BYTES_MAX).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let count = parts.len();
        let overhead = 2 + 1 + TAG_BYTES;
        let mut bytes = Vec::with_capacity(message.len() + count * overhead);
        let mut plain = Vec::with_capacity(1 + message.len().min(PART_BYTES_MAX));
        for (at, part) in parts.into_iter().enumerate() {
            plain.clear();
            plain.push(if at + 1 == count { LAST } else { MORE });
            plain.extend_from_slice(part);
            let length = plain.len() + TAG_BYTES;
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
            let start = bytes.len();
            bytes.resize(start + length, 0);
            let sealed = self.noise.write_message(&plain, &mut bytes[start..]);
            if sealed != Ok(length) {
                return Err(ChannelError::Broken);
            }
            self.sent += 1;
            if self.sent >= STREAM_REKEY_AFTER {
                self.noise.rekey_outgoing();
                self.sent = 0;
            }
        }
        Ok(bytes)
    }

    /// Takes bytes that came, in any pieces; gives the messages that are whole with them. Holds
    /// never more than one message of the longest and one part.
    pub fn open(&mut self, mut input: &[u8]) -> Result<Vec<Vec<u8>>, ChannelError> {
        if self.broken {
            return Err(ChannelError::Broken);
        }
        let mut messages = Vec::new();
        loop {
            let wanted = match *self.pending.as_slice() {
                [high, low, ..] => 2 + usize::from(u16::from_be_bytes([high, low])),
                [_] | [] => 2,
            };
            let missing = wanted - self.pending.len();
            let (take, rest) = input.split_at(missing.min(input.len()));
            self.pending.extend_from_slice(take);
            input = rest;
            if self.pending.len() < wanted {
                return Ok(messages);
            }
            if wanted == 2 && self.pending != [0, 0] {
                continue;
            }
            let opened = self.open_part();
            self.pending.clear();
            match opened {
                Ok(true) => messages.push(std::mem::take(&mut self.message)),
                Ok(false) => {}
                Err(error) => {
                    self.broken = true;
                    self.message = Vec::new();
                    return Err(error);
                }
            }
        }
    }

    /// Opens the part that is pending; tells whether its message is whole.
    fn open_part(&mut self) -> Result<bool, ChannelError> {
        let sealed = &self.pending[2..];
        let mut plain = vec![0; sealed.len()];
        let length = self.noise.read_message(sealed, &mut plain);
        plain.truncate(length.map_err(|_| ChannelError::Forged)?);
        self.received += 1;
        if self.received >= STREAM_REKEY_AFTER {
            self.noise.rekey_incoming();
            self.received = 0;
        }
        let (kind, part) = plain.split_first().ok_or(ChannelError::Forged)?;
        if self.message.len() + part.len() > STREAM_MESSAGE_BYTES_MAX {
            return Err(ChannelError::TooLong);
        }
        self.message.extend_from_slice(part);
        match *kind {
            LAST => Ok(true),
            // A part that says that more follow is full: nobody sends endless empty ones.
            MORE if part.len() == PART_BYTES_MAX => Ok(false),
            _ => Err(ChannelError::Forged),
        }
    }

    /// Tells whether all that came was whole messages: the other end may close here.
    pub fn is_between(&self) -> bool {
        self.pending.is_empty() && self.message.is_empty() && !self.broken
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel(***)")
    }
}
