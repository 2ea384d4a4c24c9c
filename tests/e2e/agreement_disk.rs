//! Keys on disks that fail: no room, no power, and other bytes than were written.
//!
//! Power fails as it does for `store`: the data of the agent is on an ext4 image behind a loop
//! device, the agent is frozen, and the file behind the device is copied. What the mounted file
//! system still holds in memory is not in the copy, as it would not be on a disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::process::Signal;
use tests::{Agent, Home, request_over, wait_for, wait_within};

use crate::agreement::{
    QUIET, TOGETHER, get, is_put, keep_port, kv, number, rounds, seeded, state_of, together,
};

/// A file system of its own, unmounted when it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// Mounts it. Where that is not allowed the test cannot be made: in CI that is a failure.
    fn new(path: &Path, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount").args(arguments).arg(path).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(path.to_owned()));
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "this test must be allowed to mount file systems"
        );
        eprintln!("skipped: no right to mount file systems");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            // A panic here, in a test that fails, would end all the others.
            eprintln!("{} stays mounted", self.0.display());
        }
    }
}

/// Has a key put, again and again until that is acknowledged: while the lead changes hands nobody
/// may know whether it was, and to put it twice harms nobody.
fn puts(agent: &Agent, key: &str, value: &str) {
    wait_within(TOGETHER, "a key to be put", || {
        (kv(agent, &["put", key, value]).code == Some(0)).then_some(())
    });
}

/// Waits until a node knows a value by itself.
fn comes_to_know(agent: &Agent, key: &str, value: &str) {
    wait_within(TOGETHER, "what the others agreed on", || {
        let got = kv(agent, &["get", key, "--stale"]);
        (got.stdout.trim_end() == value).then_some(())
    });
}

fn has_voters(agents: &[&Agent], count: usize) {
    for agent in agents {
        wait_within(TOGETHER, "the voters", || {
            (state_of(agent)?["voters"].as_array()?.len() == count).then_some(())
        });
    }
}

#[test]
fn a_voter_whose_disk_is_full_steps_aside_and_comes_back() {
    let first = Agent::start(QUIET);
    let yml = seeded(first.listen("gossip"));
    let second = Agent::start(&yml);
    let home = Home::with_port_0(&yml);
    let data = home.root().join("var/lib");
    let Some(_mount) = Mount::new(&data, &["-t", "tmpfs", "-o", "size=48m,mode=700", "none"])
    else {
        return;
    };
    let full = home.launch().ready();
    has_voters(&[&first, &second, &full], 3);
    for (leads, meanwhile) in [(false, "meanwhile"), (true, "while it led")] {
        if leads {
            takes_the_lead(&full);
        }
        puts(&full, "a", "before");
        fill(&data.join("ballast"));
        puts(&second, "a", "meanwhile");
        // Its log has room that was set aside before, for small entries.
        let large = vec![b'x'; 1_000_000];
        wait_within(TOGETHER, "it to step aside", || {
            let _ = request_over(&first.home.socket(), "PUT", "/kv/large", &[], &large);
            let told = full.opsbro(&["raft", "state"]);
            (told.code == Some(2)).then_some(())
        });
        puts(&first, "b", meanwhile);
        assert_eq!(get(&second, "b")["value"], meanwhile);
        // The write that was refused left a little room, in which it must not come back.
        let leader = state_of(&first).unwrap()["leader"].clone();
        assert_ne!(
            leader,
            full.info()["uuid"],
            "who cannot write does not lead"
        );
        assert_eq!(full.opsbro(&["raft", "state"]).code, Some(2));
        fs::remove_file(data.join("ballast")).unwrap();
        comes_to_know(&full, "b", meanwhile);
        has_voters(&[&full], 3);
        puts(&full, "a", "after");
        assert_eq!(get(&first, "a")["value"], "after");
    }
}

/// Has the lead handed to a node, again and again until it has it.
fn takes_the_lead(agent: &Agent) {
    let id = agent.info()["uuid"].as_str().unwrap().to_owned();
    wait_within(TOGETHER, "the lead to be handed over", || {
        let _ = agent.opsbro(&["raft", "transfer", &id]);
        (state_of(agent)?["leader"] == *id).then_some(())
    });
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    let mut size = 1 << 20;
    while size > 0 {
        match std::io::Write::write_all(&mut file, &vec![0; size]) {
            Ok(()) => {}
            Err(_) => size /= 2,
        }
    }
}

