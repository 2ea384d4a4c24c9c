//! The cluster loop: the gossip socket and what this node tells about itself.
//!
//! It owns the UDP socket and the [`Node`], which everybody else reads as a snapshot. It never
//! waits for anything but its own events, or the neighbours would suspect this node. No membership
//! protocol is spoken yet, so a datagram can only be junk: it is counted and dropped.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::{Group, NodeId, limits};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info};

use crate::loops::{self, Room};

/// What this node tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its identity.
    pub id: NodeId,
    /// The host name.
    pub name: String,
    /// The name shown to people; empty when it is the host name.
    pub display_name: String,
    /// Its zone.
    pub zone: String,
    /// The groups that the configuration gave.
    pub static_groups: BTreeSet<Group>,
    /// The groups that detectors gave.
    pub detected_groups: BTreeSet<Group>,
    /// How often it has started.
    pub incarnation: u64,
    /// The address it uses inside its network.
    pub local_address: IpAddr,
    /// The address that other nodes are told.
    pub public_address: IpAddr,
}

impl Node {
    /// Gives all groups, static and detected, each once and in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.static_groups.union(&self.detected_groups)
    }
}

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
    },
}

/// The state of the loop.
pub(crate) struct Cluster {
    socket: Option<UdpSocket>,
    commands: mpsc::Receiver<Command>,
    node: watch::Sender<Arc<Node>>,
    buffer: Box<[u8]>,
}

/// What happens to the cluster loop.
pub(crate) enum Event {
    /// A datagram came.
    Datagram {
        /// From where.
        from: SocketAddr,
        /// How long it is.
        bytes: usize,
    },
    /// The socket failed.
    SocketFailed(std::io::Error),
    /// Somebody asks for something.
    Command(Command),
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["datagrams_junk", "socket_errors", "commands"];

    fn kind(&self) -> usize {
        match self {
            Self::Datagram { .. } => 0,
            Self::SocketFailed(_) => 1,
            Self::Command(_) => 2,
        }
    }
}

impl Cluster {
    /// Makes the state. Without a socket (service discovery is off) only commands come.
    pub(crate) fn new(
        socket: Option<UdpSocket>,
        commands: mpsc::Receiver<Command>,
        node: watch::Sender<Arc<Node>>,
    ) -> Self {
        let buffer = vec![0; limits::DATAGRAM_BYTES_MAX].into_boxed_slice();
        Self {
            socket,
            commands,
            node,
            buffer,
        }
    }

    /// Changes the node and publishes it when it is different. A change is no new incarnation:
    /// those count starts, and only they are kept on disk, so that none comes twice.
    fn change(&self, change: impl FnOnce(&mut Node)) -> bool {
        self.node.send_if_modified(|shown| {
            let mut node = Node::clone(shown);
            change(&mut node);
            if node == **shown {
                return false;
            }
            *shown = Arc::new(node);
            true
        })
    }
}

impl Room for Cluster {
    type Event = Event;

    const NAME: &'static str = "cluster";

    async fn next(&mut self) -> Event {
        let Self {
            socket,
            commands,
            buffer,
            ..
        } = self;
        let datagram = async {
            match socket {
                Some(socket) => socket.recv_from(buffer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(command) = commands.recv() => Event::Command(command),
            received = datagram => match received {
                Ok((bytes, from)) => Event::Datagram { from, bytes },
                Err(error) => Event::SocketFailed(error),
            },
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Datagram { from, bytes } => debug!(%from, bytes, "Junk on the gossip port"),
            // Linux reports the ICMP errors of earlier datagrams here; none of them is ours to
            // mend.
            Event::SocketFailed(error) => debug!(%error, "The gossip socket reported an error"),
            Event::Command(Command::AddGroup(group, answer)) => {
                let changed = self.change(|node| {
                    node.static_groups.insert(group.clone());
                });
                info!(%group, changed, "Group added");
                // Whoever asked may be gone.
                let _ = answer.send(changed);
            }
            Event::Command(Command::RemoveGroup(group, answer)) => {
                let changed = self.change(|node| {
                    node.static_groups.remove(&group);
                });
                info!(%group, changed, "Group removed");
                // Whoever asked may be gone.
                let _ = answer.send(changed);
            }
            Event::Command(Command::Detected(groups)) => {
                self.change(|node| node.detected_groups = groups);
            }
            Event::Command(Command::Configure {
                display_name,
                groups,
            }) => {
                self.change(|node| {
                    node.display_name = display_name;
                    node.static_groups = groups;
                });
            }
        }
    }
}
