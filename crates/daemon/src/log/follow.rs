//! Following the log: a bounded live stream of one part or of all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::limits;
use tokio::sync::mpsc;

use super::level::LogLevel;
use super::line::Line;

/// Those who follow the log.
#[derive(Default)]
pub(super) struct Followers {
    all: Mutex<Vec<Follower>>,
}

struct Follower {
    part: Option<usize>,
    level: LogLevel,
    lines: mpsc::Sender<Arc<Line>>,
    missed: Arc<AtomicU64>,
}

/// A live stream of lines.
pub(crate) struct Following {
    lines: mpsc::Receiver<Arc<Line>>,
    missed: Arc<AtomicU64>,
}

/// Tells why one cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowError {
    /// There is no part of this name.
    NoSuchPart,
    /// Too many follow already.
    TooMany,
}

impl Followers {
    pub(super) fn add(
        &self,
        part: Option<usize>,
        level: LogLevel,
    ) -> Result<Following, FollowError> {
        let mut all = self.lock();
        all.retain(|follower| !follower.lines.is_closed());
        if all.len() >= limits::LOG_FOLLOWERS_MAX {
            return Err(FollowError::TooMany);
        }
        let (tx, lines) = mpsc::channel(limits::LOG_FOLLOW_QUEUE_MAX);
        let missed = Arc::new(AtomicU64::new(0));
        all.push(Follower {
            part,
            level,
            lines: tx,
            missed: Arc::clone(&missed),
        });
        Ok(Following { lines, missed })
    }

    /// Tells the most talkative level that anybody follows a part at.
    pub(super) fn level_of(&self, part: usize) -> LogLevel {
        let all = self.lock();
        let wanted = all.iter().filter(|follower| follower.follows(part));
        wanted
            .map(|follower| follower.level)
            .max()
            .unwrap_or(LogLevel::Error)
    }

    pub(super) fn send(&self, line: &Arc<Line>) {
        let mut all = self.lock();
        all.retain(|follower| !follower.lines.is_closed());
        for follower in all
            .iter()
            .filter(|f| f.follows(line.part) && line.level <= f.level)
        {
            if follower.lines.try_send(Arc::clone(line)).is_err() {
                follower.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Follower>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    fn follows(&self, part: usize) -> bool {
        !self.lines.is_closed() && self.part.is_none_or(|wanted| wanted == part)
    }
}

impl Following {
    /// Waits for the next line. `None` when the log has ended.
    pub(crate) async fn next(&mut self) -> Option<Arc<Line>> {
        self.lines.recv().await
    }

    /// Tells how many lines were missed since the last call, because they came too fast.
    pub(crate) fn take_missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::WallTime;

    fn line(part: usize, level: LogLevel) -> Arc<Line> {
        let wall = WallTime::from_millis(0);
        Arc::new(Line {
            wall,
            level,
            part,
            message: String::new(),
            fields: Vec::new(),
        })
    }

    #[tokio::test]
    async fn a_follower_gets_its_part_and_what_it_missed_is_counted() {
        let followers = Followers::default();
        let mut following = followers.add(Some(2), LogLevel::Debug).unwrap();
        assert_eq!(followers.level_of(2), LogLevel::Debug);
        assert_eq!(followers.level_of(1), LogLevel::Error);
        followers.send(&line(1, LogLevel::Error));
        followers.send(&line(2, LogLevel::Trace));
        for _ in 0..limits::LOG_FOLLOW_QUEUE_MAX + 3 {
            followers.send(&line(2, LogLevel::Info));
        }
        assert_eq!(
            following.next().await.map(|line| line.level),
            Some(LogLevel::Info)
        );
        assert_eq!(following.take_missed(), 3);
    }

    #[test]
    fn followers_are_limited_and_leave_when_they_are_dropped() {
        let followers = Followers::default();
        let follow = || followers.add(None, LogLevel::Trace);
        let all: Vec<_> = (0..limits::LOG_FOLLOWERS_MAX)
            .map(|_| follow().ok())
            .collect();
        assert_eq!(follow().err(), Some(FollowError::TooMany));
        drop(all);
        assert_eq!(followers.level_of(0), LogLevel::Error);
        assert!(follow().is_ok());
    }
}
