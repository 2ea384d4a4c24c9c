//! The one question: what would be right to tell a handler of a problem now, and why?
//!
//! Nothing is changed here. The same answer decides what is sent and is what people are told when
//! they ask why.

use std::fmt;
use std::sync::Arc;

use model::{CheckState, WallTime, limits};
use packs::handler::{Event, Handler};

use super::clock::after;
use super::kept::{Problem, Thing, Told};
use super::mutes::Ready;
use super::nodes::is_node;
use super::notice::Occasion;
use super::problems::takes;
use super::{Alerts, Here};
use crate::transition::{is_problem, parts_of};

/// What is right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Tell it.
    Tell(Occasion),
    /// Ask again then.
    Wait { until: WallTime, why: String },
    /// Say nothing until something else happens.
    Silent(String),
}

impl Verdict {
    /// Says nothing until a time, or until something else happens.
    pub(super) fn until(until: Option<WallTime>, why: String) -> Self {
        match until {
            Some(until) => Self::Wait { until, why },
            None => Self::Silent(why),
        }
    }

    /// Tells whether somebody must still hear of it.
    pub(super) fn is_owed(&self) -> bool {
        match self {
            Self::Tell(_) | Self::Wait { .. } => true,
            Self::Silent(_) => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tell(occasion) => write!(f, "tell it ({})", occasion.as_str()),
            Self::Wait { until, why } => write!(f, "wait until {until}: {why}"),
            Self::Silent(why) => f.write_str(why),
        }
    }
}

pub(super) fn silent(why: impl Into<String>) -> Verdict {
    Verdict::Silent(why.into())
}

impl Alerts {
    /// Answers for one problem and one handler.
    pub(super) fn judge(&self, problem: &Problem, handler: &Handler, wall: WallTime) -> Verdict {
        if let Err(why) = is_on(handler, &self.here) {
            return silent(why);
        }
        if let Some(why) = self.not_here(problem, handler) {
            return silent(why);
        }
        if !is_problem(problem.state) {
            return self.judge_end(problem, handler, wall);
        }
        let told = told_of(problem, handler);
        let occasion = match self.reason(problem, handler, told, wall) {
            Ok(occasion) => occasion,
            Err(verdict) => return verdict,
        };
        if let Some(verdict) = self.quiet(problem, handler, wall) {
            return verdict;
        }
        let ready = after(problem.changed, handler.pace.delay);
        if told.is_none() && ready > wall {
            let why = "it must last that long (`delay`)".to_owned();
            return Verdict::Wait { until: ready, why };
        }
        let held = after(problem.held_from, limits::ALERT_PARENT_GRACE);
        if told.is_none() && !problem.thing.depends_on.is_empty() && held > wall {
            let why = "what it depends on may be the cause (`depends_on`)".to_owned();
            return Verdict::Wait { until: held, why };
        }
        self.in_hours(handler, wall, Verdict::Tell(occasion))
    }

    /// Why another node tells this handler of a node.
    fn not_here(&self, problem: &Problem, handler: &Handler) -> Option<String> {
        if !is_node(&problem.thing) {
            return None;
        }
        let Some(view) = &self.cluster else {
            return Some("the cluster is not known yet".to_owned());
        };
        let teller = view.teller(&problem.thing.zone, &handler.id)?;
        Some(format!("{teller} tells of it"))
    }

    /// Whether its end is told, and to this one.
    fn judge_end(&self, problem: &Problem, handler: &Handler, wall: WallTime) -> Verdict {
        let Some(told) = problem.told.get(&*handler.id) else {
            return silent("it was never told of the problem, so not of its end");
        };
        if !is_problem(told.state) {
            return silent(told_words(told));
        }
        if !handler.tells_recovery {
            return silent("it does not tell of the end of problems (`recovery: false`)");
        }
        if !handler.route.states.contains(&CheckState::Ok) {
            return silent("`states` has no ok");
        }
        let stays_until = after(problem.changed, limits::ALERT_DELIVERY_AGE_MAX);
        if problem.is_flapping && stays_until > wall {
            let why = "it changes too often; the end is told when it stays".to_owned();
            return Verdict::Wait {
                until: stays_until,
                why,
            };
        }
        self.in_hours(handler, wall, Verdict::Tell(Occasion::Recovery))
    }

    /// Why this handler should hear of a problem at all, now.
    pub(super) fn reason(
        &self,
        problem: &Problem,
        handler: &Handler,
        told: Option<&Told>,
        wall: WallTime,
    ) -> Result<Occasion, Verdict> {
        let routed = takes(handler, Event::Check, Some(problem.state), &problem.thing);
        let Some(told) = told else {
            return match (handler.is_direct, routed) {
                (true, Ok(())) => Ok(Occasion::Problem),
                (true, Err(why)) => self.escalated(problem, handler, wall, &why),
                (false, _) => {
                    let why = "it gets only what others escalate (`direct: false`)";
                    self.escalated(problem, handler, wall, why)
                }
            };
        };
        if problem.is_flapping {
            return match told.is_flapping {
                true => Err(silent("it changes too often, which was told")),
                false => Ok(Occasion::Flapping),
            };
        }
        if told.state != problem.state {
            return match routed {
                Err(why) if handler.is_direct => Err(silent(why)),
                Ok(()) | Err(_) => Ok(Occasion::Problem),
            };
        }
        let Some(repeat) = handler.pace.repeat else {
            return Err(silent(told_words(told)));
        };
        let due = after(told.last, repeat);
        match due <= wall {
            true => Ok(Occasion::Reminder),
            false => Err(Verdict::Wait {
                until: due,
                why: format!("{}; then it is told again (`repeat`)", told_words(told)),
            }),
        }
    }

