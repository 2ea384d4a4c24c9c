//! Equality and order: Python's, which compares numbers of any kind by their exact value.

use std::cmp::Ordering;

use crate::datum::Datum;
use crate::stop::{Step, Stop};

/// Tells whether two values are equal. Of different kinds only numbers and booleans can be.
pub(crate) fn equal(left: &Datum, right: &Datum) -> bool {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return order_numbers(left, right) == Some(Ordering::Equal);
    }
    match (left, right) {
        (Datum::None, Datum::None) => true,
        (Datum::Text(left), Datum::Text(right)) => left == right,
        (Datum::List(left), Datum::List(right)) => {
            left.len() == right.len() && all_equal(&left.to_vec(), &right.to_vec())
        }
        (Datum::Tuple(left), Datum::Tuple(right)) | (Datum::Set(left), Datum::Set(right)) => {
            all_equal(left, right)
        }
        (Datum::Map(left), Datum::Map(right)) => {
            left.len() == right.len()
                && left
                    .entries()
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| equal(value, &other)))
        }
        _ => false,
    }
}

fn all_equal(left: &[Datum], right: &[Datum]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| equal(left, right))
}

/// Orders two values for `<` and its kin; `None` when neither comes first (NaN, sets apart).
/// Values that have no order are an error: no comparison is silently false.
#[inline]
pub(crate) fn order(left: &Datum, right: &Datum) -> Step<Option<Ordering>> {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return Ok(order_numbers(left, right));
    }
    match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => Ok(Some(left.cmp(right))),
        (Datum::List(left), Datum::List(right)) => order_items(&left.to_vec(), &right.to_vec()),
        (Datum::Tuple(left), Datum::Tuple(right)) => order_items(left, right),
        (Datum::Set(left), Datum::Set(right)) => Ok(order_sets(left, right)),
        _ => Err(no_order(left, right)),
    }
}

fn order_items(left: &[Datum], right: &[Datum]) -> Step<Option<Ordering>> {
    for (left, right) in left.iter().zip(right) {
        if !equal(left, right) {
            return order(left, right);
        }
    }
    Ok(Some(left.len().cmp(&right.len())))
}

/// A set is smaller than those that hold all of it and more.
fn order_sets(left: &[Datum], right: &[Datum]) -> Option<Ordering> {
    let holds = |outer: &[Datum], inner: &[Datum]| {
        inner.iter().all(|item| {
            outer
                .binary_search_by(|known| canonical(known, item))
                .is_ok()
        })
    };
    match (holds(right, left), holds(left, right)) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

#[cold]
fn no_order(left: &Datum, right: &Datum) -> Box<Stop> {
    let message = format!(
        "{} and {} cannot be ordered",
        left.describe(),
        right.describe()
    );
    match (left, right) {
        (Datum::Text(_), Datum::Int(_) | Datum::Float(_)) => {
            Stop::fault_with_hint(message, "to_float(…) makes a number of the text")
        }
        (Datum::Int(_) | Datum::Float(_), Datum::Text(_)) => {
            Stop::fault_with_hint(message, "to_float(…) makes a number of the text")
        }
        (Datum::None, _) | (_, Datum::None) => {
            Stop::fault_with_hint(message, "test it first: `… is not None and …`")
        }
        _ => Stop::fault(message),
    }
}

/// A number of any kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

/// Reads a value as a number; a boolean is 0 or 1.
#[inline]
pub(crate) fn number(datum: &Datum) -> Option<Number> {
    match datum {
        Datum::Int(number) => Some(Number::Int(*number)),
        Datum::Float(number) => Some(Number::Float(*number)),
        Datum::Bool(truth) => Some(Number::Int(i64::from(*truth))),
        Datum::None
        | Datum::Text(_)
        | Datum::List(_)
        | Datum::Tuple(_)
        | Datum::Set(_)
        | Datum::Map(_) => None,
    }
}

/// Orders two numbers by their exact values; `None` when one is NaN.
#[inline]
pub(crate) fn order_numbers(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Some(left.cmp(&right)),
        (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
        (Number::Int(left), Number::Float(right)) => order_int_float(left, right),
        (Number::Float(left), Number::Int(right)) => {
            order_int_float(right, left).map(Ordering::reverse)
        }
    }
}

fn order_int_float(left: i64, right: f64) -> Option<Ordering> {
    // 2^63, the first float beyond every i64.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if right.is_nan() {
        return None;
    }
    if right >= BEYOND {
        return Some(Ordering::Less);
    }
    if right < -BEYOND {
        return Some(Ordering::Greater);
    }
    // Exact: the whole part fits in an i64, the rest decides between equal whole parts.
    let whole = right.trunc();
    Some(match left.cmp(&(whole as i64)) {
        Ordering::Equal => whole.total_cmp(&right).then(Ordering::Equal),
        decided => decided,
    })
}

/// Orders any two values, for sets and keys: equal exactly when [`equal`], by kind otherwise.
pub(crate) fn canonical(left: &Datum, right: &Datum) -> Ordering {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return order_numbers(left, right).unwrap_or_else(|| order_nan(left, right));
    }
    match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => left.cmp(right),
        (Datum::Tuple(left), Datum::Tuple(right)) => left
            .iter()
            .zip(&**right)
            .map(|(left, right)| canonical(left, right))
            .find(|order| *order != Ordering::Equal)
            .unwrap_or_else(|| left.len().cmp(&right.len())),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// NaN comes behind every number; two of them are one member of a set.
fn order_nan(left: Number, right: Number) -> Ordering {
    let is_nan = |number| matches!(number, Number::Float(float) if f64::is_nan(float));
    is_nan(left).cmp(&is_nan(right))
}

fn rank(datum: &Datum) -> u8 {
    match datum {
        Datum::None => 0,
        Datum::Bool(_) | Datum::Int(_) | Datum::Float(_) => 1,
        Datum::Text(_) => 2,
        Datum::Tuple(_) => 3,
        Datum::List(_) => 4,
        Datum::Set(_) => 5,
        Datum::Map(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: i64, right: f64, expect: Option<Ordering>) {
        let order = order_numbers(Number::Int(left), Number::Float(right));
        assert_eq!(order, expect, "{left} and {right}");
    }

    #[test]
    fn integers_and_floats_compare_by_exact_value() {
        check(1, 1.0, Some(Ordering::Equal));
        check(1, 1.5, Some(Ordering::Less));
        check(-1, -1.5, Some(Ordering::Greater));
        check(0, -0.0, Some(Ordering::Equal));
        check(i64::MAX, 9_223_372_036_854_775_808.0, Some(Ordering::Less));
        check(
            9_007_199_254_740_993,
            9_007_199_254_740_992.0,
            Some(Ordering::Greater),
        );
        check(i64::MIN, f64::NEG_INFINITY, Some(Ordering::Greater));
        check(1, f64::NAN, None);
    }
}
