//! A directory has one process at a time that writes to it.

use std::fs::File;
use std::path::Path;

use rustix::fs::FlockOperation::{NonBlockingLockExclusive, Unlock};
use rustix::io::Errno;

use crate::Error;

/// The lock on a directory, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    dir: File,
}

impl Lock {
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let dir = File::open(path).map_err(|e| Error::file("open", path, e))?;
        match rustix::fs::flock(&dir, NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { dir }),
            Err(Errno::WOULDBLOCK) => Err(Error::InUse {
                path: path.to_owned(),
            }),
            Err(error) => Err(Error::file("lock", path, error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone is not enough: a child that another thread has just forked holds a copy
        // of the descriptor until it executes its program.
        let _ = rustix::fs::flock(&self.dir, Unlock);
    }
}
