//! Plugins: programs that tell a state by their exit code, with `$macros$` and `{{parameters…}}`.
//!
//! A macro is a path into the check, then its service, then the agent's configuration;
//! `$a.b | c$` tries one path after the other, and a macro that is nowhere is nothing. References
//! may name parameters only: what was measured never becomes part of a command. In a line for the
//! shell each value is quoted for its place; a list of arguments needs no shell at all.

use std::sync::Arc;

use expr::{Env, Failure, Reference, Root, Segment};
use model::{Diagnostic, Place, Value};

use super::quoting::{Quote, Quotes, quoted};
use crate::expression::wrong_kind;
use crate::fields::Fields;
use crate::report::Report;
use crate::yaml::Node;

/// A program that tells a state.
#[derive(Clone, Debug)]
pub struct Plugin {
    text: Arc<str>,
    /// One for the shell, or one for each argument.
    lines: Vec<Line>,
    is_shell: bool,
    /// The account that it runs as, instead of the one of all plugins.
    pub run_as: Option<Arc<str>>,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A text for the shell.
    Shell(String),
    /// A program and its arguments.
    Arguments(Vec<String>),
}

#[derive(Clone, Debug, Default)]
struct Line(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    /// What stands there as written.
    Text(String),
    /// What stands there is filled in, and written for its place; without a shell it is passed as
    /// it is.
    Value(Filling, Option<Quote>),
}

#[derive(Clone, Debug)]
enum Filling {
    /// A macro of the check or its service.
    Known(String),
    /// `{{parameters…}}`.
    Template(expr::Template),
    /// Paths into the agent's configuration; the first that is there counts.
    Configuration(Vec<Reference>),
}

/// Reads `script` and `run_as`.
pub(super) fn read(fields: &mut Fields<'_>, macros: &[Value]) -> Option<Plugin> {
    let node = fields.node("script")?;
    let run_as = fields.text("run_as");
    let is_shell = node.items().is_none();
    let items = node.items().unwrap_or(std::slice::from_ref(node));
    let lines: Option<Vec<Line>> = items
        .iter()
        .map(|item| Line::compile(item, macros, is_shell, fields.report))
        .collect();
    let texts: Vec<&str> = items
        .iter()
        .filter_map(|item| item.text())
        .map(|it| &**it)
        .collect();
    if texts
        .first()
        .is_none_or(|program| program.trim().is_empty())
    {
        let message = "`script` names no program";
        let hint = "write a command line, or a list of the program and its arguments";
        fields.report.error(&node.place, message, hint);
        return None;
    }
    Some(Plugin {
        text: Arc::from(texts.join(" ")),
        lines: lines?,
        is_shell,
        run_as,
    })
}

impl Plugin {
    /// Gives the text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives what to run.
    pub fn fill(&self, env: &dyn Env) -> Result<CommandLine, Failure> {
        let mut filled = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            filled.push(line.fill(env)?);
        }
        Ok(if self.is_shell {
            CommandLine::Shell(filled.concat())
        } else {
            CommandLine::Arguments(filled)
        })
    }

    /// Gives every reference to parameters.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let pieces = self.lines.iter().flat_map(|line| &line.0);
        pieces.flat_map(|piece| match piece {
            Piece::Value(Filling::Template(template), _) => template.references(),
            Piece::Value(Filling::Known(_) | Filling::Configuration(_), _) | Piece::Text(_) => &[],
        })
    }
}

impl Line {
    /// Compiles a line. Macros found in the given maps are known at once.
    fn compile(node: &Node, macros: &[Value], is_shell: bool, report: &mut Report) -> Option<Self> {
        let Some(text) = node.text() else {
            report.push(wrong_kind(
                node,
                "script",
                "a command line or a list of texts",
            ));
            return None;
        };
        let mut line = Self::default();
        let mut quotes = Quotes::default();
        let mut rest: &str = text;
        while let Some(next) = next_value(rest) {
            line.text(&rest[..next.from], &mut quotes);
            let filling = match next.named {
                Named::Macro(paths) => match find(&paths, macros) {
                    Some(found) => Filling::Known(found),
                    None => Filling::Configuration(
                        paths
                            .iter()
                            .map(|path| reference(path, &node.place))
                            .collect(),
                    ),
                },
                Named::Reference(text) => Filling::Template(template(text, &node.place, report)?),
            };
            if is_shell && quotes.has_backtick() {
                let message = "a value cannot stand in backticks, nor behind them";
                report.error(&node.place, message, "write `$(…)` instead of backticks");
                return None;
            }
            let quote = is_shell.then(|| quotes.now());
            line.0.push(Piece::Value(filling, quote));
            rest = &rest[next.to..];
        }
        line.text(rest, &mut quotes);
        Some(line)
    }

    fn text(&mut self, text: &str, quotes: &mut Quotes) {
        quotes.pass(text);
        match self.0.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            Some(Piece::Value(..)) | None => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    fn fill(&self, env: &dyn Env) -> Result<String, Failure> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(filling, None) => filled.push_str(&filling.value(env)?),
                Piece::Value(filling, Some(quote)) => {
                    filled.push_str(&quoted(&filling.value(env)?, *quote));
                }
            }
        }
        Ok(filled)
    }
}

