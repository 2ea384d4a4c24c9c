//! Sensors of the hardware: temperatures and fans, as the kernel's hwmon drivers give them.
//!
//! Reading some sensors wakes slow hardware, which is why it is done twice a minute only.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Value;
use model::limits::{SENSOR_CHIPS_MAX, SENSORS_MAX};

use super::rates::rounded;
use super::{Collector, Context, Native, Trouble, key};
use crate::{Error, Host};

const DIRECTORY: &str = "/sys/class/hwmon";

/// Drivers whose chip is a disk, and which file or folder of its device names the disk.
const DISK_DRIVERS: &[&str] = &["nvme", "drivetemp"];

pub(super) const COLLECTOR: Native = Native {
    name: "hwmon",
    doc: "Temperatures and fans of processors, boards and disks.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: &[
        key("hottest", "°C", "the highest temperature of all"),
        key("temperatures.*.*.celsius", "°C", "by chip and sensor"),
        key(
            "temperatures.*.*.max",
            "°C",
            "what the maker calls high, where it says so",
        ),
        key(
            "temperatures.*.*.critical",
            "°C",
            "what the maker calls critical, where it says so",
        ),
        key("fans.*.*.rpm", "1/min", "by chip and sensor"),
        key("disks.*.celsius", "°C", "of each disk that tells it"),
        key(
            "disks.*.critical",
            "°C",
            "what the maker of the disk calls critical",
        ),
    ],
    make: || Box::new(Hwmon),
};

struct Hwmon;

impl Collector for Hwmon {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let mut sensors = Sensors::default();
        for chip in directory(context.host, DIRECTORY, SENSOR_CHIPS_MAX)? {
            context.deadline.check("reading sensors of", &chip)?;
            sensors.add_chip(context.host, &format!("{DIRECTORY}/{chip}"))?;
        }
        if sensors.is_empty() {
            return Err(Trouble::not_eligible(
                "no driver for a temperature or a fan in /sys/class/hwmon",
                "usual in virtual machines; on hardware load coretemp, k10temp, drivetemp …",
            ));
        }
        Ok(sensors.into_value())
    }
}

type Readings = BTreeMap<String, BTreeMap<String, Value>>;

#[derive(Default)]
struct Sensors {
    hottest: Option<f64>,
    temperatures: Readings,
    fans: Readings,
    disks: BTreeMap<String, Value>,
    count: usize,
}

impl Sensors {
    fn is_empty(&self) -> bool {
        self.temperatures.is_empty() && self.fans.is_empty()
    }

    fn add_chip(&mut self, host: &Host, path: &str) -> Result<(), Error> {
        let Some(driver) = host.word(&format!("{path}/name")) else {
            return Ok(());
        };
        let device = device_name(host, path);
        let chip = match &device {
            Some(device) if !device.starts_with(&driver) => format!("{driver}-{device}"),
            Some(device) => device.clone(),
            None => driver.clone(),
        };
        let mut hottest_of_chip: Option<(f64, Option<f64>)> = None;
        for file in directory(host, path, SENSORS_MAX)? {
            let Some(sensor) = file.strip_suffix("_input") else {
                continue;
            };
            if self.count == SENSORS_MAX {
                break;
            }
            let read = |what: &str| number(host, &format!("{path}/{sensor}_{what}"));
            let label = || {
                let label = host.word(&format!("{path}/{sensor}_label"));
                label
                    .filter(|label| !label.is_empty())
                    .unwrap_or_else(|| sensor.to_owned())
            };
            if sensor.starts_with("temp") {
                let Some(celsius) = read("input").map(|milli| rounded(milli / 1_000.0)) else {
                    continue;
                };
                let critical = read("crit").map(|milli| rounded(milli / 1_000.0));
                let mut found = vec![("celsius", Value::from(celsius))];
                found.extend(read("max").map(|max| ("max", Value::from(rounded(max / 1_000.0)))));
                found.extend(critical.map(|critical| ("critical", Value::from(critical))));
                insert(&mut self.temperatures, &chip, label(), Value::map(found));
                self.hottest = Some(self.hottest.map_or(celsius, |hottest| hottest.max(celsius)));
                if hottest_of_chip.is_none_or(|(hottest, _)| celsius > hottest) {
                    hottest_of_chip = Some((celsius, critical));
                }
                self.count += 1;
            } else if sensor.starts_with("fan") {
                let Some(rpm) = read("input") else { continue };
                let found = Value::map([("rpm", Value::from(rpm))]);
                insert(&mut self.fans, &chip, label(), found);
                self.count += 1;
            }
        }
        if DISK_DRIVERS.contains(&driver.as_str())
            && let (Some((celsius, critical)), Some(disk)) = (hottest_of_chip, device)
        {
            let mut found = vec![("celsius", Value::from(celsius))];
            found.extend(critical.map(|critical| ("critical", Value::from(critical))));
            self.disks.insert(disk, Value::map(found));
        }
        Ok(())
    }

