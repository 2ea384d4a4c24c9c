//! What a pack makes of its raw data.

use std::time::Duration;

use expr::{Failure, Inputs};
use model::{Moment, Value};
use packs::collector::Collector;
use rules::collectors::Trouble;

use super::steps::Steps;
use crate::clock;

/// Runs the script of a collector, if it has one. What the source gave is remembered for the next
/// run also when the script fails: a rate is counted over what was read.
pub(super) fn apply(
    pack: &Collector,
    raw: Value,
    previous: &mut Option<(Value, Moment)>,
    steps: &mut Steps,
) -> Result<Value, Trouble> {
    let Some(script) = &pack.script else {
        return Ok(raw);
    };
    let now = clock::now();
    let (before, elapsed) = match previous.replace((raw.clone(), now)) {
        Some((value, then)) => (Some(value), now.since(then)),
        None => (None, Duration::ZERO),
    };
    let inputs = Inputs {
        raw,
        previous: before,
        elapsed,
        // Secrets are for the source alone: a script could print them.
        parameters: pack.home.parameters.shown(),
    };
    steps.take("script", pack.home.place.to_string(), || {
        script.run(&inputs).map_err(|failure| match failure {
            Failure::Unknown(unknown) => Trouble::failed(unknown.reason),
            Failure::Error(diagnostic) => Trouble::failed(diagnostic.to_string()),
        })
    })
}
