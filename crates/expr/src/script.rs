//! Scripts of collectors: rhai, pure, bounded in fuel; raw data in, a value out.

use std::sync::Arc;
use std::time::Duration;

use model::{Diagnostic, Value};

use crate::{Failure, Origin, Unknown};

/// A compiled script.
#[derive(Clone, Debug)]
pub struct Script {
    text: Arc<str>,
}

/// What a script works on.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// What the source gave this time, as `raw`.
    pub raw: Value,
    /// What the source gave the time before, as `previous`; none at the first run.
    pub previous: Option<Value>,
    /// The time between the two, as `elapsed` in seconds.
    pub elapsed: Duration,
    /// The parameters of the pack, as `parameters`.
    pub parameters: Value,
}

/// Compiles a script. All that is wrong with it is told at once.
pub fn compile_script(text: &str, origin: impl Into<Origin>) -> Result<Script, Vec<Diagnostic>> {
    let _origin = origin.into();
    Ok(Script {
        text: Arc::from(text),
    })
}

impl Script {
    /// Runs it.
    pub fn run(&self, _inputs: &Inputs) -> Result<Value, Failure> {
        Err(Unknown::new("nothing is run yet").into())
    }

    /// Gives the text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }
}
