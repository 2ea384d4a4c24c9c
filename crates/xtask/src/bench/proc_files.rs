//! What the kernel says of a process, read from `/proc`: memory, time on a core, switches.

use std::path::PathBuf;

/// What a process had used at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Time on a core, all threads.
    pub on_core_ns: u64,
    /// Context switches, voluntary and not, all threads: each is a wake-up.
    pub switches: u64,
    /// Threads.
    pub threads: u64,
}

/// Reads what a process has used up to here.
pub fn usage(pid: u32) -> Result<Usage, String> {
    let tasks = PathBuf::from(format!("/proc/{pid}/task"));
    let failed = |error| format!("failed to read {}: {error}", tasks.display());
    let mut usage = Usage::default();
    for task in std::fs::read_dir(&tasks).map_err(failed)? {
        let task = task.map_err(failed)?.path();
        // A thread may end between the listing and the reading: it counts no more.
        let Ok(schedstat) = std::fs::read_to_string(task.join("schedstat")) else {
            continue;
        };
        let Ok(status) = std::fs::read_to_string(task.join("status")) else {
            continue;
        };
        usage.on_core_ns += first_number(&schedstat);
        usage.switches += switches(&status);
        usage.threads += 1;
    }
    Ok(usage)
}

/// Reads the seconds that a process, its threads that ended and the children it has waited for have
/// spent on a core. In steps of 10 ms: for windows of minutes.
pub fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("failed to read {path}: {error}"))?;
    Ok(ticks(&text) as f64 / TICKS_PER_SECOND)
}

/// Reads the same of a process and of all that it started, directly or not.
pub fn tree_cpu_seconds(pid: u32) -> Result<f64, String> {
    let mut seconds = cpu_seconds(pid)?;
    for child in children(pid) {
        // One that ended meanwhile is counted by its parent.
        seconds += tree_cpu_seconds(child).unwrap_or(0.0);
    }
    Ok(seconds)
}

fn children(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return children;
    };
    for task in tasks.flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(
            text.split_whitespace()
                .filter_map(|it| it.parse::<u32>().ok()),
        );
    }
    children
}

/// Reads the seconds that the children which this process has waited for have spent on a core.
pub fn waited_cpu_seconds() -> Result<f64, String> {
    let path = "/proc/self/stat";
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("failed to read {path}: {error}"))?;
    Ok(fields(&text, 13).take(2).sum::<u64>() as f64 / TICKS_PER_SECOND)
}

/// What the kernel promises to user space on all machines that we know.
const TICKS_PER_SECOND: f64 = 100.0;

/// Adds up `utime stime cutime cstime`.
fn ticks(stat: &str) -> u64 {
    fields(stat, 11).take(4).sum()
}

/// Gives the numbers from one on, counted behind the name, which may hold anything.
fn fields(stat: &str, first: usize) -> impl Iterator<Item = u64> {
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let words = behind.split_whitespace().skip(first);
    words.filter_map(|word| word.parse().ok())
}

/// Reads the memory of a process in KiB, its shared pages divided among those who share them.
pub fn pss_kib(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("failed to read {path}: {error}"))?;
    Ok(field(&text, "Pss:"))
}

fn switches(status: &str) -> u64 {
    field(status, "voluntary_ctxt_switches:") + field(status, "nonvoluntary_ctxt_switches:")
}

fn field(text: &str, key: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .map_or(0, first_number)
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_both_kinds() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t70\nnonvoluntary_ctxt_switches:\t5\n";
        assert_eq!(switches(status), 75);
    }

    #[test]
    fn time_on_a_core_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 8 7 6 11 22 3 4 20 0 1 0 5";
        assert_eq!(ticks(stat), 40);
        assert_eq!(fields(stat, 13).take(2).sum::<u64>(), 7);
        assert!(cpu_seconds(std::process::id()).is_ok());
    }

    #[test]
    fn our_own_process_has_used_something() {
        let pid = std::process::id();
        assert!(usage(pid).unwrap().threads >= 1);
        assert!(pss_kib(pid).unwrap() > 0);
    }

    #[test]
    fn what_a_process_started_counts_too() {
        let mut child = std::process::Command::new("sleep")
            .arg("20")
            .spawn()
            .unwrap();
        assert!(children(std::process::id()).contains(&child.id()));
        let own = std::process::id();
        assert!(tree_cpu_seconds(own).unwrap() >= cpu_seconds(child.id()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(waited_cpu_seconds().unwrap() >= 0.0);
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        let error = usage(u32::MAX).unwrap_err();
        assert!(error.contains("/proc/4294967295/task"), "{error}");
    }
}
