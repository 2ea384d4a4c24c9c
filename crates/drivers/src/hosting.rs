//! Where the machine runs: in a container, in some cloud, on hardware of one's own.
//!
//! Each driver is a file here with a name, a layer and whether it recognises the machine, from
//! files alone and without a packet sent. Where the provider runs a service that knows more
//! (region, type, addresses), the file says how it is asked, and a collector does so. To add one,
//! write its file and name it in [`ALL`], and its collector in [`crate::collectors::ALL`].

use std::net::IpAddr;

use model::Value;

use crate::{Error, Host};

mod addresses;
pub(crate) mod alibaba;
pub(crate) mod azure;
pub(crate) mod digitalocean;
mod dmi;
mod docker_container;
pub(crate) mod ec2;
pub(crate) mod google_cloud;
pub(crate) mod hetzner;
mod lxc_container;
mod on_premise;
pub(crate) mod openstack;
mod podman_container;
pub(crate) mod scaleway;
mod service;
pub(crate) mod synology;
#[cfg(test)]
mod tests;

pub use addresses::local_address;
use service::Service;

/// How close to the processes a driver is; the closest active one speaks for the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// A container shares the kernel of its host.
    Container,
    /// A virtual machine of a provider.
    Cloud,
    /// A known kind of hardware.
    Physical,
    /// What remains.
    Default,
}

/// One place where machines run.
#[derive(Debug)]
pub struct Driver {
    /// The name, as `hosting_driver_is_active` and groups have it.
    pub name: &'static str,
    /// Its layer.
    pub layer: Layer,
    /// What it is, in a sentence.
    pub doc: &'static str,
    /// Tells whether it recognises the machine. A file that cannot be read is no sign.
    pub is_active: fn(&Host) -> bool,
    /// Gives what the provider tells machines apart by, if the machine itself can know.
    own_id: fn(&Host) -> Option<String>,
    /// Who knows more.
    service: Option<&'static Service>,
}

impl Driver {
    /// Makes the driver of a provider whose service knows about its machines.
    const fn cloud(
        name: &'static str,
        doc: &'static str,
        is_active: fn(&Host) -> bool,
        service: &'static Service,
    ) -> Self {
        Self {
            name,
            layer: Layer::Cloud,
            doc,
            is_active,
            own_id: no_id,
            service: Some(service),
        }
    }
}

/// Knows of nothing that tells the machine apart.
fn no_id(_host: &Host) -> Option<String> {
    None
}

/// All drivers, by layer and then by name; the first active one speaks for the machine.
pub const ALL: &[&Driver] = &[
    &docker_container::DRIVER,
    &lxc_container::DRIVER,
    &podman_container::DRIVER,
    &alibaba::DRIVER,
    &azure::DRIVER,
    &digitalocean::DRIVER,
    &ec2::DRIVER,
    &google_cloud::DRIVER,
    &hetzner::DRIVER,
    &openstack::DRIVER,
    &scaleway::DRIVER,
    &synology::DRIVER,
    &on_premise::DRIVER,
];

/// Finds a driver by its name.
pub fn find(name: &str) -> Result<&'static Driver, Error> {
    ALL.iter()
        .copied()
        .find(|driver| driver.name == name)
        .ok_or_else(|| {
            let names = ALL.iter().map(|driver| driver.name);
            let problem = match model::nearest(name, names.clone()) {
                Some(near) => format!("is no hosting driver: did you mean {near:?}?"),
                None => {
                    let names: Vec<_> = names.collect();
                    format!("is no hosting driver: there are {}", names.join(", "))
                }
            };
            Error::bad_request(name, problem)
        })
}

/// Tells whether a driver recognises the machine, whatever the others say.
pub fn is_active(host: &Host, name: &str) -> Result<bool, Error> {
    Ok((find(name)?.is_active)(host))
}

/// Gives the driver that speaks for the machine.
pub fn active(host: &Host) -> &'static Driver {
    let recognises = |driver: &&&Driver| (driver.is_active)(host);
    ALL.iter()
        .find(recognises)
        .copied()
        .unwrap_or(&on_premise::DRIVER)
}

/// Gives the address by which the internet knows the machine: as its provider told, or the local
/// one if that can be seen from everywhere. Nobody is asked here: the collectors of the providers
/// do so.
pub fn public_address(host: &Host, local: Option<IpAddr>) -> Option<IpAddr> {
    let told = ALL.iter().find_map(|driver| {
        let service = driver.service?;
        service.public_address(&service::known(host, service)?)
    });
    told.or(local.filter(|address| addresses::is_public(*address)))
}

/// Gives what tells this machine apart from others of its kind: the id that its container engine or
/// its provider gave it, or that of its firmware. It is not what nodes are known by in the cluster.
pub fn unique_id(host: &Host) -> Option<String> {
    let driver = active(host);
    let told = driver
        .service
        .and_then(|service| service.id(&service::known(host, service)?));
    told.or_else(|| (driver.own_id)(host))
}

/// Gives what the provider told about the machine, as a collector of this name has it; none before
/// it was asked.
pub fn metadata(host: &Host) -> Option<Value> {
    service::known(host, active(host).service?)
}
