//! The virtual cluster: nodes, their network, and the one clock that all of it runs on.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gossip::seal::{Rings, Use};
use gossip::{
    Call, CallError, Description, Done, Input, Order, OrderId, Output, Peer, Refusal, Snapshot,
};
use model::{MemberState, Moment, Zone};

use super::dice::Dice;
use super::invariants::Invariants;
use super::network::{Network, Weather};
use super::node::{CALL_TIME, Node, Plan};

/// What comes to a node at a time.
enum Event {
    /// This, unless it was started anew meanwhile.
    Input { starts: u64, input: Input },
    /// Its deadline.
    Wake,
    /// A call of its got no answer.
    CallTimedOut { starts: u64, call: Call },
}

/// A call that waits for its answer.
struct OpenCall {
    asker: usize,
    starts: u64,
    call: Call,
    zone: Option<Zone>,
    /// Whether the key is retired at who asked.
    retired: bool,
}

/// What two nodes prove to each other.
struct Common {
    /// The zone; nothing when gossip is open on both ends.
    zone: Option<Zone>,
    /// Whether its key is retired at who asks, and at who is asked.
    retired: [bool; 2],
}

/// The virtual cluster.
pub struct Cluster {
    /// The time.
    pub now: Moment,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What is between them.
    pub network: Network,
    /// What decides by chance.
    pub dice: Dice,
    /// What must hold.
    pub invariants: Invariants,
    events: HashMap<u64, (usize, Event)>,
    queue: BinaryHeap<Reverse<(Moment, u64)>>,
    next_event: u64,
    addresses: HashMap<SocketAddr, usize>,
    /// Calls that a node was asked, by it and its own number of them.
    asked: HashMap<(usize, Call), OpenCall>,
    /// Calls that a node made and that are not answered.
    open: HashMap<(usize, u64, Call), ()>,
    next_call: u64,
    next_order: u64,
    done: HashMap<OrderId, Result<Done, Refusal>>,
}

impl Cluster {
    /// Makes a cluster of nodes that do not run yet.
    pub fn new(seed: u64, weather: Weather, plans: Vec<Plan>) -> Self {
        let mut cluster = Self {
            now: Moment::from_start(Duration::from_secs(1_000)),
            network: Network::new(0, weather),
            nodes: Vec::new(),
            dice: Dice::new(seed),
            invariants: Invariants::default(),
            events: HashMap::new(),
            queue: BinaryHeap::new(),
            next_event: 0,
            addresses: HashMap::new(),
            asked: HashMap::new(),
            open: HashMap::new(),
            next_call: 0,
            next_order: 0,
            done: HashMap::new(),
        };
        for plan in plans {
            cluster.add(plan);
        }
        cluster
    }

    /// A cluster of one zone, started and joined by a first node as its seed, until all see all.
    pub fn joined(seed: u64, weather: Weather, nodes: usize) -> Self {
        let mut cluster = Self::new(seed, weather, vec![Plan::usual(); nodes]);
        for node in 0..nodes {
            cluster.start(node, &[0]);
        }
        let limit = Duration::from_secs(60);
        cluster.run_until("all to see all", limit, |cluster| {
            cluster.all_see_all_alive()
        });
        cluster
    }

    /// Adds a node, which does not run yet.
    pub fn add(&mut self, plan: Plan) -> usize {
        let node = Node::new(self.nodes.len(), plan);
        self.addresses.insert(node.address, self.nodes.len());
        self.nodes.push(node);
        self.network.add_node();
        self.nodes.len() - 1
    }

    /// Starts a node that knows the addresses of these as seeds.
    pub fn start(&mut self, node: usize, seeds: &[usize]) {
        let (now, dice) = (self.now, &mut self.dice);
        self.nodes[node].start(now, dice);
        let id = self.nodes[node].id;
        self.invariants.started(node, id, now);
        let others = seeds.iter().filter(|seed| **seed != node);
        let seeds = others.map(|seed| self.nodes[*seed].address).collect();
        self.give(node, Input::Seeds(seeds));
    }

