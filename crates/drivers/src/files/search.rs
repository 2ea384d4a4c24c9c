//! Looking for something in the lines of a file of any size.

use regex::bytes::{Regex, RegexBuilder};

use model::limits::REGEXP_BYTES_MAX;

use crate::host::lines::Lines;
use crate::{Deadline, Error, Host};

/// What makes a line count; the case of letters never matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// It holds this text.
    Text(&'a str),
    /// It matches this regular expression, in the syntax of the `regex` crate.
    Regexp(&'a str),
}

/// Counts the lines of a file that hold the pattern. With `first_only` it stops at the first.
pub fn count_lines(
    host: &Host,
    path: &str,
    pattern: Pattern<'_>,
    first_only: bool,
    deadline: Deadline,
) -> Result<u64, Error> {
    let regexp = compile(pattern)?;
    let mut lines = Lines::open(host, path, deadline)?;
    let mut count = 0;
    while let Some(line) = lines.next()? {
        count += u64::from(regexp.is_match(line));
        if first_only && count > 0 {
            break;
        }
    }
    Ok(count)
}

fn compile(pattern: Pattern<'_>) -> Result<Regex, Error> {
    let (written, expression) = match pattern {
        Pattern::Text(text) => (text, regex::escape(text)),
        Pattern::Regexp(expression) => (expression, expression.to_owned()),
    };
    RegexBuilder::new(&expression)
        .case_insensitive(true)
        .size_limit(REGEXP_BYTES_MAX)
        .dfa_size_limit(REGEXP_BYTES_MAX)
        .build()
        .map_err(|error| {
            // The crate draws the place over several lines; the last one says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let problem = last.trim_start_matches("error: ");
            Error::bad_request(written, format!("is no regular expression: {problem}"))
        })
}
