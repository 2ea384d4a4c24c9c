//! Amazon EC2, all of its generations.

use model::Value;

use super::service::{Asking, Client, Service, texts_to_value};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::{Error, Host};

pub(super) const DRIVER: Driver =
    Driver::cloud("ec2", "An instance of Amazon EC2.", is_active, &SERVICE);

const SERVICE: Service = Service {
    collector: "ec2",
    fetch,
    public_address: &[&["public-ipv4"], &["ipv6"]],
    id: &["instance-id"],
};

pub(crate) const COLLECTOR: Native =
    SERVICE.as_collector("What Amazon EC2 knows about this machine.", KEYS, || {
        Asking::boxed(&DRIVER)
    });

const KEYS: &[Key] = &[
    key("ami-id", "", "what it was made from"),
    key("hostname", "", "its name"),
    key("instance-id", "", "the id of the machine"),
    key("instance-type", "", "its type"),
    key("instance-life-cycle", "", "on-demand, spot or scheduled"),
    key("local-hostname", "", "its name in the network of the cloud"),
    key("local-ipv4", "", "its address in the network of the cloud"),
    key("ipv6", "", "its address of IPv6"),
    key("availability-zone", "", "the zone"),
    key("profile", "", "how it is virtualised"),
    key("public-hostname", "", "its name in the internet"),
    key("public-ipv4", "", "its address in the internet"),
    key("reservation-id", "", "the order that it came with"),
    key("security-groups", "", "its security groups, one a line"),
    key("region", "", "the region"),
];

/// Nitro and bare metal name Amazon as the vendor. Xen guests know by their hypervisor; its
/// version is `4.2.amazon` or `4.11.amazon`, in sysfs for the one kind and in DMI for both.
fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Amazon EC2")
        || dmi::field(host, "bios_version").ends_with(".amazon")
        || host.word("/sys/hypervisor/version/extra").as_deref() == Some(".amazon")
}

/// Asks with a token (IMDSv2), and without one where the service knows none.
fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    const URL: &str = "http://169.254.169.254/latest";
    let client = client.with_token(
        &format!("{URL}/api/token"),
        "X-aws-ec2-metadata-token-ttl-seconds",
        "X-aws-ec2-metadata-token",
    )?;
    let names = [
        ("instance-id", "instance-id"),
        ("ami-id", "ami-id"),
        ("hostname", "hostname"),
        ("instance-type", "instance-type"),
        ("instance-life-cycle", "instance-life-cycle"),
        ("local-hostname", "local-hostname"),
        ("local-ipv4", "local-ipv4"),
        ("ipv6", "ipv6"),
        ("availability-zone", "placement/availability-zone"),
        ("profile", "profile"),
        ("public-hostname", "public-hostname"),
        ("public-ipv4", "public-ipv4"),
        ("reservation-id", "reservation-id"),
        ("security-groups", "security-groups"),
        ("region", "placement/region"),
    ];
    let mut texts = client.texts(&format!("{URL}/meta-data"), &names)?;
    if let (None, Some(zone)) = (texts.get("region"), texts.get("availability-zone")) {
        // A zone is its region and a letter.
        let region = zone
            .trim_end_matches(|sign: char| sign.is_ascii_lowercase())
            .to_owned();
        texts.insert("region", region);
    }
    Ok(texts_to_value(texts))
}
