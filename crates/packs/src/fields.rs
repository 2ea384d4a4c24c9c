//! Reads the fields of a map into typed values.
//!
//! A getter names a key once: that is where the key becomes known, so [`Fields::finish`] can tell
//! which keys nobody asked for. Every problem is reported where it stands; a getter that failed
//! gives what an absent key would give, and the object is refused at the end because the report
//! has an error.

use std::sync::Arc;
use std::time::Duration;

use model::{Diagnostic, GroupSet, Place, Value, nearest, parse_interval};

use crate::expression::{Expression, RawText, Setting, Variable, wrong_kind};
use crate::report::Report;
use crate::yaml::{Entry, Node, Style};

/// The fields of one map of a file.
pub(crate) struct Fields<'read> {
    node: &'read Node,
    /// Where problems of the map as a whole are told.
    place: Place,
    /// What the map is, for messages: "check".
    what: &'static str,
    known: Vec<&'static str>,
    /// What is wrong so far.
    pub(crate) report: &'read mut Report,
}

/// What a key that nobody asked for means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownKeys {
    /// The object is refused.
    Refuse,
    /// Packs that are older than this program may have it: the author is told.
    Warn,
    /// It is data of the author. Told only when it looks like a known key.
    Keep,
}

impl<'read> Fields<'read> {
    /// Takes the map under a key; anything else is reported.
    pub(crate) fn of(
        entry: &'read Entry,
        what: &'static str,
        report: &'read mut Report,
    ) -> Option<Self> {
        let place = entry.key_place.clone();
        Some(Self {
            place,
            ..Self::new(&entry.value, what, report)?
        })
    }

    /// Takes a map that stands under no key of its own; anything else is reported.
    pub(crate) fn new(
        node: &'read Node,
        what: &'static str,
        report: &'read mut Report,
    ) -> Option<Self> {
        if node.entries().is_none() {
            report.push(
                wrong_kind(node, what, "keys with values")
                    .with_hint("write `key: value` lines, indented below it"),
            );
            return None;
        }
        Some(Self {
            node,
            place: node.place.clone(),
            what,
            known: Vec::new(),
            report,
        })
    }

