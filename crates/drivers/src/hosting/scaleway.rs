//! Scaleway.

use std::time::Duration;

use model::Value;
use serde_json::Value as Json;

use super::service::{Asking, Client, Service, to_value};
use super::{Driver, Layer, dmi};
use crate::collectors::{Key, Native, key};
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver {
    name: "scaleway",
    layer: Layer::Cloud,
    doc: "An instance of Scaleway.",
    is_active,
    own_id: super::no_id,
    service: Some(&SERVICE),
};

const SERVICE: Service = Service {
    collector: "scaleway",
    fetch,
    public_address: &[
        &["public_ip", "address"],
        &["public_ips_v4", "0", "address"],
        &["public_ips_v6", "0", "address"],
    ],
    id: &["id"],
};

pub(crate) const COLLECTOR: Native = Native {
    name: "scaleway",
    doc: "What Scaleway knows about this machine.",
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Asking::boxed(&DRIVER),
};

const KEYS: &[Key] = &[
    key("id", "", "the id of the machine"),
    key("hostname", "", "its name"),
    key("commercial_type", "", "its type"),
    key("location.zone_id", "", "the zone, as par1"),
    key("public_ip.address", "", "its address in the internet"),
    key("tags", "", "its tags, as a list"),
    key("*", "", "all else that it tells, without keys"),
];

/// Virtual machines say it in DMI; older ones and ARM ones have the file or the kernel argument.
fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "Scaleway")
        || host.has("/etc/scw-release")
        || host.word("/proc/cmdline").is_some_and(|line| {
            line.split_whitespace()
                .any(|argument| argument == "scaleway")
        })
}

/// What is not for other eyes.
const SECRET: [&str; 2] = ["ssh_public_keys", "user_data"];

fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    let mut document = client.document("http://169.254.42.42/conf?format=json")?;
    document.retain(|name, _| !SECRET.contains(&name.as_str()));
    Ok(to_value(Json::Object(document)))
}