    /// Whether another handler hands the problem on to this one.
    fn escalated(
        &self,
        problem: &Problem,
        handler: &Handler,
        wall: WallTime,
        otherwise: &str,
    ) -> Result<Occasion, Verdict> {
        let mut next: Option<(WallTime, &Arc<str>)> = None;
        for other in self.handlers.values() {
            let Some(told) = told_of(problem, other) else {
                continue;
            };
            for step in other
                .escalate
                .iter()
                .filter(|step| step.to.contains(&handler.id))
            {
                let due = after(told.first, step.after);
                if due <= wall {
                    return Ok(Occasion::Escalation);
                }
                if next.is_none_or(|(at, _)| due < at) {
                    next = Some((due, &other.id));
                }
            }
        }
        Err(match next {
            Some((until, by)) => Verdict::Wait {
                until,
                why: format!("then {by} hands it on (`escalate`)"),
            },
            None => silent(otherwise),
        })
    }

    /// What keeps everybody quiet about a problem.
    fn quiet(&self, problem: &Problem, handler: &Handler, wall: WallTime) -> Option<Verdict> {
        if let Some((_, verdict)) = self.cause_for(problem, handler, wall) {
            return Some(verdict);
        }
        let blocked_until = after(problem.changed, limits::ALERT_BLOCKED_MAX);
        if let Some(by) = self.blocked_elsewhere(problem)
            && blocked_until > wall
        {
            return Some(Verdict::Wait {
                until: blocked_until,
                why: format!("it depends on {by}, which was bad when it changed"),
            });
        }
        let (why, until) = self.known(problem, handler, wall)?;
        Some(Verdict::until(until, why))
    }

    /// Why nobody need be told of a problem, and until when: it is planned, or somebody takes care
    /// of it.
    pub(super) fn known(
        &self,
        problem: &Problem,
        handler: &Handler,
        wall: WallTime,
    ) -> Option<(String, Option<WallTime>)> {
        if let Some(mute) = self.mute_of(&problem.thing, &handler.id, wall) {
            return Some((mute.told(), mute.changes_at));
        }
        let acknowledged = problem.acknowledged.as_ref()?;
        let holds = acknowledged.until.is_none_or(|until| until > wall);
        let why = || format!("{} takes care of it", acknowledged.by);
        holds.then(|| (why(), acknowledged.until))
    }

    /// Finds the downtime or silence that covers a thing.
    pub(super) fn mute_of(&self, thing: &Thing, handler: &str, wall: WallTime) -> Option<&Ready> {
        self.mutes
            .values()
            .find(|mute| mute.is_active(wall, &self.time_zone) && mute.covers(thing, handler))
    }

    /// What was bad and is no problem that is known here: a node, a group, a check elsewhere.
    fn blocked_elsewhere<'a>(&self, problem: &'a Problem) -> Option<&'a String> {
        let mut outside = problem.blocked_by.iter().filter(|by| by.contains(':'));
        match &self.cluster {
            // What was down then may be up now.
            Some(view) => outside.find(|by| view.down.contains(*by)),
            None => outside.next(),
        }
    }

    fn in_hours(&self, handler: &Handler, wall: WallTime, verdict: Verdict) -> Verdict {
        let Some(when) = &handler.pace.when else {
            return verdict;
        };
        if when.contains(wall, &self.time_zone) {
            return verdict;
        }
        match when.next_change(wall, &self.time_zone) {
            Some(until) => Verdict::Wait {
                until,
                why: format!("its hours are {when}"),
            },
            None => silent(format!("its hours, {when}, never come")),
        }
    }
}

/// Gives what a handler was told of a problem; none when the last thing was that it is over. The
/// next one begins anew, while others may still have to hear of that end.
pub(super) fn told_of<'a>(problem: &'a Problem, handler: &Handler) -> Option<&'a Told> {
    let told = problem.told.get(&*handler.id);
    told.filter(|told| is_problem(told.state))
}

/// Says what was told last, whether or not it has arrived.
fn told_words(told: &Told) -> String {
    match told.notice {
        0 => format!("told {}", told.last),
        notice => format!("notice n{notice} of {} says so", told.last),
    }
}

/// Tells whether a handler sends from this node, or why not.
pub(super) fn is_on(handler: &Handler, here: &Here) -> Result<(), String> {
    if !handler.enabled {
        return Err("it is off (`enabled: false`)".to_owned());
    }
    match handler.if_group.why_not(&here.groups) {
        Some(why) => Err(format!("it sends from other nodes (`if_group`): {why}")),
        None => Ok(()),
    }
}

/// Tells whether `depends_on` of a check of a pack means a check, or one of its things.
pub(super) fn names(depends_on: &str, pack: &str, full_name: &str) -> bool {
    let (name, _) = parts_of(full_name);
    depends_on == name || (name.split_once('/') == Some((pack, depends_on)))
}

/// Says how bad a state is.
pub(super) fn weight(state: CheckState) -> u8 {
    match state {
        CheckState::Ok | CheckState::Pending => 0,
        CheckState::Unknown => 1,
        CheckState::Warning => 2,
        CheckState::Critical => 3,
    }
}
