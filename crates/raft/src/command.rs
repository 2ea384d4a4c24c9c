//! What a client may ask of the agreed state, and how commands travel in the log.

use serde::{Deserialize, Serialize};

use crate::state::quota::Quota;
use crate::words::{Clock, GroupId, Key, Revision, SessionId, Value, Voter};

/// The version of the bytes of a batch; it stands first in them.
const VERSION: u8 = 1;

/// Commands that are one entry of the log, with the time at which the leader took them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The time of leases; one that lies before an earlier one counts as that one.
    pub clock: Clock,
    /// Milliseconds of wall time, only ever shown to people.
    pub wall: u64,
    /// The commands, made one after the other.
    pub commands: Vec<Command>,
}

/// One wish of a client. Each is made as a whole or refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Writes keys when all checks hold.
    Transact {
        /// What must be so.
        checks: Vec<Check>,
        /// What is written; each key once.
        writes: Vec<Write>,
    },
    /// Gives a key its earlier value, which may be that it was absent.
    Undo {
        /// The key.
        key: Key,
        /// As it was at that revision; before its last change when absent.
        to: Option<Revision>,
    },
    /// Bounds what may be below a prefix, or takes the bound away.
    Bound {
        /// The beginning of the keys.
        prefix: String,
        /// The bound.
        quota: Option<Quota>,
    },
    /// Opens a session, or renews it when it is open.
    Open {
        /// Made up by the client.
        session: SessionId,
        /// Time without renewal after which it ends.
        ttl_ms: u64,
        /// The node that keeps it.
        node: Voter,
        /// What it is for, for people.
        name: String,
    },
    /// Renews sessions; those that have ended are named in the answer.
    Renew {
        /// The sessions.
        sessions: Vec<SessionId>,
    },
    /// Ends a session and lets go of its locks.
    Close {
        /// The session.
        session: SessionId,
    },
    /// Takes a slot of a lock, or gets in line for it.
    Acquire {
        /// The name of the lock.
        lock: Key,
        /// Who holds it then.
        session: SessionId,
        /// How many may hold it at one time; all who use the lock must say the same.
        slots: u32,
        /// Whether to stand in line when it is taken.
        wait: bool,
    },
    /// Gives a slot back, or leaves the line.
    Release {
        /// The name of the lock.
        lock: Key,
        /// Who held it or waited.
        session: SessionId,
    },
    /// Takes a lock away from who holds it.
    Force {
        /// The name of the lock.
        lock: Key,
        /// The token of one holder; all of them when absent.
        token: Option<Revision>,
    },
    /// Names the group; only the first name counts.
    Name {
        /// The name.
        group: GroupId,
    },
    /// Takes the place of another group: its nodes drop what they have, and join this one.
    Absorb {
        /// The other group.
        group: GroupId,
    },
    /// Lets all nodes of this group drop what they have, and join another one.
    Yield {
        /// The other group.
        to: GroupId,
    },
}

/// What must be so for a transaction to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// The key was last written at this revision; [`Revision::NONE`]: it is absent.
    Revision(Key, Revision),
    /// The key has this value.
    Value(Key, Value),
    /// The lock is held with this fencing token.
    Held(Key, Revision),
}

/// One write of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Write {
    /// Gives a key a value.
    Put {
        /// The key.
        key: Key,
        /// Its value.
        value: Value,
        /// Time after which it goes away.
        ttl_ms: Option<u64>,
    },
    /// Takes a key away; it may be absent.
    Delete {
        /// The key.
        key: Key,
    },
}

impl Write {
    /// Gives the key that is written.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

impl Command {
    /// Writes one key, when the check holds.
    pub fn put(key: &str, value: &[u8], check: Option<Check>) -> Self {
        Self::Transact {
            checks: check.into_iter().collect(),
            writes: vec![Write::Put {
                key: key.into(),
                value: Value::new(value),
                ttl_ms: None,
            }],
        }
    }

    /// Takes one key away, when the check holds.
    pub fn delete(key: &str, check: Option<Check>) -> Self {
        let key = key.into();
        Self::Transact {
            checks: check.into_iter().collect(),
            writes: vec![Write::Delete { key }],
        }
    }

    /// Gives about how many bytes it takes in the log.
    pub fn bytes(&self) -> usize {
        const OF_EACH: usize = 64;
        match self {
            Self::Transact { checks, writes } => {
                let checks = checks.iter().map(|check| match check {
                    Check::Revision(key, _) | Check::Held(key, _) => OF_EACH + key.len(),
                    Check::Value(key, value) => OF_EACH + key.len() + value.len(),
                });
                let writes = writes.iter().map(|write| match write {
                    Write::Put { key, value, .. } => OF_EACH + key.len() + value.len(),
                    Write::Delete { key } => OF_EACH + key.len(),
                });
                OF_EACH + checks.sum::<usize>() + writes.sum::<usize>()
            }
            Self::Undo { key, .. } => OF_EACH + key.len(),
            Self::Bound { prefix, .. } => OF_EACH + prefix.len(),
            Self::Open { name, .. } => OF_EACH + name.len(),
            Self::Renew { sessions } => OF_EACH + 16 * sessions.len(),
            Self::Close { .. } | Self::Name { .. } | Self::Absorb { .. } | Self::Yield { .. } => {
                OF_EACH
            }
            Self::Acquire { lock, .. } | Self::Release { lock, .. } | Self::Force { lock, .. } => {
                OF_EACH + lock.len()
            }
        }
    }
}

impl Batch {
    /// Gives the bytes that go into the log.
    pub fn encode(&self) -> Vec<u8> {
        let bytes: usize = self.commands.iter().map(Command::bytes).sum();
        let mut out = Vec::with_capacity(bytes + 32);
        out.push(VERSION);
        postcard::to_extend(self, out).expect("a batch has only lengths that are known")
    }

    /// Reads what [`Batch::encode`] gave; says what is wrong otherwise.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => {
                postcard::from_bytes(rest).map_err(|error| format!("a batch is damaged: {error}"))
            }
            Some((version, _)) => Err(format!(
                "a batch has format version {version}, this program reads {VERSION}: \
                 a newer one wrote it, update this one"
            )),
            None => Err("a batch is empty".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that an agent wrote with the first version of the format.
    #[test]
    fn yesterdays_bytes_are_read() {
        let batch = Batch {
            clock: Clock(300),
            wall: 7,
            commands: vec![
                Command::put("k", b"v", Some(Check::Revision("k".into(), Revision(2)))),
                Command::Close {
                    session: SessionId([1; 16]),
                },
            ],
        };
        let mut expect = vec![
            1, 0xac, 2, 7, 2, 0, 1, 0, 1, b'k', 2, 1, 0, 1, b'k', 1, b'v', 0, 5,
        ];
        expect.extend([1; 16]);
        assert_eq!(batch.encode(), expect);
        assert_eq!(Batch::decode(&expect), Ok(batch));
    }

    #[test]
    fn junk_is_refused_with_its_reason() {
        let error = |bytes: &[u8]| Batch::decode(bytes).unwrap_err();
        assert_eq!(error(&[]), "a batch is empty");
        assert!(error(&[2, 1]).contains("format version 2"));
        // A length of 2^63 commands takes no memory.
        let huge = [1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(error(&huge).contains("damaged"));
    }
}
