//! Large files that are written in a stream, whole or not at all, and checksummed in blocks.
//!
//! A bulk is replaced in one durable step. It can also come in parts from elsewhere, as the bytes
//! of another one: [`Incoming`] gathers them, and takes the place of the bulk when all of it is
//! sound. Neither writing nor reading holds more than a block in memory.
//!
//! ```text
//! opsbro-bulk-1\n  block*  0 u32, CRC-32 u32
//! block: length u32, CRC-32 of the number of the block and its bytes u32, bytes
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file::{self, PRIVATE};
use crate::{Error, name};

const MAGIC: &[u8] = b"opsbro-bulk-1\n";
/// Bytes under one checksum.
const BLOCK_BYTES: usize = 64 << 10;

/// The place of a bulk.
#[derive(Clone, Debug)]
pub struct Bulk {
    dir: PathBuf,
    path: PathBuf,
}

/// One content of a bulk, which stays readable when another one takes its place.
#[derive(Clone, Debug)]
pub struct Content {
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
}

/// A content that comes in parts.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Bulk {
    /// Names a bulk in a directory, which is made when it is absent; what a crash left of one that
    /// was coming is removed.
    pub fn new(dir: &Path, name: &str) -> Result<Self, Error> {
        let name = name::check(name)?;
        file::make_dir(dir, 0o700)?;
        file::clean(dir)?;
        let bulk = Self {
            dir: dir.to_owned(),
            path: dir.join(format!("{name}.bulk")),
        };
        file::remove(&bulk.incoming_path())?;
        Ok(bulk)
    }

    /// Writes a new content in one durable step, and opens it.
    pub fn write(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Content, Error> {
        file::replace_with(&self.path, 0, PRIVATE, |out| {
            out.write_all(MAGIC)?;
            let mut blocks = Blocks::new(out);
            fill(&mut blocks)?;
            blocks.finish()
        })?;
        self.open_path(&self.path)
    }

    /// Opens the content; `None` when there is none. It is checked as it is read.
    pub fn open(&self) -> Result<Option<Content>, Error> {
        match fs::exists(&self.path) {
            Ok(false) => Ok(None),
            Ok(true) => self.open_path(&self.path).map(Some),
            Err(error) => Err(Error::file("look at", &self.path, error)),
        }
    }

    /// Begins to take a content in parts.
    pub fn receive(&self) -> Result<Incoming, Error> {
        let path = self.incoming_path();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Error::file("make", &path, error))?;
        let bytes = 0;
        Ok(Incoming { file, path, bytes })
    }

    /// Puts what came in the place of the content, durably. Who calls has read it as a whole.
    pub fn accept(&self, incoming: Incoming) -> Result<Content, Error> {
        let Incoming { file, path, bytes } = incoming;
        file.sync_all()
            .and_then(|()| fs::rename(&path, &self.path))
            .map_err(|error| Error::write(&self.path, bytes as usize, error))?;
        file::sync_dir(&self.dir)?;
        self.open_path(&self.path)
    }

    /// Removes the content; it may be absent.
    pub fn remove(&self) -> Result<(), Error> {
        file::remove(&self.path)
    }

    fn incoming_path(&self) -> PathBuf {
        self.path.with_extension("incoming")
    }

    fn open_path(&self, path: &Path) -> Result<Content, Error> {
        let open = || {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            io::Result::Ok((file, bytes))
        };
        let (file, bytes) = open().map_err(|error| Error::file("open", path, error))?;
        Ok(Content {
            file: Arc::new(file),
            path: path.to_owned(),
            bytes,
        })
    }
}

impl Content {
    /// Gives the size of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the bytes of the file from a place on, at most so many: what [`Incoming`] takes.
    pub fn part(&self, offset: u64, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let left = self.bytes.saturating_sub(offset);
        let mut part = vec![0; bytes_max.min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.file
            .read_exact_at(&mut part, offset)
            .map_err(|error| Error::file("read", &self.path, error))?;
        Ok(part)
    }

    /// Reads what was written, checking it. Damage is an error of kind `InvalidData`.
    pub fn reader(&self) -> impl Read + use<> {
        Unblocks::new(BufReader::with_capacity(
            BLOCK_BYTES,
            At {
                file: Arc::clone(&self.file),
                offset: 0,
            },
        ))
    }
}

impl Incoming {
    /// Tells how much has come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next part.
    pub fn push(&mut self, part: &[u8]) -> Result<(), Error> {
        self.file
            .write_all_at(part, self.bytes)
            .map_err(|error| Error::write(&self.path, part.len(), error))?;
        self.bytes += part.len() as u64;
        Ok(())
    }

    /// Reads what has come, checking it, as [`Content::reader`] does.
    pub fn reader(&self) -> Result<impl Read + use<>, Error> {
        let file = self
            .file
            .try_clone()
            .map_err(|error| Error::file("read", &self.path, error))?;
        let at = At {
            file: Arc::new(file),
            offset: 0,
        };
        Ok(Unblocks::new(BufReader::with_capacity(BLOCK_BYTES, at)))
    }
}

/// Reads a file from its beginning without moving the place that others read at.
struct At {
    file: Arc<File>,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Cuts what is written into blocks.
struct Blocks<'a, W: Write> {
    out: &'a mut W,
    block: Vec<u8>,
    number: u64,
}

impl<'a, W: Write> Blocks<'a, W> {
    fn new(out: &'a mut W) -> Self {
        Self {
            out,
            block: Vec::with_capacity(BLOCK_BYTES),
            number: 0,
        }
    }

