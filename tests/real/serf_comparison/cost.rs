//! What agents cost that have nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::print;

/// Measures for a time, and prints the mean of an agent.
pub(crate) fn measure(crowd: &Crowd, time: Duration) {
    let pids: Vec<u32> = crowd.agents.iter().map(|it| it.child.id()).collect();
    let count = pids.len() as f64;
    let busy = || -> f64 { pids.iter().map(|pid| busy_seconds(*pid)).sum() };
    let (began, cpu, carried) = (Instant::now(), busy(), carried());
    let scheduled: Vec<Threads> = pids.iter().map(|pid| scheduled(*pid)).collect();
    // tidy: sleep, what it costs is measured over this time
    std::thread::sleep(time);
    let seconds = began.elapsed().as_secs_f64();
    let cpu = (busy() - cpu) / seconds / count * 100.0;
    let later = pids.iter().zip(&scheduled);
    let scheduled: u64 = later.map(|(pid, before)| since(*pid, before)).sum();
    let scheduled = scheduled as f64 / 1e9 / seconds / count * 100.0;
    let now = crate::cost::carried();
    let (bytes, packets) = (now.0 - carried.0, now.1 - carried.1);
    let memory = |name: &str| -> f64 {
        let all: u64 = pids.iter().map(|pid| memory_kib(*pid, name)).sum();
        all as f64 / 1_024.0 / count
    };
    let (kind, size) = (crowd.kind, crowd.size());
    print(kind, size, "cpu", cpu, "%-of-a-core/node");
    print(
        kind,
        size,
        "cpu-as-scheduled",
        scheduled,
        "%-of-a-core/node",
    );
    print(kind, size, "private-memory", memory("Private_"), "MiB/node");
    print(kind, size, "pss", memory("Pss:"), "MiB/node");
    print(
        kind,
        size,
        "sent-on-the-wire",
        bytes as f64 / seconds / count,
        "B/s/node",
    );
    // What loopback counts has the headers of Ethernet, IP and UDP in it.
    let payload = bytes.saturating_sub(packets * 42);
    print(
        kind,
        size,
        "sent",
        payload as f64 / seconds / count,
        "B/s/node",
    );
    print(
        kind,
        size,
        "packets",
        packets as f64 / seconds / count,
        "packets/s/node",
    );
}

/// Gives how long a process ran, with the threads that have ended.
fn busy_seconds(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold spaces; utime and stime are the 14th and 15th word.
    let words = text.rsplit(')').next().unwrap().split_whitespace();
    let ticks = words.skip(11).take(2).map(|it| it.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// How long each thread of a process ran, in nanoseconds, by its number.
type Threads = BTreeMap<String, u64>;

/// Gives that: ticks of a hundredth of a second say little of three agents. Threads that end
/// meanwhile are missing in it.
fn scheduled(pid: u32) -> Threads {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let threads = tasks.filter_map(|task| {
        let path = task.ok()?.path();
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        let ran = text.split_whitespace().next()?.parse().ok()?;
        Some((path.display().to_string(), ran))
    });
    threads.collect()
}

/// Gives how long the threads of a process ran since.
fn since(pid: u32, before: &Threads) -> u64 {
    let now = scheduled(pid).into_iter();
    now.map(|(thread, ran)| ran - before.get(&thread).copied().unwrap_or(0))
        .sum()
}

fn memory_kib(pid: u32, name: &str) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let lines = rollup.lines().filter(|line| line.starts_with(name));
    let sizes = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    sizes.sum()
}

/// Gives the bytes and packets that loopback carried.
fn carried() -> (u64, u64) {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap();
    let line = table
        .lines()
        .find(|line| line.trim().starts_with("lo:"))
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    (words[9].parse().unwrap(), words[10].parse().unwrap())
}
