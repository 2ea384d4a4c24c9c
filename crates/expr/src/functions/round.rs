//! `round`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "round",
    group: "math",
    doc: "Rounds a number, halves to the even neighbour. Without digits the result is a whole \
        number.",
    arguments: &[
        required("x", Accepts::Number),
        optional("digits", Accepts::Integer, Constant::None),
    ],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[
        ("round(2.5)", "2"),
        ("round(3.14159, 2)", "3.14"),
        ("round(1234, -2)", "1200"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let digits = match call.any(1) {
        Datum::None => None,
        _ => Some(call.integer(1)?),
    };
    match (call.any(0), digits) {
        (Datum::Float(number), None) => convert::truncate(number.round_ties_even()).map(Datum::Int),
        (Datum::Float(number), Some(digits)) => round_float(*number, digits).map(Datum::Float),
        (_, None | Some(0..)) => call.integer(0).map(Datum::Int),
        (_, Some(digits)) => round_whole(call.integer(0)?, digits).map(Datum::Int),
    }
}

fn round_float(number: f64, digits: i64) -> Step<f64> {
    if !number.is_finite() || digits > 330 {
        return Ok(number);
    }
    let rounded = match usize::try_from(digits) {
        // Formatting rounds the exact decimal value once.
        Ok(digits) => format!("{number:.digits$}").parse().unwrap_or(number),
        Err(_) => round_before_point(number, digits),
    };
    if rounded.is_infinite() {
        return fault("the rounded number is too large");
    }
    Ok(rounded)
}

/// Rounds to tens, hundreds …: on the digits in front of the point, and whether more follow.
fn round_before_point(number: f64, digits: i64) -> f64 {
    let whole = format!("{:.0}", number.trunc().abs());
    let places = usize::try_from(digits.unsigned_abs()).unwrap_or(usize::MAX);
    if places > whole.len() {
        return 0.0_f64.copysign(number);
    }
    let (kept, cut) = whole.split_at(whole.len() - places);
    let kept = if kept.is_empty() { "0" } else { kept };
    let more = number.fract() != 0.0 || cut.bytes().skip(1).any(|digit| digit != b'0');
    let half = cut.as_bytes()[0].cmp(&b'5');
    let odd = kept.bytes().last().is_some_and(|digit| digit % 2 == 1);
    let up = half.is_gt() || (half.is_eq() && (more || odd));
    let base: f64 = format!("{kept}e{places}").parse().unwrap_or(0.0);
    let magnitude = if up {
        let next = increment(kept);
        format!("{next}e{places}").parse().unwrap_or(base)
    } else {
        base
    };
    magnitude.copysign(number)
}

/// Adds one to a number of any length, written in digits.
fn increment(digits: &str) -> String {
    let nines = digits
        .bytes()
        .rev()
        .take_while(|digit| *digit == b'9')
        .count();
    let (head, _) = digits.split_at(digits.len() - nines);
    let zeros = "0".repeat(nines);
    match head.as_bytes().split_last() {
        Some((last, before)) => {
            let before = String::from_utf8_lossy(before);
            format!("{before}{}{zeros}", char::from(last + 1))
        }
        None => format!("1{zeros}"),
    }
}

fn round_whole(number: i64, digits: i64) -> Step<i64> {
    let places = u32::try_from(digits.unsigned_abs()).unwrap_or(u32::MAX);
    // Beyond 10^19 every whole number of 64 bits rounds to zero.
    let Some(unit) = 10_i128.checked_pow(places).filter(|_| places <= 19) else {
        return Ok(0);
    };
    let number = i128::from(number);
    let below = number.div_euclid(unit) * unit;
    let rest = number - below;
    let odd = below / unit % 2 != 0;
    let up = rest * 2 > unit || (rest * 2 == unit && odd);
    let rounded = if up { below + unit } else { below };
    i64::try_from(rounded).map_err(|_| Stop::fault("the rounded number is too large"))
}
