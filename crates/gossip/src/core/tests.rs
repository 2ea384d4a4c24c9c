//! A few cores on a virtual clock, with a network that does what a test wants.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use model::{MemberState, Moment, NodeId, WallTime, Zone};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::book::Kept;
use crate::input::{Call, CallError, Input, Order, OrderId, Peer};
use crate::output::{Change, Done, Output, Refusal, What};
use crate::record::{Body, Health};
use crate::seal::{Key, Ring, Rings, Use};
use crate::{Config, Core, Snapshot, Timing, Zones};

mod rules;

const RTT: Duration = Duration::from_millis(1);

struct Node {
    id: NodeId,
    address: SocketAddr,
    zone: Zone,
    key: Option<u8>,
    starts: u64,
    core: Option<Core>,
    kept: Option<Vec<u8>>,
    paused: bool,
    waiting: Vec<Input>,
    wall_ahead: u64,
    bytes: u64,
    wakeups: u64,
}

#[derive(Debug)]
enum Event {
    Input(Input),
    Call {
        from: usize,
        call: Call,
        request: Vec<u8>,
    },
}

struct World {
    now: Moment,
    nodes: Vec<Node>,
    queue: BTreeMap<(Moment, u64), (usize, Event)>,
    number: u64,
    rng: SmallRng,
    loss: f64,
    cut: BTreeSet<(usize, usize)>,
    asked: BTreeMap<Call, (usize, Call)>,
    done: BTreeMap<OrderId, Result<Done, Refusal>>,
    changes: Vec<(usize, Change)>,
    orders: u64,
}

fn zone() -> Zone {
    Zone::parse("internet").unwrap()
}

fn id(number: usize) -> NodeId {
    let mut bytes = [number as u8; 16];
    bytes[0] = (number >> 8) as u8;
    NodeId::from_bytes(bytes)
}

impl World {
    fn new(count: usize) -> Self {
        let mut world = Self {
            now: Moment::from_start(Duration::from_secs(1_000)),
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            number: 0,
            rng: SmallRng::seed_from_u64(7),
            loss: 0.0,
            cut: BTreeSet::new(),
            asked: BTreeMap::new(),
            done: BTreeMap::new(),
            changes: Vec::new(),
            orders: 0,
        };
        for _ in 0..count {
            world.add();
        }
        world
    }

    /// A cluster in which all know all.
    fn joined(count: usize) -> Self {
        let mut world = Self::new(count);
        for node in 1..count {
            world.order(node, Order::Join(world.nodes[0].address));
        }
        world.run_until(Duration::from_secs(20), World::all_see_all);
        world.run(Duration::from_secs(3));
        world.changes.clear();
        world
    }

