//! The network between the nodes: what it does to a packet.

use std::collections::BTreeSet;
use std::time::Duration;

use super::dice::Dice;

/// How the network behaves.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The chance that a datagram is lost.
    pub loss: f64,
    /// The chance that it comes twice.
    pub double: f64,
    /// The least and the most time that a datagram takes; so they overtake each other.
    pub delay: (Duration, Duration),
}

impl Weather {
    /// A quiet network of one room.
    pub fn fine() -> Self {
        Self {
            loss: 0.0,
            double: 0.0,
            delay: (Duration::from_micros(200), Duration::from_millis(2)),
        }
    }

    /// A network that loses this share of all datagrams.
    pub fn lossy(loss: f64) -> Self {
        Self {
            loss,
            double: 0.01,
            delay: (Duration::from_micros(200), Duration::from_millis(20)),
        }
    }
}

impl Weather {
    /// A network of long ways, on which packets overtake each other.
    pub fn slow() -> Self {
        Self {
            loss: 0.01,
            double: 0.05,
            delay: (Duration::from_millis(20), Duration::from_millis(300)),
        }
    }

    /// Tells whether so much is lost that nobody can be right about others.
    pub fn is_stormy(&self) -> bool {
        self.loss > 0.25
    }
}

/// Which links are cut, and how the others behave.
#[derive(Clone, Debug)]
pub(super) struct Network {
    /// How it behaves.
    pub(super) weather: Weather,
    /// Links that are cut, one way each.
    cut: BTreeSet<(usize, usize)>,
    /// Which side of a partition each node is on; all on side 0 when there is none.
    sides: Vec<u8>,
}

impl Network {
    /// Makes a network of nodes, with no link cut.
    pub(super) fn new(nodes: usize, weather: Weather) -> Self {
        Self {
            weather,
            cut: BTreeSet::new(),
            sides: vec![0; nodes],
        }
    }

    /// Adds a node.
    pub(super) fn add_node(&mut self) {
        self.sides.push(0);
    }

    /// Cuts the link from one node to another, that way only.
    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    /// Puts these nodes on a side of their own.
    pub(super) fn part(&mut self, nodes: &[usize], side: u8) {
        for node in nodes {
            self.sides[*node] = side;
        }
    }

    /// Mends all links.
    pub(super) fn mend(&mut self) {
        self.cut.clear();
        self.sides.fill(0);
    }

    /// Tells whether some nodes are on a side of their own.
    pub(super) fn is_parted(&self) -> bool {
        self.sides.iter().any(|side| *side != 0)
    }

    /// Tells whether a packet can come from one node to the other.
    pub(super) fn carries(&self, from: usize, to: usize) -> bool {
        self.sides[from] == self.sides[to] && !self.cut.contains(&(from, to))
    }

    /// Gives after how long each copy of a datagram arrives.
    pub(super) fn datagram(&self, dice: &mut Dice, from: usize, to: usize) -> Vec<Duration> {
        if !self.carries(from, to) || dice.happens(self.weather.loss) {
            return Vec::new();
        }
        let (least, most) = self.weather.delay;
        let mut copies = vec![dice.between(least, most)];
        if dice.happens(self.weather.double) {
            copies.push(dice.between(least, most));
        }
        copies
    }

    /// Gives after how long one way of a stream is through: losses cost time there, not data.
    pub(super) fn stream(&self, dice: &mut Dice) -> Duration {
        let (least, most) = self.weather.delay;
        let mut time = dice.between(least, most) * 2;
        while dice.happens(self.weather.loss) {
            time += Duration::from_millis(200);
        }
        time
    }
}
