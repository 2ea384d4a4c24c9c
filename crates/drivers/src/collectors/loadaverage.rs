//! How many processes run or wait to run, averaged over 1, 5 and 15 minutes.

use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble};
use crate::Error;

const PATH: &str = "/proc/loadavg";

pub(super) const COLLECTOR: Native = Native {
    name: "loadaverage",
    doc: "The load of the machine over 1, 5 and 15 minutes.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: &[
        Key {
            path: "load1",
            unit: "",
            doc: "over one minute",
        },
        Key {
            path: "load5",
            unit: "",
            doc: "over five minutes",
        },
        Key {
            path: "load15",
            unit: "",
            doc: "over fifteen minutes",
        },
    ],
    make: || Box::new(LoadAverage),
};

struct LoadAverage;

impl Collector for LoadAverage {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let bytes = context.host.read(PATH, 4 << 10, context.deadline)?;
        Ok(parse(&String::from_utf8_lossy(&bytes))?)
    }
}

/// Reads `0.20 0.18 0.12 1/80 11206`.
fn parse(text: &str) -> Result<Value, Error> {
    let mut words = text.split_ascii_whitespace().map(str::parse::<f64>);
    let (Some(Ok(load1)), Some(Ok(load5)), Some(Ok(load15))) =
        (words.next(), words.next(), words.next())
    else {
        return Err(Error::BadAnswer {
            subject: PATH.to_owned(),
            problem: "does not begin with three numbers".to_owned(),
        });
    };
    Ok(Value::map([
        ("load1", Value::from(load1)),
        ("load5", Value::from(load5)),
        ("load15", Value::from(load15)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_averages_are_read() {
        let value = parse("0.20 0.18 0.12 1/80 11206\n").unwrap();
        assert_eq!(value.get("load1"), Some(&Value::from(0.20)));
        assert_eq!(value.get("load15"), Some(&Value::from(0.12)));
    }

    #[test]
    fn a_truncated_file_is_told() {
        for text in ["", "0.20", "0.20 0.18", "a b c"] {
            assert!(
                parse(text).unwrap_err().to_string().contains(PATH),
                "{text:?}"
            );
        }
    }
}
