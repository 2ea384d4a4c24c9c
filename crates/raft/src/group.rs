//! One node's part in agreement: what the daemon holds.
//!
//! [`Group::command`] and [`Group::ask`] work on every node: who does not lead asks who does.
//! [`Group::handle`] answers what other nodes ask. [`Group::tend`] lets the leader care for the
//! members. Dropping the last handle ends nothing: [`Group::stop`] does. A node that takes no part
//! holds a [`Guest`] instead.

mod afar;
mod ahead;
mod ask;
mod guest;
mod outside;
mod propose;
mod recover;
mod rest;
mod returning;
mod room;
mod serve;
mod tend;
mod told;
mod transfer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::impls::EmptyNode;
use openraft::{Raft, RaftMetrics, ServerState};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::ask::Reading;
use self::propose::{Stamper, Wish};
use self::returning::Returning;
use self::serve::Arrivals;
use self::told::Door;
use crate::config::{Timing, Types};
use crate::disk::{Disk, DiskError};
use crate::log::LogStore;
use crate::machine::Machine;
use crate::network::{Network, Transport};
use crate::runtime::Ticker;
use crate::state::State;
use crate::words::{Clock, GroupId, Revision, Voter};

pub use self::afar::Hearsay;
pub use self::guest::Guest;
pub use self::recover::{Progress, Recovered, recover};
pub use self::rest::News;
pub use self::transfer::LEAVE_TIME;

/// How a node takes part.
pub struct Options {
    /// Its id.
    pub me: Voter,
    /// How fast the group is.
    pub timing: Timing,
    /// Gives the wall time in milliseconds, to be shown to people.
    pub wall: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// Why a command or a question had no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody leads; nothing was done.
    #[error(
        "no leader: {0}. Nothing was changed; `opsbro raft voters` tells who votes and who lives"
    )]
    NoLeader(String),
    /// Too much waits; nothing was done.
    #[error("too many commands wait for agreement: nothing was changed, try again later")]
    Busy,
    /// It may have been done or not.
    #[error("it is not known whether it was done: {0}. Look before you try again")]
    Unknown(String),
    /// It cannot be done as things are; nothing was done.
    #[error("{0}")]
    Undone(String),
    /// Agreement has ended on this node; nothing was done.
    #[error("agreement does not run on this node: {0}")]
    Stopped(String),
}

/// How long a snapshot may take before it is asked for again.
const SNAPSHOT_TURN: Duration = Duration::from_secs(1);
/// Silence of a majority after which a leader is not said to lead: longer than an election takes.
const CUT_TIME: Duration = Duration::from_millis(1_500);

/// Shortest and longest pause before somebody is asked again who may lead.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Gives the pause before somebody is asked again: the longer all was in vain, the longer.
fn pause_after(in_vain: Duration) -> Duration {
    (in_vain / 4).clamp(PAUSE_MIN, PAUSE_MAX)
}

/// Who leads, and who takes part, as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What this node is.
    pub role: Role,
    /// Who leads.
    pub leader: Option<Voter>,
    /// The term.
    pub term: u64,
    /// Those whose majority decides; of two groups of them while one takes over from the other.
    pub voters: Vec<Voter>,
    /// Those that copy.
    pub learners: Vec<Voter>,
    /// The last entry in the log of this node.
    pub last_log: Option<u64>,
    /// The last entry that this node has made part of its state; none when it is not kept up to
    /// date, as others agree without this node.
    pub applied: Option<u64>,
    /// The last entry in the snapshot.
    pub snapshot: Option<u64>,
    /// The last change of the state.
    pub revision: Revision,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
    /// Bytes of the snapshot on disk.
    pub snapshot_bytes: u64,
    /// Whether this node may vote: its disk has had all that was agreed.
    pub may_vote: bool,
    /// Why it has ended, when it has.
    pub failure: Option<String>,
}

/// What a node is to its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes commands.
    Leader,
    /// It votes.
    Follower,
    /// It asks to be voted for.
    Candidate,
    /// It copies.
    Learner,
    /// It has ended.
    Stopped,
}

impl Role {
    /// Gives the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Learner => "learner",
            Self::Stopped => "stopped",
        }
    }
}

