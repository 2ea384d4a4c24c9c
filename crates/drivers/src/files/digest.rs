//! The digest of a file of any size, read in pieces.

use std::io::Read;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::host::{BoundedReader, read_error};
use crate::{Deadline, Error, Host};

/// A digest algorithm that pack authors know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5: finds accidents, not attackers.
    Md5,
    /// SHA-1: finds accidents, not attackers.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// Gives the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Finds an algorithm by its name.
    pub fn find(name: &str) -> Result<Self, Error> {
        let found = Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.as_str() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL
                .iter()
                .map(|algorithm| algorithm.as_str())
                .collect();
            let problem = format!("is no digest algorithm: there are {}", names.join(", "));
            Error::bad_request(name, problem)
        })
    }
}

/// Gives the digest of a file in lower-case hexadecimal digits.
pub fn hash(
    host: &Host,
    path: &str,
    algorithm: Algorithm,
    deadline: Deadline,
) -> Result<String, Error> {
    let reader = host.reader(path, deadline)?;
    let digits = match algorithm {
        Algorithm::Md5 => digest::<Md5>(reader),
        Algorithm::Sha1 => digest::<Sha1>(reader),
        Algorithm::Sha224 => digest::<Sha224>(reader),
        Algorithm::Sha256 => digest::<Sha256>(reader),
        Algorithm::Sha384 => digest::<Sha384>(reader),
        Algorithm::Sha512 => digest::<Sha512>(reader),
    };
    digits.map_err(|error| read_error(error, path, deadline))
}

fn digest<D: Digest>(mut reader: BoundedReader) -> std::io::Result<String> {
    let mut digest = D::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(model::to_hex(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}
