//! The network interfaces of the machine and their addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use model::Value;
use model::limits::NETWORK_INTERFACES_MAX;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Host;
use crate::network::netlink::{self, Address, Link};

pub(super) const COLLECTOR: Native = Native {
    name: "interfaces",
    doc: "Network interfaces: state, addresses of IPv4 and IPv6, and what they are a part of.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(Interfaces),
};

const KEYS: &[Key] = &[
    key("*.interface", "", "its name"),
    key(
        "*.link_encap",
        "",
        "what it carries: Ethernet, Local Loopback, …",
    ),
    key("*.hardware_address", "", "its address on the wire"),
    key("*.ip_address", "", "its first IPv4 address"),
    key("*.broadcast_address", "", "where to send what is for all"),
    key(
        "*.net_mask",
        "",
        "which bits of the address name the network",
    ),
    key(
        "*.ip_addresses",
        "",
        "all its IPv4 addresses, as a list of 192.0.2.1/24",
    ),
    key(
        "*.ipv6_addresses",
        "",
        "all its IPv6 addresses, as a list of 2001:db8::1/64",
    ),
    key("*.up", "", "whether it was switched on"),
    key("*.running", "", "whether it works: it is on and has a link"),
    key("*.multicast", "", "whether it can send to some"),
    key("*.broadcast", "", "whether it can send to all"),
    key(
        "*.state",
        "",
        "up, down, dormant, lowerlayerdown, testing or unknown",
    ),
    key(
        "*.kind",
        "",
        "what it is, where it is no device: bond, vlan, veth, …",
    ),
    key("*.master", "", "the bond or bridge that it is a part of"),
    key("*.mtu", "B", "the largest packet"),
    key(
        "*.speed",
        "Mbit/s",
        "how fast the link is, where the device tells",
    ),
];

struct Interfaces;

impl Collector for Interfaces {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let (host, deadline) = (context.host, context.deadline);
        let links = netlink::links(host, deadline)?;
        let addresses = netlink::addresses(host, deadline)?;
        Ok(tell(links, &addresses, |link| speed(host, link)))
    }
}

/// Tells of the interfaces. Where there are too many, the first to come are the devices and the
/// last are those of containers.
fn tell(
    mut links: Vec<Link>,
    addresses: &[Address],
    speed: impl Fn(&Link) -> Option<i64>,
) -> Value {
    links.sort_by_key(|link| link.index);
    let names: BTreeMap<u32, String> = links
        .iter()
        .map(|link| (link.index, link.name.clone()))
        .collect();
    links.truncate(NETWORK_INTERFACES_MAX);
    Value::map(links.into_iter().map(|link| {
        let of_link = addresses
            .iter()
            .filter(|address| address.index == link.index);
        let master = link.master.and_then(|index| names.get(&index));
        let mut entries = about(&link, master, speed(&link));
        entries.extend(about_addresses(&of_link.collect::<Vec<_>>()));
        (link.name, Value::map(entries))
    }))
}

type Entries = Vec<(&'static str, Value)>;

fn about(link: &Link, master: Option<&String>, speed: Option<i64>) -> Entries {
    let flag = |bit: u32| Value::Bool(link.flags & bit != 0);
    let mut entries = vec![
        ("interface", Value::from(link.name.as_str())),
        ("link_encap", Value::from(link_encap(link.hardware))),
        ("up", flag(Link::UP)),
        ("running", flag(Link::RUNNING)),
        ("multicast", flag(Link::MULTICAST)),
        ("broadcast", flag(Link::BROADCAST)),
    ];
    let hardware: Vec<String> = link
        .address
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let optional = [
        (
            "hardware_address",
            (!hardware.is_empty()).then(|| Value::text(hardware.join(":"))),
        ),
        (
            "state",
            link.state.map(|state| Value::from(state_word(state))),
        ),
        ("kind", link.kind.as_deref().map(Value::from)),
        ("master", master.map(|name| Value::from(name.as_str()))),
        ("mtu", link.mtu.map(Value::count)),
        ("speed", speed.map(Value::Int)),
    ];
    entries.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    entries
}

fn about_addresses(addresses: &[&Address]) -> Entries {
    let shown = |address: &&Address| Value::text(format!("{}/{}", address.address, address.prefix));
    let (four, six): (Vec<&Address>, Vec<&Address>) = addresses
        .iter()
        .partition(|address| address.address.is_ipv4());
    let mut entries = Entries::new();
    if let Some(first) = four.first() {
        entries.push(("ip_address", Value::text(first.address.to_string())));
        entries.push(("net_mask", Value::text(net_mask(first.prefix))));
        if let Some(broadcast) = first.broadcast {
            entries.push(("broadcast_address", Value::text(broadcast.to_string())));
        }
    }
    entries.push(("ip_addresses", Value::list(four.iter().map(shown))));
    entries.push(("ipv6_addresses", Value::list(six.iter().map(shown))));
    entries
}

/// Turns 24 into 255.255.255.0.
fn net_mask(prefix: u8) -> String {
    let host_bits = 32_u32.saturating_sub(prefix.into());
    let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
    IpAddr::from(mask.to_be_bytes()).to_string()
}

/// Names what an interface carries, in the words of ifconfig.
fn link_encap(hardware: u16) -> &'static str {
    match hardware {
        1 => "Ethernet",
        32 => "InfiniBand",
        512 => "Point-to-Point Protocol",
        768 => "IPIP Tunnel",
        769 => "IPv6 Tunnel",
        772 => "Local Loopback",
        776 => "IPv6-in-IPv4",
        778 => "GRE over IP",
        _ => "UNSPEC",
    }
}

