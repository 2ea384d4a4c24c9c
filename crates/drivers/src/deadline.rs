//! How long something may take, counted from when it was asked for.

use std::time::{Duration, Instant};

use crate::Error;

/// The end of a time box. It is copied along, so all parts of one task share one box.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    start: Instant,
    time_box: Duration,
}

impl Deadline {
    /// Starts a time box that is this long.
    pub fn after(time_box: Duration) -> Self {
        Self {
            start: Instant::now(),
            time_box,
        }
    }

    /// Gives the time that is left; zero when the box is over.
    pub fn remaining(&self) -> Duration {
        self.time_box.saturating_sub(self.start.elapsed())
    }

    /// Tells whether the box is over.
    pub fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Gives the length of the whole box.
    pub fn time_box(&self) -> Duration {
        self.time_box
    }

    /// Fails when the box is over, saying what was done to what.
    pub fn check(&self, doing: &'static str, subject: &str) -> Result<(), Error> {
        if self.is_over() {
            Err(self.error(doing, subject))
        } else {
            Ok(())
        }
    }

    /// Makes the error that says that the box is over.
    pub fn error(&self, doing: &'static str, subject: &str) -> Error {
        Error::TimedOut {
            doing,
            subject: subject.to_owned(),
            time_box: self.time_box,
        }
    }

    /// Ends at the same moment, or after `at_most`, whichever comes first.
    #[must_use]
    pub fn at_most(&self, at_most: Duration) -> Self {
        Self::after(self.remaining().min(at_most))
    }

    /// Gives one of `parts` equal shares of the time that is left.
    #[must_use]
    pub fn share(&self, parts: usize) -> Self {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        Self::after(self.remaining() / parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_is_over_says_what_was_done() {
        let over = Deadline::after(Duration::ZERO);
        assert!(over.is_over());
        let error = over
            .check("reading", "/x")
            .map_err(|error| error.to_string());
        assert_eq!(error, Err("reading /x took longer than 0s".to_owned()));
    }

    #[test]
    fn shares_never_outlast_the_whole() {
        let whole = Deadline::after(Duration::from_secs(60));
        assert!(whole.share(3).time_box() <= Duration::from_secs(20));
        assert!(whole.share(0).time_box() <= Duration::from_secs(60));
        assert!(whole.at_most(Duration::from_secs(1)).time_box() == Duration::from_secs(1));
        assert!(whole.at_most(Duration::from_secs(90)).time_box() <= Duration::from_secs(60));
    }
}
