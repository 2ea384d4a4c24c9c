//! Putting the agent together: channels first, then the agent that requests see, then the tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use ::rules::checks::Snapshot;
use ::rules::facts::Facts;
use anyhow::Context;
use drivers::hosting::local_address as local_address_of;
use drivers::{Deadline, Host};
use gossip::seal::{Ring, Rings};
use model::{AgentState, Zone, limits};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tracing::info;

use crate::agent::{Agent, Names};
use crate::agreement::{self, Agreement};
use crate::alerts::{self, AlertsLoop};
use crate::cluster::streams::{Opened, Streams};
use crate::cluster::{self, Cluster, Node, calls, show};
use crate::configuration::Configuration;
use crate::dns::{self, DnsLoop};
use crate::http;
use crate::inventory::{InventoryLoop, Ledger};
use crate::keep::Keep;
use crate::listen::Listeners;
use crate::log::Log;
use crate::loops::{self, Figures, Room};
use crate::machine::Machine;
use crate::rules::{self, Rules, RulesLoop};
use crate::series::{self, Cost, Series};
use crate::services::{self, ServicesLoop};
use crate::tasks::Tasks;
use crate::threads::{LoopThread, Rank};
use crate::tokens::Tokens;
use crate::workers::Workers;
use crate::zone_keys::Key;
use crate::{clock, process, zone_keys};

/// Time box of asking the kernel for the addresses of this machine.
const INTERFACES_TIME_BOX: Duration = Duration::from_secs(2);

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
    /// Whether to join whoever answers a call to everybody.
    pub(crate) auto_detect: bool,
}

/// The ends of the channels that the loops hold.
struct Ends {
    cluster: ClusterRoom,
    rules: rules::Ends,
    alerts_inbox: mpsc::Receiver<alerts::Message>,
    alerts: watch::Sender<Arc<::rules::alerts::Snapshot>>,
    cost: watch::Sender<Arc<Cost>>,
    series_commands: mpsc::Receiver<series::Command>,
    names: NamesEnds,
}

/// What everybody else has of the rules.
struct RulesDoors {
    commands: mpsc::Sender<rules::Command>,
    rules: watch::Receiver<Arc<Rules>>,
    facts: watch::Receiver<Arc<Facts>>,
    checks: watch::Receiver<Arc<Snapshot>>,
    news: watch::Receiver<u64>,
    life: watch::Receiver<AgentState>,
}

/// The ends that the loops of services and names hold.
struct NamesEnds {
    dns: watch::Sender<Arc<dns::Shown>>,
    services: watch::Sender<Arc<Vec<::dns::Service>>>,
    commands: mpsc::Receiver<services::Command>,
}

/// What the cluster loop and the tasks around it begin with.
struct ClusterRoom {
    ends: cluster::Ends,
    core: gossip::Config,
    wanted: mpsc::Receiver<calls::Ask>,
    opened: mpsc::Receiver<Opened>,
    auto_detect: bool,
}

/// What everybody else has of the cluster.
struct ClusterDoors {
    node: watch::Receiver<Arc<Node>>,
    commands: mpsc::Sender<cluster::Command>,
    members: watch::Receiver<Arc<gossip::Snapshot>>,
    rings: watch::Sender<Arc<Rings>>,
    streams: Streams,
}

/// The threads beside the one that all other tasks share.
pub(crate) struct Threads {
    cluster: LoopThread,
    rules: LoopThread,
}

impl Threads {
    /// Starts them.
    pub(crate) fn start() -> std::io::Result<Self> {
        Ok(Self {
            cluster: LoopThread::start(Cluster::NAME, Rank::First)?,
            rules: LoopThread::start(RulesLoop::NAME, Rank::Usual)?,
        })
    }
}

