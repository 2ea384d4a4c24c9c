//! Tells whether a history of reads, writes and compare-and-sets of one register could have been
//! made one after the other, each at some moment between its call and its answer.
//!
//! The search is that of Wing and Gong with the memory of Lowe: take any call that nobody else's
//! answer came before, see whether its answer fits, go on with the rest; a set of taken calls with
//! the same value is looked at once. A call without an answer may have been made at any later
//! moment, or never.

use std::collections::HashSet;

/// What was asked of the register; values are told apart by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    /// Gives it a value, or takes it away.
    Write(Option<u64>),
    /// Gives it the second value when it has the first.
    Swap(u64, u64),
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Value(Option<u64>),
    Done,
    Refused,
    /// Nobody knows whether it was made.
    Unknown,
}

/// One operation: when it was called, and when it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) call: Call,
    pub(crate) answer: Answer,
    pub(crate) called: u64,
    pub(crate) answered: u64,
}

/// Tells the value after an operation, when the answer fits the value before it.
fn step(value: Option<u64>, operation: &Operation) -> Option<Option<u64>> {
    match (&operation.call, &operation.answer) {
        (Call::Read, Answer::Value(read)) => (*read == value).then_some(value),
        (Call::Read, _) => Some(value),
        (Call::Write(new), Answer::Done | Answer::Unknown) => Some(*new),
        (Call::Swap(old, new), Answer::Done) => (value == Some(*old)).then_some(Some(*new)),
        (Call::Swap(old, _), Answer::Refused) => (value != Some(*old)).then_some(value),
        (Call::Swap(old, new), Answer::Unknown) => Some(if value == Some(*old) {
            Some(*new)
        } else {
            value
        }),
        (Call::Write(_), Answer::Refused) => Some(value),
        (Call::Write(_) | Call::Swap(..), Answer::Value(_)) => None,
    }
}

/// Tells whether a history of a register that begins without a value is linearizable.
pub(crate) fn is_linearizable(history: &[Operation]) -> bool {
    // A read without an answer says nothing.
    let says = |one: &&Operation| !(one.call == Call::Read && one.answer == Answer::Unknown);
    let mut operations: Vec<Operation> = history.iter().filter(says).cloned().collect();
    for operation in &mut operations {
        if operation.answer == Answer::Unknown {
            operation.answered = u64::MAX;
        }
    }
    operations.sort_by_key(|operation| operation.called);
    let mut search = Search {
        taken: vec![0; operations.len().div_ceil(64)],
        operations,
        seen: HashSet::new(),
    };
    search.goes_on(None, 0)
}

struct Search {
    operations: Vec<Operation>,
    /// One bit an operation.
    taken: Vec<u64>,
    seen: HashSet<(Vec<u64>, Option<u64>)>,
}

impl Search {
    fn is_taken(&self, at: usize) -> bool {
        self.taken[at / 64] >> (at % 64) & 1 == 1
    }

