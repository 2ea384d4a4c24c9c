//! How each package manager is asked, and how its answer is read.

use crate::Host;

/// A package that can be updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) name: String,
    pub(super) is_security: bool,
}

/// A package manager.
pub(super) struct Manager {
    pub(super) name: &'static str,
    /// The question; it fetches nothing.
    pub(super) argv: &'static [&'static str],
    /// A second question, for the updates that are for security.
    pub(super) security_argv: Option<&'static [&'static str]>,
    pub(super) tells_security: bool,
    /// Codes with which it ends well.
    pub(super) good_codes: &'static [i32],
    /// Files and folders that change when the answer may.
    pub(super) files: &'static [&'static str],
    /// What is as old as the lists of packages.
    pub(super) index: &'static str,
    pub(super) read: fn(&str) -> Vec<Update>,
}

/// In the order in which they are looked for: apt may be on a machine of rpm, not the other way.
const ALL: &[Manager] = &[
    Manager {
        name: "dnf",
        argv: &["dnf", "--cacheonly", "--quiet", "check-update"],
        security_argv: Some(&[
            "dnf",
            "--cacheonly",
            "--quiet",
            "check-update",
            "--security",
        ]),
        tells_security: true,
        // 100: there are some.
        good_codes: &[0, 100],
        files: &["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/var/cache/dnf"],
        index: "/var/cache/dnf",
        read: read_dnf,
    },
    Manager {
        name: "apt",
        argv: &[
            "apt-get",
            "--simulate",
            "--option",
            "Debug::NoLocking=true",
            "dist-upgrade",
        ],
        security_argv: None,
        tells_security: true,
        good_codes: &[0],
        files: &["/var/lib/dpkg/status", "/var/lib/apt/lists"],
        index: "/var/lib/apt/lists",
        read: read_apt,
    },
    Manager {
        name: "apk",
        argv: &["apk", "--no-network", "version", "--limit", "<"],
        security_argv: None,
        tells_security: false,
        good_codes: &[0],
        files: &[
            "/lib/apk/db/installed",
            "/usr/lib/apk/db/installed",
            "/var/cache/apk",
        ],
        index: "/var/cache/apk",
        read: read_apk,
    },
];

impl Manager {
    pub(super) fn find(host: &Host) -> Option<&'static Self> {
        ALL.iter()
            .find(|manager| host.program(manager.argv[0]).is_some())
    }
}

/// Reads `Inst libc6 [2.36-9] (2.36-10 Debian-Security:12/stable-security [amd64])`.
fn read_apt(answer: &str) -> Vec<Update> {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("Inst "));
    lines
        .filter_map(|line| {
            let (name, rest) = line.split_once(' ')?;
            // Without an old version in brackets it is a package that comes along.
            rest.starts_with('[').then(|| Update {
                name: name.to_owned(),
                is_security: rest.to_ascii_lowercase().contains("-security"),
            })
        })
        .collect()
}

/// Reads `openssl-libs.x86_64   1:3.0.7-27.el9   baseos`, up to the list of obsolete ones.
fn read_dnf(answer: &str) -> Vec<Update> {
    let lines = answer.lines();
    lines
        .take_while(|line| !line.starts_with("Obsoleting"))
        .filter_map(|line| {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            let &[name, _, _] = words.as_slice() else {
                return None;
            };
            let (name, _architecture) = name.rsplit_once('.')?;
            Some(Update {
                name: name.to_owned(),
                is_security: false,
            })
        })
        .collect()
}

/// Reads `busybox-1.36.1-r2   < 1.36.1-r5`; the version begins behind the last but one dash.
fn read_apk(answer: &str) -> Vec<Update> {
    let lines = answer.lines();
    lines
        .filter_map(|line| {
            let (package, _) = line.split_once(" < ")?;
            let (package, _release) = package.trim().rsplit_once('-')?;
            let (name, _version) = package.rsplit_once('-')?;
            Some(Update {
                name: name.to_owned(),
                is_security: false,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(read: fn(&str) -> Vec<Update>, answer: &str, expect: &[(&str, bool)]) {
        let found = read(answer);
        let found: Vec<_> = found
            .iter()
            .map(|update| (update.name.as_str(), update.is_security))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn answers_of_each_are_read() {
        check(
            read_apt,
            "NOTE: This is only a simulation!\n\
             Inst libssl3 [3.0.15-1~deb12u1] (3.0.16-1 Debian-Security:12/stable-security [amd64])\n\
             Inst vim [9.0-1] (9.0-2 Debian:12.9/stable [amd64]) []\n\
             Inst linux-image-6.1.0-31-amd64 (6.1.128-1 Debian:12.9/stable [amd64])\n\
             Conf libssl3 (3.0.16-1 Debian-Security:12/stable-security [amd64])\n",
            &[("libssl3", true), ("vim", false)],
        );
        check(
            read_dnf,
            "\nopenssl-libs.x86_64     1:3.0.7-27.el9    baseos\nvim.minimal.noarch 2 x\n\
             Obsoleting Packages\nold.x86_64 1 baseos\n",
            &[("openssl-libs", false), ("vim.minimal", false)],
        );
        check(
            read_apk,
            "Installed:    Available:\nbusybox-1.36.1-r2   < 1.36.1-r5 \npy3-x-1-r0 < 2-r0\n",
            &[("busybox", false), ("py3-x", false)],
        );
    }

    #[test]
    fn junk_gives_nothing() {
        for read in [read_apt, read_dnf, read_apk] {
            check(read, "", &[]);
            check(read, "Inst\nInst x\n < \nx < y\n\0", &[]);
        }
    }
}
