//! What is wrong in files, as every command here tells it.

use api::packs::Finding;
use model::Diagnostic;
use serde::{Serialize, Serializer};

/// Diagnostics that are rendered with their lines for people, and are [`Finding`]s for programs.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Diagnostic>);

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Finding::from))
    }
}

impl Findings {
    /// Writes them for people.
    pub(super) fn text(&self, page: &mut crate::output::Page) {
        for diagnostic in &self.0 {
            page.line(diagnostic.render());
        }
    }
}

/// Writes a count with its word, as `1 error` or `2 errors`.
pub(super) fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
