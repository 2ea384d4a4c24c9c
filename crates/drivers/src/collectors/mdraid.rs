//! Software RAID of Linux: which arrays have lost a disk, and how far a rebuild has come.

use std::time::Duration;

use model::Value;
use model::limits::ARRAYS_MAX;

use super::{Collector, Context, Native, Trouble, key};
use crate::Error;

const PATH: &str = "/proc/mdstat";
const BYTES_MAX: usize = 1 << 20;

pub(super) const COLLECTOR: Native = Native {
    name: "mdraid",
    doc: "Arrays of software RAID, their disks and their rebuilds.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: &[
        key("count", "", "arrays"),
        key(
            "degraded",
            "",
            "names of arrays that miss a disk or do not run",
        ),
        key(
            "arrays.*.level",
            "",
            "raid0, raid1, raid5, raid6, raid10, linear",
        ),
        key("arrays.*.state", "", "active, inactive, read-only"),
        key(
            "arrays.*.is_degraded",
            "",
            "whether it misses a disk or does not run",
        ),
        key("arrays.*.disks_wanted", "", "disks that it should have"),
        key("arrays.*.disks_working", "", "disks that work"),
        key(
            "arrays.*.spares",
            "",
            "disks that wait for another one to fail",
        ),
        key("arrays.*.failed", "", "names of disks that have failed"),
        key(
            "arrays.*.action",
            "",
            "recovery, resync, reshape, check; idle when nothing goes on",
        ),
        key("arrays.*.action_pct", "%", "how far it has come"),
    ],
    make: || Box::new(MdRaid),
};

struct MdRaid;

impl Collector for MdRaid {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !context.host.has(PATH) {
            return Err(Trouble::not_eligible(
                "there is no /proc/mdstat: no software RAID",
                "",
            ));
        }
        let bytes = context.host.read(PATH, BYTES_MAX, context.deadline)?;
        let arrays = parse(&String::from_utf8_lossy(&bytes))?;
        if arrays.is_empty() {
            return Err(Trouble::not_eligible(
                "there is no array in /proc/mdstat: no software RAID",
                "",
            ));
        }
        let degraded = arrays.iter().filter(|array| array.is_degraded());
        Ok(Value::map([
            ("count", Value::count(arrays.len())),
            (
                "degraded",
                Value::list(degraded.map(|array| Value::from(array.name.as_str()))),
            ),
            (
                "arrays",
                Value::map(
                    arrays
                        .iter()
                        .map(|array| (array.name.as_str(), array.to_value())),
                ),
            ),
        ]))
    }
}

#[derive(Debug, Default, PartialEq)]
struct Array {
    name: String,
    level: String,
    state: String,
    failed: Vec<String>,
    spares: usize,
    /// Disks wanted and working, where the level has such a thing.
    disks: Option<(u64, u64)>,
    devices: usize,
    action: Option<(String, Option<f64>)>,
}

impl Array {
    fn is_degraded(&self) -> bool {
        self.state == "inactive" || self.disks.is_some_and(|(wanted, working)| working < wanted)
    }

    fn to_value(&self) -> Value {
        let (wanted, working) = self.disks.unwrap_or((
            self.devices as u64,
            (self.devices - self.failed.len()) as u64,
        ));
        let (action, done) = match &self.action {
            Some((action, done)) => (action.as_str(), *done),
            None => ("idle", None),
        };
        let mut found = vec![
            ("level", Value::from(self.level.as_str())),
            ("state", Value::from(self.state.as_str())),
            ("is_degraded", Value::from(self.is_degraded())),
            ("disks_wanted", Value::count(wanted)),
            ("disks_working", Value::count(working)),
            ("spares", Value::count(self.spares)),
            (
                "failed",
                Value::list(self.failed.iter().map(|name| Value::from(name.as_str()))),
            ),
            ("action", Value::from(action)),
        ];
        if let Some(done) = done {
            found.push(("action_pct", Value::from(done)));
        }
        Value::map(found)
    }
}

/// Reads the whole file: a line `md0 : active raid1 sdb1[1] sda1[0]`, and lines below it that
/// begin with space.
fn parse(text: &str) -> Result<Vec<Array>, Error> {
    let mut arrays: Vec<Array> = Vec::new();
    let mut is_ours = false;
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let (true, Some(array)) = (is_ours, arrays.last_mut()) {
                read_detail(array, line);
            }
            continue;
        }
        is_ours = false;
        let Some((name, rest)) = line.split_once(" : ") else {
            continue;
        };
        if name.trim() == "Personalities" {
            continue;
        }
        if arrays.len() == ARRAYS_MAX {
            return Err(Error::TooLarge {
                subject: PATH.to_owned(),
                limit: format!("{ARRAYS_MAX} arrays"),
                advice: "this is no list of arrays that a machine can have",
            });
        }
        is_ours = true;
        arrays.push(read_array(name.trim(), rest));
    }
    arrays.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(arrays)
}

