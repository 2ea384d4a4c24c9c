//! Numbers, sizes, ages and small curves, as people read them.

use std::time::Duration;

/// The steps of a curve, lowest first.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Points of a curve that are drawn.
const CURVE_POINTS_MAX: usize = 30;

/// Writes a number with as many digits as mean something.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let digits = match value.abs() {
        size if size >= 100.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.01 => 3,
        _ => 6,
    };
    let text = format!("{value:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-" || text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Writes a size that counts in a unit of bytes as people say it; `None` when the unit is another
/// one, or when the size is small enough to be read as it is.
pub(crate) fn size(value: f64, unit: &str) -> Option<String> {
    let (unit, end) = match unit.strip_suffix("/s") {
        Some(unit) => (unit, "/s"),
        None => (unit, ""),
    };
    let factor = match unit {
        "bytes" | "B" => 1.0,
        "kB" | "KiB" => 1024.0,
        "MB" | "MiB" => 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = value * factor;
    (value.abs() >= 1024.0).then(|| format!("{}{end}", bytes_of(bytes)))
}

/// Writes a number of bytes as people say it: `1.5 MiB`.
pub(crate) fn bytes_of(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes.abs() < 1024.0 {
        return format!("{bytes:.0} B");
    }
    let mut value = bytes / 1024.0;
    let mut at = 0;
    while value.abs() >= 1024.0 && at + 1 < UNITS.len() {
        value /= 1024.0;
        at += 1;
    }
    format!("{value:.1} {}", UNITS[at])
}

/// Writes how long something took: `0.35 ms`, `1.2 s`.
pub(crate) fn took(microseconds: u64) -> String {
    let millis = microseconds as f64 / 1_000.0;
    if millis >= 1_000.0 {
        format!("{} s", number(millis / 1_000.0))
    } else {
        format!("{} ms", number(millis))
    }
}

/// Writes how long ago something was, in whole seconds: `4s ago`.
pub(crate) fn ago(seconds: u64) -> String {
    if seconds == 0 {
        return "now".to_owned();
    }
    // Nobody wants the seconds of a day.
    let rounded = match seconds {
        0..3_600 => seconds,
        3_600..86_400 => seconds - seconds % 60,
        _ => seconds - seconds % 3_600,
    };
    format!(
        "{} ago",
        model::format_interval(Duration::from_secs(rounded))
    )
}

/// Draws numbers as a curve of one line, the newest at the right; empty when they do not move.
pub(crate) fn curve(values: &[f64]) -> String {
    let values = &values[values.len().saturating_sub(CURVE_POINTS_MAX)..];
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let low = known().fold(f64::INFINITY, f64::min);
    let high = known().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 2 || high <= low {
        return String::new();
    }
    let step = |value: &f64| {
        if !value.is_finite() {
            return ' ';
        }
        // Halves first: the span of two large numbers of different signs is not a number.
        let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let at = (share * (STEPS.len() - 1) as f64).round();
        STEPS[(at as usize).min(STEPS.len() - 1)]
    };
    values.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        for (value, expect) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (42.0, "42"),
            (41.234_567, "41.23"),
            (1_234.56, "1234.6"),
            (0.123_456, "0.123"),
            (0.000_12, "0.00012"),
            (0.000_000_01, "0"),
            (-1.5, "-1.5"),
        ] {
            assert_eq!(number(value).replace("-0", "0"), expect.replace("-0", "0"));
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        assert_eq!(size(24_684_100.0, "kB").as_deref(), Some("23.5 GiB"));
        assert_eq!(size(2_048.0, "bytes/s").as_deref(), Some("2.0 KiB/s"));
        assert_eq!(size(100.0, "bytes"), None);
        assert_eq!(size(1e9, "%"), None);
        assert_eq!(bytes_of(12.0), "12 B");
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        assert_eq!(
            (took(350), took(1_200_000)),
            ("0.35 ms".into(), "1.2 s".into())
        );
        assert_eq!((ago(0), ago(4)), ("now".into(), "4s ago".into()));
        assert_eq!(
            (ago(3_725), ago(90_061)),
            ("1h2m ago".into(), "1d1h ago".into())
        );
    }

    #[test]
    fn a_curve_shows_what_moves_and_bears_any_number() {
        assert_eq!(curve(&[1.0, 2.0, 3.0, 8.0]), "▁▂▃█");
        assert_eq!(curve(&[5.0, 5.0, 5.0]), "");
        assert_eq!(curve(&[1.0]), "");
        assert_eq!(curve(&[f64::MIN, f64::MAX]), "▁█");
        assert_eq!(curve(&[1.0, f64::NAN, 2.0]), "▁ █");
        assert_eq!(curve(&[0.0; 0]), "");
        assert_eq!(
            curve(&(0..100).map(f64::from).collect::<Vec<_>>())
                .chars()
                .count(),
            30
        );
    }
}
