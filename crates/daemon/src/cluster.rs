//! The cluster loop: it owns the gossip socket and the core of the cluster, and what this node
//! tells about itself.
//!
//! It waits for nothing but its own events, or the neighbours would suspect this node: the socket
//! is drained before a timer is fired, sending never blocks, and whatever takes time (streams, the
//! disk, names) is done by others and comes back as a [`Command`]. Everybody else reads snapshots.
//! Start with [`Cluster`]; `socket` has the datagrams, `calls` and `streams` the two ends of a
//! stream between nodes, `forward` the reads of another node's API.

pub(crate) mod calls;
pub(crate) mod channel;
mod describe;
pub(crate) mod detect;
pub(crate) mod down;
pub(crate) mod forward;
pub(crate) mod idle;
mod names;
mod node;
mod order;
mod outputs;
mod pending;
mod seeds;
pub(crate) mod show;
mod socket;
pub(crate) mod streams;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::rules::alerts;
use gossip::seal::Rings;
use gossip::{CallError, Config, Core, Description, Done, Input, Order, Refusal, Snapshot};
use model::{Group, Moment, Zone};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info};

use crate::agent::Agent;
use crate::agreement;
use crate::alarm::Alarm;
use crate::clock;
use crate::loops::{self, Room};

pub(crate) use describe::{addresses, letter, of_letter, states, weight};
pub(crate) use names::{find, refused, shown_name};
pub(crate) use node::Node;
use pending::Pending;
pub(crate) use seeds::{NoAddress, keep_told, resolve_all};
pub(crate) use socket::Socket;

/// Time between two snapshots while members change.
const SHOW_CHANGES: Duration = Duration::from_millis(100);
/// Time between two snapshots while nodes tell other things of themselves: a check that flips is
/// known to all within a second, of which the way through the cluster takes most.
const SHOW_TOLD: Duration = Duration::from_millis(200);
/// Time between two snapshots when only figures moved.
const SHOW_FIGURES: Duration = Duration::from_secs(5);
/// Time between two descriptions of this node while its checks change.
const DESCRIBE_INTERVAL: Duration = Duration::from_millis(500);
/// Time that changes of one cause have to come together: a check, its service, its problem.
const TOGETHER: Duration = Duration::from_millis(20);

/// What came of an order.
pub(crate) type Outcome = Result<Done, Refusal>;

/// What others ask of the cluster loop.
pub(crate) enum Command {
    /// Add a static group; answers whether that changed anything.
    AddGroup(Group, oneshot::Sender<bool>),
    /// Remove a static group; answers whether that changed anything.
    RemoveGroup(Group, oneshot::Sender<bool>),
    /// Take the groups that detectors gave.
    Detected(BTreeSet<Group>),
    /// Take what the configuration says after a reload.
    Configure {
        /// The name shown to people.
        display_name: String,
        /// The static groups.
        groups: BTreeSet<Group>,
        /// The addresses that only DNS tells.
        more_addresses: Vec<IpAddr>,
        /// The zones.
        zones: gossip::Zones,
        /// How long the dead are remembered.
        reap_after: Option<Duration>,
    },
    /// Tell others how this node is, as it changed.
    Describe,
    /// Do something in the cluster, and answer what came of it.
    Order(Order, oneshot::Sender<Outcome>),
    /// Another node asks something on a stream.
    Asked(gossip::Peer, Vec<u8>, oneshot::Sender<Vec<u8>>),
    /// A call to another node ended.
    Answered(gossip::Call, Result<(gossip::Peer, Vec<u8>), CallError>),
    /// The seeds have these addresses.
    Seeds(Vec<SocketAddr>),
    /// Multicast reaches these networks from here on.
    Wires(Vec<drivers::network::Wire>),
    /// Give what is to be kept for the next start.
    Kept(oneshot::Sender<Option<Vec<u8>>>),
}

/// The ends of the channels that the loop holds.
pub(crate) struct Ends {
    /// What others ask.
    pub commands: mpsc::Receiver<Command>,
    /// What this node tells about itself.
    pub node: watch::Sender<Arc<Node>>,
    /// The cluster as readers see it.
    pub members: watch::Sender<Arc<Snapshot>>,
    /// Where calls to other nodes go.
    pub calls: mpsc::Sender<calls::Ask>,
}

