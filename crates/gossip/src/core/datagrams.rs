//! Datagrams: sealed, opened, and taken by kind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Moment, NodeId, Zone, limits};
use rand::RngExt;

use super::Core;
use super::rounds::Round;
use crate::input::{Call, OrderId};
use crate::output::{Done, Found, Output};
use crate::record::Record;
use crate::seal::Opened;
use crate::swim;
use crate::wire::{Malformed, Reader, Writer};
use crate::zones::Relation;

const SWIM: u8 = 0;
const SUMMARY: u8 = 1;
const DETECT: u8 = 2;
const DETECTED: u8 = 3;
const PING: u8 = 4;
const PONG: u8 = 5;
const KNOCK: u8 = 6;
const KNOCKED: u8 = 7;
const RELAY: u8 = 8;
const RELAYED: u8 = 9;
const FAREWELL: u8 = 10;
const HEARD: u8 = 11;

/// Groups that an answer to a detection names.
const GROUPS_MAX: usize = 512;
/// How many relays try to reach a node that does not answer a ping.
const RELAYS: usize = 3;
/// After how long relays are asked.
const RELAY_AFTER: Duration = Duration::from_secs(1);
/// How long a ping may take in all.
const PING_TIME: Duration = Duration::from_secs(4);
/// How often, and how long in all, a newcomer is knocked at.
pub(super) const KNOCK_EVERY: Duration = Duration::from_millis(400);
/// How long a newcomer may take to be reached.
const KNOCK_TIME: Duration = Duration::from_secs(2);

/// A newcomer whose address is tried before it is let in.
#[derive(Debug)]
pub(super) struct PendingJoin {
    /// The call to answer.
    pub call: Call,
    /// What it tells.
    pub record: Arc<Record>,
    nonce: u64,
    /// When it is tried again.
    pub next: Moment,
    /// Until when it is tried.
    pub until: Moment,
}

/// A ping that somebody ordered.
#[derive(Debug)]
pub(super) struct PendingPing {
    /// Who.
    pub order: OrderId,
    /// Whom.
    pub target: NodeId,
    nonce: u64,
    sent: Moment,
    /// When relays are asked; nothing when they were.
    pub relay_at: Option<Moment>,
    /// Until when.
    pub until: Moment,
}

impl Core {
    pub(super) fn take_datagram(&mut self, from: SocketAddr, packet: &[u8]) {
        self.figures.received.0 += 1;
        self.figures.received.1 += packet.len() as u64;
        if self.leaving.as_ref().is_some_and(|it| it.next().is_none()) {
            return;
        }
        let zone = self.book.zone().clone();
        let opened = match self.sealer.open(&zone, &self.rings, packet) {
            Ok(opened) => opened,
            Err(why) => {
                if why == crate::seal::Dropped::Twin {
                    let at = [self.book.own().body.address, from];
                    self.clones.insert(self.own, (at, self.now));
                }
                if matches!(
                    why,
                    crate::seal::Dropped::UnknownKey | crate::seal::Dropped::RetiredKey
                ) {
                    self.suspect_rings(from);
                }
                return self.drop_counted(why.as_str());
            }
        };
        if self.take_opened(from, &opened).is_err() {
            self.drop_counted("malformed");
        }
    }