/// A handle; clones are the same part.
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    me: Voter,
    raft: Raft<Types>,
    ticker: Ticker,
    /// Looks by itself that are not openraft's.
    turns: AtomicU64,
    log: LogStore,
    machine: Machine,
    disk: Arc<dyn Disk>,
    transport: Arc<dyn Transport>,
    wall: Arc<dyn Fn() -> u64 + Send + Sync>,
    wishes: mpsc::Sender<Wish>,
    waiting_bytes: AtomicU64,
    stamper: Mutex<Stamper>,
    returning: Returning,
    readings: mpsc::Sender<Reading>,
    arrivals: Arrivals,
    started: Instant,
    /// Milliseconds after `started` at which a leader was heard.
    heard: AtomicU64,
    /// Whether others lead, and this node is sent nothing.
    outside: watch::Sender<bool>,
    /// Milliseconds after `started` since when nobody leads who takes what is asked; 0 when
    /// somebody did.
    in_vain: AtomicU64,
    /// Set while this node may have forgotten for whom it voted: until a leader told it all that
    /// was agreed.
    is_blank: AtomicBool,
    /// Whose entries it takes while that is so, and who would like it to.
    door: Door,
    /// Set while this node, which leads, makes way for another one: it takes nothing more then.
    makes_way: AtomicBool,
    /// Those who said that they go for good, and when.
    leaving: watch::Sender<BTreeMap<Voter, Instant>>,
    timing: Timing,
    stop: watch::Sender<bool>,
    metrics: watch::Receiver<RaftMetrics<Voter, EmptyNode>>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.inner.me)
    }
}

