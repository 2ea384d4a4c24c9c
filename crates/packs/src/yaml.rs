//! YAML text as a tree of nodes that know where they stand.
//!
//! Reads the YAML 1.2 core schema: `true`, `false`, `null`, decimal, `0x` and `0o` numbers are
//! typed; `yes`, `on` and `0644` are not what YAML 1.1 made of them (a text, a text and 644), which
//! is what the people who write `permissions: 0644` mean. Where a boolean is wanted, the reader of
//! that field takes `yes` and `no` too. Anchors, aliases and merge keys (`<<`) are resolved here,
//! so that nobody else has to know of them; a repeated key is a warning and its last value counts.
//!
//! Writing is [`edit`]: one value is changed, and every other byte stays.
//! Start with [`parse()`].

pub mod edit;
mod explain;
mod locate;
mod parse;
mod scalar;
mod span;

use std::ops::Range;
use std::sync::Arc;

use model::{Place, Value};

pub(crate) use locate::Layout;
pub use parse::parse;
pub(crate) use scalar::is_plain_safe;

/// A piece of a YAML document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it starts in its file.
    pub place: Place,
    /// The bytes of the text it covers, without anchor, tag and trailing comment.
    pub span: Range<usize>,
    /// How it is written.
    pub style: Style,
    /// True when it stands here as `*name`: its text is at the anchor.
    pub aliased: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A single value, as written and as typed.
    Scalar {
        /// The text, unquoted.
        text: Arc<str>,
        /// The typed value.
        value: Value,
    },
    /// Nodes in order.
    List(Vec<Node>),
    /// Nodes by key, in the order of the file; each key stands once.
    Map(Vec<Entry>),
}

/// A key of a map and what stands under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text.
    pub key: Arc<str>,
    /// Where the key starts.
    pub key_place: Place,
    /// The bytes of the key.
    pub key_span: Range<usize>,
    /// True when the entry came in by a merge key.
    pub merged: bool,
    /// What stands under the key.
    pub value: Node,
}

/// How a node is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `text`
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|` and the lines below
    Literal,
    /// `>` and the lines below
    Folded,
    /// A list or map by indentation.
    Block,
    /// `[a]` or `{a: b}`
    Flow,
}

impl Style {
    /// Tells whether it has quotes.
    pub fn is_quoted(self) -> bool {
        match self {
            Self::SingleQuoted | Self::DoubleQuoted => true,
            Self::Plain | Self::Literal | Self::Folded | Self::Block | Self::Flow => false,
        }
    }
}

impl Node {
    /// Finds what stands under a key; `None` when this is no map or has no such key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Finds the entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()
            .and_then(|entries| entries.iter().find(|entry| &*entry.key == key))
    }

    /// Gives the entries of a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar { .. } | Kind::List(_) => None,
        }
    }

    /// Gives the items of a list.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            Kind::Scalar { .. } | Kind::Map(_) => None,
        }
    }

    /// Gives the text of a scalar as written, whatever its type.
    pub fn text(&self) -> Option<&Arc<str>> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Tells whether this is `null`, `~` or nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(
            self.kind,
            Kind::Scalar {
                value: Value::None,
                ..
            }
        )
    }

    /// Gives the plain value of the whole tree.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { value, .. } => value.clone(),
            Kind::List(items) => Value::list(items.iter().map(Self::to_value)),
            Kind::Map(entries) => Value::map(
                entries
                    .iter()
                    .map(|entry| (Arc::clone(&entry.key), entry.value.to_value())),
            ),
        }
    }

    /// Names the kind of node in the words of an error message.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar {
                value: Value::None, ..
            } => "nothing",
            Kind::Scalar { value, .. } => value.kind(),
            Kind::List(_) => "list",
            Kind::Map(_) => "map",
        }
    }
}

#[cfg(test)]
mod tests;
