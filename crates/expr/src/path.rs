//! Reading the path of a `{{reference}}`: segments, quotes, `*`, and what follows the path.

use std::sync::Arc;

use model::nearest;

use crate::origin::Span;
use crate::reference::{Root, Segment};
use crate::stop::Fault;

/// A path as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) segments: Vec<Segment>,
    pub(crate) span: Span,
}

/// What a `{{` turned out to hold, up to the byte `end`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opened {
    pub(crate) path: Path,
    /// The second path of `{{parameters.a|b}}`.
    pub(crate) alternative: Option<Path>,
    pub(crate) ending: Ending,
    pub(crate) end: usize,
}

/// How the path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By `}}`, which is read.
    Closed,
    /// By `||`, which is read: an expression and `}}` follow.
    Default,
    /// By `|` in front of something that is no path, as [`Ending::Default`] otherwise.
    SinglePipe,
}

/// Reads what follows the `{{` at byte `start`.
pub(crate) fn read(source: &str, start: usize) -> Result<Opened, Fault> {
    let mut reader = Reader {
        source,
        start,
        at: start + 2,
    };
    let segments = reader.segments()?;
    let path = reader.path(segments)?;
    if reader.take("}}") {
        return Ok(reader.opened(path, None, Ending::Closed));
    }
    if reader.take("||") {
        return Ok(reader.opened(path, None, Ending::Default));
    }
    if reader.take("|") {
        let before = reader.at;
        let root = path.root;
        return Ok(match reader.alternative(root) {
            Some(other) => reader.opened(path, Some(other), Ending::Closed),
            None => {
                reader.at = before;
                reader.opened(path, None, Ending::SinglePipe)
            }
        });
    }
    Err(reader.unclosed())
}

/// Tells whether a reference begins at this byte: `{{`, and a word that references begin with.
pub(crate) fn begins(source: &str, at: usize) -> bool {
    let Some(rest) = source.get(at..).and_then(|rest| rest.strip_prefix("{{")) else {
        return false;
    };
    let rest = rest.trim_start();
    let end = rest
        .find(|character: char| !character.is_ascii_lowercase())
        .unwrap_or(rest.len());
    Root::parse(&rest[..end]).is_some() && rest[end..].trim_start().starts_with(['.', '}', '|'])
}

struct Reader<'a> {
    source: &'a str,
    start: usize,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn opened(&self, path: Path, alternative: Option<Path>, ending: Ending) -> Opened {
        Opened {
            path,
            alternative,
            ending,
            end: self.at,
        }
    }

    /// Reads segments up to `}}`, `|` or something that no segment may hold.
    fn segments(&mut self) -> Result<Vec<Segment>, Fault> {
        let mut segments = Vec::new();
        loop {
            self.skip_space();
            segments.push(self.segment()?);
            self.skip_space();
            if !self.take(".") {
                return Ok(segments);
            }
        }
    }

    fn segment(&mut self) -> Result<Segment, Fault> {
        if let Some(quote @ ('"' | '\'')) = self.rest().chars().next() {
            return self.quoted(quote);
        }
        let rest = self.rest();
        let end = rest.find(['.', '|', '}', '{', '\n']).unwrap_or(rest.len());
        let name = rest[..end].trim_end();
        if name.is_empty() {
            return Err(if rest.is_empty() {
                self.unclosed()
            } else {
                self.fault(
                    "a segment of the path is empty",
                    "as in {{collector.memory.phys_used}}",
                )
            });
        }
        let segment = if name == "*" {
            Segment::All
        } else {
            Segment::Name(Arc::from(name))
        };
        self.at += end;
        Ok(segment)
    }

    fn quoted(&mut self, quote: char) -> Result<Segment, Fault> {
        let mut name = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                _ if character == quote => {
                    self.at += at + 1;
                    return Ok(Segment::Quoted(Arc::from(name)));
                }
                _ => name.push(character),
            }
        }
        Err(self.fault(
            "the quoted segment is not closed",
            "close it with the same quote",
        ))
    }

    /// Makes a path of segments whose first names the root.
    fn path(&self, mut segments: Vec<Segment>) -> Result<Path, Fault> {
        let first = segments.remove(0);
        let word = match &first {
            Segment::Name(word) | Segment::Quoted(word) => &**word,
            Segment::All => "*",
        };
        let span = Span::new(self.start, self.at);
        let Some(root) = Root::parse(word) else {
            return Err(unknown_root(word, span));
        };
        Ok(Path {
            root,
            segments,
            span,
        })
    }

    /// Reads `b}}` behind `{{parameters.a|`: the second path, under the same root.
    fn alternative(&mut self, root: Root) -> Option<Path> {
        let from = self.at;
        let plain = |segment: &Segment| match segment {
            Segment::Name(name) => {
                name.starts_with(|first: char| first.is_alphabetic() || first == '_')
                    && name
                        .chars()
                        .all(|c| c.is_alphanumeric() || "_-/%".contains(c))
            }
            Segment::Quoted(_) | Segment::All => false,
        };
        let mut segments = self.segments().ok()?;
        if !segments.iter().all(plain) || !self.take("}}") {
            return None;
        }
        if segments.first() == Some(&Segment::Name(Arc::from(root.as_str()))) && segments.len() > 1
        {
            segments.remove(0);
        }
        Some(Path {
            root,
            segments,
            span: Span::new(from, self.at - 2),
        })
    }

    fn unclosed(&self) -> Fault {
        self.fault("the reference is not closed", "a reference ends with }}")
    }

    fn fault(&self, message: &str, hint: &str) -> Fault {
        Fault {
            span: Some(Span::new(self.start, self.at)),
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        }
    }
}

fn unknown_root(word: &str, span: Span) -> Fault {
    let known = Root::ALL.map(Root::as_str);
    let hint = match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("references begin with {}", known.join(", ")),
    };
    Fault {
        span: Some(span),
        message: format!("`{word}` is nothing that a reference can begin with"),
        hint: Some(hint),
    }
}
