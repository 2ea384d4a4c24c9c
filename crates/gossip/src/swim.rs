//! Who lives in the own zone: SWIM with suspicion. The engine is foca; what it lacks is around it.
//!
//! Foca holds the members and their states, probes them, directly and by relays, lets what changed
//! ride on its packets, refutes what is said of this node, and renews it when it was called dead.
//!
//! Ours is the rest. Each node gives each suspect time by its own clock: that others call a member
//! dead is an accusation too, never a verdict. A suspect is told so directly until its time is
//! over, and one that is heard meanwhile gets more. A node that misses its own deadlines, or whose
//! probes all fail, doubts itself first and waits longer. What strangers say about this node, about
//! the forgotten and about cloned machines never reaches foca. What is told beside the members
//! rides on the same packets, in an order of our own.

mod broadcasts;
mod effect;
mod hands;
mod identity;
mod judge;
mod known;
mod own_words;
mod pace;
pub(crate) mod packet;
mod pause;
mod suspects;
#[cfg(test)]
mod tests;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use foca::{Foca, Header, Member, Message, NoCustomBroadcast, State, Timer};
use model::{MemberState, Moment, NodeId, limits};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

pub use broadcasts::Subject;
pub use effect::{Dropped, Effect};
pub use identity::{Accused, Epoch, Identity};
pub use known::Known;
use known::Moves;

use crate::config::Timing;
use crate::wire::Malformed;
use broadcasts::{Broadcasts, Heard};
use hands::Hands;
use pace::Pace;
use packet::Codec;
use suspects::Suspects;

/// How often news is sent on while there is some. Three members get it each time, so it reaches a
/// hundred in four turns.
const GOSSIP_EVERY: Duration = Duration::from_millis(200);
/// How many relays are asked, and how many members get news in one turn.
const FAN_OUT: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Probes that got no answer, of any kind.
    pub probes_failed: u64,
    /// Suspicions of this node that it refuted.
    pub refuted: u64,
    /// What foca refused to do.
    pub errors: u64,
}

/// The members of the own zone.
pub struct Swim {
    foca: Foca<Identity, Codec, SmallRng, NoCustomBroadcast>,
    config: foca::Config,
    rng: SmallRng,
    pace: Pace,
    members: BTreeMap<NodeId, Known>,
    moves: BTreeMap<NodeId, Moves>,
    suspects: Suspects,
    broadcasts: Broadcasts,
    /// What changed of members, to be sent on.
    rumours: Broadcasts,
    /// What others told beside the members.
    heard: Heard,
    /// Whether what changes of members is sent on.
    spreads: bool,
    /// Timers of foca. There are never more than a few.
    timers: Vec<(Moment, Timer<Identity>)>,
    /// The last probes, the newest first: number, whom, when, answered.
    probes: VecDeque<Probe>,
    incarnation: u16,
    gossiped: Option<Moment>,
    gossip_at: Option<Moment>,
    left: bool,
    /// Who is to blame for what foca is told now.
    blamed: BTreeMap<NodeId, NodeId>,
    effects: VecDeque<Effect>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    number: u8,
    target: Identity,
    sent: Moment,
    answered: bool,
}

