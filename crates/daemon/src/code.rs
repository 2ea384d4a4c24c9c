//! Lets go, now and then, of code of the agent that nobody runs any more.

use std::time::Duration;

use tracing::debug;

use crate::tasks::Stop;

/// Time after which most of what the start needs was run for the last time.
const SETTLE_TIME: Duration = Duration::from_secs(20);
/// What a burst of requests needed goes after that time at most.
const INTERVAL: Duration = Duration::from_mins(15);

/// Runs until the agent stops.
pub(crate) async fn release(mut stop: Stop) {
    let begin = tokio::time::Instant::now() + SETTLE_TIME;
    let mut ticks = tokio::time::interval_at(begin, INTERVAL);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = ticks.tick() => {}
        }
        match drivers::release_code() {
            Ok(bytes) => debug!(bytes, "Let go of code that may not be needed any more"),
            // The agent weighs more then, and that is all.
            Err(error) => debug!(%error, "Cannot let go of code that is not needed any more"),
        }
    }
}
