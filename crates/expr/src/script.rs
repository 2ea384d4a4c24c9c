//! Scripts of collectors: rhai, pure, bounded in fuel; raw data in, a value out.
//!
//! A script sees `raw`, `previous`, `elapsed` and `parameters`, and may call `rate(name)`: how much
//! a counter of `raw` grew in a second, or none at the first run and after a counter began anew.
//! Functions that look at the agent or the machine are unknown to it: collecting is its source's.

use std::sync::Arc;
use std::time::Duration;

use model::{Diagnostic, Value};

use crate::env::Nowhere;
use crate::program::failure;
use crate::rhai_text::{self, Rates, RhaiKind, RhaiText};
use crate::{Failure, Origin};

/// A compiled script.
#[derive(Clone, Debug)]
pub struct Script {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: Box<str>,
    origin: Origin,
    compiled: RhaiText,
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
    let origin = origin.into();
    let compiled = rhai_text::compile(text, &origin, RhaiKind::Script)?;
    if let Some(reference) = compiled.references.first() {
        let message = format!("a script sees no {{{{{reference}}}}}");
        let error = Diagnostic::error(reference.place.clone(), message)
            .with_hint("it works on raw, previous, elapsed and parameters");
        return Err(vec![error]);
    }
    Ok(Script {
        inner: Arc::new(Inner {
            text: text.into(),
            origin,
            compiled,
        }),
    })
}

impl Script {
    /// Runs it.
    pub fn run(&self, inputs: &Inputs) -> Result<Value, Failure> {
        let Inner {
            text,
            origin,
            compiled,
        } = &*self.inner;
        let seconds = inputs.elapsed.as_secs_f64();
        let previous = inputs.previous.as_ref().unwrap_or(&Value::None);
        let variables = vec![
            rhai_text::from_value(&inputs.raw),
            rhai_text::from_value(previous),
            seconds.into(),
            rhai_text::from_value(&inputs.parameters),
        ];
        let rates = Rates {
            raw: inputs.raw.clone(),
            previous: inputs.previous.clone(),
            seconds,
        };
        compiled
            .run(&Nowhere, variables, Some(&rates))
            .map(|datum| datum.into_value())
            .map_err(|stop| failure(stop, text, origin))
    }

    /// Gives the text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.inner.text
    }
}
