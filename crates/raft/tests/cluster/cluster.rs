//! Nodes in one process, on a virtual clock, that are started, crashed and cut apart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Moment;
use raft::disk::DiskError;
use raft::members::{Life, Node, Rules};
use raft::{Group, Options, Role, Standing, State, Timing, Voter};
use tokio::time::Instant;

use crate::disk::Memory;
use crate::net::{Net, Wire};
use crate::pass;
use crate::random::Random;

const RULES: Rules = Rules {
    voters_max: 5,
    grace: Duration::from_secs(8),
};

/// All of it.
pub(crate) struct Cluster {
    pub(crate) net: Arc<Net>,
    pub(crate) random: Mutex<Random>,
    nodes: Mutex<BTreeMap<Voter, Machine>>,
    begun: Instant,
}

struct Machine {
    disk: Memory,
    boot: u64,
    group: Option<Group>,
    down_since: Instant,
    /// Whether gossip calls it dead though it runs.
    is_unseen: bool,
}

pub(crate) fn id(number: u64) -> Voter {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Voter(bytes)
}

impl Cluster {
    /// Makes machines that are off.
    pub(crate) fn new(seed: u64, count: u64) -> Arc<Self> {
        let mut random = Random::new(seed);
        let now = Instant::now();
        let machine = |number| {
            let disk = Memory::default();
            disk.set_sync_time(Duration::from_millis(1));
            let machine = Machine {
                disk,
                boot: 0,
                group: None,
                down_since: now,
                is_unseen: false,
            };
            (id(number), machine)
        };
        Arc::new(Self {
            net: Net::new(random.fork()),
            random: Mutex::new(random),
            nodes: Mutex::new((1..=count).map(machine).collect()),
            begun: now,
        })
    }

    pub(crate) fn ids(&self) -> Vec<Voter> {
        self.nodes.lock().unwrap().keys().copied().collect()
    }

    pub(crate) fn group(&self, node: Voter) -> Option<Group> {
        self.nodes.lock().unwrap()[&node].group.clone()
    }

    pub(crate) fn disk(&self, node: Voter) -> Memory {
        self.nodes.lock().unwrap()[&node].disk.clone()
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.random.lock().unwrap().below(bound)
    }

    /// Starts a node that is down.
    pub(crate) async fn start(self: &Arc<Self>, node: Voter) -> Group {
        self.try_start(node).await.unwrap()
    }

    /// Starts a node that is down, unless its disk refuses.
    pub(crate) async fn try_start(self: &Arc<Self>, node: Voter) -> Result<Group, DiskError> {
        let (disk, boot) = {
            let mut nodes = self.nodes.lock().unwrap();
            let machine = nodes.get_mut(&node).unwrap();
            assert!(machine.group.is_none(), "it is off");
            machine.boot += 1;
            (machine.disk.clone(), machine.boot)
        };
        // A time of its own to stand for election, so that runs follow from their seed.
        let election_ms = 250 + self.below(150);
        let election_min = Duration::from_millis(election_ms);
        let begun = self.begun;
        let options = Options {
            me: node,
            timing: Timing {
                election_min,
                election_max: election_min + Duration::from_millis(1),
                ..Timing::LOCAL
            },
            wall: Arc::new(move || begun.elapsed().as_millis() as u64),
        };
        let wire = Wire {
            me: node,
            boot,
            net: Arc::clone(&self.net),
        };
        let group = Group::start(options, Arc::new(disk), Arc::new(wire)).await?;
        self.nodes.lock().unwrap().get_mut(&node).unwrap().group = Some(group.clone());
        self.net.plug(node, boot, group.clone());
        tokio::spawn(tend(Arc::clone(self), node, boot, group.clone()));
        Ok(group)
    }

    /// Takes the power from a node.
    pub(crate) fn crash(&self, node: Voter) {
        let mut nodes = self.nodes.lock().unwrap();
        let machine = nodes.get_mut(&node).unwrap();
        self.net.unplug(node);
        machine.disk = machine.disk.crash();
        machine.down_since = Instant::now();
        if let Some(group) = machine.group.take() {
            // What it still does reaches neither its disk nor the network.
            tokio::spawn(async move { group.stop().await });
        }
    }

