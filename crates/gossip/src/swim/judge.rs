//! What of all that is said may reach foca, and what follows from what foca made of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use foca::{Header, Member, State};
use model::{MemberState, Moment, NodeId, limits};

use super::identity::{Accused, Epoch, Identity};
use super::{Dropped, Effect, Known, Subject, Swim, pace, packet};
use crate::wire::Writer;

/// How long an address that a member moved away from may not be its own again: one that comes
/// back sooner is a second machine with the same id.
const MOVED_FOR: Duration = Duration::from_secs(60);
/// How long a second machine is not listened to after it was last noticed.
const CLONED_FOR: Duration = Duration::from_secs(60);

/// What becomes of a statement.
enum Verdict {
    /// It is of no use.
    Drop,
    /// Foca gets it.
    Take(Member<Identity>),
    /// Foca gets it, and the suspect has little time: others gave it its time already.
    Confirm(Member<Identity>),
}

impl Swim {
    /// Decides whether a sender is listened to.
    pub(super) fn admit(&mut self, now: Moment, header: &Header<Identity>) -> Result<(), Dropped> {
        let src = &header.src;
        let Some(known) = self.members.get(&src.id) else {
            let full = self.members.len() >= limits::MEMBERS_MAX;
            return if full { Err(Dropped::Full) } else { Ok(()) };
        };
        let known_epoch = known.identity.epoch;
        if self.notice_clone(now, src.id, src.epoch, src.address) {
            return Err(Dropped::Cloned);
        }
        if src.epoch < known_epoch {
            return Err(Dropped::Stale);
        }
        Ok(())
    }

    /// Takes note that a sender was heard.
    pub(super) fn hear(&mut self, now: Moment, header: &Header<Identity>) {
        if let Some(known) = self.members.get_mut(&header.src.id) {
            known.heard = now;
        }
    }

    /// Tells whether what a sender says of others counts: not while it is dead, for then it does
    /// not know what happened since.
    pub(super) fn listens_to(&self, sender: &Identity) -> bool {
        self.members
            .get(&sender.id)
            .is_none_or(|known| known.is_active() || known.identity.epoch < sender.epoch)
    }

    /// Tells whether one of these statements is that this node does not live.
    pub(super) fn accuses_me(&self, said: &[Member<Identity>]) -> bool {
        let own = self.own();
        said.iter()
            .any(|member| member.id() == own && member.state() != State::Alive)
    }

    /// Gives foca what is new and sound of what was said.
    pub(super) fn learn_now(
        &mut self,
        now: Moment,
        said: impl IntoIterator<Item = Member<Identity>>,
        spread: bool,
        forgotten: &dyn Fn(NodeId, u64) -> bool,
    ) {
        let mut sound = Vec::new();
        let mut blamed = BTreeMap::new();
        let mut hastened = Vec::new();
        for member in said {
            if forgotten(member.id().id, member.id().epoch.starts()) {
                continue;
            }
            let (member, confirmed) = match self.weigh(now, member) {
                Verdict::Drop => continue,
                Verdict::Take(member) => (member, false),
                Verdict::Confirm(member) => (member, true),
            };
            if let Some(accused) = member.id().accused {
                blamed.entry(member.id().id).or_insert(accused.by);
            }
            if confirmed {
                hastened.push(member.id().id);
            }
            sound.push(member);
        }
        if !sound.is_empty() {
            self.apply(now, sound, spread, blamed);
        }
        let soon = now + self.pace.suspicion_confirmed(self.living());
        for id in hastened {
            self.suspects.hasten(id, soon);
        }
    }

    /// Gives foca statements, and takes note of what became of them.
    pub(super) fn apply(
        &mut self,
        now: Moment,
        said: Vec<Member<Identity>>,
        spread: bool,
        blamed: BTreeMap<NodeId, NodeId>,
    ) {
        let touched = said.iter().map(|member| member.id().id).collect();
        self.blamed = blamed;
        self.spreads = spread;
        self.drive(now, |foca, hands| {
            foca.apply_many(said.into_iter(), false, hands)
        });
        self.refresh(now, touched);
        self.blamed = BTreeMap::new();
        self.spreads = false;
    }

