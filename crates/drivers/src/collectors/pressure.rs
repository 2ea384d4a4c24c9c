//! How long work waited for processor, memory and disk (PSI, Documentation/accounting/psi.rst).

use std::io;
use std::time::Duration;

use model::Value;

use super::{Collector, Context, Native, Trouble, key};
use crate::Error;

const DIRECTORY: &str = "/proc/pressure";
const RESOURCES: &[&str] = &["cpu", "memory", "io", "irq"];

pub(super) const COLLECTOR: Native = Native {
    name: "pressure",
    doc: "Share of time in which work waited for processor, memory, disk or interrupts.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: &[
        key(
            "*.some_avg10",
            "%",
            "of 10 seconds, in which at least one task waited for cpu, memory, io or irq",
        ),
        key("*.some_avg60", "%", "the same of a minute"),
        key("*.some_avg300", "%", "the same of five minutes"),
        key(
            "*.full_avg10",
            "%",
            "of 10 seconds, in which all tasks waited at once",
        ),
        key("*.full_avg60", "%", "the same of a minute"),
        key("*.full_avg300", "%", "the same of five minutes"),
    ],
    make: || Box::new(Pressure),
};

struct Pressure;

impl Collector for Pressure {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !context.host.has(DIRECTORY) {
            return Err(Trouble::not_eligible(
                "there is no /proc/pressure: this kernel does not measure pressure",
                "Linux 4.20 or newer does, with CONFIG_PSI",
            ));
        }
        let mut found = Vec::new();
        for resource in RESOURCES {
            let path = format!("{DIRECTORY}/{resource}");
            match context.host.read(&path, 4 << 10, context.deadline) {
                Ok(bytes) => {
                    let lines = parse(&path, &String::from_utf8_lossy(&bytes))?;
                    found.push((*resource, lines));
                }
                Err(error) if is_switched_off(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if found.is_empty() {
            return Err(Trouble::not_eligible(
                "this kernel can measure pressure, but it is switched off",
                "boot with psi=1",
            ));
        }
        Ok(Value::map(found))
    }
}

/// A file may be missing on older kernels; where measuring is switched off, it cannot be read.
fn is_switched_off(error: &Error) -> bool {
    let Error::System { source, .. } = error else {
        return false;
    };
    matches!(
        source.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::Unsupported
    )
}

/// Reads lines like `some avg10=0.00 avg60=0.12 avg300=0.05 total=1234`.
fn parse(path: &str, text: &str) -> Result<Value, Error> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(kind @ ("some" | "full")) = words.next() else {
            continue;
        };
        for (name, number) in words.filter_map(|word| word.split_once('=')) {
            let number = number
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite());
            if let (true, Some(number)) = (name.starts_with("avg"), number) {
                found.push((format!("{kind}_{name}"), Value::from(number)));
            }
        }
    }
    if found.is_empty() {
        return Err(Error::bad_answer(
            path,
            "has no line that begins with some or full",
        ));
    }
    Ok(Value::map(found))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{collect, recorded_run};
    use super::*;

    #[test]
    fn averages_are_read() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        let io = value.get("io").unwrap();
        assert_eq!(io.get("some_avg10"), Some(&Value::from(2.75)));
        assert_eq!(io.get("full_avg300"), Some(&Value::from(0.61)));
        assert_eq!(value.get("cpu").and_then(|cpu| cpu.get("full_avg10")), None);
    }

    #[test]
    fn junk_and_pieces_are_told_or_passed_over() {
        assert!(parse("/proc/pressure/io", "").is_err());
        assert!(parse("/proc/pressure/io", "none avg10=1").is_err());
        assert!(parse("/proc/pressure/io", "some avg10=NaN avg60=x").is_err());
        let cut = parse("/proc/pressure/io", "some avg10=1.5 avg6").unwrap();
        assert_eq!(cut, Value::map([("some_avg10", Value::from(1.5))]));
    }

    #[test]
    fn a_kernel_without_it_is_not_eligible() {
        let trouble = recorded_run("alpine-3.22", &COLLECTOR).unwrap_err();
        assert!(matches!(trouble, Trouble::NotEligible { .. }));
    }

    #[test]
    fn this_machine_answers_in_shape() {
        match collect(&crate::Host::real(), &COLLECTOR) {
            Ok(value) => assert!(value.get("cpu").is_some(), "{value:?}"),
            Err(trouble) => assert!(matches!(trouble, Trouble::NotEligible { .. })),
        }
    }
}
