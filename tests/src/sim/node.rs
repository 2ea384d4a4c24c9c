//! One node of the cluster: a core, and what its shell would keep for it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use gossip::book::Kept;
use gossip::seal::{Key, Ring, Rings, Use};
use gossip::{Body, Config, Core, Health, Input, Timing, Zones};
use model::{Moment, NodeId, WallTime, Zone};

use super::dice::Dice;

/// Datagrams that wait while a node is paused, as in the buffer of a socket; more are lost.
const SOCKET_BUFFER: usize = 256;

/// What a node is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its zone.
    pub zone: Zone,
    /// The zones that its files declare.
    pub zones: Zones,
    /// Whether it is a proxy.
    pub is_proxy: bool,
    /// The keys that its files give.
    pub rings: Rings,
    /// How fast it goes.
    pub timing: Timing,
    /// The newest and the oldest protocol that it speaks on streams.
    pub protocol: (u8, u8),
}

impl Plan {
    /// A node of a cluster with one zone and one key.
    pub fn usual() -> Self {
        let zone = Zone::parse("internet").unwrap();
        let ring = Ring {
            version: 0,
            keys: vec![(Key::from_bytes(&[7; 32]).unwrap(), Use::Seals)],
        };
        Self {
            zones: Zones::new([(zone.clone(), None)]),
            is_proxy: false,
            rings: Rings::from([(zone.clone(), ring)]),
            timing: Timing::default(),
            protocol: (1, 1),
            zone,
        }
    }
}

/// One node.
pub struct Node {
    /// What it is made of.
    pub plan: Plan,
    /// Its id.
    pub id: NodeId,
    /// Its address.
    pub address: SocketAddr,
    /// How often it started.
    pub starts: u64,
    /// Its core; nothing while it does not run.
    pub core: Option<Core>,
    /// What it has on its disk.
    pub kept: Option<Vec<u8>>,
    /// What it finds there at its next start instead, shared with others.
    pub shared: Option<Kept>,
    /// Until when it gets no processor.
    pub paused: Option<Moment>,
    /// What came meanwhile.
    pub waiting: VecDeque<Input>,
    /// When it is woken next.
    pub wake: Option<Moment>,
    /// How far its wall clock is off, in milliseconds.
    pub wall_ahead: i64,
    /// Bytes that it sent, and in how many datagrams; 28 bytes of headers are counted for each.
    pub sent: (u64, u64),
    /// What it keeps of keys.
    pub rings: BTreeMap<Zone, Ring>,
}

impl Node {
    /// Makes a node that does not run yet.
    pub fn new(number: usize, plan: Plan) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&Dice::new(number as u64).number().to_be_bytes());
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        let [_, _, high, low] = u32::try_from(number + 1).unwrap().to_be_bytes();
        let ip = Ipv4Addr::new(10, 0, high, low);
        Self {
            id: NodeId::from_random(id),
            address: SocketAddr::new(IpAddr::V4(ip), 6768),
            starts: 0,
            core: None,
            kept: None,
            shared: None,
            paused: None,
            waiting: VecDeque::new(),
            wake: None,
            wall_ahead: 0,
            sent: (0, 0),
            rings: plan.rings.clone(),
            plan,
        }
    }

    /// Gives the time on its wall clock.
    pub fn wall(&self, now: Moment) -> WallTime {
        let true_time = 1_795_000_000_000 + i64::try_from(now.since_start().as_millis()).unwrap();
        WallTime::from_millis(u64::try_from(true_time + self.wall_ahead).unwrap_or_default())
    }

    /// Starts it.
    pub fn start(&mut self, now: Moment, dice: &mut Dice) {
        self.starts += 1;
        let mut salts = Dice::new(dice.number());
        let kept = self.shared.take().or_else(|| {
            let kept = self.kept.as_deref()?;
            Some(Kept::decode(kept).unwrap())
        });
        let config = Config {
            id: self.id,
            starts: self.starts,
            body: self.body(),
            zones: self.plan.zones.clone(),
            keys: self.rings.clone(),
            salts: Box::new(move || {
                let mut salt = [0; 12];
                salt[..8].copy_from_slice(&salts.number().to_be_bytes());
                salt[8..].copy_from_slice(&salts.number().to_be_bytes()[..4]);
                salt
            }),
            seed: dice.number(),
            kept,
            timing: self.plan.timing.clone(),
        };
        let wall = self.wall(now);
        self.core = Some(Core::new(config, now, wall));
        self.waiting.clear();
        self.wake = None;
        self.paused = None;
    }

    /// Makes of what its core says on a stream what a node of its protocol would say.
    pub(super) fn speak_as(&self, said: &mut [u8]) {
        if let [newest, oldest, ..] = said {
            (*newest, *oldest) = self.plan.protocol;
        }
    }

    /// Kills it: what it did not keep is gone.
    pub fn kill(&mut self) {
        self.core = None;
    }

    /// Tells whether it runs.
    pub fn runs(&self) -> bool {
        self.core.is_some()
    }

    /// Takes what came while it had no processor.
    pub fn wait(&mut self, input: Input) {
        let datagrams = self
            .waiting
            .iter()
            .filter(|input| matches!(input, Input::Datagram { .. }))
            .count();
        if !matches!(input, Input::Datagram { .. }) || datagrams < SOCKET_BUFFER {
            self.waiting.push_back(input);
        }
    }

    /// Counts a datagram that it sent.
    pub fn count(&mut self, packet: &[u8]) {
        self.sent.0 += packet.len() as u64 + 28;
        self.sent.1 += 1;
    }

    /// Gives what it tells first, once its keys are in force.
    pub(super) fn body_with_keys(&self) -> Body {
        let ring = self.rings.get(&self.plan.zone);
        Body {
            keys: ring.map_or((0, None), Ring::told),
            ..self.body()
        }
    }

    fn body(&self) -> Body {
        Body {
            name: format!("node-{}", self.address.ip()),
            display_name: String::new(),
            address: self.address,
            zone: self.plan.zone.clone(),
            is_proxy: self.plan.is_proxy,
            left: false,
            static_groups: Vec::new(),
            detected_groups: Vec::new(),
            program: "0.6.0".to_owned(),
            health: Health::default(),
            keys: (0, None),
            parts: BTreeMap::new(),
            cut: Vec::new(),
        }
    }
}

/// How long a call may take.
pub(super) const CALL_TIME: Duration = Duration::from_secs(5);
