//! What is mounted, and what is wrong with it: made read-only by an error, hung, stale, or missing.
//!
//! A look at a file system of the network may never come back. It is done by a thread of its own
//! ([`probe`]), which is waited for a moment; a mount whose thread is still away is hung, and is
//! not looked at again before it has come back.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Value;
use model::limits::MOUNTS_MAX;

use super::mountinfo::{self, Mount};
use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use fstab::Wanted;
use probe::{Probes, State};

mod fstab;
mod probe;

const FSTAB: &str = "/etc/fstab";
const FSTAB_BYTES_MAX: usize = 1 << 20;

pub(super) const COLLECTOR: Native = Native {
    name: "mounts",
    doc: "What is mounted, and what is read-only, hung, stale or missing.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: &[
        key(
            "count",
            "",
            "file systems, those of the kernel's own left out",
        ),
        key(
            "unexpectedly_read_only",
            "",
            "read-only though /etc/fstab does not say so",
        ),
        key("hung", "", "paths of mounts that do not answer"),
        key(
            "stale",
            "",
            "paths of mounts whose server has forgotten them",
        ),
        key(
            "missing",
            "",
            "paths that stand in /etc/fstab and are not mounted",
        ),
        key("mounts.*.device", "", "what is mounted there"),
        key("mounts.*.type", "", "the kind of file system"),
        key("mounts.*.options", "", "the options in force"),
        key("mounts.*.read_only", "", "whether nothing can be written"),
        key(
            "mounts.*.is_remote",
            "",
            "whether it needs a server or a program to answer",
        ),
        key("mounts.*.state", "", "ok, hung, stale, or failed"),
        key("mounts.*.problem", "", "why it failed"),
    ],
    make: || Box::<Mounts>::default(),
};

#[derive(Default)]
struct Mounts {
    probes: Probes,
}

impl Collector for Mounts {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let mounts = mountinfo::read(context)?.into_iter();
        let mounted: BTreeMap<_, _> = mounts.map(|it| (it.point.clone(), it)).collect();
        if mounted.is_empty() {
            return Err(Error::bad_answer(mountinfo::PATH, "names nothing that is mounted").into());
        }
        let fstab = context
            .host
            .read_start(FSTAB, FSTAB_BYTES_MAX, context.deadline)
            .unwrap_or_default();
        let wanted = fstab::wanted(&String::from_utf8_lossy(&fstab));
        let remote: Vec<_> = mounted
            .values()
            .filter(|mount| mount.is_remote())
            .filter_map(|mount| Some((mount.point.clone(), context.host.path(&mount.point).ok()?)))
            .collect();
        let states = self.probes.look(&remote, context.deadline);
        Ok(to_value(&mounted, &wanted, &states))
    }
}

fn to_value(
    mounted: &BTreeMap<String, Mount>,
    wanted: &BTreeMap<String, Wanted>,
    states: &BTreeMap<String, State>,
) -> Value {
    let shown: Vec<_> = mounted
        .values()
        .filter(|mount| !mount.is_kernels_own())
        .take(MOUNTS_MAX)
        .collect();
    let paths = |is_meant: &dyn Fn(&Mount) -> bool| {
        Value::list(
            shown
                .iter()
                .filter(|mount| is_meant(mount))
                .map(|mount| Value::from(mount.point.as_str())),
        )
    };
    let in_state = |state: &State| paths(&|mount: &Mount| states.get(&mount.point) == Some(state));
    let missing = wanted
        .iter()
        .filter(|(path, _)| !mounted.contains_key(*path))
        .take(MOUNTS_MAX)
        .map(|(path, _)| Value::from(path.as_str()));
    Value::map([
        ("count", Value::count(shown.len())),
        (
            "unexpectedly_read_only",
            paths(&|mount| {
                let wanted = wanted.get(&mount.point);
                mount.read_only && wanted.is_some_and(|wanted| !wanted.is_read_only)
            }),
        ),
        ("hung", in_state(&State::Hung)),
        ("stale", in_state(&State::Stale)),
        ("missing", Value::list(missing)),
        (
            "mounts",
            Value::map(shown.iter().map(|mount| {
                let state = states.get(&mount.point).unwrap_or(&State::Ok);
                (mount.point.as_str(), one_to_value(mount, state))
            })),
        ),
    ])
}

fn one_to_value(mount: &Mount, state: &State) -> Value {
    let mut found = vec![
        ("device", Value::from(mount.source.as_str())),
        ("type", Value::from(mount.kind.as_str())),
        ("options", Value::from(mount.options.as_str())),
        ("read_only", Value::from(mount.read_only)),
        ("is_remote", Value::from(mount.is_remote())),
    ];
    let word = match state {
        State::Ok => "ok",
        State::Hung => "hung",
        State::Stale => "stale",
        State::Failed(problem) => {
            found.push(("problem", Value::from(problem.as_str())));
            "failed"
        }
    };
    found.push(("state", Value::from(word)));
    Value::map(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, collect, recorded_run};
    use super::*;
    use crate::Host;

    fn texts(value: &Value, name: &str) -> Vec<String> {
        let Some(Value::List(list)) = value.get(name) else {
            panic!("{name} is no list")
        };
        let text = |value: &Value| match value {
            Value::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        };
        list.iter().map(text).collect()
    }

    #[test]
    fn what_is_read_only_or_missing_is_named() {
        let value = recorded_run("nas", &COLLECTOR).unwrap();
        assert_eq!(texts(&value, "unexpectedly_read_only"), ["/srv/data"]);
        assert_eq!(texts(&value, "missing"), ["/srv/my archive"]);
        let mounts = value.get("mounts").unwrap();
        let backup = mounts.get("/mnt/backup").unwrap();
        assert_eq!(backup.get("is_remote"), Some(&Value::Bool(true)));
        assert_eq!(
            backup.get("device"),
            Some(&Value::from("nas:/export/backup"))
        );
        assert!(mounts.get("/proc").is_none());
        assert!(mounts.get("/mnt/with space").is_some());
        // A picture that is always read-only is in nobody's way.
        let picture = mounts.get("/snap/core/1").unwrap();
        assert_eq!(picture.get("read_only"), Some(&Value::Bool(true)));
    }

    #[test]
    fn the_later_mount_hides_the_earlier() {
        let mut runs = Runs::new(&COLLECTOR);
        let table = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 0 8:2 / / rw - xfs /dev/sdb1 ro\n";
        runs.file(mountinfo::PATH, table);
        let value = runs.run(1).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(1)));
        let root = value.get("mounts").unwrap().get("/").unwrap();
        assert_eq!(root.get("device"), Some(&Value::from("/dev/sdb1")));
        assert_eq!(root.get("read_only"), Some(&Value::Bool(true)));
        runs.file(mountinfo::PATH, &table[..50]);
        let error = runs.run(1).unwrap_err().to_string();
        assert!(error.contains("no mount"), "{error}");
    }

    #[test]
    fn this_machine_has_a_root_that_answers() {
        let value = collect(&Host::real(), &COLLECTOR).unwrap();
        let root = value
            .get("mounts")
            .and_then(|mounts| mounts.get("/"))
            .unwrap();
        assert_eq!(root.get("state"), Some(&Value::from("ok")));
    }

    #[test]
    fn no_table_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let trouble = collect(&Host::at(folder.path()), &COLLECTOR).unwrap_err();
        assert!(trouble.to_string().contains(mountinfo::PATH), "{trouble}");
    }
}
