//! Whether what is written reaches the disk, as `agent info` shows it.

use std::fmt;

use model::WallTime;

use crate::Error;
use crate::error::size;

/// The health of one thing that writes.
#[derive(Clone, Debug)]
pub enum Health {
    /// Everything is on the disk, or will be with the next tick.
    Healthy,
    /// The disk takes nothing; work goes on in memory until it does.
    InMemory(Trouble),
}

/// Why something is kept in memory, and what is at stake.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The newest failure: it names the path, the reason and the need.
    pub error: Error,
    /// When it began.
    pub since: WallTime,
    /// Records or documents that wait for the disk.
    pub waiting: usize,
    /// Bytes of those.
    pub waiting_bytes: usize,
    /// Records that were lost because the memory for waiting ones is limited.
    pub dropped: u64,
}

impl Health {
    /// Gives the trouble when there is some.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Healthy => None,
            Self::InMemory(trouble) => Some(trouble),
        }
    }

    /// Tells whether all is well.
    pub fn is_healthy(&self) -> bool {
        self.trouble().is_none()
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::InMemory(trouble) = self else {
            return f.write_str("healthy");
        };
        let Trouble {
            error,
            since,
            waiting,
            waiting_bytes,
            dropped,
        } = trouble;
        let bytes = size(*waiting_bytes as u64);
        write!(
            f,
            "{error}; in memory since {since}: {waiting} waiting ({bytes})"
        )?;
        if *dropped > 0 {
            write!(f, ", {dropped} dropped")?;
        }
        Ok(())
    }
}
