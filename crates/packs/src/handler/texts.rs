//! The texts of a handler: templates of its pack, by the kind of event.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::nearest;

use crate::fields::Fields;
use crate::object::Sheet;
use crate::template;

/// The folder of a pack that templates stand in.
pub(super) const FOLDER: &str = "templates";

/// A text in the syntax of jinja2 that a handler fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerTemplate {
    /// The file below `templates/`, which handlers name.
    pub name: Arc<str>,
    /// The template.
    pub text: Arc<str>,
}

/// The templates that a handler names, by what they are for: `check_subject`. What is absent has
/// a text of its own inside the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(BTreeMap<&'static str, HandlerTemplate>);

impl Texts {
    /// Gives the template for a purpose.
    pub fn get(&self, purpose: &str) -> Option<&HandlerTemplate> {
        self.0.get(purpose)
    }

    /// Names the files that are used.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.values().map(|template| &template.name)
    }
}

/// What templates are for: a kind of event, and a part of the message.
pub(super) const PURPOSES: [&str; 9] = [
    "check_subject",
    "check_text",
    "check_html",
    "group_subject",
    "group_text",
    "group_html",
    "compliance_subject",
    "compliance_text",
    "compliance_html",
];

/// Takes the templates of a pack.
pub(crate) fn read_all(sheet: &Sheet<'_>) -> Vec<HandlerTemplate> {
    sheet
        .below(FOLDER, "")
        .filter_map(|path| {
            Some(HandlerTemplate {
                name: Arc::from(&path[FOLDER.len() + 1..]),
                text: Arc::from(sheet.top(path)?.text()?),
            })
        })
        .collect()
}

/// Reads `templates: {check_subject: file}`.
pub(super) fn read(fields: &mut Fields<'_>, sheet: &Sheet<'_>) -> Texts {
    let mut texts = BTreeMap::new();
    let Some(node) = fields.node("templates") else {
        return Texts::default();
    };
    let Some(mut named) = Fields::new(node, "templates", fields.report) else {
        return Texts::default();
    };
    for purpose in PURPOSES {
        let Some(name) = named.text(purpose) else {
            continue;
        };
        if let Some(template) = find(&name, purpose, &mut named, sheet) {
            texts.insert(purpose, template);
        }
    }
    named.finish(crate::fields::UnknownKeys::Refuse);
    Texts(texts)
}

fn find(
    name: &Arc<str>,
    purpose: &'static str,
    fields: &mut Fields<'_>,
    sheet: &Sheet<'_>,
) -> Option<HandlerTemplate> {
    let file = sheet.top(&format!("{FOLDER}/{name}"));
    let Some((file, text)) = file.and_then(|file| Some((file, file.text()?))) else {
        let place = fields.place_of(purpose);
        let present = sheet
            .below(FOLDER, "")
            .map(|path| &path[FOLDER.len() + 1..]);
        let hint = match nearest(name, present) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => format!("put it into {FOLDER}/ of the pack, as UTF-8"),
        };
        fields
            .report
            .error(&place, format!("there is no template `{name}`"), &hint);
        return None;
    };
    if let Some(problem) = template::check(file, text) {
        fields.report.push(problem);
        return None;
    }
    Some(HandlerTemplate {
        name: Arc::clone(name),
        text: Arc::from(text),
    })
}
