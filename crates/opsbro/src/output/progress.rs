//! A line that shows that something is being waited for; on a terminal only.

use std::io::{IsTerminal, Write};
use std::time::Instant;

const SPINNER: [char; 8] = ['⣷', '⣯', '⣟', '⡿', '⢿', '⣻', '⣽', '⣾'];

/// A progress line on stderr. It is gone when the wait is over.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    started: Instant,
    turns: usize,
    shown: bool,
}

impl Progress {
    /// Begins a wait for something, as `the agent to be ready`.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        let shown = std::io::stderr().is_terminal();
        Self {
            what: what.into(),
            started: Instant::now(),
            turns: 0,
            shown,
        }
    }

    /// Shows that the wait goes on.
    pub(crate) fn turn(&mut self) {
        if !self.shown {
            return;
        }
        let sign = SPINNER[self.turns % SPINNER.len()];
        self.turns += 1;
        let seconds = self.started.elapsed().as_secs();
        let _ = write!(
            anstream::stderr(),
            "\r {sign} waiting for {} ({seconds} s) ",
            self.what
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.turns > 0 {
            // Back to the first column, and clear the line.
            let _ = write!(anstream::stderr(), "\r\u{1b}[K");
        }
    }
}