    fn take_opened(&mut self, from: SocketAddr, opened: &Opened) -> Result<(), Malformed> {
        let sender = opened.sender;
        let mut reader = Reader::new(&opened.plain);
        let own_zone = opened
            .zone
            .as_ref()
            .is_none_or(|zone| zone == self.book.zone());
        match reader.byte()? {
            HEARD => {
                let nonce = u64::from_be_bytes(reader.array()?);
                self.take_heard(sender, nonce);
            }
            // All else is for those who stay.
            _ if self.leaving.is_some() => {}
            SWIM if own_zone => self.take_swim(opened, reader.rest()),
            SUMMARY if own_zone => {
                let hash = u64::from_be_bytes(reader.array()?);
                self.take_summary(sender, hash);
            }
            FAREWELL if own_zone => {
                let nonce = u64::from_be_bytes(reader.array()?);
                self.take_swim(opened, reader.rest());
                self.answer_nonce(HEARD, from, nonce, sender, opened.zone.as_ref());
            }
            SWIM | SUMMARY | FAREWELL => self.drop_counted("of another zone"),
            DETECT => {
                let nonce = reader.array()?;
                let theirs = reader.zone()?;
                self.answer_detection(from, nonce, &theirs, opened.zone.as_ref());
            }
            DETECTED => self.take_detected(sender, &mut reader)?,
            PING => {
                let nonce = reader.array::<8>()?;
                let origin = reader.node()?;
                let nonce = u64::from_be_bytes(nonce);
                self.answer_nonce(PONG, from, nonce, origin, opened.zone.as_ref());
            }
            PONG => {
                let nonce = u64::from_be_bytes(reader.array()?);
                let origin = reader.node()?;
                if origin == self.own {
                    self.take_pong(sender, nonce, None);
                } else if let Some(address) = self.address_of(origin) {
                    self.send_nonce(RELAYED, origin, address, nonce, sender);
                }
            }
            KNOCK => {
                let nonce = u64::from_be_bytes(reader.array()?);
                self.answer_nonce(KNOCKED, from, nonce, sender, opened.zone.as_ref());
            }
            KNOCKED => {
                let nonce = u64::from_be_bytes(reader.array()?);
                self.take_knocked(sender, nonce);
            }
            RELAY => {
                let nonce = u64::from_be_bytes(reader.array()?);
                let target = reader.node()?;
                if let Some(address) = self.address_of(target) {
                    self.send_nonce(PING, target, address, nonce, sender);
                }
            }
            RELAYED => {
                let nonce = u64::from_be_bytes(reader.array()?);
                let target = reader.node()?;
                self.take_pong(target, nonce, Some(sender));
            }
            _ => return Err(Malformed::Value),
        }
        Ok(())
    }

    fn take_swim(&mut self, opened: &Opened, body: &[u8]) {
        let sender = (opened.sender, opened.starts);
        let book = &self.book;
        let forgotten = |id, starts| book.is_forgotten(id, starts);
        if let Err(why) = self.swim.packet(self.now, sender, body, &forgotten) {
            self.drop_counted(match why {
                swim::Dropped::Malformed => "malformed",
                swim::Dropped::Foreign => "for another node",
                swim::Dropped::Stale => "of an earlier life",
                swim::Dropped::Cloned => "of a clone",
                swim::Dropped::Forgotten => "of a forgotten node",
                swim::Dropped::Full => "too many members",
            });
            return;
        }
        self.take_news();
        match self.book.record(opened.sender) {
            Some(record) if record.version.starts >= opened.starts => {}
            Some(_) => self.want(opened.sender, opened.sender),
            // It comes by gossip most often; else it is fetched soon, with others.
            None => drop(self.lacking.insert(opened.sender)),
        }
    }

    fn take_summary(&mut self, sender: NodeId, hash: u64) {
        if hash == self.book.hash() {
            self.differed = 0;
            return;
        }
        self.differed = self.differed.saturating_add(1);
        if self.differed >= 2
            && let Some(address) = self.address_of(sender)
        {
            self.differed = 0;
            self.compare_with(address);
        }
    }

