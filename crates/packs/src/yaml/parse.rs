//! Events of the YAML scanner to a tree of nodes, within limits.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use model::{Diagnostic, Place, Value, limits};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::explain::{explain, unquoted_expression};
use super::scalar::type_plain;
use super::span::Text;
use super::{Entry, Kind, Node, Style};

/// Most warnings about one text; who has more has seen enough, and each shows its line.
const WARNINGS_MAX: usize = 100;

/// Reads a YAML text. Gives the tree, unless the text is empty or cannot be read, and everything
/// that is wrong or doubtful about it.
pub fn parse(file: &str, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut builder = Builder::new(file, text);
    let root = match builder.build() {
        Ok(root) => root,
        Err(problem) => {
            builder.diagnostics.push(*problem);
            None
        }
    };
    let diagnostics = builder
        .diagnostics
        .into_iter()
        .map(|diagnostic| diagnostic.with_source(text))
        .collect();
    (root, diagnostics)
}

struct Builder<'text> {
    file: Arc<str>,
    text: Text<'text>,
    diagnostics: Vec<Diagnostic>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchor>,
    nodes_count: usize,
}

/// A list or map whose end was not seen yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<Key>,
    nodes_before: usize,
    /// Levels of nesting below it, so far.
    height: usize,
}

struct Key {
    text: Arc<str>,
    place: Place,
    span: Range<usize>,
}

struct Anchor {
    node: Node,
    nodes_count: usize,
    height: usize,
}

type Problem = Box<Diagnostic>;

