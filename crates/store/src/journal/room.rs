//! The room of the newest segment: zeros behind its records, for records to come.
//!
//! Syncing a file that became longer makes the file system sync its own journal, too; when neither
//! size nor blocks of a file change, the sync is of its data alone. So a batch that goes beyond
//! the end of the file is written with zeros behind it, up to the next step, in the same write,
//! and the batches after it are written over zeros. Space that is only reserved (`fallocate`)
//! would not do: it is marked as unwritten, and each write into it changes that mark.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

/// Where a batch goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The offset of its first byte.
    pub(super) offset: u64,
    /// Bytes of the file as it is.
    pub(super) file_bytes: u64,
    /// The step by which the file grows; 0 for as much as the records need.
    pub(super) grow_bytes: u64,
    /// Size that is not exceeded for the sake of room.
    pub(super) segment_bytes_max: u64,
}

impl Place {
    /// Gives the size of the file with a batch that ends at `end`.
    fn grown(self, end: u64) -> u64 {
        if end <= self.file_bytes || self.grow_bytes == 0 {
            return end.max(self.file_bytes);
        }
        let step = end.next_multiple_of(self.grow_bytes);
        step.min(self.segment_bytes_max).max(end)
    }
}

/// Writes a batch, makes it durable, and gives the size of the file after that. A disk that is too
/// full for the room still gets the batch.
pub(super) fn write(file: &File, batch: &mut Vec<u8>, place: Place) -> io::Result<u64> {
    let bytes = batch.len();
    let end = place.offset + bytes as u64;
    let mut file_bytes = place.grown(end);
    // Only a batch that reaches beyond the end of the file takes room with it.
    let room = if end > place.file_bytes {
        (file_bytes - end) as usize
    } else {
        0
    };
    batch.resize(bytes + room, 0);
    let mut written = file.write_all_at(batch, place.offset);
    batch.truncate(bytes);
    if room > 0 && written.as_ref().is_err_and(is_full) {
        file_bytes = end;
        written = file
            .set_len(place.file_bytes)
            .and_then(|()| file.write_all_at(batch, place.offset));
    }
    written?;
    file.sync_data()?;
    Ok(file_bytes)
}

/// Tells whether bytes are room: nothing was written there, or nothing of it came to the disk.
pub(super) fn is_room(bytes: &[u8]) -> bool {
    records_end(bytes) == 0
}

/// Gives the offset behind the last byte that is not zero. It costs little over megabytes.
pub(super) fn records_end(bytes: &[u8]) -> usize {
    const STEP: usize = 256;
    let mut end = bytes.len();
    while let Some(last) = bytes[..end].last_chunk::<STEP>()
        && *last == [0; STEP]
    {
        end -= STEP;
    }
    let last = bytes[..end].iter().rposition(|byte| *byte != 0);
    last.map_or(0, |last| last + 1)
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOSPC | Errno::DQUOT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_grows_by_whole_steps_up_to_the_size_of_a_segment() {
        let place = |file_bytes, grow_bytes| Place {
            offset: 0,
            file_bytes,
            grow_bytes,
            segment_bytes_max: 1_000,
        };
        for (file_bytes, grow_bytes, end, expect) in [
            (32, 0, 100, 100),
            (500, 0, 100, 500),
            (32, 256, 100, 256),
            (256, 256, 256, 256),
            (256, 256, 257, 512),
            (768, 256, 769, 1_000),
            (1_000, 256, 1_500, 1_500),
        ] {
            assert_eq!(place(file_bytes, grow_bytes).grown(end), expect, "{end}");
        }
    }

    #[test]
    fn the_end_of_records_is_found_at_every_place() {
        assert_eq!(records_end(&[]), 0);
        for length in [1, 255, 256, 257, 700] {
            assert!(is_room(&vec![0; length]));
            for at in 0..length {
                let mut bytes = vec![0; length];
                bytes[at] = 1;
                assert_eq!(records_end(&bytes), at + 1);
            }
        }
    }
}
