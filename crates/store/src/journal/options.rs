//! How a journal is kept, written out by whoever opens it.

use std::time::Duration;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size at which a segment is complete and the next one begins, at most 1 GiB.
    pub segment_bytes_max: u64,
    /// Largest payload of a record; a larger one is refused.
    pub record_bytes_max: usize,
    /// How much is kept; `None` keeps all until [`super::Journal::drop_before`].
    pub bounds: Option<Bounds>,
    /// Zeros are written ahead of the records up to a multiple of this, so that most syncs change
    /// neither the size nor the blocks of the file; 0 for none. It costs that much space, and twice
    /// the writing, and it pays when each sync is waited for.
    pub grow_bytes: u64,
    /// What is read when the journal is opened.
    pub check: Check,
}

/// How much of a journal is kept. Whole segments are dropped, oldest first, and counted; the
/// newest segment always stays.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Size of all segments together.
    pub bytes_max: u64,
    /// Age of the newest record of a segment.
    pub age_max: Duration,
}

/// What is read when a journal is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The newest segment, and each one that has no index at its end. Damage in other segments
    /// shows when they are read. Opening costs milliseconds whatever the size.
    Tail,
    /// Every record. Those of the newest segment are synced, too, so that a crash takes back
    /// nothing that opening found: for who answers others by what is there.
    Everything,
}
