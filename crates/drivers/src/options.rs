//! What a pack says to a notifier or a probe, read with the name of the option in every complaint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::limits::REGEXP_BYTES_MAX;
use model::{Value, parse_interval};
use regex::{Regex, RegexBuilder};

use crate::Error;

/// Something that a notifier or a probe may be told.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The name.
    pub name: &'static str,
    /// What it is for, in one sentence.
    pub doc: &'static str,
    /// What it holds.
    pub kind: OptionKind,
    /// What holds when it is absent or empty, as a person would write it; empty when nothing does.
    pub default: &'static str,
    /// Whether nothing can be done without it.
    pub is_required: bool,
    /// Whether it must never be shown.
    pub is_secret: bool,
}

/// What an option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// A text.
    Text,
    /// A text, or several of them in order.
    Texts,
    /// A whole number.
    Number,
    /// A number from 0 to 100, with or without `%`.
    Percent,
    /// True or false.
    Flag,
    /// An interval: `500ms`, `10s`, `21d`.
    Interval,
    /// A regular expression.
    Regexp,
    /// Texts by name.
    Map,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl OptionSpec {
    /// Makes an option that may be left out.
    pub(crate) const fn new(name: &'static str, kind: OptionKind, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            kind,
            default: "",
            is_required: false,
            is_secret: false,
        }
    }

    /// Says what holds without it.
    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Says that nothing can be done without it.
    pub(crate) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// Says that it must never be shown.
    pub(crate) const fn secret(self) -> Self {
        Self {
            is_secret: true,
            ..self
        }
    }
}

