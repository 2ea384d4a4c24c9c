//! Agreement over the real files of a node: restarts, damage, and room that is given back.

#![cfg(test)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use raft::disk::{Disk, Files, Found};
use raft::{
    Answer, CallError, Calling, Command, FoundWhat, Group, Lane, Options, Query, Timing, Transport,
    Voter,
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

/// Opens the files, as soon as those who had them have let go.
fn open(dir: &Path) -> Result<(Files, Vec<String>), Found> {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let opened = match Store::open(dir) {
            Ok(store) => Files::open(&store),
            Err(error) => Err(error.into()),
        };
        match opened {
            Err(Found::InUse(error)) => {
                assert!(std::time::Instant::now() < deadline, "{error}");
                // tidy: sleep, the files are let go by tasks that end on their own
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened,
        }
    }
}

async fn start(dir: &Path) -> Group {
    let (files, _) = open(dir).unwrap();
    let options = Options {
        me: Voter([1; 16]),
        timing: Timing::LOCAL,
        wall: Arc::new(|| 0),
    };
    let disk: Arc<dyn Disk> = Arc::new(files);
    let group = Group::start(options, disk, Arc::new(Alone)).await.unwrap();
    group.found().await.unwrap();
    group
}

async fn put(group: &Group, key: &str, value: &[u8]) {
    let put = group.command(Command::put(key, value, None)).await;
    assert!(matches!(put, Ok(Answer::Done(_))), "{put:?}");
}

async fn get(group: &Group, key: &str) -> Option<Vec<u8>> {
    match group.ask(Query::Get(key.into())).await.unwrap().what {
        FoundWhat::Key(found) => found.map(|one| one.value.to_vec()),
        other => panic!("{other:?}"),
    }
}

fn run<F: Future<Output = ()>>(run: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(run);
}

fn overwrite(path: &Path, bytes: impl AsRef<[u8]>) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(bytes.as_ref()).unwrap();
}

fn journals(dir: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(dir.join("journal/raft")).unwrap();
    let paths = found.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "journal"))
        .collect();
    paths.sort();
    paths
}

fn bytes_below(dir: &Path) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        bytes += match path.is_dir() {
            true => bytes_below(&path),
            false => fs::metadata(path).unwrap().len(),
        };
    }
    bytes
}

#[test]
fn a_restart_and_a_torn_tail_lose_nothing_that_was_acknowledged() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let group = start(dir.path()).await;
        for number in 0..100_u8 {
            put(&group, &format!("{}", number % 10), &[number]).await;
        }
        group.stop().await;
        drop(group);
        let last = journals(dir.path()).pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        bytes.extend_from_slice(b"half of a record that a crash cut off");
        overwrite(&last, bytes);
        let group = start(dir.path()).await;
        assert_eq!(get(&group, "9").await, Some(vec![99]));
        put(&group, "9", b"on").await;
        group.stop().await;
        drop(group);
        let group = start(dir.path()).await;
        assert_eq!(get(&group, "9").await, Some(b"on".to_vec()));
        group.stop().await;
    });
}

#[test]
fn a_damaged_middle_and_a_lost_card_keep_a_node_from_voting() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let group = start(dir.path()).await;
        for number in 0..50_u8 {
            put(&group, "k", &[number; 100]).await;
        }
        group.stop().await;
        drop(group);
        drop(open(dir.path()).unwrap());
        let first = journals(dir.path()).remove(0);
        let sound = fs::read(&first).unwrap();
        let mut damaged = sound.clone();
        // Behind the records is room for more.
        let written = sound.iter().rposition(|byte| *byte != 0).unwrap();
        damaged[written / 2] ^= 1;
        overwrite(&first, damaged);
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(error, Found::Damaged(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("takes no part") && text.contains("opsbro raft rejoin"),
            "{text}"
        );
        overwrite(&first, sound);
        drop(open(dir.path()).unwrap());
        let card = dir.path().join("state/raft.document");
        let votes = fs::read(&card).unwrap();
        overwrite(&card, b"junk");
        assert!(matches!(open(dir.path()), Err(Found::Damaged(_))));
        // The junk was moved aside, and what is absent is no less suspicious.
        assert!(matches!(open(dir.path()), Err(Found::Damaged(_))));
        overwrite(&card, votes);
        let group = start(dir.path()).await;
        assert_eq!(get(&group, "k").await, Some(vec![49; 100]));
        group.stop().await;
        drop(group);
        drop(open(dir.path()).unwrap());
        Files::wipe(&Store::open(dir.path()).unwrap()).unwrap();
        let group = start(dir.path()).await;
        assert_eq!(
            get(&group, "k").await,
            None,
            "a node that was wiped begins anew"
        );
        group.stop().await;
    });
}

#[test]
fn a_snapshot_gives_back_the_room_of_the_log() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let group = start(dir.path()).await;
        let value = vec![7; 200_000];
        for number in 0..150 {
            put(&group, &format!("{}", number % 10), &value).await;
        }
        let before = bytes_below(dir.path());
        assert!(before > 10_000_000, "{before}");
        // The last entries stay for those who are a little late: small ones from here on.
        for number in 0..80_u8 {
            put(&group, "small", &[number]).await;
        }
        group.snapshot().await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while bytes_below(dir.path()) > before * 2 / 3 {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{}",
                bytes_below(dir.path())
            );
            // tidy: sleep, the log is dropped by a task of its own
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        group.stop().await;
        drop(group);
        let group = start(dir.path()).await;
        assert_eq!(get(&group, "9").await, Some(value));
        group.stop().await;
    });
}
