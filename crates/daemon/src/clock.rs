//! The only place that reads the clocks.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Moment, WallTime};

/// Reads the clock that never jumps. Its zero is the first call of the process. It goes on while
/// the machine sleeps, so that who slept knows it.
pub(crate) fn now() -> Moment {
    static START: OnceLock<Duration> = OnceLock::new();
    let since_boot = read(rustix::time::ClockId::Boottime);
    let start = *START.get_or_init(|| since_boot);
    Moment::from_start(since_boot.saturating_sub(start))
}

/// Reads the wall clock. A clock before 1970 reads as 1970.
pub(crate) fn wall() -> WallTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    WallTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Reads how long the processor has worked for this thread.
pub(crate) fn thread_cpu() -> Duration {
    read(rustix::time::ClockId::ThreadCPUTime)
}

fn read(clock: rustix::time::ClockId) -> Duration {
    let clock = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(clock.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(clock.tv_nsec).unwrap_or_default())
}
