//! Putting the agent together: channels first, then the agent that requests see, then the tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;

use ::rules::checks::Snapshot;
use ::rules::facts::Facts;
use model::{AgentState, Zone, limits};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, broadcast, mpsc, watch};

use crate::agent::Agent;
use crate::alerts::{self, AlertsLoop};
use crate::cluster::{self, Cluster, Node};
use crate::configuration::Configuration;
use crate::http;
use crate::inventory::{InventoryLoop, Ledger};
use crate::keep::Keep;
use crate::listen::Listeners;
use crate::log::Log;
use crate::loops::{self, Figures, Room};
use crate::machine::Machine;
use crate::rules::{self, Rules, RulesLoop};
use crate::series::{self, Cost, Series};
use crate::tasks::Tasks;
use crate::tokens::Tokens;
use crate::workers::Workers;
use crate::zone_keys::Key;
use crate::{clock, process, zone_keys};

/// What an agent is made of.
pub(crate) struct Parts {
    /// What it is told to be.
    pub(crate) configuration: Configuration,
    /// What is wrong with its configuration, and let it start all the same.
    pub(crate) problems: Vec<String>,
    /// The keys that files give.
    pub(crate) zone_keys: BTreeMap<Zone, Key>,
    /// What it keeps on disk.
    pub(crate) keep: Keep,
    /// Its log.
    pub(crate) log: Log,
    /// Its bound listeners.
    pub(crate) listeners: Listeners,
}

/// The ends of the channels that the loops hold.
struct Ends {
    cluster_commands: mpsc::Receiver<cluster::Command>,
    node: watch::Sender<Arc<Node>>,
    rules_commands: mpsc::Receiver<rules::Command>,
    rules: watch::Sender<Arc<Rules>>,
    facts: watch::Sender<Arc<Facts>>,
    checks: watch::Sender<Arc<Snapshot>>,
    alerts_inbox: mpsc::Receiver<alerts::Message>,
    alerts: watch::Sender<Arc<::rules::alerts::Snapshot>>,
    cost: watch::Sender<Arc<Cost>>,
    series_commands: mpsc::Receiver<series::Command>,
    life: watch::Sender<AgentState>,
}

/// The listeners, in the hands of the runtime.
struct Sockets {
    tcp: TcpListener,
    udp: Option<tokio::net::UdpSocket>,
    unix: UnixListener,
}

/// Makes the inbox of the alerts. A reboot is the first thing in it: what fails after it may have
/// failed for it.
fn inbox(keep: &Keep) -> (alerts::Inbox, mpsc::Receiver<alerts::Message>) {
    let (inbox, messages) = alerts::Inbox::new();
    if keep.has_rebooted(&process::boot()) {
        inbox.changed("the machine was started anew".to_owned());
    }
    (inbox, messages)
}

/// Builds the agent and starts its tasks; must be called inside the runtime. Gives what ends its
/// life, too.
pub(crate) fn assemble(
    mut parts: Parts,
    tasks: &mut Tasks,
) -> anyhow::Result<(Arc<Agent>, watch::Sender<AgentState>)> {
    let listen = std::mem::take(&mut parts.listeners.addresses);
    let sockets = sockets(parts.listeners)?;
    let node = this_node(&parts.configuration, &parts.keep)?;
    let (node_tx, node) = watch::channel(Arc::new(node));
    let (cluster_tx, cluster_commands) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (rules_tx, rules_commands) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (rules_shown, rules) = watch::channel(Arc::default());
    let (facts_tx, facts) = watch::channel(Arc::default());
    let (checks_tx, checks) = watch::channel(Arc::default());
    let (inbox, alerts_inbox) = inbox(&parts.keep);
    let (alerts_tx, alerts_shown) = watch::channel(Arc::default());
    let (cost_tx, cost) = watch::channel(Arc::new(Cost::default()));
    let (series_tx, series_commands) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (life_tx, life) = watch::channel(AgentState::Initializing);
    let loops = figures();
    let rings = zone_keys::rings(&parts.zone_keys, &parts.keep.rings()?);
    let agent = Arc::new(Agent {
        started: (clock::now(), clock::wall()),
        configuration: watch::Sender::new(Arc::new(parts.configuration)),
        node,
        life,
        rules,
        facts,
        series: series_tx,
        ledger: Ledger::default(),
        checks,
        events: broadcast::channel(limits::EVENTS_QUEUE_MAX).0,
        alerts: inbox,
        alerts_shown,
        rings: watch::Sender::new(Arc::new(rings)),
        cost,
        listen,
        cluster: cluster_tx,
        rules_commands: rules_tx,
        workers: Workers::default(),
        outside_workers: Workers::default(),
        machine: Arc::new(Machine::real()),
        log: parts.log,
        tokens: Tokens::new(parts.keep.tokens()?),
        previous_run: parts.keep.previous_run(),
        keep: Arc::new(parts.keep),
        connections: Arc::default(),
        loops: loops.to_vec(),
        tasks: tasks.names(),
        configuration_problems: watch::Sender::new(parts.problems),
        reloading: tokio::sync::Mutex::new(()),
        stop_asked: Notify::new(),
    });
    let ends = Ends {
        cluster_commands,
        node: node_tx,
        rules_commands,
        rules: rules_shown,
        facts: facts_tx,
        checks: checks_tx,
        alerts_inbox,
        alerts: alerts_tx,
        cost: cost_tx,
        series_commands,
        life: life_tx.clone(),
    };
    spawn(&agent, ends, sockets, loops, tasks);
    Ok((agent, life_tx))
}

