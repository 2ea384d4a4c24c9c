//! Microsoft Azure.

use model::Value;
use serde_json::Value as Json;

use super::service::{Asking, Client, Service};
use super::{Driver, dmi};
use crate::collectors::{Key, Native, key};
use crate::json::from_json;
use crate::{Error, Host};

pub(super) const DRIVER: Driver = Driver::cloud(
    "azure",
    "A virtual machine of Microsoft Azure.",
    is_active,
    &SERVICE,
);

const SERVICE: Service = Service {
    collector: "azure",
    fetch,
    public_address: &[&["ipv4", "ipAddress", "0", "publicIpAddress"]],
    id: &["vmId"],
};

pub(crate) const COLLECTOR: Native = SERVICE.as_collector(
    "What Microsoft Azure knows about this machine.",
    KEYS,
    || Asking::boxed(&DRIVER),
);

const KEYS: &[Key] = &[
    key("location", "", "the region"),
    key("name", "", "its name"),
    key("offer", "", "the offer of its image"),
    key("osType", "", "Linux or Windows"),
    key("placementGroupId", "", "its placement group"),
    key("platformFaultDomain", "", "its fault domain"),
    key("platformUpdateDomain", "", "its update domain"),
    key("publisher", "", "who published its image"),
    key("resourceGroupName", "", "its resource group"),
    key("sku", "", "the edition of its image"),
    key("subscriptionId", "", "who pays"),
    key("tags", "", "its tags, as name:value;name:value"),
    key("version", "", "the version of its image"),
    key("vmId", "", "the id of the machine"),
    key("vmScaleSetName", "", "its scale set"),
    key("vmSize", "", "its size"),
    key("zone", "", "its zone"),
    key("ipv4.*", "", "its first interface: ipAddress and subnet"),
    key("ipv6.*", "", "its first interface: ipAddress"),
    key(
        "macAddress",
        "",
        "the hardware address of its first interface",
    ),
];

/// Plain Hyper-V has the same vendor; the asset tag of the chassis is the same on all of Azure and
/// only there (Azure's own Linux agent goes by it).
fn is_active(host: &Host) -> bool {
    dmi::is(
        host,
        "chassis_asset_tag",
        "7783-7084-3265-9085-8269-3286-77",
    )
}

/// What is kept of the section `compute`; the rest holds keys and what users put into the machine.
const COMPUTE: [&str; 17] = [
    "location",
    "name",
    "offer",
    "osType",
    "placementGroupId",
    "platformFaultDomain",
    "platformUpdateDomain",
    "publisher",
    "resourceGroupName",
    "sku",
    "subscriptionId",
    "tags",
    "version",
    "vmId",
    "vmScaleSetName",
    "vmSize",
    "zone",
];
const INTERFACE: [&str; 3] = ["ipv4", "ipv6", "macAddress"];

fn fetch(client: &Client<'_>) -> Result<Value, Error> {
    let url = "http://169.254.169.254/metadata/instance?api-version=2021-02-01&format=json";
    let mut document = client.header("Metadata", "true").document(url)?;
    let mut kept = serde_json::Map::new();
    let mut keep = |section: Option<&mut Json>, names: &[&str]| {
        let Some(Json::Object(section)) = section else {
            return;
        };
        for name in names {
            kept.extend(
                section
                    .remove(*name)
                    .map(|value| ((*name).to_owned(), value)),
            );
        }
    };
    keep(document.get_mut("compute"), &COMPUTE);
    let interfaces = document
        .get_mut("network")
        .and_then(|section| section.get_mut("interface"));
    keep(
        interfaces.and_then(|interfaces| interfaces.get_mut(0)),
        &INTERFACE,
    );
    if kept.is_empty() {
        return Err(Error::bad_answer(url, "knows nothing about this machine"));
    }
    Ok(from_json(Json::Object(kept)))
}
