//! Package managers that are small scripts on a made machine.

use std::os::unix::fs::PermissionsExt;

use super::super::tests::{Runs, recorded_run};
use super::*;

fn apt(runs: &Runs, script: &str) {
    runs.file("/usr/bin/apt-get", format!("#!/bin/sh\n{script}\n"));
    let path = runs.path("/usr/bin/apt-get");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn apt_is_asked_once_until_something_changes() {
    let mut runs = Runs::new(&COLLECTOR);
    runs.file("/var/lib/dpkg/status", "Package: vim\n");
    runs.file("/var/lib/apt/lists/x", "");
    runs.file("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
    runs.file("/lib/modules/6.1.0-9-amd64/modules.dep", "");
    // It runs in the root of the machine.
    apt(
        &runs,
        "echo asked >> asked\n\
         echo 'Inst vim [1] (2 Debian:12.9/stable [amd64])'\n\
         echo 'Inst libssl3 [1] (2 Debian-Security:12/stable-security [amd64])'",
    );
    for _ in 0..2 {
        let value = runs.run(3_600).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(2)));
        assert_eq!(value.get("security"), Some(&Value::Int(1)));
        let first = value.get("packages").and_then(|packages| packages.get("0"));
        assert_eq!(first, Some(&Value::from("libssl3")));
        assert_eq!(value.get("reboot_required"), Some(&Value::Bool(false)));
    }
    let asked = || {
        std::fs::read_to_string(runs.path("/asked"))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(asked(), 1);
    runs.file("/var/lib/dpkg/status-new", "Package: vim\nVersion: 2\n");
    std::fs::rename(
        runs.path("/var/lib/dpkg/status-new"),
        runs.path("/var/lib/dpkg/status"),
    )
    .unwrap();
    runs.file("/run/reboot-required", "*** System restart required ***\n");
    runs.file(
        "/run/reboot-required.pkgs",
        "linux-image-amd64\nlibc6\nlibc6\n",
    );
    let value = runs.run(3_600).unwrap();
    assert_eq!(value.get("reboot_required"), Some(&Value::Bool(true)));
    let why = ["libc6 was updated", "linux-image-amd64 was updated"];
    assert_eq!(
        value.get("reboot_reasons"),
        Some(&Value::list(why.map(Value::from)))
    );
    let asked = || {
        std::fs::read_to_string(runs.path("/asked"))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(asked(), 2);
}

#[test]
fn a_package_manager_that_fails_is_told() {
    let mut runs = Runs::new(&COLLECTOR);
    apt(&runs, "echo 'E: dpkg was interrupted' >&2; exit 100");
    let trouble = runs.run(0).unwrap_err();
    assert!(
        trouble.to_string().contains("dpkg was interrupted"),
        "{trouble}"
    );
}

#[test]
fn a_machine_without_one_is_not_eligible() {
    let trouble = recorded_run("arch", &COLLECTOR).unwrap_err();
    assert!(matches!(trouble, Trouble::NotEligible { .. }));
}