    fn answer_detection(
        &mut self,
        from: SocketAddr,
        nonce: [u8; 8],
        theirs: &Zone,
        proved: Option<&Zone>,
    ) {
        let own = Arc::clone(self.book.own());
        // A node above seals with the key of the zone that it looks for.
        let seen = match self.book.relation(theirs) {
            Relation::Own => true,
            Relation::Below => own.body.is_proxy,
            Relation::Parent | Relation::Hidden => proved.is_some_and(|it| *it == own.body.zone),
        };
        if !seen {
            return;
        }
        let mut writer = Writer::new();
        writer.byte(DETECTED);
        writer.raw(&nonce);
        writer.text(own.shown_name());
        writer.text(own.body.zone.as_str());
        writer.address(own.body.address);
        writer.flag(own.body.is_proxy);
        let mut names = Writer::new();
        let mut count = 0;
        for group in own.groups().into_iter().take(GROUPS_MAX) {
            if writer.len() + names.len() + group.as_str().len() + 8 > limits::GOSSIP_BODY_BYTES_MAX
            {
                break;
            }
            names.text(group.as_str());
            count += 1;
        }
        writer.count(count);
        writer.raw(names.as_bytes());
        let zone = proved.cloned().unwrap_or(own.body.zone.clone());
        self.send_sealed(&zone, from, writer.as_bytes());
    }

    fn take_detected(&mut self, sender: NodeId, reader: &mut Reader) -> Result<(), Malformed> {
        let nonce = u64::from_be_bytes(reader.array()?);
        let mut found = Found {
            id: sender,
            name: reader.line(limits::RECORD_NAME_BYTES_MAX)?.to_owned(),
            zone: reader.zone()?,
            address: reader.address()?,
            is_proxy: reader.flag()?,
            groups: Vec::new(),
        };
        for _ in 0..reader.count(GROUPS_MAX)? {
            found.groups.push(reader.group()?.as_str().to_owned());
        }
        reader.finish()?;
        self.note_found(nonce, found);
        Ok(())
    }

    /// Sends a question to a broadcast address, sealed for each zone whose nodes may answer.
    pub(super) fn send_detection(&mut self, nonce: u64, to: &[SocketAddr]) {
        let mut zones: Vec<_> = self.rings.keys().cloned().collect();
        let own = self.book.zone().clone();
        if !zones.contains(&own) {
            zones.push(own.clone());
        }
        for zone in zones {
            let mut writer = Writer::new();
            writer.byte(DETECT);
            writer.raw(&nonce.to_be_bytes());
            writer.text(own.as_str());
            for to in to {
                self.send_sealed(&zone, *to, writer.as_bytes());
            }
        }
    }

    /// Begins to try the address that a newcomer tells.
    pub(super) fn knock(&mut self, call: Call, record: Arc<Record>) {
        let nonce = self.rng.random();
        self.joins.push(PendingJoin {
            call,
            record,
            nonce,
            next: self.now,
            until: self.now + KNOCK_TIME,
        });
        self.rounds.insert(Round::Joins, self.now);
    }

    /// Tries newcomers again, and gives those that were not reached in time.
    pub(super) fn knock_again(&mut self) -> Vec<PendingJoin> {
        let now = self.now;
        let (over, mut waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.joins)
            .into_iter()
            .partition(|join| join.until <= now);
        for join in &mut waiting {
            if join.next <= now {
                join.next = now + KNOCK_EVERY;
                let body = &join.record.body;
                let (zone, to) = (body.zone.clone(), body.address);
                let bytes = nonce_bytes(KNOCK, join.nonce, self.own);
                self.send_sealed(&zone, to, &bytes);
            }
        }
        self.joins = waiting;
        over
    }

    fn take_knocked(&mut self, sender: NodeId, nonce: u64) {
        let reached = |join: &PendingJoin| join.nonce == nonce && join.record.id == sender;
        if let Some(at) = self.joins.iter().position(reached) {
            let join = self.joins.swap_remove(at);
            self.let_in(join.call, &join.record);
        }
    }

    pub(super) fn ping(&mut self, order: OrderId, target: NodeId, address: SocketAddr) {
        let nonce = self.rng.random();
        self.pings.push(PendingPing {
            order,
            target,
            nonce,
            sent: self.now,
            relay_at: Some(self.now + RELAY_AFTER),
            until: self.now + PING_TIME,
        });
        self.send_nonce(PING, target, address, nonce, self.own);
        self.rounds.insert(Round::Orders, self.now);
    }

