//! The numbers of the DNS: types, classes, codes and flags (RFC 1035, 2782, 3596, 6891, 8914).

/// The header of a message, in bytes.
pub const HEADER_BYTES: usize = 12;

/// An IPv4 address.
pub const A: u16 = 1;
/// A name server.
pub const NS: u16 = 2;
/// Another name for a name.
pub const CNAME: u16 = 5;
/// The start of authority.
pub const SOA: u16 = 6;
/// The name of an address.
pub const PTR: u16 = 12;
/// A mail server.
pub const MX: u16 = 15;
/// Text.
pub const TXT: u16 = 16;
/// An IPv6 address.
pub const AAAA: u16 = 28;
/// Where a service is.
pub const SRV: u16 = 33;
/// What the sender can do beside RFC 1035.
pub const OPT: u16 = 41;
/// A change of a zone since a serial.
pub const IXFR: u16 = 251;
/// A whole zone.
pub const AXFR: u16 = 252;
/// Everything of a name.
pub const ANY: u16 = 255;

/// The class of the internet.
pub const IN: u16 = 1;

/// All is well.
pub const NOERROR: u16 = 0;
/// The query cannot be read.
pub const FORMERR: u16 = 1;
/// Something failed here, or above.
pub const SERVFAIL: u16 = 2;
/// There is no such name.
pub const NXDOMAIN: u16 = 3;
/// This kind of query is not known here.
pub const NOTIMP: u16 = 4;
/// It is known and not done.
pub const REFUSED: u16 = 5;
/// This version of EDNS is not known here.
pub const BADVERS: u16 = 16;

/// It is a response.
pub const QR: u16 = 0x8000;
/// Who answers is the authority.
pub const AA: u16 = 0x0400;
/// The answer did not fit.
pub const TC: u16 = 0x0200;
/// Recursion is desired.
pub const RD: u16 = 0x0100;
/// Recursion is available.
pub const RA: u16 = 0x0080;
/// No validation is wanted.
pub const CD: u16 = 0x0010;

/// DNSSEC records are wanted (in the flags of EDNS).
pub const DO: u16 = 0x8000;
/// The option that tells people why (RFC 8914).
pub const EXTENDED_ERROR: u16 = 15;

/// The types that people write by name.
const TYPES: &[(&str, u16)] = &[
    ("A", A),
    ("AAAA", AAAA),
    ("ANY", ANY),
    ("AXFR", AXFR),
    ("CNAME", CNAME),
    ("IXFR", IXFR),
    ("MX", MX),
    ("NS", NS),
    ("OPT", OPT),
    ("PTR", PTR),
    ("SOA", SOA),
    ("SRV", SRV),
    ("TXT", TXT),
];

/// Reads a type: its name, or `TYPE65`.
pub fn parse_type(word: &str) -> Option<u16> {
    let upper = word.to_ascii_uppercase();
    let known = TYPES.iter().find(|(name, _)| *name == upper);
    known
        .map(|(_, number)| *number)
        .or_else(|| upper.strip_prefix("TYPE")?.parse().ok())
}

/// Writes a type: its name, or `TYPE65`.
pub fn type_name(number: u16) -> String {
    let known = TYPES.iter().find(|(_, known)| *known == number);
    known.map_or_else(|| format!("TYPE{number}"), |(name, _)| (*name).to_owned())
}

/// Writes a response code.
pub fn code_name(code: u16) -> String {
    let known = match code {
        NOERROR => "NOERROR",
        FORMERR => "FORMERR",
        SERVFAIL => "SERVFAIL",
        NXDOMAIN => "NXDOMAIN",
        NOTIMP => "NOTIMP",
        REFUSED => "REFUSED",
        BADVERS => "BADVERS",
        other => return format!("RCODE{other}"),
    };
    known.to_owned()
}

/// Reads two bytes at a place.
pub(crate) fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// Reads four bytes at a place.
pub(crate) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for number in [A, AAAA, SRV, TXT, 65, 257] {
            assert_eq!(parse_type(&type_name(number)), Some(number));
        }
        assert_eq!(parse_type("srv"), Some(SRV));
        assert_eq!(parse_type("nonsense"), None);
    }
}
