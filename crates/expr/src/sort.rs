//! Putting values in order, where a comparison may fail.
//!
//! The standard sort wants an order that never fails and is total; ours may be neither (sets, NaN).

use std::cmp::Ordering;

use crate::budget::Budget;
use crate::compare;
use crate::datum::Datum;
use crate::stop::{Step, fault};

/// Sorts by a key: a merge sort, which keeps equal items in their order, in both directions.
pub(crate) fn sort_by<Item: Clone>(
    items: Vec<Item>,
    reverse: bool,
    budget: &mut Budget,
    key: impl Fn(&Item) -> &Datum,
) -> Step<Vec<Item>> {
    budget.spend_sort(items.len())?;
    let comes_first = if reverse {
        Ordering::Greater
    } else {
        Ordering::Less
    };
    let mut from = items;
    let mut run = 1;
    while run < from.len() {
        let mut merged = Vec::with_capacity(from.len());
        for pair in from.chunks(run * 2) {
            let (left, right) = pair.split_at(run.min(pair.len()));
            let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
            while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
                let order = compare::order(key(other), key(one))?;
                let next = if order == Some(comes_first) {
                    right.next()
                } else {
                    left.next()
                };
                merged.extend(next.cloned());
            }
            merged.extend(left.chain(right).cloned());
        }
        from = merged;
        run *= 2;
    }
    Ok(from)
}

/// Finds the first of the least (or greatest) items.
pub(crate) fn extreme(items: &[Datum], wanted: Ordering, name: &str) -> Step<Datum> {
    let Some((first, rest)) = items.split_first() else {
        return fault(format!("{name} of an empty list"));
    };
    let mut best = first;
    for item in rest {
        if compare::order(item, best)? == Some(wanted) {
            best = item;
        }
    }
    Ok(best.clone())
}
