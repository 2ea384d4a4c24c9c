//! One key with its value and all that is known of it, as one block of memory.
//!
//! A voter may have millions of small keys, so what a key takes beside its name and value counts:
//! the length of the name, the name, the numbers (each as few bytes as it needs), the value.

use std::sync::Arc;

use super::keys::Cell;
use crate::words::{Clock, Revision, Value};

/// Bits of a number that one byte of it has; the highest one says that another byte follows.
const BITS: u32 = 7;
/// The bit that says so.
const MORE: u8 = 1 << BITS;
/// Most bytes of all numbers of a row: the length of the name, and four others.
const NUMBERS_BYTES_MAX: usize = 5 * u64::BITS.div_ceil(BITS) as usize;

/// A key that is there; its clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row(Arc<[u8]>);

impl Row {
    /// Takes a copy of a key and what it is.
    pub(super) fn new(key: &str, value: &[u8], cell: &Numbers) -> Self {
        let mut bytes = Vec::with_capacity(NUMBERS_BYTES_MAX + key.len() + value.len());
        write_number(&mut bytes, key.len() as u64);
        bytes.extend_from_slice(key.as_bytes());
        let numbers = [cell.revision.0, cell.previous.0, cell.wall, cell.expires.0];
        for number in numbers {
            write_number(&mut bytes, number);
        }
        bytes.extend_from_slice(value);
        Self(Arc::from(bytes))
    }

    /// Gives the name.
    pub(super) fn key(&self) -> &str {
        std::str::from_utf8(self.key_bytes()).expect("a row was made of text")
    }

    /// Gives the bytes of the name: they have the order of names.
    pub(super) fn key_bytes(&self) -> &[u8] {
        let (length, at) = read_number(&self.0, 0);
        &self.0[at..at + length as usize]
    }

    /// Gives what it is.
    pub(super) fn cell(&self) -> Cell {
        let (numbers, at) = self.read();
        Cell {
            value: Value::tail(&self.0, at),
            revision: numbers.revision,
            previous: numbers.previous,
            wall: numbers.wall,
            expires: numbers.expires,
        }
    }

    /// Gives the numbers alone.
    pub(super) fn numbers(&self) -> Numbers {
        self.read().0
    }

    /// Tells the bytes of the name and the value.
    pub(super) fn size(&self) -> usize {
        self.key_bytes().len() + self.0.len() - self.read().1
    }

    /// Reads the numbers; tells where the value begins, too.
    fn read(&self) -> (Numbers, usize) {
        let (length, at) = read_number(&self.0, 0);
        let (revision, at) = read_number(&self.0, at + length as usize);
        let (previous, at) = read_number(&self.0, at);
        let (wall, at) = read_number(&self.0, at);
        let (expires, at) = read_number(&self.0, at);
        let numbers = Numbers {
            revision: Revision(revision),
            previous: Revision(previous),
            wall,
            expires: Clock(expires),
        };
        (numbers, at)
    }
}

/// What is known of a key beside its name and value: see [`Cell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) revision: Revision,
    pub(super) previous: Revision,
    pub(super) wall: u64,
    pub(super) expires: Clock,
}

impl From<&Cell> for Numbers {
    fn from(cell: &Cell) -> Self {
        Self {
            revision: cell.revision,
            previous: cell.previous,
            wall: cell.wall,
            expires: cell.expires,
        }
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= u64::from(MORE) {
        bytes.push(number as u8 | MORE);
        number >>= BITS;
    }
    bytes.push(number as u8);
}

/// Reads what [`write_number`] wrote; tells where the next thing begins, too.
fn read_number(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[at];
        at += 1;
        number |= u64::from(byte & !MORE) << shift;
        if byte < MORE {
            return (number, at);
        }
        shift += BITS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, value: &[u8], numbers: [u64; 4]) {
        let [revision, previous, wall, expires] = numbers;
        let numbers = Numbers {
            revision: Revision(revision),
            previous: Revision(previous),
            wall,
            expires: Clock(expires),
        };
        let row = Row::new(key, value, &numbers);
        assert_eq!((row.key(), row.numbers()), (key, numbers));
        assert_eq!(row.size(), key.len() + value.len());
        let cell = row.cell();
        assert_eq!((&*cell.value, Numbers::from(&cell)), (value, numbers));
    }

    #[test]
    fn what_is_put_in_comes_out() {
        check("", b"", [0; 4]);
        check("a", b"v", [1, 0, 1_700_000_000_000, 0]);
        check("ключ", &[0, 0x80, 0xff], [127, 128, 16_383, 16_384]);
        check(&"k".repeat(1 << 10), &[7; 1 << 20], [u64::MAX; 4]);
    }

    #[test]
    fn a_small_key_takes_little_more_than_its_name_and_value() {
        let numbers = Numbers {
            revision: Revision(100_000),
            previous: Revision::NONE,
            wall: 1_800_000_000_000,
            expires: Clock(0),
        };
        let row = Row::new("app/key-000077", &[b'v'; 200], &numbers);
        assert_eq!(row.0.len(), 214 + 12);
    }
}
