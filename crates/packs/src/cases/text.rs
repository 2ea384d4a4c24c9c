//! The text of cases: lines of `given` and `expect`.

use std::sync::Arc;

use model::{CheckState, Diagnostic, Place, Value, nearest, parse_interval};

use crate::yaml;

/// The lines that a case may hold, for messages and the manual.
pub const GRAMMAR: &[&str] = &[
    "case: NAME",
    "given collector.PATH = VALUE (also node, configuration, parameters)",
    "given groups NAME NAME …",
    "given static groups NAME …",
    "given FUNCTION(ARGUMENTS) = VALUE",
    "given failure COLLECTOR = REASON",
    "given raw COLLECTOR = VALUE",
    "given previous COLLECTOR = VALUE",
    "given elapsed = INTERVAL",
    "expect check NAME STATE \"TEXT\" …",
    "expect groups NAME …",
    "expect no groups NAME …",
    "expect compliance NAME applies (or: does not apply)",
    "expect generator NAME applies (or: does not apply)",
    "expect handler NAME gets CHECK STATE (or: does not get)",
    "expect dashboard NAME",
    "expect collector NAME KEY = VALUE",
];

/// A case as it is written.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    pub(super) facts: Vec<(Place, Fact)>,
    pub(super) expectations: Vec<(Place, Expectation)>,
}

/// Something that is given.
#[derive(Debug, PartialEq)]
pub(super) enum Fact {
    /// The value of a reference: its steps, root first.
    Reference(Vec<String>, Value),
    /// What a call answers.
    Call(String, Value),
    Groups(Vec<String>),
    StaticGroups(Vec<String>),
    /// A collector fails, and why.
    Failure(String, String),
    Raw(String, Value),
    Previous(String, Value),
    Elapsed(std::time::Duration),
}

/// Something that should be so.
#[derive(Debug, PartialEq)]
pub(super) enum Expectation {
    Check {
        name: String,
        /// The item of a check with `for_each`.
        item: Option<String>,
        state: CheckState,
        texts: Vec<String>,
    },
    Groups(Vec<String>),
    NoGroups(Vec<String>),
    Compliance(String, bool),
    Generator(String, bool),
    Dashboard(String),
    Handler {
        name: String,
        check: String,
        state: CheckState,
        gets: bool,
    },
    Collector {
        name: String,
        path: Vec<String>,
        value: Value,
    },
}

/// Reads a file of cases. A line that cannot be read is told and left out.
pub(super) fn parse(file: &str, text: &str) -> (Vec<Case>, Vec<Diagnostic>) {
    let file: Arc<str> = Arc::from(file);
    let mut cases: Vec<Case> = Vec::new();
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let place = Place::new(Arc::clone(&file), number, 1);
        let read = match trimmed.strip_prefix("case:") {
            Some(name) => {
                cases.push(Case {
                    name: Arc::from(name.trim()),
                    place: place.clone(),
                    facts: Vec::new(),
                    expectations: Vec::new(),
                });
                Ok(())
            }
            None => line_of(trimmed, &place, cases.last_mut()),
        };
        if let Err((message, hint)) = read {
            let problem = Diagnostic::error(place, message).with_source(text);
            problems.push(problem.with_hint(hint));
        }
    }
    for case in &cases {
        if case.expectations.is_empty() {
            let message = format!("the case `{}` expects nothing", case.name);
            problems.push(Diagnostic::warning(case.place.clone(), message).with_source(text));
        }
    }
    (cases, problems)
}

type Refused = (String, String);

fn line_of(line: &str, place: &Place, case: Option<&mut Case>) -> Result<(), Refused> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if !matches!(word, "given" | "expect") {
        let hint = match nearest(word, ["given", "expect", "case:"]) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => "a line begins with `case:`, `given`, `expect` or `#`".to_owned(),
        };
        return Err((format!("a line cannot begin with `{word}`"), hint));
    }
    let Some(case) = case else {
        let message = "a line stands before the first case".to_owned();
        return Err((message, "write `case: …` above it".to_owned()));
    };
    if word == "given" {
        case.facts.push((place.clone(), fact(rest.trim())?));
    } else {
        let expectation = expectation(rest.trim())?;
        case.expectations.push((place.clone(), expectation));
    }
    Ok(())
}