    /// Asks relays to reach the target of a ping.
    pub(super) fn ask_relays(&mut self, at: usize) {
        let (target, nonce) = (self.pings[at].target, self.pings[at].nonce);
        self.pings[at].relay_at = None;
        for relay in self.swim.some_living(RELAYS + 1) {
            if relay.id != target {
                self.send_nonce(RELAY, relay.id, relay.address, nonce, target);
            }
        }
        if let Some(address) = self.address_of(target) {
            self.send_nonce(PING, target, address, nonce, self.own);
        }
    }

    fn take_pong(&mut self, target: NodeId, nonce: u64, relay: Option<NodeId>) {
        let answered = |ping: &PendingPing| ping.nonce == nonce && ping.target == target;
        if let Some(at) = self.pings.iter().position(answered) {
            let ping = self.pings.swap_remove(at);
            let took = self.now.since(ping.sent);
            self.done(Some(ping.order), Ok(Done::Pong { took, relay }));
        }
    }

    pub(super) fn send_summary(&mut self) {
        let hash = self.book.hash();
        let mut bytes = vec![SUMMARY];
        bytes.extend_from_slice(&hash.to_be_bytes());
        if let Some(to) = self.swim.some_living(1).first() {
            let zone = self.book.zone().clone();
            self.send_sealed(&zone, to.address, &bytes);
        }
    }

    pub(super) fn send_swim(&mut self, _to: NodeId, address: SocketAddr, body: &[u8]) {
        let mut plain = Vec::with_capacity(body.len() + 1);
        plain.push(SWIM);
        plain.extend_from_slice(body);
        let zone = self.book.zone().clone();
        self.send_sealed(&zone, address, &plain);
    }

    pub(super) fn send_farewell(&mut self, address: SocketAddr, nonce: u64, body: &[u8]) {
        let mut plain = Vec::with_capacity(body.len() + 9);
        plain.push(FAREWELL);
        plain.extend_from_slice(&nonce.to_be_bytes());
        plain.extend_from_slice(body);
        let zone = self.book.zone().clone();
        self.send_sealed(&zone, address, &plain);
    }

    fn send_nonce(&mut self, kind: u8, to: NodeId, address: SocketAddr, nonce: u64, about: NodeId) {
        let zone = self.book.record(to).map(|record| record.body.zone.clone());
        let zone = zone.unwrap_or_else(|| self.book.zone().clone());
        self.send_sealed(&zone, address, &nonce_bytes(kind, nonce, about));
    }

    /// Answers with the key by which it was asked.
    fn answer_nonce(
        &mut self,
        kind: u8,
        to: SocketAddr,
        nonce: u64,
        about: NodeId,
        zone: Option<&Zone>,
    ) {
        let zone = zone.unwrap_or(self.book.zone()).clone();
        self.send_sealed(&zone, to, &nonce_bytes(kind, nonce, about));
    }

    /// Sends to a node of a zone: below it is sealed with that zone's key, else with the own.
    fn send_sealed(&mut self, zone: &Zone, to: SocketAddr, plain: &[u8]) {
        let below = self.book.relation(zone) == Relation::Below && self.rings.contains_key(zone);
        let zone = if below {
            zone.clone()
        } else {
            self.book.zone().clone()
        };
        let open = crate::seal::Ring::default();
        let ring = self.rings.get(&zone).unwrap_or(&open);
        let packet = self.sealer.seal(ring, &zone, plain);
        self.figures.sent.0 += 1;
        self.figures.sent.1 += packet.len() as u64;
        self.outputs.push_back(Output::Send { to, packet });
    }

    pub(super) fn address_of(&self, id: NodeId) -> Option<SocketAddr> {
        let known = self.swim.members().get(&id);
        let record = self.book.record(id);
        known
            .map(|known| known.identity.address)
            .or_else(|| record.map(|record| record.body.address))
    }
}

fn nonce_bytes(kind: u8, nonce: u64, about: NodeId) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.byte(kind);
    writer.raw(&nonce.to_be_bytes());
    writer.node(about);
    writer.into_bytes()
}