impl<'text> Builder<'text> {
    fn new(file: &str, text: &'text str) -> Self {
        Self {
            file: Arc::from(file),
            text: Text::new(text),
            diagnostics: Vec::new(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            nodes_count: 0,
        }
    }

    fn build(&mut self) -> Result<Option<Node>, Problem> {
        if self.text.as_str().len() > limits::YAML_FILE_BYTES_MAX {
            return Err(Box::new(
                Diagnostic::error(self.place(1, 0), "the file is too large")
                    .with_hint(format!("at most {} bytes", limits::YAML_FILE_BYTES_MAX)),
            ));
        }
        let mut root = None;
        let mut documents_count = 0;
        for event in Parser::new_from_str(self.text.as_str()) {
            let (event, span) = event.map_err(|error| {
                let at = error.marker();
                Box::new(explain(
                    self.place(at.line(), at.col()),
                    error.info(),
                    self.text.as_str(),
                ))
            })?;
            if matches!(event, Event::DocumentStart(_)) {
                documents_count += 1;
                if documents_count > 1 {
                    return Err(self.problem(
                        span,
                        "a second document starts here",
                        "one file holds one document: remove the line `---`",
                    ));
                }
            }
            if let Some(node) = self.take(event, span)? {
                root = Some(node);
            }
        }
        Ok(root)
    }

    /// Takes one event; gives the root when it is complete.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Problem> {
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(None),
            Event::Alias(id) => self.take_alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), span)?;
                self.count_node(1, span)?;
                self.keep_anchor(anchor, &node, 1, 0);
                self.place_node(node, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Kind::List(Vec::new()), anchor, tag.as_deref(), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Kind::Map(Vec::new()), anchor, tag.as_deref(), span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
        }
    }

    fn take_alias(&mut self, id: usize, span: Span) -> Result<Option<Node>, Problem> {
        let Some(anchor) = self.anchors.get(&id) else {
            return Err(self.problem(
                span,
                "an alias stands inside the very thing it names",
                "an alias may only name something that is complete",
            ));
        };
        let (mut node, nodes_count, height) =
            (anchor.node.clone(), anchor.nodes_count, anchor.height);
        self.count_node(nodes_count, span)?;
        self.check_depth(height, span)?;
        node.place = self.place(span.start.line(), span.start.col());
        node.span = self.text.bytes(span);
        node.aliased = true;
        self.place_node(node, height)
    }

    fn open(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Option<Node>, Problem> {
        self.refuse_tag(tag, span)?;
        let nodes_before = self.nodes_count;
        self.count_node(1, span)?;
        self.check_depth(1, span)?;
        let style = if span.is_empty() {
            Style::Block
        } else {
            Style::Flow
        };
        let mut bytes = self.text.bytes(span);
        if style == Style::Flow {
            bytes.start = self.text.after_properties(bytes.start);
        }
        self.open.push(Open {
            node: Node {
                place: self.place(span.start.line(), span.start.col()),
                span: bytes,
                style,
                aliased: false,
                kind,
            },
            anchor,
            key: None,
            nodes_before,
            height: 0,
        });
        Ok(None)
    }

    fn close(&mut self, span: Span) -> Result<Option<Node>, Problem> {
        let open = self.open.pop().expect("the scanner pairs start and end");
        let mut node = open.node;
        node.span.end = if node.style == Style::Flow {
            self.text.bytes(span).end
        } else {
            last_end(&node).unwrap_or(node.span.end)
        };
        if let Kind::Map(entries) = node.kind {
            node.kind = Kind::Map(self.settle(entries)?);
        }
        let height = open.height + 1;
        self.keep_anchor(
            open.anchor,
            &node,
            self.nodes_count - open.nodes_before,
            height,
        );
        self.place_node(node, height)
    }

    /// Puts a complete node where it belongs; gives it back when it is the root.
    fn place_node(&mut self, node: Node, height: usize) -> Result<Option<Node>, Problem> {
        let Some(parent) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        parent.height = parent.height.max(height);
        match &mut parent.node.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match parent.key.take() {
                Some(key) => entries.push(Entry {
                    key: key.text,
                    key_place: key.place,
                    key_span: key.span,
                    merged: false,
                    value: node,
                }),
                None => {
                    let Kind::Scalar { text, .. } = node.kind else {
                        return Err(self.odd_key(&node));
                    };
                    parent.key = Some(Key {
                        text,
                        place: node.place,
                        span: node.span,
                    });
                }
            },
            Kind::Scalar { .. } => {}
        }
        Ok(None)
    }

    /// Resolves repeated keys (the last wins) and merge keys (what is written here wins).
    fn settle(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Problem> {
        let mut settled: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut by_key: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut merges = Vec::new();
        for entry in entries {
            if &*entry.key == "<<" {
                merges.push(entry.value);
                continue;
            }
            match by_key.get(&entry.key) {
                Some(at) => {
                    self.warn_of_repetition(&settled[*at], &entry);
                    settled[*at] = entry;
                }
                None => {
                    by_key.insert(Arc::clone(&entry.key), settled.len());
                    settled.push(entry);
                }
            }
        }
        for merge in merges {
            for entry in merged_entries(merge)? {
                if !by_key.contains_key(&entry.key) {
                    by_key.insert(Arc::clone(&entry.key), settled.len());
                    settled.push(Entry {
                        merged: true,
                        ..entry
                    });
                }
            }
        }
        Ok(settled)
    }

    fn warn_of_repetition(&mut self, first: &Entry, again: &Entry) {
        if self.diagnostics.len() >= WARNINGS_MAX {
            return;
        }
        let message = format!("the key `{}` stands twice", again.key);
        let hint = format!(
            "line {} has it too; this one counts, remove the other",
            first.key_place.line
        );
        self.diagnostics
            .push(Diagnostic::warning(again.key_place.clone(), message).with_hint(hint));
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Node, Problem> {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let is_text_by_tag =
            tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        if !is_text_by_tag {
            self.refuse_tag(tag, span)?;
        }
        let value = if style == Style::Plain && !is_text_by_tag {
            type_plain(text)
        } else {
            Value::text(text)
        };
        Ok(Node {
            place: self.place(span.start.line(), span.start.col()),
            span: self.text.scalar_bytes(span, style),
            style,
            aliased: false,
            kind: Kind::Scalar {
                text: Arc::from(text),
                value,
            },
        })
    }

    fn refuse_tag(&self, tag: Option<&Tag>, span: Span) -> Result<(), Problem> {
        let Some(tag) = tag else {
            return Ok(());
        };
        let is_harmless =
            tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq" | "set");
        if is_harmless {
            return Ok(());
        }
        let shown = if tag.is_yaml_core_schema() {
            format!("!!{}", tag.suffix)
        } else {
            tag.to_string()
        };
        Err(self.problem(
            span,
            &format!("the tag `{shown}` is not known here"),
            "remove it; quotes make a text of anything",
        ))
    }

    fn odd_key(&self, key: &Node) -> Problem {
        let outer = key.span.start.saturating_sub(1);
        if self
            .text
            .as_str()
            .get(outer..)
            .is_some_and(|rest| rest.starts_with("{{"))
        {
            let place = Place {
                column: key.place.column.saturating_sub(1),
                ..key.place.clone()
            };
            return Box::new(unquoted_expression(place));
        }
        let message = format!("a {} stands where a key is wanted", key.kind_name());
        Box::new(Diagnostic::error(key.place.clone(), message).with_hint("a key is a plain text"))
    }

    fn keep_anchor(&mut self, id: usize, node: &Node, nodes_count: usize, height: usize) {
        if id != 0 {
            let anchor = Anchor {
                node: node.clone(),
                nodes_count,
                height,
            };
            self.anchors.insert(id, anchor);
        }
    }

    fn count_node(&mut self, count: usize, span: Span) -> Result<(), Problem> {
        self.nodes_count += count;
        if self.nodes_count <= limits::YAML_NODES_MAX {
            return Ok(());
        }
        Err(self.problem(
            span,
            "the document holds too many values",
            &format!("at most {}, aliases followed", limits::YAML_NODES_MAX),
        ))
    }

    fn check_depth(&self, height: usize, span: Span) -> Result<(), Problem> {
        if self.open.len() + height <= limits::YAML_DEPTH_MAX {
            return Ok(());
        }
        Err(self.problem(
            span,
            "the document is nested too deeply",
            &format!("at most {} levels", limits::YAML_DEPTH_MAX),
        ))
    }

    fn problem(&self, span: Span, message: &str, hint: &str) -> Problem {
        let place = self.place(span.start.line(), span.start.col());
        Box::new(Diagnostic::error(place, message).with_hint(hint))
    }

    fn place(&self, line: usize, column: usize) -> Place {
        // The size limit keeps both far below 2^32.
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Place::new(
            Arc::clone(&self.file),
            number(line.max(1)),
            number(column + 1),
        )
    }
}

fn merged_entries(merge: Node) -> Result<Vec<Entry>, Problem> {
    let place = merge.place.clone();
    let refuse = || {
        Box::new(
            Diagnostic::error(place.clone(), "`<<` takes a map, or a list of maps")
                .with_hint("write `<<: *name`, where `&name` stands before a map"),
        )
    };
    match merge.kind {
        Kind::Map(entries) => Ok(entries),
        Kind::List(items) => {
            let mut all = Vec::new();
            for item in items {
                match item.kind {
                    Kind::Map(entries) => all.extend(entries),
                    Kind::Scalar { .. } | Kind::List(_) => return Err(refuse()),
                }
            }
            Ok(all)
        }
        Kind::Scalar { .. } => Err(refuse()),
    }
}

/// Finds the end of the last thing that is written inside a block.
fn last_end(node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::List(items) => items.iter().map(|item| item.span.end).max(),
        Kind::Map(entries) => entries
            .iter()
            .filter(|entry| !entry.merged)
            .map(|entry| entry.value.span.end.max(entry.key_span.end))
            .max(),
        Kind::Scalar { .. } => None,
    }
}
