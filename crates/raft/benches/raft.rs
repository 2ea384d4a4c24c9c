//! What agreement costs on one node: `cargo bench -p raft` prints one line `name value unit` a
//! figure.
//!
//! `RAFT_BENCH_DIR` names the disk to measure; the default is the directory for temporary files.
//! Without `--bench`, as under `cargo test`, it runs small and its figures mean nothing. Groups of
//! several nodes over the network are measured by `tests/real/etcd-comparison`.

#![allow(clippy::print_stdout, reason = "a program for people who measure")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use raft::disk::{Disk, Files, Found};
use raft::{
    Answer, CallError, Calling, Command, Group, Lane, Options, Query, Timing, Transport, Voter,
};
use store::Store;

/// A node that knows nobody.
struct Alone;

impl Transport for Alone {
    fn call(&self, _: Voter, _: Lane, _: Vec<u8>, _: Duration) -> Calling<'_> {
        Box::pin(async { Err(CallError::NotSent("there is nobody".to_owned())) })
    }

    fn voters(&self) -> Vec<Voter> {
        Vec::new()
    }
}

/// How much is done.
struct Scale {
    puts_each: u64,
    keys: u64,
    overwrites: u64,
}

impl Scale {
    fn from_arguments() -> Self {
        if std::env::args().any(|argument| argument == "--bench") {
            return Self {
                puts_each: 2_000,
                keys: 100_000,
                overwrites: 1_000_000,
            };
        }
        Self {
            puts_each: 5,
            keys: 200,
            overwrites: 500,
        }
    }
}

fn say(name: &str, value: f64, unit: &str) {
    println!("{name} {value:.2} {unit}");
}

fn main() {
    let scale = Scale::from_arguments();
    let dir = match std::env::var_os("RAFT_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let dir = dir.expect("a folder is made");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime is made");
    runtime.block_on(async {
        rates(&dir.path().join("rates"), &scale).await;
        many_keys(&dir.path().join("keys"), &scale).await;
        overwrites(&dir.path().join("overwrites"), &scale).await;
    });
}

/// Starts a node, as soon as who had its files has let go of them.
async fn start(dir: &Path) -> Group {
    let deadline = Instant::now() + Duration::from_secs(20);
    let files = loop {
        let opened = match Store::open(dir) {
            Ok(store) => Files::open(&store),
            Err(error) => Err(error.into()),
        };
        match opened {
            Ok((files, _)) => break files,
            Err(Found::InUse(_)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => panic!("{error}"),
        }
    };
    let options = Options {
        me: Voter([1; 16]),
        timing: Timing::LOCAL,
        wall: Arc::new(|| 0),
    };
    let disk: Arc<dyn Disk> = Arc::new(files);
    let group = Group::start(options, disk, Arc::new(Alone));
    let group = group.await.expect("the group starts");
    group.found().await.expect("the group is founded");
    group.wait_leader(Duration::from_secs(20)).await;
    group
}

async fn put(group: &Group, key: &str, value: &[u8]) {
    let put = group.command(Command::put(key, value, None)).await;
    assert!(matches!(put, Ok(Answer::Done(_))), "{put:?}");
}

/// Lets clients work until all of the work is done, and tells how long it took.
async fn work<F: Future<Output = ()> + Send + 'static>(
    clients: u64,
    count: u64,
    one: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
) -> Duration {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (next, one) = (Arc::clone(&next), one.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                one(number).await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("a client ends well");
    }
    begun.elapsed()
}

async fn rates(dir: &Path, scale: &Scale) {
    let group = start(dir).await;
    let mut times = Vec::new();
    for number in 0..scale.puts_each {
        let begun = Instant::now();
        put(&group, &format!("{}", number % 100), &[7; 200]).await;
        times.push(begun.elapsed());
    }
    times.sort();
    let middle = times[times.len() / 2];
    say("put.1.p50", middle.as_secs_f64() * 1e3, "ms");
    let count = scale.puts_each * 64;
    let writer = group.clone();
    let took = work(64, count, move |number| {
        let group = writer.clone();
        async move { put(&group, &format!("{}", number % 1_000), &[7; 200]).await }
    })
    .await;
    say("put.64", count as f64 / took.as_secs_f64(), "1/s");
    let reader = group.clone();
    let took = work(64, count, move |number| {
        let group = reader.clone();
        async move {
            let asked = group.ask(Query::Get(format!("{}", number % 1_000).into()));
            assert!(asked.await.is_ok(), "a key is read");
        }
    })
    .await;
    say("get.64", count as f64 / took.as_secs_f64(), "1/s");
    group.stop().await;
}

/// Gives a line of what the kernel tells of this process, in MiB.
fn memory_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

async fn many_keys(dir: &Path, scale: &Scale) {
    let before = memory_mib("VmRSS:");
    let group = start(dir).await;
    let writer = group.clone();
    work(64, scale.keys, move |number| {
        let group = writer.clone();
        async move { put(&group, &format!("some/folder/{number}"), &[7; 200]).await }
    })
    .await;
    say("memory.keys", memory_mib("VmRSS:") - before, "MiB");
    let begun = Instant::now();
    group.snapshot().await.expect("a snapshot is written");
    while group.standing().snapshot.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say("snapshot", begun.elapsed().as_secs_f64(), "s");
    group.stop().await;
    drop(group);
    let begun = Instant::now();
    let group = start(dir).await;
    let found = group.ask(Query::Get("some/folder/0".into())).await;
    assert!(found.is_ok(), "{found:?}");
    say("restart", begun.elapsed().as_secs_f64(), "s");
    assert_eq!(group.look(|state| state.usage().keys), scale.keys);
    group.stop().await;
}

fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(it) if it.is_dir() => bytes_below(&entry.path()),
        Ok(it) => it.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

async fn overwrites(dir: &Path, scale: &Scale) {
    let group = start(dir).await;
    let writer = group.clone();
    let largest = Arc::new(AtomicU64::new(0));
    let (seen, watched) = (Arc::clone(&largest), dir.to_owned());
    work(256, scale.overwrites, move |number| {
        let group = writer.clone();
        if number % 20_000 == 0 {
            seen.fetch_max(bytes_below(&watched), Ordering::Relaxed);
        }
        async move { put(&group, &format!("{}", number % 1_000), &[7; 200]).await }
    })
    .await;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    say("disk.largest", mib(largest.load(Ordering::Relaxed)), "MiB");
    say("disk.overwrites", mib(bytes_below(dir)), "MiB");
    group.stop().await;
}
