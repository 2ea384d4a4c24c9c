//! Whether the machine must be started anew: the packages said so, or a newer kernel is there.

use std::cmp::Ordering;

use crate::collectors::Context;

const MARK: &str = "/run/reboot-required";
const MARK_PACKAGES: &str = "/run/reboot-required.pkgs";
const MARK_BYTES_MAX: usize = 16 << 10;
const MODULES: &str = "/lib/modules";
/// A machine has a handful of kernels.
const KERNELS_MAX: usize = 256;

/// Gives the reasons; none means that there is no need.
pub(super) fn reasons(context: &Context<'_>) -> Vec<String> {
    let host = context.host;
    let mut reasons = Vec::new();
    if host.has(MARK) {
        let packages = host.read_start(MARK_PACKAGES, MARK_BYTES_MAX, context.deadline);
        let packages = packages.unwrap_or_default();
        let mut packages: Vec<_> = String::from_utf8_lossy(&packages)
            .lines()
            .map(|package| format!("{package} was updated"))
            .collect();
        packages.sort_unstable();
        packages.dedup();
        if packages.is_empty() {
            packages.push(format!("a package left {MARK}"));
        }
        reasons.extend(packages);
    }
    let running = host.word("/proc/sys/kernel/osrelease").unwrap_or_default();
    if let Some(newer) = newer_kernel(&running, &kernels(context)) {
        reasons.push(format!("kernel {newer} is installed, {running} runs"));
    }
    reasons
}

/// Lists the kernels with modules; a removed one may leave an empty folder.
fn kernels(context: &Context<'_>) -> Vec<String> {
    let path = context.host.path(MODULES);
    let Some(entries) = path.ok().and_then(|path| std::fs::read_dir(path).ok()) else {
        return Vec::new();
    };
    entries
        .flatten()
        .take(KERNELS_MAX)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| context.host.has(&format!("{MODULES}/{name}/modules.dep")))
        .collect()
}

/// Finds the newest kernel of the same flavour that is newer than the one that runs. A kernel
/// whose own folder is not there is somebody else's (a container's host): it tells nothing.
fn newer_kernel<'a>(running: &str, kernels: &'a [String]) -> Option<&'a str> {
    if !kernels.iter().any(|kernel| kernel == running) {
        return None;
    }
    kernels
        .iter()
        .filter(|kernel| flavour(kernel) == flavour(running))
        .filter(|kernel| compare(kernel, running) == Ordering::Greater)
        .max_by(|one, two| compare(one, two))
        .map(String::as_str)
}

/// The letters of a release tell kernels of a kind apart: `amd64` from `cloudamd64`.
fn flavour(release: &str) -> String {
    release.chars().filter(char::is_ascii_alphabetic).collect()
}

/// Compares the numbers of two releases, one after the other.
fn compare(one: &str, two: &str) -> Ordering {
    let numbers = |release: &str| -> Vec<u64> {
        release
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect()
    };
    numbers(one).cmp(&numbers(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(running: &str, kernels: &[&str], expect: Option<&str>) {
        let kernels: Vec<_> = kernels.iter().map(|kernel| (*kernel).to_owned()).collect();
        assert_eq!(newer_kernel(running, &kernels), expect);
    }

    #[test]
    fn a_newer_kernel_of_the_same_kind_is_found() {
        let debian = ["6.1.0-9-amd64", "6.1.0-31-amd64", "6.12.9-cloud-amd64"];
        check("6.1.0-9-amd64", &debian, Some("6.1.0-31-amd64"));
        check("6.1.0-31-amd64", &debian, None);
        let rhel = ["5.14.0-362.el9.x86_64", "5.14.0-503.el9.x86_64"];
        check(
            "5.14.0-362.el9.x86_64",
            &rhel,
            Some("5.14.0-503.el9.x86_64"),
        );
    }

    #[test]
    fn a_kernel_of_somebody_else_tells_nothing() {
        check("6.18.44-host", &["6.1.0-9-amd64"], None);
        check("", &[], None);
    }
}
