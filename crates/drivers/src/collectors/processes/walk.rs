//! One pass over `/proc`. Processes come and go meanwhile: what cannot be read is passed over.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::{Deadline, Error, meter};

/// What is known of a process.
pub(super) struct Process<'a> {
    pub(super) id: u32,
    /// As the kernel keeps it: 15 bytes at most.
    pub(super) name: &'a [u8],
    pub(super) state: &'static str,
    pub(super) is_kernel: bool,
    pub(super) threads: u64,
    /// Processor time so far, in ticks of the clock.
    pub(super) ticks: u64,
    /// When it began, in ticks since the boot.
    pub(super) start: u64,
    pub(super) rss_bytes: u64,
    /// Open files, where we may know.
    pub(super) fds: Option<u64>,
}

/// A line of numbers and a name of 15 bytes.
const STAT_BYTES_MAX: usize = 1 << 10;
/// The mark of a thread of the kernel (include/linux/sched.h).
const PF_KTHREAD: u64 = 0x0020_0000;

/// Tells each process; gives whether there were more than `processes_max`.
pub(super) fn walk(
    proc: impl AsFd + Copy,
    processes_max: usize,
    deadline: Deadline,
    tell: &mut dyn FnMut(&Process<'_>),
) -> Result<bool, Error> {
    let page = rustix::param::page_size() as u64;
    let mut entries = [MaybeUninit::uninit(); 16 << 10];
    let mut entries = RawDir::new(proc, &mut entries);
    let mut stat = [0; STAT_BYTES_MAX];
    let mut count = 0;
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|errno| Error::system("list", "/proc")(errno.into()))?;
        let Some(id) = process_id(entry.file_name().to_bytes()) else {
            continue;
        };
        if count == processes_max {
            return Ok(true);
        }
        if count % 64 == 0 {
            deadline.check("looking through", "/proc")?;
        }
        count += 1;
        let Ok(length) = read(proc, &format!("{id}/stat"), &mut stat) else {
            continue;
        };
        if let Some(mut process) = parse(id, &stat[..length], page) {
            if !process.is_kernel {
                process.fds = open_files(proc, id);
            }
            tell(&process);
        }
    }
    Ok(false)
}

fn process_id(name: &[u8]) -> Option<u32> {
    if !name.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}

fn read(proc: impl AsFd, path: &str, buffer: &mut [u8]) -> Result<usize, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(proc, path, flags, Mode::empty())?;
    rustix::io::read(file, buffer).inspect(|count| meter::count(*count))
}

/// Counts the open files: the size of the folder, since Linux 6.2.
fn open_files(proc: impl AsFd, id: u32) -> Option<u64> {
    let folder = rustix::fs::statat(proc, format!("{id}/fd"), AtFlags::empty()).ok()?;
    u64::try_from(folder.st_size)
        .ok()
        .filter(|count| *count > 0)
}

/// Reads `1 (systemd) S 0 1 …` of proc_pid_stat(5). The name may hold any byte, `)` too.
fn parse(id: u32, stat: &[u8], page: u64) -> Option<Process<'_>> {
    let start = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(start..end)?;
    let mut words = stat
        .get(end + 1..)?
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let state = state(*words.next()?.first()?);
    let mut number =
        |skip: usize| -> Option<u64> { std::str::from_utf8(words.nth(skip)?).ok()?.parse().ok() };
    // Parent, group, session, terminal and its group stand before: the terminal's may be -1.
    let flags = number(5)?;
    let ticks = number(4)?.saturating_add(number(0)?);
    let threads = number(4)?;
    let start = number(1)?;
    let rss_bytes = number(1)?.saturating_mul(page);
    Some(Process {
        id,
        name,
        state,
        is_kernel: flags & PF_KTHREAD != 0,
        threads,
        ticks,
        start,
        rss_bytes,
        fds: None,
    })
}

fn state(letter: u8) -> &'static str {
    match letter {
        b'R' => "running",
        b'D' => "blocked",
        b'Z' | b'X' | b'x' => "zombie",
        b'T' | b't' => "stopped",
        b'I' => "idle",
        _ => "sleeping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let stat = b"42 (a) Z (b c) D 7 1 1 0 -1 0 1 2 3 4 100 23 0 0 20 0 5 0 777 1000 12 9 9";
        let process = parse(42, stat, 4_096).unwrap();
        assert_eq!(process.name, b"a) Z (b c");
        assert_eq!(process.state, "blocked");
        assert_eq!((process.ticks, process.threads), (123, 5));
        assert_eq!((process.start, process.rss_bytes), (777, 12 * 4_096));
        assert!(!process.is_kernel);
    }

    #[test]
    fn a_line_cut_anywhere_is_no_process_and_no_panic() {
        let stat = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 2 0 0";
        assert!(parse(2, stat, 4_096).unwrap().is_kernel);
        for end in 0..stat.len() - 1 {
            assert!(parse(2, &stat[..end], 4_096).is_none(), "{end}");
        }
    }
}
