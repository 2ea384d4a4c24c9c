//! Rows of a statement as a value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;
use model::limits::SQL_ROWS_MAX;

use crate::Error;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers.
    Whole,
    /// Other numbers.
    Number,
    /// `t` or `f`.
    Truth,
    /// Anything else.
    Text,
}

/// The rows of one statement.
pub(super) struct Rows {
    columns: Vec<(Arc<str>, Kind)>,
    rows: Vec<Value>,
    /// The rows of `SHOW STATUS` and its kin, by the name in their first column.
    named: Option<BTreeMap<Arc<str>, Value>>,
}

fn text(cell: Option<&[u8]>) -> Option<Cow<'_, str>> {
    cell.map(String::from_utf8_lossy)
}

impl Rows {
    pub(super) fn new(columns: Vec<(Arc<str>, Kind)>) -> Self {
        let names: Vec<_> = columns.iter().map(|(name, _)| &**name).collect();
        let is_named = matches!(&names[..], [name, value]
            if name.eq_ignore_ascii_case("variable_name") && value.eq_ignore_ascii_case("value"));
        Self {
            columns,
            rows: Vec::new(),
            named: is_named.then(BTreeMap::new),
        }
    }

    pub(super) fn columns_len(&self) -> usize {
        self.columns.len()
    }

    /// Adds a row; a cell that is none is NULL.
    pub(super) fn push(&mut self, cells: &[Option<&[u8]>], subject: &str) -> Result<(), Error> {
        if self.rows.len() + self.named.as_ref().map_or(0, BTreeMap::len) >= SQL_ROWS_MAX {
            return Err(Error::TooLarge {
                subject: format!("the answer of {subject}"),
                limit: format!("{SQL_ROWS_MAX} rows"),
                advice: "let the statement select fewer",
            });
        }
        if let Some(named) = &mut self.named {
            let name = text(cells.first().copied().flatten()).unwrap_or_default();
            let value = text(cells.get(1).copied().flatten());
            named.insert(
                Arc::from(&*name),
                value.map_or(Value::None, |it| guess(&it)),
            );
            return Ok(());
        }
        let row = self.columns.iter().zip(cells).map(|((name, kind), cell)| {
            let value = text(*cell).map_or(Value::None, |cell| typed(*kind, &cell));
            (Arc::clone(name), value)
        });
        self.rows.push(Value::map(row));
        Ok(())
    }

    /// Gives a list of maps; for two columns `Variable_name` and `Value` a map.
    pub(super) fn into_value(self) -> Value {
        match self.named {
            Some(named) => Value::Map(Arc::new(named)),
            None => Value::list(self.rows),
        }
    }
}

fn typed(kind: Kind, cell: &str) -> Value {
    match kind {
        Kind::Whole => match cell.parse() {
            Ok(whole) => Value::Int(whole),
            Err(_) => number(cell),
        },
        Kind::Number => number(cell),
        Kind::Truth => Value::Bool(cell == "t"),
        Kind::Text => Value::from(cell),
    }
}

/// Reads a number; what is none by name (`NaN`) is none.
fn number(cell: &str) -> Value {
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Float(number),
        Ok(_) => Value::None,
        Err(_) => Value::from(cell),
    }
}

/// Reads a variable of a server, whose kind nobody tells.
fn guess(cell: &str) -> Value {
    let is_number = cell.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-')
        && cell.ends_with(|letter: char| letter.is_ascii_digit())
        && cell
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    if !is_number {
        return Value::from(cell);
    }
    typed(Kind::Whole, cell)
}
