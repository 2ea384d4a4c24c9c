//! Between kinds of values where someone asks for it: text to number, number to whole number.

use crate::datum::Datum;
use crate::stop::{Step, Stop, fault};

/// Cuts the fraction off.
pub(crate) fn truncate(number: f64) -> Step<i64> {
    // The bounds are exact floats; i64::MAX itself is none.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() {
        return fault("nan is no whole number");
    }
    let whole = number.trunc();
    if !(-BEYOND..BEYOND).contains(&whole) {
        return fault(format!(
            "{} does not fit in a whole number of 64 bits",
            crate::repr::float(number)
        ));
    }
    Ok(whole as i64)
}

/// Makes a whole number, as Python's `int` does.
pub(crate) fn to_int(value: &Datum) -> Step<i64> {
    match value {
        Datum::Int(number) => Ok(*number),
        Datum::Bool(truth) => Ok(i64::from(*truth)),
        Datum::Float(number) => truncate(*number),
        Datum::Text(text) => integer_of(text, 10)
            .ok_or_else(|| Stop::fault(format!("{} is no whole number", value.describe()))),
        Datum::None | Datum::List(_) | Datum::Tuple(_) | Datum::Set(_) | Datum::Map(_) => {
            fault(format!("{} cannot become a whole number", value.describe()))
        }
    }
}

/// Makes a float, as Python's `float` does.
pub(crate) fn to_float(value: &Datum) -> Step<f64> {
    match value {
        Datum::Int(number) => Ok(*number as f64),
        Datum::Bool(truth) => Ok(f64::from(u8::from(*truth))),
        Datum::Float(number) => Ok(*number),
        Datum::Text(text) => {
            float_of(text).ok_or_else(|| Stop::fault(format!("{} is no number", value.describe())))
        }
        Datum::None | Datum::List(_) | Datum::Tuple(_) | Datum::Set(_) | Datum::Map(_) => {
            fault(format!("{} cannot become a number", value.describe()))
        }
    }
}

/// Reads digits with an optional sign, spaces around and single `_` between them.
pub(crate) fn integer_of(text: &str, radix: u32) -> Option<i64> {
    let plain = without_underscores(text.trim())?;
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(&plain, radix).ok()
}

fn float_of(text: &str) -> Option<f64> {
    let plain = without_underscores(text.trim())?;
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let is_word = ["inf", "infinity", "nan"]
        .iter()
        .any(|word| unsigned.eq_ignore_ascii_case(word));
    let is_number = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !is_word && !is_number {
        return None;
    }
    plain.parse().ok()
}

/// Takes out `_` that stand between two digits; `None` when one stands elsewhere.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    let misplaced = bytes
        .iter()
        .enumerate()
        .any(|(at, byte)| *byte == b'_' && !(digit(at.checked_sub(1)) && digit(Some(at + 1))));
    (!misplaced).then(|| text.replace('_', ""))
}
