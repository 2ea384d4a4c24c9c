//! The alerts loop: it owns the core of alerts, keeps on disk what must survive, and hands notices
//! to the notifiers.
//!
//! What belongs together is written at once, and nobody is told before it is written; an order of a
//! person is answered when it is on disk. Writing and telling run in the worker pool. While the
//! disk refuses, people are told all the same, and the writing is tried again.

mod deliver;
pub(crate) mod show;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::rules::alerts::kept::{Delivery, Record};
use ::rules::alerts::{Alerts, Here, Output, OwnGroups, Snapshot, Undelivered};
use ::rules::transition::Transition;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::tz::TimeZone;
use model::{Moment, WallTime, limits};
use packs::handler::Handler;
use tokio::sync::{mpsc, oneshot, watch as channel};
use tracing::{error, info, warn};

use crate::agent::{Agent, DISK_TIME_BOX};
use crate::clock;
use crate::cluster::{self, Node};
use crate::keep::alerts::{AlertJournal, Batch};
use crate::loops::{self, Room};
use crate::rules::Rules;
use crate::workers::JobError;

/// Time between two tries to write what the disk refused.
const WRITE_AGAIN: Duration = Duration::from_secs(5);
/// Time after the start in which open problems are compared with the checks at once.
const COMPARE_TIME: Duration = Duration::from_secs(600);
/// Time between two comparisons in that time: each goes through all that is checked.
const COMPARE_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two later: only what got lost on its way here is found then.
const COMPARE_INTERVAL_LATER: Duration = Duration::from_secs(60);
/// Time between two snapshots while much happens.
const SHOW_INTERVAL: Duration = Duration::from_millis(200);

/// A piece of work on the core, and the answer that is given when its outcome is on disk.
pub(crate) type Work = Box<dyn FnOnce(&mut Alerts, Moment, WallTime) -> Reply + Send>;
/// An answer that waits.
pub(crate) type Reply = Box<dyn FnOnce() + Send>;

/// What others tell the alerts.
pub(crate) enum Message {
    /// Something happened to a check.
    Transition(Arc<Transition>),
    /// The node knows itself, and has these groups.
    Groups(OwnGroups),
    /// Something was changed, which may be why a problem begins.
    Changed(String),
    /// Somebody orders or asks something.
    Work(Work),
}

/// Where messages go. A clone is a handle.
#[derive(Clone)]
pub(crate) struct Inbox(mpsc::Sender<Message>);

impl Inbox {
    /// Makes an inbox and the end that the loop holds.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (tx, rx) = mpsc::channel(limits::ALERT_INBOX_MAX);
        (Self(tx), rx)
    }

    /// Tells what happened to a check. Never waits.
    pub(crate) fn transition(&self, transition: &Arc<Transition>) {
        // A loss is logged; there is nobody to try again.
        let _ = self.send(Message::Transition(Arc::clone(transition)));
    }

    /// Tells which groups this node has; gives whether that was taken. Never waits.
    #[must_use]
    pub(crate) fn groups(&self, groups: OwnGroups) -> bool {
        self.send(Message::Groups(groups))
    }

    /// Tells that something was changed: problems that begin soon name it, in one line.
    pub(crate) fn changed(&self, text: String) {
        // It is an ornament.
        let _ = self.send(Message::Changed(text.replace(char::is_control, " ")));
    }

    /// Asks the core something, or orders something; what that changed is on disk when the answer
    /// comes. `None` when the loop is gone, because the agent stops.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Alerts, Moment, WallTime) -> T + Send + 'static,
    ) -> Option<T> {
        let (tx, rx) = oneshot::channel();
        let work: Work = Box::new(move |alerts, now, wall| {
            let answer = work(alerts, now, wall);
            // Whoever asked may be gone.
            Box::new(move || drop(tx.send(answer)))
        });
        self.0.send(Message::Work(work)).await.ok()?;
        rx.await.ok()
    }

    fn send(&self, message: Message) -> bool {
        let is_taken = self.0.try_send(message).is_ok();
        if !is_taken {
            error!("The alerts did not take a message: they are stopped, or overwhelmed");
        }
        is_taken
    }
}

