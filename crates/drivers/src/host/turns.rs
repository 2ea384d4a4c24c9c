//! How the kernel shares the processor among threads.

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix has this call of the kernel"
)]

use std::io;

use libc::{SYS_sched_getattr, SYS_sched_setattr, sched_attr, syscall};

/// The shortest turn that Linux gives, in nanoseconds.
const SHORT: u64 = 100_000;

/// Asks for short turns for this thread, which it has as soon as it wakes: others do not first end
/// theirs, of up to three milliseconds. Its share of the processor stays what it is. Linux before
/// 6.12 takes no notice.
pub fn take_short_turns() -> io::Result<()> {
    let size = size_of::<sched_attr>() as u32;
    let mut turns = sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel writes at most `size` bytes to a structure of that size, of this thread
    // (0) and no other, and keeps no pointer to it.
    let read = unsafe { syscall(SYS_sched_getattr, 0, &raw mut turns, size, 0) };
    if read != 0 {
        return Err(io::Error::last_os_error());
    }
    turns.sched_runtime = SHORT;
    // SAFETY: the kernel reads `turns.size` bytes, which is its size or less, and keeps no pointer.
    let set = unsafe { syscall(SYS_sched_setattr, 0, &raw const turns, 0) };
    (set == 0)
        .then_some(())
        .ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_ask_for_short_turns_and_keeps_its_rank() {
        let ask = || {
            rustix::process::setpriority_process(None, 5).unwrap();
            take_short_turns().unwrap();
            rustix::process::getpriority_process(None).unwrap()
        };
        assert_eq!(std::thread::spawn(ask).join().unwrap(), 5);
    }
}
