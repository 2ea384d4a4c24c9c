//! DNS: answers about nodes, groups and services, from what this node knows.
//!
//! The loop watches what the names are made of, has them made anew when that changed, and keeps a
//! listener bound while this node is to answer. Answering is done by threads of their own, which
//! read the names and wait for nobody: see `listener`. Start with [`DnsLoop`]; `settings` tells
//! when it listens and how, `gather` where the names come from, `forward` who is asked for others.

mod answering;
mod batch;
mod forward;
pub(crate) mod gather;
mod listener;
pub(crate) mod settings;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::dns::{Cluster, Counts, Directory};
use model::Moment;
use tokio::sync::watch;
use tracing::{error, info, warn};

pub use self::answering::Answering;

use self::gather::Gatherer;
use self::listener::Listener;
use self::settings::Settings;
use crate::agent::Agent;
use crate::clock;
use crate::loops::{self, Room};

/// Time between two tries to bind a port that is taken.
const BIND_INTERVAL: Duration = Duration::from_secs(1);

/// The DNS as others see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Where it listens.
    pub address: Option<SocketAddr>,
    /// Why it does not.
    pub off: Option<String>,
    /// The parameters that make no sense, and why.
    pub wrong: Vec<String>,
    /// The names.
    pub directory: Option<Arc<Directory>>,
    /// What is counted.
    pub counters: Option<Arc<listener::Counters>>,
}

impl Shown {
    /// Gives what was counted since the listener was bound.
    pub(crate) fn counts(&self) -> Counts {
        let counters = self.counters.as_ref();
        counters.map(|it| it.read()).unwrap_or_default()
    }
}

/// The state of the loop.
pub(crate) struct DnsLoop {
    agent: Arc<Agent>,
    shown: watch::Sender<Arc<Shown>>,
    directories: watch::Sender<Arc<Directory>>,
    gatherer: Gatherer,
    /// What the names were made of last.
    cluster: Arc<Cluster>,
    settings: Settings,
    listener: Option<Listener>,
    /// When the next try to bind is due.
    bind_at: Option<Moment>,
    /// Why the last try failed.
    refused: Option<String>,
    making: Option<Making>,
    make_again: bool,
    /// Names of before, which a thread may still answer with. They are not dropped there, where
    /// that would hold up answers, but with the next making.
    past: Vec<Arc<Directory>>,
    inputs: Inputs,
}

type Making = Pin<Box<dyn Future<Output = Option<Arc<Directory>>> + Send>>;

/// What the names and the listener depend on.
struct Inputs {
    members: watch::Receiver<Arc<gossip::Snapshot>>,
    agreed: watch::Receiver<Arc<crate::agreement::Shown>>,
    node: watch::Receiver<Arc<crate::cluster::Node>>,
    rules: watch::Receiver<Arc<crate::rules::Rules>>,
    configuration: watch::Receiver<Arc<crate::configuration::Configuration>>,
}

/// What happens to the loop.
pub(crate) enum Event {
    /// What is known of the nodes changed, or what they agreed on.
    Members,
    /// What this node is told to do changed.
    Settings,
    /// The names are made.
    Made(Option<Arc<Directory>>),
    /// A try to bind is due.
    Bind,
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["members", "settings", "made", "binds"];

    fn kind(&self) -> usize {
        match self {
            Self::Members => 0,
            Self::Settings => 1,
            Self::Made(_) => 2,
            Self::Bind => 3,
        }
    }
}

impl DnsLoop {
    /// Makes the state. Nothing is bound before the packs are read.
    pub(crate) fn new(agent: Arc<Agent>, shown: watch::Sender<Arc<Shown>>) -> Self {
        let mut inputs = Inputs {
            members: agent.members.clone(),
            agreed: agent.agreement.follow(),
            node: agent.node.clone(),
            rules: agent.rules.clone(),
            configuration: agent.configuration.subscribe(),
        };
        inputs.configuration.mark_changed();
        let mut gatherer = Gatherer::default();
        let cluster = Arc::new(gatherer.gather(&inputs.members.borrow(), &inputs.agreed.borrow()));
        let settings = Settings::of(&agent);
        let directory = Directory::new(Arc::clone(&cluster), &settings.names, serial());
        Self {
            agent,
            shown,
            directories: watch::Sender::new(Arc::new(directory)),
            gatherer,
            cluster,
            settings,
            listener: None,
            bind_at: None,
            refused: None,
            making: None,
            make_again: false,
            past: Vec::new(),
            inputs,
        }
    }

    fn is_on(&self) -> bool {
        self.settings.off.is_none()
    }

    /// Takes what is known of the nodes; most changes there are none for the names.
    fn members(&mut self) {
        let known = Arc::clone(&self.inputs.members.borrow_and_update());
        let agreed = Arc::clone(&self.inputs.agreed.borrow_and_update());
        if !self.is_on() {
            return;
        }
        let cluster = self.gatherer.gather(&known, &agreed);
        if gather::differs(&cluster, &self.cluster) {
            self.cluster = Arc::new(cluster);
            self.make();
        }
    }

    /// Has the names made, one making at a time: what changes meanwhile is in the next.
    fn make(&mut self) {
        if self.making.is_some() {
            self.make_again = true;
            return;
        }
        let (cluster, names) = (Arc::clone(&self.cluster), self.settings.names.clone());
        let serial = serial();
        let is_free = |it: &Arc<Directory>| Arc::strong_count(it) == 1;
        let (free, past) = std::mem::take(&mut self.past)
            .into_iter()
            .partition(is_free);
        self.past = past;
        // With thousands of nodes it takes milliseconds, which no loop may wait for.
        let made = tokio::task::spawn_blocking(move || {
            drop::<Vec<Arc<Directory>>>(free);
            Arc::new(Directory::new(cluster, &names, serial))
        });
        self.making = Some(Box::pin(async move { made.await.ok() }));
    }

