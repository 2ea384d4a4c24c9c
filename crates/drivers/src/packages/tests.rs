//! Packages of recorded machines, and what becomes of the list when the database changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::host::recorded;

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Checks which of the packages are installed on a recorded machine.
#[track_caller]
fn check(host: &str, packages: &[&str], expect: bool) {
    let known = Packages::new(recorded(host));
    for package in packages {
        assert_eq!(
            known.has(package, deadline()).unwrap(),
            expect,
            "{package} on {host}"
        );
    }
}

/// A machine whose files a test writes.
struct Machine {
    folder: tempfile::TempDir,
    packages: Packages,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let packages = Packages::new(Host::at(folder.path()));
        Self { folder, packages }
    }

    /// Replaces a file, as package managers do.
    fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        use std::io::Write;
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        let new = path.with_extension("new");
        std::fs::File::create(&new)
            .unwrap()
            .write_all(bytes)
            .unwrap();
        std::fs::rename(&new, &path).unwrap();
        path
    }

    fn has(&self, package: &str) -> Result<bool, String> {
        self.packages
            .has(package, deadline())
            .map_err(|error| error.to_string())
    }
}

#[test]
fn debian_packages_are_installed_when_they_work() {
    check(
        "debian-12",
        &["bash", "libc6", "zlib1g", "base-files"],
        true,
    );
    check(
        "debian-12",
        &["zlib1g:i386", "zlib1g:amd64", "bash:amd64"],
        true,
    );
    check(
        "debian-12",
        &["nginx", "redis-server", "man-db", "libc-bin"],
        true,
    );
    check(
        "debian-12",
        &["apache2", "exim4", "mysql-server", "openssh-server", "vim"],
        false,
    );
    check(
        "debian-12",
        &["bash:i386", "liar", "Bash", "", "bas"],
        false,
    );
}

#[test]
fn alpine_packages_are_those_of_the_database() {
    check(
        "alpine-3.22",
        &["busybox", "musl", ".build-deps", "openssl"],
        true,
    );
    check("alpine-3.22", &["cmd:busybox", "bash", ""], false);
}

#[test]
fn red_hat_packages_are_asked_of_rpm() {
    check(
        "rhel-9",
        &["glibc", "glibc.i686", "openssl-libs", "tzdata.noarch"],
        true,
    );
    check("rhel-9", &["openssl", "bash.i686", ""], false);
}

#[test]
fn arch_packages_are_folders() {
    check("arch", &["bash", "gtk-update-icon-cache", "linux"], true);
    check(
        "arch",
        &["gtk-update-icon", "ALPM_DB_VERSION", "gtk", ""],
        false,
    );
}

#[test]
fn the_list_follows_the_database() {
    const STATUS: &str = "var/lib/dpkg/status";
    let machine = Machine::new();
    machine.write(STATUS, b"Package: one\nStatus: install ok installed\n");
    assert_eq!(
        (machine.has("one"), machine.has("two")),
        (Ok(true), Ok(false))
    );
    let path = machine.write(STATUS, b"Package: two\nStatus: install ok installed\n");
    assert_eq!(
        (machine.has("one"), machine.has("two")),
        (Ok(false), Ok(true))
    );
    std::fs::remove_file(path).unwrap();
    assert!(machine.has("two").is_err());
}

#[test]
fn the_list_is_kept_while_the_database_stays_the_same() {
    const STATUS: &str = "var/lib/dpkg/status";
    let machine = Machine::new();
    let path = machine.write(STATUS, b"Package: one\nStatus: install ok installed\n");
    assert_eq!(machine.has("one"), Ok(true));
    // Another text of the same size, put in its place behind the back of all stamps.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"Package: two", 0).unwrap();
    file.set_times(std::fs::FileTimes::new().set_modified(modified))
        .unwrap();
    assert_eq!(
        (machine.has("one"), machine.has("two")),
        (Ok(true), Ok(false))
    );
}

#[test]
fn a_database_that_is_found_twice_is_read_once() {
    let machine = Machine::new();
    machine.write("usr/lib/apk/db/installed", b"P:bash\n");
    std::os::unix::fs::symlink("usr/lib", machine.folder.path().join("lib")).unwrap();
    assert_eq!(
        (machine.has("bash"), machine.has("zsh")),
        (Ok(true), Ok(false))
    );
    assert_eq!(machine.packages.lock().len(), 1);
}

