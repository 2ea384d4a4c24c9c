//! `+ - * / // % ** | ^ &` and the signs: Python's results, integers held to 64 bits.
//!
//! A whole number that does not fit is an error and never wraps or turns into a float: a counter
//! that large is a mistake that should be seen.

use std::sync::Arc;

use crate::budget::Budget;
use crate::compare::{Number, number};
use crate::datum::{Datum, List, Map};
use crate::percent_format;
use crate::stop::{Step, Stop, fault};

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    BitOr,
    BitXor,
    BitAnd,
}

impl Operator {
    /// Gives the operator as it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Remainder => "%",
            Self::Power => "**",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::BitAnd => "&",
        }
    }
}

/// Applies an operator.
#[inline]
pub(crate) fn apply(
    operator: Operator,
    left: &Datum,
    right: &Datum,
    budget: &mut Budget,
) -> Step<Datum> {
    match (number(left), number(right)) {
        (Some(one), Some(other)) => numbers(operator, one, other, (left, right)),
        _ => others(operator, left, right, budget),
    }
}

/// Applies a sign.
pub(crate) fn negate(value: &Datum) -> Step<Datum> {
    match number(value) {
        Some(Number::Int(number)) => number.checked_neg().map(Datum::Int).ok_or_else(too_large),
        Some(Number::Float(number)) => Ok(Datum::Float(-number)),
        None => fault(format!("{} cannot be negated", value.describe())),
    }
}

/// Applies a plus sign, which only checks and turns booleans into numbers.
pub(crate) fn affirm(value: &Datum) -> Step<Datum> {
    match number(value) {
        Some(Number::Int(number)) => Ok(Datum::Int(number)),
        Some(Number::Float(number)) => Ok(Datum::Float(number)),
        None => fault(format!("{} is no number", value.describe())),
    }
}

fn numbers(
    operator: Operator,
    left: Number,
    right: Number,
    written: (&Datum, &Datum),
) -> Step<Datum> {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => integers(operator, left, right, written),
        (Number::Int(left), Number::Float(right)) => floats(operator, left as f64, right, written),
        (Number::Float(left), Number::Int(right)) => floats(operator, left, right as f64, written),
        (Number::Float(left), Number::Float(right)) => floats(operator, left, right, written),
    }
}

fn integers(operator: Operator, left: i64, right: i64, written: (&Datum, &Datum)) -> Step<Datum> {
    let whole = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide if right == 0 => return Err(by_zero()),
        Operator::Divide => return Ok(Datum::Float(true_quotient(left, right))),
        Operator::FloorDivide if right == 0 => return Err(by_zero()),
        Operator::FloorDivide => floor_quotient(left, right),
        Operator::Remainder if right == 0 => return Err(by_zero()),
        Operator::Remainder => Some(floor_remainder(left, right)),
        Operator::Power if right < 0 => {
            return floats(operator, left as f64, right as f64, written);
        }
        Operator::Power => power(left, right),
        Operator::BitOr => return Ok(bits(written, left | right)),
        Operator::BitXor => return Ok(bits(written, left ^ right)),
        Operator::BitAnd => return Ok(bits(written, left & right)),
    };
    whole.map(Datum::Int).ok_or_else(too_large)
}

/// Two booleans give a boolean, anything else a number.
fn bits(written: (&Datum, &Datum), result: i64) -> Datum {
    match written {
        (Datum::Bool(_), Datum::Bool(_)) => Datum::Bool(result != 0),
        _ => Datum::Int(result),
    }
}

/// Divides two integers, correctly rounded even where they are no exact floats.
fn true_quotient(left: i64, right: i64) -> f64 {
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    let (dividend, divisor) = (left.unsigned_abs(), right.unsigned_abs());
    if dividend <= EXACT && divisor <= EXACT {
        return left as f64 / right as f64;
    }
    let sign = if (left < 0) == (right < 0) { 1.0 } else { -1.0 };
    if dividend == 0 {
        return 0.0 * sign;
    }
    // Shifted to the top, the dividend gives a quotient longer than a mantissa. Its last bit keeps
    // whether there was a rest, so that the one rounding sees on which side of the middle it is.
    let shift = u128::from(dividend).leading_zeros();
    let wide = u128::from(dividend) << shift;
    let rest = wide % u128::from(divisor) != 0;
    let quotient = (wide / u128::from(divisor)) | u128::from(rest);
    let shift = i32::try_from(shift).expect("a u128 has 128 bits");
    sign * quotient as f64 * 2.0_f64.powi(-shift)
}