/// The listeners, in the hands of the runtime.
struct Sockets {
    tcp: TcpListener,
    gossip: cluster::Socket,
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
    threads: &Threads,
    tasks: &mut Tasks,
) -> anyhow::Result<(Arc<Agent>, watch::Sender<AgentState>)> {
    let listen = std::mem::take(&mut parts.listeners.addresses);
    let (doors, cluster) = cluster_room(&parts, listen.get("gossip"))?;
    let (rules, rules_ends) = rules_room();
    let (inbox, alerts_inbox) = inbox(&parts.keep);
    let (alerts_tx, alerts_shown) = watch::channel(Arc::default());
    let (cost_tx, cost) = watch::channel(Arc::new(Cost::default()));
    let (series_tx, series_commands) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (names, names_ends) = names_room();
    let life = rules_ends.life.clone();
    let loops = figures();
    let agreement = Agreement::new(parts.configuration.agrees);
    let agent = Arc::new(Agent {
        started: (clock::now(), clock::wall()),
        configuration: watch::Sender::new(Arc::new(parts.configuration)),
        node: doors.node,
        life: rules.life,
        rules: rules.rules,
        facts: rules.facts,
        series: series_tx,
        ledger: Ledger::default(),
        checks: rules.checks,
        news: rules.news,
        events: broadcast::channel(limits::EVENTS_QUEUE_MAX).0,
        alerts: inbox,
        alerts_shown,
        cost,
        listen,
        cluster: doors.commands,
        members: doors.members,
        rings: doors.rings,
        agreement,
        streams: doors.streams,
        names,
        rules_commands: rules.commands,
        workers: Workers::default(),
        outside_workers: Workers::default(),
        machine: Arc::new(Machine::real()),
        log: parts.log,
        tokens: Tokens::new(parts.keep.tokens()?),
        previous_run: parts.keep.previous_run(),
        keep: Arc::new(parts.keep),
        connections: Arc::default(),
        idle_streams: cluster::idle::Idle::default(),
        loops: loops.to_vec(),
        tasks: tasks.names(),
        configuration_problems: watch::Sender::new(parts.problems),
        reloading: tokio::sync::Mutex::new(()),
        stop_asked: Notify::new(),
    });
    let ends = Ends {
        cluster,
        rules: rules_ends,
        alerts_inbox,
        alerts: alerts_tx,
        cost: cost_tx,
        series_commands,
        names: names_ends,
    };
    let sockets = sockets(parts.listeners, threads)?;
    spawn(&agent, ends, sockets, loops, threads, tasks);
    Ok((agent, life))
}

/// Makes what the rules begin with, and what others have of them.
fn rules_room() -> (RulesDoors, rules::Ends) {
    let (commands, commands_rx) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (rules_tx, rules) = watch::channel(Arc::default());
    let (facts_tx, facts) = watch::channel(Arc::default());
    let (checks_tx, checks) = watch::channel(Arc::default());
    let (news_tx, news) = watch::channel(0);
    let (life_tx, life) = watch::channel(AgentState::Initializing);
    let ends = rules::Ends {
        commands: commands_rx,
        rules: rules_tx,
        facts: facts_tx,
        checks: checks_tx,
        news: news_tx,
        life: life_tx,
    };
    let doors = RulesDoors {
        commands,
        rules,
        facts,
        checks,
        news,
        life,
    };
    (doors, ends)
}

/// Makes what services and names begin with, and what others have of them.
fn names_room() -> (Names, NamesEnds) {
    let (dns_tx, dns) = watch::channel(Arc::default());
    let (services_tx, services) = watch::channel(Arc::default());
    let (commands, commands_rx) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let ends = NamesEnds {
        dns: dns_tx,
        services: services_tx,
        commands: commands_rx,
    };
    let names = Names {
        dns,
        services,
        commands,
    };
    (names, ends)
}

