//! Values as text, as Python writes them: `True`, `[1, 'a']`, `0.1`, `1e+16`.

use std::fmt::Write;

use model::limits;

use crate::budget::Budget;
use crate::datum::Datum;
use crate::stop::{Step, fault};

/// Writes a value as `str(…)` does: a text stands for itself.
pub(crate) fn str_of(datum: &Datum) -> String {
    let mut text = String::new();
    write_str(&mut text, datum);
    text
}

/// Writes a value as `repr(…)` does: a text stands in quotes.
pub(crate) fn repr_of(datum: &Datum) -> String {
    let mut text = String::new();
    write_repr(&mut text, datum, usize::MAX);
    text
}

/// Writes as [`str_of`] does, and pays for it; a text that grows too large is an error.
pub(crate) fn spend_str(datum: &Datum, budget: &mut Budget) -> Step<String> {
    let mut text = String::new();
    if let Datum::Text(plain) = datum {
        budget.build_text(plain.len())?;
        return Ok(plain.to_string());
    }
    if !write_repr(&mut text, datum, limits::EXPRESSION_TEXT_BYTES_MAX) {
        return fault(format!("the {} is too large to be text", datum.kind()));
    }
    pay(&text, budget)?;
    Ok(text)
}

/// Writes as [`repr_of`] does, and pays for it; a text that grows too large is an error.
pub(crate) fn spend_repr(datum: &Datum, budget: &mut Budget) -> Step<String> {
    let mut text = String::new();
    if !write_repr(&mut text, datum, limits::EXPRESSION_TEXT_BYTES_MAX) {
        return fault(format!("the {} is too large to be text", datum.kind()));
    }
    pay(&text, budget)?;
    Ok(text)
}

/// Pays for a text that was written out of values: dearer than copying (measured).
fn pay(text: &str, budget: &mut Budget) -> Step<()> {
    budget.spend(text.len() as u64 / 8)?;
    budget.build_text(text.len())
}

/// Writes the beginning of a value, for a message.
pub(crate) fn preview(datum: &Datum, chars_max: usize) -> String {
    let mut text = String::new();
    write_repr(&mut text, datum, chars_max * 4);
    if text.chars().count() > chars_max {
        text = text.chars().take(chars_max).collect();
        text.push('…');
    }
    text
}

fn write_str(to: &mut String, datum: &Datum) {
    match datum {
        Datum::Text(text) => to.push_str(text),
        other => {
            write_repr(to, other, usize::MAX);
        }
    }
}

/// Writes a value; gives up, and says so, once more than `bytes_max` are written.
fn write_repr(to: &mut String, datum: &Datum, bytes_max: usize) -> bool {
    match datum {
        Datum::None => to.push_str("None"),
        Datum::Bool(true) => to.push_str("True"),
        Datum::Bool(false) => to.push_str("False"),
        Datum::Int(number) => push(to, format_args!("{number}")),
        Datum::Float(number) => to.push_str(&float(*number)),
        Datum::Text(text) => quote(to, text, bytes_max),
        Datum::List(list) => return write_items(to, ("[", "]"), &list.to_vec(), bytes_max),
        Datum::Tuple(items) if items.len() == 1 => {
            return write_items(to, ("(", ",)"), items, bytes_max);
        }
        Datum::Tuple(items) => return write_items(to, ("(", ")"), items, bytes_max),
        Datum::Set(items) if items.is_empty() => to.push_str("set()"),
        Datum::Set(items) => return write_items(to, ("{", "}"), items, bytes_max),
        Datum::Map(map) => {
            to.push('{');
            for (index, (key, value)) in map.entries().iter().enumerate() {
                to.push_str(if index == 0 { "" } else { ", " });
                if !write_repr(to, key, bytes_max) {
                    return false;
                }
                to.push_str(": ");
                if !write_repr(to, value, bytes_max) {
                    return false;
                }
            }
            to.push('}');
        }
    }
    to.len() <= bytes_max
}

