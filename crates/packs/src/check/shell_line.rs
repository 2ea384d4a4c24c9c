//! The command line of a plugin, with `$macros$` and `{{parameters…}}`.
//!
//! A macro is a path into the check, then its service, then the agent's configuration;
//! `$a.b | c$` tries one path after the other, and a macro that is nowhere is nothing. References
//! may name parameters only: what was measured never becomes part of a command.

use std::sync::Arc;

use expr::{Env, Failure, Reference, Root, Segment};
use model::{Diagnostic, Place, Value};

use crate::expression::wrong_kind;
use crate::report::Report;
use crate::yaml::Node;

/// A command line for the shell.
#[derive(Clone, Debug)]
pub struct ShellLine {
    text: Arc<str>,
    place: Place,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(expr::Template),
    /// Paths into the agent's configuration; the first that is there counts.
    Configuration(Vec<Reference>),
}

impl ShellLine {
    /// Compiles a command line. Macros found in the given maps are filled in at once.
    pub(crate) fn compile(node: &Node, macros: &[Value], report: &mut Report) -> Option<Self> {
        let Some(text) = node.text() else {
            report.push(wrong_kind(node, "script", "a command line"));
            return None;
        };
        let mut line = Self {
            text: Arc::clone(text),
            place: node.place.clone(),
            pieces: Vec::new(),
        };
        let mut literal = String::new();
        let mut rest: &str = text;
        while let Some((before, paths, behind)) = next_macro(rest) {
            literal.push_str(before);
            rest = behind;
            match find(&paths, macros) {
                Some(found) => literal.push_str(&found),
                None => {
                    line.push_text(&std::mem::take(&mut literal), report);
                    let references = paths.iter().map(|path| line.reference(path)).collect();
                    line.pieces.push(Piece::Configuration(references));
                }
            }
        }
        literal.push_str(rest);
        line.push_text(&literal, report);
        Some(line)
    }

    /// Gives the text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the command line to run.
    pub fn fill(&self, env: &dyn Env) -> Result<String, Failure> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(template) => filled.push_str(&template.evaluate_text(env)?),
                Piece::Configuration(references) => {
                    let found = references
                        .iter()
                        .find_map(|reference| env.reference(reference).ok());
                    filled.push_str(&found.map(|value| plain(&value)).unwrap_or_default());
                }
            }
        }
        Ok(filled)
    }

    /// Gives every reference to parameters.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().flat_map(|piece| match piece {
            Piece::Text(template) => template.references(),
            Piece::Configuration(_) => &[],
        })
    }

    fn push_text(&mut self, text: &str, report: &mut Report) {
        if text.is_empty() {
            return;
        }
        match expr::compile_template(text, &self.place) {
            Ok(template) => {
                for reference in template.references() {
                    if reference.root != Root::Parameters {
                        let message = format!("a script cannot use {{{{{reference}}}}}");
                        report.push(
                            Diagnostic::error(self.place.clone(), message).with_hint(
                                "a command takes parameters only: what was measured could become part of the command",
                            ),
                        );
                    }
                }
                self.pieces.push(Piece::Text(template));
            }
            Err(diagnostics) => diagnostics.into_iter().for_each(|it| report.push(it)),
        }
    }

    fn reference(&self, path: &str) -> Reference {
        Reference {
            root: Root::Configuration,
            segments: path
                .split('.')
                .map(|name| Segment::Name(Arc::from(name)))
                .collect(),
            place: self.place.clone(),
            has_default: true,
        }
    }
}

/// Splits at the next `$…$`; a `$` that begins no macro is text.
fn next_macro(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        let inside = &text[at + 1..];
        if let Some(end) = inside.find('$') {
            let paths: Vec<&str> = inside[..end].split('|').collect();
            let is_one = paths.len() == 1;
            let is_path = |path: &str| {
                !path.is_empty()
                    && path
                        .chars()
                        .all(|c| c.is_alphanumeric() || "_.-".contains(c))
            };
            let is_macro = paths
                .iter()
                .all(|path| is_path(if is_one { path } else { path.trim() }));
            if is_macro {
                let paths = paths.into_iter().map(str::trim).collect();
                return Some((&text[..at], paths, &inside[end + 1..]));
            }
        }
        from = at + 1;
    }
    None
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
        while let Some((before, paths, behind)) = next_macro(rest) {
            found.push(before.to_owned());
            found.push(format!("<{}>", paths.join("|")));
            rest = behind;
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
