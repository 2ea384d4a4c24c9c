//! Generators: a configuration file that is made from a template and what the cluster knows.

use std::sync::Arc;
use std::time::Duration;

use crate::expression::Expression;
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

/// How often a generator looks when it does not say.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);

/// A template, and the file it is written to.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name: the file without extension.
    pub name: Arc<str>,
    /// When it holds, the file is kept right; `None` is never.
    pub generate_if: Option<Expression>,
    /// The file that is written, from the root.
    pub path: Arc<str>,
    /// The name of the template in `generators/templates/`.
    pub template: Arc<str>,
    /// The text of the template, in the syntax of jinja2.
    pub template_text: Arc<str>,
    /// The part of the file that is managed; `None` is all of it.
    pub partial: Option<Partial>,
    /// Shell command that runs after the file was written.
    pub command: Option<Arc<str>>,
    /// How often it looks.
    pub interval: Duration,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

/// A block of a file between two lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The line before the block.
    pub start: Arc<str>,
    /// The line behind the block.
    pub end: Arc<str>,
    /// True when a missing block is added at the end of the file; else it is an error.
    pub append_if_missing: bool,
}

impl Object for Generator {
    const KEY: &'static str = "generator";
    const FOLDER: &'static str = "generators";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self> {
        let generate_if = fields.expression("generate_if");
        let path = fields.required_text("path");
        if let Some(path) = path.as_ref().filter(|path| !path.starts_with('/')) {
            let place = fields.place().clone();
            let message = format!("`path` is not from the root: {path}");
            fields.report.error(&place, message, "begin it with `/`");
        }
        let template = fields.required_text("template");
        let template_text = template
            .as_ref()
            .and_then(|name| template_text(name, &mut fields, sheet));
        let partial = partial(&mut fields);
        let command = fields.text("command");
        let interval = fields.interval("interval").unwrap_or(INTERVAL_DEFAULT);
        let notes = fields.text("notes");
        fields.finish(UnknownKeys::Warn);
        Some(Self {
            name: Arc::from(home.stem()),
            home,
            generate_if,
            path: path?,
            template: template?,
            template_text: template_text?,
            partial,
            command,
            interval,
            notes,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

fn template_text(name: &str, fields: &mut Fields<'_>, sheet: &Sheet<'_>) -> Option<Arc<str>> {
    let folder = "generators/templates";
    let file = sheet.top(&format!("{folder}/{name}"));
    if let Some(text) = file.and_then(|file| file.text()) {
        return Some(Arc::from(text));
    }
    let place = fields
        .node("template")
        .map_or_else(|| fields.place().clone(), |node| node.place.clone());
    if file.is_some() {
        let message = format!("the template `{name}` is no text");
        fields.report.error(&place, message, "save it as UTF-8");
        return None;
    }
    let prefix = format!("{folder}/");
    let present = sheet.below(folder, "").map(|path| &path[prefix.len()..]);
    let hint = match model::nearest(name, present) {
        Some(likely) => format!("did you mean `{likely}`?"),
        None => format!("put it into {folder}/ of the pack"),
    };
    let message = format!("there is no template `{name}`");
    fields.report.error(&place, message, &hint);
    None
}

fn partial(fields: &mut Fields<'_>) -> Option<Partial> {
    let start = fields.text("partial_start");
    let end = fields.text("partial_end");
    let append = fields.choice("if_partial_missing", &[("append", true)]);
    match (start, end) {
        (Some(start), Some(end)) => Some(Partial {
            start,
            end,
            append_if_missing: append.unwrap_or(false),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            let place = fields.place().clone();
            fields.report.error(
                &place,
                "`partial_start` and `partial_end` go together",
                "write both, or none of them for the whole file",
            );
            None
        }
    }
}
