//! Nodes of etcd and of opsbro side by side: how fast they agree, and what it costs.
//!
//! `tests/real/etcd-comparison` builds and starts this in a network namespace of its own. Both are
//! asked over HTTP with JSON on TCP, by the same client, on the same disk, in turn; the cost of
//! one fsync of that disk is printed beside each round.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people who measure"
)]

mod kind;
mod load;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kind::{Group, Kind};
use load::{Load, Rate};

/// What was asked for.
struct Options {
    opsbro: PathBuf,
    only: Option<Kind>,
    sizes: Vec<usize>,
    rounds: usize,
    seconds: u64,
    dir: PathBuf,
}

fn main() {
    let options = options();
    for round in 1..=options.rounds {
        println!("round {round}");
        fsync_alone(&options.dir);
        for size in &options.sizes {
            for kind in [Kind::Etcd, Kind::Opsbro] {
                if options.only.is_none_or(|only| only == kind) {
                    compare(&options, kind, *size);
                }
            }
        }
    }
}

fn options() -> Options {
    let mut options = Options {
        opsbro: PathBuf::from("opsbro"),
        only: None,
        sizes: vec![1, 3],
        rounds: 3,
        seconds: 5,
        dir: std::env::temp_dir(),
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
            "--rounds" => options.rounds = value().parse().expect("a count"),
            "--seconds" => options.seconds = value().parse().expect("seconds"),
            "--dir" => options.dir = value().into(),
            other => {
                eprintln!("error: {other} is not known; see --help");
                std::process::exit(64);
            }
        }
    }
    options
}

/// Says one figure.
fn say(name: &str, value: f64, unit: &str) {
    println!("{name} {value:.2} {unit}");
}

/// Measures what the disk needs to make 200 bytes durable.
fn fsync_alone(dir: &Path) {
    let file = tempfile::NamedTempFile::new_in(dir).unwrap();
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let begun = Instant::now();
            file.as_file().write_all(&[7; 200]).unwrap();
            file.as_file().sync_data().unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    say("fsync.p50", times[150].as_secs_f64() * 1e3, "ms");
    say("fsync.p99", times[297].as_secs_f64() * 1e3, "ms");
}

fn compare(options: &Options, kind: Kind, size: usize) {
    let folder = tempfile::tempdir_in(&options.dir).unwrap();
    let mut group = Group::start(kind, size, folder.path(), &options.opsbro);
    let name = |figure: &str| format!("{}.{size}.{figure}", kind.name());
    let time = Duration::from_secs(options.seconds);
    let to = group.leader();
    let load = Load {
        kind,
        token: group.token.clone(),
    };
    let told = |figure: &str, rate: &Rate, cost: Duration| {
        say(&name(&format!("{figure}.rate")), rate.rate(), "1/s");
        say(&name(&format!("{figure}.p50")), rate.p50() * 1e3, "ms");
        say(&name(&format!("{figure}.p99")), rate.p99() * 1e3, "ms");
        let each = cost.as_secs_f64() * 1e6 / rate.count().max(1) as f64;
        say(&name(&format!("{figure}.cpu")), each, "us");
        say(&name(&format!("{figure}.errors")), rate.errors as f64, "");
    };
    for (figure, clients, is_put) in [
        ("put.1", 1, true),
        ("put.64", 64, true),
        ("get.64", 64, false),
    ] {
        let before = group.cpu();
        let rate = load.run(to, clients, time, is_put);
        told(figure, &rate, group.cpu().saturating_sub(before));
    }
    if kind == Kind::Opsbro {
        let before = group.cpu();
        let rate = load.locks(to, 64, 10_000);
        told("lock.64", &rate, group.cpu().saturating_sub(before));
    }
    load.fill(to, 100_000, 200);
    say(&name("memory"), group.memory_mib(), "MiB");
    if size > 1 {
        let gap = group.kill_leader_and_write(&load);
        say(&name("failover"), gap.as_secs_f64(), "s");
    }
}
