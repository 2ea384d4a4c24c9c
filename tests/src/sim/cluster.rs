//! The virtual cluster: nodes, their network, and the one clock that all of it runs on.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gossip::{
    Call, CallError, Description, Done, Held, Input, Order, OrderId, Output, Refusal, Snapshot,
    What,
};
use model::{MemberState, Moment, NodeId};

use super::dice::Dice;
use super::invariants::Invariants;
use super::network::{Network, Weather};
use super::node::{CALL_TIME, Node, Plan};
use super::sight::Sight;
use super::streams::Streams;

/// What comes to a node at a time.
pub(super) enum Event {
    /// This, unless it was started anew meanwhile.
    Input { starts: u64, input: Input },
    /// Its deadline.
    Wake,
    /// A call of its got no answer.
    CallTimedOut { starts: u64, call: Call },
}

/// An event, when it comes, and to whom.
struct Due {
    at: Moment,
    number: u64,
    node: usize,
    event: Box<Event>,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

/// The virtual cluster.
pub struct Cluster {
    /// The time.
    pub now: Moment,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What decides by chance.
    pub dice: Dice,
    /// What must hold.
    pub invariants: Invariants,
    /// Who sees whom.
    pub sight: Sight,
    /// What is sent, when somebody listens.
    pub tap: Option<Vec<Vec<u8>>>,
    /// Whether nodes have disks; those of thousands would take gigabytes.
    pub(super) disks: bool,
    /// What each call is answered, in the place of who is called.
    pub(super) oracle: Option<Vec<u8>>,
    pub(super) network: Network,
    pub(super) streams: Streams,
    pub(super) addresses: HashMap<SocketAddr, usize>,
    numbers: HashMap<NodeId, usize>,
    queue: BinaryHeap<Reverse<Due>>,
    next_event: u64,
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
            sight: Sight::default(),
            tap: None,
            disks: true,
            oracle: None,
            queue: BinaryHeap::new(),
            next_event: 0,
            addresses: HashMap::new(),
            numbers: HashMap::new(),
            streams: Streams::default(),
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
        let plans = vec![Plan::usual(); nodes];
        Self::joined_as(seed, weather, plans)
    }

    /// The same with nodes made as these plans say.
    pub fn joined_as(seed: u64, weather: Weather, plans: Vec<Plan>) -> Self {
        let mut cluster = Self::new(seed, weather, plans);
        for node in 0..cluster.nodes.len() {
            cluster.start(node, &[0]);
        }
        let limit = Duration::from_secs(60);
        cluster.run_until("all to see all", limit, Self::all_see_all_alive);
        cluster
    }

    /// Adds a node, which does not run yet.
    pub fn add(&mut self, plan: Plan) -> usize {
        let number = self.nodes.len();
        let node = Node::new(number, plan);
        self.addresses.insert(node.address, number);
        self.numbers.insert(node.id, number);
        self.nodes.push(node);
        self.network.add_node();
        self.sight.add_node();
        number
    }

    /// Starts a node that knows the addresses of these as seeds.
    pub fn start(&mut self, node: usize, seeds: &[usize]) {
        self.nodes[node].start(self.now, &mut self.dice);
        self.invariants.started(node, self.now);
        self.sight.started(node);
        for other in 0..self.nodes.len() {
            let alive = self.state(node, other) == Some(MemberState::Alive);
            self.sight.set(node, other, alive);
        }
        let others = seeds.iter().filter(|seed| **seed != node);
        let seeds = others.map(|seed| self.nodes[*seed].address).collect();
        self.give(node, Input::Seeds(seeds));
    }

    /// Kills a node: it has only what is on its disk.
    pub fn kill(&mut self, node: usize) {
        if self.nodes[node].runs() {
            self.nodes[node].kill();
            self.invariants.stopped(node, self.now);
            self.sight.stopped(node);
        }
    }

    /// Leaves a node without a processor for some time.
    pub fn pause(&mut self, node: usize, time: Duration) {
        let until = self.now + time;
        self.nodes[node].paused = Some(until);
        self.invariants.disturbed(node, until);
        self.at(until, node, Event::Wake);
    }

