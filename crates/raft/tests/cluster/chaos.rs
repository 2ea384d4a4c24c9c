//! Faults without end, clients that go on, and a look at all they were told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raft::{
    Answer as Told, Check, Command, Found, FoundWhat, Key, Query, Refusal, SessionId, Trouble,
    Value, Voter,
};
use tokio::time::Instant;

use crate::cluster::{Cluster, id};
use crate::linearizable::{Answer, Call, Operation, is_linearizable};
use crate::random::Random;
use crate::{pass, virtually_as};

/// Time for which clients use the same keys: a history of one key stays small enough to judge.
const EPOCH: Duration = Duration::from_secs(6);

#[derive(Default)]
struct Records {
    histories: BTreeMap<String, Vec<Operation>>,
    /// The revisions of writes that named a lock, with the token that they named.
    fenced: Vec<(u64, u64)>,
    next_value: u64,
}

struct Run {
    cluster: Arc<Cluster>,
    records: Mutex<Records>,
    begun: Instant,
    is_over: Mutex<bool>,
}

impl Run {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    fn is_over(&self) -> bool {
        *self.is_over.lock().unwrap()
    }
}

fn read_number(bytes: &[u8]) -> u64 {
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

/// Reads, writes and swaps through one node, and remembers what it was told.
async fn client(run: Arc<Run>, node: Voter, mut random: Random) {
    while !run.is_over() {
        pass(Duration::from_millis(10 + random.below(150))).await;
        let Some(group) = run.cluster.group(node) else {
            continue;
        };
        let epoch = run.begun.elapsed().as_secs() / EPOCH.as_secs();
        let key = format!("{epoch}/{}", random.below(2));
        let (new, last) = {
            let mut records = run.records.lock().unwrap();
            records.next_value += 1;
            let history = records.histories.get(&key);
            let written = history
                .into_iter()
                .flatten()
                .rev()
                .find_map(|one| match one.call {
                    Call::Write(Some(value)) | Call::Swap(_, value) => Some(value),
                    Call::Write(None) | Call::Read => None,
                });
            (records.next_value, written)
        };
        let call = match random.below(10) {
            0..4 => Call::Read,
            4..7 => Call::Write(Some(new)),
            7 => Call::Write(None),
            _ => Call::Swap(last.unwrap_or(0), new),
        };
        let called = run.now();
        let answer = match &call {
            Call::Read => read(&group, &key).await,
            Call::Write(Some(value)) => {
                let value = value.to_string();
                write(&group, Command::put(&key, value.as_bytes(), None)).await
            }
            Call::Write(None) => write(&group, Command::delete(&key, None)).await,
            Call::Swap(old, new) => {
                let check = Check::Value(
                    Key::from(key.as_str()),
                    Value::new(old.to_string().as_bytes()),
                );
                write(
                    &group,
                    Command::put(&key, new.to_string().as_bytes(), Some(check)),
                )
                .await
            }
        };
        let Some(answer) = answer else {
            continue;
        };
        let operation = Operation {
            call,
            answer,
            called,
            answered: run.now(),
        };
        let mut records = run.records.lock().unwrap();
        records.histories.entry(key).or_default().push(operation);
    }
}

async fn read(group: &raft::Group, key: &str) -> Option<Answer> {
    let found = group.ask(Query::Get(key.into())).await;
    let Ok(Found {
        what: FoundWhat::Key(found),
        ..
    }) = found
    else {
        return None;
    };
    Some(Answer::Value(found.map(|one| read_number(&one.value))))
}

/// Nothing when it is sure that nothing was done.
async fn write(group: &raft::Group, command: Command) -> Option<Answer> {
    match group.command(command).await {
        Ok(Told::Done(_)) => Some(Answer::Done),
        Ok(Told::Refused(Refusal::Changed { .. })) => Some(Answer::Refused),
        Err(Trouble::Unknown(_)) => Some(Answer::Unknown),
        Err(Trouble::NoLeader(_) | Trouble::Busy | Trouble::Stopped(_)) => None,
        other => panic!("{other:?}"),
    }
}

/// Takes a lock, writes while it believes to hold it, and gives it back.
async fn locker(run: Arc<Run>, node: Voter, mut random: Random) {
    let mut number = 0_u64;
    while !run.is_over() {
        pass(Duration::from_millis(50 + random.below(300))).await;
        let Some(group) = run.cluster.group(node) else {
            continue;
        };
        number += 1;
        let mut bytes = node.0;
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let session = SessionId(bytes);
        let lock = Key::from("lock");
        let open = Command::Open {
            session,
            ttl_ms: 2_000,
            node,
            name: "locker".to_owned(),
        };
        let acquire = Command::Acquire {
            lock: Key::clone(&lock),
            session,
            slots: 1,
            wait: random.below(2) == 0,
        };
        let Ok(answers) = group.commands(vec![open, acquire]).await else {
            continue;
        };
        if let Told::Held(token) = answers[1] {
            for _ in 0..random.below(4) {
                let held = Check::Held(Key::clone(&lock), token);
                let write = Command::put("guarded", token.to_string().as_bytes(), Some(held));
                if let Ok(Told::Done(revision)) = group.command(write).await {
                    run.records
                        .lock()
                        .unwrap()
                        .fenced
                        .push((revision.0, token.0));
                }
                // Now and then longer than the lease.
                let pause = if random.below(5) == 0 { 3_000 } else { 100 };
                pass(Duration::from_millis(pause)).await;
            }
        }
        // Now and then one is left to end by itself.
        let was_held = matches!(answers[1], Told::Held(_));
        if !was_held || random.below(4) > 0 {
            let _ = group.command(Command::Close { session }).await;
        }
    }
}

async fn break_something(cluster: &Arc<Cluster>) {
    let nodes = cluster.ids();
    let one = nodes[cluster.below(nodes.len() as u64) as usize];
    match cluster.below(11) {
        0 | 1 => {
            // In two parts, of any size.
            let parts = cluster.below(1 << nodes.len());
            let part = |node: Voter| parts >> node.0[15] & 1;
            for from in &nodes {
                for to in nodes.iter().filter(|to| part(*from) != part(**to)) {
                    cluster.net.cut(*from, *to);
                }
            }
        }
        2 => {
            let leader = cluster.leader().unwrap_or(one);
            for other in &nodes {
                cluster.net.cut(leader, *other);
                if cluster.below(2) == 0 {
                    cluster.net.cut(*other, leader);
                }
            }
        }
        3 => cluster.crash(cluster.leader().unwrap_or(one)),
        4 => cluster.crash(one),
        5 => nodes
            .iter()
            .filter(|_| cluster.below(2) == 0)
            .for_each(|node| cluster.crash(*node)),
        6 => cluster
            .net
            .set_weather(cluster.below(40), 2 + cluster.below(150)),
        7 => cluster
            .disk(one)
            .set_sync_time(Duration::from_millis(cluster.below(300))),
        8 => cluster.replace_disk(one).await,
        9 => lose_what_is_late(cluster, cluster.leader().unwrap_or(one)).await,
        _ => cluster.disk(one).set_full(true),
    }
}

/// The disk of who leads is late, and half of the others hear nothing; then the lights go out where
/// entries came to, and those are back first that may have none of them.
async fn lose_what_is_late(cluster: &Arc<Cluster>, leader: Voter) {
    let mut others = cluster.ids();
    others.retain(|node| *node != leader);
    let away = others.split_off(others.len() / 2);
    for node in &away {
        for other in others.iter().chain([&leader]) {
            cluster.net.cut(*node, *other);
            cluster.net.cut(*other, *node);
        }
    }
    let late = Duration::from_millis(cluster.below(3_000));
    cluster.disk(leader).set_sync_time(late);
    pass(Duration::from_millis(cluster.below(600))).await;
    cluster.crash(leader);
    others.iter().for_each(|node| cluster.crash(*node));
    cluster.disk(leader).set_sync_time(Duration::from_millis(1));
    cluster.net.heal();
    cluster.start(leader).await;
}

async fn mend(cluster: &Arc<Cluster>) {
    for node in cluster.ids() {
        cluster.disk(node).set_full(false);
        cluster.disk(node).set_sync_time(Duration::from_millis(1));
    }
    if cluster.below(3) > 0 {
        cluster.net.heal();
    }
    if cluster.below(3) > 0 {
        cluster.start_all().await;
    }
    if cluster.below(6) == 0
        && let Some(group) = cluster.leader().and_then(|leader| cluster.group(leader))
    {
        let _ = group.snapshot().await;
    }
}

async fn run(seed: u64, faults: u64) {
    let cluster = Cluster::new(seed, 5);
    cluster.form(5).await;
    let run = Arc::new(Run {
        records: Mutex::default(),
        begun: Instant::now(),
        is_over: Mutex::new(false),
        cluster: Arc::clone(&cluster),
    });
    let mut tasks = Vec::new();
    for number in 1..=5 {
        let random = |more| Random::new(seed * 100 + number * 2 + more);
        tasks.push(tokio::spawn(client(
            Arc::clone(&run),
            id(number),
            random(0),
        )));
        tasks.push(tokio::spawn(locker(
            Arc::clone(&run),
            id(number),
            random(1),
        )));
    }
    for _ in 0..faults {
        pass(Duration::from_millis(200 + cluster.below(1_500))).await;
        break_something(&cluster).await;
        pass(Duration::from_millis(200 + cluster.below(2_500))).await;
        mend(&cluster).await;
    }
    *run.is_over.lock().unwrap() = true;
    for node in cluster.ids() {
        cluster.disk(node).set_full(false);
    }
    cluster.net.heal();
    cluster.start_all().await;
    for task in tasks {
        task.await.unwrap();
    }
    let state = cluster.settle().await;
    judge(seed, faults, &run, &state);
}

fn judge(seed: u64, faults: u64, run: &Run, state: &raft::State) {
    let mut records = run.records.lock().unwrap();
    let now = run.now();
    let (mut done, mut unknown) = (0, 0);
    for (key, history) in &mut records.histories {
        let last = state.get(key).map(|cell| read_number(&cell.value));
        history.push(Operation {
            call: Call::Read,
            answer: Answer::Value(last),
            called: now,
            answered: now + 1,
        });
        done += history.len();
        unknown += history
            .iter()
            .filter(|one| one.answer == Answer::Unknown)
            .count();
        assert!(
            is_linearizable(history),
            "seed {seed}, key {key}: {history:#?}"
        );
    }
    assert!(
        done as u64 > faults * 10,
        "seed {seed}: the clients got on: {done}"
    );
    records.fenced.sort_unstable();
    for pair in records.fenced.windows(2) {
        assert!(
            pair[0].1 <= pair[1].1,
            "seed {seed}: an older holder wrote after a newer one"
        );
    }
    assert!(
        records.fenced.len() as u64 > faults / 5,
        "seed {seed}: locks were held: {}",
        records.fenced.len()
    );
    println!(
        "seed {seed}: {done} operations, {unknown} unknown, {} fenced",
        records.fenced.len()
    );
}

/// Says which seeds run, with how many faults each.
fn asked() -> (std::ops::Range<u64>, u64) {
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let (mut seeds, mut faults) = match std::env::var("SLOW_TESTS") {
        Ok(_) => (0..4, 15),
        Err(_) => (0..2, 10),
    };
    if let Ok(text) = std::env::var("RAFT_SEED") {
        (seeds, faults) = match text.split_once("..") {
            Some((from, until)) => (number(from)..number(until), faults),
            None => (number(&text)..number(&text) + 1, faults),
        };
    }
    if let Ok(text) = std::env::var("RAFT_FAULTS") {
        faults = number(&text);
    }
    (seeds, faults)
}

#[test]
fn what_clients_are_told_under_faults_is_linearizable() {
    let (seeds, faults) = asked();
    for seed in seeds {
        virtually_as(seed, run(seed, faults));
    }
}
