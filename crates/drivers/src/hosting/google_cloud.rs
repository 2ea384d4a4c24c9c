//! Google Cloud.

use model::Value;
use serde_json::Value as Json;

use super::service::{Asking, Client, Service};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::json::from_json;
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver::cloud(
    "google-cloud",
    "A virtual machine of Google Compute Engine.",
    is_active,
    &SERVICE,
);

const SERVICE: Service = Service {
    collector: "googlecloud",
    fetch,
    public_address: &[&["networkInterfaces", "0", "accessConfigs", "0", "externalIp"]],
    id: &["id"],
};

pub(crate) const COLLECTOR: Native =
    SERVICE.as_collector("What Google Cloud knows about this machine.", KEYS, || {
        Asking::boxed(&DRIVER)
    });

const KEYS: &[Key] = &[
    key(
        "attributes.*",
        "",
        "what users wrote down about it, without scripts and keys",
    ),
    key("cpuPlatform", "", "its processor"),
    key("description", "", "what it is for"),
    key("hostname", "", "its name"),
    key("id", "", "the id of the machine"),
    key("image", "", "what it was made from"),
    key("machineType", "", "its type, as e2-small"),
    key(
        "maintenanceEvent",
        "",
        "NONE, or what is about to happen to it",
    ),
    key("name", "", "its short name"),
    key("networkInterfaces", "", "its interfaces, as a list"),
    key("networkInterfaces.*", "", "its interfaces"),
    key("preempted", "", "TRUE when it is being taken away"),
    key("scheduling.*", "", "what happens to it when its host fails"),
    key("tags", "", "its tags, as a list"),
    key("zone", "", "the zone, as europe-west1-b"),
];

/// Chromebooks have the same vendor, so the product decides.
fn is_active(host: &Host) -> bool {
    dmi::is(host, "product_name", "Google Compute Engine")
        || dmi::is(host, "product_name", "Google")
}

const KEPT: [&str; 14] = [
    "attributes",
    "cpuPlatform",
    "description",
    "hostname",
    "id",
    "image",
    "machineType",
    "maintenanceEvent",
    "name",
    "networkInterfaces",
    "preempted",
    "scheduling",
    "tags",
    "zone",
];

/// Parts of the names of attributes that hold scripts, keys and the like.
const SECRET: [&str; 9] = [
    "script",
    "ssh",
    "key",
    "user-data",
    "env",
    "password",
    "token",
    "secret",
    "cert",
];
/// Longer ones are no facts about a machine.
const ATTRIBUTE_BYTES_MAX: usize = 1 << 10;

/// Asks by address, as the name of the service is the same for all and would take a name server.
fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    let url = "http://169.254.169.254/computeMetadata/v1/instance/?recursive=true";
    let mut document = client.header("Metadata-Flavor", "Google").document(url)?;
    document.retain(|name, _| KEPT.contains(&name.as_str()));
    for name in ["machineType", "zone"] {
        // `projects/123/zones/europe-west1-b`.
        if let Some(Json::String(path)) = document.get_mut(name)
            && let Some((_, last)) = path.rsplit_once('/')
        {
            *path = last.to_owned();
        }
    }
    if let Some(Json::Object(attributes)) = document.get_mut("attributes") {
        attributes.retain(|name, value| is_fact(name, value));
    }
    if document.is_empty() {
        return Err(Error::bad_answer(url, "knows nothing about this machine"));
    }
    Ok(from_json(Json::Object(document)))
}

fn is_fact(name: &str, value: &Json) -> bool {
    let name = name.to_ascii_lowercase();
    let is_short = value
        .as_str()
        .is_none_or(|text| text.len() <= ATTRIBUTE_BYTES_MAX);
    is_short && !SECRET.iter().any(|secret| name.contains(secret))
}
