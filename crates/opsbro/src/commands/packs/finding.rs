//! What is wrong in files, as every command here tells it.

use api::packs::Finding;
use model::{Diagnostic, Severity};
use owo_colors::OwoColorize as _;
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
            page.line(coloured(diagnostic));
        }
    }
}

/// Renders a diagnostic with colour on what the eye looks for first.
fn coloured(diagnostic: &Diagnostic) -> String {
    let word = diagnostic.severity.as_str();
    let shown = match diagnostic.severity {
        Severity::Error => word.red().bold().to_string(),
        Severity::Warning => word.yellow().bold().to_string(),
    };
    let plain = format!("{}: {word}:", diagnostic.place);
    let text = diagnostic.render();
    match text.strip_prefix(&plain) {
        Some(rest) => format!("{}: {shown}:{rest}", diagnostic.place.bold()),
        None => text,
    }
}

/// Writes a count with its word, as `1 error` or `2 errors`.
pub(super) fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_changes_no_letter() {
        let place = model::Place::new("a.yml", 2, 3);
        for diagnostic in [
            Diagnostic::error(place.clone(), "bad").with_hint("good"),
            Diagnostic::warning(place, "odd").with_source("a\nbcd\n"),
        ] {
            let text = anstream::adapter::strip_str(&coloured(&diagnostic)).to_string();
            assert_eq!(text, diagnostic.render());
        }
    }
}