fn floor_quotient(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    let inexact = left.wrapping_rem(right) != 0;
    Some(quotient - i64::from(inexact && (left < 0) != (right < 0)))
}

fn floor_remainder(left: i64, right: i64) -> i64 {
    let remainder = left.wrapping_rem(right);
    if remainder != 0 && (remainder < 0) != (right < 0) {
        remainder + right
    } else {
        remainder
    }
}

fn power(base: i64, exponent: i64) -> Option<i64> {
    match base {
        0 | 1 => Some(if exponent == 0 { 1 } else { base }),
        -1 => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        _ => base.checked_pow(u32::try_from(exponent).ok()?),
    }
}

fn floats(operator: Operator, left: f64, right: f64, written: (&Datum, &Datum)) -> Step<Datum> {
    let zero = right == 0.0;
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide | Operator::FloorDivide | Operator::Remainder if zero => {
            return Err(by_zero());
        }
        Operator::Divide => left / right,
        Operator::FloorDivide => floor_divide(left, right).0,
        Operator::Remainder => floor_divide(left, right).1,
        Operator::Power => return float_power(left, right).map(Datum::Float),
        Operator::BitOr | Operator::BitXor | Operator::BitAnd => {
            return Err(no_operation(operator, written.0, written.1));
        }
    };
    Ok(Datum::Float(result))
}

/// Gives quotient and remainder as Python does: the remainder has the divisor's sign, and the
/// quotient is rounded to the whole number that belongs to it.
fn floor_divide(left: f64, right: f64) -> (f64, f64) {
    let mut remainder = left % right;
    let mut quotient = (left - remainder) / right;
    if remainder == 0.0 {
        remainder = 0.0_f64.copysign(right);
    } else if (right < 0.0) != (remainder < 0.0) {
        remainder += right;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(left / right), remainder);
    }
    let floor = quotient.floor();
    let whole = if quotient - floor > 0.5 {
        floor + 1.0
    } else {
        floor
    };
    (whole, remainder)
}

fn float_power(base: f64, exponent: f64) -> Step<f64> {
    if base == 0.0 && exponent < 0.0 {
        return fault("zero cannot be raised to a negative power");
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0 {
        return fault("a negative number has no real power with a fraction");
    }
    let result = base.powf(exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(too_large());
    }
    Ok(result)
}

/// Applies an operator where at least one side is no number.
fn others(operator: Operator, left: &Datum, right: &Datum, budget: &mut Budget) -> Step<Datum> {
    match operator {
        Operator::Add => add(left, right, budget),
        Operator::Multiply => multiply(left, right, budget),
        Operator::Remainder => match left {
            Datum::Text(pattern) => percent_format::format(pattern, right, budget).map(Datum::text),
            _ => Err(no_operation(operator, left, right)),
        },
        Operator::Subtract | Operator::BitOr | Operator::BitXor | Operator::BitAnd => {
            combine(operator, left, right, budget)
        }
        Operator::Divide | Operator::FloorDivide | Operator::Power => {
            Err(no_operation(operator, left, right))
        }
    }
}

fn add(left: &Datum, right: &Datum, budget: &mut Budget) -> Step<Datum> {
    match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => {
            budget.build_text(left.len() + right.len())?;
            Ok(Datum::text([&**left, &**right].concat()))
        }
        (Datum::List(left), Datum::List(right)) => {
            budget.build_items(left.len() + right.len())?;
            Ok(Datum::list([left.to_vec(), right.to_vec()].concat()))
        }
        (Datum::Tuple(left), Datum::Tuple(right)) => {
            budget.build_items(left.len() + right.len())?;
            Ok(Datum::Tuple([&**left, &**right].concat().into()))
        }
        _ => Err(no_operation(Operator::Add, left, right)),
    }
}

