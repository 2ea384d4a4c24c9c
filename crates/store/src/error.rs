//! What can go wrong at the disk, told with the path, the operation and the need.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

/// An error of the store. After each of them the files are as they were before the call, unless
/// the variant says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Bytes could not be written or made durable.
    #[error("cannot write {}: {}, {} needed", path.display(), reason(source), size(*need_bytes))]
    Write {
        /// The file that was written.
        path: PathBuf,
        /// How much room the write needs.
        need_bytes: u64,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Any other operation on a file or directory failed.
    #[error("cannot {operation} {}: {}", path.display(), reason(source))]
    File {
        /// A verb: "open", "read", "rename" …
        operation: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Something is larger than its limit; nothing was read or written.
    #[error("{} is too large: {}", path.display(), over(*bytes, *bytes_max))]
    TooLarge {
        /// Where it is, or where it would have gone.
        path: PathBuf,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        bytes_max: u64,
    },
    /// The file was written by a newer program; it is left alone.
    #[error(
        "{} has format version {version}, this program reads up to {version_max}: \
         it was written by a newer one, update this one or move the file away",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest version that is understood.
        version_max: u32,
    },
    /// Another process, or another part of this one, has the directory open.
    #[error("{} is in use by another process: stop that one first", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A name that cannot become a file name.
    #[error("{name:?} cannot name a file: use 1 to 64 of a-z, 0-9, - and _")]
    Name {
        /// The name.
        name: String,
    },
    /// The queue of the committer is full; nothing was taken. Try again later.
    #[error("too many writes wait for {}: the disk is slow, try again later", path.display())]
    Busy {
        /// The journal that was to be written.
        path: PathBuf,
    },
    /// The committer has ended, so nobody knows whether the write is on disk.
    #[error("writing to {} has been stopped", path.display())]
    Stopped {
        /// The journal that was to be written.
        path: PathBuf,
    },
}

impl Error {
    /// Tells whether room on the disk is what is missing, so that waiting and retrying may help.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Write { source, .. } | Self::File { source, .. } => {
                matches!(
                    Errno::from_io_error(source),
                    Some(Errno::NOSPC | Errno::DQUOT)
                )
            }
            Self::TooLarge { .. }
            | Self::Newer { .. }
            | Self::InUse { .. }
            | Self::Name { .. }
            | Self::Busy { .. }
            | Self::Stopped { .. } => false,
        }
    }

    /// Gives the path that the error is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Write { path, .. }
            | Self::File { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Newer { path, .. }
            | Self::InUse { path }
            | Self::Busy { path }
            | Self::Stopped { path } => Some(path),
            Self::Name { .. } => None,
        }
    }

    /// Gives the bytes of room that the failed write needs, when it was a write.
    pub fn need_bytes(&self) -> Option<u64> {
        match self {
            Self::Write { need_bytes, .. } => Some(*need_bytes),
            Self::File { .. }
            | Self::TooLarge { .. }
            | Self::Newer { .. }
            | Self::InUse { .. }
            | Self::Name { .. }
            | Self::Busy { .. }
            | Self::Stopped { .. } => None,
        }
    }

    pub(crate) fn write(path: &Path, need_bytes: usize, source: impl Into<io::Error>) -> Self {
        Self::Write {
            path: path.to_owned(),
            need_bytes: need_bytes as u64,
            source: Arc::new(source.into()),
        }
    }

    pub(crate) fn file(operation: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::File {
            operation,
            path: path.to_owned(),
            source: Arc::new(source.into()),
        }
    }
}

/// Says why in the words of an ops person, without an error number where we know it.
fn reason(source: &io::Error) -> String {
    match Errno::from_io_error(source) {
        Some(Errno::NOSPC) => "no space left".to_owned(),
        Some(Errno::DQUOT) => "the disk quota is used up".to_owned(),
        Some(Errno::IO) => "the disk reports an error".to_owned(),
        Some(Errno::ROFS) => "the file system is read-only".to_owned(),
        Some(Errno::ACCESS | Errno::PERM) => "permission denied".to_owned(),
        Some(Errno::EXIST) => "something else has that name".to_owned(),
        Some(Errno::NOENT) => "no such file or directory".to_owned(),
        Some(_) | None => source.to_string(),
    }
}

/// Writes a size and its limit, exactly when they would look the same.
fn over(bytes: u64, bytes_max: u64) -> String {
    match (size(bytes), size(bytes_max)) {
        (bytes, bytes_max) if bytes != bytes_max => format!("{bytes}, at most {bytes_max} allowed"),
        _ => format!("{bytes} B, at most {bytes_max} B allowed"),
    }
}

/// Writes a size with one digit after the point: "512 B", "4.0 KiB", "1.5 MiB".
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10 / 1_024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &Error, text: &str, is_full: bool) {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.is_full(), is_full);
    }

    #[test]
    fn what_the_system_said_is_told_in_plain_words() {
        for (errno, reason, is_full) in [
            (Errno::NOSPC, "no space left", true),
            (Errno::DQUOT, "the disk quota is used up", true),
            (Errno::IO, "the disk reports an error", false),
            (Errno::ROFS, "the file system is read-only", false),
            (Errno::PERM, "permission denied", false),
            (Errno::EXIST, "something else has that name", false),
            (Errno::NOENT, "no such file or directory", false),
            (Errno::MFILE, "Too many open files (os error 24)", false),
        ] {
            let path = Path::new("/x/y");
            let text = format!("cannot write /x/y: {reason}, 4.0 KiB needed");
            check(&Error::write(path, 4_096, errno), &text, is_full);
            let text = format!("cannot open /x/y: {reason}");
            check(&Error::file("open", path, errno), &text, is_full);
        }
    }

    #[test]
    fn every_error_names_what_it_is_about() {
        let path = || PathBuf::from("/x/y");
        let too_large = Error::TooLarge {
            path: path(),
            bytes: 2_048,
            bytes_max: 1_024,
        };
        let newer = Error::Newer {
            path: path(),
            version: 2,
            version_max: 1,
        };
        let name = Error::Name {
            name: "../x".into(),
        };
        for (error, text) in [
            (
                too_large,
                "/x/y is too large: 2.0 KiB, at most 1.0 KiB allowed",
            ),
            (
                newer,
                "/x/y has format version 2, this program reads up to 1: it was written by a \
                 newer one, update this one or move the file away",
            ),
            (
                Error::InUse { path: path() },
                "/x/y is in use by another process: stop that one first",
            ),
            (
                name,
                "\"../x\" cannot name a file: use 1 to 64 of a-z, 0-9, - and _",
            ),
            (
                Error::Busy { path: path() },
                "too many writes wait for /x/y: the disk is slow, try again later",
            ),
            (
                Error::Stopped { path: path() },
                "writing to /x/y has been stopped",
            ),
        ] {
            check(&error, text, false);
        }
    }

    #[test]
    fn sizes_are_written_with_one_digit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
