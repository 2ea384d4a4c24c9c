//! What expressions ask of the machine, and which driver answers.

use expr::{MachineCall, Unknown};
use model::Value;

/// Answers a call. May block; the caller is in the worker pool.
pub(crate) fn answer(call: MachineCall) -> Result<Value, Unknown> {
    Err(Unknown::new(format!(
        "{} is not part of this version",
        call.name()
    )))
}
