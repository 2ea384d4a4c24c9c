//! Which process has a socket.
//!
//! A process shows its sockets as links (`/proc/PID/fd/3 -> socket:[621]`). Several may have one: a
//! service and its workers. The eldest of one name is the owner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Dir, Mode, OFlags, open, readlinkat};

use crate::{Deadline, Host};

/// A process with a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) pid: u32,
    /// The name, as `ps -o comm` gives it.
    pub(super) name: Arc<str>,
}

/// What is known of sockets, by their number. A socket that nobody has, or of whom this user may
/// not know, is known as nobody's and not looked for again.
#[derive(Default)]
pub(super) struct Owners {
    known: BTreeMap<u64, Option<Owner>>,
    /// How often processes were looked through.
    #[cfg(test)]
    pub(super) walks: usize,
}

/// A walk takes at most this: 100 000 links were read in 0.1 s when it was measured.
const WALK_TIME_MAX: Duration = Duration::from_secs(1);
/// Generations between a worker and its service.
const ANCESTORS_MAX: usize = 8;

impl Owners {
    /// Gives the owner of a socket.
    pub(super) fn of(&self, inode: u64) -> Option<&Owner> {
        self.known.get(&inode)?.as_ref()
    }

    /// Learns of new sockets and forgets those that are gone. An owner that ended (its socket lives
    /// on in another process) is looked for anew.
    pub(super) fn learn(&mut self, host: &Host, inodes: &BTreeSet<u64>, deadline: Deadline) {
        self.known.retain(|inode, owner| {
            let lives = |owner: &Owner| name_of(host, owner.pid).as_ref() == Some(&owner.name);
            inodes.contains(inode) && owner.as_ref().is_none_or(lives)
        });
        let is_new = |inode: &u64| *inode != 0 && !self.known.contains_key(inode);
        let wanted: BTreeSet<u64> = inodes.iter().copied().filter(is_new).collect();
        if wanted.is_empty() {
            return;
        }
        #[cfg(test)]
        {
            self.walks += 1;
        }
        let found = walk(host, wanted.clone(), deadline.at_most(WALK_TIME_MAX));
        self.known
            .extend(wanted.into_iter().map(|inode| (inode, None)));
        self.known
            .extend(found.into_iter().map(|(inode, owner)| (inode, Some(owner))));
    }
}

/// Looks through the processes, the youngest first, as a new socket is mostly a new process's.
fn walk(host: &Host, mut wanted: BTreeSet<u64>, deadline: Deadline) -> BTreeMap<u64, Owner> {
    let mut found = BTreeMap::new();
    let names = host.names("/proc", deadline).unwrap_or_default();
    let mut pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable_by(|one, two| two.cmp(one));
    for pid in pids {
        if wanted.is_empty() || deadline.is_over() {
            break;
        }
        let mine = sockets_of(host, pid, &wanted);
        if mine.is_empty() {
            continue;
        }
        for inode in mine {
            wanted.remove(&inode);
            found.extend(eldest(host, pid, inode).map(|owner| (inode, owner)));
        }
    }
    found
}

/// Goes up from a process through parents of the same name that have the socket too.
fn eldest(host: &Host, pid: u32, inode: u64) -> Option<Owner> {
    let mut owner = Owner {
        pid,
        name: name_of(host, pid)?,
    };
    for _ in 0..ANCESTORS_MAX {
        let Some(parent) = parent_of(host, owner.pid) else {
            break;
        };
        let is_elder = name_of(host, parent).as_ref() == Some(&owner.name)
            && !sockets_of(host, parent, &BTreeSet::from([inode])).is_empty();
        if !is_elder {
            break;
        }
        owner.pid = parent;
    }
    Some(owner)
}

fn name_of(host: &Host, pid: u32) -> Option<Arc<str>> {
    host.word(&format!("/proc/{pid}/comm"))
        .filter(|name| !name.is_empty())
        .map(Arc::from)
}

/// Reads the fourth field of `611 (name) S 1 …`; the name may hold anything, parentheses too.
fn parent_of(host: &Host, pid: u32) -> Option<u32> {
    let stat = host.word(&format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
        .filter(|parent| *parent > 0)
}

/// Gives those of the wanted sockets that a process has. What it does not let us see it has not.
fn sockets_of(host: &Host, pid: u32, wanted: &BTreeSet<u64>) -> Vec<u64> {
    let mut mine = Vec::new();
    let Ok(path) = host.path(&format!("/proc/{pid}/fd")) else {
        return mine;
    };
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(folder) = open(path, flags, Mode::empty()) else {
        return mine;
    };
    let Ok(entries) = Dir::read_from(&folder) else {
        return mine;
    };
    let mut buffer = Vec::new();
    for entry in entries.flatten() {
        let Ok(target) = readlinkat(&folder, entry.file_name(), buffer) else {
            buffer = Vec::new();
            continue;
        };
        if let Some(inode) = inode_of(target.as_bytes()).filter(|inode| wanted.contains(inode)) {
            mine.push(inode);
        }
        buffer = target.into_bytes();
    }
    mine
}

/// Reads `socket:[621]`.
fn inode_of(target: &[u8]) -> Option<u64> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
