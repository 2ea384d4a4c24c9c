//! A word of a text as a value: a number where it surely is one.

use model::Value;

/// Reads a word. What has leading zeros or letters is a name (`007`, `7.0.15`, `1e5`), and stays
/// text; what says that it is no number is none.
pub(super) fn scalar(word: &str) -> Value {
    let word = word.trim();
    let bare = word.strip_prefix(['-', '+']).unwrap_or(word);
    if ["nan", "inf", "infinity"]
        .iter()
        .any(|none| bare.eq_ignore_ascii_case(none))
    {
        return Value::None;
    }
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &bare[digits..];
    // Apache writes `.5`.
    let has_digits = digits > 0 || (rest.starts_with('.') && rest.len() > 1);
    if !has_digits || (digits > 1 && bare.starts_with('0')) || !is_rest_of_number(rest) {
        return Value::from(word);
    }
    if rest.is_empty()
        && let Ok(whole) = word.parse::<i64>()
    {
        return Value::Int(whole);
    }
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Float(number),
        Ok(_) => Value::None,
        Err(_) => Value::from(word),
    }
}

/// Tells whether this can follow the whole part: nothing, a fraction, a signed exponent, or both.
fn is_rest_of_number(rest: &str) -> bool {
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
        None => rest,
    };
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else {
        return rest.is_empty();
    };
    // `1e5` may be the beginning of a digest; nobody writes `1e+5` who does not mean a number.
    exponent
        .strip_prefix(['+', '-'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_number_where_it_surely_is_one() {
        for (word, expect) in [
            ("0", Value::Int(0)),
            ("-12", Value::Int(-12)),
            (" 7 ", Value::Int(7)),
            ("0.5", Value::Float(0.5)),
            (".5", Value::Float(0.5)),
            ("-.5", Value::Float(-0.5)),
            (".", Value::from(".")),
            (".a", Value::from(".a")),
            (".e+5", Value::from(".e+5")),
            ("+1.5e-05", Value::Float(1.5e-05)),
            ("2e+06", Value::Float(2e6)),
            (
                "18446744073709551615",
                Value::Float(18_446_744_073_709_551_615.0),
            ),
            ("1e+999", Value::None),
            ("nan", Value::None),
            ("-Inf", Value::None),
            ("007", Value::from("007")),
            ("7.0.15", Value::from("7.0.15")),
            ("1e5", Value::from("1e5")),
            ("12.", Value::from("12.")),
            ("0x1f", Value::from("0x1f")),
            ("12%", Value::from("12%")),
            ("-", Value::from("-")),
            ("", Value::from("")),
            ("١٢", Value::from("١٢")),
        ] {
            assert_eq!(scalar(word), expect, "{word:?}");
        }
    }
}
