//! The addresses by which a machine is reached, as far as it knows them itself.

use std::net::{IpAddr, Ipv4Addr};

use crate::network::netlink::{self, Address, Link};
use crate::{Deadline, Error, Host};

/// Gives the address of the machine in its own network; none when it has none but loopback.
///
/// That is the address that `/etc/hosts` gives to its name, if an interface has it; else the first
/// one of the interface to which the default route leads; else the first of any, IPv4 before IPv6.
pub fn local_address(host: &Host, deadline: Deadline) -> Result<Option<IpAddr>, Error> {
    let mut usable: Vec<Address> = netlink::addresses(host, deadline)?;
    usable.retain(|address| address.is_global && is_usable(address.address));
    let has = |wanted: &IpAddr| usable.iter().any(|address| address.address == *wanted);
    if let Some(named) = addresses_of_name(host).into_iter().find(has) {
        return Ok(Some(named));
    }
    let routed = default_interface(host)
        .map(|name| index_of(host, &name, deadline))
        .transpose()?
        .flatten();
    // The order is kept for equal keys: that of the kernel.
    usable.sort_by_key(|address| (Some(address.index) != routed, address.address.is_ipv6()));
    Ok(usable.first().map(|address| address.address))
}

/// Tells whether an address may be seen from all of the internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            // Behind the NAT of a carrier, RFC 6598.
            let is_shared = four.octets()[0] == 100 && (64..128).contains(&four.octets()[1]);
            !(four.is_private()
                || four.is_link_local()
                || four.is_loopback()
                || four.is_unspecified()
                || four.is_documentation()
                || four.is_multicast()
                || four == Ipv4Addr::BROADCAST
                || is_shared)
        }
        // Global unicast is 2000::/3, the part for documentation left out.
        IpAddr::V6(six) => {
            let first = six.segments()[0];
            first & 0xe000 == 0x2000 && !(first == 0x2001 && six.segments()[1] == 0x0db8)
        }
    }
}

fn is_usable(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || is_link_local)
}

/// Gives the addresses that `/etc/hosts` has for the name of the machine.
fn addresses_of_name(host: &Host) -> Vec<IpAddr> {
    let name = host.word("/proc/sys/kernel/hostname").unwrap_or_default();
    let hosts = host.word("/etc/hosts").unwrap_or_default();
    let of_line = |line: &str| -> Option<IpAddr> {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word == name).then_some(address)
    };
    hosts
        .lines()
        .filter_map(of_line)
        .filter(|address| is_usable(*address))
        .collect()
}

/// Reads the interface of the best default route out of `/proc/net/route`.
fn default_interface(host: &Host) -> Option<String> {
    const UP: u32 = 1;
    let routes = host.word("/proc/net/route")?;
    let defaults = routes.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_up = u32::from_str_radix(words.get(3)?, 16).ok()? & UP != 0;
        let is_default = *words.get(1)? == "00000000" && *words.get(7)? == "00000000";
        let metric: u32 = words.get(6)?.parse().ok()?;
        (is_up && is_default).then(|| (metric, words[0].to_owned()))
    });
    defaults
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, name)| name)
}

fn index_of(host: &Host, name: &str, deadline: Deadline) -> Result<Option<u32>, Error> {
    let links: Vec<Link> = netlink::links(host, deadline)?;
    Ok(links
        .into_iter()
        .find(|link| link.name == name)
        .map(|link| link.index))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::recorded;

    #[track_caller]
    fn check(host: &str, expect: &str) {
        let deadline = Deadline::after(Duration::from_secs(60));
        let found = local_address(&recorded(host), deadline).unwrap();
        assert_eq!(found, Some(expect.parse().unwrap()), "{host}");
    }

    #[test]
    fn the_address_is_that_of_the_name_or_of_the_default_route() {
        check("debian-12", "192.0.2.2");
        check("rhel-7", "10.0.4.17");
        check("alpine-3.22", "172.17.0.2");
        check("storage", "192.0.2.20");
    }

    #[test]
    fn what_the_internet_can_see_is_public() {
        for (address, expect) in [
            ("8.8.8.8", true),
            ("10.1.2.3", false),
            ("172.20.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("169.254.1.1", false),
            ("2a01:4f8::1", true),
            ("2001:db8::1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expect, "{address}");
        }
    }
}