    /// Decides about a suspect whose time is over.
    pub(super) fn judge(&mut self, now: Moment, id: NodeId) {
        let since = self.suspects.get(id).map(|suspect| suspect.since);
        let Some((known, since)) = self.members.get(&id).copied().zip(since) else {
            self.suspects.end(id);
            return;
        };
        let time = self.pace.suspicion(self.living());
        if known.heard > since && self.suspects.respite(id, now, time) {
            self.tell_suspect(id);
            return;
        }
        self.suspects.end(id);
        let by = known.accuser.unwrap_or(self.own().id);
        let accused = Some(Accused {
            by,
            incarnation: known.incarnation,
        });
        let identity = Identity {
            accused,
            ..known.identity
        };
        let down = Member::new(identity, known.incarnation, State::Down);
        self.apply(now, vec![down], true, BTreeMap::new());
    }

    /// Takes over from foca how these members are.
    pub(super) fn refresh(&mut self, now: Moment, mut touched: Vec<NodeId>) {
        if touched.is_empty() {
            return;
        }
        touched.sort_unstable();
        touched.dedup();
        let mut found = Vec::new();
        for member in self.foca.iter_membership_state() {
            if touched.binary_search(&member.id().id).is_ok() {
                found.push(member.clone());
                if found.len() == touched.len() {
                    break;
                }
            }
        }
        // By id, because foca holds them in an order of chance.
        found.sort_unstable_by_key(|member| member.id().id);
        for member in found {
            self.note(now, &member);
        }
    }

    fn note(&mut self, now: Moment, member: &Member<Identity>) {
        let id = member.id().id;
        let blamed = self.blamed.get(&id).copied();
        let old = self.members.get(&id).copied();
        let same_life = old.filter(|old| old.identity.epoch == member.id().epoch);
        // Who accused first is remembered from suspect to dead.
        let first = same_life
            .filter(|old| old.state != MemberState::Alive)
            .and_then(|old| old.accuser);
        let by = first
            .or(blamed)
            .or_else(|| same_life.and_then(|old| old.accuser));
        let (state, accuser) = match member.state() {
            State::Alive => (MemberState::Alive, None),
            State::Suspect => (MemberState::Suspect, by),
            State::Down if blamed == Some(id) => (MemberState::Leave, Some(id)),
            State::Down => (MemberState::Dead, by),
        };
        let unchanged = same_life
            .is_some_and(|old| old.state == state && old.incarnation == member.incarnation());
        if unchanged {
            return;
        }
        let was_gone = same_life.is_some_and(|old| !old.is_active());
        if was_gone && state != MemberState::Leave {
            // Foca's dead stay dead for that life.
            return;
        }
        let moved = old.filter(|old| old.identity.address != member.id().address);
        if let Some(old) = moved.filter(Known::is_active) {
            self.moves.entry(id).or_default().from = Some((old.identity.address, now));
        }
        let heard = match (state, old) {
            (MemberState::Alive, _) | (_, None) => now,
            (_, Some(old)) => old.heard,
        };
        let known = Known {
            identity: *member.id(),
            incarnation: member.incarnation(),
            state,
            accuser,
            heard,
        };
        self.members.insert(id, known);
        if self.spreads {
            self.send_on(&known);
        }
        if state == MemberState::Suspect {
            let mine = accuser == Some(self.own().id);
            let time = self.pace.suspicion(self.living());
            self.suspects.begin(id, now, time, mine);
        } else {
            self.suspects.end(id);
        }
        let from = old.map(|old| old.state);
        if from != Some(state) {
            self.effects.push_back(Effect::Changed {
                id,
                from,
                to: state,
                accuser,
            });
        }
    }

    /// Has others told what changed of a member.
    fn send_on(&mut self, known: &Known) {
        let mut said = *known;
        if said.state != MemberState::Alive {
            said.accuser.get_or_insert(self.own().id);
        }
        let mut writer = Writer::new();
        packet::write_member(&mut writer, &said.statement());
        let times = pace::transmissions(self.living());
        let subject = subject(known.identity.id);
        self.rumours.add(subject, writer.into_bytes(), times.into());
    }

