//! Text in rhai's own syntax: compiled once by one shared engine, run in a session of its own.
//!
//! References become calls that look at values which the session holds; so do functions that ask
//! the agent or the machine. A question without an answer ends the run; it is answered outside of
//! the engine, and the run begins anew with the answer (`run`). Everything in between is pure, so
//! the second run asks the same up to there, and no part of the engine ever holds the world.

mod dynamic;
mod engine;
mod session;
mod translation;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Diagnostic, limits};
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, Position, Scope};

use crate::budget::Budget;
use crate::call::Call;
use crate::datum::Datum;
use crate::function::{Function, functions};
use crate::origin::Span;
use crate::stop::{Fault, Step, Stop};
use crate::{Env, Origin, Reference};

pub(crate) use dynamic::from_value;
pub(crate) use session::Rates;

use session::{Halt, Question, Session};
use translation::Translation;

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RhaiKind {
    /// An expression: it sees references.
    Expression,
    /// The script of a collector: it sees what was collected.
    Script,
}

impl RhaiKind {
    fn engine(self) -> &'static Engine {
        match self {
            Self::Expression => &engine::EXPRESSIONS,
            Self::Script => &engine::SCRIPTS,
        }
    }

    /// Names the variables that the body may use, in the order in which they are given to it.
    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Expression => &[],
            Self::Script => &["raw", "previous", "elapsed", "parameters"],
        }
    }
}

/// A compiled text.
#[derive(Debug)]
pub(crate) struct RhaiText {
    kind: RhaiKind,
    ast: AST,
    translation: Translation,
    pub(crate) references: Vec<Reference>,
    pub(crate) functions: Vec<&'static Function>,
}

/// Compiles a text.
pub(crate) fn compile(
    text: &str,
    origin: &Origin,
    kind: RhaiKind,
) -> Result<RhaiText, Vec<Diagnostic>> {
    let error = |span: Span, message: String| vec![origin.error(text, span, message)];
    if text.len() > limits::EXPRESSION_BYTES_MAX {
        let message = format!(
            "the text is longer than {} bytes",
            limits::EXPRESSION_BYTES_MAX
        );
        return Err(error(Span::default(), message));
    }
    let translation = translation::translate(text, kind.variables()).map_err(|fault| {
        let span = fault.span.unwrap_or_default();
        let mut errors = error(span, fault.message);
        errors[0].hint = fault.hint;
        errors
    })?;
    let ast = kind
        .engine()
        .compile(&translation.text)
        .map_err(|problem| {
            let span = translation.span(problem.position());
            error(span, problem.err_type().to_string())
        })?;
    let references = translation
        .paths
        .iter()
        .map(|(path, has_default)| Reference {
            root: path.root,
            segments: path.segments.clone().into(),
            place: origin.place(text, path.span.start),
            has_default: *has_default,
        })
        .collect();
    let functions = functions()
        .iter()
        .filter(|function| translation.calls.contains(function.name))
        .collect();
    Ok(RhaiText {
        kind,
        ast,
        translation,
        references,
        functions,
    })
}

impl RhaiText {
    /// Runs the text, answering its questions by the world.
    pub(crate) fn run(
        &self,
        env: &dyn Env,
        variables: Vec<Dynamic>,
        rates: Option<&Rates>,
    ) -> Step<Datum> {
        let references: Vec<_> = self
            .references
            .iter()
            .map(|reference| env.reference(reference))
            .collect();
        let mut answers = BTreeMap::new();
        for _ in 0..=limits::RHAI_QUESTIONS_MAX {
            let session = Session {
                references: references.clone(),
                answers: answers.clone(),
                rates: rates.cloned(),
            };
            match self.attempt(session, variables.clone()) {
                Ok(result) => return dynamic::into_datum(result),
                Err(error) => {
                    let question = self.question_of(*error)?;
                    let answer = ask(&question, env);
                    answers.insert(question.key, answer);
                }
            }
        }
        Err(Stop::fault(format!(
            "the text asks more than {} questions of the agent or the machine",
            limits::RHAI_QUESTIONS_MAX
        )))
    }

    fn attempt(
        &self,
        session: Session,
        variables: Vec<Dynamic>,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        let options = CallFnOptions::new()
            .eval_ast(false)
            .with_tag(Arc::new(session));
        self.kind.engine().call_fn_with_options(
            options,
            &mut Scope::new(),
            &self.ast,
            translation::MAIN,
            variables,
        )
    }

    /// Gives the question that ended a run; anything else that did is passed on.
    fn question_of(&self, error: EvalAltResult) -> Step<Question> {
        let (error, position) = innermost(error);
        let span = self.translation.span(position);
        match error {
            EvalAltResult::ErrorTerminated(token, _) => match token.try_cast::<Halt>() {
                Some(Halt::Question(question)) => Ok(question),
                Some(Halt::Stop(stop)) => Err(Box::new(stop).at(span)),
                None => Err(Stop::fault("the run was ended").at(span)),
            },
            other => Err(Box::new(Stop::Fault(explain(&other))).at(span)),
        }
    }
}

/// Takes an error out of the calls around it.
fn innermost(mut error: EvalAltResult) -> (EvalAltResult, Position) {
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => error = *inner,
            other => {
                let position = other.position();
                return (other, position);
            }
        }
    }
}

/// Tells what is wrong in our words where the engine's would lead astray.
fn explain(error: &EvalAltResult) -> Fault {
    let (message, hint) = match error {
        EvalAltResult::ErrorTooManyOperations(_) => (
            "the text takes too many operations".to_owned(),
            Some("is there a loop that never ends?".to_owned()),
        ),
        EvalAltResult::ErrorDataTooLarge(what, _) => (format!("too large: {what}"), None),
        EvalAltResult::ErrorStackOverflow(_) => {
            ("functions call each other too deep".to_owned(), None)
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split([' ', '(']).next().unwrap_or("");
            let known = functions().iter().map(|function| function.name);
            let hint = model::nearest(name, known).map(|near| format!("did you mean `{near}`?"));
            (format!("there is no function `{signature}`"), hint)
        }
        EvalAltResult::ErrorRuntime(thrown, _) => (format!("the text threw: {thrown}"), None),
        other => {
            let mut plain = other.to_string();
            if let Some(at) = plain.rfind(" (line ") {
                plain.truncate(at);
            }
            (plain, None)
        }
    };
    Fault {
        span: None,
        message,
        hint,
    }
}

/// Answers a question by the world.
fn ask(question: &Question, env: &dyn Env) -> Step<Datum> {
    let mut budget = Budget::full();
    let function = question.function;
    let mut call = Call {
        name: function.name,
        wants: function.arguments,
        arguments: &question.arguments,
        names: &[],
        pattern: None,
        env,
        budget: &mut budget,
    };
    call.check()?;
    (function.run)(&mut call)
}