#[test]
fn a_torn_end_of_the_log_is_cut_and_a_damaged_middle_keeps_a_voter_out() {
    let mut agents = together(3, 3);
    agents.iter().for_each(keep_port);
    puts(&agents[0], "marked", "bytes-that-will-be-damaged");
    for number in 0..20 {
        puts(&agents[0], "more", &number.to_string());
    }
    let hurt = agents.pop().unwrap();
    comes_to_know(&hurt, "more", "19");
    // The end of a write that a crash cut off, behind all that was acknowledged.
    let home = hurt.stop();
    let log = files_of_log(&home).pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend_from_slice(b"half of a record");
    overwrite(&log, &bytes);
    puts(&agents[0], "more", "torn");
    let hurt = home.launch().ready();
    comes_to_know(&hurt, "more", "torn");
    // Bytes that had been durable, in the midst of the others.
    let home = hurt.stop();
    for log in files_of_log(&home) {
        let mut bytes = fs::read(&log).unwrap();
        let mark = b"bytes-that-will-be-damaged";
        let found = bytes.windows(mark.len()).position(|part| part == mark);
        if let Some(at) = found {
            bytes[at] ^= 1;
            overwrite(&log, &bytes);
        }
    }
    let hurt = home.launch().ready();
    let told = hurt.opsbro(&["raft", "state"]).expect(2);
    assert!(
        told.stderr.contains("damaged") && told.stderr.contains("opsbro raft rejoin"),
        "{told:?}"
    );
    puts(&agents[0], "more", "without it");
    assert_eq!(
        kv(&hurt, &["get", "more"]).code,
        Some(2),
        "it takes no part"
    );
    hurt.opsbro(&["raft", "rejoin"]).expect(0);
    comes_to_know(&hurt, "marked", "bytes-that-will-be-damaged");
    has_voters(&[&hurt], 3);
    // It votes: with it two of three are enough.
    wait_within(TOGETHER, "it to vote again", || {
        (state_of(&hurt)?["may_vote"] == true).then_some(())
    });
    drop(agents.pop());
    puts(&hurt, "more", "with it");
    assert_eq!(get(&agents[0], "more")["value"], "with it");
}

fn files_of_log(home: &Home) -> Vec<PathBuf> {
    let mut files = tests::files_below(&home.root().join("var/lib/journal/raft"));
    files.retain(|path| path.extension().is_some_and(|name| name == "journal"));
    files.sort();
    files
}

fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::create(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

#[test]
fn what_was_acknowledged_outlives_a_loss_of_power() {
    let rounds = rounds();
    let folder = image_folder();
    let image = folder.path().join("image");
    make_image(&image);
    let mut home = Home::with_port_0(QUIET);
    let data = home.root().join("var/lib");
    let mut acknowledged = 0;
    for round in 0..rounds {
        let source = image.display().to_string();
        let Some(mount) = Mount::new(&data, &["-t", "ext4", "-o", "loop", &source]) else {
            return;
        };
        let agent = home.launch().ready();
        if acknowledged > 0 {
            let last = number(&agent);
            assert!(
                last >= acknowledged,
                "round {round}: {last} after {acknowledged}"
            );
        }
        let told = Arc::new(AtomicU64::new(acknowledged));
        let is_over = Arc::new(AtomicBool::new(false));
        let writer = writer(&agent, &told, &is_over);
        let wanted = acknowledged + 20 + (round * 37) % 100;
        wait_for("writes", || {
            (told.load(Ordering::Relaxed) >= wanted).then_some(())
        });
        agent.signal(Signal::STOP);
        wait_for("the agent to be frozen", || {
            is_frozen(agent.pid()).then_some(())
        });
        let after = image.with_extension("after");
        fs::copy(&image, &after).unwrap();
        // What was acknowledged when the copy was made was so before it froze.
        acknowledged = told.load(Ordering::Relaxed);
        is_over.store(true, Ordering::Relaxed);
        home = agent.kill();
        writer.join().unwrap();
        drop(mount);
        fs::rename(&after, &image).unwrap();
    }
    assert!(acknowledged > 0);
}

/// Puts numbers, one after the other, until it is over or the agent is.
fn writer(
    agent: &Agent,
    told: &Arc<AtomicU64>,
    is_over: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let (told, is_over) = (Arc::clone(told), Arc::clone(is_over));
    let socket = agent.home.socket();
    std::thread::spawn(move || {
        for number in told.load(Ordering::Relaxed) + 1.. {
            if is_over.load(Ordering::Relaxed) || !is_put(&socket, number) {
                return;
            }
            told.store(number, Ordering::Relaxed);
        }
    })
}

fn image_folder() -> tempfile::TempDir {
    // In memory where there is room, which makes syncs cheap.
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn make_image(path: &Path) {
    let file = fs::File::create(path).unwrap();
    file.set_len(64 << 20).unwrap();
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-J", "size=4"])
        .arg(path)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "mkfs.ext4 works");
}

/// Tells whether none of the threads of a process is in the kernel any more.
fn is_frozen(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.into_iter().all(|task| {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        // The state is the first word behind the name, which is in parentheses.
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}