/// Hands the listeners to the runtime.
fn sockets(listeners: Listeners) -> anyhow::Result<Sockets> {
    Ok(Sockets {
        tcp: TcpListener::from_std(listeners.tcp)?,
        udp: listeners
            .udp
            .map(tokio::net::UdpSocket::from_std)
            .transpose()?,
        unix: UnixListener::from_std(listeners.unix)?,
    })
}

/// Makes the figures of all loops.
fn figures() -> [Arc<Figures>; 5] {
    [
        Figures::of::<Cluster>(),
        Figures::of::<RulesLoop>(),
        Figures::of::<AlertsLoop>(),
        Figures::of::<Series>(),
        Figures::of::<InventoryLoop>(),
    ]
}

fn spawn(
    agent: &Arc<Agent>,
    ends: Ends,
    sockets: Sockets,
    [
        cluster_figures,
        rules_figures,
        alerts_figures,
        series_figures,
        inventory_figures,
    ]: [Arc<Figures>; 5],
    tasks: &mut Tasks,
) {
    let stop = tasks.stop_signal();
    let cluster = Cluster::new(sockets.udp, ends.cluster_commands, ends.node);
    tasks.spawn(
        Cluster::NAME,
        loops::run(cluster, cluster_figures, stop.clone()),
    );
    let rules = RulesLoop::new(
        Arc::clone(agent),
        rules::Ends {
            commands: ends.rules_commands,
            rules: ends.rules,
            facts: ends.facts,
            checks: ends.checks,
            life: ends.life,
        },
    );
    tasks.spawn(
        RulesLoop::NAME,
        loops::run(rules, rules_figures, stop.clone()),
    );
    let alerts = AlertsLoop::new(Arc::clone(agent), ends.alerts_inbox, ends.alerts);
    tasks.spawn(
        AlertsLoop::NAME,
        loops::run(alerts, alerts_figures, stop.clone()),
    );
    let series = Series::new(ends.cost, ends.series_commands, agent.facts.clone());
    tasks.spawn(
        Series::NAME,
        loops::run(series, series_figures, stop.clone()),
    );
    let inventory = InventoryLoop::new(Arc::clone(agent));
    tasks.spawn(
        InventoryLoop::NAME,
        loops::run(inventory, inventory_figures, stop.clone()),
    );
    let router = http::router(agent);
    let connections = Arc::clone(&agent.connections);
    let tcp = http::serve_tcp(
        sockets.tcp,
        router.clone(),
        Arc::clone(&connections),
        stop.clone(),
    );
    tasks.spawn("http tcp", tcp);
    tasks.spawn(
        "http unix",
        http::serve_unix(sockets.unix, router, connections, stop),
    );
}

fn this_node(configuration: &Configuration, keep: &Keep) -> anyhow::Result<Node> {
    let (id, incarnation) = keep.identity()?;
    let local_address = local_address();
    Ok(Node {
        id,
        name: process::host_name(),
        display_name: configuration.display_name.clone(),
        zone: configuration.zone.clone(),
        static_groups: configuration.groups.clone(),
        detected_groups: BTreeSet::new(),
        incarnation,
        local_address,
        public_address: configuration.advertise_address.unwrap_or(local_address),
    })
}

/// Finds the address that this machine reaches others from. Connecting a UDP socket sends nothing:
/// it only asks the routing table, here about an address of the documentation range.
fn local_address() -> IpAddr {
    let asked = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    asked().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
