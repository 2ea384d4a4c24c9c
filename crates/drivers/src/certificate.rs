//! What a certificate says: whose it is, who vouches for it, and until when (X.509, RFC 5280).
//!
//! Only told, never believed: whether a certificate is good is decided by rustls. It may come from
//! anybody, so it is read as a bounded tree and refused at the first byte that makes no sense.

use std::net::IpAddr;

use model::limits::CERTIFICATE_NAMES_MAX;
use model::{WallTime, to_hex};
use sha2::{Digest, Sha256};

use crate::Error;
use der::Reader;

mod der;
#[cfg(test)]
mod tests;

/// The facts of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as `CN=www.example.com, O=Example`.
    pub subject: String,
    /// Who made it, in the same form.
    pub issuer: String,
    /// Whose it is in short: the common name, or the organisation where there is none.
    pub subject_name: String,
    /// Who made it in short.
    pub issuer_name: String,
    /// The names and addresses that it is good for.
    pub names: Vec<String>,
    /// Its number, in hex.
    pub serial: String,
    /// From when it is good.
    pub not_before: WallTime,
    /// Until when it is good.
    pub not_after: WallTime,
    /// Whether it may vouch for others.
    pub is_authority: bool,
    /// SHA-256 of all of it, in hex.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads a certificate in its binary form (DER).
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        read(der).ok_or_else(|| Error::bad_answer("this", "is no certificate"))
    }

    /// Gives the days that it is still good for, parts of days included; negative when it is over.
    pub fn days_left(&self, now: WallTime) -> f64 {
        let millis = |time: WallTime| time.as_millis() as f64;
        (millis(self.not_after) - millis(now)) / 86_400_000.0
    }

    /// Tells whether its own key signed it, going by its names.
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

fn read(der: &[u8]) -> Option<Certificate> {
    let mut whole = Reader::new(der).sequence()?;
    let mut body = whole.sequence()?;
    // The version; the first one is not written.
    body.optional(der::CONTEXT_0)?;
    let serial = body.take(der::INTEGER)?;
    body.sequence()?;
    let issuer = name(body.sequence()?)?;
    let mut validity = body.sequence()?;
    let not_before = time(validity.next()?)?;
    let not_after = time(validity.next()?)?;
    let subject = name(body.sequence()?)?;
    body.sequence()?;
    let mut certificate = Certificate {
        subject: subject.whole,
        issuer: issuer.whole,
        subject_name: subject.short,
        issuer_name: issuer.short,
        names: Vec::new(),
        serial: to_hex(serial),
        not_before,
        not_after,
        is_authority: false,
        fingerprint: to_hex(&Sha256::digest(der)),
    };
    body.optional(der::CONTEXT_1)?;
    body.optional(der::CONTEXT_2)?;
    if let Some(extensions) = body.optional(der::CONTEXT_3)? {
        read_extensions(Reader::new(extensions).sequence()?, &mut certificate)?;
    }
    Some(certificate)
}

/// The object identifiers that matter, as they are written.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

fn read_extensions(mut list: Reader<'_>, certificate: &mut Certificate) -> Option<()> {
    while !list.is_at_end() {
        let mut extension = list.sequence()?;
        let kind = extension.take(der::OBJECT)?;
        extension.optional(der::BOOLEAN)?;
        let mut value = Reader::new(extension.take(der::OCTETS)?);
        match kind {
            ALTERNATIVE_NAMES => read_names(value.sequence()?, &mut certificate.names)?,
            BASIC_CONSTRAINTS => {
                let truth = value.sequence()?.optional(der::BOOLEAN)?;
                certificate.is_authority = truth.is_some_and(|truth| truth != [0]);
            }
            _ => {}
        }
    }
    Some(())
}

/// Reads DNS names and addresses; the other kinds of names are nobody's here.
fn read_names(mut list: Reader<'_>, names: &mut Vec<String>) -> Option<()> {
    while !list.is_at_end() && names.len() < CERTIFICATE_NAMES_MAX {
        let (tag, value) = list.next()?;
        match tag {
            der::DNS_NAME => names.push(printable(value)),
            der::IP_ADDRESS => names.extend(address(value).map(|address| address.to_string())),
            _ => {}
        }
    }
    Some(())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// Parts of a name that have a short name; the others are passed over.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
];

/// The name of somebody who has a certificate, as it is written.
struct Name {
    /// All of it, its nearest part first.
    whole: String,
    /// What people call it by.
    short: String,
}

fn name(mut list: Reader<'_>) -> Option<Name> {
    let mut parts: Vec<(&str, String)> = Vec::new();
    while !list.is_at_end() {
        let mut set = Reader::new(list.take(der::SET)?);
        while !set.is_at_end() {
            let mut pair = set.sequence()?;
            let kind = pair.take(der::OBJECT)?;
            let (_, value) = pair.next()?;
            if let Some((_, short)) = ATTRIBUTES.iter().find(|(object, _)| *object == kind) {
                parts.push((short, printable(value)));
            }
        }
    }
    parts.reverse();
    let find = |wanted| parts.iter().find(|(short, _)| *short == wanted);
    let short = find("CN").or_else(|| find("O"));
    let written = parts
        .iter()
        .map(|(short, value)| format!("{short}={value}"));
    Some(Name {
        whole: written.collect::<Vec<_>>().join(", "),
        short: short.map(|(_, value)| value.clone()).unwrap_or_default(),
    })
}

/// Letters of one part of a name: RFC 5280 allows 64 in most, DNS 253.
const PART_CHARS_MAX: usize = 256;

/// Shows a text that anybody may have written.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .take(PART_CHARS_MAX)
        .map(|sign| if sign.is_control() { '?' } else { sign })
        .collect()
}

/// Reads `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; what lies before 1970 counts as 1970.
fn time((tag, text): (u8, &[u8])) -> Option<WallTime> {
    let digits = text.strip_suffix(b"Z")?;
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = std::str::from_utf8(digits.get(range)?).ok()?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_plain)
    };
    let (year, at) = match (tag, digits.len()) {
        // RFC 5280: two digits mean 1950 to 2049.
        (der::UTC_TIME, 12) => match number(0..2)? {
            year @ 50.. => (1_900 + year, 2),
            year => (2_000 + year, 2),
        },
        (der::GENERALIZED_TIME, 14) => (number(0..4)?, 4),
        _ => return None,
    };
    let part = |index: usize| number(at + 2 * index..at + 2 * index + 2);
    let (month, day) = (part(0)?, part(1)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds =
        days_from_civil(year, month, day) * 86_400 + part(2)? * 3_600 + part(3)? * 60 + part(4)?;
    Some(WallTime::from_millis(
        u64::try_from(seconds).unwrap_or(0) * 1_000,
    ))
}

/// Counts the days from 1970-01-01 to a date (the method of H. Hinnant, for years from 0 on).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