/// The state of the loop.
pub(crate) struct Cluster {
    agent: Arc<Agent>,
    core: Core,
    socket: Socket,
    alarm: Alarm,
    commands: mpsc::Receiver<Command>,
    node: watch::Sender<Arc<Node>>,
    members: watch::Sender<Arc<Snapshot>>,
    calls: mpsc::Sender<calls::Ask>,
    news: watch::Receiver<u64>,
    alerts: watch::Receiver<Arc<alerts::Snapshot>>,
    services: watch::Receiver<Arc<Vec<::dns::Service>>>,
    rings: watch::Receiver<Arc<Rings>>,
    pending: Pending,
    /// What was told last about this node, and when.
    described: (Description, Moment),
    /// Whether it may be told anew, and when.
    describe_at: Option<Moment>,
    shown_at: Moment,
    /// Until when somebody waits for others to acknowledge keys.
    keys_until: Moment,
    /// When the next snapshot is due.
    show_at: Option<Moment>,
}

/// What happens to the cluster loop.
pub(crate) enum Event {
    /// Datagrams wait.
    Datagrams,
    /// A deadline has come: of the core, or of what this loop tells.
    Deadline,
    /// Somebody asks for something.
    Command(Command),
    /// There is news of the checks, or who takes care of them, changed.
    Checks,
    /// The files of keys were read again, or the cluster changed keys.
    Keys,
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] =
        &["datagram_turns", "deadlines", "commands", "checks", "keys"];

    fn kind(&self) -> usize {
        match self {
            Self::Datagrams => 0,
            Self::Deadline => 1,
            Self::Command(_) => 2,
            Self::Checks => 3,
            Self::Keys => 4,
        }
    }
}

impl Cluster {
    /// Makes the state; must be called inside the runtime. Without a socket (service discovery is
    /// off) this node is alone.
    pub(crate) fn new(agent: Arc<Agent>, socket: Socket, ends: Ends, config: Config) -> Self {
        let (now, wall) = (clock::now(), clock::wall());
        let mut news = agent.news.clone();
        news.mark_changed();
        let mut cluster = Self {
            core: Core::new(config, now, wall),
            socket,
            alarm: Alarm::new(),
            commands: ends.commands,
            node: ends.node,
            members: ends.members,
            calls: ends.calls,
            news,
            alerts: agent.alerts_shown.clone(),
            services: agent.names.services.clone(),
            rings: agent.rings.subscribe(),
            pending: Pending::default(),
            described: (Description::default(), now),
            describe_at: None,
            shown_at: now,
            keys_until: now,
            show_at: None,
            agent,
        };
        cluster.describe();
        cluster.show();
        cluster
    }

    /// Changes the node and publishes it when it is different. A change is no new incarnation:
    /// those count starts, and only they are kept on disk, so that none comes twice.
    fn change(&mut self, change: impl FnOnce(&mut Node)) -> bool {
        let changed = self.node.send_if_modified(|shown| {
            let mut node = Node::clone(shown);
            change(&mut node);
            if node == **shown {
                return false;
            }
            *shown = Arc::new(node);
            true
        });
        if changed {
            self.describe();
        }
        changed
    }

    /// Takes one input, and does what the core wants done.
    fn handle(&mut self, input: Input) {
        self.core.handle(clock::now(), clock::wall(), input);
        self.carry_out();
    }

    /// Tells others how this node is, when that is news.
    fn describe(&mut self) {
        let node = Arc::clone(&self.node.borrow());
        // Before the checks are read: what is told meanwhile is told again.
        self.news.mark_unchanged();
        let checks = Arc::clone(&self.agent.checks.borrow());
        let alerts = Arc::clone(&self.alerts.borrow_and_update());
        let services = Arc::clone(&self.services.borrow_and_update());
        let mut description = describe::describe(&node, &checks, &alerts, &services);
        let agreement = self.agent.agreement.told();
        if !agreement.is_empty() {
            let part = agreement::PART.to_owned();
            description.parts.insert(part, agreement);
        }
        self.describe_at = None;
        let is_news = self.described.0 != description;
        self.described = (description, clock::now());
        if is_news {
            let description = Box::new(self.described.0.clone());
            self.handle(Input::Describe(description));
        }
    }

    /// Publishes how the cluster is.
    fn show(&mut self) {
        self.show_at = None;
        self.shown_at = clock::now();
        let mut snapshot = self.core.snapshot();
        let dropped = self.socket.dropped();
        if !dropped.is_empty() {
            let shown = Arc::make_mut(&mut snapshot);
            shown.figures.dropped.extend(dropped);
        }
        self.members.send_replace(snapshot);
    }

    /// Notes that there is something to publish.
    fn show_within(&mut self, interval: Duration) {
        let at = self.shown_at + interval;
        self.show_at = Some(self.show_at.map_or(at, |due| due.min(at)));
    }

