//! The pid lock: one agent for one set of data.
//!
//! The kernel holds the lock and lets go of it when the process ends, however it ends, so a lock
//! cannot be stale; the pid in the file is for people.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// The lock. It is let go when this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Tells why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent has it.
    #[error("an agent is running on this data already (pid {pid}, lock {})", path.display())]
    Held {
        /// The pid that it wrote.
        pid: String,
        /// The lock.
        path: PathBuf,
    },
    /// The file cannot be used.
    #[error("cannot use the lock {}: {source}", path.display())]
    File {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock and writes our pid into it.
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::File {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            // A link that somebody put here would have us empty the file it points at.
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let mut file = options.open(path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(LockError::Held {
                    pid: written_pid(&mut file),
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(failed(error.into())),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        match written {
            Ok(()) => Ok(Self { _file: file }),
            // A full disk: the lock itself holds, only its text is missing.
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                Ok(Self { _file: file })
            }
            Err(error) => Err(failed(error)),
        }
    }
}

fn written_pid(file: &mut File) -> String {
    let mut pid = String::new();
    let read = file.take(20).read_to_string(&mut pid);
    match (read, pid.trim()) {
        (Ok(_), pid) if !pid.is_empty() => pid.to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_refused_with_the_pid_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::take(&path).unwrap();
        let message = Lock::take(&path).unwrap_err().to_string();
        assert!(
            message.contains(&format!("pid {}", std::process::id())),
            "{message}"
        );
        drop(first);
        Lock::take(&path).unwrap();
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, victim) = (
            directory.path().join("lock"),
            directory.path().join("victim"),
        );
        store::file::replace(&victim, b"precious", store::file::PRIVATE).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        assert!(matches!(error, LockError::File { .. }), "{error}");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }

    #[test]
    fn a_stale_lock_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        store::file::replace(&path, b"99999999\n", store::file::PRIVATE).unwrap();
        let _lock = Lock::take(&path).unwrap();
        let pid = std::fs::read_to_string(&path).unwrap();
        assert_eq!(pid, format!("{}\n", std::process::id()));
    }
}
