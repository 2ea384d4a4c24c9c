//! Calls between nodes: what the shell does with a stream, in short.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use gossip::seal::{Rings, Use};
use gossip::{Call, CallError, Input, Peer};
use model::Zone;

use super::cluster::{Cluster, Event};
use super::node::{CALL_TIME, Node};

/// A call that waits for its answer.
struct OpenCall {
    asker: usize,
    starts: u64,
    call: Call,
    zone: Option<Zone>,
    /// Whether the key is retired where it was asked from.
    retired: bool,
}

/// The calls that are under way.
#[derive(Default)]
pub(super) struct Streams {
    /// Calls that a node was asked, by it and its own number of them.
    asked: HashMap<(usize, Call), OpenCall>,
    /// Calls that a node made and that are not answered.
    open: HashMap<(usize, u64, Call), ()>,
    next: u64,
}

impl Streams {
    /// Takes a call as answered; tells whether it was open.
    pub(super) fn close(&mut self, node: usize, starts: u64, call: Call) -> bool {
        self.open.remove(&(node, starts, call)).is_some()
    }
}

impl Cluster {
    pub(super) fn ask(
        &mut self,
        from: usize,
        call: Call,
        to: SocketAddr,
        zones: &[Zone],
        mut request: Vec<u8>,
    ) {
        let starts = self.nodes[from].starts;
        self.streams.open.insert((from, starts, call), ());
        let time_out = Event::CallTimedOut { starts, call };
        self.at(self.now + CALL_TIME, from, time_out);
        let Some(&to) = self.addresses.get(&to) else {
            return;
        };
        if let Some(answer) = self.oracle.clone() {
            let peer = Peer {
                address: self.nodes[to].address,
                zone: Some(self.nodes[from].plan.zone.clone()),
                retired: false,
            };
            let answer = Ok((peer, answer));
            let delay = Duration::from_millis(1);
            return self.deliver(delay, from, Input::Answered { call, answer });
        }
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
        let Some((zone, retired)) = common else {
            let answer = Err(CallError::NoCommonKey);
            self.deliver(delay, from, Input::Answered { call, answer });
            return;
        };
        if retired.0 && !gossip::exchanges_keys(&request) {
            let answer = Err(CallError::RetiredKey);
            self.deliver(delay, from, Input::Answered { call, answer });
            return;
        }
        self.nodes[from].speak_as(&mut request);
        self.streams.next += 1;
        // The numbers of calls that were asked are the shell's own, far from those of the core.
        let theirs = Call(1 << 40 | self.streams.next);
        let open = OpenCall {
            asker: from,
            starts,
            call,
            zone: zone.clone(),
            retired: retired.0,
        };
        self.streams.asked.insert((to, theirs), open);
        let peer = Peer {
            address: self.nodes[from].address,
            zone,
            retired: retired.1,
        };
        let input = Input::Asked {
            call: theirs,
            peer,
            request,
        };
        self.deliver(delay, to, input);
    }

    pub(super) fn reply(&mut self, from: usize, call: Call, mut answer: Vec<u8>) {
        let Some(open) = self.streams.asked.remove(&(from, call)) else {
            return;
        };
        if self.nodes[open.asker].starts != open.starts || !self.network.carries(from, open.asker) {
            return;
        }
        self.nodes[from].speak_as(&mut answer);
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

/// A zone that a stream proves, nothing when gossip is open on both ends; and whether its key is
/// retired at who asks, and at who is asked.
type Common = (Option<Zone>, (bool, bool));

/// Finds the zone whose key two nodes have in common, as the handshake of a stream does.
fn common_zone(asker: &Node, asked: &Node, offered: &[Zone]) -> Option<Common> {
    let keys = |rings: &Rings, zone: &Zone| {
        rings
            .get(zone)
            .map(|ring| ring.keys.clone())
            .unwrap_or_default()
    };
    let is_retired = |use_: Use| matches!(use_, Use::Retired { .. });
    let mut shared = Vec::new();
    for zone in offered {
        let theirs = keys(&asked.rings, zone);
        for (key, use_) in keys(&asker.rings, zone) {
            if let Some((_, their_use)) = theirs.iter().find(|(their, _)| *their == key) {
                let retired = (is_retired(use_), is_retired(*their_use));
                shared.push((Some(zone.clone()), retired));
            }
        }
    }
    // One that is retired at who is asked is taken only when there is no other.
    shared.sort_by_key(|(_, retired)| retired.1);
    let open = |node: &Node| keys(&node.rings, &node.plan.zone).is_empty();
    let both_open = (open(asker) && open(asked)).then_some((None, (false, false)));
    shared.into_iter().next().or(both_open)
}