/// Makes what the cluster begins with, and what others have of it.
fn cluster_room(
    parts: &Parts,
    gossip: Option<&SocketAddr>,
) -> anyhow::Result<(ClusterDoors, ClusterRoom)> {
    let port = gossip.map_or(0, SocketAddr::port);
    let node = this_node(&parts.configuration, &parts.keep, port)?;
    let mut rings = zone_keys::rings(&parts.zone_keys, &parts.keep.rings()?);
    if node.incarnation == 1 && rings.get(&node.zone).is_none_or(Ring::is_open) {
        rings.extend(first_key(&parts.configuration, &node.zone)?);
    }
    let core = core(parts, &node, rings.clone())?;
    let rings = watch::Sender::new(Arc::new(rings));
    let known = show::alone(&node, core.zones.clone(), clock::now());
    let (members_tx, members) = watch::channel(Arc::new(known));
    let (node_tx, node) = watch::channel(Arc::new(node));
    let (commands, commands_rx) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (calls, wanted) = mpsc::channel(limits::LOOP_QUEUE_MAX);
    let (streams, opened) = Streams::new();
    let doors = ClusterDoors {
        node,
        commands,
        members,
        rings,
        streams,
    };
    let ends = cluster::Ends {
        commands: commands_rx,
        node: node_tx,
        members: members_tx,
        calls,
    };
    let room = ClusterRoom {
        ends,
        core,
        wanted,
        opened,
        auto_detect: parts.auto_detect,
    };
    Ok((doors, room))
}

/// Makes the key of a new cluster, when the configuration asks for it: at the first start of an
/// agent that is to join nobody.
fn first_key(configuration: &Configuration, zone: &Zone) -> anyhow::Result<Option<(Zone, Ring)>> {
    if !configuration.makes_key || !configuration.seeds.is_empty() {
        return Ok(None);
    }
    let key = zone_keys::generate()?;
    let written = zone_keys::write(&configuration.home, zone, &key).map_err(anyhow::Error::msg);
    let path = written.context("the key of a new cluster (new-cluster-key) cannot be kept")?;
    info!(%zone, path = %path.display(), "Made the key of a new cluster: other nodes need it");
    Ok(Some((zone.clone(), Ring::of_file(key))))
}

/// Starts the cluster loop and the tasks around it.
fn spawn_cluster(
    agent: &Arc<Agent>,
    (room, socket): (ClusterRoom, cluster::Socket),
    figures: Arc<Figures>,
    thread: &LoopThread,
    tasks: &mut Tasks,
) {
    let stop = tasks.stop_signal();
    let has_gossip = socket.is_open();
    let entered = thread.handle().enter();
    let cluster = Cluster::new(Arc::clone(agent), socket, room.ends, room.core);
    drop(entered);
    let cluster = loops::run(cluster, figures, stop.clone());
    tasks.spawn_on(thread, Cluster::NAME, cluster);
    let calls = calls::make(Arc::clone(agent), room.wanted, stop.clone());
    tasks.spawn("node calls", calls);
    let streams = cluster::streams::serve(Arc::clone(agent), room.opened, stop.clone());
    tasks.spawn("node streams", streams);
    let goes = agreement::go_when_told(Arc::clone(agent), stop.clone());
    tasks.spawn("leave", goes);
    let agreement = agreement::run(Arc::clone(agent), stop.clone());
    tasks.spawn("agreement", agreement);
    if has_gossip {
        let seeds = cluster::keep_told(Arc::clone(agent), room.auto_detect, stop);
        tasks.spawn("seeds", seeds);
    }
}

/// Hands the listeners to the runtime.
fn sockets(listeners: Listeners, threads: &Threads) -> anyhow::Result<Sockets> {
    let gossip = {
        let _entered = threads.cluster.handle().enter();
        cluster::Socket::new(listeners.udp)?
    };
    Ok(Sockets {
        tcp: TcpListener::from_std(listeners.tcp)?,
        gossip,
        unix: UnixListener::from_std(listeners.unix)?,
    })
}

