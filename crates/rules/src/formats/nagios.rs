//! Output of a Nagios plugin: a line for people, more lines, and performance data behind `|`.
//!
//! ```text
//! DISK OK - free space: / 3326 MB | /=2643MB;5948;5958;0;5968
//! / 15272 MB (77%)
//! /boot 68 MB (69%) | /boot=68MB;88;93;0;98
//! /home=69357MB;253404;253409;0;253414
//! ```

use std::sync::Arc;

use model::Value;
use model::limits::{PERFDATA_MAX, PLUGIN_TEXT_BYTES_MAX};

use super::scalar::scalar;

/// What a plugin said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The first line, without performance data.
    pub text: Arc<str>,
    /// Further lines, without performance data.
    pub long_text: Arc<str>,
    /// What was measured, in the order in which it was told.
    pub perfdata: Vec<Perfdata>,
    /// How many words of performance data were not understood, or were too many to be kept.
    pub skipped: usize,
}

/// A figure that a plugin measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Perfdata {
    /// What was measured.
    pub label: Arc<str>,
    /// The figure; none when the plugin could not tell (`U`).
    pub value: Option<f64>,
    /// The unit: `s`, `%`, `B`, `c` for a counter …; empty where there is none.
    pub unit: Arc<str>,
    /// The range that is no warning, as it was written.
    pub warning: Option<Arc<str>>,
    /// The range that is not critical, as it was written.
    pub critical: Option<Arc<str>>,
    /// The smallest that it can be.
    pub min: Option<f64>,
    /// The largest that it can be.
    pub max: Option<f64>,
}

/// The state that the words of the first line tell.
const STATES: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

/// Reads what a plugin said. Any text is some output; figures that are broken are counted.
pub fn parse(text: &str) -> Output {
    let mut lines = text.trim_end().lines();
    let (first, mut figures) = match lines.next().unwrap_or_default().split_once('|') {
        Some((first, figures)) => (first, figures.to_owned()),
        None => (text.lines().next().unwrap_or_default(), String::new()),
    };
    let mut long_text = String::new();
    let mut is_perfdata = false;
    for line in lines {
        let (prose, more) = match line.split_once('|') {
            _ if is_perfdata => ("", Some(line)),
            Some((prose, more)) => (prose, Some(more)),
            None => (line, None),
        };
        if !is_perfdata {
            if !long_text.is_empty() {
                long_text.push('\n');
            }
            long_text.push_str(prose.trim_end());
        }
        if let Some(more) = more {
            is_perfdata = true;
            figures.push(' ');
            figures.push_str(more);
        }
    }
    let (perfdata, skipped) = perfdata(&figures);
    Output {
        text: Arc::from(cut(first.trim())),
        long_text: Arc::from(cut(long_text.trim())),
        perfdata,
        skipped,
    }
}

/// Reads figures with spaces between them; gives how many were left out too.
pub fn perfdata(text: &str) -> (Vec<Perfdata>, usize) {
    let mut figures = Vec::new();
    let mut skipped = 0;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (label, after) = label(rest);
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        let figure = label.zip(word.strip_prefix('='));
        match figure.and_then(|(label, word)| figure_of(label, word)) {
            Some(figure) if figures.len() < PERFDATA_MAX => figures.push(figure),
            Some(_) | None => skipped += 1,
        }
        rest = after.trim_start();
    }
    (figures, skipped)
}

/// Reads a label, in quotes when it has spaces; gives what follows, the `=` included.
fn label(text: &str) -> (Option<String>, &str) {
    let Some(mut rest) = text.strip_prefix('\'') else {
        let end = text.find(|letter: char| letter == '=' || letter.is_whitespace());
        let (label, rest) = text.split_at(end.unwrap_or(text.len()));
        return (Some(label.to_owned()).filter(|it| !it.is_empty()), rest);
    };
    let mut label = String::new();
    while let Some((before, after)) = rest.split_once('\'') {
        label.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                label.push('\'');
                rest = more;
            }
            None => return (Some(label).filter(|it| !it.is_empty()), after),
        }
    }
    // The quote was never closed.
    (None, "")
}

/// Reads `12.5MB;80;90;0;100`.
fn figure_of(label: String, word: &str) -> Option<Perfdata> {
    let mut parts = word.split(';');
    let value = parts.next().unwrap_or_default();
    let end = number_end(value);
    let (digits, unit) = value.split_at(end);
    let (value, unit) = match (value, end) {
        ("U" | "u", _) => (None, ""),
        (_, 0) if scalar(value) == Value::None => (None, ""),
        (_, 0) => return None,
        _ => (number(digits), unit),
    };
    let mut range = || {
        let part = parts.next().filter(|part| !part.is_empty())?;
        Some(Arc::from(part))
    };
    let (warning, critical) = (range(), range());
    let mut bound = || number(parts.next()?);
    let (min, max) = (bound(), bound());
    Some(Perfdata {
        label: Arc::from(label),
        value,
        unit: Arc::from(unit),
        warning,
        critical,
        min,
        max,
    })
}