impl Group {
    /// Begins to take part, from what the disk has. A node without anything waits until a leader
    /// takes it in, or [`Group::found`] is called.
    pub async fn start(
        options: Options,
        disk: Arc<dyn Disk>,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, DiskError> {
        let failed = |text: String| DiskError {
            text,
            is_full: false,
        };
        let config = options.timing.to_openraft().validate();
        let config = config.map_err(|error| failed(error.to_string()))?;
        let log = LogStore::open(Arc::clone(&disk)).await?;
        log.lead_no_more(options.me);
        log.prove_writable().await?;
        let machine = Machine::open(Arc::clone(&disk), log.clone()).await?;
        let network = Network {
            transport: Arc::clone(&transport),
            machine: machine.clone(),
            log: log.clone(),
        };
        let (store, state) = (log.clone(), machine.clone());
        let raft = Raft::new(options.me, Arc::new(config), network, store, state);
        let ticker = Ticker::new();
        let raft = ticker
            .drive(raft)
            .await
            .map_err(|error| failed(error.to_string()))?;
        room::prove(&raft, &disk, options.me).await?;
        let (wishes, wished) = mpsc::channel(model::limits::RAFT_COMMANDS_MAX);
        let (readings, read) = mpsc::channel(model::limits::RAFT_COMMANDS_MAX);
        let is_blank = !log.is_told();
        raft.runtime_config().elect(!is_blank);
        let inner = Arc::new(Inner {
            me: options.me,
            metrics: raft.metrics(),
            raft,
            ticker,
            turns: AtomicU64::new(0),
            log,
            machine,
            disk,
            transport,
            wall: options.wall,
            wishes,
            waiting_bytes: AtomicU64::new(0),
            stamper: Mutex::default(),
            returning: Returning::default(),
            readings,
            arrivals: Arrivals::default(),
            started: Instant::now(),
            heard: AtomicU64::new(0),
            outside: watch::Sender::new(false),
            in_vain: AtomicU64::new(0),
            is_blank: AtomicBool::new(is_blank),
            door: Door::default(),
            makes_way: AtomicBool::new(false),
            leaving: watch::Sender::default(),
            timing: options.timing,
            stop: watch::Sender::new(false),
        });
        inner.lead_when_alone().await;
        tokio::spawn(propose::run(Arc::clone(&inner), wished));
        tokio::spawn(ask::run(Arc::clone(&inner), read));
        tokio::spawn(tend::run(Arc::clone(&inner)));
        tokio::spawn(rest::run(Arc::clone(&inner)));
        tokio::spawn(ahead::run(Arc::clone(&inner)));
        tokio::spawn(told::run(Arc::clone(&inner)));
        tokio::spawn(outside::run(Arc::clone(&inner)));
        Ok(Self { inner })
    }

    /// Makes this node the one voter of a new group; does nothing when it is in one.
    pub async fn found(&self) -> Result<(), Trouble> {
        let inner = &self.inner;
        let is_in = inner.raft.is_initialized().await;
        if is_in.map_err(|error| Trouble::Stopped(error.to_string()))? {
            return Ok(());
        }
        let me = BTreeMap::from([(inner.me, EmptyNode::new())]);
        let told = inner.tell_all().await;
        told.map_err(|error| Trouble::Stopped(error.to_string()))?;
        let founded = inner.raft.initialize(me).await;
        founded.map_err(|error| Trouble::Stopped(error.to_string()))
    }

    /// Tells how this node stands.
    pub fn standing(&self) -> Standing {
        let inner = &self.inner;
        let metrics = inner.metrics.borrow().clone();
        let membership = metrics.membership_config.membership();
        // Who leads and hears no majority is told by nobody that it leads no more.
        let silence = metrics.millis_since_quorum_ack.unwrap_or(0);
        let is_cut = metrics.state == ServerState::Leader
            && membership.voter_ids().count() > 1
            && silence > CUT_TIME.as_millis() as u64;
        let role = match (&metrics.running_state, metrics.state) {
            (Err(_), _) | (_, ServerState::Shutdown) => Role::Stopped,
            (Ok(()), ServerState::Leader) if is_cut => Role::Candidate,
            (Ok(()), ServerState::Leader) => Role::Leader,
            (Ok(()), ServerState::Follower) => Role::Follower,
            (Ok(()), ServerState::Candidate) => Role::Candidate,
            (Ok(()), ServerState::Learner) => Role::Learner,
        };
        // What it knows of who takes part stands still, too.
        let is_outside = inner.is_outside();
        let known = (!is_outside).then_some(membership);
        Standing {
            role: if is_outside { Role::Learner } else { role },
            leader: metrics.current_leader.filter(|_| !is_cut && !is_outside),
            term: metrics.current_term,
            voters: known.iter().flat_map(|it| it.voter_ids()).collect(),
            learners: known.iter().flat_map(|it| it.learner_ids()).collect(),
            last_log: metrics.last_log_index,
            applied: metrics
                .last_applied
                .filter(|_| !is_outside)
                .map(|last| last.index),
            snapshot: metrics.snapshot.map(|last| last.index),
            revision: inner.machine.read().state.revision(),
            log_bytes: inner.log.bytes(),
            snapshot_bytes: inner.machine.snapshot_bytes(),
            may_vote: !inner.is_blank.load(Ordering::Relaxed),
            failure: metrics.running_state.err().map(|error| error.to_string()),
        }
    }

    /// Gives the group that this node is in, also before its state was made again from the log.
    pub fn id(&self) -> Option<GroupId> {
        self.inner.machine.group()
    }

    /// Tells whether others lead without this node: what it has stands still.
    pub fn is_outside(&self) -> bool {
        self.inner.is_outside()
    }

    /// Tells whether this node votes, as was agreed: what may still be taken back does not count.
    pub fn votes(&self) -> bool {
        let inner = &self.inner;
        inner.machine.voters().contains(&inner.me)
    }

    /// Looks at the state as this node knows it; the function must be short.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.inner.machine.read().state)
    }

    /// Tells the time of leases as far as this node knows it.
    pub fn lease_time(&self) -> Clock {
        self.inner.lease_time()
    }

    /// Tells the revision whenever the state of this node changed.
    pub fn watch(&self) -> watch::Receiver<Revision> {
        self.inner.machine.watch()
    }

    /// Waits until somebody leads, and tells who.
    pub async fn wait_leader(&self, time: Duration) -> Option<Voter> {
        let mut metrics = self.inner.metrics.clone();
        let leads = metrics.wait_for(|metrics| metrics.current_leader.is_some());
        let found = tokio::time::timeout(time, leads).await.ok()?.ok()?;
        found.current_leader
    }

    /// Writes a snapshot of all that is applied now, and lets go of the log before it.
    pub async fn snapshot(&self) -> Result<(), Trouble> {
        let mut metrics = self.inner.metrics.clone();
        let applied = metrics.borrow().last_applied;
        loop {
            // While one is being written, which may lack the newest, openraft begins no other.
            let asked = self.inner.raft.trigger().snapshot().await;
            asked.map_err(|error| Trouble::Stopped(error.to_string()))?;
            let covers = metrics.wait_for(|one| one.snapshot >= applied);
            match tokio::time::timeout(SNAPSHOT_TURN, covers).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => return Err(Trouble::Stopped(error.to_string())),
                Err(_) => {}
            }
        }
    }

    /// Ends taking part. What is acknowledged is on disk at any time.
    pub async fn stop(&self) {
        self.inner.stop.send_replace(true);
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(%error, "Agreement did not end well");
        }
    }
}

