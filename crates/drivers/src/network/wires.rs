//! The networks that this machine is on: where to send what is for everybody there.

use std::net::{IpAddr, Ipv4Addr};

use super::netlink::{self, Link};
use crate::{Deadline, Error, Host};

/// A network interface that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The addresses of this machine on it.
    pub addresses: Vec<IpAddr>,
    /// The addresses that reach all IPv4 machines on it.
    pub broadcasts: Vec<Ipv4Addr>,
    /// Whether it takes what is for a group of machines.
    pub has_multicast: bool,
}

/// Gives the interfaces that are up and have an address.
pub fn wires(host: &Host, deadline: Deadline) -> Result<Vec<Wire>, Error> {
    let addresses = netlink::addresses(host, deadline)?;
    let up = netlink::links(host, deadline)?
        .into_iter()
        .filter(|link| link.flags & Link::UP != 0);
    let wires = up.map(|link| {
        let own = || addresses.iter().filter(|it| it.index == link.index);
        let broadcast = |it: &netlink::Address| match it.broadcast {
            Some(IpAddr::V4(four)) => Some(four),
            Some(IpAddr::V6(_)) | None => None,
        };
        Wire {
            addresses: own().map(|it| it.address).collect(),
            broadcasts: own().filter_map(broadcast).collect(),
            has_multicast: link.flags & Link::MULTICAST != 0,
            index: link.index,
            name: link.name,
        }
    });
    Ok(wires.filter(|wire| !wire.addresses.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn this_machine_has_a_loopback_which_no_broadcast_reaches() {
        let found = wires(&Host::real(), Deadline::after(Duration::from_secs(20))).unwrap();
        let loopback = |wire: &&Wire| wire.addresses.iter().any(IpAddr::is_loopback);
        let loopback = found.iter().find(loopback).unwrap();
        assert_eq!(loopback.broadcasts, Vec::<Ipv4Addr>::new());
        assert!(loopback.index > 0 && !loopback.name.is_empty());
    }
}
