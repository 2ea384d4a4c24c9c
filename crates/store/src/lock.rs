//! A directory has one process at a time that writes to it.

use std::fs::File;
use std::path::Path;

use rustix::fs::FlockOperation::NonBlockingLockExclusive;
use rustix::io::Errno;

use crate::Error;

/// Locks a directory until the returned file is dropped or the process ends, however it ends.
pub(crate) fn take(dir: &Path) -> Result<File, Error> {
    let lock = File::open(dir).map_err(|e| Error::file("open", dir, e))?;
    match rustix::fs::flock(&lock, NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(Errno::WOULDBLOCK) => Err(Error::InUse {
            path: dir.to_owned(),
        }),
        Err(error) => Err(Error::file("lock", dir, error)),
    }
}
