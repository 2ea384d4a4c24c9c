//! Gathers what is wrong over all files of a load.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use model::{Diagnostic, Place};

use crate::files::File;
use crate::yaml::{self, Layout, Node};

/// Everything that was found so far, and the texts it was found in.
#[derive(Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    sources: BTreeMap<Arc<str>, Source>,
}

struct Source {
    /// The bytes of the file, which are a text.
    bytes: Arc<[u8]>,
    /// Bytes of each line, found when the first of them is shown.
    lines: OnceCell<Vec<Range<usize>>>,
    /// A line of a file with secrets is never shown.
    may_be_shown: bool,
}

impl Source {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Gives a line, counted from 1; many are asked for when much is wrong.
    fn line(&self, number: u32) -> Option<String> {
        let lines = self.lines.get_or_init(|| {
            let start = self.text().as_ptr() as usize;
            let range = |line: &str| {
                let from = line.as_ptr() as usize - start;
                from..from + line.len()
            };
            self.text().lines().map(range).collect()
        });
        let range = lines.get(number.checked_sub(1)? as usize)?;
        Some(self.text()[range.clone()].to_owned())
    }
}

impl Report {
    /// Reads a file as YAML; `None` when it is empty or broken, which is reported.
    pub(crate) fn read(&mut self, file: &File, may_be_shown: bool) -> Option<Node> {
        let Some(text) = file.text() else {
            self.push(
                Diagnostic::error(
                    Place::new(Arc::clone(&file.shown), 1, 1),
                    "the file is no text",
                )
                .with_hint("save it as UTF-8"),
            );
            return None;
        };
        let (node, diagnostics) = yaml::parse(&file.shown, text);
        self.know(file, may_be_shown);
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
        node
    }

    /// Remembers the text of a file, to show lines of it.
    pub(crate) fn know(&mut self, file: &File, may_be_shown: bool) {
        let source = Source {
            bytes: Arc::clone(&file.bytes),
            lines: OnceCell::new(),
            may_be_shown,
        };
        self.sources.insert(Arc::clone(&file.shown), source);
    }

    /// Takes a diagnostic.
    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.source_line = self
            .sources
            .get(&diagnostic.place.file)
            .filter(|source| source.may_be_shown)
            .and_then(|source| source.line(diagnostic.place.line));
        self.diagnostics.push(diagnostic);
    }

    /// Takes an error.
    pub(crate) fn error(&mut self, place: &Place, message: impl Into<String>, hint: &str) {
        self.push(Diagnostic::error(place.clone(), message).with_hint(hint));
    }

    /// Takes a warning.
    pub(crate) fn warning(&mut self, place: &Place, message: impl Into<String>, hint: &str) {
        self.push(Diagnostic::warning(place.clone(), message).with_hint(hint));
    }

    /// Finds how a scalar lies in its file.
    pub(crate) fn layout(&self, node: &Node) -> Layout {
        let source = self.sources.get(&node.place.file);
        Layout::of(node, source.map_or("", Source::text))
    }

    /// Counts the diagnostics so far; see [`Report::since`].
    pub(crate) fn mark(&self) -> usize {
        self.diagnostics.len()
    }

    /// Gives what was found since a mark.
    pub(crate) fn since(&self, mark: usize) -> &[Diagnostic] {
        &self.diagnostics[mark..]
    }

    /// Tells whether there was an error since a mark.
    pub(crate) fn has_error_since(&self, mark: usize) -> bool {
        self.since(mark).iter().any(Diagnostic::is_error)
    }

    /// Gives everything, ordered by place, each once.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by(|a, b| {
            (&a.place, a.severity, &a.message).cmp(&(&b.place, b.severity, &b.message))
        });
        self.diagnostics.dedup();
        self.diagnostics
    }
}
