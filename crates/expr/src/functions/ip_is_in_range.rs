//! `ip_is_in_range`.

use std::net::IpAddr;

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "ip_is_in_range",
    group: "network",
    doc: "Tells whether an address (IPv4 or IPv6) lies in a range written as address/bits.",
    arguments: &[
        required("ip", Accepts::Text),
        required("range", Accepts::Text),
    ],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[
        ("ip_is_in_range('10.1.2.3', '10.0.0.0/8')", "True"),
        ("ip_is_in_range('::1', '10.0.0.0/8')", "False"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (ip, range) = (call.text(0)?, call.text(1)?);
    let address = parse(ip)?;
    let (base, bits) = match range.split_once('/') {
        Some((base, bits)) => (parse(base)?, bits.parse::<u32>().ok()),
        None => (parse(range)?, Some(128)),
    };
    let Some(bits) = bits else {
        return fault(format!("{range:?} is no range: it is written 10.0.0.0/8"));
    };
    let is_in = match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => shares_bits(
            u128::from(address.to_bits()),
            u128::from(base.to_bits()),
            32,
            bits,
        ),
        (IpAddr::V6(address), IpAddr::V6(base)) => {
            shares_bits(address.to_bits(), base.to_bits(), 128, bits)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    };
    Ok(Datum::Bool(is_in))
}

fn parse(text: &str) -> Step<IpAddr> {
    text.trim()
        .parse()
        .map_err(|_| Stop::fault(format!("{text:?} is no IP address")))
}

fn shares_bits(address: u128, base: u128, length: u32, bits: u32) -> bool {
    let beyond = length.saturating_sub(bits);
    address.checked_shr(beyond).unwrap_or(0) == base.checked_shr(beyond).unwrap_or(0)
}