fn fact(text: &str) -> Result<Fact, Refused> {
    if let Some(names) = text.strip_prefix("static groups ") {
        return Ok(Fact::StaticGroups(words(names)));
    }
    if let Some(names) = text.strip_prefix("groups ") {
        return Ok(Fact::Groups(words(names)));
    }
    let Some((left, right)) = split_assignment(text) else {
        return Err(not_understood("given", text));
    };
    if let Some(name) = left.strip_prefix("failure ") {
        return Ok(Fact::Failure(name.trim().to_owned(), right.to_owned()));
    }
    let value = value(right)?;
    if let Some(name) = left.strip_prefix("raw ") {
        return Ok(Fact::Raw(name.trim().to_owned(), value));
    }
    if let Some(name) = left.strip_prefix("previous ") {
        return Ok(Fact::Previous(name.trim().to_owned(), value));
    }
    if left == "elapsed" {
        let elapsed = parse_interval(right);
        return elapsed
            .map(Fact::Elapsed)
            .map_err(|error| (error.to_string(), String::from("as `given elapsed = 10s`")));
    }
    if left.ends_with(')') {
        return Ok(Fact::Call(left.to_owned(), value));
    }
    let path = path(left);
    match path.first().map(String::as_str) {
        Some("collector" | "node" | "configuration" | "parameters") if path.len() > 1 => {
            Ok(Fact::Reference(path, value))
        }
        Some(_) | None => Err(not_understood("given", text)),
    }
}

fn expectation(text: &str) -> Result<Expectation, Refused> {
    let parts = words(text);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    match parts.as_slice() {
        ["check", name, state, texts @ ..] => {
            let state = check_state(state)?;
            let (name, item) = match name.strip_suffix(']').and_then(|it| it.split_once('[')) {
                Some((name, item)) => (name, Some(item.to_owned())),
                None => (*name, None),
            };
            Ok(Expectation::Check {
                name: name.to_owned(),
                item,
                state,
                texts: owned(texts),
            })
        }
        ["no", "groups", names @ ..] => Ok(Expectation::NoGroups(owned(names))),
        ["groups", names @ ..] => Ok(Expectation::Groups(owned(names))),
        ["compliance", name, "applies"] => Ok(Expectation::Compliance((*name).to_owned(), true)),
        ["compliance", name, "does", "not", "apply"] => {
            Ok(Expectation::Compliance((*name).to_owned(), false))
        }
        ["generator", name, "applies"] => Ok(Expectation::Generator((*name).to_owned(), true)),
        ["generator", name, "does", "not", "apply"] => {
            Ok(Expectation::Generator((*name).to_owned(), false))
        }
        ["handler", name, "gets", check, state] => handler(name, check, state, true),
        ["handler", name, "does", "not", "get", check, state] => handler(name, check, state, false),
        ["dashboard", name] => Ok(Expectation::Dashboard((*name).to_owned())),
        ["collector", name, ..] => {
            let Some((left, right)) = split_assignment(text) else {
                return Err(not_understood("expect", text));
            };
            let key = left.trim_start_matches("collector").trim_start();
            let key = key.strip_prefix(name).unwrap_or(key).trim();
            Ok(Expectation::Collector {
                name: (*name).to_owned(),
                path: path(key),
                value: value(right)?,
            })
        }
        _ => Err(not_understood("expect", text)),
    }
}

fn check_state(word: &str) -> Result<CheckState, Refused> {
    CheckState::parse(word).ok_or_else(|| {
        let words = CheckState::ALL.map(CheckState::as_str).join(", ");
        (format!("`{word}` is no state"), format!("one of: {words}"))
    })
}

fn handler(name: &str, check: &str, state: &str, gets: bool) -> Result<Expectation, Refused> {
    Ok(Expectation::Handler {
        name: name.to_owned(),
        check: check.to_owned(),
        state: check_state(state)?,
        gets,
    })
}

fn not_understood(word: &str, text: &str) -> Refused {
    let forms: Vec<&str> = GRAMMAR
        .iter()
        .copied()
        .filter(|form| form.starts_with(word))
        .collect();
    (
        format!("`{word} {text}` is not understood"),
        format!("one of: {}", forms.join("; ")),
    )
}

/// Splits at the first ` = ` that stands in no quotes and no brackets.
fn split_assignment(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, '=') if depth <= 0 && text[..at].ends_with(' ') => {
                return Some((text[..at].trim(), text[at + 1..].trim()));
            }
            (None, _) => {}
        }
    }
    None
}

fn value(text: &str) -> Result<Value, Refused> {
    let (node, problems) = yaml::parse("value", text);
    match problems.into_iter().find(Diagnostic::is_error) {
        Some(problem) => Err((
            format!("the value cannot be read: {}", problem.message),
            problem.hint.unwrap_or_default(),
        )),
        None => Ok(node.map_or(Value::None, |node| node.to_value())),
    }
}

/// Splits a path at its dots; a step in quotes may hold dots.
fn path(text: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => steps.push(String::new()),
            c => {
                if let Some(step) = steps.last_mut() {
                    step.push(c);
                }
            }
        }
    }
    steps
}

/// Splits at white space; quotes hold words together.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            ',' if !quoted && word.as_ref().is_some_and(|it| !it.is_empty()) => {
                words.extend(word.take());
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
