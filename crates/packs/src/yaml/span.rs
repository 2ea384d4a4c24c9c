//! Which bytes of the text a node covers.
//!
//! The scanner counts characters, and its spans take in more than people mean: an anchor in front,
//! the comment behind a quoted text; and less: not the `|` of a block text. Edits need the bytes
//! of the value alone.

use std::ops::Range;

use saphyr_parser::{Marker, Span};

use super::Style;

/// A text whose characters can be found by their number.
pub(super) struct Text<'text> {
    text: &'text str,
    /// Byte offset of each character, unless all of them are one byte long.
    byte_offsets: Option<Vec<usize>>,
}

impl<'text> Text<'text> {
    /// Takes a text.
    pub(super) fn new(text: &'text str) -> Self {
        Self {
            text,
            byte_offsets: (!text.is_ascii())
                .then(|| text.char_indices().map(|(at, _)| at).collect()),
        }
    }

    /// Gives the text itself.
    pub(super) fn as_str(&self) -> &'text str {
        self.text
    }

    /// Gives the bytes of a span.
    pub(super) fn bytes(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }

    fn byte(&self, at: Marker) -> usize {
        match &self.byte_offsets {
            Some(offsets) => offsets.get(at.index()).copied(),
            None => Some(at.index()),
        }
        .unwrap_or(self.text.len())
        .min(self.text.len())
    }

    /// The scanner's span of a scalar has its anchor in front, and behind a quoted one or a block
    /// everything up to the next token.
    pub(super) fn scalar_bytes(&self, span: Span, style: Style) -> Range<usize> {
        let bytes = self.bytes(span);
        if matches!(style, Style::Literal | Style::Folded) {
            let content_end = bytes.start + self.text[bytes.clone()].trim_end().len();
            return self.block_header(bytes.start)..content_end;
        }
        let start = self.after_properties(bytes.start).min(bytes.end);
        let body = &self.text[start..bytes.end];
        let end = match style {
            Style::SingleQuoted | Style::DoubleQuoted => start + quoted_len(body),
            Style::Plain | Style::Literal | Style::Folded | Style::Block | Style::Flow => bytes.end,
        };
        start..end
    }

    /// Finds the `|` or `>` that stands on the last line with text before the content.
    fn block_header(&self, content_start: usize) -> usize {
        let before = self.text[..content_start].trim_end();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        before[line_start..]
            .match_indices(['|', '>'])
            .map(|(at, _)| line_start + at)
            .find(|at| {
                let behind = before[at + 1..]
                    .trim_start_matches(|c: char| c.is_ascii_digit() || "+-".contains(c))
                    .trim_start();
                behind.is_empty() || behind.starts_with('#')
            })
            .unwrap_or(content_start)
    }

    /// Skips anchors and tags in front of a value.
    pub(super) fn after_properties(&self, start: usize) -> usize {
        let mut rest = &self.text[start..];
        while rest.starts_with(['&', '!']) {
            let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest = rest[word_end..].trim_start();
        }
        self.text.len() - rest.len()
    }
}

/// Counts the bytes of a quoted text, quotes included.
fn quoted_len(body: &str) -> usize {
    let bytes = body.as_bytes();
    let quote = bytes.first().copied();
    let mut at = 1;
    while at < bytes.len() {
        if quote == Some(b'"') && bytes[at] == b'\\' {
            at += 2;
            continue;
        }
        if Some(bytes[at]) == quote {
            let is_doubled = quote == Some(b'\'') && bytes.get(at + 1) == Some(&b'\'');
            if !is_doubled {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    body.len()
}
