//! What was said about a thing: bounded, and without what could fool a terminal.

use std::sync::Arc;

use model::{CheckState, limits};

/// What a run, or somebody, said about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Which of the things of a check with `for_each`.
    pub instance: Option<Arc<str>>,
    /// How it is; PENDING says nothing, and leaves all as it was.
    pub state: CheckState,
    /// The first line.
    pub output: Arc<str>,
    /// The further lines.
    pub long_output: Arc<str>,
    /// Performance data as it was printed.
    pub perfdata: Arc<str>,
}

impl Said {
    /// Takes a text of one or more lines.
    pub fn new(state: CheckState, text: &str) -> Self {
        let text = clean(text);
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        Self {
            instance: None,
            state,
            output: Arc::from(first.trim_end()),
            long_output: Arc::from(rest.trim_end()),
            perfdata: Arc::default(),
        }
    }

    /// Says it about one of the things of a check with `for_each`.
    #[must_use]
    pub fn about(mut self, instance: Arc<str>) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Says what keeps a thing that was never OK from counting.
    pub(super) fn before_the_first_ok(&self) -> Self {
        let text = format!("was never OK here, so nobody is told: {}", self.output);
        Self {
            output: Arc::from(text),
            ..self.clone()
        }
    }

    /// Adds performance data.
    #[must_use]
    pub fn with_perfdata(mut self, perfdata: &str) -> Self {
        self.perfdata = Arc::from(clean(perfdata).replace('\n', " ").trim());
        self
    }
}

/// Takes out control characters, but for line ends and colours, and cuts what is too long.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len().min(limits::CHECK_OUTPUT_BYTES_MAX));
    let mut rest = text.trim_start_matches(['\n', '\r']);
    while let Some(c) = rest.chars().next() {
        if cleaned.len() >= limits::CHECK_OUTPUT_BYTES_MAX {
            cleaned.push_str("… (cut)");
            break;
        }
        let taken = match color(rest) {
            Some(bytes) => {
                cleaned.push_str(&rest[..bytes]);
                bytes
            }
            None => {
                match c {
                    '\n' => cleaned.push('\n'),
                    '\t' => cleaned.push(' '),
                    '\r' => {}
                    c if c.is_control() || is_reordering(c) => cleaned.push('\u{fffd}'),
                    c => cleaned.push(c),
                }
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    cleaned
}

/// Measures a sequence that sets a colour and does nothing else: `ESC [ 38;5;1 m`.
fn color(text: &str) -> Option<usize> {
    // As long as three numbers of three digits with their separators.
    const BYTES_MAX: usize = 24;
    let inside = text.strip_prefix("\u{1b}[")?;
    let end = inside.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    (end <= BYTES_MAX && inside[end..].starts_with('m')).then_some(2 + end + 1)
}

/// Tells the characters that make text look like other text.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, output: &str, long_output: &str) {
        let said = Said::new(CheckState::Ok, text);
        assert_eq!((&*said.output, &*said.long_output), (output, long_output));
    }

    #[test]
    fn lines_are_parted_and_what_fools_a_terminal_is_taken_out() {
        check("OK: fine\n", "OK: fine", "");
        check("\n\nOK\r\nmore\nlines\n\n", "OK", "more\nlines");
        check("a\u{1b}]0;title\u{7}b", "a\u{fffd}]0;title\u{fffd}b", "");
        check("a\u{1b}[2Jb", "a\u{fffd}[2Jb", "");
        check(
            "\u{1b}[38;5;199mx\u{1b}[0m",
            "\u{1b}[38;5;199mx\u{1b}[0m",
            "",
        );
        check("a\u{202e}b\0", "a\u{fffd}b\u{fffd}", "");
        check("", "", "");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let said = Said::new(CheckState::Ok, &"é".repeat(100_000));
        assert!(said.output.len() <= limits::CHECK_OUTPUT_BYTES_MAX + 16);
        assert!(said.output.ends_with("… (cut)"));
    }
}
