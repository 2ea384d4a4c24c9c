//! Files and directories: what they are, what they hold, how old they are.
//!
//! Paths are absolute. A thing that is not there is an answer where the question is "is there", and
//! an error where the question is about the thing.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use model::limits::DIRECTORY_ENTRIES_MAX;
use model::{Value, WallTime};

use crate::{Deadline, Error, Host};

mod digest;
mod search;
#[cfg(test)]
mod tests;

pub use digest::{Algorithm, hash};
pub use search::{Pattern, count_lines};

/// Tells whether a path exists, links followed.
pub fn exists(host: &Host, path: &str) -> Result<bool, Error> {
    Ok(host.metadata(path)?.is_some())
}

/// Tells whether a path is a directory, links followed.
pub fn is_directory(host: &Host, path: &str) -> Result<bool, Error> {
    Ok(host.metadata(path)?.is_some_and(|found| found.is_dir()))
}

/// Tells whether a path is a symbolic link, wherever it leads.
pub fn is_link(host: &Host, path: &str) -> Result<bool, Error> {
    Ok(host
        .link_metadata(path)?
        .is_some_and(|found| found.is_symlink()))
}

/// Tells whether a path is a plain file, links followed.
pub fn is_plain_file(host: &Host, path: &str) -> Result<bool, Error> {
    Ok(host.metadata(path)?.is_some_and(|found| found.is_file()))
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A plain file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a socket, a FIFO.
    Other,
}

impl FileKind {
    /// Gives the word that expressions compare with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link => "link",
            Self::Other => "other",
        }
    }
}

/// What the system knows about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permissions, without the kind: `0o644`.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When the content was last changed, in seconds since 1970.
    pub mtime: i64,
    /// When it was last read, in seconds since 1970 (mounts may keep this loosely or not at all).
    pub atime: i64,
    /// When the content or what is written here was last changed, in seconds since 1970.
    pub ctime: i64,
    /// The number of the inode.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
}

impl Stat {
    /// Gives it as a map; `mode` in the octal digits that people write.
    pub fn to_value(&self) -> Value {
        let whole = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        Value::map([
            ("kind", Value::from(self.kind.as_str())),
            ("size", whole(self.size)),
            ("mode", Value::text(format!("{:o}", self.mode))),
            ("uid", whole(self.uid.into())),
            ("gid", whole(self.gid.into())),
            ("mtime", Value::Int(self.mtime)),
            ("atime", Value::Int(self.atime)),
            ("ctime", Value::Int(self.ctime)),
            ("inode", whole(self.inode)),
            ("links", whole(self.links)),
        ])
    }
}

/// Tells what the system knows about a path; a link is not followed.
pub fn stat(host: &Host, path: &str) -> Result<Stat, Error> {
    let found =
        std::fs::symlink_metadata(host.path(path)?).map_err(Error::system("look at", path))?;
    let kind = match found.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    };
    Ok(Stat {
        kind,
        size: found.size(),
        mode: found.mode() & 0o7777,
        uid: found.uid(),
        gid: found.gid(),
        mtime: found.mtime(),
        atime: found.atime(),
        ctime: found.ctime(),
        inode: found.ino(),
        links: found.nlink(),
    })
}

/// Tells how long ago the content of a path was last changed, links followed; a time to come is
/// now.
pub fn age(host: &Host, path: &str, now: WallTime) -> Result<Duration, Error> {
    let found = std::fs::metadata(host.path(path)?).map_err(Error::system("look at", path))?;
    let changed = u64::try_from(found.mtime()).unwrap_or(0);
    Ok(Duration::from_secs(now.as_secs().saturating_sub(changed)))
}

/// Lists the names in a directory, sorted. What is not UTF-8 in a name becomes `�`.
pub fn list_directory(host: &Host, path: &str, deadline: Deadline) -> Result<Vec<String>, Error> {
    let failed = || Error::system("list", path);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(host.path(path)?).map_err(failed())? {
        deadline.check("listing", path)?;
        if names.len() == DIRECTORY_ENTRIES_MAX {
            return Err(Error::TooLarge {
                subject: format!("the directory {path}"),
                limit: format!("{DIRECTORY_ENTRIES_MAX} entries"),
                advice: "it is not listed",
            });
        }
        names.push(
            entry
                .map_err(failed())?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads a whole file, which must be UTF-8 and no larger than `bytes_max`.
pub fn read_text(
    host: &Host,
    path: &str,
    bytes_max: usize,
    deadline: Deadline,
) -> Result<String, Error> {
    String::from_utf8(host.read(path, bytes_max, deadline)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::bad_answer(
            path,
            format!("is not UTF-8 text: byte {at} is no part of a letter"),
        )
    })
}
