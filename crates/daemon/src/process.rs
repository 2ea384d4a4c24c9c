//! What the system says about our own process, and of its boot. A figure that
//! cannot be read is zero.

use std::time::Duration;

use api::threads::Thread;

/// Gives the CPU time of the whole process.
pub(crate) fn cpu_time() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(clock.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(clock.tv_nsec).unwrap_or_default())
}

/// Gives the name of this boot of the machine: another one after each; empty when it is not known.
pub(crate) fn boot() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

/// Gives the memory of the process, shared pages counted by share (PSS), in bytes.
pub(crate) fn memory_bytes() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    field_kib(&rollup, "Pss:") * 1_024
}

/// Gives the memory of the process with all shared pages (RSS), in bytes: cheaper to read.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    let pages: u64 = pages.and_then(|it| it.parse().ok()).unwrap_or_default();
    pages * rustix::param::page_size() as u64
}

/// Gives the number of threads.
pub(crate) fn threads_count() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    field_kib(&status, "Threads:")
}

fn field_kib(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// Gives the CPU seconds of the process in user code and in the kernel.
pub(crate) fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    cpu_of_stat(&stat).unwrap_or_default()
}

/// Lists the threads of the process.
pub(crate) fn threads() -> Vec<Thread> {
    let Ok(entries) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let mut threads: Vec<Thread> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let (user_seconds, system_seconds) = cpu_of_stat(&stat)?;
            let name = stat.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
            let tid = path.file_name()?.to_str()?.parse().ok()?;
            Some(Thread {
                name,
                tid,
                user_seconds,
                system_seconds,
            })
        })
        .collect();
    threads.sort_by_key(|thread| thread.tid);
    threads
}

/// Finds user and system time in a `stat` file (proc_pid_stat(5), fields 14 and 15).
fn cpu_of_stat(stat: &str) -> Option<(f64, f64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    let mut next = || Some(fields.next()?.parse::<u64>().ok()? as f64 / ticks_per_second);
    Some((next()?, next()?))
}

/// Gives the host name of the machine.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

/// Names the system below, as `Debian GNU/Linux 12 (bookworm)`.
pub(crate) fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    match pretty {
        Some(name) => name.trim_matches('"').to_owned(),
        None => rustix::system::uname()
            .sysname()
            .to_string_lossy()
            .into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_has_figures() {
        assert!(memory_bytes() > 100_000);
        assert!(threads_count() >= 1);
        assert!(
            threads()
                .iter()
                .any(|thread| u64::from(std::process::id()) == thread.tid)
        );
        assert!(cpu_time() > Duration::ZERO);
    }

    #[test]
    fn a_stat_line_with_a_wild_name_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 250 100 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_of_stat(stat), Some((2.5, 1.0)));
        assert_eq!(cpu_of_stat("junk"), None);
    }
}
