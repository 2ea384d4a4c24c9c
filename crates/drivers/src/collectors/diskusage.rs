//! How full the file systems are, in bytes and in files.
//!
//! Only those that hold data on this machine are looked at: a question to a dead server would hang
//! its asker for ever. Network file systems are looked at when a pack says so (`network: true`),
//! in the time box of this collector alone.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Value;
use model::limits::MOUNTS_MAX;
use rustix::fs::StatVfs;
use rustix::io::Errno;

use super::mountinfo::{self, Mount};
use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

pub(super) const COLLECTOR: Native = Native {
    name: "diskusage",
    doc: "How full each local file system is, in bytes and in files.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(DiskUsage),
};

const KEYS: &[Key] = &[
    key("*.total", "MiB", "its size"),
    key("*.used", "MiB", "what is used of it"),
    key(
        "*.free",
        "MiB",
        "what a user other than root can still write",
    ),
    key(
        "*.pct_used",
        "%",
        "what is used of that which users can have, rounded up",
    ),
    key(
        "*.inodes_total",
        "",
        "files that it can hold, where that is limited",
    ),
    key("*.inodes_used", "", "files that it holds"),
    key("*.inodes_pct_used", "%", "the same as a share, rounded up"),
    key("*.read_only", "", "whether nothing can be written"),
    key("*.type", "", "its kind, as ext4"),
    key("*.device", "", "where it lies, as /dev/sda1"),
    key("*.error", "", "why the rest is not known"),
];

struct DiskUsage;

impl Collector for DiskUsage {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let with_network = context.options.get("network") == Some(&Value::Bool(true));
        let mut usages = BTreeMap::new();
        for mount in looked_at(mountinfo::read(context)?, with_network) {
            context
                .deadline
                .check("looking at the file system on", &mount.point)?;
            let path = context.host.path(&mount.point)?;
            // Containers get single files mounted (/etc/hosts): these hold nothing of their own.
            if context.host.is_real() && path.is_file() {
                continue;
            }
            if let Some(usage) = usage(&mount, rustix::fs::statvfs(&path)) {
                usages.insert(mount.point, usage);
            }
        }
        if usages.is_empty() {
            let problem = "names no file system with data on this machine";
            return Err(Error::bad_answer(mountinfo::PATH, problem).into());
        }
        Ok(Value::map(usages))
    }
}

/// Chooses what is looked at: each file system once, by the shortest of its paths.
fn looked_at(mounts: Vec<Mount>, with_network: bool) -> Vec<Mount> {
    let mut by_point: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in mounts {
        // What is mounted over another hides it, and it comes later.
        by_point.insert(mount.point.clone(), mount);
    }
    let mut by_device: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in by_point.into_values() {
        if !(mount.is_local() || with_network && mount.is_network()) {
            continue;
        }
        let is_better = by_device
            .get(&mount.device_number)
            .is_none_or(|other| mount.point.len() < other.point.len());
        if is_better {
            by_device.insert(mount.device_number.clone(), mount);
        }
    }
    let mut chosen: Vec<Mount> = by_device.into_values().collect();
    chosen.sort_by(|one, two| one.point.cmp(&two.point));
    chosen.truncate(MOUNTS_MAX);
    chosen
}

/// Tells what is used of one file system. One that this user may not see, and one that went away in
/// between, is left out; one that answers with an error (its disk was pulled) is told with it.
fn usage(mount: &Mount, looked: Result<StatVfs, Errno>) -> Option<Value> {
    let about = [
        ("read_only", Value::Bool(mount.read_only)),
        ("type", Value::from(mount.kind.as_str())),
        ("device", Value::from(mount.source.as_str())),
    ];
    let numbers = match looked {
        Ok(stat) if stat.f_blocks == 0 => return None,
        Ok(stat) => numbers(&stat),
        Err(Errno::ACCESS | Errno::PERM | Errno::NOENT) => return None,
        Err(error) => {
            let error = Error::system("look at the file system on", &mount.point)(error.into());
            vec![("error", Value::text(error.to_string()))]
        }
    };
    Some(Value::map(about.into_iter().chain(numbers)))
}

fn numbers(stat: &StatVfs) -> Vec<(&'static str, Value)> {
    const MIB: u64 = 1 << 20;
    let mib = |blocks: u64| Value::count(blocks.saturating_mul(stat.f_frsize) / MIB);
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let mut numbers = vec![
        ("total", mib(stat.f_blocks)),
        ("used", mib(used)),
        ("free", mib(stat.f_bavail)),
        ("pct_used", share(used, used.saturating_add(stat.f_bavail))),
    ];
    // Where files are not limited (btrfs, vfat) there are none.
    if stat.f_files > 0 {
        let used = stat.f_files.saturating_sub(stat.f_ffree);
        numbers.extend([
            ("inodes_total", Value::count(stat.f_files)),
            ("inodes_used", Value::count(used)),
            ("inodes_pct_used", share(used, stat.f_files)),
        ]);
    }
    numbers
}