    fn into_value(self) -> Value {
        let tree = |readings: Readings| {
            Value::map(
                readings
                    .into_iter()
                    .map(|(chip, sensors)| (chip, Value::map(sensors))),
            )
        };
        let mut found = vec![
            ("temperatures", tree(self.temperatures)),
            ("fans", tree(self.fans)),
            ("disks", Value::map(self.disks)),
        ];
        found.extend(
            self.hottest
                .map(|hottest| ("hottest", Value::from(hottest))),
        );
        Value::map(found)
    }
}

/// Two sensors of a chip may have one label: the second gets a number.
fn insert(readings: &mut Readings, chip: &str, label: String, value: Value) {
    let sensors = readings.entry(chip.to_owned()).or_default();
    let mut name = label.clone();
    let mut number = 2;
    while sensors.contains_key(&name) {
        name = format!("{label} {number}");
        number += 1;
    }
    sensors.insert(name, value);
}

/// Names the device of a chip: the disk below it, or the last part of where its link leads.
fn device_name(host: &Host, path: &str) -> Option<String> {
    let blocks = directory(host, &format!("{path}/device/block"), 1).unwrap_or_default();
    if let Some(disk) = blocks.into_iter().next() {
        return Some(disk);
    }
    let link = std::fs::read_link(host.path(&format!("{path}/device")).ok()?).ok()?;
    Some(link.file_name()?.to_string_lossy().into_owned())
}

/// Lists a folder in order; what is not there is empty, and what is too long is cut.
fn directory(host: &Host, path: &str, entries_max: usize) -> Result<Vec<String>, Error> {
    let Ok(entries) = std::fs::read_dir(host.path(path)?) else {
        return Ok(Vec::new());
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names
        .take(entries_max.saturating_mul(16))
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Reads a number; a sensor that is broken or asleep gives an error instead.
fn number(host: &Host, path: &str) -> Option<f64> {
    let number = host.word(path)?.parse::<i64>().ok()?;
    Some(number as f64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{collect, recorded_run};
    use super::*;

    #[track_caller]
    fn check(value: &Value, path: &[&str], expect: Option<f64>) {
        let found = path
            .iter()
            .try_fold(value, |value, segment| value.get(segment));
        assert_eq!(found, expect.map(Value::from).as_ref(), "{path:?}");
    }

    #[test]
    fn temperatures_fans_and_disks_are_read() {
        let value = recorded_run("nas", &COLLECTOR).unwrap();
        check(&value, &["hottest"], Some(61.0));
        let package = ["temperatures", "coretemp.0", "Package id 0", "celsius"];
        check(&value, &package, Some(61.0));
        check(
            &value,
            &["temperatures", "coretemp.0", "Core 0 2", "celsius"],
            Some(54.0),
        );
        check(
            &value,
            &["fans", "nct6775.656", "fan2", "rpm"],
            Some(1180.0),
        );
        check(&value, &["disks", "nvme0", "celsius"], Some(38.85));
        check(&value, &["disks", "nvme0", "critical"], Some(84.85));
        check(&value, &["disks", "sda", "celsius"], Some(34.0));
        check(&value, &["disks", "sdb", "celsius"], None);
    }

    #[test]
    fn a_machine_without_sensors_is_not_eligible() {
        for name in ["debian-12", "alpine-3.22"] {
            let trouble = recorded_run(name, &COLLECTOR).unwrap_err();
            assert!(matches!(trouble, Trouble::NotEligible { .. }));
        }
        match collect(&Host::real(), &COLLECTOR) {
            Ok(value) => assert!(value.get("temperatures").is_some()),
            Err(trouble) => assert!(matches!(trouble, Trouble::NotEligible { .. })),
        }
    }
}
