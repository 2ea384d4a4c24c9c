//! Templates of handlers: the texts of mails and messages.

use std::sync::Arc;

use crate::object::Sheet;

/// The folder of a pack that they stand in.
pub const FOLDER: &str = "templates";

/// A text in the syntax of jinja2 that a handler fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerTemplate {
    /// The file below `templates/`, which parameters name.
    pub name: Arc<str>,
    /// The template.
    pub text: Arc<str>,
}

/// Takes the templates of a pack.
pub(crate) fn read(sheet: &Sheet<'_>) -> Vec<HandlerTemplate> {
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
