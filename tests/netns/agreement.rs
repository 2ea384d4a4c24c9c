//! What clients of real agents are told while these are killed, frozen and cut off from each other:
//! it must have been possible with one register for each key.
//!
//! `AGREEMENT_FAULTS=n` says how many faults there are (8 when nothing is said),
//! `AGREEMENT_NODES=n` how many agents (3, up to 5), `AGREEMENT_SEED=n` which faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::{Agent, Host, Lan, Reply, try_request_over, wait_within};

use crate::linearizable::{Answer, Call, Operation, is_linearizable};
use crate::seen::{home, join_all};

/// Time for which clients use the same keys: a history of one key stays small enough to judge.
const EPOCH: Duration = Duration::from_secs(3);
/// Keys of one epoch.
const KEYS: u64 = 3;
/// Clients of one agent.
const CLIENTS: u64 = 2;
/// Time that agents have to agree on who votes, and to come back.
const TOGETHER: Duration = Duration::from_secs(90);

/// Gives a number of the environment.
fn asked(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name);
    text.map_or(usual, |text| text.parse().expect("a number"))
}

/// Numbers that follow from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What the clients were told.
struct Records {
    begun: Instant,
    is_over: AtomicBool,
    value: AtomicU64,
    histories: Mutex<BTreeMap<String, Vec<Operation>>>,
}

impl Records {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    fn add(&self, key: &str, operation: Operation) {
        let mut histories = self
            .histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        histories.entry(key.to_owned()).or_default().push(operation);
    }
}

/// Ends the clients, also those of a test that fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A key as a client saw it: its value, and the revision of that.
type Cell = Option<(u64, u64)>;

/// Reads, writes and swaps through one agent, and remembers what it was told.
fn client(records: &Records, socket: &Path, mut dice: Dice) {
    let mut seen: Option<(String, u64, u64)> = None;
    while !records.is_over.load(Ordering::Relaxed) {
        // tidy: sleep, a history with too much in it takes long to judge
        std::thread::sleep(Duration::from_millis(10 + dice.below(50)));
        let epoch = records.begun.elapsed().as_secs() / EPOCH.as_secs();
        let key = format!("{epoch}-{}", dice.below(KEYS));
        let new = records.value.fetch_add(1, Ordering::Relaxed);
        let last = seen.take().filter(|(of, ..)| *of == key);
        let called = records.now();
        let (call, answer) = match (dice.below(10), last) {
            (0..3, _) => (Call::Write(Some(new)), put(socket, &key, new, None)),
            (3, _) => (Call::Write(None), delete(socket, &key)),
            (4..7, Some((_, value, revision))) => (
                Call::Swap(value, new),
                put(socket, &key, new, Some(revision)),
            ),
            _ => {
                let Some(cell) = read(socket, &key) else {
                    continue;
                };
                seen = cell.map(|(value, revision)| (key.clone(), value, revision));
                let value = cell.map(|(value, _)| value);
                (Call::Read, Some(Answer::Value(value)))
            }
        };
        if let Some(answer) = answer {
            let operation = Operation {
                call,
                answer,
                called,
                answered: records.now(),
            };
            records.add(&key, operation);
        }
    }
}

/// Gives what a key has; none when there was no answer, which says nothing.
fn read(socket: &Path, key: &str) -> Option<Cell> {
    let reply = try_request_over(socket, "GET", &format!("/kv/history/{key}"), &[], b"")?;
    match reply.status {
        200 => {
            let header = |name: &str| -> Option<u64> {
                let mut lines = reply.head.lines();
                lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            };
            // Who is killed may have said a part of it.
            let is_whole = header("content-length:") == Some(reply.body.len() as u64);
            let cell = (reply.body.parse().ok()?, header("x-opsbro-revision:")?);
            is_whole.then_some(Some(cell))
        }
        404 => Some(None),
        _ => None,
    }
}

fn put(socket: &Path, key: &str, value: u64, revision: Option<u64>) -> Option<Answer> {
    let cas = revision.map_or_else(String::new, |revision| format!("?cas={revision}"));
    let path = format!("/kv/history/{key}{cas}");
    let body = value.to_string();
    told(&try_request_over(
        socket,
        "PUT",
        &path,
        &[],
        body.as_bytes(),
    )?)
}

fn delete(socket: &Path, key: &str) -> Option<Answer> {
    let path = format!("/kv/history/{key}");
    told(&try_request_over(socket, "DELETE", &path, &[], b"")?)
}

/// Reads the answer to a write; nothing when it is sure that nothing was done.
fn told(reply: &Reply) -> Option<Answer> {
    match reply.status {
        200 if reply.body.contains('}') => Some(Answer::Done),
        409 => Some(Answer::Refused),
        // What a killed agent began to say, or did not say in time.
        0 | 200 | 408 => Some(Answer::Unknown),
        429 | 503 => None,
        status => panic!("{status} {reply:?}"),
    }
}

/// The agents, of which one or the other is not there at the moment.
struct Cluster<'a> {
    lan: &'a Lan,
    hosts: &'a [Host],
    agents: Vec<Option<Agent>>,
    dice: Dice,
}

