//! Intervals as people write them: `10`, `10s`, `5m`, `1h30m`, `500ms`, `2d`.

use std::fmt;
use std::time::Duration;

/// Tells why a text is no interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalError(String);

impl fmt::Display for IntervalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no interval: write 10, 10s, 5m, 1h30m or 2d",
            self.0
        )
    }
}

impl std::error::Error for IntervalError {}

/// Reads an interval; a bare number is in seconds.
pub fn parse_interval(text: &str) -> Result<Duration, IntervalError> {
    let refuse = || IntervalError(text.to_owned());
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(refuse());
    }
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits_end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..digits_end].parse().map_err(|_| refuse())?;
        rest = &rest[digits_end..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit_ms = match rest[..unit_end].trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(refuse()),
        };
        rest = &rest[unit_end..];
        let part_ms = number.checked_mul(unit_ms).ok_or_else(refuse)?;
        total_ms = total_ms.checked_add(part_ms).ok_or_else(refuse)?;
    }
    Ok(Duration::from_millis(total_ms))
}

/// Writes an interval back in its shortest exact form, with at most the units that it needs.
pub fn format_interval(interval: Duration) -> String {
    let total_ms = interval.as_millis();
    if total_ms == 0 {
        return "0s".to_owned();
    }
    let mut rest = total_ms;
    let mut text = String::new();
    for (unit, unit_ms) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        let count = rest / unit_ms;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            rest %= unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_writes_it_back() {
        for (text, seconds, back) in [
            ("10", 10, "10s"),
            ("10s", 10, "10s"),
            ("5m", 300, "5m"),
            ("1h30m", 5_400, "1h30m"),
            ("2d", 172_800, "2d"),
            ("90s", 90, "1m30s"),
        ] {
            let interval = parse_interval(text).unwrap();
            assert_eq!(interval, Duration::from_secs(seconds), "{text}");
            assert_eq!(format_interval(interval), back);
        }
        assert_eq!(parse_interval("500ms").unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn refuses_what_is_no_interval() {
        for text in [
            "",
            "s",
            "ten",
            "10x",
            "-5",
            "1.5h",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(parse_interval(text).is_err(), "{text}");
        }
    }
}
