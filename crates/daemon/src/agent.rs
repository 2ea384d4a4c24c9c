//! The agent as its request handlers see it: snapshots to read, and channels to ask through.
//!
//! Nothing here is a loop's own state. What a loop knows arrives as a snapshot; what a loop shall
//! do goes to it as a command. So a slow request never holds anybody up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::rules::checks::Snapshot;
use ::rules::facts::Facts;
use ::rules::transition::Transition;
use gossip::seal::{Ring, Rings};
use model::{AgentState, Group, Moment, WallTime, Zone};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tracing::warn;

use crate::agreement::Agreement;
use crate::alerts::Inbox;
use crate::cluster::{self, Node};
use crate::configuration::Configuration;
use crate::http::Connections;
use crate::inventory::Ledger;
use crate::keep::Keep;
use crate::log::Log;
use crate::loops::Figures;
use crate::machine::Machine;
use crate::rules::{self, Rules};
use crate::series::{self, Cost};
use crate::tokens::Tokens;
use crate::workers::{JobError, Workers};

/// Time box of small disk work that a request waits for.
pub(crate) const DISK_TIME_BOX: Duration = Duration::from_secs(5);

/// The version of the program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the handlers of requests need.
pub(crate) struct Agent {
    /// When the agent started.
    pub started: (Moment, WallTime),
    /// What it is told to be. Written by reloads only.
    pub configuration: watch::Sender<Arc<Configuration>>,
    /// What this node tells about itself.
    pub node: watch::Receiver<Arc<Node>>,
    /// Where the agent is in its life.
    pub life: watch::Receiver<AgentState>,
    /// The packs that are in force.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// What this node knows.
    pub facts: watch::Receiver<Arc<Facts>>,
    /// Asks the series loop.
    pub series: mpsc::Sender<series::Command>,
    /// What is remembered of the inventory.
    pub ledger: Ledger,
    /// How the checks are.
    pub checks: watch::Receiver<Arc<Snapshot>>,
    /// Changes with what other nodes shall know of the checks.
    pub news: watch::Receiver<u64>,
    /// Tells every transition of a check to whoever listens.
    pub events: broadcast::Sender<Arc<Transition>>,
    /// Tells the alerts what happened, and asks them.
    pub alerts: Inbox,
    /// The rings of zone keys, for streams. Written by reloads, of which the cluster loop takes
    /// each to its core, and for the core by `keep_keys`.
    pub rings: watch::Sender<Arc<Rings>>,
    /// What the alerts show.
    pub alerts_shown: watch::Receiver<Arc<::rules::alerts::Snapshot>>,
    /// What the process costs.
    pub cost: watch::Receiver<Arc<Cost>>,
    /// The addresses that are bound, by listener.
    pub listen: BTreeMap<String, SocketAddr>,
    /// Asks the cluster loop.
    pub cluster: mpsc::Sender<cluster::Command>,
    /// The cluster as this node knows it.
    pub members: watch::Receiver<Arc<gossip::Snapshot>>,
    /// Streams to other nodes that wait for the next call.
    pub idle_streams: cluster::idle::Idle,
    /// Names, and what this node offers.
    pub names: Names,
    /// Agreement with the other nodes of the zone.
    pub agreement: Agreement,
    /// Takes the streams of other nodes.
    pub streams: cluster::streams::Streams,
    /// Asks the rules loop.
    pub rules_commands: mpsc::Sender<rules::Command>,
    /// Runs what may block.
    pub workers: Workers,
    /// Runs plugins and probes, which may take their time.
    pub outside_workers: Workers,
    /// The machine below, as expressions see it.
    pub machine: Arc<Machine>,
    /// The log.
    pub log: Log,
    /// Who may call over TCP.
    pub tokens: Tokens,
    /// What is kept on disk.
    pub keep: Arc<Keep>,
    /// How the run before this one ended.
    pub previous_run: Option<api::agent::PreviousRun>,
    /// What the listeners count.
    pub connections: Arc<Connections>,
    /// What the loops count.
    pub loops: Vec<Arc<Figures>>,
    /// The names of the running tasks.
    pub tasks: watch::Receiver<Vec<String>>,
    /// What is wrong with the configuration files since the last reload.
    pub configuration_problems: watch::Sender<Vec<String>>,
    /// One reload at a time.
    pub reloading: tokio::sync::Mutex<()>,
    /// Rung when the agent shall stop.
    pub stop_asked: Notify,
}

/// What others have of names and services.
pub(crate) struct Names {
    /// The DNS.
    pub dns: watch::Receiver<Arc<crate::dns::Shown>>,
    /// What this node offers.
    pub services: watch::Receiver<Arc<Vec<::dns::Service>>>,
    /// Asks the services loop.
    pub commands: mpsc::Sender<crate::services::Command>,
}

impl Agent {
    /// Tells whether gossip in this node's zone is sealed.
    pub(crate) fn is_zone_protected(&self) -> bool {
        let node = self.node.borrow();
        let rings = self.rings.borrow();
        let mut rings = rings.iter();
        rings.any(|(zone, ring)| zone.as_str() == node.zone.as_str() && !ring.is_open())
    }

    /// Uses the ring of a zone for streams from now on, and keeps it on disk: all of it with the
    /// state, and the key that seals in the file of the zone.
    pub(crate) fn keep_keys(self: &Arc<Self>, zone: Zone, ring: Ring) {
        self.rings.send_modify(|rings| {
            Arc::make_mut(rings).insert(zone, ring);
        });
        let agent = Arc::clone(self);
        self.on_disk_later("keys", move |keep| {
            agent.save_keys(keep);
        });
    }

