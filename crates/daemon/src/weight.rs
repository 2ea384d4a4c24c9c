//! Keeps the agent light: lets go of memory that nobody needs any more.

use std::time::Duration;

use tracing::debug;

use crate::process;
use crate::tasks::Stop;

/// Time after which most of what the start needs was run for the last time.
const SETTLE_TIME: Duration = Duration::from_secs(20);
/// How often the agent looks at its weight.
const INTERVAL: Duration = Duration::from_secs(60);
/// By how much it may grow until it tries to be lighter: a burst of requests, a large import.
const GROWTH_BYTES: u64 = 4 << 20;

/// Runs until the agent stops.
pub(crate) async fn keep_light(mut stop: Stop) {
    let begin = tokio::time::Instant::now() + SETTLE_TIME;
    let mut ticks = tokio::time::interval_at(begin, INTERVAL);
    // None until the agent has settled after it let go: what it does need comes back.
    let mut settled = Some(0);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = ticks.tick() => {}
        }
        let bytes = process::resident_bytes();
        match settled {
            None => settled = Some(bytes),
            Some(settled_bytes) if bytes > settled_bytes + GROWTH_BYTES => {
                drivers::trim_heap();
                if let Err(error) = drivers::release_code() {
                    // The agent weighs more then, and that is all.
                    debug!(%error, "Cannot let go of code that is not needed any more");
                }
                settled = None;
            }
            Some(_) => {}
        }
    }
}
