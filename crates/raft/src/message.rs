//! What nodes say to each other about agreement. The first byte is the version.

use std::collections::BTreeSet;

use openraft::impls::EmptyNode;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::command::Command;
use crate::config::Types;
use crate::group::Progress;
use crate::query::{Found, Query};
use crate::words::{GroupId, Value, Voter};

const VERSION: u8 = 1;

pub(crate) type Vote = openraft::Vote<Voter>;
pub(crate) type LogId = openraft::LogId<Voter>;
pub(crate) type Meta = openraft::SnapshotMeta<Voter, EmptyNode>;

/// What one node asks of another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Call {
    /// Entries of the log, or none: the leader lives.
    Append(AppendEntriesRequest<Types>),
    /// To be voted for.
    Vote(VoteRequest<Voter>),
    /// A part of a snapshot; an empty one asks how much has come.
    Part {
        vote: Vote,
        meta: Meta,
        offset: u64,
        part: Value,
    },
    /// To take in the snapshot of which all parts have come.
    Install { vote: Vote, meta: Meta },
    /// To make commands; only a leader does.
    Commands(Vec<Command>),
    /// To look at the state, now or as it was known lately.
    Ask { query: Query, is_stale_ok: bool },
    /// To stand for election at once, as the leader makes way.
    Stand,
    /// To hand the lead over, to a voter of choice or whoever is nearest; only a leader does.
    Transfer(Option<Voter>),
    /// To let who asks go; only a leader does.
    Leave(Voter),
    /// To tell how far its log is.
    Progress,
    /// To tell what it promised and who votes, to one that does not know what it promised itself.
    Ends,
}

/// What it is answered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Append(AppendEntriesResponse<Voter>),
    Vote(VoteResponse<Voter>),
    /// So much of the snapshot has come; the vote of who says it.
    Part {
        vote: Vote,
        have: u64,
    },
    Installed(Vote),
    Answers(Vec<Answer>),
    Found(Found),
    /// Another one may know; nothing was done.
    NotLeader(Option<Voter>),
    /// Too much waits; nothing was done.
    Busy,
    /// It may have been done or not.
    Unknown,
    /// This node takes no part; nothing was done.
    Refused(String),
    /// What was asked for was done.
    Done,
    /// The lead was handed over to this voter.
    Transferred(Voter),
    /// How far the log is.
    Progress(Progress),
    /// What was promised, and who votes.
    Ends(Ends),
}

/// What a voter promised, and who votes as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ends {
    /// Whether it remembers all that it promised.
    pub(crate) may_vote: bool,
    /// For whom it voted last, or who leads.
    pub(crate) vote: Option<Vote>,
    /// The last entry of its log.
    pub(crate) last: Option<LogId>,
    /// Those whose majority decides; of two groups of them while one takes over from the other.
    pub(crate) configs: Vec<BTreeSet<Voter>>,
}

/// Gives the answer of a node without a group to whatever it is asked: nothing was done.
pub fn refusal(why: &str) -> Vec<u8> {
    encode(&Reply::Refused(why.to_owned()))
}

/// Gives the bytes of a call in the name of a group: nodes of other groups refuse it.
pub(crate) fn letter(group: Option<GroupId>, call: &Call) -> Vec<u8> {
    encode(&(group, call))
}

pub(crate) fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(message, vec![VERSION]).expect("a message has only lengths that are known")
}

pub(crate) fn decode<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, String> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| format!("a message is damaged: {error}"))
        }
        Some((version, _)) => Err(format!(
            "a message of version {version}, this program speaks {VERSION}: update it"
        )),
        None => Err("a message is empty".to_owned()),
    }
}
