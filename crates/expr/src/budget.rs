//! What an evaluation may spend: steps, and the sizes of what it builds.

use model::limits;

use crate::stop::{Step, Stop, fault};

/// Steps that are left. Work on sized data is paid for before it is done.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    /// Makes the budget of one evaluation.
    pub(crate) fn full() -> Self {
        Self::of(limits::EXPRESSION_FUEL_MAX)
    }

    pub(crate) fn of(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Pays for a number of steps.
    #[inline]
    pub(crate) fn spend(&mut self, steps: u64) -> Step<()> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(exhausted()),
        }
    }

    /// Pays for going over this many items.
    #[inline]
    pub(crate) fn spend_items(&mut self, count: usize) -> Step<()> {
        self.spend(count as u64)
    }

    /// Pays for reading a text once: 32 bytes cost about as much as a step (measured).
    pub(crate) fn spend_text(&mut self, bytes: usize) -> Step<()> {
        self.spend(1 + bytes as u64 / 32)
    }

    /// Pays for ordering this many items.
    pub(crate) fn spend_sort(&mut self, count: usize) -> Step<()> {
        let rounds = u64::from(usize::BITS - count.leading_zeros());
        self.spend((count as u64).saturating_mul(rounds.max(1)))
    }

    /// Allows a text of this size, and pays for building it.
    pub(crate) fn build_text(&mut self, bytes: usize) -> Step<()> {
        if bytes > limits::EXPRESSION_TEXT_BYTES_MAX {
            return fault(format!(
                "the text would be larger than {} bytes",
                limits::EXPRESSION_TEXT_BYTES_MAX
            ));
        }
        self.spend_text(bytes)
    }

    /// Allows a collection of this size, and pays for building it.
    pub(crate) fn build_items(&mut self, count: usize) -> Step<()> {
        if count > limits::EXPRESSION_ITEMS_MAX {
            return fault(format!(
                "there would be more than {} items",
                limits::EXPRESSION_ITEMS_MAX
            ));
        }
        self.spend_items(count)
    }
}

#[cold]
fn exhausted() -> Box<Stop> {
    Stop::fault_with_hint(
        format!(
            "the evaluation takes more than {} steps",
            limits::EXPRESSION_FUEL_MAX
        ),
        "an expression must be cheap: work on less data, or let a collector do it",
    )
}
