//! `package.yml`: what a pack says about itself.

use std::sync::Arc;

use model::{Diagnostic, Level, Topic};

use crate::fields::{Fields, UnknownKeys, unknown_word};
use crate::files::{File, Folder};
use crate::parameters::{Declaration, read_declarations};
use crate::report::Report;
use crate::yaml::{self, Node};

/// The file that makes a folder a pack.
pub const PACKAGE_FILE: &str = "package.yml";

/// What a pack says about itself.
#[derive(Clone, Debug)]
pub struct Package {
    /// The identity of the pack: a pack of the same name at a higher level replaces it.
    pub name: Arc<str>,
    /// True when it changes single fields of the pack below instead of replacing it.
    pub overlay: bool,
    /// What it is about; the first is the main topic.
    pub topics: Vec<Topic>,
    /// Words to find it by.
    pub keywords: Vec<Arc<str>>,
    /// What it does, for people.
    pub description: Option<Arc<str>>,
    /// Its version, for people.
    pub version: Option<Arc<str>>,
    /// Remarks for people, as what differs from an older version.
    pub notes: Vec<Arc<str>>,
    /// What its parameters may be.
    pub declarations: Vec<Declaration>,
}

impl Package {
    /// Gives what the pack is mostly about.
    pub fn main_topic(&self) -> Topic {
        self.topics.first().copied().unwrap_or(Topic::Generic)
    }
}

/// Gives the name in a folder's `package.yml`, if it can be read.
pub(crate) fn name_of(folder: &Folder<'_>) -> Option<Arc<str>> {
    let text = folder.files.get(PACKAGE_FILE)?.text()?;
    let (node, _) = yaml::parse(PACKAGE_FILE, text);
    node?.get("name")?.text().cloned()
}

/// Reads a `package.yml`.
pub(crate) fn read(file: &File, level: Level, report: &mut Report) -> Option<Package> {
    let mark = report.mark();
    let Some(node) = report.read(file, true) else {
        if !report.has_error_since(mark) {
            let place = model::Place::new(Arc::clone(&file.shown), 1, 1);
            report.error(&place, "the file is empty", "write at least `name: …`");
        }
        return None;
    };
    let mut fields = Fields::new(&node, "package", report)?;
    let name = fields.required_text("name");
    let package = Package {
        name: name.unwrap_or_else(|| Arc::from("")),
        overlay: fields.boolean("overlay").unwrap_or(false),
        topics: topics(&mut fields),
        keywords: fields.texts("keywords"),
        description: fields.text("description"),
        version: fields.text("version"),
        notes: fields.texts("notes"),
        declarations: read_declarations(&mut fields),
    };
    fields.ignore(&[
        "types",
        "homepage",
        "author",
        "contributors",
        "repository",
        "license",
        "dependencies",
    ]);
    check_name(&package.name, &node, fields.report);
    if package.overlay && level == Level::Core {
        fields.report.error(
            &node.place,
            "an overlay at level core has nothing below it",
            "remove `overlay: true`, or move the pack to a higher level",
        );
    }
    fields.finish(UnknownKeys::Warn);
    (!report.has_error_since(mark)).then_some(package)
}

fn topics(fields: &mut Fields<'_>) -> Vec<Topic> {
    let mut topics = Vec::new();
    for item in fields.items("topics") {
        let Some(text) = item.text() else {
            continue;
        };
        match Topic::parse(text) {
            Some(topic) => topics.push(topic),
            None => {
                let known: Vec<&str> = Topic::ALL.iter().map(|topic| topic.label()).collect();
                let mut diagnostic = unknown_word(&item.place, "a topic", text, &known);
                // A topic is for people only: an unknown one costs nothing but a colour.
                diagnostic.severity = model::Severity::Warning;
                fields.report.push(diagnostic);
            }
        }
    }
    topics
}

/// A name becomes part of paths, ids and commands.
fn check_name(name: &str, node: &Node, report: &mut Report) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.chars().all(allowed) {
        return;
    }
    let place = node.get("name").map_or(&node.place, |name| &name.place);
    report.push(
        Diagnostic::error(
            place.clone(),
            format!("`{name}` cannot be the name of a pack"),
        )
        .with_hint("use letters, digits, `-` and `_`"),
    );
}
