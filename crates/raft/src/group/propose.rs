//! Commands on their way into the log: gathered, stamped, and forwarded by who does not lead.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use model::limits::{
    RAFT_BATCH_BYTES_MAX, RAFT_BATCH_COMMANDS_MAX, RAFT_BATCHES_MAX, RAFT_COMMANDS_BYTES_MAX,
};
use openraft::error::ClientWriteError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::returning::GAP;
use super::{Group, Inner, Trouble, stopped};
use crate::answer::Answer;
use crate::command::{Batch, Command};
use crate::config::Proposal;
use crate::message::{self, Call, Reply};
use crate::network::{CallError, Lane};
use crate::words::{Clock, Voter};

/// Time after which a command is given up: less than the 10 s that clients of the API wait, so that
/// they hear why.
pub(super) const COMMAND_TIME: Duration = Duration::from_secs(8);
/// Time that an answer has after another node began to lead.
const DEPOSED_TIME: Duration = Duration::from_millis(300);
/// Least time between two batches that only end what is over.
const EXPIRY_TURN: Duration = Duration::from_millis(100);

/// Commands of one client, and where their answers go.
pub(super) struct Wish {
    commands: Vec<Command>,
    bytes: u64,
    /// Whether they may go to another node: those that came from one may not.
    may_forward: bool,
    answer: oneshot::Sender<Result<Vec<Answer>, Undone>>,
}

/// Why commands were not made.
#[derive(Debug)]
pub(super) enum Undone {
    NotLeader(Option<Voter>),
    Trouble(Trouble),
}

impl Group {
    /// Has one command made, wherever the leader is.
    pub async fn command(&self, command: Command) -> Result<Answer, Trouble> {
        let mut answers = self.commands(vec![command]).await?;
        answers.pop().ok_or_else(|| unknown("an answer is missing"))
    }

    /// Has commands made, in their order and each for itself.
    pub async fn commands(&self, commands: Vec<Command>) -> Result<Vec<Answer>, Trouble> {
        match self.inner.wish(commands, true).await {
            Ok(answers) => Ok(answers),
            Err(Undone::NotLeader(_)) => Err(self.inner.no_leader()),
            Err(Undone::Trouble(trouble)) => Err(trouble),
        }
    }
}

impl Inner {
    pub(super) async fn wish(
        &self,
        commands: Vec<Command>,
        may_forward: bool,
    ) -> Result<Vec<Answer>, Undone> {
        self.returning.come(Instant::now());
        let bytes = commands.iter().map(Command::bytes).sum::<usize>() as u64;
        let waiting = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_full = waiting + bytes > RAFT_COMMANDS_BYTES_MAX as u64 && waiting > 0;
        let (answer, answered) = oneshot::channel();
        let wish = Wish {
            commands,
            bytes,
            may_forward,
            answer,
        };
        if is_full || self.wishes.try_send(wish).is_err() {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Undone::Trouble(Trouble::Busy));
        }
        let ended = || Undone::Trouble(unknown("agreement ended meanwhile"));
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Time as this node counts it while it leads: on from where the state was when it began to.
#[derive(Debug)]
pub(super) struct Stamper {
    term: Option<u64>,
    base: Clock,
    since: Instant,
}

impl Default for Stamper {
    fn default() -> Self {
        Self {
            term: None,
            base: Clock::default(),
            since: Instant::now(),
        }
    }
}

impl Inner {
    /// Tells the time of leases as far as this node knows it.
    pub(super) fn lease_time(&self) -> Clock {
        if self.leads() {
            return self.time();
        }
        self.machine.read().state.clock()
    }

