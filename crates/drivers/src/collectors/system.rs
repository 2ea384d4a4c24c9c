//! What this machine is: its name, system, processors and addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::accounts::{Account, find_user};
use crate::{Host, hosting};

mod distribution;
mod processors;

pub(super) const COLLECTOR: Native = Native {
    name: "system",
    doc: "What this machine is: its name, operating system, processors and addresses.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(System),
};

const KEYS: &[Key] = &[
    key("hostname", "", "its name"),
    key(
        "fqdn",
        "",
        "its name with its domain, where /etc/hosts or resolv.conf has one",
    ),
    key(
        "architecture",
        "",
        "what its processors understand, as x86_64",
    ),
    key("cpu_model_name", "", "what the maker calls the processor"),
    key("cpu_count", "", "processors that are switched on"),
    key("cpu_mhz", "MHz", "how fast the first one runs"),
    key(
        "public_ip",
        "",
        "its address in the internet, as its provider told or an interface has it",
    ),
    key("local_ip", "", "its address in its own network"),
    key("user", "", "name of the user as which the agent runs"),
    key("uid", "", "number of that user"),
    key("gid", "", "number of the group of that user"),
    key(
        "hosting",
        "",
        "where it runs: the name of a hosting driver, as ec2 or on-premise",
    ),
    key("os.name", "", "linux"),
    key("os.platform", "", "linux"),
    key("os.kernel", "", "release of the kernel"),
    key(
        "os.linux.distribution",
        "",
        "debian, ubuntu, redhat, centos, fedora, alpine, …",
    ),
    key("os.linux.version", "", "its version, as 12 or 24.04"),
    key(
        "os.linux.id",
        "",
        "its code name, as bookworm; empty where it has none",
    ),
    key(
        "os.linux.major_version",
        "",
        "the first number of the version, or none",
    ),
    key(
        "os.linux.minor_version",
        "",
        "the second number of the version, or none",
    ),
];

struct System;

impl Collector for System {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        let names = rustix::system::uname();
        let of_kernel = |path: &str, known: &std::ffi::CStr| {
            let word = host.word(path).filter(|word| !word.is_empty());
            word.unwrap_or_else(|| known.to_string_lossy().into_owned())
        };
        let hostname = of_kernel("/proc/sys/kernel/hostname", names.nodename());
        let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
        let kernel = of_kernel("/proc/sys/kernel/osrelease", names.release());
        let mut known: Vec<(&str, Value)> = vec![
            ("fqdn", Value::text(fqdn(host, &hostname))),
            ("hostname", Value::text(hostname)),
            (
                "architecture",
                Value::text(of_kernel("/proc/sys/kernel/arch", names.machine())),
            ),
            ("uid", Value::count(uid.as_raw())),
            ("gid", Value::count(gid.as_raw())),
            ("hosting", Value::from(hosting::active(host).name)),
            (
                "os",
                Value::map([
                    ("name", Value::from("linux")),
                    ("platform", Value::from("linux")),
                    ("kernel", Value::text(kernel)),
                    ("linux", distribution::tell(host)),
                ]),
            ),
        ];
        known.extend(processors::tell(host, context.deadline));
        // Without a name the number stands for the user.
        let user = find_user(host, Account::Id(uid.as_raw()), context.deadline);
        let user = user
            .ok()
            .flatten()
            .map_or_else(|| uid.to_string(), |user| user.name);
        known.push(("user", Value::text(user)));
        known.extend(addresses(context));
        Ok(Value::map(known))
    }
}

/// Gives the addresses that are known. A machine whose network cannot be asked has none.
fn addresses(context: &Context<'_>) -> Vec<(&'static str, Value)> {
    let local = hosting::local_address(context.host, context.deadline)
        .ok()
        .flatten();
    let public = hosting::public_address(context.host, local);
    let shown = |address: IpAddr| Value::text(address.to_string());
    let known = [("local_ip", local), ("public_ip", public)];
    known
        .into_iter()
        .filter_map(|(name, address)| Some((name, shown(address?))))
        .collect()
}

