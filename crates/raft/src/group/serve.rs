//! What other nodes ask of this one.

use std::sync::atomic::Ordering;

use openraft::storage::Snapshot;
use tokio::sync::Mutex;

use super::propose::Undone;
use super::{Group, Inner, Trouble};
use crate::config::{Content, Parcel};
use crate::disk::{Arriving, DiskError, off_reactor};
use crate::message::{self, Call, Meta, Reply, Vote};
use crate::words::{GroupId, Value};

/// The snapshot that comes from another node: its id, and what has come of it.
#[derive(Default)]
pub(super) struct Arrivals(Mutex<Option<(String, Box<dyn Arriving>)>>);

impl Group {
    /// Answers a message of another node. Who calls has made sure that it is one of the zone.
    pub async fn handle(&self, message: &[u8]) -> Vec<u8> {
        let reply = match message::decode::<(Option<GroupId>, Call)>(message) {
            Ok((from, call)) => match (from, self.inner.machine.group()) {
                (Some(theirs), Some(ours)) if theirs != ours => Reply::Refused(format!(
                    "this node is in the group {ours}, and was asked in the name of {theirs}"
                )),
                _ => self.inner.serve(call).await,
            },
            Err(text) => Reply::Refused(text),
        };
        message::encode(&reply)
    }
}

impl Inner {
    pub(super) async fn serve(&self, call: Call) -> Reply {
        match call {
            Call::Append(request) if !self.admits(&request.vote) => not_admitted(),
            Call::Append(request) => match self.raft.append_entries(request).await {
                Ok(response) => {
                    self.hear();
                    self.say(Reply::Append(response)).await
                }
                Err(error) => Reply::Refused(error.to_string()),
            },
            Call::Vote(request) => {
                if self.is_blank.load(Ordering::Relaxed) {
                    let text = "this node is new and cannot vote before it was told the log";
                    return Reply::Refused(text.to_owned());
                }
                match self.raft.vote(request).await {
                    Ok(response) => self.say(Reply::Vote(response)).await,
                    Err(error) => Reply::Refused(error.to_string()),
                }
            }
            Call::Part { vote, .. } | Call::Install { vote, .. } if !self.admits(&vote) => {
                not_admitted()
            }
            Call::Part {
                vote,
                meta,
                offset,
                part,
            } => self.take_part(vote, &meta, offset, part).await,
            Call::Install { vote, meta } => self.install(vote, meta).await,
            Call::Commands(commands) => match self.wish(commands, false).await {
                Ok(answers) => Reply::Answers(answers),
                Err(Undone::NotLeader(leader)) => Reply::NotLeader(leader),
                Err(Undone::Trouble(Trouble::Busy)) => Reply::Busy,
                Err(Undone::Trouble(Trouble::Unknown(_))) => Reply::Unknown,
                Err(Undone::Trouble(other)) => Reply::Refused(other.to_string()),
            },
            Call::Ask { query, is_stale_ok } => {
                if is_stale_ok && self.is_member() {
                    return Reply::Found(self.answer(&query, self.stale_age()));
                }
                if self.is_leader() && self.confirm().await {
                    return Reply::Found(self.answer(&query, 0));
                }
                Reply::NotLeader(self.leader().filter(|leader| *leader != self.me))
            }
            Call::Stand => match self.raft.trigger().elect().await {
                Ok(()) => Reply::Done,
                Err(error) => Reply::Refused(error.to_string()),
            },
            Call::Transfer(to) => match self.make_way(to).await {
                Ok(to) => Reply::Transferred(to),
                Err(Undone::NotLeader(leader)) => Reply::NotLeader(leader),
                Err(Undone::Trouble(trouble)) => Reply::Refused(trouble.to_string()),
            },
            Call::Leave(voter) if self.is_leader() => {
                self.let_leave(voter);
                Reply::Done
            }
            Call::Leave(_) => Reply::NotLeader(self.leader()),
            Call::Progress => Reply::Progress(self.progress()),
            Call::Ends => Reply::Ends(self.ends()),
        }
    }

    /// Gives an answer that others count on. Who led a moment ago may have entries that its disk
    /// does not have yet, and whoever leads next takes them for kept.
    async fn say(&self, reply: Reply) -> Reply {
        match self.log.flush().await {
            Ok(()) => reply,
            Err(error) => Reply::Refused(error.text),
        }
    }

    fn vote(&self) -> Vote {
        self.metrics.borrow().vote
    }

    /// Takes a part that continues what has come, and tells how much that is.
    async fn take_part(&self, vote: Vote, meta: &Meta, offset: u64, part: Value) -> Reply {
        let mine = self.vote();
        if mine > vote {
            let have = 0;
            return Reply::Part { vote: mine, have };
        }
        self.hear();
        let mut arrivals = self.arrivals.0.lock().await;
        let arriving = match arrivals.take() {
            Some((id, arriving)) if id == meta.snapshot_id => Ok(arriving),
            Some(_) | None => off_reactor(&self.disk, |disk| disk.receive_image()).await,
        };
        let pushed = match arriving {
            Ok(arriving) => self.push(arriving, offset, part).await,
            Err(error) => Err(error),
        };
        match pushed {
            Ok(arriving) => {
                let have = arriving.bytes();
                *arrivals = Some((meta.snapshot_id.clone(), arriving));
                Reply::Part { vote: mine, have }
            }
            Err(error) => Reply::Refused(error.to_string()),
        }
    }

    async fn push(
        &self,
        mut arriving: Box<dyn Arriving>,
        offset: u64,
        part: Value,
    ) -> Result<Box<dyn Arriving>, DiskError> {
        if offset != arriving.bytes() || part.is_empty() {
            return Ok(arriving);
        }
        off_reactor(&self.disk, move |_| {
            arriving.push(&part)?;
            Ok(arriving)
        })
        .await
    }

    async fn install(&self, vote: Vote, meta: Meta) -> Reply {
        let arrived = self.arrivals.0.lock().await.take();
        let Some((_, arriving)) = arrived.filter(|(id, _)| *id == meta.snapshot_id) else {
            return Reply::Refused("that snapshot has not come".to_owned());
        };
        let snapshot = Snapshot {
            meta,
            snapshot: Box::new(Parcel(Content::Arrived(arriving))),
        };
        match self.raft.install_full_snapshot(vote, snapshot).await {
            Ok(response) => self.say(Reply::Installed(response.vote)).await,
            Err(error) => Reply::Refused(error.to_string()),
        }
    }
}

fn not_admitted() -> Reply {
    Reply::Refused("this node is new and asks first whether that is who leads".to_owned())
}
