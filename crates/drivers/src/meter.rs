//! How much this thread has read of files, of the kernel and of programs: what a look at the
//! machine costs besides time.

use std::cell::Cell;

thread_local! {
    static READ: Cell<u64> = const { Cell::new(0) };
}

/// Counts what was read.
pub(crate) fn count(bytes: usize) {
    READ.set(READ.get().wrapping_add(bytes as u64));
}

/// Gives the bytes that this thread has read since it began; only differences mean something.
pub fn bytes_read() -> u64 {
    READ.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recorded;
    use crate::{Deadline, child};

    const LONG: std::time::Duration = std::time::Duration::from_secs(60);

    #[test]
    fn what_is_read_of_files_and_programs_is_counted() {
        let (host, deadline) = (recorded("debian-12"), Deadline::after(LONG));
        let before = bytes_read();
        let file = host.read("/proc/loadavg", 999, deadline).unwrap();
        assert_eq!(bytes_read() - before, file.len() as u64);
        let command = child::Command {
            argv: &["echo", "1234567"],
            stdin: b"",
            environment: &[],
            output_bytes_max: 3,
            deadline,
        };
        let before = bytes_read();
        child::run(&crate::Host::real(), &command).unwrap();
        assert_eq!(bytes_read() - before, 8, "what is dropped was read too");
    }
}
