//! A node that takes no part: it has no log and no state, and asks those who do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::limits::{RAFT_COMMANDS_BYTES_MAX, RAFT_COMMANDS_MAX};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::ask::{QUESTION_TIME, STRANGER_TURN, mail};
use super::propose::{COMMAND_TIME, Undone, answers_of, unknown};
use super::transfer::LEAVE_TIME;
use super::{Trouble, pause_after};
use crate::answer::Answer;
use crate::command::Command;
use crate::message::{self, Call, Reply};
use crate::network::{Lane, Transport};
use crate::query::{Found, FoundWhat, Query};
use crate::words::{Revision, Voter};

/// Time for which it is waited that somebody who takes part is known at all: a node that just
/// started hears of the others within it.
const STRANGER_TIME: Duration = Duration::from_secs(2);

/// A handle; clones are the same guest.
#[derive(Clone)]
pub struct Guest {
    pub(super) transport: Arc<dyn Transport>,
    /// Commands that may wait, and their bytes.
    room: Arc<(Semaphore, Semaphore)>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest")
    }
}

impl Guest {
    /// Makes one that reaches those who take part by a transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        let commands = Semaphore::new(RAFT_COMMANDS_MAX);
        Self {
            transport,
            room: Arc::new((commands, Semaphore::new(RAFT_COMMANDS_BYTES_MAX))),
        }
    }

    /// Has one command made by who leads.
    pub async fn command(&self, command: Command) -> Result<Answer, Trouble> {
        let bytes = command.bytes().clamp(1, RAFT_COMMANDS_BYTES_MAX) as u32;
        let (commands, all_bytes) = &*self.room;
        let room = (commands.try_acquire(), all_bytes.try_acquire_many(bytes));
        let (Ok(_command), Ok(_bytes)) = room else {
            return Err(Trouble::Busy);
        };
        let letter = message::letter(None, &Call::Commands(vec![command]));
        let mut search = Search::new(&*self.transport, COMMAND_TIME);
        while let Some(to) = search.next().await? {
            let left = search.left();
            let called = self.transport.call(to, Lane::Clients, letter.clone(), left);
            let Ok(answered) = tokio::time::timeout(left, called).await else {
                return Err(unknown(&format!("{to} gave no answer")));
            };
            match answers_of(answered, 1) {
                Ok(mut answers) => {
                    return answers.pop().ok_or_else(|| unknown("an answer is missing"));
                }
                Err(Undone::NotLeader(leader)) => search.hint(leader, to),
                Err(Undone::Trouble(trouble)) => return Err(trouble),
            }
        }
        Err(search.nobody_leads())
    }

    /// Answers a question from the newest state there is; never from an older one.
    pub async fn ask(&self, query: Query) -> Result<Found, Trouble> {
        self.ask_one(query, false).await
    }

    /// Answers a question from what any member knows; the answer tells how old it may be.
    pub async fn ask_stale(&self, query: Query) -> Result<Found, Trouble> {
        self.ask_one(query, true).await
    }

    async fn ask_one(&self, query: Query, is_stale_ok: bool) -> Result<Found, Trouble> {
        let letter = message::letter(None, &Call::Ask { query, is_stale_ok });
        let mut search = Search::new(&*self.transport, QUESTION_TIME);
        while let Some(to) = search.next().await? {
            match mail(&*self.transport, to, letter.clone(), QUESTION_TIME / 3).await {
                Some(Reply::Found(found)) => return Ok(found),
                Some(Reply::NotLeader(leader)) => search.hint(leader, to),
                Some(_) | None => {}
            }
        }
        Err(search.nobody_leads())
    }

    /// Waits until something happens to keys with a prefix after a revision, and tells it; when
    /// nothing does in time the list is empty.
    pub async fn events(
        &self,
        prefix: &str,
        after: Revision,
        wait: Duration,
    ) -> Result<Found, Trouble> {
        let (mut after, deadline) = (after, Instant::now() + wait);
        loop {
            let prefix = prefix.to_owned();
            let found = self.ask_stale(Query::Events { prefix, after }).await?;
            let is_nothing = found.what == FoundWhat::Events(Vec::new());
            if !is_nothing || Instant::now() >= deadline {
                return Ok(found);
            }
            after = found.follow_after(after);
            tokio::time::sleep_until(deadline.min(Instant::now() + STRANGER_TURN)).await;
        }
    }

    /// Tells who leads that a node goes for good, so that it votes no more. Gives up after
    /// [`LEAVE_TIME`].
    pub async fn leave(&self, who: Voter) -> Result<(), Trouble> {
        let letter = message::letter(None, &Call::Leave(who));
        let mut search = Search::new(&*self.transport, LEAVE_TIME);
        while let Some(to) = search.next().await? {
            match mail(&*self.transport, to, letter.clone(), search.left()).await {
                Some(Reply::Done) => return Ok(()),
                Some(Reply::NotLeader(leader)) => search.hint(leader, to),
                Some(Reply::Refused(text)) => return Err(Trouble::Undone(text)),
                Some(_) => return Err(unknown("the leader does not know")),
                None => {}
            }
        }
        Err(search.nobody_leads())
    }
}

/// The search for who leads: one after the other of those who may know, until the time is over.
struct Search<'a> {
    transport: &'a dyn Transport,
    began: Instant,
    time: Duration,
    hint: Option<Voter>,
    tried: usize,
}

impl<'a> Search<'a> {
    fn new(transport: &'a dyn Transport, time: Duration) -> Self {
        Self {
            transport,
            began: Instant::now(),
            time,
            hint: None,
            tried: 0,
        }
    }

    fn left(&self) -> Duration {
        self.time.saturating_sub(self.began.elapsed())
    }

    /// Takes note of whom one that was asked names.
    fn hint(&mut self, leader: Option<Voter>, from: Voter) {
        self.hint = leader.filter(|leader| *leader != from);
    }

    /// Names the next one to ask; none when the time is over.
    async fn next(&mut self) -> Result<Option<Voter>, Trouble> {
        loop {
            if self.left().is_zero() {
                return Ok(None);
            }
            if let Some(hint) = self.hint.take() {
                return Ok(Some(hint));
            }
            if self.tried > 0 {
                let pause = pause_after(self.began.elapsed());
                tokio::time::sleep(pause.min(self.left())).await;
            }
            self.tried += 1;
            let known = self.transport.voters();
            if !known.is_empty() {
                return Ok(Some(known[(self.tried - 1) % known.len()]));
            }
            if self.began.elapsed() >= STRANGER_TIME {
                let text = "it takes no part, and knows no living node of its zone that does";
                return Err(Trouble::Stopped(text.to_owned()));
            }
        }
    }

    fn nobody_leads(&self) -> Trouble {
        let count = self.transport.voters().len();
        let nodes = if count == 1 { "node" } else { "nodes" };
        Trouble::NoLeader(format!(
            "this node takes no part, and asked {count} {nodes} that do"
        ))
    }
}
