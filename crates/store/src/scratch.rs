//! Directories for unit tests: in memory where that is possible, because they sync a lot.

use tempfile::TempDir;

/// Makes a directory that is removed when it is dropped.
pub(crate) fn dir() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().expect("a directory"))
}
