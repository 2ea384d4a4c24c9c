//! The rules of keys, locks and sessions, and that a snapshot is the state.

use super::*;
use crate::command::Command;
use crate::words::Value;

mod keys;
mod locks;
mod past;
mod sound;

fn session(number: u8) -> SessionId {
    SessionId([number; 16])
}

/// A state with a clock of its own.
#[derive(Default)]
struct Bench {
    state: State,
    term: u64,
    clock: u64,
}

impl Bench {
    fn all(&mut self, commands: Vec<Command>) -> Vec<Answer> {
        let batch = Batch {
            clock: Clock(self.clock),
            wall: 1_000_000 + self.clock,
            commands,
        };
        self.state.apply(self.term, &batch)
    }

    fn one(&mut self, command: Command) -> Answer {
        self.all(vec![command]).remove(0)
    }

    fn done(&mut self, command: Command) -> Revision {
        match self.one(command) {
            Answer::Done(revision) | Answer::Held(revision) => revision,
            other => panic!("not done: {other:?}"),
        }
    }

    fn refused(&mut self, command: Command) -> String {
        let before: Vec<Item> = self.state.items().collect();
        let Answer::Refused(refusal) = self.one(command) else {
            panic!("it was not refused");
        };
        let after: Vec<Item> = self.state.items().collect();
        assert_eq!(before[1..], after[1..], "what was refused changed nothing");
        refusal.to_string()
    }

    fn pass(&mut self, millis: u64) {
        self.clock += millis;
        self.all(vec![]);
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.state.get(key).map(|cell| cell.value)
    }

    fn holders(&self, lock: &str) -> Vec<u8> {
        let holders = self.state.lock(lock).map(|lock| lock.holders.as_slice());
        let holders = holders.unwrap_or_default();
        holders.iter().map(|hold| hold.session.0[0]).collect()
    }
}
