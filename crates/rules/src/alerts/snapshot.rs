//! What readers see, and why things are as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::WallTime;
use packs::handler::Handler;

use super::Alerts;
use super::judge;
use super::kept::{Delivery, Mute, Problem, Stage, Thing, Told};
use super::mutes::Ready;
use super::notice::Occasion;
use super::problems;
use crate::transition::is_problem;

/// Everything that people ask for, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub wall: WallTime,
    /// The problems that are open, or whose end was not told to all yet.
    pub problems: Vec<Arc<Problem>>,
    /// For each of these the downtime it is in, and what it is a consequence of.
    pub marks: Vec<Mark>,
    /// Downtimes and silences, and whether each holds now.
    pub mutes: Vec<(Arc<Mute>, bool)>,
    /// Deliveries, the newest first.
    pub deliveries: Vec<Arc<Delivery>>,
    /// The handlers.
    pub handlers: Vec<HandlerState>,
    /// Problems and events that were not taken, because there were too many.
    pub refused: u64,
}

/// What silences a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The downtime that it is in.
    pub downtime: Option<String>,
    /// The problem that it is a consequence of.
    pub cause: Option<String>,
    /// For each handler that was to be told whether it was.
    pub reached: BTreeMap<String, Reached>,
}

/// What became of the last notice that a handler got of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is on its way.
    Waiting,
    /// It arrived.
    Told,
    /// It was given up.
    Failed,
}

impl Reached {
    /// Gives the word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Told => "told",
            Self::Failed => "failed",
        }
    }
}

/// A handler, and how it fares.
#[derive(Clone, Debug)]
pub struct HandlerState {
    /// The handler.
    pub handler: Arc<Handler>,
    /// Why it does not send from this node; none when it does.
    pub off: Option<String>,
    /// Notices that wait.
    pub waiting: u64,
    /// Notices that were given up since it delivered last.
    pub failed: u64,
    /// What it answered, or why it failed, the last time.
    pub last: Option<(WallTime, bool, String)>,
}

/// What would be told to a handler now, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The handler.
    pub handler: String,
    /// Whether it sends from this node.
    pub is_on: bool,
    /// What would be right now.
    pub verdict: String,
    /// When it was told last, and what.
    pub told: Option<String>,
}

impl HandlerState {
    /// Tells whether somebody must look at it. One that is off may fail a test: nobody waits for
    /// it.
    pub fn is_failing(&self) -> bool {
        let last = self.last.as_ref();
        let is_bad = last.is_some_and(|(_, is_success, _)| !is_success);
        self.off.is_none() && (self.failed > 0 || is_bad)
    }
}

impl Snapshot {
    /// Gives the downtime that a thing is in, also while it has no problem.
    pub fn downtime_over(&self, thing: &Thing) -> Option<String> {
        let active = self.mutes.iter().filter(|(_, is_active)| *is_active);
        let mut downtimes = active.filter(|(mute, _)| mute.is_downtime);
        downtimes
            .find(|(mute, _)| {
                // What was taken once can be read again.
                let ready = Ready::new(Mute::clone(mute));
                ready.is_ok_and(|ready| ready.covers(thing, ""))
            })
            .map(|(mute, _)| mute.id())
    }
}

impl Alerts {
    /// Gives what readers see.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let wall = self.clock.wall();
        let problems: Vec<_> = self
            .problems
            .values()
            .map(|live| Arc::clone(&live.problem))
            .collect();
        let marks = problems.iter().map(|problem| Mark {
            downtime: self
                .mutes
                .values()
                .filter(|mute| mute.mute.is_downtime && mute.is_active(wall, &self.time_zone))
                .find(|mute| mute.covers(&problem.thing, ""))
                .map(|mute| mute.mute.id()),
            cause: self.cause(problem).filter(|_| is_problem(problem.state)),
            reached: problem
                .told
                .iter()
                .map(|(handler, told)| (handler.clone(), self.reached(told)))
                .collect(),
        });
        let mutes = self.mutes.values();
        Arc::new(Snapshot {
            wall,
            marks: marks.collect(),
            problems,
            mutes: mutes
                .map(|it| (Arc::clone(&it.mute), it.is_active(wall, &self.time_zone)))
                .collect(),
            deliveries: self.deliveries.all().rev().cloned().collect(),
            handlers: self
                .handlers
                .values()
                .map(|it| self.handler_state(it))
                .collect(),
            refused: self.refused,
        })
    }

    /// Says for each handler what it was told of a problem, and what would be right now and why.
    pub fn explain(&self, node: &str, name: &str) -> Option<(Arc<Problem>, Vec<Explained>)> {
        let live = self.problems.get(&problems::key(node, name))?;
        let problem = Arc::clone(&live.problem);
        let wall = self.clock.wall();
        let explained = self.handlers.values().map(|handler| Explained {
            handler: handler.id.to_string(),
            is_on: judge::is_on(handler, &self.here).is_ok(),
            verdict: self.judge(&problem, handler, wall).to_string(),
            told: problem.told.get(&*handler.id).map(|told| self.told(told)),
        });
        Some((Arc::clone(&problem), explained.collect()))
    }

    fn told(&self, told: &Told) -> String {
        let Told {
            state,
            last,
            times,
            notice,
            ..
        } = told;
        let became = match self.reached(told) {
            Reached::Waiting => "waits to be delivered",
            Reached::Told => "delivered",
            Reached::Failed => "WAS GIVEN UP",
        };
        format!("{state} at {last}, notice n{notice} {became}, {times} in all")
    }

    fn handler_state(&self, handler: &Arc<Handler>) -> HandlerState {
        let id = &*handler.id;
        let mut state = HandlerState {
            handler: Arc::clone(handler),
            off: judge::is_on(handler, &self.here).err(),
            waiting: 0,
            failed: 0,
            last: None,
        };
        for delivery in self.deliveries.all() {
            let is_its_own = delivery.handler == id;
            if let Some(attempt) = delivery.log.iter().rfind(|attempt| attempt.via == id)
                && state
                    .last
                    .as_ref()
                    .is_none_or(|(at, _, _)| *at <= attempt.at)
            {
                state.last = Some((attempt.at, attempt.is_success, attempt.text.clone()));
            }
            match delivery.stage {
                Stage::Waiting | Stage::Sending if is_its_own => state.waiting += 1,
                Stage::Failed if is_its_own && delivery.notice.occasion != Occasion::Test => {
                    state.failed += 1;
                }
                Stage::Delivered if delivery.via == id => state.failed = 0,
                Stage::Waiting | Stage::Sending | Stage::Delivered | Stage::Failed => {}
            }
        }
        state
    }
}
