//! Standing in line for a lock: how long one request waits, and what is said about it.

use std::time::Duration;

use api::client::With;
use api::locks::{Holder, LIST, Lock};

use crate::nodes::Nodes;
use crate::program::Program;

/// How long one request waits: shorter than what the socket allows.
const TURN: Duration = Duration::from_secs(5);
/// How long nothing is said: a lock that is held for a moment is nobody's worry.
const QUIET: Duration = Duration::from_millis(500);

/// A place in line.
pub(super) struct Line<'a> {
    program: &'a Program,
    lock: &'a str,
    is_told: bool,
}

impl<'a> Line<'a> {
    pub(super) fn new(program: &'a Program, lock: &'a str) -> Self {
        Self {
            program,
            lock,
            is_told: false,
        }
    }

    /// Gives how long the next request waits when so much time is left.
    pub(super) fn turn(&self, left: Duration) -> Duration {
        let turn = if self.is_told { TURN } else { QUIET };
        left.min(turn).max(Duration::from_millis(1))
    }

    /// Says, once, for whom and since when it waits.
    pub(super) fn tell(&mut self) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let with = With {
            query: &[("prefix", self.lock)],
            ..With::default()
        };
        // Who holds it may have given it back, and what cannot be asked is not worth an end.
        let locks: Vec<Lock> = self.program.get(&LIST, with).unwrap_or_default();
        let lock = locks.into_iter().find(|lock| lock.name == self.lock);
        let Some(lock) = lock.filter(|lock| !lock.holders.is_empty()) else {
            return;
        };
        let nodes = Nodes::of_agent(self.program);
        let shown = |one: &Holder| {
            let node = nodes.name(&one.node);
            format!("`{}` on {node} since {}", one.name, one.since)
        };
        let holders: Vec<String> = lock.holders.iter().map(shown).collect();
        let ahead = lock.waiters.len().saturating_sub(1);
        let others = match ahead {
            0 => String::new(),
            1 => "; 1 other waits".to_owned(),
            others => format!("; {others} others wait"),
        };
        let held = holders.join(", and by ");
        let text = format!("waiting for the lock {}, held by {held}{others}", self.lock);
        self.program.printer.say(&text);
    }
}
