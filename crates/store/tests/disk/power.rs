//! Power loss: only what the file system has handed to its device survives.
//!
//! The writer works on an ext4 image behind a loop device. It is frozen, and the file behind the
//! device is copied: bytes that the mounted file system still holds in memory are not in it, as
//! they would not be on a disk after a power loss. The copy is mounted, ext4 replays its journal,
//! and the store must open and have everything that was acknowledged. The next round goes on with
//! the copy. A careless writer, which acknowledges without a sync, must lose: that proves the rest.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::mount::{self, Mount};
use crate::writer::{Acknowledged, Mode, Writer, careless_is_intact};
use crate::{Random, rounds, say};

const IMAGE_BYTES: u64 = 32 << 20;
/// Rounds on one image, which then has little room left.
const ROUNDS_ON_ONE: u32 = 10;

#[test]
fn power_loss_loses_nothing_that_was_acknowledged() {
    let mut random = Random::from_environment();
    let started = Instant::now();
    let rounds = rounds(15, 50);
    let mut count = 0;
    let dir = mount::image_dir();
    let image = dir.path().join("image");
    let mut acknowledged = Acknowledged::default();
    for round in 0..rounds {
        if round % ROUNDS_ON_ONE == 0 {
            if let Err(reason) = mount::make_image(&image, IMAGE_BYTES) {
                return mount::skip("power loss", &reason);
            }
            count += acknowledged.len();
            acknowledged = Acknowledged::default();
        }
        let lost = match lose_power(&image, &mut random, Mode::Store) {
            Ok(lost) => lost,
            Err(reason) => return mount::skip("power loss", &reason),
        };
        acknowledged.take_in(&lost);
        let mount = Mount::image(&image).unwrap();
        acknowledged.verify(&mount.path().join("store"), &format!("round {round}"));
    }
    count += acknowledged.len();
    let took = started.elapsed();
    say(&format!(
        "power: {rounds} rounds, {count} acknowledged, {took:.1?}"
    ));
}

#[test]
fn power_loss_takes_what_was_acknowledged_without_a_sync() {
    let mut random = Random::from_environment();
    let dir = mount::image_dir();
    let image = dir.path().join("image");
    for _ in 0..rounds(3, 10) {
        let made = mount::make_image(&image, IMAGE_BYTES);
        let lost = made.and_then(|()| lose_power(&image, &mut random, Mode::Careless));
        let lines = match lost {
            Ok(lines) => lines,
            Err(reason) => return mount::skip("the control of power loss", &reason),
        };
        let mount = Mount::image(&image).unwrap();
        let is_intact = careless_is_intact(&mount.path().join("store"), &lines);
        assert!(!is_intact, "this harness would not notice a missing sync");
    }
}

/// Lets a writer work on the image until the power fails, leaves the image as the disk would be,
/// and gives what the writer had printed.
fn lose_power(image: &Path, random: &mut Random, mode: Mode) -> Result<Vec<String>, String> {
    let mount = Mount::image(image)?;
    let store = mount.path().join("store");
    let _ = fs::create_dir(&store);
    let mut writer = Writer::start(&store, random.next(), mode);
    writer.wait_for(20 + random.below(400));
    for _ in 0..random.below(200_000) {
        std::hint::spin_loop();
    }
    freeze(writer.child.id());
    let after = image.with_extension("after");
    fs::copy(image, &after).unwrap();
    let lines = writer.kill();
    drop(mount);
    fs::rename(after, image).unwrap();
    Ok(lines)
}

/// Stops a process and waits until none of its threads is in the kernel any more: the copy must
/// not see a sync half way through.
fn freeze(pid: u32) {
    let process = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_frozen(pid) {
        assert!(Instant::now() < deadline, "the writer does not stop");
        std::thread::yield_now();
    }
}

fn is_frozen(pid: u32) -> bool {
    fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            // The state is the first word behind the name, which is in parentheses.
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        })
}