fn write_items(
    to: &mut String,
    (open, close): (&str, &str),
    items: &[Datum],
    bytes_max: usize,
) -> bool {
    to.push_str(open);
    for (index, item) in items.iter().enumerate() {
        to.push_str(if index == 0 { "" } else { ", " });
        if !write_repr(to, item, bytes_max) {
            return false;
        }
    }
    to.push_str(close);
    to.len() <= bytes_max
}

/// Writes a number as `repr` does: the shortest digits that read back as the same float.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = shortest(number);
    let (_, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // From 1e16 and below 1e-4 on, as Python's float_repr_style "short".
    if (-4..16).contains(&exponent) {
        return plain_form(&scientific, exponent);
    }
    exponent_form(&scientific)
}

/// Gives the fewest digits that read back as the same float, in the form `1.5e7`.
///
/// Of two such numbers equally near, Rust takes the upper one and Python the even one, which is
/// what rounding to that many digits gives.
fn shortest(number: f64) -> String {
    let found = format!("{number:e}");
    let digits = found.split('e').next().unwrap_or("");
    let behind_point = digits.split('.').nth(1).map_or(0, str::len);
    let rounded = format!("{number:.behind_point$e}");
    if rounded.parse() == Ok(number) {
        rounded
    } else {
        found
    }
}

/// Writes `1.5e2` as `150.0`.
fn plain_form(scientific: &str, exponent: i32) -> String {
    let (sign, unsigned) = match scientific.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", scientific),
    };
    let digits: String = unsigned
        .chars()
        .take_while(|character| *character != 'e')
        .filter(char::is_ascii_digit)
        .collect();
    let Ok(before_point) = usize::try_from(exponent + 1) else {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    };
    if before_point == 0 {
        return format!("{sign}0.{digits}");
    }
    let padded = format!("{digits:0<before_point$}");
    let (whole, rest) = padded.split_at(before_point);
    let rest = if rest.is_empty() { "0" } else { rest };
    format!("{sign}{whole}.{rest}")
}

/// Turns Rust's `1.5e7` into Python's `1.5e+07`.
pub(crate) fn exponent_form(scientific: &str) -> String {
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Writes a text in quotes, with what cannot be seen escaped.
fn quote(to: &mut String, text: &str, bytes_max: usize) {
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    to.push(mark);
    for character in text.chars() {
        if to.len() > bytes_max {
            return;
        }
        match character {
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            _ if character == mark => {
                to.push('\\');
                to.push(character);
            }
            _ if is_hidden(character) => escape(to, character),
            _ => to.push(character),
        }
    }
    to.push(mark);
}

/// Writes the escape of a character.
pub(crate) fn escape(to: &mut String, character: char) {
    match u32::from(character) {
        code @ 0..=0xff => push(to, format_args!("\\x{code:02x}")),
        code @ 0x100..=0xffff => push(to, format_args!("\\u{code:04x}")),
        code => push(to, format_args!("\\U{code:08x}")),
    }
}

/// Tells whether a character leaves no ink: controls, and spaces other than the common one.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn push(to: &mut String, arguments: std::fmt::Arguments<'_>) {
    to.write_fmt(arguments)
        .expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: f64, expect: &str) {
        assert_eq!(float(number), expect);
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(100.0, "100.0");
        check(-123.456, "-123.456");
        check(0.1, "0.1");
        check(9_007_199_254_740_993_i64 as f64 / 10.0, "900719925474099.2");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1e15, "1000000000000000.0");
        check(1e16, "1e+16");
        check(1.5e300, "1.5e+300");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(f64::NEG_INFINITY, "-inf");
    }

    #[test]
    fn texts_are_quoted_as_python_quotes_them() {
        for (text, expect) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("it's \"x\"", "'it\\'s \"x\"'"),
            ("a\nb\u{7f}\\", "'a\\nb\\x7f\\\\'"),
        ] {
            assert_eq!(repr_of(&Datum::text(text)), expect);
        }
    }
}
