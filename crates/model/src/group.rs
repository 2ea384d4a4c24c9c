//! Groups: the single switch that decides what applies to a node.

use std::fmt;
use std::sync::Arc;

use crate::limits;

/// The name of a group, as `linux` or `zone::internet`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(Arc<str>);

/// Tells why a text is no group name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupError {
    /// The name is empty, or ends in `::` with nothing behind.
    Empty,
    /// The name is longer than [`limits::GROUP_NAME_BYTES_MAX`].
    TooLong,
    /// The name holds a character that no group may have.
    Character(char),
}

impl Group {
    /// Reads a group name: letters, digits and `. _ - : + @ /`, with nothing empty.
    pub fn parse(name: &str) -> Result<Self, GroupError> {
        if name.is_empty() || name.ends_with("::") {
            return Err(GroupError::Empty);
        }
        if name.len() > limits::GROUP_NAME_BYTES_MAX {
            return Err(GroupError::TooLong);
        }
        let allowed = |c: &char| c.is_alphanumeric() || "._-:+@/".contains(*c);
        match name.chars().find(|c| !allowed(c)) {
            Some(character) => Err(GroupError::Character(character)),
            None => Ok(Self(Arc::from(name))),
        }
    }

    /// Gives the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a group name (or what follows its `::`) is empty"),
            Self::TooLong => {
                write!(
                    f,
                    "a group name is longer than {} bytes",
                    limits::GROUP_NAME_BYTES_MAX
                )
            }
            Self::Character(character) => {
                write!(
                    f,
                    "a group name may hold letters, digits and . _ - : + @ /, not {character:?}"
                )
            }
        }
    }
}

impl std::error::Error for GroupError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_names_that_users_have() {
        for name in [
            "linux",
            "zone::internet",
            "docker-container",
            "asp.net-server",
            "country::FR",
        ] {
            assert_eq!(Group::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_an_empty_suffix_and_white_space() {
        assert_eq!(Group::parse("country::"), Err(GroupError::Empty));
        assert_eq!(Group::parse(""), Err(GroupError::Empty));
        assert_eq!(Group::parse("a b"), Err(GroupError::Character(' ')));
        assert_eq!(Group::parse(&"x".repeat(300)), Err(GroupError::TooLong));
    }
}
