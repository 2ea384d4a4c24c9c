//! How the histories of collectors, detectors and checks are told: one entry a second.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happened in one second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HistoryEntry")]
pub struct HistoryEntry<C> {
    /// Seconds since 1970.
    pub date: u64,
    /// What happened, in order.
    pub entries: Vec<C>,
}