fn read_array(name: &str, rest: &str) -> Array {
    let mut array = Array {
        name: name.to_owned(),
        ..Array::default()
    };
    for word in rest.split_ascii_whitespace() {
        match word {
            "active" | "inactive" if array.state.is_empty() => word.clone_into(&mut array.state),
            "(read-only)" | "(auto-read-only)" => "read-only".clone_into(&mut array.state),
            _ => match word.split_once('[') {
                Some((disk, flags)) => {
                    array.devices += 1;
                    if flags.ends_with("(F)") {
                        array.failed.push(disk.to_owned());
                    } else if flags.ends_with("(S)") {
                        array.spares += 1;
                    }
                }
                None if array.level.is_empty() => word.clone_into(&mut array.level),
                None => {}
            },
        }
    }
    array
}

/// Reads a line below an array: `… [2/1] [U_]`, or `[==>…] recovery = 12.6% (37043392/…) …`.
fn read_detail(array: &mut Array, line: &str) {
    for word in line.split_ascii_whitespace() {
        let inside = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'));
        let counts = inside.and_then(|inside| inside.split_once('/'));
        if let Some((Ok(wanted), Ok(working))) =
            counts.map(|(wanted, working)| (wanted.parse(), working.parse()))
        {
            array.disks = Some((wanted, working));
        }
    }
    let rest = line.trim();
    // A bar of progress is made of the same sign.
    let rest = match rest.split_once(']') {
        Some((bar, rest)) if bar.starts_with('[') => rest,
        Some(_) | None => rest,
    };
    let Some((before, after)) = rest.split_once('=') else {
        return;
    };
    let action = before.trim();
    if matches!(
        action,
        "recovery" | "resync" | "reshape" | "check" | "repair"
    ) {
        let done = after.trim().split('%').next().map(str::trim);
        let done = done.and_then(|done| done.parse().ok());
        // `resync=DELAYED` and `resync=PENDING` wait for their turn.
        array.action = Some((action.to_owned(), done));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::recorded_run;
    use super::*;

    #[test]
    fn arrays_disks_and_rebuilds_are_read() {
        let value = recorded_run("nas", &COLLECTOR).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(4)));
        assert_eq!(
            value.get("degraded"),
            Some(&Value::list([Value::from("md1"), Value::from("md127")]))
        );
        let arrays = value.get("arrays").unwrap();
        let md0 = arrays.get("md0").unwrap();
        assert_eq!(md0.get("level"), Some(&Value::from("raid1")));
        assert_eq!(md0.get("is_degraded"), Some(&Value::Bool(false)));
        assert_eq!(md0.get("action"), Some(&Value::from("check")));
        assert_eq!(md0.get("action_pct"), Some(&Value::from(41.8)));
        let md1 = arrays.get("md1").unwrap();
        assert_eq!(md1.get("disks_wanted"), Some(&Value::Int(4)));
        assert_eq!(md1.get("disks_working"), Some(&Value::Int(3)));
        assert_eq!(md1.get("failed"), Some(&Value::list([Value::from("sdc1")])));
        assert_eq!(md1.get("spares"), Some(&Value::Int(1)));
        assert_eq!(md1.get("action"), Some(&Value::from("recovery")));
        assert_eq!(md1.get("action_pct"), Some(&Value::from(12.6)));
        let md2 = arrays.get("md2").unwrap();
        assert_eq!(md2.get("state"), Some(&Value::from("read-only")));
        assert_eq!(md2.get("action"), Some(&Value::from("resync")));
        assert_eq!(md2.get("action_pct"), None);
        let md127 = arrays.get("md127").unwrap();
        assert_eq!(md127.get("state"), Some(&Value::from("inactive")));
    }

    #[test]
    fn a_file_cut_anywhere_never_panics() {
        let text = include_str!("../../../../tests/fixtures/hosts/nas/proc/mdstat");
        for end in 0..text.len() {
            if let Some(piece) = text.get(..end) {
                for array in parse(piece).unwrap() {
                    array.to_value();
                }
            }
        }
    }

    #[test]
    fn junk_gives_no_array_and_a_flood_is_refused() {
        assert_eq!(parse("\0\u{1}[/]%=\n  = [=>] = x\n").unwrap(), Vec::new());
        let flood = "md0 : active raid1 sda[0]\n".repeat(ARRAYS_MAX + 1);
        assert!(parse(&flood).unwrap_err().to_string().contains(PATH));
    }

    #[test]
    fn no_array_is_not_eligible() {
        let trouble = recorded_run("debian-12", &COLLECTOR).unwrap_err();
        assert!(trouble.to_string().contains("no software RAID"));
    }
}
