//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Generous: machines are noisy, and only a
/// failing test waits for it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `found` gives something; panics with `what` at the deadline.
pub fn wait_for<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    wait_within(DEADLINE, what, found)
}

/// Waits like [`wait_for`] for what takes its time by design.
pub fn wait_within<T>(limit: Duration, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        // tidy: sleep, the world outside tells nobody when it changes
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Checks again and again for a time that something is so; panics with `what` when it is not.
#[track_caller]
pub fn holds_for(time: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(holds(), "it did not hold that {what}");
        // tidy: sleep, that nothing happens in a time takes that time
        std::thread::sleep(Duration::from_millis(200));
    }
}
