//! Lines of columns, under a heading or under names that the pack gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;

use super::scalar::scalar;
use super::{Error, Room, malformed};

/// How a table is read.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// What stands between columns; white space when none is told.
    pub(super) separator: Option<Arc<str>>,
    /// The names of the columns; when there are none the first line has them.
    pub(super) columns: Vec<Arc<str>>,
    /// The columns whose values name the line, from the outside in; none gives a list of lines.
    pub(super) key: Vec<Arc<str>>,
    /// The columns that are kept; none means all.
    pub(super) only: Vec<Arc<str>>,
}

impl Table {
    /// Reads the lines. An empty cell has no value, so it is left out.
    pub(super) fn parse(&self, text: &str, room: &mut Room) -> Result<Value, Error> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let columns = if self.columns.is_empty() {
            let Some(heading) = lines.next() else {
                return Err(malformed("a table", "it has no heading", text));
            };
            // Programs that write for machines mark the heading as a remark.
            let heading = heading.trim_start_matches('#').trim_start();
            self.cells(heading, usize::MAX)
                .map(|name| Arc::from(&*name))
                .collect()
        } else {
            self.columns.clone()
        };
        if let Some(missing) = self.key.iter().find(|key| !columns.contains(key)) {
            let problem = format!("its heading has no column {missing:?}");
            return Err(malformed("the table that was expected", problem, text));
        }
        let mut list = Vec::new();
        let mut tree = Branch::default();
        for line in lines {
            let mut row = BTreeMap::new();
            let mut names = vec![String::new(); self.key.len()];
            for (column, cell) in columns.iter().zip(self.cells(line, columns.len())) {
                if let Some(at) = self.key.iter().position(|key| key == column) {
                    names[at].clone_from(&cell);
                }
                let is_kept = self.only.is_empty() || self.only.contains(column);
                if column.is_empty() || cell.is_empty() || !is_kept {
                    continue;
                }
                room.take()?;
                row.insert(Arc::clone(column), scalar(&cell));
            }
            room.take()?;
            if names.is_empty() {
                list.push(Value::Map(Arc::new(row)));
            } else {
                tree.insert(&names, row);
            }
        }
        Ok(if self.key.is_empty() {
            Value::list(list)
        } else {
            tree.into_value()
        })
    }

    /// Splits a line. Between white space the last column takes the rest of the line; between
    /// separators a cell may stand in double quotes.
    fn cells<'a>(
        &'a self,
        line: &'a str,
        columns_count: usize,
    ) -> Box<dyn Iterator<Item = String> + 'a> {
        match self.separator.as_deref() {
            None | Some("") => Box::new(Words {
                rest: line.trim(),
                left: columns_count,
            }),
            Some(separator) => Box::new(Cells {
                rest: Some(line),
                separator,
            }),
        }
    }
}

/// The words of a line.
struct Words<'a> {
    rest: &'a str,
    left: usize,
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.rest.is_empty() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let (word, rest) = match self.rest.split_once(char::is_whitespace) {
            Some((word, rest)) if self.left > 0 => (word, rest.trim_start()),
            Some(_) | None => (self.rest, ""),
        };
        self.rest = rest;
        Some(word.to_owned())
    }
}

/// The cells of a line.
struct Cells<'a> {
    rest: Option<&'a str>,
    separator: &'a str,
}

impl Iterator for Cells<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let rest = self.rest?;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (cell, rest) = unquote(quoted);
            self.rest = rest.split_once(self.separator).map(|(_, rest)| rest);
            return Some(cell);
        }
        match rest.split_once(self.separator) {
            Some((cell, rest)) => {
                self.rest = Some(rest);
                Some(cell.trim().to_owned())
            }
            None => {
                self.rest = None;
                Some(rest.trim().to_owned())
            }
        }
    }
}

/// Reads up to the closing quote, `""` being one quote inside; gives what follows too.
fn unquote(text: &str) -> (String, &str) {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            cell.push_str(rest);
            return (cell, "");
        };
        cell.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return (cell, after),
        }
    }
}

/// Lines by their names, as many levels deep as there are key columns.
#[derive(Default)]
struct Branch {
    row: BTreeMap<Arc<str>, Value>,
    below: BTreeMap<Arc<str>, Branch>,
}

impl Branch {
    fn insert(&mut self, names: &[String], row: BTreeMap<Arc<str>, Value>) {
        match names.split_first() {
            Some((name, names)) => self
                .below
                .entry(Arc::from(&**name))
                .or_default()
                .insert(names, row),
            None => self.row = row,
        }
    }

    fn into_value(self) -> Value {
        let below = self
            .below
            .into_iter()
            .map(|(name, branch)| (name, branch.into_value()));
        Value::map(self.row.into_iter().chain(below))
    }
}
