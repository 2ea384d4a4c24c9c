//! The few fields of a certificate (RFC 5280) that people ask for, read from its DER.
//!
//! Nothing is verified: this tells what a file says. Reading goes forward only, and what is cut or
//! does not fit is no certificate.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::limits::CERTIFICATE_NAMES_MAX;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The common name, or the organisation where there is none.
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) names: Vec<String>,
    pub(super) is_self_signed: bool,
    /// Seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];

impl Certificate {
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let mut body = Reader(Reader(Reader(der).expect(SEQUENCE)?).expect(SEQUENCE)?);
        let mut serial = body.next()?;
        if serial.0 == VERSION {
            serial = body.next()?;
        }
        let _algorithm = (serial, body.expect(SEQUENCE)?);
        let issuer = body.expect(SEQUENCE)?;
        let mut validity = Reader(body.expect(SEQUENCE)?);
        let not_before = time(validity.next()?)?;
        let not_after = time(validity.next()?)?;
        let subject = body.expect(SEQUENCE)?;
        let _public_key = body.expect(SEQUENCE)?;
        let mut names = Vec::new();
        while let Some((tag, content)) = body.next() {
            if tag == EXTENSIONS {
                names = alternative_names(content).unwrap_or_default();
            }
        }
        Some(Self {
            is_self_signed: issuer == subject,
            subject: name(subject),
            issuer: name(issuer),
            names,
            not_before,
            not_after,
        })
    }
}

/// Elements of DER one after the other: a tag, a length, a content.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            // The length is in as many bytes; four are more than any certificate needs.
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let (bytes, behind) = rest.split_at_checked(count)?;
            length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest = behind;
        }
        let (content, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.next()?;
        (tag == wanted).then_some(content)
    }
}

/// Finds the common name in a name, which is a list of sets of pairs.
fn name(content: &[u8]) -> String {
    let mut organisation = None;
    let mut sets = Reader(content);
    while let Some(set) = sets.expect(SET) {
        let mut pairs = Reader(set);
        while let Some(pair) = pairs.expect(SEQUENCE) {
            let mut pair = Reader(pair);
            let (Some(kind), Some((_, value))) = (pair.expect(OBJECT_ID), pair.next()) else {
                continue;
            };
            let value = || plain(value);
            match kind {
                COMMON_NAME => return value(),
                ORGANISATION => organisation = Some(value()),
                _ => {}
            }
        }
    }
    organisation.unwrap_or_default()
}

fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(256)
        .collect()
}

/// Reads the host names and addresses: an extension is an id, perhaps a mark that it is critical,
/// and octets that hold a list.
fn alternative_names(extensions: &[u8]) -> Option<Vec<String>> {
    let mut extensions = Reader(Reader(extensions).expect(SEQUENCE)?);
    let mut names = Vec::new();
    while let Some(extension) = extensions.expect(SEQUENCE) {
        let mut extension = Reader(extension);
        if extension.expect(OBJECT_ID)? != SUBJECT_ALT_NAME {
            continue;
        }
        let (mut tag, mut content) = extension.next()?;
        if tag == BOOLEAN {
            (tag, content) = extension.next()?;
        }
        if tag != OCTETS {
            return None;
        }
        let mut list = Reader(Reader(content).expect(SEQUENCE)?);
        while let Some((tag, content)) = list.next() {
            let name = match tag {
                DNS_NAME => Some(plain(content)),
                ADDRESS => address(content),
                _ => None,
            };
            names.extend(name);
            if names.len() == CERTIFICATE_NAMES_MAX {
                break;
            }
        }
    }
    Some(names)
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).to_string());
    }
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(bytes).to_string())
}

/// Reads `YYMMDDhhmmssZ`, whose years before 50 are of this century, or `YYYYMMDDhhmmssZ`.
fn time((tag, content): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 12) => {
            let year: i64 = text[..2].parse().ok()?;
            (
                if year < 50 {
                    2_000 + year
                } else {
                    1_900 + year
                },
                &text[2..],
            )
        }
        (GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = part(4)? * 3_600 + part(6)? * 60 + part(8)?;
    Some(days_from_civil(year, month, day) * 86_400 + seconds)
}

/// Days since 1970: the era method of H. Hinnant, "chrono-compatible low-level date algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: &[u8] = include_bytes!("../../../tests/certificates/leaf.der");

    #[test]
    fn times_are_read_in_both_forms() {
        for (tag, text, expect) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20000229120000Z", Some(951_825_600)),
            (GENERALIZED_TIME, "20001329120000Z", None),
            (UTC_TIME, "2000", None),
            (UTC_TIME, "70010100000é", None),
        ] {
            assert_eq!(time((tag, text.as_bytes())), expect, "{text}");
        }
    }

    #[test]
    fn a_certificate_cut_or_spoilt_anywhere_never_panics() {
        assert!(Certificate::parse(LEAF).is_some());
        for end in 0..LEAF.len() {
            assert_eq!(Certificate::parse(&LEAF[..end]), None, "{end}");
            let mut spoilt = LEAF.to_vec();
            spoilt[end] ^= 0xff;
            let _ = Certificate::parse(&spoilt);
        }
        assert_eq!(
            Certificate::parse(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
            None
        );
    }
}
