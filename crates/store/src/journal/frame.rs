//! How one record lies in a segment, and how records are found among damage.
//!
//! ```text
//! 0   u32  head crc: over the salt of the segment and bytes 4..24
//! 4   u32  crc of the payload
//! 8   u32  bytes of payload
//! 12  u32  index: position minus the first position of the segment
//! 16  u64  wall time in ms << 16 | records before this one in its batch
//! 24  payload
//! ```
//! All numbers are little endian. The salt is random for each segment, so bytes of another one in
//! a recycled block never pass as a record. The head has a checksum of its own so that a damaged
//! payload can be stepped over, and so that the search after a damaged head costs little.

use model::WallTime;

use super::room;

/// Bytes that a record takes besides its payload.
pub(super) const HEAD_BYTES: usize = 24;
/// Most records in one batch: what fits into the 16 bits of its count.
pub(super) const BATCH_RECORDS_MAX: usize = 1 << 16;

/// One record as it lies in the bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) offset: usize,
    pub(super) index: u32,
    /// Records before this one in its batch. All before those were durable before it was written.
    pub(super) back: u16,
    pub(super) time: WallTime,
    pub(super) payload: &'a [u8],
}

/// What a scan meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Record(Frame<'a>),
    /// Bytes that hold no record that can be trusted.
    Bad {
        offset: usize,
        end: usize,
    },
}

/// Appends one record to a buffer.
pub(super) fn encode(
    out: &mut Vec<u8>,
    salt: u32,
    index: u32,
    back: u16,
    time: WallTime,
    payload: &[u8],
) {
    let millis = stored_time(time).as_millis();
    let length = u32::try_from(payload.len()).expect("the limit of a record is below 4 GiB");
    let mut rest = [0; HEAD_BYTES - 4];
    rest[0..4].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    rest[4..8].copy_from_slice(&length.to_le_bytes());
    rest[8..12].copy_from_slice(&index.to_le_bytes());
    rest[12..20].copy_from_slice(&(millis << 16 | u64::from(back)).to_le_bytes());
    out.extend_from_slice(&head_crc(salt, &rest).to_le_bytes());
    out.extend_from_slice(&rest);
    out.extend_from_slice(payload);
}

/// Gives the time as it comes back: beyond the year 10 000 it stays at the end of its 48 bits.
pub(super) fn stored_time(time: WallTime) -> WallTime {
    time.min(WallTime::from_millis((1 << 48) - 1))
}

/// Walks over the records in a part of a segment that begins where a record should begin.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    salt: u32,
    offset: usize,
    /// No record begins here or behind: all that follows is zeros.
    room: usize,
    /// The lowest index that the next record can have.
    index_min: u32,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8], salt: u32, index_min: u32) -> Self {
        Self {
            bytes,
            salt,
            offset: 0,
            room: room::records_end(bytes),
            index_min,
        }
    }

    fn head_at(&self, offset: usize) -> Option<Head> {
        if offset >= self.room {
            return None;
        }
        let head: &[u8; HEAD_BYTES] = self.bytes.get(offset..)?.first_chunk()?;
        let head = Head::decode(head);
        let rest = self.bytes.len() - offset;
        // These are cheap and refuse nearly all of what is no head, so the search is fast.
        let is_near = head.index >= self.index_min
            && (head.index - self.index_min) as usize <= offset / HEAD_BYTES + 1;
        let is_likely = is_near && HEAD_BYTES + head.payload_bytes as usize <= rest;
        let bytes = self.bytes[offset + 4..offset + HEAD_BYTES]
            .try_into()
            .ok()?;
        (is_likely && head_crc(self.salt, bytes) == head.crc).then_some(head)
    }

    fn bad_until(&mut self, end: usize) -> Item<'a> {
        let offset = std::mem::replace(&mut self.offset, end);
        Item::Bad { offset, end }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let offset = self.offset;
        if offset >= self.bytes.len() {
            return None;
        }
        let Some(head) = self.head_at(offset) else {
            let next = (offset + 1..self.room).find(|at| self.head_at(*at).is_some());
            return Some(self.bad_until(next.unwrap_or(self.bytes.len())));
        };
        let start = offset + HEAD_BYTES;
        let end = start + head.payload_bytes as usize;
        let payload = &self.bytes[start..end];
        self.index_min = head.index.saturating_add(1);
        if crc32fast::hash(payload) != head.payload_crc {
            return Some(self.bad_until(end));
        }
        self.offset = end;
        Some(Item::Record(Frame {
            offset,
            index: head.index,
            back: head.back,
            time: head.time,
            payload,
        }))
    }
}