    /// Tells the time of leases; only who leads knows it.
    fn time(&self) -> Clock {
        let term = self.metrics.borrow().current_term;
        let known = self.machine.read().state.clock();
        let mut stamper = self.stamper.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamper.base.after(stamper.since.elapsed());
        // What the leader before wrote may come into the state only now: were it not counted on
        // from there, the time of the state would stand until this one has caught up.
        if stamper.term == Some(term) && now >= known {
            return now;
        }
        *stamper = Stamper {
            term: Some(term),
            base: known,
            since: Instant::now(),
        };
        known
    }
}

/// Gathers what waits into batches, a few under way at one time.
pub(super) async fn run(inner: Arc<Inner>, mut wished: mpsc::Receiver<Wish>) {
    let mut stop = inner.stop.subscribe();
    let under_way = Arc::new(Semaphore::new(RAFT_BATCHES_MAX));
    let (mut expiry, mut server) = (inner.machine.watch_expiry(), inner.raft.server_metrics());
    let mut not_before = Instant::now();
    let mut left_over = None;
    loop {
        let mut wishes = Vec::new();
        if left_over.is_none() {
            let next = *expiry.borrow_and_update();
            server.borrow_and_update();
            let next = next.and_then(|next| time_of(next, &inner));
            tokio::select! {
                () = stopped(&mut stop) => return,
                wish = wished.recv() => wishes.extend(wish),
                Ok(()) = expiry.changed() => continue,
                Ok(()) = server.changed() => continue,
                () = reached(next, not_before) => {
                    inner.turns.fetch_add(1, Ordering::Relaxed);
                    not_before = Instant::now() + EXPIRY_TURN;
                    if !is_anything_over(&inner) {
                        continue;
                    }
                }
            }
        }
        let at_once = inner.returning.at_once(inner.log.write_time());
        let share = (RAFT_BATCHES_MAX / at_once) as u32;
        // While the permit is waited for, more wishes gather.
        let permit = tokio::select! {
            () = stopped(&mut stop) => return,
            permit = Arc::clone(&under_way).acquire_many_owned(share) => permit,
        };
        let Ok(permit) = permit else {
            return;
        };
        wishes.extend(left_over.take());
        gather(&mut wished, &mut wishes, &mut left_over);
        let returning = &inner.returning;
        while left_over.is_none()
            && returning.is_worth_waiting(wishes.len(), at_once, Instant::now())
        {
            if let Ok(wish) = tokio::time::timeout(GAP, wished.recv()).await {
                wishes.extend(wish);
                gather(&mut wished, &mut wishes, &mut left_over);
            }
        }
        let bytes = wishes.iter().map(|wish| wish.bytes).sum();
        inner.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        tokio::spawn(deliver(Arc::clone(&inner), wishes, permit));
    }
}

/// Longest time that is waited for at once: an end that lies in the far future is no time at all
/// for the clock of the machine.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Tells when this node, if it leads, has to end something.
fn time_of(next: Clock, inner: &Inner) -> Option<Instant> {
    if !inner.leads() {
        return None;
    }
    Some(Instant::now() + next.since(inner.time()).min(WAIT_MAX))
}

async fn reached(time: Option<Instant>, not_before: Instant) {
    match time {
        Some(time) => tokio::time::sleep_until(time.max(not_before)).await,
        None => std::future::pending().await,
    }
}

fn is_anything_over(inner: &Inner) -> bool {
    if !inner.is_leader() {
        return false;
    }
    let now = inner.time();
    let next = inner.machine.read().state.next_expiry();
    next.is_some_and(|next| next <= now)
}

/// Takes what waits, as much as one entry may carry.
fn gather(wished: &mut mpsc::Receiver<Wish>, wishes: &mut Vec<Wish>, left_over: &mut Option<Wish>) {
    let mut count: usize = wishes.iter().map(|wish| wish.commands.len()).sum();
    let mut bytes: u64 = wishes.iter().map(|wish| wish.bytes).sum();
    while let Ok(wish) = wished.try_recv() {
        count += wish.commands.len();
        bytes += wish.bytes;
        let is_over = count > RAFT_BATCH_COMMANDS_MAX || bytes > RAFT_BATCH_BYTES_MAX as u64;
        if is_over && !wishes.is_empty() {
            *left_over = Some(wish);
            return;
        }
        wishes.push(wish);
    }
}

/// Has a batch made and tells each client its answers.
async fn deliver(inner: Arc<Inner>, wishes: Vec<Wish>, permit: OwnedSemaphorePermit) {
    let mut commands = Vec::new();
    let mut clients = Vec::new();
    for wish in wishes {
        if wish.answer.is_closed() {
            continue;
        }
        clients.push((wish.commands.len(), wish.may_forward, wish.answer));
        commands.extend(wish.commands);
    }
    let may_forward = clients.iter().all(|(_, may_forward, _)| *may_forward);
    let begun = Instant::now();
    inner.returning.go(clients.len());
    let made = make(&inner, commands, may_forward).await;
    let now = Instant::now();
    inner.returning.answer(clients.len(), now - begun, now);
    drop(permit);
    match made {
        Ok(mut answers) => {
            for (count, _, answer) in clients {
                let rest = answers.split_off(count.min(answers.len()));
                // Nobody waiting any more is no reason to fail.
                let _ = answer.send(Ok(std::mem::replace(&mut answers, rest)));
            }
        }
        Err(undone) => {
            for (_, _, answer) in clients {
                let undone = match &undone {
                    Undone::NotLeader(leader) => Undone::NotLeader(*leader),
                    Undone::Trouble(trouble) => Undone::Trouble(trouble.clone()),
                };
                let _ = answer.send(Err(undone));
            }
        }
    }
}

/// Has commands made by this node or the one that leads. Tries again only what was surely not done.
async fn make(
    inner: &Inner,
    commands: Vec<Command>,
    may_forward: bool,
) -> Result<Vec<Answer>, Undone> {
    let deadline = Instant::now() + COMMAND_TIME;
    let mut hint = None;
    let mut tried = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Undone::Trouble(inner.no_leader()));
        }
        if inner.is_leader() {
            match write(inner, &commands, left).await {
                Ok(answers) => {
                    inner.is_served();
                    return Ok(answers);
                }
                Err(Undone::NotLeader(leader)) if may_forward => hint = leader,
                Err(undone) => return Err(undone),
            }
        } else if !may_forward {
            return Err(Undone::NotLeader(inner.leader()));
        }
        if let Some(to) = inner.whom_to_ask(hint.take(), tried) {
            match forward(inner, to, &commands, left).await {
                Ok(answers) => {
                    inner.is_served();
                    return Ok(answers);
                }
                Err(Undone::NotLeader(leader)) => hint = leader.filter(|leader| *leader != to),
                Err(undone) => return Err(undone),
            }
        }
        tried += 1;
        if hint.is_none() {
            inner.wait_for_change(inner.pause().min(left)).await;
        }
    }
}