    /// Cuts the link from one node to another, that way only.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.network.cut(from, to);
        self.invariants.cut([from, to]);
    }

    /// Puts these nodes on a side of their own.
    pub fn part(&mut self, nodes: &[usize]) {
        self.network.part(nodes, 1);
        self.invariants.unrest(true, self.now);
    }

    /// Mends all links.
    pub fn mend(&mut self) {
        self.network.mend();
        self.invariants.mended(self.now);
        let stormy = self.network.weather.is_stormy();
        self.invariants.unrest(stormy, self.now);
    }

    /// Has the network behave otherwise.
    pub fn weather(&mut self, weather: Weather) {
        let unrest = weather.is_stormy() || self.network.is_parted();
        self.network.weather = weather;
        self.invariants.unrest(unrest, self.now);
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
    pub fn snapshot(&self, node: usize) -> Arc<Snapshot> {
        self.nodes[node].core.as_ref().unwrap().snapshot()
    }

    /// Gives the state of a node as another knows it.
    pub fn state(&self, observer: usize, node: usize) -> Option<MemberState> {
        let core = self.nodes[observer].core.as_ref()?;
        core.state(self.nodes[node].id)
    }

    /// Gives how much a node holds that grows with what others send.
    pub fn held(&self, node: usize) -> Held {
        self.nodes[node].core.as_ref().unwrap().held()
    }

    /// Gives the nodes that run.
    pub fn running(&self) -> Vec<usize> {
        self.sight.running().collect()
    }

    /// Tells whether every running node knows every running node as alive.
    pub fn all_see_all_alive(&mut self) -> bool {
        self.sight.is_whole()
    }

    /// Tells whether every running node has the newest record of every running node.
    pub fn all_agree(&mut self) -> bool {
        let cores = || self.nodes.iter().filter_map(|node| node.core.as_ref());
        let newest: Vec<_> = cores()
            .zip(self.sight.running())
            .map(|(core, node)| {
                let id = self.nodes[node].id;
                (id, core.record(id).map(|own| own.version))
            })
            .collect();
        cores().all(|core| {
            newest
                .iter()
                .all(|(id, version)| core.record(*id).map(|it| it.version) == *version)
        })
    }

    /// From now on nobody may call a node dead that runs.
    pub fn expect_no_deaths(&mut self) {
        self.invariants.forbid_deaths();
    }

    /// Looks at what is too costly to look at all the time.
    pub fn check(&mut self) {
        self.look();
        self.invariants.check_whole(&self.nodes);
        // What was told as changes is what is shown.
        let observer = self.dice.below(self.nodes.len());
        if self.nodes[observer].runs() {
            for node in 0..self.nodes.len() {
                let alive = self.state(observer, node) == Some(MemberState::Alive);
                assert_eq!(
                    alive,
                    self.sight.sees(observer, node),
                    "node {observer} did not tell how {node} changed"
                );
            }
        }
    }

    fn look(&self) {
        self.invariants.check(&self.sight, &self.network, self.now);
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.queue.peek().is_some_and(|Reverse(due)| due.at <= end) {
            self.step();
        }
        self.now = end;
        self.look();
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
        let Some(Reverse(Due {
            at, node, event, ..
        })) = self.queue.pop()
        else {
            return;
        };
        self.now = at;
        if self.nodes[node].paused.is_some_and(|until| until > at) {
            if let Event::Input { starts, input } = *event
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
        match *event {
            Event::Input { starts, input } if self.nodes[node].starts == starts => {
                if let Input::Answered { call, .. } = &input {
                    self.streams.close(node, starts, *call);
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
                if self.streams.close(node, starts, call) {
                    let answer = Err(CallError::TimedOut(CALL_TIME));
                    self.give(node, Input::Answered { call, answer });
                }
            }
            // Of a life before this one.
            Event::Input { .. } | Event::CallTimedOut { .. } => {}
        }
    }

    pub(super) fn at(&mut self, at: Moment, node: usize, event: Event) {
        self.next_event += 1;
        let number = self.next_event;
        self.queue.push(Reverse(Due {
            at,
            number,
            node,
            event: Box::new(event),
        }));
    }

    /// Hands something to a node, and carries out what it wants.
    pub fn give(&mut self, node: usize, input: Input) {
        let now = self.now;
        let wall = self.nodes[node].wall(now);
        let Some(core) = &mut self.nodes[node].core else {
            return;
        };
        core.handle(now, wall, input);
        let outputs: Vec<_> = std::iter::from_fn(|| core.poll_output()).collect();
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
                let Some(&of) = self.numbers.get(&change.id) else {
                    return;
                };
                let state = match change.what {
                    What::State { to, .. } => Some(to),
                    What::Forgotten => None,
                    What::Zone { .. } | What::Groups { .. } => return,
                };
                self.sight.set(node, of, state == Some(MemberState::Alive));
                let lives = self.nodes[of].runs();
                self.invariants.changed(node, of, state, lives, self.now);
            }
            Output::Told | Output::Happened(_) => {}
            Output::Keep(kept) => self.nodes[node].kept = self.disks.then_some(kept),
            Output::KeepKeys(zone, ring) => drop(self.nodes[node].rings.insert(zone, ring)),
            Output::Stop { .. } => self.kill(node),
        }
    }

    fn send(&mut self, from: usize, to: SocketAddr, packet: Vec<u8>) {
        self.invariants.sent(from, &packet);
        self.nodes[from].count(&packet);
        if let Some(tap) = &mut self.tap {
            tap.push(packet.clone());
        }
        let Some(&to) = self.addresses.get(&to) else {
            return;
        };
        let from_address = self.nodes[from].address;
        for delay in self.network.datagram(&mut self.dice, from, to) {
            let input = Input::Datagram {
                from: from_address,
                packet: packet.clone(),
            };
            self.deliver(delay, to, input);
        }
    }

    pub(super) fn deliver(&mut self, delay: Duration, to: usize, input: Input) {
        let starts = self.nodes[to].starts;
        let event = Event::Input { starts, input };
        self.at(self.now + delay, to, event);
    }
}
