//! Which Raspberry Pi this is, and how warm.

use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};

const MODEL: &str = "/sys/firmware/devicetree/base/model";
const TEMPERATURE: &str = "/sys/class/thermal/thermal_zone0/temp";

pub(super) const COLLECTOR: Native = Native {
    name: "raspberrypi",
    doc: "Which Raspberry Pi this is, and how warm.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(RaspberryPi),
};

const KEYS: &[Key] = &[
    key("is_raspberry_pi", "", "true"),
    key("version", "", "0 to 5, or unknown"),
    key("model", "", "its name in full"),
    key("temperature", "°C", "temperature of the processor"),
];

struct RaspberryPi;

impl Collector for RaspberryPi {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        let model = host.word(MODEL).unwrap_or_default();
        let model = model.trim_end_matches('\0');
        let Some(rest) = model.strip_prefix("Raspberry Pi") else {
            return Err(Trouble::not_eligible("this is no Raspberry Pi", ""));
        };
        let thousandths = host
            .word(TEMPERATURE)
            .and_then(|word| word.parse::<i64>().ok());
        let temperature = thousandths.map(|thousandths| Value::Int(thousandths / 1_000));
        let known = [
            ("is_raspberry_pi", Value::Bool(true)),
            ("version", Value::from(version(rest))),
            ("model", Value::from(model)),
        ];
        let temperature = temperature.map(|temperature| ("temperature", temperature));
        Ok(Value::map(known.into_iter().chain(temperature)))
    }
}

/// Tells the version by what stands behind "Raspberry Pi": ` 4 Model B Rev 1.1`, ` Zero W`,
/// ` Compute Module 4`, ` 400`, ` Model B Plus` (the first one has no number).
fn version(rest: &str) -> &'static str {
    let rest = rest.trim_start();
    if rest.starts_with("Zero") {
        return "0";
    }
    let rest = rest
        .strip_prefix("Compute Module")
        .map_or(rest, str::trim_start);
    match rest.as_bytes().first() {
        Some(b'2') => "2",
        Some(b'3') => "3",
        Some(b'4') => "4",
        Some(b'5') => "5",
        Some(b'1') | None => "1",
        Some(b'M' | b'R') => "1",
        Some(_) => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number, text};
    use super::*;

    #[test]
    fn models_are_told_apart() {
        for (rest, expect) in [
            (" 3 Model B Plus Rev 1.3", "3"),
            (" 4 Model B Rev 1.1", "4"),
            (" 5 Model B Rev 1.0", "5"),
            (" 400 Rev 1.0", "4"),
            (" 500 Rev 1.0", "5"),
            (" Zero W Rev 1.1", "0"),
            (" Zero 2 W Rev 1.0", "0"),
            (" Model B Rev 2", "1"),
            (" Compute Module 4 Rev 1.0", "4"),
            (" Compute Module Rev 1.0", "1"),
            (" Pico", "unknown"),
        ] {
            assert_eq!(version(rest), expect, "{rest}");
        }
    }

    #[test]
    fn the_temperature_is_read_each_time() {
        let mut runs = Runs::new(&COLLECTOR);
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        runs.file(MODEL, "Raspberry Pi 4 Model B Rev 1.1\0");
        assert_eq!(runs.run(1).unwrap().get("temperature"), None);
        runs.file(TEMPERATURE, "48312\n");
        let value = runs.run(1).unwrap();
        assert_eq!(number(&value, &["temperature"]), Some(48.0));
        assert_eq!(text(&value, &["version"]), "4");
        runs.file(TEMPERATURE, "61000\n");
        assert_eq!(number(&runs.run(1).unwrap(), &["temperature"]), Some(61.0));
        runs.file(MODEL, "Radxa ROCK 5B\0");
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
    }
}