/// Writes commands into the log of this node, which leads.
async fn write(inner: &Inner, commands: &[Command], left: Duration) -> Result<Vec<Answer>, Undone> {
    let batch = Batch {
        clock: inner.time(),
        wall: (inner.wall)(),
        commands: commands.to_vec(),
    };
    let (proposal, was_written) = Proposal::new(&batch.encode());
    let stopped = |error: &dyn std::fmt::Display| Trouble::Stopped(error.to_string());
    let written = inner.raft.client_write_ff(proposal).await;
    let written = written.map_err(|error| Undone::Trouble(stopped(&error)))?;
    let waited = tokio::time::timeout(left, written).await;
    let waited =
        waited.map_err(|_| Undone::Trouble(unknown("no majority of the voters answers")))?;
    let ended = waited.map_err(|_| Undone::Trouble(unknown("agreement ended meanwhile")))?;
    match ended {
        Ok(response) if response.data.0.len() == commands.len() => Ok(response.data.0),
        Ok(_) => Err(Undone::Trouble(unknown("answers are missing"))),
        // It was taken back for what another leader wrote. A third one may still have it and bring
        // it back, so it is not made again: that would be twice.
        Err(ClientWriteError::ForwardToLeader(_)) if was_written.load(Ordering::Acquire) => {
            Err(Undone::Trouble(unknown("another node took the lead")))
        }
        Err(ClientWriteError::ForwardToLeader(to)) => Err(Undone::NotLeader(to.leader_id)),
        Err(ClientWriteError::ChangeMembershipError(error)) => {
            Err(Undone::Trouble(stopped(&error)))
        }
    }
}

async fn forward(
    inner: &Inner,
    to: Voter,
    commands: &[Command],
    left: Duration,
) -> Result<Vec<Answer>, Undone> {
    let call = message::letter(inner.machine.group(), &Call::Commands(commands.to_vec()));
    let called = inner.transport.call(to, Lane::Clients, call, left);
    let no_answer = || Err(CallError::NoAnswer(format!("{to} gave no answer")));
    let answered = tokio::select! {
        answered = called => answered,
        () = tokio::time::sleep(left) => no_answer(),
        () = inner.is_deposed(to) => no_answer(),
    };
    answers_of(answered, commands.len())
}

/// Reads what a node answered that was asked to make commands.
pub(super) fn answers_of(
    answered: Result<Vec<u8>, CallError>,
    count: usize,
) -> Result<Vec<Answer>, Undone> {
    let bytes = match answered {
        Ok(bytes) => bytes,
        Err(CallError::NotSent(_)) => return Err(Undone::NotLeader(None)),
        Err(CallError::NoAnswer(text)) => return Err(Undone::Trouble(unknown(&text))),
    };
    match message::decode(&bytes) {
        Ok(Reply::Answers(answers)) if answers.len() == count => Ok(answers),
        Ok(Reply::NotLeader(leader)) => Err(Undone::NotLeader(leader)),
        Ok(Reply::Refused(_)) => Err(Undone::NotLeader(None)),
        Ok(Reply::Busy) => Err(Undone::Trouble(Trouble::Busy)),
        Ok(_) => Err(Undone::Trouble(unknown("the leader does not know"))),
        Err(text) => Err(Undone::Trouble(unknown(&text))),
    }
}

impl Inner {
    /// Resolves a while after another node began to lead: what was asked of the one before is not
    /// answered any more.
    async fn is_deposed(&self, leader: Voter) {
        let mut metrics = self.metrics.clone();
        let leads =
            |one: &openraft::RaftMetrics<_, _>| one.current_leader.is_some_and(|now| now != leader);
        if metrics.wait_for(leads).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DEPOSED_TIME).await;
    }
}

pub(super) fn unknown(text: &str) -> Trouble {
    Trouble::Unknown(text.to_owned())
}