/// Repeats a text, list or tuple.
fn multiply(left: &Datum, right: &Datum, budget: &mut Budget) -> Step<Datum> {
    let (sequence, times) = match (number(left), number(right)) {
        (Some(Number::Int(times)), None) => (right, times),
        (None, Some(Number::Int(times))) => (left, times),
        _ => return Err(no_operation(Operator::Multiply, left, right)),
    };
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    match sequence {
        Datum::Text(text) => {
            budget.build_text(text.len().saturating_mul(times))?;
            // An empty text may be repeated any number of times.
            Ok(Datum::text(if text.is_empty() {
                String::new()
            } else {
                text.repeat(times)
            }))
        }
        Datum::List(list) => repeat(list, times, budget).map(Datum::list),
        Datum::Tuple(items) => {
            let list = List::Made(items.clone());
            repeat(&list, times, budget).map(|items| Datum::Tuple(items.into()))
        }
        _ => Err(no_operation(Operator::Multiply, left, right)),
    }
}

fn repeat(list: &List, times: usize, budget: &mut Budget) -> Step<Vec<Datum>> {
    budget.build_items(list.len().saturating_mul(times))?;
    if list.len() == 0 {
        return Ok(Vec::new());
    }
    let items = list.to_vec();
    let count = items.len() * times;
    Ok(items.into_iter().cycle().take(count).collect())
}

/// `- | ^ &` of sets, and `|` of maps.
fn combine(operator: Operator, left: &Datum, right: &Datum, budget: &mut Budget) -> Step<Datum> {
    match (left, right) {
        (Datum::Set(left), Datum::Set(right)) => {
            budget.spend_sort(left.len() + right.len())?;
            Ok(Datum::Set(combine_sets(operator, left, right)))
        }
        (Datum::Map(left), Datum::Map(right)) if operator == Operator::BitOr => {
            merge(left, right, budget)
        }
        _ => Err(no_operation(operator, left, right)),
    }
}

fn combine_sets(operator: Operator, left: &[Datum], right: &[Datum]) -> Arc<[Datum]> {
    use crate::compare::canonical;
    let holds =
        |set: &[Datum], item: &Datum| set.binary_search_by(|known| canonical(known, item)).is_ok();
    if operator == Operator::BitAnd {
        // Of two equal members Python keeps that of the smaller set, and of the right one.
        let (kept, other) = if right.len() > left.len() {
            (left, right)
        } else {
            (right, left)
        };
        return kept
            .iter()
            .filter(|item| holds(other, item))
            .cloned()
            .collect();
    }
    let (shared, only_left, only_right) = match operator {
        Operator::Subtract => (false, true, false),
        Operator::BitXor => (false, true, true),
        _ => (true, true, true),
    };
    let mut kept: Vec<Datum> = left
        .iter()
        .filter(|item| {
            if holds(right, item) {
                shared
            } else {
                only_left
            }
        })
        .chain(right.iter().filter(|item| only_right && !holds(left, item)))
        .cloned()
        .collect();
    kept.sort_by(canonical);
    kept.into()
}

fn merge(left: &Map, right: &Map, budget: &mut Budget) -> Step<Datum> {
    budget.build_items(left.len() + right.len())?;
    Datum::map([left.entries(), right.entries()].concat())
}

#[cold]
fn no_operation(operator: Operator, left: &Datum, right: &Datum) -> Box<Stop> {
    let message = format!(
        "`{}` does not work on {} and {}",
        operator.as_str(),
        left.describe(),
        right.describe()
    );
    match (operator, left, right) {
        (Operator::Add, Datum::Text(_), _) | (Operator::Add, _, Datum::Text(_)) => {
            Stop::fault_with_hint(message, "to_str(…) makes a text, or use '%s' % value")
        }
        (_, Datum::None, _) | (_, _, Datum::None) => {
            Stop::fault_with_hint(message, "test it first: `… is not None and …`")
        }
        _ => Stop::fault(message),
    }
}

#[cold]
fn by_zero() -> Box<Stop> {
    Stop::fault("division by zero")
}

#[cold]
fn too_large() -> Box<Stop> {
    Stop::fault_with_hint(
        "the number is too large",
        "whole numbers have 64 bits; to_float(…) makes room at the price of the last digits",
    )
}
