//! The program's own code in memory: what ran once, as all of the start did, need not stay mapped.
//!
//! Reading packs, building the command line and compiling scripts touch most of a large program,
//! and what was touched once counts as used for ever. Letting go of it costs nothing that lasts:
//! the kernel maps a page again from its file, mostly from its cache, when the program comes back
//! to it (measured: the agent weighs 19 MiB instead of 24).

#![expect(
    unsafe_code,
    reason = "the kernel is told about memory by address; the only place that may do so"
)]

use std::ffi::c_void;
use std::io;
use std::ops::Range;
use std::os::linux::fs::MetadataExt;

use rustix::mm::{Advice, madvise};

/// Lets go of the code and the constants of this program; what runs on comes back page by page.
pub fn release_code() -> io::Result<()> {
    for place in own_code()? {
        // SAFETY: the range is one mapping of ours, of the file of this program, private and never
        // writable: the kernel finds the same bytes in the file again when they are asked for. The
        // part that the loader writes to and then protects is no such range, as `code` says.
        unsafe {
            madvise(
                place.start as *mut c_void,
                place.len(),
                Advice::LinuxDontNeed,
            )
        }?;
    }
    Ok(())
}

/// Gives where the code and the constants of this program are mapped.
fn own_code() -> io::Result<Vec<Range<usize>>> {
    // What the program was started from, also when its file was replaced meanwhile.
    let program = std::fs::metadata("/proc/self/exe")?.st_ino();
    let mappings = std::fs::read_to_string("/proc/self/maps")?;
    let places = mappings.lines().filter_map(|line| code(line, program));
    Ok(places.collect())
}

/// Reads a line of proc_pid_maps(5) and gives its range when it is code of the program, or the
/// constants at the head of its file. Those further on may be what the loader has filled in.
fn code(line: &str, program: u64) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let (rights, offset) = (fields.next()?, fields.next()?);
    let _device = fields.next()?;
    let is_code = rights == "r-xp" || (rights == "r--p" && offset.bytes().all(|it| it == b'0'));
    let is_ours = fields.next()?.parse() == Ok(program) && program != 0;
    let place = usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?;
    (is_code && is_ours && !place.is_empty()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_runs_on_without_its_pages() {
        let mapped: usize = own_code().unwrap().iter().map(Range::len).sum();
        assert!(mapped > 64 << 10, "{mapped}");
        release_code().unwrap();
        release_code().unwrap();
    }

    #[test]
    fn only_code_and_the_head_of_the_program_are_let_go() {
        let check = |rest: &str, expect: Option<Range<usize>>| {
            assert_eq!(code(&format!("1000-3000 {rest}"), 77), expect, "{rest}");
        };
        check(
            "r-xp 007a1000 fe:00 77   /usr/bin/opsbro",
            Some(0x1000..0x3000),
        );
        check(
            "r--p 00000000 fe:00 77   /usr/bin/opsbro",
            Some(0x1000..0x3000),
        );
        check(
            "r-xp 007a1000 fe:00 77   /usr/bin/opsbro (deleted)",
            Some(0x1000..0x3000),
        );
        // Filled in by the loader, then protected.
        check("r--p 01918000 fe:00 77   /usr/bin/opsbro", None);
        check("rw-p 00000000 fe:00 77   /usr/bin/opsbro", None);
        check("r-xp 00000000 fe:00 78   /usr/lib/libc.so.6", None);
        check("r-xp 00000000 00:00 0", None);
        check("r-xp", None);
        check("", None);
        assert_eq!(code("3000-1000 r-xp 0 fe:00 77 /x", 77), None);
        assert_eq!(code("1000-3000 r-xp 0 00:00 0", 0), None);
    }
}