struct Head {
    crc: u32,
    payload_crc: u32,
    payload_bytes: u32,
    index: u32,
    time: WallTime,
    back: u16,
}

impl Head {
    fn decode(bytes: &[u8; HEAD_BYTES]) -> Self {
        let u32_at = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let when = u64::from(u32_at(20)) << 32 | u64::from(u32_at(16));
        Self {
            crc: u32_at(0),
            payload_crc: u32_at(4),
            payload_bytes: u32_at(8),
            index: u32_at(12),
            time: WallTime::from_millis(when >> 16),
            back: (when & 0xffff) as u16,
        }
    }
}

fn head_crc(salt: u32, rest: &[u8; HEAD_BYTES - 4]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u32 = 0x5a17;

    fn three() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, payload) in [&b"one"[..], b"", b"three"].into_iter().enumerate() {
            let time = WallTime::from_millis(1_000 + index as u64);
            encode(&mut bytes, SALT, index as u32, index as u16, time, payload);
        }
        bytes
    }

    /// Tells records as "index:payload" and damage as "bad offset..end".
    fn scan(bytes: &[u8], salt: u32) -> String {
        let told = Scan::new(bytes, salt, 0).map(|item| match item {
            Item::Record(frame) => {
                format!("{}:{}", frame.index, String::from_utf8_lossy(frame.payload))
            }
            Item::Bad { offset, end } => format!("bad {offset}..{end}"),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn records_come_back_with_all_that_they_had() {
        let bytes = three();
        assert_eq!(bytes.len(), 3 * HEAD_BYTES + 8);
        assert_eq!(scan(&bytes, SALT), "0:one 1: 2:three");
        let Some(Item::Record(last)) = Scan::new(&bytes, SALT, 0).last() else {
            panic!("no record");
        };
        assert_eq!((last.back, last.time), (2, WallTime::from_millis(1_002)));
    }

    #[test]
    fn the_bytes_of_the_format_stay() {
        let mut bytes = Vec::new();
        encode(
            &mut bytes,
            1,
            2,
            3,
            WallTime::from_millis(0x0a0b_0c0d_0e0f),
            b"x",
        );
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "8797e11b8316dc8c010000000200000003000f0e0d0c0b0a78");
    }

    #[test]
    fn a_damaged_head_is_searched_over_and_a_damaged_payload_stepped_over() {
        let mut bytes = three();
        bytes[8] ^= 1;
        assert_eq!(scan(&bytes, SALT), "bad 0..27 1: 2:three");
        let mut bytes = three();
        bytes[25] ^= 1;
        assert_eq!(scan(&bytes, SALT), "bad 0..27 1: 2:three");
        let mut bytes = three();
        bytes[27..51].fill(0);
        assert_eq!(scan(&bytes, SALT), "0:one bad 27..51 2:three");
        bytes.truncate(79);
        assert_eq!(scan(&bytes, SALT), "0:one bad 27..79");
    }

    #[test]
    fn bytes_of_another_segment_are_no_records() {
        assert_eq!(scan(&three(), SALT + 1), "bad 0..80");
        assert_eq!(scan(&[0; 80], SALT), "bad 0..80");
        assert_eq!(scan(&[0; 80], 0), "bad 0..80");
        assert_eq!(scan(&[0xff; 10], SALT), "bad 0..10");
    }

    #[test]
    fn a_time_beyond_the_format_is_held_at_its_end() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 1, 0, 0, WallTime::from_millis(u64::MAX), b"");
        let Some(Item::Record(frame)) = Scan::new(&bytes, 1, 0).next() else {
            panic!("no record");
        };
        assert_eq!(frame.time, WallTime::from_millis((1 << 48) - 1));
    }
}
