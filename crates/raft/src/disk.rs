//! What agreement keeps, and how it asks for it: a log, a card, an image.
//!
//! The trait is small so that a test can be the disk: slow, full, or forgetting what was not
//! synced. [`Files`] is the real one. Calls block, except for [`Disk::append`].

mod files;

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

pub use self::files::{Files, Found};

/// Why the disk did not do it. What was asked for may be done in part, and counts as not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct DiskError {
    /// What failed, on what, why.
    pub text: String,
    /// Whether room is what is missing.
    pub is_full: bool,
}

/// Called once, when records are durable or were refused.
pub type Then = Box<dyn FnOnce(Result<(), DiskError>) + Send>;

/// Takes in an image.
pub type Fill<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// Where a voter keeps what it may not forget.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Tells whether calls may take long, so that they are kept off the reactor.
    fn is_blocking(&self) -> bool;

    /// Gives the indexes of the log: of the first record that is kept, and of the next one.
    fn log_range(&self) -> (u64, u64);

    /// Tells what the log takes on disk.
    fn log_bytes(&self) -> u64;

    /// Appends records; those of a later call are behind those of an earlier one.
    fn append(&self, records: Vec<Vec<u8>>, then: Then);

    /// Reads records, as many from the first on as have about so many bytes, but at least one.
    fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, DiskError>;

    /// Takes back the records from an index on.
    fn truncate_from(&self, index: u64) -> Result<(), DiskError>;

    /// Lets go of the records before an index; some of them may stay.
    fn drop_before(&self, index: u64) -> Result<(), DiskError>;

    /// Forgets all records; the next one gets this index.
    fn restart_log(&self, next: u64) -> Result<(), DiskError>;

    /// Makes sure that there is room for as much as is ever written to the log at once.
    fn prove_room(&self) -> Result<(), DiskError>;

    /// Gives the card that was saved last.
    fn load_card(&self) -> Result<Option<Vec<u8>>, DiskError>;

    /// Replaces the card.
    fn save_card(&self, card: &[u8]) -> Result<(), DiskError>;

    /// Gives the image that was written last.
    fn image(&self) -> Result<Option<Arc<dyn Image>>, DiskError>;

    /// Writes a new image.
    fn write_image(&self, fill: Fill<'_>) -> Result<Arc<dyn Image>, DiskError>;

    /// Begins an image that comes from another node, in parts.
    fn receive_image(&self) -> Result<Box<dyn Arriving>, DiskError>;

    /// Puts an image that came in the place of the last one.
    fn accept_image(&self, arrived: Box<dyn Arriving>) -> Result<Arc<dyn Image>, DiskError>;
}

/// An image that is whole.
pub trait Image: fmt::Debug + Send + Sync + 'static {
    /// Gives its size, as it travels.
    fn bytes(&self) -> u64;

    /// Gives a part of it, as it travels.
    fn part(&self, offset: u64, bytes_max: usize) -> Result<Vec<u8>, DiskError>;

    /// Reads what was written into it; damage is an error.
    fn reader(&self) -> Box<dyn Read + Send>;
}

/// An image that comes in parts.
pub trait Arriving: fmt::Debug + Send + 'static {
    /// Tells how much has come.
    fn bytes(&self) -> u64;

    /// Takes the next part.
    fn push(&mut self, part: &[u8]) -> Result<(), DiskError>;

    /// Reads what was written into it, which is an error before all has come.
    fn reader(&self) -> Result<Box<dyn Read + Send>, DiskError>;

    /// Gives the concrete type to the disk that made it.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// Runs a call of the disk where it harms nobody.
pub(crate) async fn off_reactor<T: Send + 'static>(
    disk: &Arc<dyn Disk>,
    call: impl FnOnce(&dyn Disk) -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DiskError> {
    if !disk.is_blocking() {
        return call(&**disk);
    }
    let disk = Arc::clone(disk);
    let done = tokio::task::spawn_blocking(move || call(&*disk)).await;
    done.unwrap_or_else(|error| {
        Err(DiskError {
            text: format!("a call of the disk ended early: {error}"),
            is_full: false,
        })
    })
}
