//! All keys in their order.
//!
//! They stand in chunks, each in order and each after the last. A copy shares the chunks; one that
//! is changed afterwards is copied then. So a snapshot of a million keys begins in a moment, and
//! takes memory only for what changes while it is written.

use std::sync::Arc;

use super::row::Row;

/// Most rows of a chunk (guess: what is moved when one comes between is a kilobyte).
const ROWS_MAX: usize = 64;
/// A chunk of fewer rows joins a neighbour when both together have at most twice as many.
const ROWS_FEW: usize = ROWS_MAX / 4;
/// By how many rows a chunk grows: one that will not grow further shall have little room for more.
const ROWS_STEP: usize = 8;

/// Rows by their keys. No chunk is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows(Vec<Arc<Vec<Row>>>);

/// Where a row is, or would be.
#[derive(Clone, Copy, Debug)]
struct Place {
    chunk: usize,
    row: usize,
}

impl Rows {
    pub(super) fn get(&self, key: &str) -> Option<&Row> {
        let place = self.find(key).ok()?;
        Some(&self.0[place.chunk][place.row])
    }

    /// Puts a row in; gives the one of that key that was there.
    pub(super) fn insert(&mut self, row: Row) -> Option<Row> {
        let place = match self.find(row.key()) {
            Ok(place) => {
                let rows = Arc::make_mut(&mut self.0[place.chunk]);
                return Some(std::mem::replace(&mut rows[place.row], row));
            }
            Err(place) => place,
        };
        if self.0.is_empty() {
            self.0.push(Arc::default());
        }
        let place = self.make_room(place);
        let rows = Arc::make_mut(&mut self.0[place.chunk]);
        if rows.len() == rows.capacity() {
            rows.reserve_exact(ROWS_STEP);
        }
        rows.insert(place.row, row);
        None
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, key: &str) -> Option<Row> {
        let place = self.find(key).ok()?;
        let rows = Arc::make_mut(&mut self.0[place.chunk]);
        let row = rows.remove(place.row);
        if rows.len() < ROWS_FEW {
            self.join(place.chunk);
        }
        Some(row)
    }

