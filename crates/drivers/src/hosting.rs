//! Where the machine runs: in a container, in some cloud, on hardware of one's own.
//!
//! Each driver is a file here with a name, a layer and one fact: whether it recognises the machine,
//! from files alone and without a packet sent. To add one, write its file and name it in [`ALL`].
//! What the provider knows beyond that (region, type, addresses) is not asked here.

use crate::{Error, Host};

mod alibaba;
mod azure;
mod digitalocean;
mod dmi;
mod docker_container;
mod ec2;
mod google_cloud;
mod hetzner;
mod lxc_container;
mod on_premise;
mod openstack;
mod podman_container;
mod scaleway;
mod synology;
#[cfg(test)]
mod tests;

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
