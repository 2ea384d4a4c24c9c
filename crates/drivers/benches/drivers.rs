//! Figures of the native collectors, one a line: `name value unit`. `VERBOSE=1` tells each one.

// A benchmark reads the clock, prints, and is steered by its environment.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures and prints"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use drivers::collectors::{ALL, Collector, Context, Native};
use drivers::{Deadline, Host};
use model::{Moment, Value, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// Rounds that are measured in full, and in small form.
const ROUNDS: [usize; 2] = [20, 1];

/// Collectors that are named, those with the highest cost.
const DEAREST: usize = 5;

struct Seen {
    native: &'static Native,
    collector: Box<dyn Collector>,
    cpu: Duration,
    leaves: usize,
}

fn main() {
    let is_small = !std::env::args().any(|argument| argument == "--bench");
    let rounds = ROUNDS[usize::from(is_small)];
    let host = Host::real();
    let begin = Instant::now();
    let mut all: Vec<Seen> = ALL
        .iter()
        .map(|native| Seen {
            native,
            collector: (native.make)(),
            cpu: Duration::MAX,
            leaves: 0,
        })
        .collect();
    // The first round opens what later ones hold open, and has no rates.
    for _ in 0..=rounds {
        for seen in &mut all {
            let cpu = thread_cpu();
            let collected = seen.collector.collect(&Context {
                host: &host,
                now: Moment::from_start(begin.elapsed()),
                wall: WallTime::from_millis(1_795_000_000_000),
                deadline: Deadline::after(seen.native.timeout),
                options: &BTreeMap::new(),
            });
            let took = thread_cpu() - cpu;
            seen.cpu = seen.cpu.min(took);
            seen.leaves = collected.as_ref().map_or(0, leaves);
        }
    }
    if std::env::var("VERBOSE").is_ok() {
        for seen in &all {
            let micros = seen.cpu.as_secs_f64() * 1e6;
            println!(
                "# {:16} {micros:8.1} us {:5} values",
                seen.native.name, seen.leaves
            );
        }
    }
    let round: Duration = all.iter().map(|seen| seen.cpu).sum();
    let millis = |cpu: Duration| cpu.as_secs_f64() * 1e3;
    println!("drivers.collectors_round_cpu {:.3} ms", millis(round));
    all.sort_by_key(|seen| std::cmp::Reverse(seen.cpu));
    for seen in all.iter().take(DEAREST) {
        let name = seen.native.name;
        println!("drivers.collector_cpu.{name} {:.3} ms", millis(seen.cpu));
    }
    // What runs less often than every ten seconds counts by its share.
    let share = |seen: &Seen| seen.cpu.as_secs_f64() * 10.0 / seen.native.interval.as_secs_f64();
    let cpu: f64 = all
        .iter()
        .map(|seen| share(seen).min(seen.cpu.as_secs_f64()))
        .sum();
    let values: usize = all.iter().map(|seen| seen.leaves).sum();
    println!("collect.natives {} collectors", all.len());
    println!("collect.round_values {values} values");
    println!("collect.round {:.3} ms of a core every 10 s", cpu * 1e3);
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(leaves).sum(),
        Value::Map(members) => members.values().map(leaves).sum(),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => 1,
    }
}

fn thread_cpu() -> Duration {
    let clock = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        clock.tv_sec.unsigned_abs(),
        u32::try_from(clock.tv_nsec).unwrap(),
    )
}
