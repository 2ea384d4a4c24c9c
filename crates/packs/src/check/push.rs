//! Pushed results: somebody else looks, and tells; whoever stays silent too long is a problem too.

use std::sync::Arc;
use std::time::Duration;

use model::CheckState;

use super::timing;
use crate::fields::{Fields, UnknownKeys};
use crate::object::Home;

/// A check that is told its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// After this time without news it is bad; `None` waits for ever.
    pub expect_every: Option<Duration>,
    /// How bad silence is.
    pub silent: CheckState,
}

/// Reads `push: {expect_every: 26h, silent: critical}`.
pub(super) fn read(fields: &mut Fields<'_>, home: &Arc<Home>) -> Option<Push> {
    let node = fields.node("push")?;
    let mut inner = Fields::new(node, "push", fields.report)?;
    let expect_every = timing::interval(&mut inner, "expect_every", home);
    let silent = inner.choice(
        "silent",
        &[
            ("critical", CheckState::Critical),
            ("warning", CheckState::Warning),
            ("unknown", CheckState::Unknown),
        ],
    );
    inner.finish(UnknownKeys::Refuse);
    Some(Push {
        expect_every,
        silent: silent.unwrap_or(CheckState::Critical),
    })
}