    fn write_block(&mut self) -> io::Result<()> {
        self.out
            .write_all(&(self.block.len() as u32).to_le_bytes())?;
        let sum = checksum(self.number, &self.block);
        self.out.write_all(&sum.to_le_bytes())?;
        self.out.write_all(&self.block)?;
        self.block.clear();
        self.number += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        self.write_block()
    }
}

impl<W: Write> Write for Blocks<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == BLOCK_BYTES {
            self.write_block()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts blocks together again.
struct Unblocks<R: Read> {
    from: R,
    block: Vec<u8>,
    taken: usize,
    number: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begun,
    Inside,
    Ended,
}

impl<R: Read> Unblocks<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            block: Vec::new(),
            taken: 0,
            number: 0,
            state: State::Begun,
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        if self.state == State::Begun {
            let mut magic = [0; MAGIC.len()];
            self.from
                .read_exact(&mut magic)
                .map_err(|_| damaged("its beginning"))?;
            if magic != *MAGIC {
                return Err(damaged("its beginning"));
            }
            self.state = State::Inside;
        }
        let mut head = [0; 8];
        self.from
            .read_exact(&mut head)
            .map_err(|_| damaged("its end is missing"))?;
        let (length, sum) = head.split_at(4);
        let number = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (length, sum) = (number(length) as usize, number(sum));
        if length > BLOCK_BYTES {
            return Err(damaged("a length"));
        }
        self.block.resize(length, 0);
        self.from
            .read_exact(&mut self.block)
            .map_err(|_| damaged("its end is missing"))?;
        if checksum(self.number, &self.block) != sum {
            return Err(damaged("a checksum does not match"));
        }
        self.number += 1;
        self.taken = 0;
        if length == 0 {
            self.state = State::Ended;
        }
        Ok(())
    }
}

impl<R: Read> Read for Unblocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.block.len() && self.state != State::Ended {
            self.read_block()?;
        }
        let left = &self.block[self.taken..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged: {what}"))
}

fn checksum(number: u64, block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(block);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    fn read(mut reader: impl Read) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let read = reader.read_to_end(&mut out);
        read.map(|_| out).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_written_is_read_and_replaced_as_a_whole() {
        let dir = crate::scratch::dir();
        let bulk = Bulk::new(dir.path(), "b").unwrap();
        assert!(bulk.open().unwrap().is_none());
        for bytes in [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, 300_000] {
            let before = bulk.open().unwrap();
            let earlier = before.as_ref().map(|one| read(one.reader()).unwrap());
            bulk.write(|out| out.write_all(&content(bytes))).unwrap();
            let now = bulk.open().unwrap().unwrap();
            assert_eq!(read(now.reader()).unwrap(), content(bytes));
            assert_eq!(before.map(|one| read(one.reader()).unwrap()), earlier);
        }
        let failed = bulk.write(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        let now = bulk.open().unwrap().unwrap();
        assert_eq!(read(now.reader()).unwrap().len(), 300_000);
        bulk.remove().unwrap();
        assert!(bulk.open().unwrap().is_none());
    }

    #[test]
    fn a_content_travels_in_parts() {
        let dir = crate::scratch::dir();
        let from = Bulk::new(dir.path(), "from").unwrap();
        let sent = from.write(|out| out.write_all(&content(200_000))).unwrap();
        let to = Bulk::new(dir.path(), "to").unwrap();
        to.write(|out| out.write_all(b"old")).unwrap();
        let mut incoming = to.receive().unwrap();
        while incoming.bytes() < sent.bytes() {
            let part = sent.part(incoming.bytes(), 70_000).unwrap();
            incoming.push(&part).unwrap();
            let whole = read(incoming.reader().unwrap());
            assert_eq!(whole.is_ok(), incoming.bytes() == sent.bytes());
        }
        assert_eq!(read(to.open().unwrap().unwrap().reader()).unwrap(), b"old");
        let accepted = to.accept(incoming).unwrap();
        assert_eq!(read(accepted.reader()).unwrap(), content(200_000));
        let left = to.receive().unwrap();
        drop(left);
        let _again = Bulk::new(dir.path(), "to").unwrap();
        assert!(!dir.path().join("to.incoming").exists());
    }

    #[test]
    fn every_damage_is_found() {
        let dir = crate::scratch::dir();
        let bulk = Bulk::new(dir.path(), "b").unwrap();
        let written = bulk.write(|out| out.write_all(&content(300))).unwrap();
        let sound = written.part(0, usize::MAX).unwrap();
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            let mut incoming = bulk.receive().unwrap();
            incoming.push(&damaged).unwrap();
            let error = read(incoming.reader().unwrap()).unwrap_err();
            assert!(error.starts_with("it is damaged"), "{at}: {error}");
            let mut incoming = bulk.receive().unwrap();
            incoming.push(&sound[..at]).unwrap();
            assert!(read(incoming.reader().unwrap()).is_err(), "cut at {at}");
        }
    }
}