    fn weigh(&mut self, now: Moment, member: Member<Identity>) -> Verdict {
        let id = *member.id();
        if id.id == self.own().id {
            return self.weigh_own(member);
        }
        let Some(known) = self.members.get(&id.id).copied() else {
            let full = self.members.len() >= limits::MEMBERS_MAX;
            return if full {
                Verdict::Drop
            } else {
                Verdict::Take(member)
            };
        };
        if self.notice_clone(now, id.id, id.epoch, id.address) || id.epoch < known.identity.epoch {
            return Verdict::Drop;
        }
        let same_life = id.epoch == known.identity.epoch;
        let left = id.accused.is_some_and(|accused| accused.by == id.id);
        match member.state() {
            State::Down if same_life && !known.is_active() => Verdict::Drop,
            State::Down if left => Verdict::Take(member),
            State::Down => self.weigh_down(now, member, &known),
            State::Alive | State::Suspect => {
                let newer = member.incarnation() > known.incarnation;
                let worse = member.state() == State::Suspect
                    && known.state == MemberState::Alive
                    && member.incarnation() == known.incarnation;
                let gone = same_life && !known.is_active();
                if same_life && (gone || !newer && !worse) {
                    self.rumours.lessen(subject(id.id), None);
                    Verdict::Drop
                } else {
                    Verdict::Take(member)
                }
            }
        }
    }

    /// Others call a member dead. It may have refuted meanwhile; so it is suspected, or, when it
    /// had half of its time here, dead.
    fn weigh_down(&self, now: Moment, member: Member<Identity>, known: &Known) -> Verdict {
        let id = *member.id();
        let same_life = id.epoch == known.identity.epoch;
        if same_life && member.incarnation() < known.incarnation {
            return Verdict::Drop;
        }
        if same_life
            && member.incarnation() == known.incarnation
            && let Some(suspect) = self.suspects.get(id.id)
        {
            let half = self.pace.suspicion(self.living()) / 2;
            if now.since(suspect.since) >= half && known.heard <= suspect.since {
                return Verdict::Take(member);
            }
        }
        let incarnation = member.incarnation();
        Verdict::Confirm(Member::new(id, incarnation, State::Suspect))
    }

    /// What others say of this node: it refutes what is about this life of it. Of an earlier life
    /// all may be said, and a second machine with its id is none of its lives.
    fn weigh_own(&mut self, member: Member<Identity>) -> Verdict {
        let own = *self.own();
        let id = *member.id();
        if id == own {
            return match member.state() {
                State::Alive => Verdict::Drop,
                State::Suspect | State::Down => {
                    let incarnation = member.incarnation();
                    Verdict::Take(Member::new(own, incarnation, State::Suspect))
                }
            };
        }
        if id.epoch >= own.epoch && id.address != own.address {
            if member.state() != State::Down {
                let at = [own.address, id.address];
                self.effects.push_back(Effect::Cloned { id: id.id, at });
            }
        } else if id.epoch > own.epoch {
            let starts = id.epoch.starts();
            self.effects.push_back(Effect::Outrun { starts });
        }
        Verdict::Drop
    }

    /// Tells whether an id is used at this address by another machine than the known one.
    fn notice_clone(&mut self, now: Moment, id: NodeId, epoch: Epoch, address: SocketAddr) -> bool {
        let Some(known) = self.members.get(&id) else {
            return false;
        };
        let moves = self.moves.get(&id).copied().unwrap_or_default();
        if known.identity.address == address || !known.is_active() {
            return false;
        }
        let lately = |at: &Moment| now.since(*at) < MOVED_FOR;
        let settling = |at: &Moment| now.since(*at) < Duration::from_secs(2);
        let came_back = moves
            .from
            .is_some_and(|(from, at)| from == address && lately(&at) && !settling(&at));
        let banned = moves.cloned_until.is_some_and(|until| now < until);
        let heard_of_both =
            epoch == known.identity.epoch || came_back && epoch > known.identity.epoch;
        if !banned && !heard_of_both {
            return false;
        }
        self.moves.entry(id).or_default().cloned_until = Some(now + CLONED_FOR);
        let at = [known.identity.address, address];
        self.effects.push_back(Effect::Cloned { id, at });
        true
    }
}

/// Gives under what a statement of a member waits to be sent on.
fn subject(id: NodeId) -> Subject {
    Subject {
        kind: 0,
        id: *id.as_bytes(),
    }
}
