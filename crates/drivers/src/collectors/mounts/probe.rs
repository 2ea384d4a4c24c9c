//! Looks at file systems that may never answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use model::limits::MOUNT_PROBES_MAX;
use rustix::io::Errno;

use crate::Deadline;

/// How long a mount may take to answer. A server at the other end of the world needs half a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// A system call needs next to nothing.
const STACK_BYTES: usize = 64 << 10;

/// What a look at a mount found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    /// It did not answer in time, now or when it was last asked.
    Hung,
    /// Its server, or its program, does not know it any more.
    Stale,
    /// It answered with this error.
    Failed(String),
}

type Answer = Result<(), Errno>;

/// Looks that have not come back, by path. A thread whose answer nobody waits for ends when the
/// mount answers or is unmounted; it holds nothing but its small stack.
#[derive(Default)]
pub(super) struct Probes {
    away: BTreeMap<String, Receiver<Answer>>,
}

impl Probes {
    /// Looks at mounts, all at once: the path that names each, and where it is from here.
    pub(super) fn look(
        &mut self,
        mounts: &[(String, PathBuf)],
        deadline: Deadline,
    ) -> BTreeMap<String, State> {
        let deadline = deadline.at_most(PATIENCE.min(deadline.remaining() / 2));
        // What is not mounted any more is forgotten.
        self.away
            .retain(|path, _| mounts.iter().any(|(mounted, _)| mounted == path));
        let mut states = BTreeMap::new();
        for (name, path) in mounts {
            if !self.away.contains_key(name) {
                if self.away.len() == MOUNT_PROBES_MAX {
                    let problem = format!(
                        "not looked at, as {MOUNT_PROBES_MAX} others are hung or being looked at"
                    );
                    states.insert(name.clone(), State::Failed(problem));
                    continue;
                }
                match start(path.clone()) {
                    Ok(answer) => {
                        self.away.insert(name.clone(), answer);
                    }
                    Err(error) => {
                        let problem = format!("no thread could be started to look at it: {error}");
                        states.insert(name.clone(), State::Failed(problem));
                    }
                }
            }
        }
        self.away.retain(|name, answer| {
            let found = match answer.recv_timeout(deadline.remaining()) {
                Ok(Ok(())) => State::Ok,
                Ok(Err(errno)) => failed(errno),
                Err(RecvTimeoutError::Timeout) => State::Hung,
                Err(RecvTimeoutError::Disconnected) => {
                    State::Failed("the look at it broke off".to_owned())
                }
            };
            let is_away = found == State::Hung;
            states.insert(name.clone(), found);
            is_away
        });
        states
    }
}

fn start(path: PathBuf) -> std::io::Result<Receiver<Answer>> {
    let (tx, rx) = sync_channel(1);
    thread::Builder::new()
        .name("mount-probe".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let answer = rustix::fs::statvfs(&path).map(drop);
            // Nobody waits any more when the collector is gone.
            let _ = tx.send(answer);
        })?;
    Ok(rx)
}

fn failed(errno: Errno) -> State {
    match errno {
        Errno::STALE | Errno::NOTCONN | Errno::HOSTDOWN => State::Stale,
        // It answers, and to whom is its own affair.
        Errno::ACCESS | Errno::PERM => State::Ok,
        other => State::Failed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    #[test]
    fn a_folder_answers_and_what_is_not_there_fails() {
        let folder = tempfile::tempdir().unwrap();
        let mounts = [
            ("/a".to_owned(), folder.path().to_owned()),
            ("/b".to_owned(), folder.path().join("none")),
        ];
        let mut probes = Probes::default();
        let states = probes.look(&mounts, deadline());
        assert_eq!(states["/a"], State::Ok);
        assert!(matches!(states["/b"], State::Failed(_)));
        assert!(probes.away.is_empty());
    }

    #[test]
    fn a_look_that_is_away_is_hung_and_not_repeated() {
        let (tx, rx) = sync_channel(1);
        let mut probes = Probes::default();
        probes.away.insert("/hung".to_owned(), rx);
        let mounts = [("/hung".to_owned(), PathBuf::from("/"))];
        let short = || Deadline::after(Duration::from_millis(20));
        assert_eq!(probes.look(&mounts, short())["/hung"], State::Hung);
        assert_eq!(probes.look(&mounts, short())["/hung"], State::Hung);
        tx.send(Err(Errno::STALE)).unwrap();
        assert_eq!(probes.look(&mounts, short())["/hung"], State::Stale);
        // The next look is a new one.
        assert_eq!(probes.look(&mounts, deadline())["/hung"], State::Ok);
    }

    #[test]
    fn too_many_hung_mounts_are_not_all_looked_at() {
        let mut probes = Probes::default();
        let mut mounts = Vec::new();
        let mut held = Vec::new();
        for number in 0..MOUNT_PROBES_MAX {
            let (tx, rx) = sync_channel::<Answer>(1);
            held.push(tx);
            probes.away.insert(format!("/{number}"), rx);
            mounts.push((format!("/{number}"), PathBuf::from("/")));
        }
        mounts.push(("/one-more".to_owned(), PathBuf::from("/")));
        let states = probes.look(&mounts, Deadline::after(Duration::from_millis(20)));
        assert!(matches!(states["/one-more"], State::Failed(_)));
        // And what is unmounted is forgotten.
        probes.look(&[], deadline());
        assert!(probes.away.is_empty());
    }
}
