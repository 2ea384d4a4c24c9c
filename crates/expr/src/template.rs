//! Raw text with `{{references}}` in it: group names, addresses.

use std::sync::Arc;

use model::{Diagnostic, limits};

use crate::check::Checked;
use crate::datum::Datum;
use crate::origin::Span;
use crate::path::{self, Ending};
use crate::program::{evaluate, failure, parse_and_check};
use crate::repr;
use crate::{Env, Failure, Origin, Reference};

/// A compiled raw text, as `zone::{{collector.gossip.zone}}`.
#[derive(Clone, Debug)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: Box<str>,
    origin: Origin,
    pieces: Vec<Piece>,
    references: Vec<Reference>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Hole(Checked),
}

/// Compiles a raw text. All that is wrong with it is told at once.
pub fn compile_template(
    text: &str,
    origin: impl Into<Origin>,
) -> Result<Template, Vec<Diagnostic>> {
    let origin = origin.into();
    let mut pieces = Vec::new();
    let mut references = Vec::new();
    let mut errors = Vec::new();
    let mut at = 0;
    while let Some(length) = text[at..].find("{{") {
        let start = at + length;
        push_text(&mut pieces, &text[at..start]);
        let end = hole_end(text, start);
        match parse_and_check(text, Span::new(start, end), &origin) {
            Ok(checked) => {
                references.extend(checked.references.iter().cloned());
                pieces.push(Piece::Hole(checked));
            }
            Err(found) => errors.extend(found),
        }
        at = end;
    }
    push_text(&mut pieces, &text[at..]);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Template {
        inner: Arc::new(Inner {
            text: text.into(),
            origin,
            pieces,
            references,
        }),
    })
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
}

/// Finds the byte behind the hole; what is wrong with a hole is told when it is parsed.
fn hole_end(text: &str, start: usize) -> usize {
    let from = match path::read(text, start) {
        Ok(opened) if opened.ending == Ending::Closed => return opened.end,
        Ok(opened) => opened.end,
        Err(_) => start,
    };
    let mut end = match text[from..].find("}}") {
        Some(length) => from + length + 2,
        None => return text.len(),
    };
    // A default may end in braces of its own: `{{a.b||{}}}`.
    while text[end..].starts_with('}') {
        end += 1;
    }
    end
}

impl Template {
    /// Gives the texts: one, or one for each item where a hole holds a list.
    pub fn evaluate(&self, env: &dyn Env) -> Result<Vec<String>, Failure> {
        let mut texts = vec![String::new()];
        for piece in &self.inner.pieces {
            match piece {
                Piece::Text(text) => texts.iter_mut().for_each(|whole| whole.push_str(text)),
                Piece::Hole(checked) => {
                    let values = self.values(checked, env)?;
                    texts = combine(&texts, &values);
                }
            }
            self.check_size(&texts)?;
        }
        Ok(texts)
    }

    /// Gives one text; the items of a list stand in it with commas between them.
    pub fn evaluate_text(&self, env: &dyn Env) -> Result<String, Failure> {
        let mut whole = String::new();
        for piece in &self.inner.pieces {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Hole(checked) => whole.push_str(&self.values(checked, env)?.join(",")),
            }
        }
        Ok(whole)
    }

    /// Gives every `{{reference}}`, in the order they are written.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// Gives the text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    fn values(&self, checked: &Checked, env: &dyn Env) -> Result<Vec<String>, Failure> {
        let datum = evaluate(checked, env)
            .map_err(|stop| failure(stop, &self.inner.text, &self.inner.origin))?;
        Ok(match &datum {
            Datum::List(list) => list.to_vec().iter().map(repr::str_of).collect(),
            Datum::Tuple(items) | Datum::Set(items) => items.iter().map(repr::str_of).collect(),
            other => vec![repr::str_of(other)],
        })
    }

    fn check_size(&self, texts: &[String]) -> Result<(), Failure> {
        let bytes: usize = texts.iter().map(String::len).sum();
        if texts.len() <= limits::EXPRESSION_ITEMS_MAX && bytes <= limits::EXPRESSION_TEXT_BYTES_MAX
        {
            return Ok(());
        }
        let message = "the lists in this text combine into too many texts".to_owned();
        let whole = Span::new(0, self.inner.text.len());
        let error = self.inner.origin.error(&self.inner.text, whole, message);
        Err(Failure::Error(error))
    }
}

fn combine(texts: &[String], values: &[String]) -> Vec<String> {
    // One more than the limit is enough to be refused.
    texts
        .iter()
        .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
        .take(limits::EXPRESSION_ITEMS_MAX + 1)
        .collect()
}