/// The state of the loop.
pub(crate) struct AlertsLoop {
    agent: Arc<Agent>,
    core: Alerts,
    journal: Option<Arc<AlertJournal>>,
    inbox: mpsc::Receiver<Message>,
    shown: channel::Sender<Arc<Snapshot>>,
    rules: channel::Receiver<Arc<Rules>>,
    node: channel::Receiver<Arc<Node>>,
    checks: channel::Receiver<Arc<::rules::checks::Snapshot>>,
    members: channel::Receiver<Arc<gossip::Snapshot>>,
    seen: cluster::down::Seen,
    compare_until: Moment,
    compared_at: Moment,
    under_way: FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send>>>,
    is_writing: bool,
    /// What is to be written next.
    batch: BTreeMap<String, Option<Record>>,
    /// When it is tried again, after the disk refused it.
    write_at: Option<Moment>,
    /// What follows when that is written.
    then: VecDeque<Then>,
    show_at: Option<Moment>,
    shown_at: Moment,
}

/// What follows when everything before it is written.
pub(crate) enum Then {
    Deliver(Arc<Delivery>, Arc<Handler>),
    Reply(Reply),
}

/// What ended in the worker pool.
pub(crate) enum Ended {
    Written(Result<(), String>, Batch, VecDeque<Then>),
    Delivered(u64, Result<String, Undelivered>),
}

/// What happens to the alerts loop.
pub(crate) enum Event {
    Message(Message),
    Ended(Ended),
    Due,
    Packs,
    Node,
    Checks,
    Members,
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &[
        "messages",
        "ended",
        "due",
        "pack_changes",
        "node_changes",
        "checks",
        "member_changes",
    ];

    fn kind(&self) -> usize {
        match self {
            Self::Message(_) => 0,
            Self::Ended(_) => 1,
            Self::Due => 2,
            Self::Packs => 3,
            Self::Node => 4,
            Self::Checks => 5,
            Self::Members => 6,
        }
    }
}

impl AlertsLoop {
    /// Makes the state from what was kept; must be called inside the runtime.
    pub(crate) fn new(
        agent: Arc<Agent>,
        inbox: mpsc::Receiver<Message>,
        shown: channel::Sender<Arc<Snapshot>>,
    ) -> Self {
        let (now, wall) = (clock::now(), clock::wall());
        let (rules, mut node) = (agent.rules.clone(), agent.node.clone());
        let checks = agent.checks.clone();
        let members = agent.members.clone();
        let here = here(&node.borrow_and_update());
        let mut core = Alerts::new(now, wall, here, time_zone());
        let journal = match agent.keep.alerts() {
            Ok((journal, records)) => {
                info!(records = records.len(), "Alerts go on from what was kept");
                core.restore(records);
                Some(Arc::new(journal))
            }
            Err(error) => {
                error!(%error, "The journal of alerts cannot be opened: nothing of them is kept");
                None
            }
        };
        Self {
            agent,
            core,
            journal,
            inbox,
            shown,
            rules,
            node,
            checks,
            members,
            seen: cluster::down::Seen::default(),
            compare_until: now + COMPARE_TIME,
            compared_at: Moment::default(),
            under_way: FuturesUnordered::new(),
            is_writing: false,
            batch: BTreeMap::new(),
            write_at: None,
            then: VecDeque::new(),
            show_at: Some(now),
            shown_at: now,
        }
    }

    /// Takes what the core wants; tells whether there was anything.
    fn take_outputs(&mut self) -> bool {
        let mut has_output = false;
        while let Some(output) = self.core.poll_output() {
            has_output = true;
            match output {
                Output::Keep(batch) => self.batch.extend(batch),
                Output::Deliver { delivery, handler } => {
                    self.then.push_back(Then::Deliver(delivery, handler));
                }
                Output::Note { kind, text, .. } => self.agent.note(kind, text),
            }
        }
        has_output
    }

