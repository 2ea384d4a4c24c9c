//! OpenStack, by whomever it is run.

use model::Value;
use serde_json::Value as Json;

use super::service::{Asking, Client, Service};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::json::from_json;
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver::cloud(
    "openstack",
    "A virtual machine of an OpenStack cloud, public or one's own.",
    is_active,
    &SERVICE,
);

const SERVICE: Service = Service {
    collector: "openstack",
    fetch,
    public_address: &[&["public-ipv4"]],
    id: &["uuid"],
};

pub(crate) const COLLECTOR: Native = SERVICE.as_collector(
    "What the OpenStack cloud knows about this machine.",
    KEYS,
    || Asking::boxed(&DRIVER),
);

const KEYS: &[Key] = &[
    key("uuid", "", "the id of the machine"),
    key("name", "", "its name"),
    key("hostname", "", "its name in the network"),
    key("availability_zone", "", "the zone"),
    key("project_id", "", "whose it is"),
    key(
        "launch_index",
        "",
        "its number among those that were started with it",
    ),
    key("meta.*", "", "what users wrote down about it"),
    key("instance-type", "", "its flavor"),
    key("local-ipv4", "", "its address in the network of the cloud"),
    key("public-ipv4", "", "its floating address"),
];

/// Nova's product names, and the asset tags of providers that wrote their own over them
/// (the list is that of cloud-init).
const PRODUCTS: &[&str] = &["OpenStack Nova", "OpenStack Compute"];
const ASSET_TAGS: &[&str] = &[
    "OpenStack Nova",
    "OpenStack Compute",
    "HUAWEICLOUD",
    "OpenTelekomCloud",
    "SAP CCloud VM",
];

fn is_active(host: &Host) -> bool {
    dmi::is(host, "sys_vendor", "OpenStack Foundation")
        || PRODUCTS.contains(&dmi::field(host, "product_name").as_str())
        || ASSET_TAGS.contains(&dmi::field(host, "chassis_asset_tag").as_str())
}

/// What is kept; the rest holds a password, keys and randomness.
const KEPT: [&str; 7] = [
    "availability_zone",
    "hostname",
    "launch_index",
    "meta",
    "name",
    "project_id",
    "uuid",
];

/// Asks for OpenStack's own document, and for the addresses in the way of EC2, which it speaks too.
fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    const URL: &str = "http://169.254.169.254";
    let mut document = client.document(&format!("{URL}/openstack/latest/meta_data.json"))?;
    document.retain(|name, _| KEPT.contains(&name.as_str()));
    for name in ["instance-type", "local-ipv4", "public-ipv4"] {
        // Clouds may have that part switched off.
        if let Ok(Some(text)) = client.text(&format!("{URL}/latest/meta-data/{name}"))
            && !text.trim().is_empty()
        {
            document.insert(name.to_owned(), Json::String(text.trim().to_owned()));
        }
    }
    Ok(from_json(Json::Object(document)))
}
