//! The digests that `hash` and `file_hash_match` know.

use md5::Digest;
use model::to_hex;

use crate::stop::{Step, fault_with_hint};

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 6] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// Reads a name in any case.
    pub(crate) fn parse(name: &str) -> Step<Self> {
        let lower = name.to_lowercase();
        let names = Self::ALL.map(Self::name);
        match Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == lower)
        {
            Some(algorithm) => Ok(algorithm),
            None => fault_with_hint(
                format!("`{name}` is no digest"),
                format!("digests are {}", names.join(" ")),
            ),
        }
    }

    /// Gives the name in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Gives the digest in hexadecimal digits.
    pub(crate) fn digest(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 => to_hex(&md5::Md5::digest(bytes)),
            Self::Sha1 => to_hex(&sha1::Sha1::digest(bytes)),
            Self::Sha224 => to_hex(&sha2::Sha224::digest(bytes)),
            Self::Sha256 => to_hex(&sha2::Sha256::digest(bytes)),
            Self::Sha384 => to_hex(&sha2::Sha384::digest(bytes)),
            Self::Sha512 => to_hex(&sha2::Sha512::digest(bytes)),
        }
    }
}
