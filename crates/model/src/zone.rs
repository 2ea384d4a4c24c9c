//! Zones: the parts of a cluster that see each other.

use std::fmt;
use std::sync::Arc;

use crate::limits;

/// The name of a zone, as `internet` or `customer-1`. Files are named after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(Arc<str>);

/// Tells that a text is no name of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError;

impl Zone {
    /// Reads the name of a zone: letters, digits and `. _ -`, beginning with a letter or digit.
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let fits = name.len() <= limits::ZONE_NAME_BYTES_MAX;
        (begins_well && fits && name.chars().all(allowed))
            .then(|| Self(Arc::from(name)))
            .ok_or(ZoneError)
    }

    /// Gives the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a zone's name has letters, digits and . _ -, begins with a letter or digit, and is \
             at most {} bytes long",
            limits::ZONE_NAME_BYTES_MAX
        )
    }
}

impl std::error::Error for ZoneError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_that_are_safe_as_file_names_and_no_others() {
        for name in ["internet", "customer-1", "gabes.home", "7"] {
            assert_eq!(Zone::parse(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "../etc", "-x", "a/b", "a b", "é", &"x".repeat(65)] {
            assert_eq!(Zone::parse(name), Err(ZoneError), "{name}");
        }
    }
}
