//! A compiled expression.

use std::sync::Arc;

use model::{Diagnostic, Value, limits};

use crate::budget::Budget;
use crate::check::{self, Checked};
use crate::datum::Datum;
use crate::dialect;
use crate::evaluate::Run;
use crate::explanation::{Explainer, Notes};
use crate::origin::Span;
use crate::parser;
use crate::repr;
use crate::rhai_text::{self, RhaiKind, RhaiText};
use crate::stop::{Fault, Step, Stop};
use crate::{Env, Explanation, Failure, Function, Origin, Outcome, Reference};

/// A compiled expression: checked, shared by reference count, evaluated as often as needed.
#[derive(Clone, Debug)]
pub struct Program {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: Box<str>,
    origin: Origin,
    body: Body,
}

/// The two roads that a text can take.
#[derive(Debug)]
enum Body {
    Ours(Checked),
    Rhai(RhaiText),
}

/// A value, and the same as the language writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value as JSON and YAML know it: tuples and sets are lists.
    pub value: Value,
    /// The value as Python's `print` shows it: `True`, `[1, 2]`, `('a', 1)`.
    pub text: String,
}

/// Compiles an expression. All that is wrong with it is told at once.
pub fn compile(text: &str, origin: impl Into<Origin>) -> Result<Program, Vec<Diagnostic>> {
    let origin = origin.into();
    let body = if dialect::is_rhai(text) {
        Body::Rhai(rhai_text::compile(text, &origin, RhaiKind::Expression)?)
    } else {
        Body::Ours(parse_and_check(text, Span::new(0, text.len()), &origin)?)
    };
    Ok(Program {
        inner: Arc::new(Inner {
            text: text.into(),
            origin,
            body,
        }),
    })
}

/// Compiles a part of a text.
pub(crate) fn parse_and_check(
    text: &str,
    part: Span,
    origin: &Origin,
) -> Result<Checked, Vec<Diagnostic>> {
    if text.len() > limits::EXPRESSION_BYTES_MAX {
        let message = format!(
            "the expression is longer than {} bytes",
            limits::EXPRESSION_BYTES_MAX
        );
        return Err(vec![Diagnostic::error(origin.place.clone(), message)]);
    }
    let tree =
        parser::parse(text, part, 0).map_err(|fault| vec![diagnostic(fault, text, origin)])?;
    check::check(tree, text, origin)
}

impl Program {
    /// Evaluates it.
    pub fn evaluate(&self, env: &dyn Env) -> Result<Value, Failure> {
        self.run(env).map(Datum::into_value)
    }

    /// Evaluates it, and gives the text of the value too.
    pub fn answer(&self, env: &dyn Env) -> Result<Answer, Failure> {
        self.run(env).map(answer)
    }

    /// Tells whether it holds: whether its value is true in the sense of `if`.
    pub fn holds(&self, env: &dyn Env) -> Result<bool, Failure> {
        self.run(env).map(|datum| datum.truth())
    }

    /// Evaluates it and tells the value of every part.
    pub fn explain(&self, env: &dyn Env) -> Explanation {
        match &self.inner.body {
            Body::Ours(checked) => self.explain_parts(checked, env),
            Body::Rhai(compiled) => self.explain_references(compiled, env),
        }
    }

    fn explain_parts(&self, checked: &Checked, env: &dyn Env) -> Explanation {
        let mut run = Run::new(env, &checked.references, Budget::full());
        run.notes = Some(Notes::default());
        // The result stands in the notes, as that of every part.
        let _ = run.evaluate(&checked.root);
        let explainer = Explainer {
            text: &self.inner.text,
            origin: &self.inner.origin,
            references: &checked.references,
            env,
            notes: run.notes.take().unwrap_or_default(),
        };
        explainer.explain(&checked.root)
    }

    /// Explains a text in rhai's syntax: the whole, and what it refers to.
    fn explain_references(&self, compiled: &RhaiText, env: &dyn Env) -> Explanation {
        let parts = compiled.references.iter().map(|reference| Explanation {
            text: format!("{{{{{reference}}}}}"),
            outcome: Outcome::from(
                env.reference(reference)
                    .map(|value| answer(value.into()))
                    .map_err(Failure::Unknown),
            ),
            source: env.source(reference),
            parts: Vec::new(),
        });
        Explanation {
            text: self.text().to_owned(),
            outcome: Outcome::from(self.answer(env)),
            source: None,
            parts: parts.collect(),
        }
    }

    /// Gives every `{{reference}}`, in the order they are written.
    pub fn references(&self) -> &[Reference] {
        match &self.inner.body {
            Body::Ours(checked) => &checked.references,
            Body::Rhai(compiled) => &compiled.references,
        }
    }

    /// Gives the functions that it may call, each once.
    pub fn calls(&self) -> impl Iterator<Item = &'static Function> {
        let functions = match &self.inner.body {
            Body::Ours(checked) => &checked.functions,
            Body::Rhai(compiled) => &compiled.functions,
        };
        functions.iter().copied()
    }

    /// Gives what works and is probably not meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        match &self.inner.body {
            Body::Ours(checked) => &checked.warnings,
            Body::Rhai(_) => &[],
        }
    }

    /// Gives the text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    fn run(&self, env: &dyn Env) -> Result<Datum, Failure> {
        let Inner { text, origin, body } = &*self.inner;
        let result = match body {
            Body::Ours(checked) => evaluate(checked, env),
            Body::Rhai(compiled) => compiled.run(env, Vec::new(), None),
        };
        result.map_err(|stop| failure(stop, text, origin))
    }
}

/// Evaluates what was checked.
pub(crate) fn evaluate(checked: &Checked, env: &dyn Env) -> Step<Datum> {
    Run::new(env, &checked.references, Budget::full()).evaluate(&checked.root)
}

/// Gives a value as the outside sees it.
pub(crate) fn answer(datum: Datum) -> Answer {
    let text = repr::str_of(&datum);
    Answer {
        value: datum.into_value(),
        text,
    }
}

/// Gives the reason why there is no value as the outside sees it.
#[expect(clippy::boxed_local, reason = "it travels boxed everywhere else")]
pub(crate) fn failure(stop: Box<Stop>, text: &str, origin: &Origin) -> Failure {
    match *stop {
        Stop::Unknown(unknown) => Failure::Unknown(unknown),
        Stop::Fault(fault) => Failure::Error(diagnostic(fault, text, origin)),
    }
}

fn diagnostic(fault: Fault, text: &str, origin: &Origin) -> Diagnostic {
    let mut diagnostic = origin.error(text, fault.span.unwrap_or_default(), fault.message);
    diagnostic.hint = fault.hint;
    diagnostic
}