    /// Takes a node its disk as operators do: it leaves first, and comes back when it votes no
    /// more.
    pub(crate) async fn replace_disk(&self, node: Voter) {
        let Some(group) = self.group(node) else {
            return;
        };
        let leaves = async {
            let _ = group.leave(None).await;
            while group.votes() {
                pass(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(3), leaves)
            .await
            .is_ok()
        {
            self.wipe(node);
        }
    }

    /// Takes a node its disk, so that it comes back as one that promised nothing.
    pub(crate) fn wipe(&self, node: Voter) {
        self.crash(node);
        let mut nodes = self.nodes.lock().unwrap();
        let machine = nodes.get_mut(&node).unwrap();
        machine.disk = Memory::default();
        machine.disk.set_sync_time(Duration::from_millis(1));
    }

    /// Starts all that is down, or has ended because its disk refused.
    pub(crate) async fn start_all(self: &Arc<Self>) {
        for node in self.ids() {
            if self
                .group(node)
                .is_some_and(|group| group.standing().role == Role::Stopped)
            {
                self.crash(node);
            }
            if self.group(node).is_none() {
                self.start(node).await;
            }
        }
    }

    /// Starts all nodes, the first one as a group of its own, and waits until so many vote.
    pub(crate) async fn form(self: &Arc<Self>, voters: usize) {
        let first = self.start(self.ids()[0]).await;
        first.found().await.unwrap();
        self.start_all().await;
        self.wait("voters", |cluster| {
            let group = cluster.group(cluster.ids()[0]);
            group.is_some_and(|group| group.standing().voters.len() == voters)
        })
        .await;
    }

    /// Names who leads, when it and most others say so.
    pub(crate) fn leader(&self) -> Option<Voter> {
        let groups = self.ids().into_iter().filter_map(|id| self.group(id));
        let standings: Vec<_> = groups.map(|group| group.standing()).collect();
        let newest = standings
            .iter()
            .max_by_key(|one| (one.term, one.role == Role::Leader))?;
        newest.leader
    }

    /// Waits until something is so.
    pub(crate) async fn wait(self: &Arc<Self>, what: &str, is_so: impl Fn(&Arc<Self>) -> bool) {
        // A message that is lost on the way may cost its sender most of a minute.
        let deadline = Instant::now() + Duration::from_secs(300);
        while !is_so(self) {
            assert!(
                Instant::now() < deadline,
                "it did not come: {what}: {:#?}",
                self.standings()
            );
            pass(Duration::from_millis(20)).await;
        }
    }

    /// Tells how those stand that are on.
    fn standings(&self) -> Vec<(Voter, Standing)> {
        let groups = self.ids().into_iter();
        let groups = groups.filter_map(|id| Some((id, self.group(id)?)));
        groups.map(|(id, group)| (id, group.standing())).collect()
    }

    /// Waits until all members have the same state, and gives it.
    pub(crate) async fn settle(self: &Arc<Self>) -> State {
        self.net.heal();
        self.start_all().await;
        self.wait("one state everywhere", |cluster| {
            let groups: Vec<Group> = cluster
                .ids()
                .into_iter()
                .filter_map(|id| cluster.group(id))
                .collect();
            let leader = groups
                .iter()
                .find(|group| group.standing().role == Role::Leader);
            let Some(leader) = leader.map(Group::standing) else {
                return false;
            };
            let members = groups.iter().map(Group::standing);
            let mut members =
                members.filter(|one| one.role != Role::Learner || one.applied.is_some());
            members.all(|one| one.applied == leader.last_log && one.term == leader.term)
        })
        .await;
        let states = self.ids().into_iter().filter_map(|id| self.group(id));
        let states: Vec<State> = states
            .filter(|group| group.standing().applied.is_some())
            .map(|group| group.look(State::clone))
            .collect();
        for state in &states[1..] {
            assert!(
                state.items().eq(states[0].items()),
                "all have the same state"
            );
        }
        states.into_iter().next().unwrap()
    }

    /// Lets gossip call a node that runs dead from here on, or alive again.
    pub(crate) fn set_unseen(&self, node: Voter, is_unseen: bool) {
        let mut nodes = self.nodes.lock().unwrap();
        let machine = nodes.get_mut(&node).unwrap();
        machine.is_unseen = is_unseen;
        machine.down_since = Instant::now();
    }

    /// Tells who lives, as gossip would.
    pub(crate) fn lives(&self) -> BTreeMap<Voter, Node> {
        let nodes = self.nodes.lock().unwrap();
        let life = |machine: &Machine| match &machine.group {
            Some(_) if !machine.is_unseen => Life::Alive,
            Some(_) | None => Life::Dead(Moment::from_start(machine.down_since - self.begun)),
        };
        let node = |(id, machine): (&Voter, &Machine)| {
            let node = Node {
                life: life(machine),
                place: String::new(),
                since: Moment::default(),
            };
            (*id, node)
        };
        nodes.iter().map(node).collect()
    }
}

/// What the daemon does with what gossip tells.
async fn tend(cluster: Arc<Cluster>, node: Voter, boot: u64, group: Group) {
    loop {
        pass(Duration::from_millis(300)).await;
        if cluster.nodes.lock().unwrap()[&node].boot != boot || cluster.group(node).is_none() {
            return;
        }
        let now = Moment::from_start(cluster.begun.elapsed());
        group.tend(RULES, &cluster.lives(), now).await;
    }
}
