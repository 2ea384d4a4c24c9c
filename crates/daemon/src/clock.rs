//! The only place that reads the clocks.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::{Moment, WallTime};

/// Reads the clock that never jumps. Its zero is the first call of the process.
pub(crate) fn now() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    Moment::from_start(START.get_or_init(Instant::now).elapsed())
}

/// Reads the wall clock. A clock before 1970 reads as 1970.
pub(crate) fn wall() -> WallTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    WallTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
