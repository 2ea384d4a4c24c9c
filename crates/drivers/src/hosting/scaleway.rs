//! Scaleway.

use model::Value;
use serde_json::Value as Json;

use super::service::{Asking, Client, Service};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::json::from_json;
use crate::{Error, Host};

pub(super) const DRIVER: Driver =
    Driver::cloud("scaleway", "An instance of Scaleway.", is_active, &SERVICE);

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

pub(crate) const COLLECTOR: Native =
    SERVICE.as_collector("What Scaleway knows about this machine.", KEYS, || {
        Asking::boxed(&DRIVER)
    });

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
    Ok(from_json(Json::Object(document)))
}