/// Gives the name with its domain: as it is, as `/etc/hosts` has it, or with the domain of
/// `resolv.conf`. No name server is asked: that is a thing of checks.
fn fqdn(host: &Host, hostname: &str) -> Arc<str> {
    if hostname.contains('.') {
        return hostname.into();
    }
    let hosts = host.word("/etc/hosts").unwrap_or_default();
    let full = hosts.lines().find_map(|line| {
        let names: Vec<&str> = line
            .split('#')
            .next()?
            .split_ascii_whitespace()
            .skip(1)
            .collect();
        let full = names
            .iter()
            .find(|name| name.split('.').next() == Some(hostname));
        names
            .contains(&hostname)
            .then_some(full)?
            .filter(|name| name.contains('.'))
            .copied()
    });
    if let Some(full) = full {
        return full.into();
    }
    let resolver = host.word("/etc/resolv.conf").unwrap_or_default();
    let domain = resolver
        .lines()
        .find_map(|line| line.strip_prefix("domain "));
    match domain.map(str::trim).filter(|domain| !domain.is_empty()) {
        Some(domain) => format!("{hostname}.{domain}").into(),
        None => hostname.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number, real_run, recorded_run, text};
    use super::*;

    /// Checks texts of a recorded machine.
    #[track_caller]
    fn check(host: &str, expect: &[(&str, &str)]) {
        let value = recorded_run(host, &COLLECTOR).unwrap();
        for (path, expect) in expect {
            let found = text(&value, &path.split('/').collect::<Vec<_>>());
            assert_eq!(found, *expect, "{path} of {host}");
        }
    }

    #[test]
    fn recorded_machines_are_told() {
        check(
            "debian-12",
            &[
                ("hostname", "web1"),
                ("fqdn", "web1.example.com"),
                ("local_ip", "192.0.2.2"),
                ("cpu_model_name", "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"),
                ("os/linux/distribution", "debian"),
                ("os/linux/id", "bookworm"),
                ("os/linux/version", "12"),
                ("hosting", "on-premise"),
                ("user", "root"),
            ],
        );
        check(
            "rhel-7",
            &[
                ("fqdn", "db7.corp.example"),
                ("os/linux/distribution", "redhat"),
                ("os/linux/version", "7.9"),
            ],
        );
        check(
            "alpine-3.22",
            &[
                ("architecture", "aarch64"),
                ("fqdn", "0a1b2c3d4e5f"),
                ("os/linux/distribution", "alpine"),
                ("hosting", "docker-container"),
            ],
        );
        check(
            "storage",
            &[
                ("fqdn", "store1.example.net"),
                ("os/linux/distribution", "ubuntu"),
            ],
        );
    }

    #[test]
    fn processors_and_versions_are_counted() {
        let value = recorded_run("storage", &COLLECTOR).unwrap();
        assert_eq!(number(&value, &["cpu_count"]), Some(16.0));
        assert_eq!(number(&value, &["cpu_mhz"]), Some(3_000.0));
        assert_eq!(
            number(&value, &["os", "linux", "major_version"]),
            Some(24.0)
        );
        assert_eq!(number(&value, &["os", "linux", "minor_version"]), Some(4.0));
    }

    #[test]
    fn this_machine_is_told() {
        let value = real_run(&COLLECTOR).unwrap();
        assert!(number(&value, &["cpu_count"]).is_some_and(|count| count >= 1.0));
        for path in ["hostname", "fqdn", "architecture", "user", "hosting"] {
            assert_ne!(text(&value, &[path]), "", "{path}");
        }
    }

    #[test]
    fn a_machine_with_no_files_at_all_is_still_one() {
        let value = Runs::new(&COLLECTOR).run(1).unwrap();
        assert_eq!(text(&value, &["os", "name"]), "linux");
        assert_ne!(text(&value, &["hostname"]), "");
        assert_eq!(value.get("local_ip"), None);
    }
}
