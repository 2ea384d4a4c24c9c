//! A timer that wakes its thread once.
//!
//! The timers of the runtime lie in a wheel, and one that is seconds away wakes its thread two or
//! three times before it is due. For a loop that wakes up for little else, that is most of what it
//! costs; a timer of the kernel is as exact and comes alone.

use std::time::Duration;

use model::Moment;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe;

use crate::clock;

/// A timer of the kernel; without one it is a timer of the runtime.
pub(crate) struct Alarm {
    timer: Option<pipe::Receiver>,
    /// What it is set for.
    set: Option<Moment>,
}

impl Alarm {
    /// Makes one that is not set; must be called inside the runtime.
    pub(crate) fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let made = timerfd_create(TimerfdClockId::Monotonic, flags);
        Self {
            // A pipe and a timer are read alike; only the check of the kind is left out.
            timer: made
                .ok()
                .and_then(|timer| pipe::Receiver::from_owned_fd_unchecked(timer).ok()),
            set: None,
        }
    }

    /// Waits until a moment; for ever without one. Loses nothing when it is dropped.
    pub(crate) async fn wait(&mut self, until: Option<Moment>) {
        let Some(until) = until else {
            return std::future::pending().await;
        };
        while until > clock::now() {
            let left = until.since(clock::now());
            let Some(timer) = &self.timer else {
                return tokio::time::sleep(left).await;
            };
            if self.set != Some(until) {
                if set(timer, left).is_err() {
                    return tokio::time::sleep(left).await;
                }
                self.set = Some(until);
            }
            if timer.readable().await.is_err() {
                return tokio::time::sleep(left).await;
            }
            // One that was set anew meanwhile has nothing to read yet.
            if timer.try_read(&mut [0; 8]).is_ok() {
                self.set = None;
            }
        }
    }
}

fn set(timer: &pipe::Receiver, left: Duration) -> rustix::io::Result<()> {
    let zero = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let value = Itimerspec {
        it_interval: zero,
        it_value: Timespec::try_from(left).unwrap_or(zero),
    };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &value).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_when_it_is_time_and_can_be_set_anew() {
        let mut alarm = Alarm::new();
        let later = clock::now() + Duration::from_secs(600);
        let soon = clock::now() + Duration::from_millis(20);
        tokio::select! {
            () = alarm.wait(Some(later)) => panic!("it rang ten minutes early"),
            () = std::future::ready(()) => {}
        }
        alarm.wait(Some(soon)).await;
        assert!(clock::now() >= soon);
        let next = clock::now() + Duration::from_millis(5);
        alarm.wait(Some(next)).await;
        assert!(clock::now() >= next);
        // What is over is over at once.
        alarm.wait(Some(soon)).await;
    }
}