    /// Gives the place of the map: its key, or its first one.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Says where problems of the map as a whole are told.
    #[must_use]
    pub(crate) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// Gives the place of what stands under a key; that of the map when there is nothing.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        let node = self.node.get(key);
        node.map_or_else(|| self.place.clone(), |node| node.place.clone())
    }

    /// Gives the whole map as it was read.
    pub(crate) fn whole(&self) -> &'read Node {
        self.node
    }

    /// Gives the whole map as a value.
    pub(crate) fn to_value(&self) -> Value {
        self.node.to_value()
    }

    /// Gives what stands under a key. A key with nothing under it counts as absent.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'read Node> {
        self.known.push(key);
        self.node.get(key).filter(|node| !node.is_null())
    }

    /// Gives what must stand under a key.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<&'read Node> {
        let node = self.node(key);
        if node.is_none() {
            let what = self.what;
            self.report.push(Diagnostic::error(
                self.place.clone(),
                format!("`{what}` has no `{key}`"),
            ));
        }
        node
    }

    /// Reads a text. A number or boolean is taken as it is written.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<Arc<str>> {
        let node = self.node(key)?;
        self.as_text(node, key)
    }

    /// Reads a text that must be there.
    pub(crate) fn required_text(&mut self, key: &'static str) -> Option<Arc<str>> {
        let node = self.required(key)?;
        self.as_text(node, key)
    }

    fn as_text(&mut self, node: &Node, key: &str) -> Option<Arc<str>> {
        if node.text().is_none() {
            self.report.push(wrong_kind(node, key, "a text"));
        }
        node.text().cloned()
    }

    /// Reads `true` or `false`; `yes`, `no`, `on` and `off` are understood.
    pub(crate) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        let found = as_boolean(node);
        if found.is_none() {
            self.report.push(wrong_kind(node, key, "true or false"));
        }
        found
    }

    /// Reads an interval, `10s` or `1h30m`, of at least one second.
    pub(crate) fn interval(&mut self, key: &'static str) -> Option<Duration> {
        let interval = self.duration(key)?;
        if interval >= Duration::from_secs(1) {
            return Some(interval);
        }
        let message = format!("`{key}` is shorter than one second");
        let place = self.place_of(key);
        self.report.push(Diagnostic::error(place, message));
        None
    }

    /// Reads a time that may be none: `0s`.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let node = self.node(key)?;
        let text = self.as_text(node, key)?;
        match parse_interval(&text) {
            Ok(interval) => Some(interval),
            Err(error) => {
                self.report
                    .push(Diagnostic::error(node.place.clone(), error.to_string()));
                None
            }
        }
    }

    /// Reads one of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let node = self.node(key)?;
        let text = self.as_text(node, key)?;
        let found = choices.iter().find(|(word, _)| *word == &*text);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let key = format!("`{key}`");
            self.report
                .push(unknown_word(&node.place, &key, &text, &words));
        }
        found.map(|(_, value)| *value)
    }

    /// Reads a list of texts; a single text counts as a list of one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<Arc<str>> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        items
            .iter()
            .filter_map(|item| self.as_text(item, key))
            .collect()
    }

    /// Reads a list of raw texts; a single one counts as a list of one.
    pub(crate) fn raw_texts(&mut self, key: &'static str) -> Vec<RawText> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        items
            .iter()
            .filter_map(|item| {
                self.as_text(item, key)?;
                RawText::compile(item, self.report)
            })
            .collect()
    }

    /// Reads a raw text with references.
    pub(crate) fn raw_text(&mut self, key: &'static str) -> Option<RawText> {
        let node = self.node(key)?;
        self.as_text(node, key)?;
        RawText::compile(node, self.report)
    }

    /// Reads a raw text that must be there.
    pub(crate) fn required_raw_text(&mut self, key: &'static str) -> Option<RawText> {
        let node = self.required(key)?;
        self.as_text(node, key)?;
        RawText::compile(node, self.report)
    }

    /// Reads an expression.
    pub(crate) fn expression(&mut self, key: &'static str) -> Option<Expression> {
        let node = self.node(key)?;
        self.as_expression(node, key)
    }

    /// Reads an expression that must be there.
    pub(crate) fn required_expression(&mut self, key: &'static str) -> Option<Expression> {
        let node = self.required(key)?;
        self.as_expression(node, key)
    }

    fn as_expression(&mut self, node: &Node, key: &str) -> Option<Expression> {
        if node.text().is_none() {
            self.report.push(
                wrong_kind(node, key, "an expression")
                    .with_hint("put quotes around the whole expression"),
            );
            return None;
        }
        Expression::compile(node, self.report)
    }

    /// Reads `variables: {name: expression}`.
    pub(crate) fn variables(&mut self) -> Vec<Variable> {
        self.entries("variables")
            .iter()
            .filter_map(|entry| {
                let expression = self.as_expression(&entry.value, &entry.key)?;
                Some(Variable {
                    name: Arc::clone(&entry.key),
                    expression,
                })
            })
            .collect()
    }

    /// Reads a map of settings whose texts may hold references.
    pub(crate) fn settings(
        &mut self,
        key: &'static str,
    ) -> std::collections::BTreeMap<Arc<str>, Setting> {
        self.entries(key)
            .iter()
            .filter_map(|entry| {
                let setting = Setting::compile(&entry.value, self.report)?;
                Some((Arc::clone(&entry.key), setting))
            })
            .collect()
    }

    /// Gives the entries of a map under a key.
    pub(crate) fn entries(&mut self, key: &'static str) -> &'read [Entry] {
        let Some(node) = self.node(key) else {
            return &[];
        };
        if node.entries().is_none() {
            self.report.push(wrong_kind(node, key, "keys with values"));
        }
        node.entries().unwrap_or_default()
    }

    /// Gives the items of a list under a key.
    pub(crate) fn items(&mut self, key: &'static str) -> &'read [Node] {
        let Some(node) = self.node(key) else {
            return &[];
        };
        if node.items().is_none() {
            self.report.push(
                wrong_kind(node, key, "a list").with_hint("write one `- …` line for each item"),
            );
        }
        node.items().unwrap_or_default()
    }

    /// Reads the nodes that an object is for, by their groups: `linux & !container`.
    pub(crate) fn group_set(&mut self, key: &'static str, default: &str) -> GroupSet {
        let node = self.node(key);
        let text = match node {
            Some(node) => self.as_text(node, key),
            None => Some(Arc::from(default)),
        };
        // What is wrong was reported, so that the object is refused whatever set it has.
        let Some(text) = text else {
            return GroupSet::all();
        };
        GroupSet::parse(&text).unwrap_or_else(|error| {
            let place = match node {
                Some(node) => self.report.layout(node).character(&text, error.at),
                None => self.place.clone(),
            };
            let wrong = Diagnostic::error(place, format!("`{key}`: {}", error.message));
            self.report.push(match error.hint {
                Some(hint) => wrong.with_hint(hint),
                None => wrong,
            });
            GroupSet::all()
        })
    }

    /// Takes keys that this program reads nowhere and that are no mistake.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// Reports the keys that nobody asked for, and gives them.
    pub(crate) fn finish(self, unknown: UnknownKeys) -> Vec<&'read Entry> {
        let rest: Vec<&Entry> = self
            .node
            .entries()
            .unwrap_or_default()
            .iter()
            .filter(|entry| !self.known.contains(&&*entry.key))
            .collect();
        for entry in &rest {
            let likely = nearest(&entry.key, self.known.iter().copied());
            let message = format!("`{}` has no key `{}`", self.what, entry.key);
            let diagnostic = match (unknown, likely) {
                (UnknownKeys::Keep, None) => continue,
                (UnknownKeys::Refuse, _) => Diagnostic::error(entry.key_place.clone(), message),
                (UnknownKeys::Warn | UnknownKeys::Keep, _) => {
                    Diagnostic::warning(entry.key_place.clone(), message)
                }
            };
            self.report.push(match likely {
                Some(likely) => diagnostic.with_hint(format!("did you mean `{likely}`?")),
                None => diagnostic.with_hint("nothing reads it; remove it"),
            });
        }
        rest
    }
}

/// Reads a boolean in the words of YAML 1.2 and 1.1.
pub(crate) fn as_boolean(node: &Node) -> Option<bool> {
    match node.to_value() {
        Value::Bool(truth) => Some(truth),
        Value::Text(text) if node.style == Style::Plain => {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "on" => Some(true),
                "no" | "off" => Some(false),
                _ => None,
            }
        }
        Value::None
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

/// Makes the error about a word that is none of the allowed ones; `what` is "`key`" or "a thing".
pub(crate) fn unknown_word(place: &Place, what: &str, text: &str, words: &[&str]) -> Diagnostic {
    let hint = match nearest(text, words.iter().copied()) {
        Some(likely) => format!("did you mean `{likely}`? One of: {}", words.join(", ")),
        None => format!("one of: {}", words.join(", ")),
    };
    Diagnostic::error(place.clone(), format!("{what} cannot be `{text}`")).with_hint(hint)
}