    fn made(&mut self, directory: Option<Arc<Directory>>) {
        self.making = None;
        match directory {
            Some(directory) => {
                self.past.push(self.directories.send_replace(directory));
            }
            None => error!("The names of the DNS could not be made; the old ones stay"),
        }
        if std::mem::take(&mut self.make_again) {
            self.make();
        }
        self.show();
    }

    /// Takes what this node is told to do.
    fn settings(&mut self) {
        self.inputs.node.mark_unchanged();
        self.inputs.rules.mark_unchanged();
        self.inputs.configuration.mark_unchanged();
        let before = self.listener.is_some().then_some(&self.settings);
        let settings = Settings::of(&self.agent).or_before(before);
        if settings.wrong != self.settings.wrong {
            for wrong in &settings.wrong {
                warn!(
                    wrong,
                    "What DNS is told makes no sense; what was in force stays"
                );
            }
        }
        if settings == self.settings && (self.listener.is_some() || !self.is_on()) {
            return;
        }
        let old = std::mem::replace(&mut self.settings, settings);
        self.agent.agreement.tell_names(self.is_on());
        if old.names != self.settings.names || old.off.is_some() != self.settings.off.is_some() {
            let known = Arc::clone(&self.inputs.members.borrow());
            let agreed = Arc::clone(&self.inputs.agreed.borrow());
            self.cluster = Arc::new(self.gatherer.gather(&known, &agreed));
            self.make();
        }
        if old.listens_differently(&self.settings) || !self.is_on() {
            self.unbind();
        }
        if self.is_on() && self.listener.is_none() && self.bind_at.is_none() {
            self.bind();
        }
        self.show();
    }

    fn bind(&mut self) {
        self.bind_at = None;
        if !self.is_on() || self.listener.is_some() {
            return;
        }
        match Listener::bind(&self.settings, &self.directories) {
            Ok(listener) => {
                info!(address = %listener.address(), "DNS listens");
                self.listener = Some(listener);
                self.refused = None;
            }
            Err(error) => {
                let refused = format!("{error:#}");
                // The same again is no news.
                if self.refused.as_ref() != Some(&refused) {
                    warn!(
                        error = refused,
                        "DNS cannot listen; it is tried each second"
                    );
                }
                self.refused = Some(refused);
                self.bind_at = Some(clock::now() + BIND_INTERVAL);
            }
        }
        self.show();
    }

    fn unbind(&mut self) {
        self.bind_at = None;
        if let Some(listener) = self.listener.take() {
            info!(address = %listener.address(), "DNS stops listening");
            // Dropping it tells its threads to end; they do within a packet.
            drop(listener);
        }
    }

    fn show(&self) {
        let directory = Arc::clone(&self.directories.borrow());
        let listener = self.listener.as_ref();
        let waiting = || {
            let not_yet = || "the port is not bound yet".to_owned();
            self.refused.clone().unwrap_or_else(not_yet)
        };
        self.shown.send_replace(Arc::new(Shown {
            address: listener.map(Listener::address),
            off: match listener {
                Some(_) => None,
                None => Some(self.settings.off.clone().unwrap_or_else(waiting)),
            },
            wrong: self.settings.wrong.clone(),
            directory: self.is_on().then_some(directory),
            counters: listener.map(Listener::counters),
        }));
    }
}

/// Gives the number of names that are made now: it grows with time, also over restarts.
fn serial() -> u32 {
    // Tenths of seconds: the names change ten times a second at the most. Serials wrap (RFC 1982).
    (clock::wall().as_millis() / 100) as u32
}

impl Room for DnsLoop {
    type Event = Event;

    const NAME: &'static str = "dns";

    async fn next(&mut self) -> Event {
        let bind_at = self.bind_at;
        let due = async {
            match bind_at {
                Some(at) => tokio::time::sleep(at.since(clock::now())).await,
                None => std::future::pending().await,
            }
        };
        let Self { making, inputs, .. } = self;
        let made = async {
            match making {
                Some(making) => making.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            made = made => Event::Made(made),
            Ok(()) = inputs.members.changed() => Event::Members,
            Ok(()) = inputs.agreed.changed() => Event::Members,
            Ok(()) = inputs.node.changed() => Event::Settings,
            Ok(()) = inputs.rules.changed() => Event::Settings,
            Ok(()) = inputs.configuration.changed() => Event::Settings,
            () = due => Event::Bind,
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Members => self.members(),
            Event::Settings => self.settings(),
            Event::Made(directory) => self.made(directory),
            Event::Bind => self.bind(),
        }
    }
}

/// Gives the names as they are, made for this once where nothing listens.
pub(crate) fn directory(agent: &Agent) -> Arc<Directory> {
    let shown = Arc::clone(&agent.names.dns.borrow());
    if let Some(directory) = &shown.directory {
        return Arc::clone(directory);
    }
    let agreed = agent.agreement.shown();
    let cluster = Gatherer::default().gather(&agent.members.borrow(), &agreed);
    let names = Settings::of(agent).names;
    Arc::new(Directory::new(Arc::new(cluster), &names, serial()))
}
