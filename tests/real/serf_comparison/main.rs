//! Agents of serf and of opsbro side by side: what they cost, and how fast they are.
//!
//! `tests/real/serf-comparison` builds and starts this in a network namespace of its own. Both
//! kinds are measured in the same way: by their processes, by the counters of the loopback
//! interface, and by the moment at which a line of their logs says what they saw.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people who measure"
)]

mod cost;
mod crowd;
mod kind;
mod soak;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crowd::{Crowd, Saw};
use kind::Kind;

/// Time after a cold start in which what it left to do is done.
const SETTLE: Duration = Duration::from_secs(12);
/// Time between two deaths.
const SETTLE_AGAIN: Duration = Duration::from_secs(2);

/// What was asked for.
struct Options {
    opsbro: PathBuf,
    only: Option<Kind>,
    sizes: Vec<usize>,
    kills: usize,
    soak: Option<Duration>,
    loss_percent: u32,
    busy: bool,
}

fn main() {
    let options = options();
    for size in &options.sizes {
        for kind in [Kind::Serf, Kind::Opsbro] {
            if options.only.is_some_and(|only| only != kind) {
                continue;
            }
            let crowd = Crowd::new(kind, *size, &options.opsbro);
            match options.soak {
                Some(time) => soak::soak(crowd, time, options.loss_percent, options.busy),
                None => compare(crowd, options.kills),
            }
        }
    }
}

fn options() -> Options {
    let mut options = Options {
        opsbro: PathBuf::from("opsbro"),
        only: None,
        sizes: vec![3, 30, 100],
        kills: 5,
        soak: None,
        loss_percent: 0,
        busy: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the option has a value");
        match word.as_str() {
            "--opsbro" => options.opsbro = value().into(),
            "--only" => options.only = Some(Kind::parse(&value())),
            "--sizes" => {
                let sizes = value();
                let sizes = sizes.split(',').map(|it| it.parse().expect("a size"));
                options.sizes = sizes.collect();
            }
            "--kills" => options.kills = value().parse().expect("a count"),
            "--soak" => {
                let seconds = value().parse().expect("seconds");
                options.soak = Some(Duration::from_secs(seconds));
            }
            "--loss" => options.loss_percent = value().parse().expect("a percentage"),
            "--busy" => options.busy = true,
            _ => {
                eprintln!("error: {word} is no option here; see --help");
                std::process::exit(64);
            }
        }
    }
    options
}

/// Prints a figure.
fn print(kind: Kind, size: usize, what: &str, value: f64, unit: &str) {
    println!("{}-{size} {what} {value:.3} {unit}", kind.name());
}

fn print_spread(kind: Kind, size: usize, what: &str, times: &mut [Duration]) {
    if times.is_empty() {
        println!("{}-{size} {what} none", kind.name());
        return;
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64();
    print(kind, size, &format!("{what}-p50"), at(50), "s");
    print(kind, size, &format!("{what}-max"), at(100), "s");
}

fn compare(mut crowd: Crowd, kills: usize) {
    let (kind, size) = (crowd.kind, crowd.size());
    let cold = crowd.start_all();
    print(
        kind,
        size,
        "cold-start-all-see-all",
        cold.as_secs_f64(),
        "s",
    );
    crowd.settle(SETTLE);
    cost::measure(&crowd, Duration::from_secs(30));
    let (mut suspected, mut first, mut dead, mut joined) = (vec![], vec![], vec![], vec![]);
    let mut lasts = vec![];
    for round in 0..kills {
        let victim = crowd.pick(round);
        let began = Instant::now();
        let name = crowd.kill(victim);
        let until = began + Duration::from_secs(60);
        let saw = crowd.watch(until, &name, Saw::Dead);
        suspected.extend(saw.times(Saw::Suspect, began));
        first.extend(saw.times(Saw::Suspect, began).into_iter().min());
        let times = saw.times(Saw::Dead, began);
        lasts.extend(times.iter().max());
        dead.extend(times);
        if saw.missing > 0 {
            println!(
                "{}-{size} survivors-that-missed-a-death {}",
                kind.name(),
                saw.missing
            );
        }
        let began = Instant::now();
        let name = crowd.start_another();
        let saw = crowd.watch(began + Duration::from_secs(60), &name, Saw::Alive);
        let times = saw.times(Saw::Alive, began);
        joined.extend(times.iter().max());
        crowd.settle(SETTLE_AGAIN);
    }
    print_spread(kind, size, "kill-to-first-suspicion", &mut first);
    print_spread(kind, size, "kill-to-suspected", &mut suspected);
    print_spread(kind, size, "kill-to-dead-at-a-survivor", &mut dead);
    print_spread(kind, size, "kill-to-dead-at-the-last", &mut lasts);
    print_spread(
        kind,
        size,
        "start-of-a-new-node-to-seen-by-all",
        &mut joined,
    );
}
