//! What a server says about the name of an address. Pure.

use std::net::IpAddr;

use crate::network::dns::{Packet, Record, RecordType};

/// Aliases that are followed; RFC 2317 needs one.
const ALIASES_MAX: usize = 8;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The name of the address.
    Name(String),
    /// The address has no name.
    None,
    /// It cannot tell; with its code.
    Failed(&'static str),
}

impl Answer {
    /// Finds it in the answer to the question for this name.
    pub(super) fn new(packet: &Packet, asked: &str) -> Self {
        match packet.code {
            0 => find_name(&packet.records, asked).map_or(Self::None, Self::Name),
            3 => Self::None,
            1 => Self::Failed("it did not understand the question"),
            2 => Self::Failed("it could not ask the servers above it"),
            4 => Self::Failed("it does not know how to answer"),
            5 => Self::Failed("it refuses to answer this machine"),
            _ => Self::Failed("it failed for a reason of its own"),
        }
    }
}

/// Gives the name under which an address is looked up.
pub(super) fn reverse_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let mut name = String::with_capacity(72);
            for byte in v6.octets().iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            }
            name + "ip6.arpa"
        }
    }
}

/// Finds the first PTR record of a name, along its aliases.
fn find_name(records: &[Record], asked: &str) -> Option<String> {
    let mut owner = asked.to_owned();
    for _ in 0..=ALIASES_MAX {
        let of = |kind| {
            let is_it = move |record: &&Record| record.kind == kind;
            records
                .iter()
                .filter(is_it)
                .find(|record| record.owner.eq_ignore_ascii_case(&owner))
        };
        match (of(RecordType::Ptr), of(RecordType::Cname)) {
            (Some(found), _) => return is_host_name(&found.text).then(|| found.text.clone()),
            (None, Some(alias)) => owner = alias.text.clone(),
            (None, None) => return None,
        }
    }
    None
}

/// Tells whether a name can be one of a host. DNS itself allows any byte, and this one will be
/// printed and compared.
fn is_host_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests;
