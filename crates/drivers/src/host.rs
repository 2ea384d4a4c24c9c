//! The machine that drivers look at: a root folder. `/` is the real one, a test has a recorded one.
//!
//! Start with [`Host::open`]: whatever is read is a plain file, is opened without blocking, and is
//! read in bounds. Symbolic links are the system's affair: an absolute link inside of a recorded
//! host leads out of it, so recordings have relative ones.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::limits::DIRECTORY_ENTRIES_MAX;
use rustix::fs::{FileType, OFlags};

use crate::{Deadline, Error, meter};

mod code;
mod heap;
pub(crate) mod lines;
mod shown;
mod turns;

pub use self::code::release_code;
pub use self::heap::trim_heap;
pub use self::turns::take_short_turns;

/// Where programs are looked for, as neither a login nor a service manager can be relied on to set
/// `PATH`. The last one is NixOS.
pub(crate) const PROGRAM_DIRECTORIES: &[&str] = &[
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/run/current-system/sw/bin",
];

/// A machine, seen from its root folder.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
}

impl Host {
    /// Gives the machine that we run on.
    pub fn real() -> Self {
        Self::at("/")
    }

    /// Gives a recorded machine, or another one whose root is mounted there.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Turns an absolute path of the machine into one that can be opened from here.
    pub(crate) fn path(&self, path: &str) -> Result<PathBuf, Error> {
        let Some(below) = path.strip_prefix('/') else {
            let problem = "is not an absolute path: an agent has no current directory";
            return Err(Error::bad_request(path, problem));
        };
        if path.contains('\0') {
            return Err(Error::bad_request(
                path,
                "holds a zero byte, which no path can",
            ));
        }
        Ok(self.root.join(below.trim_start_matches('/')))
    }

    /// Gives what the system knows about a path, links followed; none when nothing is there.
    pub(crate) fn metadata(&self, path: &str) -> Result<Option<Metadata>, Error> {
        absent_is_none(std::fs::metadata(self.path(path)?)).map_err(Error::system("look at", path))
    }

    /// Gives what the system knows about a path itself, even if it is a link.
    pub(crate) fn link_metadata(&self, path: &str) -> Result<Option<Metadata>, Error> {
        absent_is_none(std::fs::symlink_metadata(self.path(path)?))
            .map_err(Error::system("look at", path))
    }

    /// Tells whether something is there. What cannot be looked at is not.
    pub(crate) fn has(&self, path: &str) -> bool {
        matches!(self.metadata(path), Ok(Some(_)))
    }

    /// Opens a plain file. Never blocks on a FIFO, never touches a device.
    pub(crate) fn open(&self, path: &str) -> Result<File, Error> {
        let real = self.path(path)?;
        #[cfg(test)]
        OPENED.with_borrow_mut(|opened| opened.push(path.to_owned()));
        // Opening alone can start a watchdog or rewind a tape, so it is looked at before.
        let found = std::fs::metadata(&real).map_err(Error::system("read", path))?;
        refuse_unless_plain(path, found.mode())?;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&real)
            .map_err(Error::system("read", path))?;
        // And after, as it may have been replaced in between.
        let found = file.metadata().map_err(Error::system("read", path))?;
        refuse_unless_plain(path, found.mode())?;
        Ok(file)
    }

    /// Reads a whole plain file, which may not be larger than `bytes_max`.
    pub(crate) fn read(
        &self,
        path: &str,
        bytes_max: usize,
        deadline: Deadline,
    ) -> Result<Vec<u8>, Error> {
        let reader = self.reader(path, deadline)?;
        let mut bytes = Vec::new();
        reader
            .take(bytes_max as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| read_error(error, path, deadline))?;
        if bytes.len() > bytes_max {
            return Err(Error::TooLarge {
                subject: path.to_owned(),
                limit: format!("{bytes_max} bytes"),
                advice: "it is not read as a whole; grep_file looks into files of any size",
            });
        }
        Ok(bytes)
    }

    /// Reads the beginning of a file that may come and go; none when it cannot be read.
    pub(crate) fn read_start(
        &self,
        path: &str,
        bytes_max: usize,
        deadline: Deadline,
    ) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let reader = self.reader(path, deadline).ok()?;
        reader.take(bytes_max as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Reads a small file of the system's own (`/sys`, `/proc`, `/etc`), without the space around
    /// it; none when it is not there or not readable.
    pub(crate) fn word(&self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        self.open(path)
            .ok()?
            .take(WORD_BYTES_MAX)
            .read_to_end(&mut bytes)
            .ok()?;
        meter::count(bytes.len());
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Lists the names in a folder, in order; none when there is no such folder. What is no UTF-8
    /// is left out: the kernel's own folders hold none.
    pub(crate) fn names(&self, path: &str, deadline: Deadline) -> Result<Vec<String>, Error> {
        let failed = || Error::system("list", path);
        let entries = match std::fs::read_dir(self.path(path)?) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed()(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            deadline.check("listing", path)?;
            if names.len() == DIRECTORY_ENTRIES_MAX {
                return Err(Error::TooLarge {
                    subject: path.to_owned(),
                    limit: format!("{DIRECTORY_ENTRIES_MAX} entries"),
                    advice: "it is not looked through",
                });
            }
            names.extend(entry.map_err(failed())?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Tells whether this is the machine that we run on, of which one may ask the kernel itself.
    pub(crate) fn is_real(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Finds a program of the machine by name.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        PROGRAM_DIRECTORIES
            .iter()
            .filter_map(|directory| self.path(&format!("{directory}/{name}")).ok())
            .find(|path| path.is_file())
    }

    /// Opens a plain file to be read in pieces while the deadline allows.
    pub(crate) fn reader(&self, path: &str, deadline: Deadline) -> Result<BoundedReader, Error> {
        Ok(BoundedReader {
            file: self.open(path)?,
            deadline,
        })
    }

    /// Gives the root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// The kernel gives at most a page for such a file.
const WORD_BYTES_MAX: u64 = 4_096;

/// Reads a file, and fails instead of reading on when the deadline is over.
pub(crate) struct BoundedReader {
    file: File,
    deadline: Deadline,
}

impl Read for BoundedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.deadline.is_over() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = self.file.read(buffer)?;
        meter::count(count);
        Ok(count)
    }
}

/// Says why reading stopped: the deadline, or the system.
pub(crate) fn read_error(error: io::Error, path: &str, deadline: Deadline) -> Error {
    if error.kind() == io::ErrorKind::TimedOut && deadline.is_over() {
        return deadline.error("reading", path);
    }
    Error::system("read", path)(error)
}

/// Turns "there is no such thing" into none. A link that leads nowhere or in a circle is no thing.
fn absent_is_none(found: io::Result<Metadata>) -> io::Result<Option<Metadata>> {
    use rustix::io::Errno;
    match found {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
            Some(_) | None => Err(error),
        },
    }
}

/// Refuses what is no plain file, by its mode.
fn refuse_unless_plain(path: &str, mode: u32) -> Result<(), Error> {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "directory",
        FileType::Symlink => "link",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => "device",
    };
    let path = path.to_owned();
    Err(Error::NotPlainFile { path, kind })
}

#[cfg(test)]
thread_local! {
    /// What this thread has opened, or has tried to.
    pub(crate) static OPENED: std::cell::RefCell<Vec<String>> = const {
        std::cell::RefCell::new(Vec::new())
    };
}

/// Gives a recorded machine of `tests/fixtures/hosts`.
#[cfg(test)]
pub(crate) fn recorded(name: &str) -> Host {
    let hosts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/hosts");
    Host::at(Path::new(hosts).join(name))
}
