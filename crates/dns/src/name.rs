//! Domain names: in wire form and lower case, so that equal names are equal bytes.

use std::fmt;
use std::net::IpAddr;

use crate::label::{LABEL_BYTES_MAX, label};
use crate::punycode;

/// Longest name in wire form (RFC 1035).
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// A domain name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

/// A text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// A label is empty.
    EmptyLabel,
    /// A label is longer than 63 bytes.
    LongLabel,
    /// The name is longer than 255 bytes.
    LongName,
    /// A letter cannot be in a name, or is no escape.
    Letter,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "a part of it between dots is empty",
            Self::LongLabel => "a label is longer than 63 bytes",
            Self::LongName => "it is longer than 255 bytes",
            Self::Letter => "it has a control character or space",
        })
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// Reads a name as people write it, with or without the dot at the end. Labels with letters
    /// outside of ASCII are taken in their IDNA form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut wire = Vec::with_capacity(text.len() + 2);
        if !text.is_empty() {
            for label in text.split('.') {
                push(&mut wire, label)?;
            }
        }
        wire.push(0);
        match wire.len() <= NAME_BYTES_MAX {
            true => Ok(Self(wire.into_boxed_slice())),
            false => Err(NameError::LongName),
        }
    }

    /// Reads a name that holds names of people and machines: what is no label becomes the one that
    /// stands for it, as `zone::internet` in `zone::internet.group`.
    pub fn meant(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let is_plain = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        let labels = text
            .split('.')
            .map(|part| match part.chars().all(is_plain) {
                true => part.to_owned(),
                false => label(part),
            });
        Self::parse(&labels.collect::<Vec<String>>().join("."))
    }

    /// Makes the name under which an address is asked for.
    pub fn of_address(address: IpAddr) -> Self {
        let text = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(address) => {
                let digits = u128::from(address);
                let digits = (0..32).map(|place| format!("{:x}.", digits >> (4 * place) & 0xf));
                digits.collect::<String>() + "ip6.arpa"
            }
        };
        Self::parse(&text).expect("digits and dots are a name")
    }

    /// Makes a name of its wire form.
    pub(crate) fn from_wire(wire: &[u8]) -> Self {
        Self(wire.to_ascii_lowercase().into_boxed_slice())
    }

    /// Gives its wire form: each label with its length in front, and a zero.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// Gives its labels, the host first.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.0)
    }

    /// Gives the name below this one; nothing when it would be too long or the label is none.
    pub fn child(&self, label: &str) -> Option<Self> {
        let mut wire = Vec::with_capacity(self.0.len() + label.len() + 1);
        push(&mut wire, label).ok()?;
        wire.extend_from_slice(&self.0);
        (wire.len() <= NAME_BYTES_MAX).then(|| Self(wire.into_boxed_slice()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&self.0))
    }
}

/// Gives the labels of a name in wire form.
pub(crate) fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first()?;
        let label = after.get(..usize::from(*length))?;
        rest = &after[label.len()..];
        (!label.is_empty()).then_some(label)
    })
}

/// Writes a name in wire form for people, in one line whatever its bytes are.
pub(crate) fn text(wire: &[u8]) -> String {
    let mut text = String::with_capacity(wire.len());
    for label in labels(wire) {
        for byte in label {
            match byte {
                b'.' | b'\\' | b'"' | b';' => text.extend(['\\', char::from(*byte)]),
                0x21..=0x7e => text.push(char::from(*byte)),
                _ => text.push_str(&format!("\\{byte:03}")),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

fn push(wire: &mut Vec<u8>, label: &str) -> Result<(), NameError> {
    let lower = label.to_lowercase();
    if lower
        .chars()
        .any(|it| it.is_control() || it.is_whitespace())
    {
        return Err(NameError::Letter);
    }
    let encoded = match lower.is_ascii() {
        true => lower,
        false => punycode::encode(&lower)
            .map(|it| format!("xn--{it}"))
            .ok_or(NameError::LongLabel)?,
    };
    let length = u8::try_from(encoded.len()).map_err(|_| NameError::LongLabel)?;
    match encoded.len() {
        0 => Err(NameError::EmptyLabel),
        1..=LABEL_BYTES_MAX => {
            wire.push(length);
            wire.extend_from_slice(encoded.as_bytes());
            Ok(())
        }
        _ => Err(NameError::LongLabel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        let name = Name::parse("Web.Group.opsbro.").unwrap();
        assert_eq!(name.as_wire(), b"\x03web\x05group\x06opsbro\x00");
        assert_eq!(name.to_string(), "web.group.opsbro.");
        assert_eq!(
            Name::parse("zürich.name.opsbro").unwrap().to_string(),
            "xn--zrich-kva.name.opsbro."
        );
        assert_eq!(Name::parse(".").unwrap().to_string(), ".");
        assert_eq!(name.child("a").unwrap().to_string(), "a.web.group.opsbro.");
        assert_eq!(name.child(&"a".repeat(64)), None);
    }

    #[test]
    fn names_of_people_become_labels() {
        let zone = format!("{}.group.", label("zone::internet"));
        assert_eq!(
            Name::meant("zone::internet.group").unwrap().to_string(),
            zone
        );
        let shop = format!("{}.service.", label("my shop"));
        assert_eq!(Name::meant("my shop.service.").unwrap().to_string(), shop);
        for text in ["_web._tcp", "Zürich.name.opsbro", "xn--zrich-kva.name"] {
            assert_eq!(Name::meant(text), Name::parse(text), "{text}");
        }
        assert_eq!(Name::meant("a..b"), Err(NameError::EmptyLabel));
        let six = Name::of_address("2001:db8::7".parse().unwrap()).to_string();
        assert!(six.starts_with("7.0.0.0.") && six.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa."));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, error) in [
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            ("a b", NameError::Letter),
            (&*"a".repeat(64), NameError::LongLabel),
            (&*"a.".repeat(128), NameError::LongName),
        ] {
            assert_eq!(Name::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn strange_bytes_are_written_in_one_line() {
        assert_eq!(text(b"\x04a.\n\xff\x00"), "a\\.\\010\\255.");
        assert_eq!(text(b"\x3fcut"), ".");
    }
}
