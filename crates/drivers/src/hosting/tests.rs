//! Machines of each kind, by the few files that give them away.

use std::path::Path;

use super::*;

/// Makes a machine that has these files.
fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::File::create(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
    let host = Host::at(folder.path());
    (folder, host)
}

/// Checks which driver speaks for a machine, and all that recognise it.
#[track_caller]
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let (_folder, host) = machine(files);
    let recognised: Vec<_> = ALL
        .iter()
        .filter(|driver| (driver.is_active)(&host))
        .map(|driver| driver.name)
        .collect();
    assert_eq!(recognised, [expect, &["on-premise"]].concat(), "{files:?}");
    assert_eq!(active(&host).name, recognised[0]);
}

#[test]
fn containers_are_recognised_by_what_their_engine_puts_into_them() {
    check(&[("/.dockerenv", "")], &["docker-container"]);
    check(&[("/run/.containerenv", "")], &["podman-container"]);
    check(&[("/run/systemd/container", "lxc\n")], &["lxc-container"]);
    check(&[("/run/systemd/container", "systemd-nspawn\n")], &[]);
    check(
        &[("/proc/1/environ", "PATH=/bin\0container=lxc\0")],
        &["lxc-container"],
    );
    check(&[("/proc/1/environ", "PATH=/bin\0container=lxcfs\0")], &[]);
    check(&[("/dev/incus/sock", "")], &["lxc-container"]);
}

#[test]
fn clouds_are_recognised_by_their_firmware() {
    const DMI: &str = "/sys/class/dmi/id";
    let vendor = format!("{DMI}/sys_vendor");
    let board = format!("{DMI}/board_vendor");
    let product = format!("{DMI}/product_name");
    let tag = format!("{DMI}/chassis_asset_tag");
    let bios = format!("{DMI}/bios_version");
    check(&[(&vendor, "Alibaba Cloud\n")], &["alibaba"]);
    check(
        &[(&vendor, "DigitalOcean\n"), (&product, "Droplet\n")],
        &["digitalocean"],
    );
    check(
        &[(&vendor, "Hetzner\n"), (&product, "vServer\n")],
        &["hetzner"],
    );
    check(
        &[(&vendor, "Amazon EC2\n"), (&product, "m5.large\n")],
        &["ec2"],
    );
    check(&[(&vendor, "Xen\n"), (&bios, "4.11.amazon\n")], &["ec2"]);
    check(&[("/sys/hypervisor/version/extra", ".amazon\n")], &["ec2"]);
    check(&[(&vendor, "Xen\n"), (&bios, "4.11\n")], &[]);
    check(
        &[(&board, "Google\n"), (&product, "Google Compute Engine\n")],
        &["google-cloud"],
    );
    check(&[(&board, "Google\n"), (&product, "Eve\n")], &[]);
    check(
        &[
            (&vendor, "OpenStack Foundation\n"),
            (&product, "OpenStack Nova\n"),
        ],
        &["openstack"],
    );
    check(
        &[(&vendor, "Red Hat\n"), (&product, "OpenStack Compute\n")],
        &["openstack"],
    );
    check(
        &[(&vendor, "Huawei Cloud\n"), (&tag, "HUAWEICLOUD\n")],
        &["openstack"],
    );
    check(
        &[(&vendor, "Scaleway\n"), (&product, "SCW-DEV1-S\n")],
        &["scaleway"],
    );
}

#[test]
fn hyper_v_is_azure_only_with_the_tag_of_azure() {
    const VENDOR: (&str, &str) = ("/sys/class/dmi/id/board_vendor", "Microsoft Corporation\n");
    const TAG: &str = "/sys/class/dmi/id/chassis_asset_tag";
    check(
        &[VENDOR, (TAG, "7783-7084-3265-9085-8269-3286-77\n")],
        &["azure"],
    );
    check(&[VENDOR, (TAG, "0637-9386-2340-2981-6128-1349-31\n")], &[]);
}

#[test]
fn other_signs_are_files_and_kernel_arguments() {
    check(&[("/etc/scw-release", "x")], &["scaleway"]);
    check(
        &[("/proc/cmdline", "ro root=/dev/vda1 scaleway nousb\n")],
        &["scaleway"],
    );
    check(&[("/proc/cmdline", "ro root=/dev/notscaleway\n")], &[]);
    check(&[("/etc/synoinfo.conf", "unique=\"x\"")], &["synology"]);
    check(&[], &[]);
}

#[test]
fn the_closest_layer_speaks_for_the_machine() {
    let files = [
        ("/etc/synoinfo.conf", ""),
        ("/sys/class/dmi/id/sys_vendor", "Amazon EC2"),
        ("/.dockerenv", ""),
    ];
    check(&files[..2], &["ec2", "synology"]);
    check(&files, &["docker-container", "ec2", "synology"]);
}

#[test]
fn drivers_are_in_order() {
    let order: Vec<_> = ALL
        .iter()
        .map(|driver| (driver.layer, driver.name))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn an_unknown_driver_is_an_error_with_the_nearest_name() {
    let (_folder, host) = machine(&[("/.dockerenv", "")]);
    assert!(is_active(&host, "docker-container").unwrap());
    assert!(!is_active(&host, "azure").unwrap());
    assert_eq!(
        is_active(&host, "azur").unwrap_err().to_string(),
        "\"azur\" is no hosting driver: did you mean \"azure\"?"
    );
    let far = is_active(&host, "mainframe").unwrap_err().to_string();
    assert!(
        far.starts_with("\"mainframe\" is no hosting driver: there are docker"),
        "{far}"
    );
}

#[test]
fn junk_for_firmware_is_no_sign() {
    let junk = "\u{fffd}\0".repeat(9_000);
    check(
        &[
            ("/sys/class/dmi/id/sys_vendor", &junk),
            ("/proc/1/environ", &junk),
        ],
        &[],
    );
    check(&[("/sys/class/dmi/id/sys_vendor/is-a-directory", "")], &[]);
}
