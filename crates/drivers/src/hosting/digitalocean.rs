//! DigitalOcean.

use model::Value;
use serde_json::Value as Json;

use super::service::{Asking, Client, Service};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::json::from_json;
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver::cloud(
    "digitalocean",
    "A droplet of DigitalOcean.",
    is_active,
    &SERVICE,
);

const SERVICE: Service = Service {
    collector: "digitalocean",
    fetch,
    public_address: &[
        &["interfaces", "public", "0", "ipv4", "ip_address"],
        &["interfaces", "public", "0", "ipv6", "ip_address"],
    ],
    id: &["droplet_id"],
};

pub(crate) const COLLECTOR: Native =
    SERVICE.as_collector("What DigitalOcean knows about this machine.", KEYS, || {
        Asking::boxed(&DRIVER)
    });

const KEYS: &[Key] = &[
    key("droplet_id", "", "the id of the machine"),
    key("hostname", "", "its name"),
    key("region", "", "the region, as nyc3"),
    key("tags", "", "its tags, as a list"),
    key(
        "interfaces.*",
        "",
        "its interfaces: public and private, as lists",
    ),
    key("*", "", "all else that it tells, without keys and scripts"),
];

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "DigitalOcean")
}

/// What is not for other eyes: keys, and what users put into the machine.
const SECRET: [&str; 4] = ["auth_key", "public_keys", "user_data", "vendor_data"];

fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    let mut document = client.document("http://169.254.169.254/metadata/v1.json")?;
    document.retain(|name, _| !SECRET.contains(&name.as_str()));
    Ok(from_json(Json::Object(document)))
}