    /// Writes the keys to the disk as they are; tells whether they are there.
    pub(crate) fn save_keys(&self, keep: &Keep) -> bool {
        let home = self.configuration.borrow().home.clone();
        keep.save_keys(&home, &self.rings)
    }

    /// Asks the agent to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.stop_asked.notify_one();
    }

    /// Adds or removes a static group of the running node; tells whether that changed anything.
    /// `None` when the cluster loop is gone, because the agent stops.
    pub(crate) async fn change_group(&self, group: Group, add: bool) -> Option<bool> {
        let (tx, rx) = oneshot::channel();
        let command = match add {
            true => cluster::Command::AddGroup(group, tx),
            false => cluster::Command::RemoveGroup(group, tx),
        };
        self.cluster.send(command).await.ok()?;
        rx.await.ok()
    }

    /// Gives how the numbers of a collector moved lately, by their path; nothing when nobody knows.
    pub(crate) async fn recent_numbers(
        &self,
        collector: &Arc<::rules::facts::Collector>,
    ) -> BTreeMap<String, Vec<f64>> {
        let (tx, rx) = oneshot::channel();
        let command = series::Command::Recent(Arc::clone(collector), tx);
        match self.series.try_send(command) {
            Ok(()) => rx.await.unwrap_or_default(),
            // It is an ornament: nobody shall wait for it.
            Err(_) => BTreeMap::new(),
        }
    }

    /// Adds an entry to the agent's history, which is written in the background.
    pub(crate) fn note(&self, kind: &'static str, text: String) {
        self.keep.note(crate::clock::wall(), kind, &text);
        self.on_disk_later("history", Keep::flush);
    }

    /// Runs small disk work in the pool, before what is slow there, and does not wait for it. Work
    /// of one name must write all that waits: when one job of it runs and one waits, a third has
    /// nothing to add. So a disk that hangs holds two threads by it, not one more each time.
    pub(crate) fn on_disk_later(
        &self,
        name: &'static str,
        work: impl FnOnce(&Keep) + Send + 'static,
    ) {
        if self.workers.count(name) >= 2 {
            return;
        }
        let keep = Arc::clone(&self.keep);
        let work = move || work(&keep);
        let posted = self.workers.post_at_once(name, DISK_TIME_BOX, work);
        if let Err(error) = posted {
            warn!(%error, name, "Cannot write to the disk");
        }
    }

    /// Runs small disk work in the pool, before what is slow there.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Keep) -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let keep = Arc::clone(&self.keep);
        self.workers
            .run_at_once(name, DISK_TIME_BOX, move || work(&keep))
            .await
    }
}

#[cfg(test)]
impl Agent {
    /// Makes an agent without loops, sockets or a place on disk worth naming.
    pub(crate) fn for_tests() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap().keep();
        let surroundings = crate::paths::Surroundings {
            root: Some(folder.clone()),
            ..crate::paths::Surroundings::default()
        };
        let paths = crate::paths::Paths::resolve(&surroundings).unwrap();
        let configuration = crate::configuration::load(&paths).configuration;
        let options = configuration.log_options();
        let node = cluster::show::tests::node(7, "web-1", "");
        let zones = gossip::Zones::new([(node.zone.clone(), None)]);
        let known = cluster::show::alone(&node, zones, crate::clock::now());
        Arc::new(Self {
            started: (crate::clock::now(), crate::clock::wall()),
            configuration: watch::Sender::new(Arc::new(configuration)),
            node: watch::channel(Arc::new(node)).1,
            life: watch::channel(AgentState::Ok).1,
            rules: watch::channel(Arc::default()).1,
            facts: watch::channel(Arc::default()).1,
            series: mpsc::channel(1).0,
            ledger: Ledger::default(),
            checks: watch::channel(Arc::default()).1,
            news: watch::channel(0).1,
            events: broadcast::channel(model::limits::EVENTS_QUEUE_MAX).0,
            alerts: Inbox::new().0,
            rings: watch::Sender::new(Arc::default()),
            alerts_shown: watch::channel(Arc::default()).1,
            cost: watch::channel(Arc::default()).1,
            listen: BTreeMap::new(),
            cluster: mpsc::channel(1).0,
            members: watch::channel(Arc::new(known)).1,
            agreement: Agreement::default(),
            streams: cluster::streams::Streams::new().0,
            names: Names {
                dns: watch::channel(Arc::default()).1,
                services: watch::channel(Arc::default()).1,
                commands: mpsc::channel(1).0,
            },
            rules_commands: mpsc::channel(1).0,
            workers: Workers::default(),
            outside_workers: Workers::default(),
            machine: Arc::new(Machine::real()),
            log: Log::start(&options).unwrap().0,
            tokens: Tokens::new(BTreeMap::new()),
            keep: Arc::new(Keep::open(&folder).unwrap()),
            previous_run: None,
            connections: Arc::default(),
            idle_streams: cluster::idle::Idle::default(),
            loops: Vec::new(),
            tasks: watch::channel(Vec::new()).1,
            configuration_problems: watch::Sender::new(Vec::new()),
            reloading: tokio::sync::Mutex::new(()),
            stop_asked: Notify::new(),
        })
    }
}
