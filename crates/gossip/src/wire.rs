//! How values become bytes and back: what all codecs of this room are made of.
//!
//! Numbers are varints (seven bits a byte, the lowest first), texts and bytes have their length in
//! front. A value has one form only. [`Reader`] reads what strangers sent: it never panics, and
//! never makes room for more than the bytes that are there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use model::{Group, NodeId, WallTime, Zone};

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They end too early.
    #[error("it ends too early")]
    Short,
    /// There is more behind the end.
    #[error("there is more behind its end")]
    Trailing,
    /// A number does not fit, or is written longer than it must be.
    #[error("a number in it is not well formed")]
    Number,
    /// Something is longer, or there is more of it, than allowed.
    #[error("something in it is longer than allowed")]
    TooLong,
    /// A text is not UTF-8, or holds control characters.
    #[error("a text in it is not well formed")]
    Text,
    /// A name, kind or state is none that can be.
    #[error("a value in it is none of those allowed")]
    Value,
    /// Something that must be there is missing.
    #[error("something in it is missing")]
    Missing,
}

/// Turns values into bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins with nothing. Most of what is written takes some dozen bytes.
    pub fn new() -> Self {
        Self::with_capacity(64)
    }

    /// Begins with nothing, and room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Gives what was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Shows what was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives how many bytes were written.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops what was written behind the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Writes a byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Writes yes or no.
    pub fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    /// Writes a number.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Writes a length or a count.
    pub fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// Writes bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Writes bytes with their number in front.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    /// Writes a text with its length in front.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes the id of a node.
    pub fn node(&mut self, id: NodeId) {
        self.raw(id.as_bytes());
    }

    /// Writes a wall time.
    pub fn wall(&mut self, at: WallTime) {
        self.number(at.as_millis());
    }

    /// Writes an address: 4 or 6, its bytes, the port. The scope of a link-local address means
    /// nothing on another machine and is left out.
    pub fn address(&mut self, address: SocketAddr) {
        match address.ip() {
            IpAddr::V4(ip) => {
                self.byte(4);
                self.raw(&ip.octets());
            }
            IpAddr::V6(ip) => {
                self.byte(6);
                self.raw(&ip.octets());
            }
        }
        self.raw(&address.port().to_be_bytes());
    }
}