    /// Gives the rows from a key on, or those behind it.
    pub(super) fn range<'a>(
        &'a self,
        key: &str,
        is_behind: bool,
    ) -> impl Iterator<Item = &'a Row> + use<'a> {
        let start = match self.find(key) {
            Ok(place) if is_behind => Place {
                row: place.row + 1,
                ..place
            },
            Ok(place) | Err(place) => place,
        };
        let chunks = self.0.get(start.chunk..).unwrap_or_default();
        chunks.iter().flat_map(|rows| rows.iter()).skip(start.row)
    }

    /// Finds the row of a key, or where it would be: then the chunk may be full, and there is none
    /// at all where there are no rows.
    fn find(&self, key: &str) -> Result<Place, Place> {
        let key = key.as_bytes();
        let behind = self.0.partition_point(|rows| rows[0].key_bytes() <= key);
        let chunk = behind.saturating_sub(1);
        let Some(rows) = self.0.get(chunk) else {
            return Err(Place { chunk: 0, row: 0 });
        };
        match rows.binary_search_by(|row| row.key_bytes().cmp(key)) {
            Ok(row) => Ok(Place { chunk, row }),
            Err(row) => Err(Place { chunk, row }),
        }
    }

    /// Splits the chunk of a place when it is full; gives the place afterwards.
    fn make_room(&mut self, place: Place) -> Place {
        let Place { chunk, row } = place;
        if self.0[chunk].len() < ROWS_MAX {
            return place;
        }
        // What comes in order leaves full chunks behind.
        if row == ROWS_MAX {
            self.0.insert(chunk + 1, Arc::default());
            return Place {
                chunk: chunk + 1,
                row: 0,
            };
        }
        let rows = Arc::make_mut(&mut self.0[chunk]);
        let behind = rows.split_off(ROWS_MAX / 2);
        rows.shrink_to_fit();
        self.0.insert(chunk + 1, Arc::new(behind));
        match row.checked_sub(ROWS_MAX / 2) {
            Some(row) => Place {
                chunk: chunk + 1,
                row,
            },
            None => place,
        }
    }

    /// Lets a chunk of few rows join a neighbour that has room, and an empty one go away.
    fn join(&mut self, chunk: usize) {
        if self.0[chunk].is_empty() {
            self.0.remove(chunk);
            return;
        }
        let fit = |first: &usize| {
            let pair = self.0.get(*first..first + 2);
            pair.is_some_and(|pair| pair[0].len() + pair[1].len() <= 2 * ROWS_FEW)
        };
        let before = chunk.checked_sub(1);
        let Some(first) = before.into_iter().chain([chunk]).find(fit) else {
            return;
        };
        let behind = self.0.remove(first + 1);
        let rows = Arc::make_mut(&mut self.0[first]);
        rows.reserve_exact(behind.len());
        rows.extend(behind.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::row::Numbers;
    use super::*;
    use crate::words::{Clock, Revision};

    fn row(key: &str, value: u8) -> Row {
        let numbers = Numbers {
            revision: Revision(1),
            previous: Revision::NONE,
            wall: 0,
            expires: Clock(0),
        };
        Row::new(key, &[value], &numbers)
    }

    fn pairs<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<(String, u8)> {
        let pair = |row: &Row| (row.key().to_owned(), row.cell().value[0]);
        rows.map(pair).collect()
    }

    #[test]
    fn what_comes_in_order_leaves_no_room_unused() {
        let mut rows = Rows::default();
        for at in 0..10_000 {
            assert_eq!(rows.insert(row(&format!("{at:05}"), 0)), None);
        }
        assert_eq!(rows.0.len(), 10_000_usize.div_ceil(ROWS_MAX));
        let capacity: usize = rows.0.iter().map(|rows| rows.capacity()).sum();
        assert!(capacity < 10_000 + ROWS_MAX, "{capacity}");
    }

    #[test]
    fn a_copy_shares_what_is_not_changed_and_stays_as_it_was() {
        let mut rows = Rows::default();
        for at in 0..1_000 {
            rows.insert(row(&format!("{at:05}"), 0));
        }
        let copy = rows.clone();
        rows.insert(row("00500", 7));
        rows.remove("00501");
        assert_eq!(pairs(copy.range("", false)).len(), 1_000);
        assert_eq!(copy.get("00500").unwrap().cell().value[0], 0);
        let pairs = rows.0.iter().zip(&copy.0);
        assert_eq!(
            pairs
                .filter(|(own, other)| !Arc::ptr_eq(own, other))
                .count(),
            1
        );
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u8),
        Remove(u16),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..800_u16, any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
            (0..800_u16).prop_map(Step::Remove),
        ];
        // First it grows, then it shrinks: chunks are split and joined.
        let grow = prop::collection::vec((0..800_u16).prop_map(|key| Step::Insert(key, 1)), 0..600);
        let shrink = prop::collection::vec((0..800_u16).prop_map(Step::Remove), 0..1_200);
        let mixed = prop::collection::vec(step, 0..200);
        (grow, mixed, shrink).prop_map(|(grow, mixed, shrink)| [grow, mixed, shrink].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn rows_are_what_a_map_is(steps in steps(), from in 0..800_u16) {
            let (mut rows, mut map) = (Rows::default(), BTreeMap::new());
            for step in steps {
                let (was, expect) = match step {
                    Step::Insert(key, value) => {
                        let key = format!("k{key}");
                        (rows.insert(row(&key, value)), map.insert(key, value))
                    }
                    Step::Remove(key) => {
                        let key = format!("k{key}");
                        (rows.remove(&key), map.remove(&key))
                    }
                };
                prop_assert_eq!(was.map(|row| row.cell().value[0]), expect);
                prop_assert!(rows.0.iter().all(|it| (1..=ROWS_MAX).contains(&it.len())));
            }
            let all: Vec<(String, u8)> = map.clone().into_iter().collect();
            prop_assert_eq!(pairs(rows.range("", false)), all);
            let from = format!("k{from}");
            let got = rows.get(&from).map(|row| row.cell().value[0]);
            prop_assert_eq!(got, map.get(&from).copied());
            let on: Vec<_> = map.range(from.clone()..).map(|(k, v)| (k.clone(), *v)).collect();
            prop_assert_eq!(&pairs(rows.range(&from, false)), &on);
            let behind: Vec<_> = on.into_iter().filter(|(key, _)| *key > from).collect();
            prop_assert_eq!(pairs(rows.range(&from, true)), behind);
        }
    }
}