    fn write(&mut self) {
        if self.is_writing || self.write_at.is_some_and(|at| at > clock::now()) {
            return self.go_on_without_disk();
        }
        let Some(journal) = self.journal.clone().filter(|_| !self.batch.is_empty()) else {
            self.batch.clear();
            let then = std::mem::take(&mut self.then);
            return self.go_on(then);
        };
        self.is_writing = true;
        self.write_at = None;
        let batch: Batch = std::mem::take(&mut self.batch).into_iter().collect();
        let then = std::mem::take(&mut self.then);
        let workers = self.agent.workers.clone();
        let wall = clock::wall();
        let batch = Arc::new(batch);
        self.under_way.push(Box::pin(async move {
            let own = Arc::clone(&batch);
            let write = move || journal.write(&own, wall);
            let written = workers.run_alone("alerts", DISK_TIME_BOX, write).await;
            let written = match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            Ended::Written(written, Arc::unwrap_or_clone(batch), then)
        }));
    }

    /// While the disk refuses, waiting for it would keep people from being told.
    fn go_on_without_disk(&mut self) {
        if !self.is_writing {
            let then = std::mem::take(&mut self.then);
            self.go_on(then);
        }
    }

    fn go_on(&mut self, then: VecDeque<Then>) {
        for then in then {
            match then {
                Then::Reply(reply) => reply(),
                Then::Deliver(delivery, handler) => self.deliver(&delivery, handler),
            }
        }
    }

    fn deliver(&mut self, delivery: &Arc<Delivery>, handler: Arc<Handler>) {
        let (agent, number) = (Arc::clone(&self.agent), delivery.number);
        let name = format!("notify {}", handler.id);
        let delivery = Arc::clone(delivery);
        let workers = self.agent.workers.clone();
        self.under_way.push(Box::pin(async move {
            let tell = move || deliver::deliver(&agent, &delivery, &handler);
            let told = workers
                .run_alone(name, limits::ALERT_DELIVERY_TIME_BOX, tell)
                .await;
            Ended::Delivered(number, told.unwrap_or_else(|error| Err(no_thread(&error))))
        }));
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Delivered(number, outcome) => {
                if let Err(failed) = &outcome {
                    let why = &failed.message;
                    warn!(number, %why, "A notice was not taken");
                }
                self.core
                    .delivered(clock::now(), clock::wall(), number, outcome);
            }
            Ended::Written(written, batch, then) => {
                self.is_writing = false;
                if let Err(error) = written {
                    warn!(%error, "What must be kept of alerts waits for the disk");
                    self.write_at = Some(clock::now() + WRITE_AGAIN);
                    for (key, record) in batch {
                        // What was decided meanwhile is newer.
                        self.batch.entry(key).or_insert(record);
                    }
                }
                self.go_on(then);
            }
        }
    }

    fn show_soon(&mut self) {
        let at = clock::now().max(self.shown_at + SHOW_INTERVAL);
        self.show_at.get_or_insert(at);
    }

    fn show(&mut self) {
        let now = clock::now();
        if self.show_at.is_some_and(|at| at <= now) {
            self.show_at = None;
            self.shown_at = now;
            self.shown.send_replace(self.core.snapshot());
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        let write_at = self.write_at.filter(|_| !self.is_writing);
        let all = [self.core.next_deadline(), self.show_at, write_at];
        all.into_iter().flatten().min()
    }
}

impl Room for AlertsLoop {
    type Event = Event;

    const NAME: &'static str = "alerts";

