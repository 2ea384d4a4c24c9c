//! What the checks want done: judging goes to the threads, transitions to the history and to
//! whoever listens.

use std::sync::Arc;
use std::time::Duration;

use model::WallTime;
use rules::Input;
use rules::checks::{Ended, Outcome, Output, PushError, Run, Said};
use rules::transition::Transition;
use tracing::{info, warn};

use super::pump::Pump;
use super::turn::Quick;
use crate::agent::Agent;
use crate::clock;
use crate::judge;
use crate::workers::JobError;

/// Time that a plugin or probe has beyond its own to come back.
const GRACE: Duration = Duration::from_secs(5);

type Work = fn(&Arc<Agent>, &Run, &judge::Ears) -> Ended;

impl Pump {
    /// Does what the checks want done; gives what came of it when it could not even begin.
    pub(super) fn check(&mut self, output: Output) -> Vec<Input> {
        match output {
            Output::Judge(runs) => {
                let is_quick = !runs.iter().any(|run| run.check.touches_machine());
                let job = self.judge(runs);
                if is_quick {
                    self.quick.push(job);
                    return Vec::new();
                }
                self.post(job)
            }
            Output::RunPlugin(run) => self.outside("plugin", run, judge::plugin),
            Output::Probe(run) => self.outside("probe", run, judge::probe),
            Output::Transition(transition) => {
                self.transition(transition);
                Vec::new()
            }
        }
    }

    /// Takes a result that somebody reports.
    pub(super) fn push(&mut self, id: &str, said: &Said) -> Result<(), PushError> {
        let (now, wall) = (clock::now(), clock::wall());
        self.core.push(now, wall, id, said)?;
        self.show_now();
        self.handle(Input::Tick);
        Ok(())
    }

    fn judge(&self, runs: Vec<Run>) -> Quick {
        let name = match &*runs {
            [one] => format!("check {}", one.check.id),
            _ => "checks".to_owned(),
        };
        let time_box = runs.iter().map(|run| run.check.timing.timeout).max();
        let refused = runs.clone();
        let (agent, ears) = (Arc::clone(&self.agent), self.ended_tx.clone());
        Quick {
            name,
            time_box: time_box.unwrap_or(GRACE),
            work: Box::new(move || vec![Input::Judged(judge::judge(&agent, &runs, &ears))]),
            refused: Box::new(move |error| vec![postponed(&refused, error)]),
        }
    }

    /// Has threads do what may take its time: they are not those of collectors and other checks,
    /// so that a slow plugin makes none of these late. What took no time when it ran last is done
    /// together with its like.
    fn outside(&mut self, kind: &str, run: Run, work: Work) -> Vec<Input> {
        let is_quick = run.is_quick;
        let refused = vec![run.clone()];
        let (agent, ears) = (Arc::clone(&self.agent), self.ended_tx.clone());
        let job = Quick {
            name: format!("{kind} {}", run.check.id),
            time_box: run.check.timing.timeout + GRACE,
            work: Box::new(move || vec![Input::Judged(vec![work(&agent, &run, &ears)])]),
            refused: Box::new(move |error| vec![postponed(&refused, error)]),
        };
        if is_quick {
            self.quick_outside.push(job);
            return Vec::new();
        }
        self.post_to(&self.agent.outside_workers, job)
    }

    fn transition(&mut self, transition: Arc<Transition>) {
        self.has_transitions = true;
        let (check, old, new) = (transition.name(), transition.old, transition.new);
        if transition.is_news() {
            let change = transition.change.as_str();
            info!(%check, %old, %new, change, output = %transition.output, "A check changed");
        }
        self.agent.keep.note_transition(&transition);
        self.agent.alerts.transition(&transition);
        // Nobody may be listening.
        let _ = self.agent.events.send(transition);
    }

    /// Publishes how the checks are, and has written what happened to them.
    pub(super) fn publish_checks(&mut self, wall: WallTime) {
        let snapshot = self.core.checks();
        let is_new = self.checks.send_if_modified(|shown| {
            let is_new = !Arc::ptr_eq(shown, &snapshot);
            *shown = Arc::clone(&snapshot);
            is_new
        });
        self.news.send_if_modified(|shown| {
            let is_news = *shown != snapshot.news;
            *shown = snapshot.news;
            is_news
        });
        if std::mem::take(&mut self.has_transitions) {
            self.agent
                .on_disk_later("history", crate::keep::Keep::flush);
            self.checks_to_keep = true;
        }
        let passed = wall
            .as_millis()
            .saturating_sub(self.checks_kept.as_millis());
        let is_due = self.checks_to_keep && Duration::from_millis(passed) >= KEEP_CHECKS;
        if is_new && is_due {
            self.checks_kept = wall;
            self.checks_to_keep = false;
            self.agent
                .on_disk_later("checks", move |keep| keep.save_checks(&snapshot));
        }
    }
}

/// Time between two writings of how the checks are; the history has what happened since.
const KEEP_CHECKS: Duration = Duration::from_secs(60);

fn postponed(runs: &[Run], error: &JobError) -> Input {
    warn!(%error, count = runs.len(), "Checks are postponed");
    let ended = |run: &Run| Ended {
        slot: run.slot,
        number: run.number,
        began: clock::now(),
        took: Duration::ZERO,
        outcome: Outcome::Postponed,
    };
    Input::Judged(runs.iter().map(ended).collect())
}