impl Inner {
    fn leader(&self) -> Option<Voter> {
        let metrics = self.metrics.borrow();
        let runs = metrics.running_state.is_ok();
        metrics.current_leader.filter(|_| runs)
    }

    /// Tells whether this node takes commands as the leader.
    fn is_leader(&self) -> bool {
        self.leads() && !self.makes_way.load(Ordering::Relaxed)
    }

    fn leads(&self) -> bool {
        let metrics = self.metrics.borrow();
        let leads = metrics.state == ServerState::Leader && metrics.running_state.is_ok();
        leads && metrics.current_leader == Some(self.me)
    }

    fn is_running(&self) -> bool {
        self.metrics.borrow().running_state.is_ok()
    }

    /// Lets a node that alone decides lead from its start on, and not after a silence of others.
    async fn lead_when_alone(&self) {
        let me = self.me;
        let is_alone = self.raft.with_raft_state(move |state| {
            let membership = state.membership_state.effective().membership();
            membership.voter_ids().eq([me])
        });
        if matches!(is_alone.await, Ok(true)) && !self.is_blank.load(Ordering::Relaxed) {
            // A group that has ended already says so to who asks.
            let _ = self.raft.trigger().elect().await;
        }
    }

    /// Tells whether this node follows the group; one whose disk refused does no more.
    fn is_member(&self) -> bool {
        let metrics = self.metrics.borrow();
        let membership = metrics.membership_config.membership();
        let is_in = membership.get_node(&self.me).is_some() && !self.is_outside();
        metrics.running_state.is_ok() && is_in
    }

    /// Takes note that this node has all that was agreed, and may vote.
    async fn tell_all(&self) -> Result<(), DiskError> {
        if self.is_blank.load(Ordering::Relaxed) {
            self.log.set_told().await?;
            self.is_blank.store(false, Ordering::Relaxed);
            self.raft.runtime_config().elect(true);
        }
        Ok(())
    }

    fn hear(&self) {
        let millis = self.started.elapsed().as_millis() as u64;
        self.heard.store(millis, Ordering::Relaxed);
        self.come_in();
    }

    fn age_ms(&self) -> u64 {
        let millis = self.started.elapsed().as_millis() as u64;
        millis.saturating_sub(self.heard.load(Ordering::Relaxed))
    }

    /// Takes note that somebody leads who took what was asked.
    fn is_served(&self) {
        self.in_vain.store(0, Ordering::Relaxed);
    }

    /// Gives the pause before somebody is asked again.
    fn pause(&self) -> Duration {
        let now = (self.started.elapsed().as_millis() as u64).max(1);
        let order = Ordering::Relaxed;
        let since = self.in_vain.compare_exchange(0, now, order, order);
        let silence = now.saturating_sub(since.err().unwrap_or(now));
        pause_after(Duration::from_millis(silence))
    }

    /// Waits a moment, or until somebody else may lead.
    async fn wait_for_change(&self, time: Duration) {
        let mut metrics = self.metrics.clone();
        let known = metrics.borrow_and_update().current_leader;
        let changes = metrics.wait_for(|metrics| metrics.current_leader != known);
        if matches!(tokio::time::timeout(time, changes).await, Ok(Err(_))) {
            // Agreement has ended on this node: others may still answer.
            tokio::time::sleep(time).await;
        }
    }

    fn no_leader(&self) -> Trouble {
        let metrics = self.metrics.borrow();
        if let Err(error) = &metrics.running_state {
            return Trouble::Stopped(error.to_string());
        }
        let membership = metrics.membership_config.membership();
        Trouble::NoLeader(match membership.voter_ids().count() {
            0 => "this node knows none of the voters yet".to_owned(),
            1 => "the only voter must answer".to_owned(),
            count => format!("{} of the {count} voters must answer", count / 2 + 1),
        })
    }
}

/// Resolves when the group is to end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody holds the group any more.
    let _ = stop.wait_for(|stop| *stop).await;
}