    fn add(&mut self) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node {
            id: id(at + 1),
            address: SocketAddr::from(([10, 0, (at >> 8) as u8, at as u8], 6768)),
            zone: zone(),
            key: Some(9),
            starts: 0,
            core: None,
            kept: None,
            paused: false,
            waiting: Vec::new(),
            wall_ahead: 0,
            bytes: 0,
            wakeups: 0,
        });
        self.start(at);
        at
    }

    fn start(&mut self, at: usize) {
        let seed = self.rng.random();
        let mut salts = SmallRng::seed_from_u64(self.rng.random());
        let node = &mut self.nodes[at];
        node.starts += 1;
        let ring = node.key.map(|key| Ring {
            version: 0,
            keys: vec![(Key::from_bytes(&[key; 32]).unwrap(), Use::Seals)],
        });
        let keys = ring.map(|ring| (node.zone.clone(), ring)).into_iter();
        let config = Config {
            id: node.id,
            starts: node.starts,
            body: Body {
                name: format!("node-{at}"),
                display_name: String::new(),
                address: node.address,
                zone: node.zone.clone(),
                is_proxy: false,
                left: false,
                static_groups: Vec::new(),
                detected_groups: Vec::new(),
                program: "1".to_owned(),
                health: Health::default(),
                keys: (0, None),
                parts: BTreeMap::new(),
                cut: Vec::new(),
            },
            zones: Zones::new([(zone(), None), (Zone::parse("other").unwrap(), None)]),
            keys: keys.collect::<Rings>(),
            salts: Box::new(move || salts.random()),
            seed,
            kept: node.kept.as_deref().map(|it| Kept::decode(it).unwrap()),
            timing: Timing::default(),
        };
        let wall = wall(self.now, node);
        node.core = Some(Core::new(config, self.now, wall));
    }

    fn kill(&mut self, at: usize) {
        self.nodes[at].core = None;
    }

    fn order(&mut self, at: usize, order: Order) -> OrderId {
        self.orders += 1;
        let id = OrderId(self.orders);
        self.give(at, Input::Order(id, order));
        id
    }

    fn give(&mut self, at: usize, input: Input) {
        let now = self.now;
        let node = &mut self.nodes[at];
        if node.paused {
            return node.waiting.push(input);
        }
        let wall = wall(now, node);
        let Some(core) = &mut node.core else {
            return;
        };
        node.wakeups += 1;
        core.handle(now, wall, input);
        let outputs: Vec<_> = std::iter::from_fn(|| core.poll_output()).collect();
        for output in outputs {
            self.carry_out(at, output);
        }
    }

    fn carry_out(&mut self, at: usize, output: Output) {
        match output {
            Output::Send { to, packet } => {
                self.nodes[at].bytes += packet.len() as u64 + 28;
                let to = self.nodes.iter().position(|node| node.address == to);
                let lost = self.rng.random_bool(self.loss);
                if let Some(to) = to.filter(|to| !lost && !self.cut.contains(&(at, *to))) {
                    let from = self.nodes[at].address;
                    self.later(to, Event::Input(Input::Datagram { from, packet }));
                }
            }
            Output::Ask {
                call, to, request, ..
            } => {
                let target = self.nodes.iter().position(|node| node.address == to);
                let fits = |to: &usize| {
                    self.nodes[*to].key == self.nodes[at].key && self.nodes[*to].core.is_some()
                };
                let cut =
                    |to: &usize| self.cut.contains(&(at, *to)) || self.cut.contains(&(*to, at));
                match target.filter(|to| fits(to) && !cut(to)) {
                    Some(to) => self.later(
                        to,
                        Event::Call {
                            from: at,
                            call,
                            request,
                        },
                    ),
                    None => {
                        let error = match target {
                            Some(to) if self.nodes[to].core.is_some() && !cut(&to) => {
                                CallError::NoCommonKey
                            }
                            _ => CallError::Unreachable("refused".to_owned()),
                        };
                        let answer = Err(error);
                        self.later(at, Event::Input(Input::Answered { call, answer }));
                    }
                }
            }
            Output::Reply { call, answer } => {
                let (to, theirs) = self.asked.remove(&call).unwrap();
                let peer = self.peer(at);
                let answer = Ok((peer, answer));
                let input = Input::Answered {
                    call: theirs,
                    answer,
                };
                self.later(to, Event::Input(input));
            }
            Output::Done(id, result) => drop(self.done.insert(id, result)),
            Output::Changed(change) => self.changes.push((at, change)),
            Output::Keep(kept) => self.nodes[at].kept = Some(kept),
            Output::Stop { .. } => self.kill(at),
            Output::Told | Output::Happened(_) | Output::KeepKeys(..) => {}
        }
    }

    fn peer(&self, at: usize) -> Peer {
        let node = &self.nodes[at];
        Peer {
            address: node.address,
            zone: node.key.map(|_| node.zone.clone()),
            retired: false,
        }
    }

    fn later(&mut self, to: usize, event: Event) {
        self.number += 1;
        let at = self.now + RTT / 2 + RTT * self.rng.random_range(0..100) / 100;
        self.queue.insert((at, self.number), (to, event));
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until something holds; gives how long that took.
    fn run_until(&mut self, most: Duration, holds: impl Fn(&Self) -> bool) -> Duration {
        let begun = self.now;
        let end = self.now + most;
        while !holds(self) {
            if !self.step(end) {
                self.show();
                panic!("it did not come about within {most:?}");
            }
        }
        self.now.since(begun)
    }

    fn show(&self) {
        for (at, node) in self.nodes.iter().enumerate() {
            if node.core.is_some() {
                let snapshot = self.snapshot(at);
                let states = snapshot.members.iter();
                let states: Vec<_> = states
                    .map(|it| format!("{}:{}", it.record.body.name, it.state))
                    .collect();
                println!("{at}: {} {:?}", states.join(" "), snapshot.figures);
            }
        }
    }

    fn step(&mut self, end: Moment) -> bool {
        let awake = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.paused);
        let due = awake.filter_map(|(at, node)| Some((node.core.as_ref()?.next_deadline()?, at)));
        let due = due.min();
        let event = self.queue.first_key_value().map(|((at, _), _)| *at);
        let next = due.map(|(at, _)| at).into_iter().chain(event).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        if event == Some(next) {
            let (_, (to, event)) = self.queue.pop_first().unwrap();
            match event {
                Event::Input(input) => self.give(to, input),
                Event::Call {
                    from,
                    call,
                    request,
                } => {
                    self.number += 1;
                    let theirs = Call(1 << 40 | self.number);
                    self.asked.insert(theirs, (from, call));
                    let peer = self.peer(from);
                    let input = Input::Asked {
                        call: theirs,
                        peer,
                        request,
                    };
                    self.give(to, input);
                }
            }
        } else if let Some((_, at)) = due {
            self.give(at, Input::Deadline);
        }
        true
    }

    fn wake(&mut self, at: usize) {
        self.nodes[at].paused = false;
        for input in std::mem::take(&mut self.nodes[at].waiting) {
            self.give(at, input);
        }
    }

    fn snapshot(&self, at: usize) -> std::sync::Arc<Snapshot> {
        self.nodes[at].core.as_ref().unwrap().snapshot()
    }

    fn state(&self, at: usize, of: usize) -> Option<MemberState> {
        let snapshot = self.snapshot(at);
        snapshot
            .member(self.nodes[of].id)
            .map(|member| member.state)
    }

    fn all_see_all(&self) -> bool {
        let running = self.nodes.iter().filter(|node| node.core.is_some()).count();
        (0..self.nodes.len())
            .filter(|at| self.nodes[*at].core.is_some())
            .all(|at| {
                let snapshot = self.snapshot(at);
                let members = snapshot.members.iter();
                members.filter(|it| it.state == MemberState::Alive).count() == running
            })
    }

    fn all_say(&self, of: usize, state: MemberState) -> bool {
        let others = (0..self.nodes.len()).filter(|at| *at != of && self.nodes[*at].core.is_some());
        let mut others = others;
        others.all(|at| self.state(at, of) == Some(state))
    }

    /// The members that anybody called dead.
    fn called_dead(&self) -> Vec<NodeId> {
        let dead = self.changes.iter().filter(|(_, change)| {
            matches!(
                change.what,
                What::State {
                    to: MemberState::Dead,
                    ..
                }
            )
        });
        dead.map(|(_, change)| change.id).collect()
    }
}

fn wall(now: Moment, node: &Node) -> WallTime {
    let millis = 1_795_000_000_000 + now.since_start().as_millis() as u64 + node.wall_ahead;
    WallTime::from_millis(millis)
}
