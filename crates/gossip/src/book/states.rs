//! How nodes of other zones are: what their proxies told, and how long ago any of them did.

use std::time::Duration;

use model::{MemberState, Moment, NodeId, WallTime, Zone};

use super::{Book, Heard};
use crate::item::{Item, Report, Sighting};
use crate::record::Record;
use crate::zones::Relation;

/// Without a word of a zone for that long, its nodes are suspect.
const SILENCE_SUSPECT: Duration = Duration::from_secs(30);
/// Without a word of a zone for that long, its nodes are dead.
const SILENCE_DEAD: Duration = Duration::from_secs(60);
/// How often it is told to the own zone that another zone was heard of.
const REPORT_EVERY: Duration = Duration::from_secs(4);

/// How a node of another zone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it is.
    pub state: MemberState,
    /// Since when; nothing when it was never otherwise than alive.
    pub since: Option<WallTime>,
    /// Who said so first.
    pub accuser: Option<NodeId>,
    /// The zone next to this one through whose proxies it is known.
    pub through: Zone,
    /// When a proxy of that zone was heard of last.
    pub heard: Moment,
}

impl Book {
    /// Gives the zone next to this one through whose proxies a zone is known; nothing for the own
    /// zone and hidden ones.
    pub fn through(&self, zone: &Zone) -> Option<Zone> {
        match self.relation(zone) {
            Relation::Own | Relation::Hidden => None,
            Relation::Parent => Some(zone.clone()),
            Relation::Below => {
                let mut at = zone;
                while let Some(parent) = self.zones.parent(at) {
                    if parent == self.zone() {
                        return Some(at.clone());
                    }
                    at = parent;
                }
                None
            }
        }
    }

    /// Tells how a node of another zone is; nothing for nodes of this zone.
    pub fn seen(&self, now: Moment, wall: WallTime, id: NodeId) -> Option<Seen> {
        let record = self.record(id)?;
        let through = self.through(&record.body.zone)?;
        let heard = self.heard.get(&through).map_or(now, |heard| heard.at);
        let sighting = self.sightings.get(&id);
        let sighting = sighting.filter(|it| it.starts >= record.version.starts);
        let mut seen = Seen {
            state: sighting.map_or(MemberState::Alive, |it| it.state),
            since: sighting.map(|it| it.since),
            accuser: sighting.and_then(|it| it.accuser),
            through,
            heard,
        };
        let silence = now.since(heard);
        let (limit, state) = if silence >= SILENCE_DEAD {
            (SILENCE_DEAD, MemberState::Dead)
        } else {
            (SILENCE_SUSPECT, MemberState::Suspect)
        };
        // States are ordered from alive to leave.
        if silence >= limit && seen.state < state {
            let ago = u64::try_from((silence - limit).as_millis()).unwrap_or(u64::MAX);
            let since = wall.as_millis().saturating_sub(ago);
            seen.state = state;
            seen.since = Some(WallTime::from_millis(since));
            seen.accuser = Some(self.own);
        }
        if self.has_left(id) {
            seen.state = MemberState::Leave;
        }
        Some(seen)
    }

    /// Takes that this node spoke with a proxy of another zone just now.
    pub fn hear(&mut self, now: Moment, zone: &Zone) {
        if self.through(zone).as_ref() != Some(zone) {
            return;
        }
        let heard = self.heard.entry(zone.clone()).or_insert(Heard {
            count: 0,
            at: now,
            told: None,
        });
        heard.at = now;
        if heard
            .told
            .is_some_and(|told| now.since(told) < REPORT_EVERY)
        {
            return;
        }
        heard.told = Some(now);
        heard.count = heard.count.saturating_add(1);
        let count = heard.count;
        let zone = zone.clone();
        self.spread(Item::Report(Report { zone, count }));
    }

    /// Takes how the nodes of this zone are, to be told to the zone above and, of proxies, to the
    /// zones below. Only proxies need to. Tells whether there is something to say.
    pub fn report(
        &mut self,
        now: Moment,
        wall: WallTime,
        own_zone: impl IntoIterator<Item = (NodeId, MemberState, WallTime, Option<NodeId>)>,
    ) -> bool {
        let mut changed = false;
        for (id, state, since, accuser) in own_zone {
            changed |= self.see(id, state, since, accuser);
        }
        let below: Vec<_> = self.records().map(|record| record.id).collect();
        for id in below {
            let Some(seen) = self.seen(now, wall, id) else {
                continue;
            };
            let known = self
                .sightings
                .get(&id)
                .map_or(MemberState::Alive, |it| it.state);
            if seen.accuser == Some(self.own)
                && known < seen.state
                && seen.state != MemberState::Leave
            {
                changed |= self.see(id, seen.state, seen.since.unwrap_or(wall), seen.accuser);
            }
        }
        changed
    }

    fn see(
        &mut self,
        id: NodeId,
        state: MemberState,
        since: WallTime,
        accuser: Option<NodeId>,
    ) -> bool {
        let Some(starts) = self.record(id).map(|record| record.version.starts) else {
            return false;
        };
        let known = self.sightings.get(&id).filter(|it| it.starts >= starts);
        let count = match known {
            Some(known) if known.state == state => return false,
            Some(known) => known.count.saturating_add(1),
            None => 1,
        };
        let starts = known.map_or(starts, |known| known.starts);
        self.put_sighting(Sighting {
            id,
            starts,
            count,
            state,
            since,
            accuser,
        });
        true
    }

    /// Gives the proxies of a zone that did not leave, by id: those of the zone above are spoken
    /// with in turn.
    pub fn proxies<'a>(&'a self, zone: &'a Zone) -> impl Iterator<Item = &'a Record> {
        let of_zone = self
            .records()
            .filter(move |record| record.body.zone == *zone);
        let proxies = of_zone.filter(|record| record.body.is_proxy && !self.has_left(record.id));
        proxies.map(|record| &**record)
    }
}
