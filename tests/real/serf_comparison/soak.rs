//! Agents that are let be, on a bad network and a busy machine: nobody may be held for dead.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cost;
use crate::crowd::{Crowd, Saw};
use crate::print;

/// Watches agents that all live, for a time, and counts what they say of each other.
pub(crate) fn soak(mut crowd: Crowd, time: Duration, loss_percent: u32, busy: bool) {
    let (kind, size) = (crowd.kind, crowd.size());
    crowd.start_all();
    crowd.settle(Duration::from_secs(5));
    let loss = Loss::new(loss_percent);
    let burners: Vec<Burner> = (0..if busy { cores() } else { 0 })
        .map(|_| Burner::new())
        .collect();
    let began = Instant::now();
    let (mut suspicions, mut deaths) = (0, 0);
    while began.elapsed() < time {
        // tidy: sleep, logs tell nobody when they grow
        std::thread::sleep(Duration::from_millis(500));
        for (at, saw, name, when) in crowd.look() {
            match saw {
                Saw::Alive => {}
                Saw::Suspect => suspicions += 1,
                Saw::Dead => {
                    deaths += 1;
                    let when = (when - began).as_secs();
                    println!(
                        "after {when} s {} held {name} for dead",
                        crowd.agents[at].name
                    );
                }
            }
        }
    }
    cost::measure(&crowd, Duration::from_secs(20));
    drop(burners);
    drop(loss);
    let minutes = time.as_secs_f64() / 60.0;
    print(
        kind,
        size,
        "soak",
        minutes,
        &format!("min-at-{loss_percent}%-loss-busy-{busy}"),
    );
    print(
        kind,
        size,
        "false-suspicions",
        f64::from(suspicions),
        "reports",
    );
    print(kind, size, "false-deaths", f64::from(deaths), "reports");
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Loses packets of loopback while it lives.
struct Loss;

impl Loss {
    fn new(percent: u32) -> Self {
        if percent > 0 {
            let share = format!("{}", f64::from(percent) / 100.0);
            let rule = [
                "-A",
                "INPUT",
                "-m",
                "statistic",
                "--mode",
                "random",
                "--probability",
            ];
            iptables(&[&rule[..], &[&share, "-j", "DROP"]].concat());
        }
        Self
    }
}

impl Drop for Loss {
    fn drop(&mut self) {
        iptables(&["-F", "INPUT"]);
    }
}

fn iptables(words: &[&str]) {
    let status = Command::new("iptables").args(words).status();
    let is_done = status.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(
        is_done,
        "iptables {words:?} failed ({status:?}); apt-get install iptables"
    );
}

/// A process that wants a whole core.
struct Burner(Child);

impl Burner {
    fn new() -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", "while :; do :; done"])
            .stdin(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
