//! Hetzner Cloud. Its dedicated servers do not tell where they stand.

use model::Value;

use super::service::{Asking, Client, Service, texts_to_value};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver::cloud(
    "hetzner",
    "A virtual machine of Hetzner Cloud.",
    is_active,
    &SERVICE,
);

const SERVICE: Service = Service {
    collector: "hetzner",
    fetch,
    public_address: &[&["public-ipv4"]],
    id: &["instance-id"],
};

pub(crate) const COLLECTOR: Native =
    SERVICE.as_collector("What Hetzner Cloud knows about this machine.", KEYS, || {
        Asking::boxed(&DRIVER)
    });

const KEYS: &[Key] = &[
    key("hostname", "", "its name"),
    key("instance-id", "", "the id of the machine"),
    key("public-ipv4", "", "its address in the internet"),
    key("local-ipv4", "", "its address in the network of the cloud"),
    key("availability-zone", "", "the zone, as fsn1-dc14"),
    key("region", "", "the region, as eu-central"),
];

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Hetzner")
}

fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    let names = [
        ("instance-id", "instance-id"),
        ("hostname", "hostname"),
        ("public-ipv4", "public-ipv4"),
        ("local-ipv4", "local-ipv4"),
        ("availability-zone", "availability-zone"),
        ("region", "region"),
    ];
    let url = "http://169.254.169.254/hetzner/v1/metadata";
    client.texts(url, &names).map(texts_to_value)
}
