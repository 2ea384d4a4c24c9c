//! Small state documents: a name, a version, bytes that are JSON or anything else.
//!
//! A document is replaced as a whole and carries a checksum. One that is damaged is moved aside
//! as `NAME.corrupt`, reported, and treated as absent: it never stops an agent from starting. The
//! first line of the file is text, so that people can look at it with `head` and `tail`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::file::{self, PRIVATE};
use crate::{Error, name};

/// Where one document lives, and how large it may be.
#[derive(Clone, Debug)]
pub struct Document {
    path: PathBuf,
    bytes_max: usize,
}

/// What a document held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// There is no such document.
    Absent,
    /// There is one.
    Present(Content),
    /// There was one that cannot be trusted; it was moved aside.
    Corrupt {
        /// Where it is kept for someone to look at; the one before it was overwritten.
        moved_to: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The content of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The version of the format of the bytes, which is the caller's own.
    pub version: u32,
    /// What the caller saved.
    pub bytes: Vec<u8>,
}

/// The first word of the file; the number is the version of this envelope.
const MAGIC: &str = "opsbro-document-1";
/// Longest first line: the magic, two numbers and a checksum.
const HEAD_BYTES_MAX: usize = 128;

impl Document {
    /// Names a document in a directory that exists. Nothing is read or written.
    pub fn new(dir: &Path, name: &str, bytes_max: usize) -> Result<Self, Error> {
        Ok(Self {
            path: dir.join(format!("{}.document", name::check(name)?)),
            bytes_max,
        })
    }

    /// Gives the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the content in one durable step.
    pub fn save(&self, version: u32, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > self.bytes_max {
            return Err(Error::TooLarge {
                path: self.path.clone(),
                bytes: bytes.len() as u64,
                bytes_max: self.bytes_max as u64,
            });
        }
        file::replace(&self.path, &encode(version, bytes), PRIVATE)
    }

    /// Reads the content. Fails only when the disk does; damage is a value.
    pub fn load(&self) -> Result<Loaded, Error> {
        let bytes_max = (self.bytes_max + HEAD_BYTES_MAX) as u64;
        let reason = match file::read(&self.path, bytes_max) {
            Ok(None) => return Ok(Loaded::Absent),
            Ok(Some(bytes)) => match decode(bytes) {
                Ok(content) => return Ok(Loaded::Present(content)),
                Err(reason) => reason.to_owned(),
            },
            Err(error @ Error::TooLarge { .. }) => error.to_string(),
            Err(error) => return Err(error),
        };
        let moved_to = self.path.with_extension("corrupt");
        fs::rename(&self.path, &moved_to).map_err(|e| Error::file("rename", &self.path, e))?;
        file::sync_dir(file::parent(&self.path))?;
        Ok(Loaded::Corrupt { moved_to, reason })
    }

    /// Removes the document durably; it may be absent.
    pub fn remove(&self) -> Result<(), Error> {
        file::remove(&self.path)
    }
}

fn encode(version: u32, bytes: &[u8]) -> Vec<u8> {
    let sum = checksum(version, bytes);
    let mut out = format!(
        "{MAGIC} version={version} bytes={} crc32={sum:08x}\n",
        bytes.len()
    )
    .into_bytes();
    out.extend_from_slice(bytes);
    out
}

fn decode(mut bytes: Vec<u8>) -> Result<Content, &'static str> {
    let head_end = bytes
        .iter()
        .take(HEAD_BYTES_MAX)
        .position(|byte| *byte == b'\n')
        .ok_or("it has no first line")?;
    let head = std::str::from_utf8(&bytes[..head_end]).map_err(|_| "its first line is no text")?;
    let mut words = head.split(' ');
    if words.next() != Some(MAGIC) {
        return Err("it is no document of this program");
    }
    let mut field = |key: &str| {
        let value = words.next()?.strip_prefix(key)?.strip_prefix('=')?;
        Some(value.to_owned())
    };
    let fields = (field("version"), field("bytes"), field("crc32"));
    let (Some(version), Some(length), Some(sum)) = fields else {
        return Err("its first line is damaged");
    };
    let version = version.parse().map_err(|_| "its version is damaged")?;
    let sum = u32::from_str_radix(&sum, 16).map_err(|_| "its checksum is damaged")?;
    bytes.drain(..=head_end);
    if length != bytes.len().to_string() {
        return Err("its length is wrong");
    }
    if checksum(version, &bytes) != sum {
        return Err("its checksum does not match");
    }
    Ok(Content { version, bytes })
}

fn checksum(version: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&version.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(dir: &Path) -> Document {
        Document::new(dir, "state", 1_000).unwrap()
    }

    #[test]
    fn a_document_comes_back_as_it_was_saved() {
        let dir = crate::scratch::dir();
        let document = document(dir.path());
        assert_eq!(document.load().unwrap(), Loaded::Absent);
        for (version, bytes) in [
            (1, &b"{}"[..]),
            (u32::MAX, b""),
            (2, b"\n\n\xff"),
            (3, &[1; 1_000]),
        ] {
            document.save(version, bytes).unwrap();
            let content = Content {
                version,
                bytes: bytes.to_vec(),
            };
            assert_eq!(document.load().unwrap(), Loaded::Present(content));
        }
        document.remove().unwrap();
        assert_eq!(document.load().unwrap(), Loaded::Absent);
    }

    #[test]
    fn bytes_of_the_first_version_are_read() {
        let dir = crate::scratch::dir();
        let document = document(dir.path());
        file::replace(
            document.path(),
            b"opsbro-document-1 version=7 bytes=5 crc32=725a28fc\nhello",
            PRIVATE,
        )
        .unwrap();
        let content = Content {
            version: 7,
            bytes: b"hello".to_vec(),
        };
        assert_eq!(document.load().unwrap(), Loaded::Present(content));
    }

    #[test]
    fn a_flipped_bit_or_a_cut_is_noticed_and_moved_aside() {
        let dir = crate::scratch::dir();
        let document = document(dir.path());
        let good = encode(1, b"{\"a\": 1}");
        let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bad.push(bytes);
        }
        bad.push([&good[..], b"x"].concat());
        bad.push(vec![b'x'; 2_000]);
        for bytes in bad {
            file::replace(document.path(), &bytes, PRIVATE).unwrap();
            match document.load().unwrap() {
                Loaded::Corrupt { moved_to, reason } => {
                    assert_eq!(fs::read(moved_to).unwrap(), bytes);
                    assert!(!reason.is_empty());
                }
                // The case of a hexadecimal digit does not change what it means.
                Loaded::Present(content) => assert_eq!(content.bytes, b"{\"a\": 1}"),
                Loaded::Absent => panic!("{bytes:?}"),
            }
            let _ = fs::remove_file(document.path());
            assert_eq!(document.load().unwrap(), Loaded::Absent);
        }
    }

    #[test]
    fn a_name_cannot_leave_the_directory_and_content_has_a_limit() {
        let dir = crate::scratch::dir();
        assert!(Document::new(dir.path(), "../x", 10).is_err());
        let document = document(dir.path());
        let error = document.save(1, &[0; 1_001]).unwrap_err().to_string();
        assert!(
            error.ends_with("is too large: 1001 B, at most 1000 B allowed"),
            "{error}"
        );
        assert_eq!(document.load().unwrap(), Loaded::Absent);
    }
}