/// Gives where the number at the start of a word ends; 0 when there is none.
fn number_end(word: &str) -> usize {
    let bytes = word.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let sign = usize::from(word.starts_with(['-', '+']));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if matches!(bytes.get(end), Some(b'.' | b',')) {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// Reads a number; some plugins write as their country does, with a comma.
fn number(text: &str) -> Option<f64> {
    let number: f64 = text.replace(',', ".").parse().ok()?;
    Some(number).filter(|number| number.is_finite())
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(PLUGIN_TEXT_BYTES_MAX)]
}

impl Output {
    /// Gives it as a map: `text`, `long_text`, `status` where the first words tell it, and
    /// `perfdata` by label.
    pub fn to_value(&self) -> Value {
        let status = self
            .text
            .split([' ', ':', '-', ','])
            .filter(|word| !word.is_empty())
            .take(2)
            .find_map(|word| STATES.into_iter().find(|state| *state == word));
        let perfdata = self
            .perfdata
            .iter()
            .map(|figure| (Arc::clone(&figure.label), figure.to_value()));
        Value::map([
            ("status", status.map_or(Value::None, Value::from)),
            ("text", Value::Text(Arc::clone(&self.text))),
            ("long_text", Value::Text(Arc::clone(&self.long_text))),
            ("perfdata", Value::map(perfdata)),
        ])
    }
}

impl Perfdata {
    fn to_value(&self) -> Value {
        let range = |range: &Option<Arc<str>>| range.as_deref().map(scalar);
        let entries = [
            ("value", Some(self.value.map_or(Value::None, Value::Float))),
            (
                "unit",
                Some(Value::Text(Arc::clone(&self.unit))).filter(|_| !self.unit.is_empty()),
            ),
            ("warning", range(&self.warning)),
            ("critical", range(&self.critical)),
            ("min", self.min.map(Value::Float)),
            ("max", self.max.map(Value::Float)),
        ];
        Value::map(
            entries
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_guide_is_read() {
        let output = parse(
            "DISK OK - free space: / 3326 MB | /=2643MB;5948;5958;0;5968\n\
             / 15272 MB (77%);\n\
             /boot 68 MB (69%) | /boot=68MB;88;93;0;98\n\
             /home=69357MB;253404;253409;0;253414\n",
        );
        assert_eq!(&*output.text, "DISK OK - free space: / 3326 MB");
        assert_eq!(&*output.long_text, "/ 15272 MB (77%);\n/boot 68 MB (69%)");
        let labels: Vec<_> = output.perfdata.iter().map(|it| &*it.label).collect();
        assert_eq!(labels, ["/", "/boot", "/home"]);
        assert_eq!(output.perfdata[0].value, Some(2643.0));
        assert_eq!(&*output.perfdata[0].unit, "MB");
        assert_eq!(output.perfdata[0].warning.as_deref(), Some("5948"));
        assert_eq!(output.perfdata[0].min, Some(0.0));
        assert_eq!(output.perfdata[0].max, Some(5968.0));
        assert_eq!(output.to_value().get("status"), Some(&Value::from("OK")));
    }

    #[test]
    fn figures_are_read_as_plugins_write_them() {
        for (text, label, value, unit) in [
            ("time=0.012s", "time", Some(0.012), "s"),
            ("'free space'=12%;;;0;100", "free space", Some(12.0), "%"),
            ("'it''s'=1", "it's", Some(1.0), ""),
            ("load=0,50;1;2", "load", Some(0.5), ""),
            ("offset=-1.5e-05s", "offset", Some(-1.5e-05), "s"),
            ("packets=12c", "packets", Some(12.0), "c"),
            ("eggs=3eggs", "eggs", Some(3.0), "eggs"),
            ("unknown=U;1;2", "unknown", None, ""),
            ("odd=NaN", "odd", None, ""),
            ("huge=1e999", "huge", None, ""),
        ] {
            let (figures, skipped) = perfdata(text);
            assert_eq!((figures.len(), skipped), (1, 0), "{text}");
            assert_eq!(&*figures[0].label, label, "{text}");
            assert_eq!(figures[0].value, value, "{text}");
            assert_eq!(&*figures[0].unit, unit, "{text}");
        }
    }

    #[test]
    fn broken_figures_are_counted_and_cost_no_other() {
        for (text, good, bad) in [
            ("a=1 b c=2", 2, 1),
            ("a=x b=2", 1, 1),
            ("=1 b=2", 1, 1),
            ("'open=1 b=2", 0, 1),
            ("a = 1", 0, 3),
            ("a=", 0, 1),
            ("''=1 b=2", 1, 1),
            ("", 0, 0),
        ] {
            let (figures, skipped) = perfdata(text);
            assert_eq!((figures.len(), skipped), (good, bad), "{text:?}");
        }
    }

    #[test]
    fn endless_output_is_cut() {
        let output = parse(&format!(
            "{}|{}",
            "é".repeat(PLUGIN_TEXT_BYTES_MAX),
            "a=1 ".repeat(PERFDATA_MAX + 5)
        ));
        assert!(output.text.len() <= PLUGIN_TEXT_BYTES_MAX);
        assert_eq!(output.perfdata.len(), PERFDATA_MAX);
        assert_eq!(output.skipped, 5);
    }

    #[test]
    fn the_state_is_told_where_the_first_words_tell_it() {
        for (text, expect) in [
            ("OK: fine", Value::from("OK")),
            ("CRITICAL - down", Value::from("CRITICAL")),
            ("HTTP WARNING: slow", Value::from("WARNING")),
            ("all is well, OK", Value::None),
            ("", Value::None),
        ] {
            assert_eq!(
                parse(text).to_value().get("status"),
                Some(&expect),
                "{text}"
            );
        }
    }
}
