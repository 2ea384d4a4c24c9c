//! Waiting until the agent tells what somebody waits for.

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::output::progress::Progress;

/// The longest that one wait for an answer lasts, so that a progress line keeps moving.
pub(crate) const WAIT_SLICE: Duration = Duration::from_millis(500);

/// Asks again and again until the answer is the one that is waited for, or the time is over. Gives
/// the last answer, whichever it is.
pub(crate) fn until<A>(
    what: String,
    timeout: Duration,
    is_it: impl Fn(&A) -> bool,
    mut ask: impl FnMut() -> Result<A, Failure>,
) -> Result<A, Failure> {
    let deadline = Instant::now() + timeout;
    let mut progress = Progress::new(what);
    loop {
        let answer = ask()?;
        let left = deadline.saturating_duration_since(Instant::now());
        if is_it(&answer) || left.is_zero() {
            return Ok(answer);
        }
        progress.turn();
        std::thread::sleep(WAIT_SLICE.min(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_what_is_waited_for_with_the_time_or_with_a_failure() {
        let wait = |timeout: u64, fails_at: u32| {
            let mut asked = 0;
            let timeout = Duration::from_millis(timeout);
            let answer = until(
                "three".to_owned(),
                timeout,
                |it| *it == 3,
                || {
                    asked += 1;
                    match asked == fails_at {
                        true => Err(Failure::new("no agent")),
                        false => Ok(asked),
                    }
                },
            );
            answer.ok()
        };
        assert_eq!(wait(60_000, 9), Some(3));
        assert_eq!(wait(0, 9), Some(1));
        assert_eq!(wait(60_000, 2), None);
    }
}