/// Reads values out of bytes that anybody may have sent.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Begins at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Tells whether all was read.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows what was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Demands that all was read.
    pub const fn finish(&self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Trailing)
        }
    }

    /// Reads a byte.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Reads yes or no.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Value),
        }
    }

    /// Reads a number.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let fits = bits << shift >> shift == bits;
            let shortest = byte != 0 || shift == 0;
            if !fits || !shortest {
                return Err(Malformed::Number);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed::Number)
    }

    /// Reads how many things follow, of which each takes at least one byte: more than `max`, or
    /// than bytes are left, is refused. So a list may be allocated for that many.
    pub fn count(&mut self, max: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed::TooLong)?;
        if count > max {
            return Err(Malformed::TooLong);
        }
        if count > self.0.len() {
            return Err(Malformed::Short);
        }
        Ok(count)
    }

    /// Reads this many bytes.
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Reads a known number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// Reads bytes with their number in front, at most `max`.
    pub fn bytes(&mut self, max: usize) -> Result<&'a [u8], Malformed> {
        let count = self.count(max)?;
        self.raw(count)
    }

    /// Reads a text of at most `max` bytes that may have several lines, and no other control
    /// characters.
    pub fn text(&mut self, max: usize) -> Result<&'a str, Malformed> {
        let text = std::str::from_utf8(self.bytes(max)?).map_err(|_| Malformed::Text)?;
        let clean = |c: char| !c.is_control() || c == '\n' || c == '\t';
        text.chars()
            .all(clean)
            .then_some(text)
            .ok_or(Malformed::Text)
    }

    /// Reads a text of one line, without control characters.
    pub fn line(&mut self, max: usize) -> Result<&'a str, Malformed> {
        let line = self.text(max)?;
        let one = !line.contains(['\n', '\t']);
        one.then_some(line).ok_or(Malformed::Text)
    }

    /// Reads the id of a node.
    pub fn node(&mut self) -> Result<NodeId, Malformed> {
        Ok(NodeId::from_bytes(self.array()?))
    }

    /// Reads a wall time.
    pub fn wall(&mut self) -> Result<WallTime, Malformed> {
        Ok(WallTime::from_millis(self.number()?))
    }

    /// Reads an address.
    pub fn address(&mut self) -> Result<SocketAddr, Malformed> {
        let ip = match self.byte()? {
            4 => IpAddr::V4(Ipv4Addr::from(self.array::<4>()?)),
            6 => IpAddr::V6(Ipv6Addr::from(self.array::<16>()?)),
            _ => return Err(Malformed::Value),
        };
        Ok(SocketAddr::new(ip, u16::from_be_bytes(self.array()?)))
    }

    /// Reads the name of a zone.
    pub fn zone(&mut self) -> Result<Zone, Malformed> {
        let name = self.text(model::limits::ZONE_NAME_BYTES_MAX)?;
        Zone::parse(name).map_err(|_| Malformed::Value)
    }

    /// Reads the name of a group.
    pub fn group(&mut self) -> Result<Group, Malformed> {
        let name = self.text(model::limits::GROUP_NAME_BYTES_MAX)?;
        Group::parse(name).map_err(|_| Malformed::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_has_one_form_and_others_are_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xff; 11], &[0x80; 10]] {
            assert_eq!(Reader::new(bytes).number(), Err(Malformed::Number));
        }
        let mut over = [0xff; 10];
        over[9] = 0x02;
        assert_eq!(Reader::new(&over).number(), Err(Malformed::Number));
        assert_eq!(Reader::new(&[0x80]).number(), Err(Malformed::Short));
    }

    #[test]
    fn makes_no_room_for_what_is_not_there() {
        let mut long = Writer::new();
        long.number(1 << 40);
        assert_eq!(
            Reader::new(long.as_bytes()).bytes(100),
            Err(Malformed::TooLong)
        );
        let mut short = Writer::new();
        short.number(90);
        assert_eq!(
            Reader::new(short.as_bytes()).count(100),
            Err(Malformed::Short)
        );
    }

    #[test]
    fn refuses_texts_that_would_play_with_a_terminal() {
        for (text, as_text, as_line) in [
            ("plain é", true, true),
            ("two\nlines", true, false),
            ("\u{1b}[2J", false, false),
            ("\u{85}", false, false),
            ("nul\0", false, false),
        ] {
            let mut writer = Writer::new();
            writer.text(text);
            let reader = Reader::new(writer.as_bytes());
            assert_eq!(reader.clone().text(100).is_ok(), as_text, "{text:?}");
            assert_eq!(reader.clone().line(100).is_ok(), as_line, "{text:?}");
        }
        assert_eq!(Reader::new(&[1, 0xff]).text(9), Err(Malformed::Text));
    }

    proptest! {
        #[test]
        fn all_values_are_read_back(
            number: u64,
            flag: bool,
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            text in "[^\\p{Cc}]{0,40}",
            v4: [u8; 4],
            v6: [u8; 16],
            port: u16,
        ) {
            let mut writer = Writer::new();
            writer.number(number);
            writer.flag(flag);
            writer.bytes(&bytes);
            writer.text(&text);
            writer.address(SocketAddr::from((v4, port)));
            writer.address(SocketAddr::from((v6, port)));
            writer.node(NodeId::from_bytes(v6));
            let written = writer.into_bytes();
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.flag(), Ok(flag));
            prop_assert_eq!(reader.bytes(300), Ok(&bytes[..]));
            prop_assert_eq!(reader.line(400), Ok(&text[..]));
            prop_assert_eq!(reader.address(), Ok(SocketAddr::from((v4, port))));
            prop_assert_eq!(reader.address(), Ok(SocketAddr::from((v6, port))));
            prop_assert_eq!(reader.node(), Ok(NodeId::from_bytes(v6)));
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
