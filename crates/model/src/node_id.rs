//! The identity of a node: a UUID that is made once and kept.

use std::fmt;

/// The identity of a node. Made from the system's randomness, never from hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 16]);

/// Tells that a text is no node id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeIdError;

impl NodeId {
    /// Makes a version 4 UUID out of 16 random bytes.
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// Takes the 16 bytes that another node gave.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Gives the 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the usual form with four dashes, or 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, NodeIdError> {
        let text = text.trim();
        let dashed = text.len() == 36
            && [8, 13, 18, 23]
                .iter()
                .all(|at| text.as_bytes()[*at] == b'-');
        if !dashed && text.len() != 32 {
            return Err(NodeIdError);
        }
        let mut digits = text.bytes().filter(|byte| !(dashed && *byte == b'-'));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = hex_digit(digits.next())? << 4 | hex_digit(digits.next())?;
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(NodeIdError),
        }
    }
}

fn hex_digit(byte: Option<u8>) -> Result<u8, NodeIdError> {
    match byte {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        Some(_) | None => Err(NodeIdError),
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NodeIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a node id: 32 hexadecimal digits, with or without the four dashes")
    }
}

impl std::error::Error for NodeIdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_and_read_back() {
        let id = NodeId::from_random([0xab; 16]);
        assert_eq!(id.to_string(), "abababab-abab-4bab-abab-abababababab");
        assert_eq!(NodeId::parse(&id.to_string()), Ok(id));
        assert_eq!(NodeId::parse(&id.to_string().replace('-', "")), Ok(id));
    }

    #[test]
    fn refuses_junk_without_panic() {
        for text in [
            "",
            "é",
            "abababab-abab-4bab-abab-ababababab-b",
            &"é".repeat(16),
            &"é".repeat(18),
        ] {
            assert_eq!(NodeId::parse(text), Err(NodeIdError), "{text}");
        }
    }
}
