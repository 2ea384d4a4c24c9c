//! A full disk: the error says what and how much, work goes on in memory, and space that returns
//! is used without anyone's doing.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::WallTime;
use store::document::{Content, Loaded};
use store::journal::{self, Check, Order, Query, Recovery};
use store::{History, Journal, Store};

use crate::mount::{self, Mount};

const FULL_BYTES: u64 = 1 << 20;

fn options() -> journal::Options {
    journal::Options {
        segment_bytes_max: 64 << 10,
        record_bytes_max: 512 << 10,
        bounds: None,
        grow_bytes: 32 << 10,
        check: Check::Everything,
    }
}

fn at(millis: u64) -> WallTime {
    WallTime::from_millis(millis)
}

/// Runs a test on a small tmpfs and on a small ext4, which tell a full disk at different moments.
fn on_small_disks(name: &str, test: impl Fn(&Path)) {
    let dir = mount::image_dir();
    let image = dir.path().join("image");
    let mounts = [
        Mount::tmpfs(FULL_BYTES),
        mount::make_image(&image, 16 << 20).and_then(|()| Mount::image(&image)),
    ];
    for mount in mounts {
        match mount {
            Ok(mount) => test(mount.path()),
            Err(reason) => return mount::skip(name, &reason),
        }
    }
}

/// Takes all the room that is left, to the last byte.
fn fill(dir: &Path) -> PathBuf {
    let path = dir.join("ballast");
    let mut file = File::create(&path).unwrap();
    for bytes in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; bytes]).is_ok() {}
    }
    path
}

/// Leaves room for a few pages.
fn shrink(ballast: &Path, bytes: u64) {
    let file = File::options().write(true).open(ballast).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes)
        .unwrap();
    // ext4 gives the room to others only when the change is in its journal.
    rustix::fs::syncfs(&file).unwrap();
}

/// Gives all the room back.
fn free(ballast: &Path) {
    shrink(ballast, fs::metadata(ballast).unwrap().len());
    fs::remove_file(ballast).unwrap();
}

fn texts(history: &History) -> Vec<String> {
    let page = history
        .read(&Query::all(Order::OldestFirst, usize::MAX, usize::MAX))
        .unwrap();
    assert!(page.damage.is_empty());
    page.records
        .into_iter()
        .map(|one| String::from_utf8(one.payload).unwrap())
        .collect()
}

#[test]
fn a_journal_on_a_full_disk_names_path_and_need_and_stays_clean() {
    on_small_disks("a journal on a full disk", |disk| {
        let dir = disk.join("journal");
        let mut journal = Journal::open(&dir, options()).unwrap().0;
        journal.append(&[(at(1), vec![1; 100])]).unwrap();
        let ballast = fill(disk);
        shrink(&ballast, 8 << 10);
        let error = journal.append(&[(at(2), vec![2; 50_000])]).unwrap_err();
        assert!(error.is_full());
        let text = error.to_string();
        let start = format!("cannot write {}/", dir.display());
        assert!(text.starts_with(&start), "{text}");
        assert!(
            text.ends_with(".journal: no space left, 48.8 KiB needed"),
            "{text}"
        );
        // What did not fit has given back its room, and a smaller record takes it.
        let small = journal.append(&[(at(3), vec![3; 100])]).unwrap();
        assert_eq!(small.start.0, 2);
        fill(disk);
        assert!(
            journal
                .append(&[(at(4), vec![4; 300_000])])
                .unwrap_err()
                .is_full()
        );
        drop(journal);
        let (mut journal, recovery) = Journal::open(&dir, options()).unwrap();
        assert_eq!(recovery, Recovery::default());
        assert!(
            journal
                .append(&[(at(4), vec![4; 300_000])])
                .unwrap_err()
                .is_full()
        );
        free(&ballast);
        assert_eq!(
            journal
                .append(&[(at(5), vec![5; 300_000])])
                .unwrap()
                .start
                .0,
            3
        );
        let all = Query::all(Order::OldestFirst, 10, 1 << 20);
        let page = journal.reader().read(&all).unwrap();
        let told: Vec<_> = page
            .records
            .iter()
            .map(|r| (r.position.0, r.payload[0]))
            .collect();
        assert_eq!(told, [(1, 1), (2, 3), (3, 5)]);
    });
}

#[test]
fn room_is_used_on_a_full_disk_and_given_up_before_a_record_is_refused() {
    on_small_disks("room on a full disk", |disk| {
        let dir = disk.join("journal");
        let mut journal = Journal::open(&dir, options()).unwrap().0;
        journal.append(&[(at(1), vec![1; 100])]).unwrap();
        assert_eq!(journal.reader().stats().bytes, 32 << 10);
        let ballast = fill(disk);
        journal.append(&[(at(2), vec![2; 30_000])]).unwrap();
        shrink(&ballast, 16 << 10);
        // Not enough for another step, and enough for what is written.
        journal.append(&[(at(3), vec![3; 8_000])]).unwrap();
        let bytes = journal.reader().stats().bytes;
        assert_eq!(bytes, 32 + 3 * 24 + 100 + 30_000 + 8_000);
        drop(journal);
        let (journal, recovery) = Journal::open(&dir, options()).unwrap();
        assert_eq!(recovery, Recovery::default());
        assert_eq!(journal.reader().stats().records, 3);
        assert_eq!(journal.reader().stats().bytes, bytes);
    });
}

