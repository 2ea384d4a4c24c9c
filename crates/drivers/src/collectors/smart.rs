//! The health of disks, as they tell it of themselves (SMART), asked through smartctl(8).
//!
//! A disk that sleeps is not woken: it is told as it was when it was last awake. A disk that gives
//! no answer holds up the others no longer than its own time box, and is named with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Value;
use model::limits::{SMART_ANSWER_BYTES_MAX, SMART_DISKS_MAX};

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::child::{self, End};
use crate::{Deadline, Error};

mod answer;
#[cfg(test)]
mod tests;

use answer::{Device, Reading};

const PROGRAM: &str = "smartctl";

/// Time for one disk. One that is about to fail may take seconds.
const DISK_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) const COLLECTOR: Native = Native {
    name: "smart",
    doc: "The health of disks as they tell it themselves, where smartctl is installed.",
    interval: Duration::from_secs(3_600),
    timeout: Duration::from_secs(60),
    has_rates: false,
    keys: KEYS,
    make: || Box::<Smart>::default(),
};

const KEYS: &[Key] = &[
    key("count", "", "disks that told their health"),
    key("failing", "", "names of disks that foretell their end"),
    key("asleep", "", "names of disks that sleep and were not woken"),
    key("unreadable.*", "", "why a disk told nothing"),
    key("left_out", "", "disks beyond those that are looked at"),
    key("disks.*.healthy", "", "false: it foretells its end"),
    key("disks.*.model", "", "what it is"),
    key("disks.*.serial", "", "its serial number"),
    key("disks.*.temperature", "°C", "how hot it is"),
    key("disks.*.power_on_hours", "h", "time that it was on"),
    key(
        "disks.*.reallocated",
        "",
        "bad sectors that were replaced by spare ones",
    ),
    key("disks.*.pending", "", "sectors that cannot be read now"),
    key(
        "disks.*.media_errors",
        "",
        "errors that it could not correct",
    ),
    key(
        "disks.*.percentage_used",
        "%",
        "of the writes for which it is made; may exceed 100",
    ),
];

#[derive(Default)]
struct Smart {
    /// What disks told when they were last awake.
    known: BTreeMap<String, Value>,
}

impl Collector for Smart {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if context.host.program(PROGRAM).is_none() {
            return Err(Trouble::not_eligible(
                "there is no smartctl, which asks disks for their health",
                "install the package smartmontools; in a virtual machine it is of no use",
            ));
        }
        let devices = answer::devices(&ask(context, &["--scan-open"], context.deadline)?)?;
        if devices.is_empty() {
            return Err(Trouble::not_eligible(
                "smartctl --scan-open finds no disk that could tell its health",
                "usual in virtual machines; behind a RAID controller see smartctl(8), option -d",
            ));
        }
        Ok(self.look(context, &devices))
    }
}

/// What one look gave.
#[derive(Default)]
struct Look {
    disks: BTreeMap<String, Value>,
    asleep: BTreeSet<String>,
    unreadable: BTreeMap<String, String>,
}

impl Smart {
    fn look(&mut self, context: &Context<'_>, devices: &[Device]) -> Value {
        let mut look = Look::default();
        for device in devices.iter().take(SMART_DISKS_MAX) {
            let key = device.key(devices);
            match read(context, device) {
                Ok(Reading::Awake(disk)) => {
                    look.disks.insert(key, Value::map(disk));
                }
                Ok(Reading::Asleep) => {
                    if let Some(disk) = self.known.get(&key) {
                        look.disks.insert(key.clone(), disk.clone());
                    }
                    look.asleep.insert(key);
                }
                Err(error) => {
                    look.unreadable.insert(key, error.to_string());
                }
            }
        }
        self.known.clone_from(&look.disks);
        let left_out = devices.len().saturating_sub(SMART_DISKS_MAX);
        look.into_value(left_out)
    }
}

impl Look {
    fn into_value(self, left_out: usize) -> Value {
        let is_failing =
            |disk: &Value| matches!(disk.get("healthy"), Some(Value::Bool(healthy)) if !healthy);
        let failing = self.disks.iter().filter(|(_, disk)| is_failing(disk));
        let failing = Value::list(failing.map(|(name, _)| Value::from(name.as_str())));
        let unreadable = self.unreadable.into_iter();
        Value::map([
            ("count", Value::count(self.disks.len())),
            ("failing", failing),
            (
                "asleep",
                Value::list(self.asleep.into_iter().map(Value::text)),
            ),
            (
                "unreadable",
                Value::map(unreadable.map(|(name, reason)| (name, Value::text(reason)))),
            ),
            ("left_out", Value::count(left_out)),
            ("disks", Value::map(self.disks)),
        ])
    }
}

fn read(context: &Context<'_>, device: &Device) -> Result<Reading, Error> {
    if let Some(problem) = &device.problem {
        return Err(Error::bad_answer(&device.name, problem));
    }
    context.deadline.check("asking", &device.name)?;
    let arguments = ["-a", "-n", "standby", "-d", &device.kind, &device.name];
    let deadline = context.deadline.at_most(DISK_TIMEOUT);
    answer::reading(&device.name, &ask(context, &arguments, deadline)?)
}

/// Runs smartctl. Its exit code is made of bits that say again what stands in its answer.
fn ask(context: &Context<'_>, arguments: &[&str], deadline: Deadline) -> Result<Vec<u8>, Error> {
    let argv = [&[PROGRAM, "--json"], arguments].concat();
    let command = child::Command {
        argv: &argv,
        stdin: b"",
        environment: &[],
        output_bytes_max: SMART_ANSWER_BYTES_MAX,
        deadline,
    };
    let finished = child::run(context.host, &command)?;
    match finished.end {
        End::Code(_) if !finished.stdout.bytes.is_empty() => Ok(finished.stdout.bytes),
        End::Code(_) | End::Signal(_) | End::TimedOut => {
            Err(finished.error(&argv.join(" "), deadline))
        }
    }
}
