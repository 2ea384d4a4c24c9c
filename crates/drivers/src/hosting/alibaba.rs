//! Alibaba Cloud.

use model::Value;

use super::service::{Asking, Client, Service, texts_to_value};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver::cloud(
    "alibaba",
    "A virtual machine of Alibaba Cloud (ECS).",
    is_active,
    &SERVICE,
);

const SERVICE: Service = Service {
    collector: "alibaba",
    fetch,
    public_address: &[&["public-ipv4"], &["eipv4"]],
    id: &["instance-id"],
};

pub(crate) const COLLECTOR: Native =
    SERVICE.as_collector("What Alibaba Cloud knows about this machine.", KEYS, || {
        Asking::boxed(&DRIVER)
    });

const KEYS: &[Key] = &[
    key("region-id", "", "the region"),
    key("zone-id", "", "the zone"),
    key("instance-id", "", "the id of the machine"),
    key("instance-type", "", "its type"),
    key("image-id", "", "what it was made from"),
    key(
        "private-ipv4",
        "",
        "its address in the network of the cloud",
    ),
    key("public-ipv4", "", "its address in the internet"),
    key("eipv4", "", "its elastic address in the internet"),
];

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Alibaba Cloud")
}

/// Asks as its documentation has it; the token is wanted by machines in the hardened mode.
fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    const URL: &str = "http://100.100.100.200/latest";
    let client = client.with_token(
        &format!("{URL}/api/token"),
        "X-aliyun-ecs-metadata-token-ttl-seconds",
        "X-aliyun-ecs-metadata-token",
    )?;
    let names = [
        ("region-id", "region-id"),
        ("zone-id", "zone-id"),
        ("instance-id", "instance-id"),
        ("instance-type", "instance/instance-type"),
        ("image-id", "image-id"),
        ("private-ipv4", "private-ipv4"),
        ("public-ipv4", "public-ipv4"),
        ("eipv4", "eipv4"),
    ];
    client
        .texts(&format!("{URL}/meta-data"), &names)
        .map(texts_to_value)
}