impl Filling {
    fn value(&self, env: &dyn Env) -> Result<String, Failure> {
        match self {
            Self::Known(text) => Ok(text.clone()),
            Self::Template(template) => template.evaluate_text(env),
            Self::Configuration(references) => {
                let found = references
                    .iter()
                    .find_map(|reference| env.reference(reference).ok());
                Ok(found.map(|value| plain(&value)).unwrap_or_default())
            }
        }
    }
}

fn template(text: &str, place: &Place, report: &mut Report) -> Option<expr::Template> {
    let template = match expr::compile_template(text, place) {
        Ok(template) => template,
        Err(diagnostics) => {
            diagnostics.into_iter().for_each(|it| report.push(it));
            return None;
        }
    };
    for reference in template.references() {
        if reference.root != Root::Parameters {
            let message = format!("a script cannot use {{{{{reference}}}}}");
            report.push(Diagnostic::error(place.clone(), message).with_hint(
                "a command takes parameters only: what was measured could become part of the command",
            ));
        }
    }
    Some(template)
}

fn reference(path: &str, place: &Place) -> Reference {
    Reference {
        root: Root::Configuration,
        segments: path
            .split('.')
            .map(|name| Segment::Name(Arc::from(name)))
            .collect(),
        place: place.clone(),
        has_default: true,
    }
}

/// A place of a command line where a value comes in.
struct Next<'text> {
    from: usize,
    to: usize,
    named: Named<'text>,
}

#[derive(Debug, PartialEq)]
enum Named<'text> {
    Macro(Vec<&'text str>),
    Reference(&'text str),
}

/// Finds the next `$…$` or `{{…}}`; a `$` that begins no macro is text.
fn next_value(text: &str) -> Option<Next<'_>> {
    let mut from = 0;
    while let Some(at) = text[from..].find(['$', '{']).map(|at| from + at) {
        let inside = &text[at + 1..];
        let found = if text[at..].starts_with("{{") {
            let end = inside.find("}}").map(|end| at + 1 + end + 2);
            end.map(|to| (to, Named::Reference(&text[at..to])))
        } else if text[at..].starts_with('$') {
            let end = inside.find('$');
            end.and_then(|end| Some((at + 1 + end + 1, Named::Macro(paths(&inside[..end])?))))
        } else {
            None
        };
        if let Some((to, named)) = found {
            return Some(Next {
                from: at,
                to,
                named,
            });
        }
        from = at + 1;
    }
    None
}

fn paths(inside: &str) -> Option<Vec<&str>> {
    let paths: Vec<&str> = inside.split('|').collect();
    let is_one = paths.len() == 1;
    let is_path = |path: &str| {
        let is_part = |c: char| c.is_alphanumeric() || "_.-".contains(c);
        !path.is_empty() && path.chars().all(is_part)
    };
    let is_macro = paths
        .iter()
        .all(|path| is_path(if is_one { path } else { path.trim() }));
    is_macro.then(|| paths.into_iter().map(str::trim).collect())
}

fn find(paths: &[&str], macros: &[Value]) -> Option<String> {
    macros.iter().find_map(|tree| {
        paths.iter().find_map(|path| {
            let found = path
                .split('.')
                .try_fold(tree, |at, segment| at.get(segment))?;
            match found {
                Value::None | Value::List(_) | Value::Map(_) => None,
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {
                    Some(plain(found))
                }
            }
        })
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::None | Value::List(_) | Value::Map(_) => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let mut found = Vec::new();
        let mut rest = text;
        while let Some(next) = next_value(rest) {
            found.push(rest[..next.from].to_owned());
            found.push(match next.named {
                Named::Macro(paths) => format!("<{}>", paths.join("|")),
                Named::Reference(text) => text.to_owned(),
            });
            rest = &rest[next.to..];
        }
        found.push(rest.to_owned());
        assert_eq!(found, expect);
    }

    #[test]
    fn macros_are_found_and_variables_of_the_shell_are_left_alone() {
        check("exit $exit_status$", &["exit ", "<exit_status>", ""]);
        check("'$exit_text$'!", &["'", "<exit_text>", "'!"]);
        check(
            "-w $load.moncul | load.critical$ x",
            &["-w ", "<load.moncul|load.critical>", " x"],
        );
        check("echo $HOME/x $PATH", &["echo $HOME/x $PATH"]);
        check("$A $B $port$ $", &["$A $B ", "<port>", " $"]);
        check("cost: 5$$ é$", &["cost: 5$$ é$"]);
        check(
            "a {{parameters.x}} {b} {{",
            &["a ", "{{parameters.x}}", " {b} {{"],
        );
    }

    #[test]
    fn the_first_path_in_the_nearest_map_counts() {
        let own = Value::map([("load", Value::map([("critical", Value::Int(5))]))]);
        let service = Value::map([("port", Value::Int(80)), ("load", Value::Int(1))]);
        let both = [own, service];
        assert_eq!(find(&["load.x", "load.critical"], &both), Some("5".into()));
        assert_eq!(find(&["port"], &both), Some("80".into()));
        assert_eq!(find(&["nothing"], &both), None);
    }
}
