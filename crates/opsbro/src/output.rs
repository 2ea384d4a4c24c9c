//! One answer, three forms: text for people, JSON and YAML for programs.
//!
//! A command gives a value that knows its text ([`Answer`]); which form is wanted, whether colour
//! is, how wide the terminal is and whether somebody still reads are decided here, once. Data goes
//! to stdout, talk to stderr.

pub(crate) mod number;
mod page;
pub(crate) mod progress;
pub(crate) mod tree;
mod value;
mod visible;
mod yaml;

use std::io::{ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use model::WallTime;
use serde::Serialize;

use crate::failure::Failure;

pub(crate) use page::{Page, topic_color};
pub(crate) use tree::cut;
pub(crate) use value::written;
pub(crate) use visible::visible;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs; a stream gives one document a line
    Json,
    /// For files
    Yaml,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb; CLICOLOR_FORCE forces it
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}

impl Color {
    /// Makes it the choice for both streams.
    pub(crate) fn use_everywhere(self) {
        match self {
            Self::Auto => {}
            Self::Always => ColorChoice::Always.write_global(),
            Self::Never => ColorChoice::Never.write_global(),
        }
    }
}

/// Something that a command tells: a value with a text for people.
pub(crate) trait Answer: Serialize {
    /// Writes it for people.
    fn text(&self, page: &mut Page);
}

/// A single value, printed bare so that a script can take it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Bare(pub(crate) String);

impl Answer for Bare {
    fn text(&self, page: &mut Page) {
        page.line(&self.0);
    }
}

/// Where answers go.
#[derive(Debug)]
pub(crate) struct Printer {
    format: Format,
    columns: Option<usize>,
    plain_letters: bool,
}

impl Printer {
    /// Makes the printer of this process: looks at the terminal and sets the colour of both
    /// streams.
    pub(crate) fn new(format: Format, color: Color) -> Self {
        color.use_everywhere();
        Self {
            format,
            columns: terminal_columns(),
            plain_letters: locale_is_not_utf8(),
        }
    }

    /// Tells whether the answer is for a program.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.format != Format::Text
    }

    /// Prints the answer of a command.
    pub(crate) fn show(&self, answer: &impl Answer) -> Result<(), Failure> {
        let text = match self.format {
            Format::Text => self.page_of(answer),
            Format::Json => json(answer, true)?,
            Format::Yaml => yaml::to_string(answer).map_err(not_writable)?,
        };
        self.write(&text)
    }

    /// Prints a value that is somebody's own: who reads it from a pipe gets it as it is.
    pub(crate) fn show_value(&self, answer: &impl Answer) -> Result<(), Failure> {
        if self.is_for_programs() || std::io::stdout().is_terminal() {
            return self.show(answer);
        }
        let mut page = Page::new(self.columns);
        answer.text(&mut page);
        self.write(&page.finish())
    }

    /// Prints one answer of a stream: a line of text, a line of JSON, a document of YAML.
    pub(crate) fn show_next(&self, answer: &impl Answer) -> Result<(), Failure> {
        let text = match self.format {
            Format::Text => self.page_of(answer),
            Format::Json => json(answer, false)?,
            Format::Yaml => format!("---\n{}", yaml::to_string(answer).map_err(not_writable)?),
        };
        self.write(&text)
    }

    /// Prints a text as it is, whatever the format: a script, a unit file, a manual.
    pub(crate) fn raw(&self, text: &str) -> Result<(), Failure> {
        self.write(text)
    }

    /// Prints bytes as they are, also to a terminal.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        finished(write_all(std::io::stdout().lock(), bytes))
    }

    /// Says something to the person: it is not part of the answer.
    pub(crate) fn say(&self, text: &str) {
        let mut text = visible(text);
        if self.plain_letters {
            text = plain_letters(&text);
        }
        // Talk that nobody hears is no failure.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    fn page_of(&self, answer: &impl Answer) -> String {
        let mut page = Page::new(self.columns);
        answer.text(&mut page);
        let text = visible(&page.finish());
        if self.plain_letters {
            plain_letters(&text)
        } else {
            text
        }
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        let out = AutoStream::auto(std::io::stdout().lock());
        finished(write_all(out, text.as_bytes()))
    }
}

fn write_all(mut out: impl Write, bytes: &[u8]) -> std::io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

fn finished(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::reader_gone()),
        Err(error) => Err(Failure::new(format!("cannot write the answer: {error}"))),
    }
}

fn json(answer: &impl Serialize, pretty: bool) -> Result<String, Failure> {
    let text = match pretty {
        true => serde_json::to_string_pretty(answer),
        false => serde_json::to_string(answer),
    };
    text.map(|text| text + "\n").map_err(not_writable)
}

fn not_writable(error: serde_json::Error) -> Failure {
    Failure::new(format!("the answer cannot be written: {error}"))
}

/// Gives the width of the terminal on stdout; `None` when there is none, and lines stay whole.
fn terminal_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let asked = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let told = || {
        rustix::termios::tcgetwinsize(&stdout)
            .ok()
            .map(|size| usize::from(size.ws_col))
    };
    // Below 40 columns nothing can be laid out, and 0 means unknown.
    asked.or_else(told).filter(|columns| *columns >= 40)
}

/// Tells whether the locale names a code set, and it is another than UTF-8.
fn locale_is_not_utf8() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    locale.is_some_and(|locale| names_another_code_set(&locale))
}

fn names_another_code_set(locale: &str) -> bool {
    let code_set = locale
        .split_once('.')
        .map(|(_, code_set)| code_set.to_lowercase());
    code_set.is_some_and(|code_set| !code_set.starts_with("utf-8") && !code_set.starts_with("utf8"))
}

/// Writes the seconds since 1970 of a history as a date.
pub(crate) fn date(seconds: u64) -> String {
    whole_seconds(&WallTime::from_millis(seconds.saturating_mul(1_000)).to_string())
}

/// Leaves out the milliseconds of a time, which say nothing to people.
pub(crate) fn whole_seconds(time: &str) -> String {
    match time.rsplit_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

/// Writes the signs of the layout in ASCII.
fn plain_letters(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '─' => plain.push('-'),
            '│' => plain.push('|'),
            '┌' | '└' | '├' => plain.push('+'),
            '→' => plain.push_str("->"),
            '↓' => plain.push('v'),
            '√' => plain.push('+'),
            '‼' => plain.push('!'),
            'Х' => plain.push('x'),
            '…' => plain.push_str("..."),
            '▁' | '▂' => plain.push('_'),
            '▃' | '▄' => plain.push('.'),
            '▅' | '▆' => plain.push('-'),
            '▇' | '█' => plain.push('^'),
            other => plain.push(other),
        }
    }
    plain
}

/// Lays out an answer as it is without a terminal.
#[cfg(test)]
pub(crate) fn text_of(answer: &impl Answer) -> String {
    let mut page = Page::new(None);
    answer.text(&mut page);
    page.plain()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_locale_that_names_another_code_set_loses_the_drawn_lines() {
        for (locale, expect) in [
            ("fr_FR.ISO-8859-1", true),
            ("fr_FR.UTF-8", false),
            ("en_US.utf8", false),
            ("C", false),
        ] {
            assert_eq!(names_another_code_set(locale), expect, "{locale}");
        }
        assert_eq!(plain_letters("└ More → √ ‼ …"), "+ More -> + ! ...");
    }

    #[test]
    fn a_bare_value_is_bare_in_text_and_a_string_in_json() {
        assert_eq!(text_of(&Bare("x".to_owned())), "x\n");
        assert_eq!(json(&Bare("x".to_owned()), true).unwrap(), "\"x\"\n");
    }
}
