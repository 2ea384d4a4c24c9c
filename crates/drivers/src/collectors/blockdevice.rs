//! The disks of the machine, as `/sys/block` knows them.

use std::time::Duration;

use model::Value;
use model::limits::DISKS_MAX;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Host;

const PATH: &str = "/sys/block";

pub(super) const COLLECTOR: Native = Native {
    name: "blockdevice",
    doc: "Vendor, model and size of each disk.",
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(BlockDevice),
};

const KEYS: &[Key] = &[
    key("*.vendor", "", "who made it; virtual disks have a number"),
    key("*.model", "", "what they call it"),
    key("*.size", "sectors", "its size in sectors of 512 bytes"),
    key("*.size_bytes", "B", "its size"),
    key(
        "*.is_rotational",
        "",
        "whether it turns, as far as the kernel knows",
    ),
    key("*.is_removable", "", "whether it may be taken out"),
];

/// The kernel counts in sectors of this size, whatever the disk has.
const SECTOR_BYTES: i64 = 512;

struct BlockDevice;

impl Collector for BlockDevice {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !context.host.has(PATH) {
            let reason = "there is no /sys/block: this system shows no disks (a container?)";
            return Err(Trouble::not_eligible(reason, ""));
        }
        let names = context.host.names(PATH, context.deadline)?;
        let mut disks = Vec::new();
        for name in names.into_iter().filter(|name| is_disk(name)) {
            context.deadline.check("looking through", PATH)?;
            // One that was unplugged in between is not there.
            if let Some(disk) = disk(context.host, &name) {
                disks.push((name, disk));
            }
            if disks.len() == DISKS_MAX {
                break;
            }
        }
        Ok(Value::map(disks))
    }
}

/// Tells whether a device is more than memory, a file, or another view of a disk.
fn is_disk(name: &str) -> bool {
    !["dm-", "ram", "loop", "zram"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

fn disk(host: &Host, name: &str) -> Option<Value> {
    let word = |file: &str| {
        let word = host.word(&format!("{PATH}/{name}/{file}"))?;
        (!word.is_empty()).then_some(word)
    };
    let sectors: i64 = word("size")?.parse().ok()?;
    if sectors <= 0 {
        return None;
    }
    let truth = |file: &str| word(file).map(|word| Value::Bool(word == "1"));
    let known = [
        ("vendor", word("device/vendor").map(Value::text)),
        ("model", word("device/model").map(Value::text)),
        ("size", Some(Value::Int(sectors))),
        (
            "size_bytes",
            Some(Value::Int(sectors.saturating_mul(SECTOR_BYTES))),
        ),
        ("is_rotational", truth("queue/rotational")),
        ("is_removable", truth("removable")),
    ];
    Some(Value::map(
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number, recorded_run, text};
    use super::*;

    #[test]
    fn disks_of_a_storage_machine_are_told() {
        let value = recorded_run("storage", &COLLECTOR).unwrap();
        let Value::Map(disks) = &value else {
            panic!("{value:?}")
        };
        let names: Vec<&str> = disks.keys().map(|name| &**name).collect();
        assert_eq!(names, ["md0", "md1", "nvme0n1", "nvme1n1", "sda", "sdb"]);
        assert_eq!(
            text(&value, &["nvme0n1", "model"]),
            "SAMSUNG MZQL21T9HCJR-00A07"
        );
        assert_eq!(text(&value, &["sda", "vendor"]), "ATA");
        assert_eq!(
            number(&value, &["nvme0n1", "size_bytes"]),
            Some(1_920_383_410_176.0)
        );
        assert_eq!(
            value.get("sda").unwrap().get("is_rotational"),
            Some(&Value::Bool(true))
        );
        assert_eq!(value.get("md0").unwrap().get("vendor"), None);
    }

    #[test]
    fn a_disk_that_was_unplugged_or_is_empty_is_left_out() {
        let mut runs = Runs::new(&COLLECTOR);
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        for (disk, size) in [
            ("sda", "16"),
            ("sdb", "0"),
            ("sdc", ""),
            ("sdd", "-1"),
            ("sde", "x"),
        ] {
            runs.file(&format!("/sys/block/{disk}/size"), size);
        }
        assert_eq!(number(&runs.run(1).unwrap(), &["sda", "size"]), Some(16.0));
        runs.remove("/sys/block/sda/size");
        assert_eq!(runs.run(1).unwrap(), Value::map::<&str>([]));
    }
}