    /// Does what is due. What came meanwhile is taken first: a node that slept must hear its
    /// neighbours before it doubts them.
    fn tick(&mut self) {
        let now = clock::now();
        if self.core.next_deadline().is_some_and(|due| due <= now) {
            self.handle(Input::Deadline);
        }
        if self.describe_at.is_some_and(|due| due <= now) {
            self.describe();
        }
        if self.show_at.is_some_and(|due| due <= now) {
            self.show();
        }
    }

    /// Takes the datagrams that wait, as many as one turn may.
    fn drain(&mut self) {
        let mut taken = 0;
        while taken < model::limits::DATAGRAMS_PER_TURN_MAX {
            let Some((from, packet)) = self.socket.receive() else {
                break;
            };
            taken += 1;
            let bytes = packet.len();
            self.handle(Input::Datagram { from, packet });
            if let Some(why) = self.core.take_dropped() {
                debug!(%from, bytes, why, "Junk on the gossip port");
            }
        }
        if taken > 0 {
            let awaited = clock::now() < self.keys_until;
            self.show_within(if awaited { SHOW_CHANGES } else { SHOW_FIGURES });
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::AddGroup(group, answer) => {
                let changed = self.change(|node| {
                    node.static_groups.insert(group.clone());
                });
                info!(%group, changed, "Group added");
                // Whoever asked may be gone.
                let _ = answer.send(changed);
            }
            Command::RemoveGroup(group, answer) => {
                let changed = self.change(|node| {
                    node.static_groups.remove(&group);
                });
                info!(%group, changed, "Group removed");
                // Whoever asked may be gone.
                let _ = answer.send(changed);
            }
            Command::Detected(groups) => {
                self.change(|node| node.detected_groups = groups);
            }
            Command::Configure {
                display_name,
                groups,
                more_addresses,
                zones,
                reap_after,
            } => {
                self.change(|node| {
                    node.display_name = display_name;
                    node.static_groups = groups;
                    node.more_addresses = more_addresses;
                });
                self.handle(Input::Zones(zones));
                self.handle(Input::ReapAfter(reap_after));
                self.show_within(SHOW_CHANGES);
            }
            Command::Describe => self.describe(),
            Command::Order(order, answer) => {
                if matches!(order, Order::Keys(..)) {
                    self.keys_until = clock::now() + crate::keys::SPREAD_TIME;
                }
                if let Some(id) = self.pending.order(answer) {
                    self.handle(Input::Order(id, order));
                }
            }
            Command::Asked(peer, request, answer) => {
                if let Some(call) = self.pending.asked(answer) {
                    self.handle(Input::Asked {
                        call,
                        peer,
                        request,
                    });
                }
            }
            Command::Answered(call, answer) => self.handle(Input::Answered { call, answer }),
            Command::Seeds(addresses) => self.handle(Input::Seeds(addresses)),
            Command::Wires(wires) => self.socket.set_wires(wires),
            Command::Kept(answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(self.core.kept());
            }
        }
    }

    /// Takes this node to another zone, in what everybody reads here.
    fn zone_changed(&mut self, zone: &Zone) {
        self.change(|node| node.zone = zone.clone());
        self.agent.zone_changed(zone);
    }

    /// Tells how long nothing is to be done.
    fn next_deadline(&self) -> Option<Moment> {
        let all = [self.core.next_deadline(), self.describe_at, self.show_at];
        all.into_iter().flatten().min()
    }
}

impl Room for Cluster {
    type Event = Event;

    const NAME: &'static str = "cluster";

    async fn next(&mut self) -> Event {
        let deadline = self.next_deadline();
        let Self {
            socket,
            alarm,
            commands,
            news,
            alerts,
            services,
            rings,
            describe_at,
            ..
        } = self;
        // One that is due already will be read then.
        let is_quiet = describe_at.is_none();
        tokio::select! {
            () = socket.readable() => Event::Datagrams,
            Some(command) = commands.recv() => Event::Command(command),
            () = alarm.wait(deadline) => Event::Deadline,
            Ok(()) = news.changed(), if is_quiet => Event::Checks,
            Ok(()) = alerts.changed(), if is_quiet => Event::Checks,
            Ok(()) = services.changed(), if is_quiet => Event::Checks,
            Ok(()) = rings.changed() => Event::Keys,
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Datagrams | Event::Deadline => self.drain(),
            Event::Command(command) => self.command(command),
            Event::Keys => {
                let rings = Arc::clone(&self.rings.borrow_and_update());
                self.handle(Input::Keys(Rings::clone(&rings)));
                self.show_within(SHOW_CHANGES);
            }
            Event::Checks => {
                // What changes with it is told with it.
                let at = self.described.1 + DESCRIBE_INTERVAL;
                self.describe_at = Some(at.max(clock::now() + TOGETHER));
            }
        }
        self.tick();
    }
}
