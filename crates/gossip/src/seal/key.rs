//! One key of a zone.

use std::fmt;

use model::Zone;
use ring::digest::{Context, SHA256};
use ring::hkdf::{HKDF_SHA256, KeyType, Okm, Salt};

use super::base64;

/// How a key is named where nothing secret may be said.
pub type Fingerprint = [u8; 4];

/// What stands for "sealed with the open key", which everybody has.
pub const OPEN: Fingerprint = [0; 4];

/// A key of a zone: 16 bytes (as the original's) or 32, out of the system's randomness. Everything
/// that seals is derived from it; it seals nothing itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    bytes: Vec<u8>,
    fingerprint: Fingerprint,
}

/// Why a text is no key. It tells nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not base64.
    #[error("it is not base64")]
    NotBase64,
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It has another length.
    #[error("it has {0} bytes, not 16 or 32")]
    Length(usize),
    /// All its bytes are zero.
    #[error("all its bytes are zero, which seals nothing")]
    Zero,
}

impl Key {
    /// Takes the bytes of a key; nothing when they are not 16 or 32, or all zero.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::try_from_bytes(bytes).ok()
    }

    /// Takes 32 bytes of the system's randomness as a new key.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self::made(&bytes)
    }

    /// Reads a key as its file holds it: base64 of 16 or 32 bytes, with space around it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut bytes = base64::decode(text.trim()).ok_or(KeyError::NotBase64)?;
        let key = Self::try_from_bytes(&bytes);
        forget(&mut bytes);
        key
    }

    fn try_from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes.len() {
            0 => Err(KeyError::Empty),
            16 | 32 if bytes.iter().all(|byte| *byte == 0) => Err(KeyError::Zero),
            16 | 32 => Ok(Self::made(bytes)),
            length => Err(KeyError::Length(length)),
        }
    }

    fn made(bytes: &[u8]) -> Self {
        let hash = hash(&[b"opsbro key 1", bytes]);
        let mut fingerprint = [hash[0], hash[1], hash[2], hash[3]];
        if fingerprint == OPEN {
            fingerprint = [0, 0, 0, 1];
        }
        Self {
            bytes: bytes.to_owned(),
            fingerprint,
        }
    }

    /// Gives its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives it as its file holds it. It is for that file, and for whoever asked for a new key.
    pub fn to_base64(&self) -> String {
        base64::encode(&self.bytes)
    }

    /// Gives the name by which people and packets tell keys apart; it does not betray the key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Tells whether it looks like a key that was made out of the time of day, as the original's
    /// `keygen` does: whoever knows the day can guess it.
    pub fn is_guessable(&self) -> bool {
        let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        self.bytes.len() == 16 && self.bytes.iter().all(hex)
    }

    /// Names the pair of a key and a zone on streams, where a key may serve two zones.
    pub(crate) fn offer(&self, zone: &Zone) -> [u8; 8] {
        let hash = hash(&[b"opsbro offer 1", zone.as_str().as_bytes(), &self.bytes]);
        let mut offer = [0; 8];
        offer.copy_from_slice(&hash[..8]);
        offer
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        forget(&mut self.bytes);
    }
}

/// Overwrites a secret before its memory is given back, as well as that goes in safe code.
fn forget(secret: &mut [u8]) {
    secret.fill(0);
    std::hint::black_box(secret);
}

/// Hashes parts, each with its length in front, so that no part can borrow from its neighbour.
pub(crate) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Derives what is used out of a key; no key is the open one.
pub(crate) fn derive<L: KeyType, T>(
    key: Option<&Key>,
    salt: &[u8],
    info: &[&[u8]],
    length: L,
    take: impl FnOnce(Okm<'_, L>) -> T,
) -> T {
    let secret = key.map_or(&[0; 32][..], Key::as_bytes);
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let okm = extracted.expand(info, length);
    take(okm.expect("HKDF gives up to 255 hashes, and a key is one"))
}

/// Writes a fingerprint as people read it.
pub fn shown(fingerprint: Fingerprint) -> String {
    format!("{:08x}", u32::from_be_bytes(fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_of_the_original_and_its_own() {
        let key = Key::parse(" NTdiN2NlNmE4NTViMTFlNA==\n").unwrap();
        assert_eq!(key.as_bytes(), b"57b7ce6a855b11e4");
        assert_eq!(key.to_base64(), "NTdiN2NlNmE4NTViMTFlNA==");
        assert!(key.is_guessable());
        let own = Key::from_random([7; 32]);
        assert_eq!(Key::parse(&own.to_base64()), Ok(own.clone()));
        assert!(!own.is_guessable());
        assert_ne!(own.fingerprint(), key.fingerprint());
    }

    #[test]
    fn says_what_is_wrong_with_a_key_and_nothing_of_it() {
        for (text, told) in [
            ("no key!", "it is not base64"),
            ("", "it is empty"),
            ("c2hvcnQ=", "it has 5 bytes, not 16 or 32"),
            (
                "AAAAAAAAAAAAAAAAAAAAAA==",
                "all its bytes are zero, which seals nothing",
            ),
        ] {
            assert_eq!(Key::parse(text).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn never_prints_itself() {
        let key = Key::from_random([0x41; 32]);
        assert_eq!(format!("{key:?}"), "Key(***)");
    }

    #[test]
    fn one_key_is_offered_for_each_zone_by_another_name() {
        let key = Key::from_random([7; 32]);
        let zone = |name| Zone::parse(name).unwrap();
        assert_ne!(key.offer(&zone("lan")), key.offer(&zone("internet")));
    }
}