#[test]
fn a_history_goes_on_in_memory_and_recovers_by_itself() {
    on_small_disks("a history on a full disk", |disk| {
        let dir = disk.join("store");
        let store = Store::open(&dir).unwrap();
        let history = store.history("checks", at(0)).unwrap().0;
        let record = |count: u64| {
            let text = format!("{count:06}{}", "x".repeat(2_000));
            history.record(at(count), text.as_bytes()).unwrap();
            text
        };
        let mut expect = vec![record(0)];
        store.tick(at(0));
        assert!(store.health().is_empty());
        let ballast = fill(disk);
        for count in 1..100 {
            expect.push(record(count));
            store.tick(at(count));
        }
        let health = store.health();
        let (part, trouble) = &health[0];
        assert_eq!(part, "history/checks");
        assert!(
            trouble.error.is_full() && trouble.since <= at(3),
            "{trouble:?}"
        );
        assert!(trouble.waiting > 90 && trouble.dropped == 0, "{trouble:?}");
        assert!(
            trouble
                .error
                .path()
                .unwrap()
                .starts_with(dir.join("history/checks"))
        );
        assert!(trouble.error.need_bytes().unwrap() > 100_000, "{trouble:?}");
        assert_eq!(texts(&history), expect, "reading goes on");
        // A little room lets nothing through, or a part, but never one twice or out of order.
        shrink(&ballast, 100 << 10);
        store.tick(at(100));
        assert_eq!(texts(&history), expect);
        free(&ballast);
        store.tick(at(101));
        assert!(store.health().is_empty(), "{:?}", store.health());
        assert_eq!(history.stats().waiting, 0);
        assert_eq!(texts(&history), expect);
        drop((history, store));
        let store = Store::open(&dir).unwrap();
        let (history, recovery) = store.history("checks", at(102)).unwrap();
        assert_eq!(recovery, Recovery::default());
        assert_eq!(texts(&history), expect);
    });
}

#[test]
fn memory_for_what_waits_is_limited_and_what_it_drops_is_counted() {
    on_small_disks("a long time on a full disk", |disk| {
        let dir = disk.join("store");
        let store = Store::open(&dir).unwrap();
        fill(disk);
        let history = store.history("checks", at(0)).unwrap().0;
        for count in 0..60 {
            history.record(at(count), &[b'x'; 100_000]).unwrap();
            store.tick(at(count));
        }
        let health = store.health();
        let trouble = &health[0].1;
        assert!(trouble.waiting_bytes <= model::limits::DISK_FULL_BUFFER_BYTES_MAX);
        assert_eq!(trouble.waiting as u64 + trouble.dropped, 60);
        assert!(trouble.dropped > 15);
        let newest = history.read(&Query::all(Order::NewestFirst, 1, 1)).unwrap();
        assert_eq!(newest.records[0].time, at(59));
    });
}

#[test]
fn an_agent_starts_on_a_full_disk_and_keeps_its_documents() {
    on_small_disks("a document on a full disk", |disk| {
        let dir = disk.join("store");
        let content = |byte: u8| Content {
            version: 1,
            bytes: vec![byte; 20_000],
        };
        Store::open(&dir)
            .unwrap()
            .save("state", content(1), at(0))
            .unwrap();
        let ballast = fill(disk);
        let store = Store::open(&dir).unwrap();
        assert_eq!(store.load("state").unwrap(), Loaded::Present(content(1)));
        let error = store.save("state", content(2), at(1)).unwrap_err();
        let path = dir.join("state/state.document");
        let text = format!(
            "cannot write {}: no space left, 19.5 KiB needed",
            path.display()
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(store.load("state").unwrap(), Loaded::Present(content(2)));
        assert_eq!(
            fs::read_dir(dir.join("state")).unwrap().count(),
            1,
            "nothing is left"
        );
        store.tick(at(2));
        assert_eq!(store.health()[0].1.since, at(1));
        free(&ballast);
        store.tick(at(3));
        assert!(store.health().is_empty());
        drop(store);
        let store = Store::open(&dir).unwrap();
        assert_eq!(store.load("state").unwrap(), Loaded::Present(content(2)));
    });
}

#[test]
fn room_is_proved_and_free_again() {
    on_small_disks("room is proved", |dir| {
        let ballast = fill(dir);
        let error = store::file::prove_room(dir, 128 << 10).unwrap_err();
        assert!(error.is_full(), "{error}");
        assert!(error.to_string().contains("128.0 KiB needed"), "{error}");
        free(&ballast);
        // ext4 gives room to others a moment after it has told that its journal is written.
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = store::file::prove_room(dir, 512 << 10) {
            assert!(error.is_full() && Instant::now() < deadline, "{error}");
            rustix::fs::syncfs(File::open(dir).unwrap()).unwrap();
        }
        for _ in 0..10 {
            store::file::prove_room(dir, 512 << 10).unwrap();
        }
        let names = fs::read_dir(dir)
            .unwrap()
            .map(|one| one.unwrap().file_name());
        assert!(names.into_iter().all(|name| name == "lost+found"));
    });
}