    async fn next(&mut self) -> Event {
        let wait = self.next_deadline().map(|at| at.since(clock::now()));
        let due = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let Self {
            inbox,
            under_way,
            rules,
            node,
            checks,
            members,
            compare_until,
            compared_at,
            ..
        } = self;
        let now = clock::now();
        let interval = match *compare_until > now {
            true => COMPARE_INTERVAL,
            false => COMPARE_INTERVAL_LATER,
        };
        // Without news there is nothing to wait for, and so no timer.
        let compare = async {
            checks.changed().await?;
            // Seen is what was compared, and that comes later.
            checks.mark_changed();
            tokio::time::sleep((*compared_at + interval).since(now)).await;
            Ok::<(), channel::error::RecvError>(())
        };
        tokio::select! {
            Some(ended) = under_way.next() => Event::Ended(ended),
            Ok(()) = rules.changed() => Event::Packs,
            Some(message) = inbox.recv() => Event::Message(message),
            Ok(()) = node.changed() => Event::Node,
            Ok(()) = members.changed() => Event::Members,
            Ok(()) = compare => Event::Checks,
            () = due => Event::Due,
        }
    }

    fn apply(&mut self, event: Event) {
        let (now, wall) = (clock::now(), clock::wall());
        // A comparison that finds nothing is no reason to wake up all who look at the alerts.
        let is_comparison = matches!(event, Event::Checks);
        match event {
            Event::Message(Message::Transition(transition)) => {
                self.core.transition(now, wall, &transition);
            }
            Event::Message(Message::Groups(groups)) => self.core.set_groups(now, wall, groups),
            Event::Message(Message::Changed(text)) => self.core.changed(now, wall, &text),
            Event::Message(Message::Work(work)) => {
                let reply = work(&mut self.core, now, wall);
                // What the work changed is pumped first, so that the answer stands behind it.
                self.take_outputs();
                self.then.push_back(Then::Reply(reply));
            }
            Event::Ended(ended) => self.ended(ended),
            Event::Due => self.core.tick(now, wall),
            Event::Packs => {
                let rules = Arc::clone(&self.rules.borrow_and_update());
                self.core.set_packs(now, wall, &rules.registry);
            }
            Event::Node => {
                let here = here(&self.node.borrow_and_update());
                self.core.set_here(now, wall, here);
            }
            Event::Checks => {
                self.compared_at = now;
                let checks = Arc::clone(&self.checks.borrow_and_update());
                self.core.compare(now, wall, &checks);
            }
            Event::Members => {
                let known = Arc::clone(&self.members.borrow_and_update());
                let uptime = now.since(self.agent.started.0);
                if !self.seen.is_news(&known, uptime) {
                    return;
                }
                if let Some(view) = cluster::down::view(&known, uptime) {
                    self.core.set_cluster(now, wall, view);
                }
            }
        }
        if self.take_outputs() || !is_comparison {
            self.show_soon();
        }
        self.write();
        self.show();
    }
}

fn here(node: &Node) -> Here {
    Here {
        id: node.id.to_string(),
        name: node.name.clone(),
        display_name: node.display_name.clone(),
        zone: node.zone.to_string(),
        groups: node.groups().cloned().collect(),
    }
}

fn no_thread(error: &JobError) -> Undelivered {
    Undelivered {
        message: error.to_string(),
        can_help: true,
        wait: None,
    }
}

/// Finds the time zone of this machine: `TZ`, else where `/etc/localtime` leads, else UTC.
pub(crate) fn time_zone() -> TimeZone {
    let named = std::env::var("TZ").ok();
    let named = named.map(|name| name.trim_start_matches(':').to_owned());
    let linked = || {
        let path = std::fs::read_link("/etc/localtime").ok()?;
        let text = path.to_str()?.to_owned();
        text.split_once("zoneinfo/")
            .map(|(_, name)| name.to_owned())
    };
    let name = named.filter(|name| !name.is_empty()).or_else(linked);
    let zone = name.and_then(|name| packs::calendar::time_zone(&name));
    zone.unwrap_or(TimeZone::UTC)
}