impl Cluster<'_> {
    fn pause(&mut self, least: u64, more: u64) {
        let time = Duration::from_millis(least + self.dice.below(more));
        // tidy: sleep, a fault lasts as long as the dice say
        std::thread::sleep(time);
    }

    /// Breaks something for a while, and mends it.
    fn fault(&mut self, records: &Records) {
        let count = self.hosts.len() as u64;
        let one = self.dice.below(count) as usize;
        let kind = self.dice.below(5);
        println!("{:?}: fault {kind} of {one}", records.begun.elapsed());
        match kind {
            0 => {
                self.kill(&[one]);
                self.pause(100, 1_500);
            }
            1 => {
                // All of them, or all but one.
                let spared = self.dice.below(count + 1) as usize;
                let all: Vec<usize> = (0..self.hosts.len()).filter(|at| *at != spared).collect();
                self.kill(&all);
                self.pause(50, 300);
            }
            2 => {
                let frozen = self.agents[one].as_ref().unwrap();
                frozen.signal(Signal::STOP);
                self.pause(500, 2_500);
                self.agents[one].as_ref().unwrap().signal(Signal::CONT);
            }
            _ => {
                let parts = 1 + self.dice.below((1 << count) - 2);
                let is_in = |host: &&Host| (parts >> (host.number - 1)) & 1 == 1;
                let (some, others): (Vec<&Host>, Vec<&Host>) = self.hosts.iter().partition(is_in);
                self.lan.part(&some, &others);
                self.pause(500, 2_500);
                self.lan.mend();
            }
        }
        self.pause(300, 1_200);
    }

    /// Kills agents at one moment, and starts them again.
    fn kill(&mut self, which: &[usize]) {
        let killed: Vec<_> = which
            .iter()
            .map(|at| (*at, self.agents[*at].take().unwrap().kill()))
            .collect();
        for (at, home) in killed {
            self.agents[at] = Some(self.hosts[at].launch(home));
        }
    }
}

#[test]
fn what_clients_of_real_agents_are_told_is_linearizable() {
    let lan = Lan::new();
    let hosts: [Host; 5] = lan.hosts();
    let hosts = &hosts[..asked("AGREEMENT_NODES", 3).clamp(3, 5) as usize];
    let seed = asked("AGREEMENT_SEED", 1);
    let agents: Vec<Agent> = hosts
        .iter()
        .map(|host| host.launch(home(host, "")))
        .collect();
    let agents: Vec<Agent> = agents.into_iter().map(Agent::ready).collect();
    join_all(&agents, &hosts[0]);
    for agent in &agents {
        wait_within(TOGETHER, "the voters", || {
            let state = agent.opsbro(&["raft", "state", "-o", "json"]);
            let state = (state.code == Some(0)).then(|| state.json())?;
            (state["voters"].as_array()?.len() == hosts.len()).then_some(())
        });
    }
    let sockets: Vec<PathBuf> = agents.iter().map(|agent| agent.home.socket()).collect();
    let mut cluster = Cluster {
        lan: &lan,
        hosts,
        agents: agents.into_iter().map(Some).collect(),
        dice: Dice(seed),
    };
    let records = Records {
        begun: Instant::now(),
        is_over: AtomicBool::new(false),
        value: AtomicU64::new(1),
        histories: Mutex::default(),
    };
    let faults = asked("AGREEMENT_FAULTS", 8);
    std::thread::scope(|scope| {
        let _over = Over(&records.is_over);
        for (number, socket) in (0..CLIENTS * sockets.len() as u64).zip(sockets.iter().cycle()) {
            let records = &records;
            scope.spawn(move || client(records, socket, Dice(seed * 1_000 + number)));
        }
        for _ in 0..faults {
            cluster.fault(&records);
        }
    });
    judge(seed, faults, &records, &sockets[0]);
    drop(cluster);
}

/// Reads each key once more, and looks at its history.
fn judge(seed: u64, faults: u64, records: &Records, socket: &Path) {
    let keys: Vec<String> = records.histories.lock().unwrap().keys().cloned().collect();
    for key in keys {
        let (called, cell) = wait_within(TOGETHER, "an answer", || {
            Some((records.now(), read(socket, &key)?))
        });
        let read = Operation {
            call: Call::Read,
            answer: Answer::Value(cell.map(|(value, _)| value)),
            called,
            answered: records.now(),
        };
        records.add(&key, read);
    }
    let histories = records.histories.lock().unwrap();
    let (mut done, mut unknown) = (0, 0);
    for (key, history) in histories.iter() {
        done += history.len();
        let lost = history.iter().filter(|one| one.answer == Answer::Unknown);
        unknown += lost.count();
        assert!(
            is_linearizable(history),
            "seed {seed}, key {key}: {history:#?}"
        );
    }
    assert!(done as u64 > faults, "the clients got on: {done}");
    println!("seed {seed}: {faults} faults, {done} operations, {unknown} unknown");
}