/// Names a state of RFC 2863, as the kernel does.
fn state_word(state: u8) -> &'static str {
    match state {
        1 => "notpresent",
        2 => "down",
        3 => "lowerlayerdown",
        4 => "testing",
        5 => "dormant",
        6 => "up",
        _ => "unknown",
    }
}

/// Asks a device how fast its link is; those that are made by software have no speed of their own.
fn speed(host: &Host, link: &Link) -> Option<i64> {
    let may_tell = link.hardware == 1 && link.kind.as_deref().is_none_or(|kind| kind == "bond");
    // A name can hold anything but a slash.
    let word = may_tell.then(|| host.word(&format!("/sys/class/net/{}/speed", link.name)))??;
    word.parse().ok().filter(|speed| *speed > 0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{number, real_run, recorded_run, text};
    use super::*;

    #[test]
    fn a_bond_and_its_parts_are_told() {
        let value = recorded_run("storage", &COLLECTOR).unwrap();
        assert_eq!(text(&value, &["eno1", "master"]), "bond0");
        assert_eq!(number(&value, &["eno1", "speed"]), Some(25_000.0));
        assert_eq!(
            text(&value, &["eno1", "hardware_address"]),
            "3c:ec:ef:12:34:56"
        );
        assert_eq!(text(&value, &["eno1", "link_encap"]), "Ethernet");
        assert_eq!(text(&value, &["bond0", "kind"]), "bond");
        assert_eq!(text(&value, &["bond0", "ip_address"]), "192.0.2.20");
        assert_eq!(text(&value, &["bond0", "net_mask"]), "255.255.255.0");
        assert_eq!(text(&value, &["bond0", "broadcast_address"]), "192.0.2.255");
        let six = value.get("bond0").unwrap().get("ipv6_addresses").unwrap();
        assert_eq!(six.get("0"), Some(&Value::text("2001:db8::20/64")));
        assert_eq!(text(&value, &["bond0.42", "kind"]), "vlan");
        assert_eq!(text(&value, &["eno2", "state"]), "down");
        assert_eq!(
            value.get("eno2").unwrap().get("running"),
            Some(&Value::Bool(false))
        );
        assert_eq!(text(&value, &["lo", "link_encap"]), "Local Loopback");
    }

    #[test]
    fn this_machine_has_a_loopback() {
        let value = real_run(&COLLECTOR).unwrap();
        assert_eq!(text(&value, &["lo", "interface"]), "lo");
    }

    #[test]
    fn masks_are_written_out() {
        for (prefix, mask) in [
            (0, "0.0.0.0"),
            (20, "255.255.240.0"),
            (32, "255.255.255.255"),
            (200, "255.255.255.255"),
        ] {
            assert_eq!(net_mask(prefix), mask);
        }
    }

    #[test]
    fn a_thousand_interfaces_are_too_many() {
        let link = |index: u32| Link {
            index,
            name: format!("veth{index}"),
            hardware: 1,
            kind: Some("veth".to_owned()),
            address: Vec::new(),
            master: None,
            mtu: Some(1_500),
            state: Some(6),
            flags: 0,
        };
        let Value::Map(told) = tell((0..1_000).map(link).collect(), &[], |_| None) else {
            panic!("no map")
        };
        assert_eq!(told.len(), NETWORK_INTERFACES_MAX);
        assert!(told.contains_key("veth0"));
    }
}
