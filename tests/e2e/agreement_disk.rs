//! Keys on a disk that fails for want of power.
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
use tests::{Agent, Home, wait_for};

use crate::agreement::{QUIET, get, is_put, rounds};

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

fn number(agent: &Agent) -> u64 {
    get(agent, "counter")["value"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
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