#[test]
fn a_write_ahead_log_changes_the_stamp() {
    let host = Machine::new();
    host.write("db", b"x");
    let stamp = || Stamp::of(&Host::at(host.folder.path()), "/db").unwrap();
    let before = stamp();
    host.write("db-wal", b"y");
    assert_ne!(stamp(), before);
    assert!(before.is_some());
}

#[test]
fn machines_without_an_answer_say_why() {
    let machine = Machine::new();
    assert_eq!(
        machine.has("bash"),
        Err(
            "no database of a package manager was found on this machine \
             (known are apk, dpkg, pacman, rpm)"
                .to_owned()
        )
    );
    machine.write("var/lib/rpm/rpmdb.sqlite", b"");
    let error = machine.has("bash").unwrap_err();
    assert!(
        error.starts_with("there is no program \"rpm\" in /usr/bin"),
        "{error}"
    );
    // Somebody else knows it, so what rpm has does not matter.
    machine.write("lib/apk/db/installed", b"P:bash\n");
    assert_eq!(machine.has("bash"), Ok(true));
    assert!(machine.has("zsh").is_err());
}

#[test]
fn a_broken_database_is_read_as_far_as_it_makes_sense() {
    let machine = Machine::new();
    let status = b"\xff\xfe\0\nPackage: a\nStatus: install\n\nStatus: install ok installed\n\n\n\
        Package: b\nStatus: install ok installed\nnonsense\n :\n\nPackage:\nStatus: install ok installed";
    machine.write("var/lib/dpkg/status", status);
    assert_eq!((machine.has("a"), machine.has("b")), (Ok(false), Ok(true)));
    assert_eq!((machine.has(""), machine.has(":")), (Ok(false), Ok(false)));
    machine.write("var/lib/dpkg/status", &vec![b'x'; 2 << 20]);
    let error = machine.has("b").unwrap_err();
    assert!(
        error.starts_with("line 1 of /var/lib/dpkg/status is more than"),
        "{error}"
    );
}

#[test]
fn reading_the_database_ends_with_the_deadline() {
    let packages = Packages::new(recorded("debian-12"));
    let error = packages
        .has("bash", Deadline::after(Duration::ZERO))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "reading /var/lib/dpkg/status took longer than 0s"
    );
}

/// Checks the versions that a recorded machine has of some packages.
#[track_caller]
fn versions(host: &str, expect: &[(&str, &str)]) {
    let all = Packages::new(recorded(host)).versions(deadline()).unwrap();
    for (package, version) in expect {
        assert_eq!(
            all.get(*package).map(String::as_str),
            Some(*version),
            "{package} on {host}"
        );
    }
}

#[test]
fn every_manager_tells_versions() {
    versions(
        "debian-12",
        &[("bash", "5.2.15-2+b8"), ("libc6", "2.36-9+deb12u14")],
    );
    versions("alpine-3.22", &[("busybox", "1.37.0-r18")]);
    versions(
        "rhel-9",
        &[
            ("openssl-libs", "1:3.2.2-6.el9_5"),
            ("glibc", "2.34-125.el9_5.1"),
        ],
    );
    versions(
        "arch",
        &[("bash", "5.3.3-2"), ("gtk-update-icon-cache", "1:4.18.6-1")],
    );
}

#[test]
fn packages_that_do_not_work_have_no_version() {
    let all = Packages::new(recorded("debian-12"))
        .versions(deadline())
        .unwrap();
    assert!(!all.contains_key("apache2") && !all.contains_key("vim"));
    let none = Machine::new().packages.versions(deadline()).unwrap_err();
    assert!(none.to_string().starts_with("no database"), "{none}");
}

#[test]
fn several_versions_of_one_package_are_all_told() {
    let machine = Machine::new();
    let one = |version| format!("Package: linux\nStatus: x ok installed\nVersion: {version}\n\n");
    let status = [one("6.2"), one("6.1"), one("6.2")].concat();
    machine.write("var/lib/dpkg/status", status.as_bytes());
    let all = machine.packages.versions(deadline()).unwrap();
    assert_eq!(all["linux"], "6.1, 6.2");
}

#[test]
fn the_edition_changes_with_the_database() {
    let machine = Machine::new();
    let none = machine.packages.edition().unwrap();
    machine.write("lib/apk/db/installed", b"P:bash\n");
    let one = machine.packages.edition().unwrap();
    assert_eq!(machine.packages.edition().unwrap(), one);
    machine.write("lib/apk/db/installed", b"P:bash\nV:1\n");
    assert!(none != one && machine.packages.edition().unwrap() != one);
}
