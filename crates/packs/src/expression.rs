//! Expressions and raw texts of packs: compiled once, and knowing where they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Answer, Env, Explanation, Failure, Program, Reference, Template};
use model::{Diagnostic, Place, Value};

use crate::report::Report;
use crate::yaml::{Kind, Layout, Node};

/// A compiled expression whose errors name the place in the pack's file.
#[derive(Clone, Debug)]
pub struct Expression {
    program: Program,
    place: Place,
    layout: Layout,
}

impl Expression {
    /// Compiles a scalar; what is wrong is reported.
    pub(crate) fn compile(node: &Node, report: &mut Report) -> Option<Self> {
        let text = node.text()?;
        let layout = report.layout(node);
        match expr::compile(text, layout.origin()) {
            Ok(program) => {
                for warning in program.warnings() {
                    report.push(layout.settle(warning.clone()));
                }
                Some(Self {
                    program,
                    place: node.place.clone(),
                    layout,
                })
            }
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    report.push(layout.settle(diagnostic));
                }
                None
            }
        }
    }

    /// Gives the text as written.
    pub fn text(&self) -> &str {
        self.program.text()
    }

    /// Gives the place where it starts.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Evaluates it.
    pub fn evaluate(&self, env: &dyn Env) -> Result<Value, Failure> {
        self.program
            .evaluate(env)
            .map_err(|failure| settle(&self.layout, failure))
    }

    /// Evaluates it, and gives the text of the value too.
    pub fn answer(&self, env: &dyn Env) -> Result<Answer, Failure> {
        self.program
            .answer(env)
            .map_err(|failure| settle(&self.layout, failure))
    }

    /// Tells whether it holds, in the sense of `if`.
    pub fn holds(&self, env: &dyn Env) -> Result<bool, Failure> {
        self.program
            .holds(env)
            .map_err(|failure| settle(&self.layout, failure))
    }

    /// Evaluates it and tells the value of every part.
    pub fn explain(&self, env: &dyn Env) -> Explanation {
        self.program.explain(env)
    }

    /// Gives the compiled program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Gives every reference with its place in the file.
    pub fn references(&self) -> impl Iterator<Item = (&Reference, Place)> {
        self.program
            .references()
            .iter()
            .map(|reference| (reference, self.layout.place(&reference.place)))
    }
}

/// A raw text with `{{references}}` in it.
#[derive(Clone, Debug)]
pub struct RawText {
    template: Template,
    place: Place,
    layout: Layout,
}

impl RawText {
    /// Compiles a scalar; what is wrong is reported.
    pub(crate) fn compile(node: &Node, report: &mut Report) -> Option<Self> {
        let text = node.text()?;
        let layout = report.layout(node);
        match expr::compile_template(text, layout.origin()) {
            Ok(template) => Some(Self {
                template,
                place: node.place.clone(),
                layout,
            }),
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    report.push(layout.settle(diagnostic));
                }
                None
            }
        }
    }

    /// Gives the text as written.
    pub fn text(&self) -> &str {
        self.template.text()
    }

    /// Gives the place where it starts.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Gives the text with its references filled in.
    pub fn fill(&self, env: &dyn Env) -> Result<String, Failure> {
        self.template
            .evaluate_text(env)
            .map_err(|failure| settle(&self.layout, failure))
    }

    /// Gives one text for each item where a reference holds a list.
    pub fn fill_each(&self, env: &dyn Env) -> Result<Vec<String>, Failure> {
        self.template
            .evaluate(env)
            .map_err(|failure| settle(&self.layout, failure))
    }

    /// Gives every reference with its place in the file.
    pub fn references(&self) -> impl Iterator<Item = (&Reference, Place)> {
        self.template
            .references()
            .iter()
            .map(|reference| (reference, self.layout.place(&reference.place)))
    }
}

/// A tree of values whose texts may hold references: options of a driver or a source.
#[derive(Clone, Debug)]
pub enum Setting {
    /// A value without references.
    Plain(Value),
    /// A text with references.
    Text(RawText),
    /// Settings in order.
    List(Vec<Self>),
    /// Settings by name.
    Map(BTreeMap<Arc<str>, Self>),
}

impl Setting {
    /// Compiles a tree; what is wrong is reported and left out.
    pub(crate) fn compile(node: &Node, report: &mut Report) -> Option<Self> {
        match &node.kind {
            Kind::Scalar {
                value: Value::Text(text),
                ..
            } if text.contains("{{") => RawText::compile(node, report).map(Self::Text),
            Kind::Scalar { value, .. } => Some(Self::Plain(value.clone())),
            Kind::List(items) => Some(Self::List(
                items
                    .iter()
                    .filter_map(|item| Self::compile(item, report))
                    .collect(),
            )),
            Kind::Map(entries) => Some(Self::Map(
                entries
                    .iter()
                    .filter_map(|entry| {
                        let setting = Self::compile(&entry.value, report)?;
                        Some((Arc::clone(&entry.key), setting))
                    })
                    .collect(),
            )),
        }
    }

    /// Gives the value with all references filled in.
    pub fn fill(&self, env: &dyn Env) -> Result<Value, Failure> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Text(text) => text.fill(env).map(Value::text),
            Self::List(items) => {
                let items: Result<Vec<Value>, Failure> =
                    items.iter().map(|item| item.fill(env)).collect();
                items.map(Value::list)
            }
            Self::Map(entries) => {
                let entries: Result<Vec<(Arc<str>, Value)>, Failure> = entries
                    .iter()
                    .map(|(name, setting)| Ok((Arc::clone(name), setting.fill(env)?)))
                    .collect();
                entries.map(Value::map)
            }
        }
    }

    /// Calls back with every raw text inside.
    pub fn each_text<'a>(&'a self, visit: &mut dyn FnMut(&'a RawText)) {
        match self {
            Self::Plain(_) => {}
            Self::Text(text) => visit(text),
            Self::List(items) => items.iter().for_each(|item| item.each_text(visit)),
            Self::Map(entries) => entries
                .values()
                .for_each(|setting| setting.each_text(visit)),
        }
    }
}

/// A named expression that is evaluated before the others and visible to them.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name, as in `{{variables.name}}`.
    pub name: Arc<str>,
    /// Its value.
    pub expression: Expression,
}

fn settle(layout: &Layout, failure: Failure) -> Failure {
    match failure {
        Failure::Error(diagnostic) => Failure::Error(layout.settle(diagnostic)),
        Failure::Unknown(unknown) => Failure::Unknown(unknown),
    }
}

/// Makes the error about a value of the wrong kind. The value must be no secret.
pub(crate) fn wrong_kind(node: &Node, key: &str, wanted: &str) -> Diagnostic {
    let found = match &node.kind {
        Kind::Scalar { text, .. } if text.is_empty() => "nothing".to_owned(),
        Kind::Scalar { text, .. } => format!("`{text}`"),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "keys with values".to_owned(),
    };
    Diagnostic::error(
        node.place.clone(),
        format!("`{key}` wants {wanted}, not {found}"),
    )
}