/// The options of one notifier or probe.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    /// Whose they are, as complaints name it.
    of: &'static str,
    known: &'static [OptionSpec],
    given: &'a BTreeMap<Arc<str>, Value>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(
        of: &'static str,
        known: &'static [OptionSpec],
        given: &'a BTreeMap<Arc<str>, Value>,
    ) -> Self {
        Self { of, known, given }
    }

    /// Refuses options that are unknown, missing or of another kind.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let names = || self.known.iter().map(|option| option.name);
        for name in self.given.keys() {
            if !names().any(|known| known == &**name) {
                let hint = match model::nearest(name, names()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
                };
                return Err(self.refuse(name, &format!("is unknown: {hint}")));
            }
        }
        for option in self.known {
            let value = self.value(option.name);
            if option.is_required && value.is_none() {
                return Err(self.refuse(option.name, &format!("is not set: {}", option.doc)));
            }
            match option.kind {
                OptionKind::Text => drop(self.text(option.name)?),
                OptionKind::Texts => drop(self.plain_texts(option.name)?),
                OptionKind::Number => drop(self.number(option.name)?),
                OptionKind::Flag => drop(self.flag(option.name)?),
                OptionKind::Percent => drop(self.percent(option.name)?),
                OptionKind::Interval => drop(self.interval(option.name)?),
                OptionKind::Regexp => drop(self.regexp(option.name)?),
                OptionKind::Map => drop(self.map(option.name)?),
                OptionKind::Choice(words) => {
                    let word = self.choice(option.name)?;
                    if word.is_some_and(|word| !words.contains(&word.as_str())) {
                        let problem = format!("is none of {}", words.join(", "));
                        return Err(self.refuse(option.name, &problem));
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives a text; none when it is absent or empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other, "a text")),
        }
    }

    /// Gives one of several words; YAML reads some of them as true or false.
    pub(crate) fn choice(&self, name: &str) -> Result<Option<String>, Error> {
        let value = self.value(name);
        value
            .map(|value| plain(value).ok_or_else(|| self.wrong(name, value, "a word")))
            .transpose()
    }

    /// Gives a text or what the documentation says holds without it.
    pub(crate) fn text_or_default(&self, name: &str) -> Result<&'a str, Error> {
        Ok(self.text(name)?.unwrap_or_else(|| self.default(name)))
    }

    /// Gives a text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&'a str, Error> {
        self.text(name)?
            .ok_or_else(|| self.refuse(name, "is not set"))
    }

    /// Gives one or several texts; empty ones are left out.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Error> {
        let mut texts = self.words(name)?;
        texts.retain(|text| !text.is_empty());
        Ok(texts)
    }

    /// Gives the words of a command; of those, empty ones count.
    pub(crate) fn words(&self, name: &str) -> Result<Vec<&'a str>, Error> {
        let one = |value: &'a Value| match value {
            Value::Text(text) => Ok(&**text),
            other => Err(self.wrong(name, other, "a text in its list")),
        };
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::List(list)) => list.iter().map(one).collect(),
            Some(value) => Ok(vec![one(value)?]),
        }
    }

    /// Gives one or several texts, or numbers as texts.
    pub(crate) fn plain_texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let items = match self.value(name) {
            None => &[][..],
            Some(Value::List(list)) => list,
            Some(value) => std::slice::from_ref(value),
        };
        let text = |value| plain(value).ok_or_else(|| self.wrong(name, value, "a text"));
        items.iter().map(text).collect()
    }

    /// Gives a whole number, which may be written as text.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Text(text)) if text.trim().parse::<i64>().is_ok() => {
                Ok(text.trim().parse().ok())
            }
            Some(other) => Err(self.wrong(name, other, "a whole number")),
        }
    }

    /// Gives a percentage, or the one that holds without it.
    pub(crate) fn percent(&self, name: &str) -> Result<f64, Error> {
        let text = match self.value(name) {
            None => self.default(name).to_owned(),
            Some(value) => plain(value).unwrap_or_default(),
        };
        let number = text.trim().trim_end_matches('%').trim().parse::<f64>().ok();
        let number = number.filter(|number| (0.0..=100.0).contains(number));
        number.ok_or_else(|| self.refuse(name, "is no number from 0 to 100"))
    }

    /// Tells whether something is wanted; it may be written as text.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.value(name) {
            None => Ok(self.default(name) == "true"),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(Value::Text(text)) if matches!(&**text, "true" | "false") => Ok(&**text == "true"),
            Some(other) => Err(self.wrong(name, other, "true or false")),
        }
    }

    /// Gives an interval; a bare number is in seconds.
    pub(crate) fn interval(&self, name: &str) -> Result<Option<Duration>, Error> {
        let text = match self.value(name) {
            None => Some(self.default(name).to_owned()).filter(|text| !text.is_empty()),
            Some(value) => Some(plain(value).unwrap_or_default()),
        };
        let Some(text) = text else { return Ok(None) };
        let interval = parse_interval(&text);
        let interval = interval.map_err(|error| self.refuse(name, &format!("is wrong: {error}")));
        interval.map(Some)
    }

    /// Gives a regular expression, of a bounded size.
    pub(crate) fn regexp(&self, name: &str) -> Result<Option<Regex>, Error> {
        let text = self.text(name)?;
        text.map(|text| self.compile(name, text)).transpose()
    }

    /// Compiles a regular expression that stands in an option.
    pub(crate) fn compile(&self, name: &str, text: &str) -> Result<Regex, Error> {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(REGEXP_BYTES_MAX).multi_line(true);
        builder.build().map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim().to_owned();
            self.refuse(name, &format!("is no regular expression: {why}"))
        })
    }

    /// Gives texts by name.
    pub(crate) fn map(&self, name: &str) -> Result<Vec<(&'a str, String)>, Error> {
        let Some(value) = self.value(name) else {
            return Ok(Vec::new());
        };
        let Value::Map(map) = value else {
            return Err(self.wrong(name, value, "a map"));
        };
        map.iter()
            .map(|(key, value)| match plain(value) {
                Some(text) => Ok((&**key, text)),
                None => Err(self.wrong(name, value, "a text in its map")),
            })
            .collect()
    }

    /// Makes the failure of an option.
    pub(crate) fn refuse(&self, name: &str, problem: &str) -> Error {
        Error::BadOption {
            name: name.to_owned(),
            of: self.of,
            problem: problem.to_owned(),
        }
    }

    /// Takes every secret out of a text that is to be shown.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let mut secrets = Vec::new();
        for option in self.known.iter().filter(|option| option.is_secret) {
            if let Some(value) = self.given.get(option.name) {
                leaves(value, &mut secrets);
            }
        }
        // The longest first: one may hold another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let mut shown = text.to_owned();
        for secret in secrets {
            shown = shown.replace(secret, "***");
        }
        shown
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        debug_assert!(
            self.known.iter().any(|option| option.name == name),
            "{} has no option {name}",
            self.of
        );
        match self.given.get(name)? {
            Value::None => None,
            Value::Text(text) if text.is_empty() => None,
            value => Some(value),
        }
    }

    fn default(&self, name: &str) -> &'static str {
        let options = self.known.iter();
        options
            .filter(|option| option.name == name)
            .map(|option| option.default)
            .next()
            .unwrap_or_default()
    }

    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> Error {
        self.refuse(name, &format!("is {}, not {wanted}", with_article(value)))
    }
}

fn with_article(value: &Value) -> String {
    match value.kind() {
        none @ "none" => none.to_owned(),
        kind if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}

/// Writes a value that is no tree.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::None | Value::List(_) | Value::Map(_) => None,
    }
}

/// Secrets that are shorter would blank out half of every message.
const SECRET_BYTES_MIN: usize = 4;

/// Collects every text in a value.
fn leaves<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Text(text) if text.len() >= SECRET_BYTES_MIN => {
            found.push(text);
            // The secret part of an address is what follows the host.
            let path = text
                .split_once("://")
                .and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
            found.extend(path.filter(|path| path.len() >= SECRET_BYTES_MIN));
        }
        Value::List(list) => list.iter().for_each(|item| leaves(item, found)),
        Value::Map(map) => map.values().for_each(|item| leaves(item, found)),
        Value::Text(_) | Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
    }
}
