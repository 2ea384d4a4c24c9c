//! Texts in the language of jinja2 that are filled in: mails and messages.
//!
//! A template sees only the values that it is given. It has fuel, so one that never ends is an
//! error, and what it writes has a limit. Blocks leave no empty lines behind, as in the templates
//! that packs have always had.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value as Filled};
use model::{Diagnostic, Place, Value, limits};

use crate::files::File;

/// Tells whether what is filled in is made safe for HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// It stays as it is.
    None,
    /// It becomes text of an HTML page.
    Html,
}

/// Fills in a template; the error names the line and what is wrong.
pub fn render(template: &str, escape: Escape, values: &[(&str, &Value)]) -> Result<String, String> {
    let environment = environment(escape);
    let context: BTreeMap<String, Filled> = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), filled(value)))
        .collect();
    let text = environment
        .template_from_str(template)
        .and_then(|template| template.render(Filled::from(context)))
        .map_err(|error| told(&error))?;
    if text.len() > limits::TEMPLATE_TEXT_BYTES_MAX {
        let max = limits::TEMPLATE_TEXT_BYTES_MAX;
        return Err(format!(
            "it writes {} bytes, at most {max} are allowed",
            text.len()
        ));
    }
    Ok(text)
}

/// Looks whether a template can be read at all.
pub(crate) fn check(file: &File, text: &str) -> Option<Diagnostic> {
    let error = environment(Escape::None).template_from_str(text).err()?;
    let line = error.line().and_then(|line| u32::try_from(line).ok());
    let place = Place::new(Arc::clone(&file.shown), line.unwrap_or(1), 1);
    let message = format!("the template cannot be read: {}", detail(&error));
    Some(Diagnostic::error(place, message).with_source(text))
}

fn environment(escape: Escape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(limits::TEMPLATE_FUEL_MAX));
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    syntax.keep_trailing_newline(true);
    environment.set_syntax(
        syntax
            .build()
            .expect("only white space is told, which is never wrong"),
    );
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(move |_| match escape {
        Escape::None => AutoEscape::None,
        Escape::Html => AutoEscape::Html,
    });
    environment
}

fn filled(value: &Value) -> Filled {
    match value {
        Value::None => Filled::from(()),
        Value::Bool(truth) => Filled::from(*truth),
        Value::Int(number) => Filled::from(*number),
        Value::Float(number) => Filled::from(*number),
        Value::Text(text) => Filled::from(&**text),
        Value::List(items) => items.iter().map(filled).collect(),
        Value::Map(members) => {
            let members = members.iter();
            let filled = members.map(|(name, value)| (name.to_string(), filled(value)));
            Filled::from(filled.collect::<BTreeMap<String, Filled>>())
        }
    }
}

fn told(error: &minijinja::Error) -> String {
    match error.line() {
        Some(line) => format!("line {line}: {}", detail(error)),
        None => detail(error),
    }
}

fn detail(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it takes too many steps".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expect: Result<&str, &str>) {
        let check = Value::map([
            ("state", Value::from("CRITICAL")),
            ("output", Value::from("<b> & co")),
            ("items", Value::list((0..3).map(Value::Int))),
        ]);
        let found = render(template, Escape::None, &[("check", &check)]);
        assert_eq!(
            found.as_deref().map_err(|error| &**error),
            expect,
            "{template}"
        );
    }

    #[test]
    fn values_are_filled_in_and_blocks_leave_no_lines() {
        check(
            "{{ check.state|upper }}: {{ check.output }}",
            Ok("CRITICAL: <b> & co"),
        );
        check(
            "{% for item in check.items %}\n- {{ item }}\n{% endfor %}\n",
            Ok("- 0\n- 1\n- 2\n"),
        );
        check(
            "{% if node %}Node\n{% endif %}x{{ node.name.first }}",
            Ok("x"),
        );
    }

    #[test]
    fn html_is_made_safe() {
        let value = Value::from("<b> & co");
        let html = render("<p>{{ it }}</p>", Escape::Html, &[("it", &value)]);
        assert_eq!(html.unwrap(), "<p>&lt;b&gt; &amp; co</p>");
    }

    #[test]
    fn what_never_ends_and_what_is_wrong_is_told() {
        check(
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            Err("line 1: it takes too many steps"),
        );
        check(
            "a\n{{ check.state|nothing }}",
            Err("line 2: filter nothing is unknown"),
        );
        let file = File::new("mail/templates/a.tpl", b"a\n{% if %}".as_slice());
        let found = super::check(&file, "a\n{% if %}").unwrap().to_string();
        assert!(
            found.starts_with("mail/templates/a.tpl:2:1: error: "),
            "{found}"
        );
    }
}