/// Gives a share in whole percent, rounded up as df does.
fn share(used: u64, all: u64) -> Value {
    Value::count((u128::from(used) * 100).div_ceil(u128::from(all.max(1))))
}

#[cfg(test)]
mod tests {
    use rustix::fs::StatVfsMountFlags;

    use super::super::mountinfo::{PATH, parse};
    use super::super::tests::{Runs, number, real_run, text};
    use super::*;

    fn stat(blocks: u64, free: u64, available: u64, files: u64, free_files: u64) -> StatVfs {
        StatVfs {
            f_bsize: 4_096,
            f_frsize: 4_096,
            f_blocks: blocks,
            f_bfree: free,
            f_bavail: available,
            f_files: files,
            f_ffree: free_files,
            f_favail: free_files,
            f_fsid: 0,
            f_flag: StatVfsMountFlags::empty(),
            f_namemax: 255,
        }
    }

    fn root() -> Mount {
        parse("27 1 254:1 / / rw - ext4 /dev/vda1 rw\n")
            .unwrap()
            .remove(0)
    }

    #[test]
    fn numbers_are_those_of_df() {
        // 1000 MiB, 300 free, of which 50 are kept for root.
        let value = usage(&root(), Ok(stat(256_000, 76_800, 64_000, 1_000, 999))).unwrap();
        assert_eq!(number(&value, &["total"]), Some(1_000.0));
        assert_eq!(number(&value, &["used"]), Some(700.0));
        assert_eq!(number(&value, &["free"]), Some(250.0));
        assert_eq!(number(&value, &["pct_used"]), Some(74.0));
        assert_eq!(number(&value, &["inodes_used"]), Some(1.0));
        assert_eq!(number(&value, &["inodes_pct_used"]), Some(1.0));
        assert_eq!(text(&value, &["device"]), "/dev/vda1");
        let vast = usage(&root(), Ok(stat(u64::MAX, 0, 0, 0, 0))).unwrap();
        assert_eq!(number(&vast, &["pct_used"]), Some(100.0));
        assert_eq!(vast.get("inodes_total"), None);
    }

    #[test]
    fn a_disk_that_was_pulled_is_told_and_others_are_not_touched() {
        let value = usage(&root(), Err(Errno::IO)).unwrap();
        let error = text(&value, &["error"]);
        assert!(
            error.starts_with("cannot look at the file system on /: "),
            "{error}"
        );
        assert_eq!(value.get("pct_used"), None);
        assert_eq!(usage(&root(), Err(Errno::ACCESS)), None);
        assert_eq!(usage(&root(), Ok(stat(0, 0, 0, 0, 0))), None);
    }

    #[test]
    fn each_file_system_is_looked_at_once_and_none_that_can_hang() {
        let points = |host: &str, with_network| -> Vec<String> {
            let path = format!(
                "{}/../../tests/fixtures/hosts/{host}/proc/self/mountinfo",
                env!("CARGO_MANIFEST_DIR"),
            );
            let mounts = parse(&std::fs::read_to_string(path).unwrap()).unwrap();
            looked_at(mounts, with_network)
                .into_iter()
                .map(|mount| mount.point)
                .collect()
        };
        assert_eq!(
            points("debian-12", false),
            ["/", "/boot/efi", "/srv/my data"]
        );
        assert_eq!(
            points("debian-12", true),
            ["/", "/boot/efi", "/home/remote", "/srv/my data"]
        );
        assert_eq!(points("rhel-7", false), ["/", "/boot"]);
        assert_eq!(points("storage", false), ["/", "/boot", "/data", "/pool"]);
        assert_eq!(points("alpine-3.22", false), ["/", "/data", "/etc/hosts"]);
    }

    #[test]
    fn this_machine_has_a_root() {
        let value = real_run(&COLLECTOR).unwrap();
        let Value::Map(mounts) = &value else {
            panic!("{value:?}")
        };
        assert!(!mounts.is_empty());
        for (point, usage) in mounts.iter() {
            assert!(point.starts_with('/'));
            let used = number(usage, &["pct_used"]);
            assert!(
                used.is_some_and(|used| (0.0..=100.0).contains(&used)),
                "{point}: {usage:?}"
            );
        }
    }

    #[test]
    fn a_network_file_system_is_looked_at_when_a_pack_says_so() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(
            PATH,
            "9 1 0:50 / /net rw - nfs4 server:/x rw\n10 1 8:1 / / rw - xfs /dev/sda1 rw\n",
        );
        runs.file("/net/file", "");
        assert_eq!(runs.run(1).unwrap().get("/net"), None);
        runs.option("network", Value::Bool(true));
        assert!(runs.run(1).unwrap().get("/net").is_some());
    }
}