/// Makes the figures of all loops.
fn figures() -> [Arc<Figures>; 7] {
    [
        Figures::of::<Cluster>(),
        Figures::of::<RulesLoop>(),
        Figures::of::<AlertsLoop>(),
        Figures::of::<Series>(),
        Figures::of::<InventoryLoop>(),
        Figures::of::<ServicesLoop>(),
        Figures::of::<DnsLoop>(),
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
        services_figures,
        dns_figures,
    ]: [Arc<Figures>; 7],
    threads: &Threads,
    tasks: &mut Tasks,
) {
    let stop = tasks.stop_signal();
    let cluster = (ends.cluster, sockets.gossip);
    spawn_cluster(agent, cluster, cluster_figures, &threads.cluster, tasks);
    // What waits for time or for a file does so on the thread that it is made for.
    let entered = threads.rules.handle().enter();
    let rules = RulesLoop::new(Arc::clone(agent), ends.rules);
    let alerts = AlertsLoop::new(Arc::clone(agent), ends.alerts_inbox, ends.alerts);
    drop(entered);
    let rules = loops::run(rules, rules_figures, stop.clone());
    tasks.spawn_on(&threads.rules, RulesLoop::NAME, rules);
    let alerts = loops::run(alerts, alerts_figures, stop.clone());
    tasks.spawn_on(&threads.rules, AlertsLoop::NAME, alerts);
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
    let services = ServicesLoop::new(Arc::clone(agent), ends.names.commands, ends.names.services);
    let dns = DnsLoop::new(Arc::clone(agent), ends.names.dns);
    spawn_names((services, services_figures), (dns, dns_figures), tasks);
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

/// Starts what tells others what this node offers, and under which names.
fn spawn_names(
    (services, services_figures): (ServicesLoop, Arc<Figures>),
    (dns, dns_figures): (DnsLoop, Arc<Figures>),
    tasks: &mut Tasks,
) {
    let stop = tasks.stop_signal();
    let services = loops::run(services, services_figures, stop.clone());
    tasks.spawn(ServicesLoop::NAME, services);
    tasks.spawn(DnsLoop::NAME, loops::run(dns, dns_figures, stop));
}

/// Says what the core of the cluster begins with.
fn core(parts: &Parts, node: &Node, keys: Rings) -> anyhow::Result<gossip::Config> {
    let random = SystemRandom::new();
    let mut seed = [0; 8];
    random
        .fill(&mut seed)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(gossip::Config {
        id: node.id,
        starts: node.incarnation,
        body: node.first_body(),
        keys,
        zones: parts.configuration.zone_tree(),
        salts: Box::new(move || {
            let mut salt = [0; 12];
            random
                .fill(&mut salt)
                .expect("the system gave random bytes at the start, and goes on to");
            salt
        }),
        seed: u64::from_ne_bytes(seed),
        kept: parts.keep.cluster(),
        timing: gossip::Timing {
            reap_after: parts.configuration.forget_dead_after,
            ..gossip::Timing::default()
        },
    })
}

fn this_node(configuration: &Configuration, keep: &Keep, port: u16) -> anyhow::Result<Node> {
    let (id, incarnation) = keep.identity()?;
    let listens = configuration.listen_address;
    let local_address = match listens.is_unspecified() {
        true => local_address(),
        false => listens,
    };
    let zone = keep
        .chosen_zone(&configuration.zone)
        .filter(|zone| configuration.zones.contains_key(zone.as_str()))
        .or_else(|| Zone::parse(&configuration.zone).ok())
        .context("the zone of this node has no name that can be used")?;
    Ok(Node {
        id,
        name: process::host_name(),
        display_name: configuration.display_name.clone(),
        zone,
        is_proxy: configuration.is_proxy,
        static_groups: configuration.groups.clone(),
        detected_groups: BTreeSet::new(),
        incarnation,
        local_address,
        public_address: configuration.advertise_address.unwrap_or(local_address),
        more_addresses: configuration.dns_addresses.clone(),
        port,
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
    let of_interfaces = || {
        let deadline = Deadline::after(INTERFACES_TIME_BOX);
        local_address_of(&Host::real(), deadline).ok().flatten()
    };
    asked()
        .ok()
        .or_else(of_interfaces)
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