impl Swim {
    /// Begins alone.
    pub fn new(own: Identity, timing: Timing, seed: u64) -> Self {
        let config = config(&timing);
        let codec = Codec { own: own.id };
        let mut rng = SmallRng::seed_from_u64(seed);
        let foca_rng = SmallRng::seed_from_u64(rng.random());
        Self {
            foca: Foca::new(own, config.clone(), foca_rng, codec),
            config,
            rng,
            pace: Pace::new(timing),
            members: BTreeMap::new(),
            moves: BTreeMap::new(),
            suspects: Suspects::default(),
            broadcasts: Broadcasts::default(),
            rumours: Broadcasts::default(),
            heard: Heard::default(),
            spreads: false,
            timers: Vec::new(),
            probes: VecDeque::new(),
            incarnation: 0,
            gossiped: None,
            gossip_at: None,
            left: false,
            blamed: BTreeMap::new(),
            effects: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Gives who this node is now.
    pub fn own(&self) -> &Identity {
        self.foca.identity()
    }

    /// Gives the members by id. This node is not among them.
    pub fn members(&self) -> &BTreeMap<NodeId, Known> {
        &self.members
    }

    /// Gives how many members live or are suspected.
    pub fn living(&self) -> usize {
        self.foca.num_members()
    }

    /// Gives what was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Gives how much this node doubts itself.
    pub fn doubt(&self) -> u32 {
        self.pace.doubt()
    }

    /// Gives how much waits to be sent on.
    pub fn backlog(&self) -> usize {
        self.foca.updates_backlog() + self.rumours.len() + self.broadcasts.len()
    }

    /// Gives the next thing to do or know.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Gives when [`Swim::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let timers = self.timers.iter().map(|(at, _)| *at);
        let others = self.suspects.next_end().into_iter().chain(self.gossip_at);
        timers.chain(others).min()
    }

    /// Takes a body that a sender of this id and so many starts sent. `forgotten` tells of an id
    /// and its starts whether it is to stay unknown.
    pub fn packet(
        &mut self,
        now: Moment,
        sender: (NodeId, u64),
        body: &[u8],
        forgotten: &dyn Fn(NodeId, u64) -> bool,
    ) -> Result<(), Dropped> {
        if self.left {
            return Ok(());
        }
        self.notice_pause(now);
        let packet = packet::read(sender, self.foca.identity(), body)
            .map_err(|_: Malformed| Dropped::Malformed)?
            .ok_or(Dropped::Foreign)?;
        if forgotten(sender.0, sender.1) {
            return Err(Dropped::Forgotten);
        }
        let header = &packet.header;
        self.admit(now, header)?;
        self.hear(now, header);
        let accused = self.accuses_me(&packet.updates);
        if self.listens_to(&header.src) {
            let alive = Member::new(header.src, header.src_incarnation, State::Alive);
            let said = std::iter::once(alive).chain(packet.updates);
            self.learn_now(now, said, true, forgotten);
        }
        let for_this_life = header.dst.epoch == self.own().epoch;
        if for_this_life || header.message == Message::Announce {
            let handed = packet::hand_over(header);
            self.drive(now, |foca, hands| {
                foca.handle_data(&handed, &mut *hands)?;
                foca.apply_many(std::iter::empty(), true, hands)
            });
            self.take_answer(now, header);
        }
        let suspected = self.suspects.get(header.src.id).is_some();
        if suspected {
            self.tell_suspect(header.src.id);
        } else if accused || !for_this_life {
            // The header alone tells this life of this node, and its incarnation.
            self.send_own(header.src, &[]);
        }
        for bytes in packet.told {
            self.effects.push_back(Effect::Told {
                by: sender.0,
                bytes: bytes.to_owned(),
            });
        }
        self.settle(now);
        Ok(())
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Moment) {
        if self.left {
            return;
        }
        self.notice_pause(now);
        if let Some(deadline) = self.next_deadline() {
            self.pace.woken(now.since(deadline));
        }
        while let Some(timer) = self.due_timer(now) {
            self.fire(now, timer);
        }
        while let Some(id) = self.suspects.due(now) {
            self.judge(now, id);
        }
        if self.gossip_at.is_some_and(|at| at <= now) {
            self.gossip(now);
        }
        self.settle(now);
    }

    /// Learns what another node knows of members. With `spread` it is sent on.
    pub fn learn(
        &mut self,
        now: Moment,
        said: impl IntoIterator<Item = Member<Identity>>,
        spread: bool,
        forgotten: &dyn Fn(NodeId, u64) -> bool,
    ) {
        if !self.left {
            self.notice_pause(now);
            self.learn_now(now, said, spread, forgotten);
            self.settle(now);
        }
    }

    /// Tries to reach a node that is dead or not known here. When it answers it is a member again.
    pub fn contact(&mut self, now: Moment, to: Identity) {
        if !self.left {
            // An answer comes from a node of any life, and one of another life tells that it is.
            self.send_message(to, Message::Ping(0), &[]);
            self.settle(now);
        }
    }

    /// Takes it as said that a node left, in this life or an earlier one.
    pub fn take_leave(&mut self, now: Moment, id: NodeId, starts: u64) {
        let Some(known) = self.members.get(&id) else {
            return;
        };
        if known.identity.epoch.starts() <= starts && known.state != MemberState::Leave {
            let accused = Some(Accused {
                by: id,
                incarnation: known.incarnation,
            });
            let identity = Identity {
                accused,
                ..known.identity
            };
            let left = Member::new(identity, known.incarnation, State::Down);
            self.apply(now, vec![left], true, BTreeMap::from([(id, id)]));
            self.settle(now);
        }
    }

    /// Forgets a dead member.
    pub fn forget(&mut self, now: Moment, id: NodeId) {
        let Some(known) = self.members.get(&id).copied() else {
            return;
        };
        if matches!(known.state, MemberState::Dead | MemberState::Leave) {
            let timer = Timer::RemoveDown(known.identity);
            self.drive(now, |foca, hands| foca.handle_timer(timer, hands));
            self.members.remove(&id);
            self.moves.remove(&id);
            self.suspects.end(id);
            self.settle(now);
        }
    }

    /// Leaves: says and hears nothing more, but for farewells.
    pub fn leave(&mut self) {
        self.left = true;
        self.timers.clear();
        self.suspects = Suspects::default();
        self.gossip_at = None;
    }

    /// Begins another life of this node, at an address and after so many starts: after a change of
    /// address, after leaving, or when others remember more starts than this node.
    pub fn begin_anew(&mut self, now: Moment, starts: u64, address: SocketAddr) {
        let own = *self.own();
        let next = own.epoch.renewed();
        let epoch = next
            .filter(|next| next.starts() >= starts)
            .unwrap_or(Epoch::new(starts.max(own.epoch.starts() + 1), 0));
        let identity = Identity {
            epoch,
            address,
            accused: None,
            ..own
        };
        self.left = false;
        self.incarnation = 0;
        self.drive(now, |foca, hands| {
            foca.change_identity(identity, &mut *hands)?;
            foca.apply_many(std::iter::empty(), true, hands)
        });
        self.settle(now);
    }

    /// Forgets all members and begins another life: this node goes to another zone.
    pub fn begin_alone(&mut self, starts: u64) {
        let timing = self.pace.timing().clone();
        let mut own = *self.own();
        own.epoch = own.epoch.renewed().unwrap_or(Epoch::new(starts + 1, 0));
        let seed = self.rng.random();
        let counts = self.counts;
        *self = Self::new(own, timing, seed);
        self.counts = counts;
    }

    /// Lets foca do something, and takes in hand what it wants done.
    fn drive(
        &mut self,
        now: Moment,
        act: impl FnOnce(
            &mut Foca<Identity, Codec, SmallRng, NoCustomBroadcast>,
            &mut Hands,
        ) -> Result<(), foca::Error>,
    ) {
        let mut hands = Hands::default();
        if act(&mut self.foca, &mut hands).is_err() {
            self.counts.errors += 1;
        }
        if let Some(incarnation) = hands.incarnation {
            if incarnation > self.incarnation {
                self.counts.refuted += 1;
                self.pace.suspected(now);
            }
            self.incarnation = incarnation;
        }
        for (timer, _) in hands.timers {
            self.set_timer(now, timer);
        }
        if let Some((number, target)) = hands.probe {
            self.probes.truncate(3);
            self.probes.push_front(Probe {
                number,
                target,
                sent: now,
                answered: false,
            });
        }
        for mut packet in hands.packets {
            if let Some(count_at) = packet.count_at {
                let max = limits::GOSSIP_BODY_BYTES_MAX;
                let as_is = |body: &mut Vec<u8>, bytes: &[u8]| body.extend_from_slice(bytes);
                let more = self.rumours.fill(&mut packet.body, max, as_is);
                packet::raise_count(&mut packet.body, count_at, more);
                self.broadcasts
                    .fill(&mut packet.body, max, packet::write_told);
            }
            self.send(packet.to, packet.body);
        }
        if let Some(failed) = hands.failed {
            self.counts.probes_failed += 1;
            self.blamed.insert(failed, self.own().id);
        }
        self.refresh(now, hands.touched);
        if let Some(failed) = hands.failed {
            self.blamed.remove(&failed);
        }
    }

    fn set_timer(&mut self, now: Moment, timer: Timer<Identity>) {
        // Nodes that started together shall not go on in step: a death between two steps would be
        // noticed late by all.
        let first = self.probes.is_empty();
        let jitter = self
            .rng
            .random_range(if first { 200..1_000 } else { 950..1_050 });
        match timer {
            Timer::SendIndirectProbe { .. } => {
                self.timers.push((now + self.pace.answer(), timer));
            }
            Timer::ProbeRandomMember(_) => {
                let round = self.pace.round() * jitter / 1_000;
                self.timers.push((now + round, timer));
            }
            // How long suspects have is decided here, and none of the others is switched on.
            Timer::ChangeSuspectToDown { .. }
            | Timer::PeriodicAnnounce(_)
            | Timer::PeriodicAnnounceDown(_)
            | Timer::PeriodicGossip(_)
            | Timer::RemoveDown(_) => {}
        }
    }

    /// Takes the timer that is due, in foca's order when two are due at once.
    fn due_timer(&mut self, now: Moment) -> Option<Timer<Identity>> {
        let due = |(_, (at, _)): &(usize, &(Moment, Timer<Identity>))| *at <= now;
        let timers = self.timers.iter().enumerate().filter(due);
        let (first, _) = timers.min_by(|(_, left), (_, right)| left.cmp(right))?;
        Some(self.timers.remove(first).1)
    }

    fn fire(&mut self, now: Moment, timer: Timer<Identity>) {
        if matches!(timer, Timer::ProbeRandomMember(_))
            && let Some(last) = self.probes.front()
            && let Some(known) = self.members.get(&last.target.id)
        {
            match known.state {
                MemberState::Alive => self.pace.probed(last.answered),
                MemberState::Suspect => self.pace.probed_suspect(last.answered),
                MemberState::Dead | MemberState::Leave => {}
            }
        }
        self.drive(now, |foca, hands| foca.handle_timer(timer, hands));
    }

    /// Takes note of an answer to a probe of this node.
    fn take_answer(&mut self, now: Moment, header: &Header<Identity>) {
        let (number, direct) = match header.message {
            Message::Ack(number) => (number, true),
            Message::ForwardedAck { probe_number, .. } => (probe_number, false),
            _ => return,
        };
        let newest = self.probes.front().map(|probe| probe.number);
        let mut probes = self.probes.iter_mut();
        let about = probes
            .find(|probe| probe.number == number && (!direct || probe.target.id == header.src.id));
        let Some(probe) = about else {
            return;
        };
        if direct && !probe.answered {
            self.pace.measured(now.since(probe.sent));
        }
        probe.answered = true;
        if newest == Some(number) {
            // Foca wants to see this timer. Now that there is an answer it does nothing, and that
            // saves being woken for it.
            self.fire_relays(now);
        }
    }

    fn fire_relays(&mut self, now: Moment) {
        let is_relays = |timer: &Timer<_>| matches!(timer, Timer::SendIndirectProbe { .. });
        while let Some(at) = self.timers.iter().position(|(_, timer)| is_relays(timer)) {
            let (_, timer) = self.timers.remove(at);
            self.drive(now, |foca, hands| foca.handle_timer(timer, hands));
        }
    }

    fn gossip(&mut self, now: Moment) {
        self.gossip_at = None;
        self.gossiped = Some(now);
        if self.backlog() > 0 {
            self.drive(now, |foca, hands| foca.gossip(hands));
        }
        let told = self
            .suspects
            .told(now)
            .take(limits::GOSSIP_TOLD_SUSPECTS_MAX);
        for id in told.collect::<Vec<_>>() {
            self.tell_suspect(id);
        }
    }

    /// Sets what follows from all that happened: the next gossip, and how often news is told.
    fn settle(&mut self, now: Moment) {
        let news = self.backlog() > 0 && self.living() > 0;
        let wanted = if news {
            Some(now)
        } else {
            self.suspects.next_told(now)
        };
        self.gossip_at = wanted.filter(|_| !self.left).map(|wanted| {
            let earliest = self.gossiped.map_or(now, |at| at + GOSSIP_EVERY);
            let at = earliest.max(wanted);
            self.gossip_at.map_or(at, |planned| planned.min(at))
        });
        let times = pace::transmissions(self.living());
        if self.config.max_transmissions.get() != times {
            self.config.max_transmissions = NonZeroU8::new(times).unwrap_or(NonZeroU8::MIN);
            if self.foca.set_config(self.config.clone()).is_err() {
                self.counts.errors += 1;
            }
        }
    }
}

fn config(timing: &Timing) -> foca::Config {
    foca::Config {
        probe_period: timing.probe_every,
        probe_rtt: timing.probe_answer,
        num_indirect_probes: FAN_OUT,
        max_transmissions: NonZeroU8::new(pace::transmissions(0)).unwrap_or(NonZeroU8::MIN),
        suspect_to_down_after: timing.suspicion,
        remove_down_after: None,
        max_packet_size: NonZeroUsize::new(limits::GOSSIP_BODY_BYTES_MAX)
            .expect("the limit is not zero"),
        notify_down_members: true,
        periodic_announce: None,
        periodic_announce_to_down_members: None,
        periodic_gossip: None,
    }
}