    /// Kills a node: it has only what is on its disk.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
        self.invariants.stopped(node, self.now);
    }

    /// Leaves a node without a processor for some time.
    pub fn pause(&mut self, node: usize, time: Duration) {
        let until = self.now + time;
        self.nodes[node].paused = Some(until);
        self.invariants.disturbed(node, until);
        self.at(until, node, Event::Wake);
    }

    /// Gives an order to a node.
    pub fn order(&mut self, node: usize, order: Order) -> OrderId {
        self.next_order += 1;
        let id = OrderId(self.next_order);
        self.give(node, Input::Order(id, order));
        id
    }

    /// Gives what came of an order, once it ended.
    pub fn outcome(&self, order: OrderId) -> Option<&Result<Done, Refusal>> {
        self.done.get(&order)
    }

    /// Tells a node what it is now.
    pub fn describe(&mut self, node: usize, description: Description) {
        self.give(node, Input::Describe(Box::new(description)));
    }

    /// Gives what a node knows.
    pub fn snapshot(&mut self, node: usize) -> Arc<Snapshot> {
        self.nodes[node].core.as_mut().unwrap().snapshot()
    }

    /// Gives the state of a node as another knows it.
    pub fn state(&mut self, observer: usize, node: usize) -> Option<MemberState> {
        let id = self.nodes[node].id;
        self.snapshot(observer)
            .member(id)
            .map(|member| member.state)
    }

    /// Gives the nodes that run.
    pub fn running(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|node| self.nodes[*node].runs())
            .collect()
    }

    /// Tells whether every running node knows every running node as alive.
    pub fn all_see_all_alive(&mut self) -> bool {
        let running = self.running();
        running.iter().all(|observer| {
            let snapshot = self.snapshot(*observer);
            let alive = snapshot.members.iter();
            let alive = alive.filter(|member| member.state == MemberState::Alive);
            let alive: std::collections::HashSet<_> =
                alive.map(|member| member.record.id).collect();
            running
                .iter()
                .all(|node| alive.contains(&self.nodes[*node].id))
        })
    }

    /// Tells whether every running node has the newest record of every running node.
    pub fn all_agree(&mut self) -> bool {
        let running = self.running();
        let newest: Vec<_> = running
            .iter()
            .map(|node| {
                let id = self.nodes[*node].id;
                let snapshot = self.snapshot(*node);
                (id, snapshot.member(id).map(|own| own.record.version))
            })
            .collect();
        running.iter().all(|observer| {
            let snapshot = self.snapshot(*observer);
            newest.iter().all(|(id, version)| {
                snapshot.member(*id).map(|member| member.record.version) == *version
            })
        })
    }

    /// From now on nobody may call a node dead that runs.
    pub fn expect_no_deaths(&mut self) {
        self.invariants.forbid_deaths();
    }

    /// Looks at what is too costly to look at all the time.
    pub fn check(&mut self) {
        self.invariants.check(&self.nodes, &self.network, self.now);
        self.invariants.check_whole(&mut self.nodes);
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(Reverse((at, _))) = self.queue.peek() {
            if *at > end {
                break;
            }
            self.step();
        }
        self.now = end;
        self.invariants.check(&self.nodes, &self.network, self.now);
    }

    /// Lets time pass until something holds; tells how long it took. Looks ten times a second.
    pub fn run_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Duration {
        let began = self.now;
        while !holds(self) {
            let took = self.now.since(began);
            assert!(took < limit, "waited {took:?} in vain for {what}");
            self.run_for(Duration::from_millis(100));
        }
        self.now.since(began)
    }

    fn step(&mut self) {
        let Some(Reverse((at, number))) = self.queue.pop() else {
            return;
        };
        self.now = at;
        let Some((node, event)) = self.events.remove(&number) else {
            return;
        };
        if self.nodes[node].paused.is_some_and(|until| until > at) {
            if let Event::Input { starts, input } = event
                && self.nodes[node].starts == starts
            {
                self.nodes[node].wait(input);
            }
            return;
        }
        if self.nodes[node].paused.take().is_some() {
            // As the shell does: what waits in the socket comes before any timer.
            while let Some(input) = self.nodes[node].waiting.pop_front() {
                self.give(node, input);
            }
        }
        match event {
            Event::Input { starts, input } if self.nodes[node].starts == starts => {
                if let Input::Answered { call, .. } = &input {
                    self.open.remove(&(node, starts, *call));
                }
                self.give(node, input);
            }
            Event::Wake => {
                self.nodes[node].wake = None;
                let core = self.nodes[node].core.as_ref();
                match core.and_then(gossip::Core::next_deadline) {
                    Some(due) if due <= at => self.give(node, Input::Deadline),
                    Some(due) => self.wake(node, due),
                    None => {}
                }
            }
            Event::CallTimedOut { starts, call } if self.nodes[node].starts == starts => {
                if self.open.remove(&(node, starts, call)).is_some() {
                    let answer = Err(CallError::TimedOut(CALL_TIME));
                    self.give(node, Input::Answered { call, answer });
                }
            }
            // Of a life before this one.
            Event::Input { .. } | Event::CallTimedOut { .. } => {}
        }
    }

    fn at(&mut self, at: Moment, node: usize, event: Event) {
        self.next_event += 1;
        self.events.insert(self.next_event, (node, event));
        self.queue.push(Reverse((at, self.next_event)));
    }

    /// Hands something to a node, and carries out what it wants.
    pub fn give(&mut self, node: usize, input: Input) {
        let now = self.now;
        let wall = self.nodes[node].wall(now);
        let Some(core) = &mut self.nodes[node].core else {
            return;
        };
        core.handle(now, wall, input);
        let mut outputs = Vec::new();
        while let Some(output) = core.poll_output() {
            outputs.push(output);
        }
        let deadline = core.next_deadline();
        for output in outputs {
            self.carry_out(node, output);
        }
        if let Some(at) = deadline {
            self.wake(node, at.max(now));
        }
    }

    fn wake(&mut self, node: usize, at: Moment) {
        if self.nodes[node].wake.is_none_or(|wake| wake > at) {
            self.nodes[node].wake = Some(at);
            self.at(at, node, Event::Wake);
        }
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        match output {
            Output::Send { to, packet } => self.send(node, to, packet),
            Output::Ask {
                call,
                to,
                zones,
                request,
            } => self.ask(node, call, to, &zones, request),
            Output::Reply { call, answer } => self.reply(node, call, answer),
            Output::Done(order, result) => drop(self.done.insert(order, result)),
            Output::Changed(change) => {
                let of = self.nodes.iter().position(|node| node.id == change.id);
                let lives = of.is_some_and(|of| self.nodes[of].runs());
                self.invariants.changed(node, &change, lives, self.now);
            }
            Output::Happened(_) => {}
            Output::Keep(kept) => self.nodes[node].kept = Some(kept),
            Output::KeepKeys(zone, ring) => drop(self.nodes[node].rings.insert(zone, ring)),
            Output::Stop { .. } => self.kill(node),
        }
    }

    fn send(&mut self, from: usize, to: SocketAddr, packet: Vec<u8>) {
        self.invariants.sent(from, &packet);
        self.nodes[from].count(&packet);
        let Some(&to) = self.addresses.get(&to) else {
            return;
        };
        let arrivals = self.network.datagram(&mut self.dice, from, to);
        for delay in arrivals {
            let input = Input::Datagram {
                from: self.nodes[from].address,
                packet: packet.clone(),
            };
            self.deliver(delay, to, input);
        }
    }

    fn deliver(&mut self, delay: Duration, to: usize, input: Input) {
        let starts = self.nodes[to].starts;
        let event = Event::Input { starts, input };
        self.at(self.now + delay, to, event);
    }

    fn ask(&mut self, from: usize, call: Call, to: SocketAddr, zones: &[Zone], request: Vec<u8>) {
        let starts = self.nodes[from].starts;
        self.open.insert((from, starts, call), ());
        let time_out = Event::CallTimedOut { starts, call };
        self.at(self.now + CALL_TIME, from, time_out);
        let Some(&to) = self.addresses.get(&to) else {
            return;
        };
        if !self.network.carries(from, to) || !self.network.carries(to, from) {
            return;
        }
        let delay = self.network.stream(&mut self.dice);
        if !self.nodes[to].runs() {
            let answer = Err(CallError::Unreachable("connection refused".to_owned()));
            self.deliver(delay, from, Input::Answered { call, answer });
            return;
        }
        let common = common_zone(&self.nodes[from], &self.nodes[to], zones);
        let Some(common) = common else {
            let answer = Err(CallError::NoCommonKey);
            self.deliver(delay, from, Input::Answered { call, answer });
            return;
        };
        self.next_call += 1;
        let [asker_retired, asked_retired] = common.retired;
        if asker_retired && !gossip::exchanges_keys(&request) {
            let answer = Err(CallError::RetiredKey);
            self.deliver(delay, from, Input::Answered { call, answer });
            return;
        }
        // The numbers of calls that were asked are the shell's own, far from those of the core.
        let theirs = Call(1 << 40 | self.next_call);
        let open = OpenCall {
            asker: from,
            starts,
            call,
            zone: common.zone.clone(),
            retired: asker_retired,
        };
        self.asked.insert((to, theirs), open);
        let peer = Peer {
            address: self.nodes[from].address,
            zone: common.zone,
            retired: asked_retired,
        };
        let input = Input::Asked {
            call: theirs,
            peer,
            request,
        };
        self.deliver(delay, to, input);
    }

    fn reply(&mut self, from: usize, call: Call, answer: Vec<u8>) {
        let Some(open) = self.asked.remove(&(from, call)) else {
            return;
        };
        if self.nodes[open.asker].starts != open.starts || !self.network.carries(from, open.asker) {
            return;
        }
        let delay = self.network.stream(&mut self.dice);
        let peer = Peer {
            address: self.nodes[from].address,
            zone: open.zone,
            retired: open.retired,
        };
        let call = open.call;
        let answer = Ok((peer, answer));
        self.deliver(delay, open.asker, Input::Answered { call, answer });
    }
}

/// Finds the key that two nodes have in common, as the handshake of a stream does: one that is
/// retired at who is asked only when there is no other.
fn common_zone(asker: &Node, asked: &Node, offered: &[Zone]) -> Option<Common> {
    let keys = |rings: &Rings, zone: &Zone| {
        rings
            .get(zone)
            .map(|ring| ring.keys.clone())
            .unwrap_or_default()
    };
    let is_retired = |use_: &Use| matches!(use_, Use::Retired { .. });
    let mut shared = Vec::new();
    for zone in offered {
        let theirs = keys(&asked.rings, zone);
        for (key, ours) in keys(&asker.rings, zone) {
            if let Some((_, their)) = theirs.iter().find(|(their, _)| *their == key) {
                shared.push(Common {
                    zone: Some(zone.clone()),
                    retired: [is_retired(&ours), is_retired(their)],
                });
            }
        }
    }
    shared.sort_by_key(|common| common.retired[1]);
    let open = |node: &Node| keys(&node.rings, &node.plan.zone).is_empty();
    let in_the_open = (open(asker) && open(asked)).then_some(Common {
        zone: None,
        retired: [false; 2],
    });
    shared.into_iter().next().or(in_the_open)
}
