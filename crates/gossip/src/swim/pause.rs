//! What a node does that did not run for a while: it waits anew, and accuses nobody.

use foca::{Header, Message};
use model::Moment;

use super::packet;
use super::{Effect, Swim};

impl Swim {
    /// Begins anew what this node waited for, when it did not run for a while.
    pub(super) fn notice_pause(&mut self, now: Moment) {
        let Some(deadline) = self.next_deadline() else {
            return;
        };
        let late = now.since(deadline);
        if !self.pace.is_pause(late) {
            return;
        }
        self.pace.woken(late);
        self.give_up_probe(now);
        let round = self.pace.round();
        for (at, _) in &mut self.timers {
            *at = now + round;
        }
        let time = self.pace.suspicion(self.living());
        self.suspects.begin_anew(now, time);
        self.gossip_at = self.gossip_at.map(|_| now);
        self.effects.push_back(Effect::Woke);
    }

    /// Lets foca believe that its probe was answered: who slept has nobody to accuse.
    fn give_up_probe(&mut self, now: Moment) {
        let Some(probe) = self.probes.front_mut().filter(|probe| !probe.answered) else {
            return;
        };
        probe.answered = true;
        let probe = *probe;
        let known = self.members.get(&probe.target.id).copied();
        let Some(known) = known.filter(|known| known.is_active()) else {
            return;
        };
        if known.identity == probe.target {
            let answer = packet::hand_over(&Header {
                src: probe.target,
                src_incarnation: known.incarnation,
                dst: *self.own(),
                message: Message::Ack(probe.number),
            });
            self.drive(now, |foca, hands| foca.handle_data(&answer, hands));
            self.fire_relays(now);
        }
    }
}
