//! Raw text with `{{references}}` in it: group names, addresses.

use std::sync::Arc;

use model::Diagnostic;

use crate::{Env, Failure, Origin, Reference, Unknown};

/// A compiled raw text, as `zone::{{collector.gossip.zone}}`.
#[derive(Clone, Debug)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: Box<str>,
    references: Box<[Reference]>,
}

/// Compiles a raw text. All that is wrong with it is told at once.
pub fn compile_template(
    text: &str,
    origin: impl Into<Origin>,
) -> Result<Template, Vec<Diagnostic>> {
    let _origin = origin.into();
    Ok(Template {
        inner: Arc::new(Inner {
            text: text.into(),
            references: Box::new([]),
        }),
    })
}

impl Template {
    /// Gives the texts: one, or one for each item where a hole holds a list.
    pub fn evaluate(&self, _env: &dyn Env) -> Result<Vec<String>, Failure> {
        Err(Unknown::new("nothing is evaluated yet").into())
    }

    /// Gives one text; the items of a list stand in it with commas between them.
    pub fn evaluate_text(&self, _env: &dyn Env) -> Result<String, Failure> {
        Err(Unknown::new("nothing is evaluated yet").into())
    }

    /// Gives every `{{reference}}`, in the order they are written.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// Gives the text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.inner.text
    }
}