    /// Depth first, without recursion: histories are long.
    fn goes_on(&mut self, value: Option<u64>, from: usize) -> bool {
        let mut path: Vec<(usize, Option<u64>)> = Vec::new();
        let (mut value, mut next) = (value, from);
        loop {
            // What must have been made is that whose answer came before any other's call.
            let open = (0..self.operations.len()).filter(|at| !self.is_taken(*at));
            let (mut earliest_answer, mut is_all_unknown) = (u64::MAX, true);
            for at in open {
                let operation = &self.operations[at];
                if operation.called > earliest_answer {
                    break;
                }
                earliest_answer = earliest_answer.min(operation.answered);
                is_all_unknown &= operation.answer == Answer::Unknown;
            }
            if is_all_unknown {
                return true;
            }
            let mut found = None;
            for at in next..self.operations.len() {
                let operation = &self.operations[at];
                if operation.called > earliest_answer {
                    break;
                }
                if self.is_taken(at) {
                    continue;
                }
                let Some(after) = step(value, operation) else {
                    continue;
                };
                self.taken[at / 64] |= 1 << (at % 64);
                if self.seen.insert((self.taken.clone(), after)) {
                    found = Some((at, after));
                    break;
                }
                self.taken[at / 64] &= !(1 << (at % 64));
            }
            if let Some((at, after)) = found {
                path.push((at, value));
                (value, next) = (after, 0);
                continue;
            }
            let Some((at, before)) = path.pop() else {
                return false;
            };
            self.taken[at / 64] &= !(1 << (at % 64));
            (value, next) = (before, at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(call: Call, answer: Answer, called: u64, answered: u64) -> Operation {
        Operation {
            call,
            answer,
            called,
            answered,
        }
    }

    fn write(value: u64, called: u64, answered: u64) -> Operation {
        operation(Call::Write(Some(value)), Answer::Done, called, answered)
    }

    fn read(value: Option<u64>, called: u64, answered: u64) -> Operation {
        operation(Call::Read, Answer::Value(value), called, answered)
    }

    #[test]
    fn operations_in_their_order_are_linearizable() {
        let swap = |old, new, answer, at| operation(Call::Swap(old, new), answer, at, at + 1);
        let history = [
            read(None, 0, 1),
            write(1, 2, 3),
            read(Some(1), 4, 5),
            swap(1, 2, Answer::Done, 6),
            swap(1, 3, Answer::Refused, 8),
            read(Some(2), 10, 11),
            operation(Call::Write(None), Answer::Done, 12, 13),
            read(None, 14, 15),
        ];
        assert!(is_linearizable(&history));
    }

    #[test]
    fn a_stale_read_is_found() {
        assert!(!is_linearizable(&[
            write(1, 0, 1),
            write(2, 2, 3),
            read(Some(1), 4, 5)
        ]));
        assert!(is_linearizable(&[
            write(1, 0, 1),
            write(2, 2, 6),
            read(Some(1), 4, 5)
        ]));
    }

    #[test]
    fn reads_that_see_a_write_come_and_go_are_found() {
        let flicker = [
            write(1, 0, 1),
            write(2, 2, 20),
            read(Some(2), 3, 5),
            read(Some(1), 6, 8),
        ];
        assert!(!is_linearizable(&flicker));
        let in_order = [
            write(1, 0, 1),
            write(2, 2, 20),
            read(Some(1), 3, 5),
            read(Some(2), 6, 8),
        ];
        assert!(is_linearizable(&in_order));
    }

    #[test]
    fn a_lost_write_is_found() {
        assert!(!is_linearizable(&[write(1, 0, 1), read(None, 2, 3)]));
    }

    #[test]
    fn two_swaps_from_one_value_are_found() {
        let swap = |new, from| operation(Call::Swap(1, new), Answer::Done, from, 9);
        assert!(!is_linearizable(&[write(1, 0, 1), swap(2, 2), swap(3, 3)]));
        assert!(is_linearizable(&[
            write(1, 0, 1),
            swap(2, 2),
            write(1, 3, 9),
            swap(3, 4)
        ]));
    }

    #[test]
    fn what_nobody_answered_may_have_been_made_at_any_time_or_never() {
        let lost = operation(Call::Write(Some(7)), Answer::Unknown, 0, 1);
        assert!(is_linearizable(&[
            lost.clone(),
            read(None, 10, 11),
            read(Some(7), 20, 21)
        ]));
        assert!(is_linearizable(&[lost.clone(), read(None, 10, 11)]));
        assert!(!is_linearizable(&[
            lost.clone(),
            read(Some(7), 10, 11),
            read(None, 20, 21)
        ]));
        assert!(!is_linearizable(&[
            read(Some(7), 10, 11),
            operation(lost.call, lost.answer, 12, 13)
        ]));
    }

    #[test]
    fn every_history_that_was_made_one_after_the_other_is_linearizable() {
        // Operations are made at a moment of their own, and told with wider times around it.
        let mut seed = 1_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let (mut value, mut history) = (None, Vec::new());
            for at in 0..150 {
                let moment = 100 + at * 10;
                let (old, new) = (random(5), random(5));
                let (call, answer) = match random(3) {
                    0 => (Call::Read, Answer::Value(value)),
                    1 => {
                        value = Some(new);
                        (Call::Write(value), Answer::Done)
                    }
                    _ if value == Some(old) => {
                        value = Some(new);
                        (Call::Swap(old, new), Answer::Done)
                    }
                    _ => (Call::Swap(old, new), Answer::Refused),
                };
                let (called, answered) = (moment - random(40), moment + random(40));
                history.push(operation(call, answer, called, answered));
            }
            assert!(is_linearizable(&history));
            // A read of what never was breaks any of them.
            history.push(read(Some(99), 500, 510));
            assert!(!is_linearizable(&history));
        }
    }
}
