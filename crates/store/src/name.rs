//! The names that may become file names.

use crate::Error;

/// Gives the name back when it may be part of a file name: 1 to 64 of a-z, 0-9, `-` and `_`.
pub(crate) fn check(name: &str) -> Result<&str, Error> {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        return Err(Error::Name {
            name: name.chars().take(80).collect(),
        });
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_short_names_pass() {
        for name in ["a", "check-results_2", &"x".repeat(64)] {
            assert_eq!(check(name).unwrap(), name);
        }
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "A",
            "a b",
            "é",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
