//! A ring as bytes: for calls between nodes, and for the disk.

use model::limits::RING_KEYS_MAX;

use super::{Key, Ring, Use};
use crate::wire::{Malformed, Reader, Writer};

/// The form of the bytes.
const FORM: u8 = 1;

/// The most bytes that a ring takes.
pub const RING_BYTES_MAX: usize = 1 + 10 + 2 + RING_KEYS_MAX * (1 + 32 + 1 + 10);

impl Ring {
    /// Writes it. The bytes hold the keys: they go to disks of mode 0600 and to sealed streams.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.byte(FORM);
        writer.number(self.version);
        writer.count(self.keys.len());
        for (key, use_) in &self.keys {
            writer.bytes(key.as_bytes());
            match use_ {
                Use::Seals => writer.byte(0),
                Use::Accepted => writer.byte(1),
                Use::Retired { until } => {
                    writer.byte(2);
                    writer.wall(*until);
                }
            }
        }
        writer.into_bytes()
    }

    /// Reads it: at most [`RING_KEYS_MAX`] keys, each once, and at most one that seals.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != FORM {
            return Err(Malformed::Value);
        }
        let version = reader.number()?;
        let mut ring = Self {
            version,
            keys: Vec::new(),
        };
        for _ in 0..reader.count(RING_KEYS_MAX)? {
            let key = Key::from_bytes(reader.bytes(32)?).ok_or(Malformed::Value)?;
            let use_ = match reader.byte()? {
                0 if ring.is_open() => Use::Seals,
                1 => Use::Accepted,
                2 => Use::Retired {
                    until: reader.wall()?,
                },
                _ => return Err(Malformed::Value),
            };
            if ring.find(key.fingerprint()).is_some() {
                return Err(Malformed::Value);
            }
            ring.keys.push((key, use_));
        }
        reader.finish()?;
        Ok(ring)
    }
}
