//! Accounts of recorded machines, from files and from a name service.

use std::time::Duration;

use super::*;
use crate::host::recorded;

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Checks what is found on a recorded machine: a user's name and numbers, or the error.
#[track_caller]
fn check_user(host: &str, account: Account<'_>, expect: Result<Option<(&str, u32, u32)>, &str>) {
    let found = find_user(&recorded(host), account, deadline()).map_err(|error| error.to_string());
    let found = found.map(|found| found.map(|user| (user.name, user.uid, user.gid)));
    let expect = expect.map(|found| found.map(|(name, uid, gid)| (name.to_owned(), uid, gid)));
    assert_eq!(found, expect.map_err(str::to_owned), "{account:?}");
}

#[track_caller]
fn check_group(host: &str, account: Account<'_>, expect: Option<(&str, u32)>) {
    let found = find_group(&recorded(host), account, deadline()).unwrap();
    let found = found.map(|group| (group.name, group.gid));
    assert_eq!(
        found,
        expect.map(|(name, gid)| (name.to_owned(), gid)),
        "{account:?}"
    );
}

#[test]
fn users_are_found_in_the_file_by_name_and_by_number() {
    check_user(
        "debian-12",
        Account::Name("www-data"),
        Ok(Some(("www-data", 33, 33))),
    );
    check_user("debian-12", Account::Id(0), Ok(Some(("root", 0, 0))));
    check_user("debian-12", Account::Name("ROOT"), Ok(None));
    check_user("debian-12", Account::Name("0"), Ok(None));
    check_user("debian-12", Account::Name(""), Ok(None));
    check_user("debian-12", Account::Id(4_294_967_295), Ok(None));
    check_user(
        "alpine-3.22",
        Account::Name("guest"),
        Ok(Some(("guest", 405, 100))),
    );
    check_user("alpine-3.22", Account::Name("alice"), Ok(None));
}

#[test]
fn groups_are_found_in_the_file_by_name_and_by_number() {
    check_group(
        "debian-12",
        Account::Name("ssl-cert"),
        Some(("ssl-cert", 106)),
    );
    check_group("debian-12", Account::Id(27), Some(("sudo", 27)));
    check_group("debian-12", Account::Name("wheel"), None);
    check_group("alpine-3.22", Account::Name("wheel"), Some(("wheel", 10)));
}

#[test]
fn other_directories_are_asked_where_the_machine_has_them() {
    check_user(
        "rhel-9",
        Account::Name("chrony"),
        Ok(Some(("chrony", 998, 995))),
    );
    check_user(
        "rhel-9",
        Account::Name("alice"),
        Ok(Some(("alice", 54321, 54322))),
    );
    check_user(
        "rhel-9",
        Account::Id(54321),
        Ok(Some(("alice", 54321, 54322))),
    );
    check_user("rhel-9", Account::Name("nobody-at-all"), Ok(None));
    check_user("rhel-9", Account::Name("54321"), Ok(None));
    check_user("rhel-9", Account::Name("-x"), Ok(None));
    check_group("rhel-9", Account::Name("ops"), Some(("ops", 54322)));
    check_group("rhel-9", Account::Id(1), None);
}

#[test]
fn lines_that_are_no_accounts_are_passed_over() {
    for name in [
        "broken",
        "short",
        "+@ops",
        "# a comment that some tool left",
    ] {
        check_user("rhel-9", Account::Name(name), Ok(None));
    }
}

#[test]
fn a_directory_that_fails_is_not_taken_for_an_absent_user() {
    check_user(
        "rhel-9",
        Account::Name("broken-directory"),
        Err("getent passwd broken-directory ended with code 3: sssd is not running"),
    );
    check_user(
        "rhel-9",
        Account::Name("nonsense"),
        Err("getent passwd nonsense gave a line without the usual fields"),
    );
    check_user(
        "arch",
        Account::Id(0),
        Err("cannot read /etc/passwd: no such file or directory"),
    );
}

#[test]
fn a_user_and_a_group_are_maps_for_expressions() {
    let host = recorded("debian-12");
    let user = find_user(&host, Account::Name("admin"), deadline())
        .unwrap()
        .unwrap()
        .to_value();
    let fields = ["name", "uid", "gid", "display_name", "home", "shell"];
    let expect = [
        Value::from("admin"),
        Value::from(1000),
        Value::from(1000),
        Value::from("Admin Person,,,"),
        Value::from("/home/admin"),
        Value::from("/bin/bash"),
    ];
    assert_eq!(
        fields.map(|field| user.get(field).cloned().unwrap()),
        expect
    );
    let group = find_group(&host, Account::Id(0), deadline())
        .unwrap()
        .unwrap()
        .to_value();
    assert_eq!(group.get("name"), Some(&Value::from("root")));
    assert_eq!(group.get("gid"), Some(&Value::from(0)));
}

#[test]
fn the_machine_below_has_a_root() {
    let root = find_user(&Host::real(), Account::Id(0), deadline())
        .unwrap()
        .unwrap();
    assert_eq!((root.uid, root.home.is_empty()), (0, false));
    let none = find_user(&Host::real(), Account::Name("no-such-user-x7"), deadline());
    assert_eq!(none.unwrap(), None);
}
