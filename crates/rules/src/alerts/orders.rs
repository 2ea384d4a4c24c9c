//! What people order: acknowledgements, downtimes, silences. Who did it is kept with it.

use std::time::Duration;

use model::{Moment, WallTime, limits};
use packs::Patterns;

use super::clock::after;
use super::kept::{Acknowledgement, Mute, Record, Scope};
use super::mutes::Ready;
use super::{Alerts, mute_key};
use crate::transition::is_problem;

/// Why an order was refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is nothing that it means.
    Nothing(String),
    /// It makes no sense.
    Invalid(String),
    /// There are too many already.
    TooMany(String),
}

/// Until when something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Without end.
    Endless,
    /// For a duration, whatever is done to the clock.
    For(Duration),
    /// Until a time on the clock.
    Until(WallTime),
}

/// An acknowledgement to be made.
#[derive(Clone, Debug)]
pub struct NewAcknowledgement {
    /// The problems: patterns of checks, or numbers.
    pub checks: Vec<String>,
    /// The nodes; any when empty.
    pub nodes: Vec<String>,
    /// Until when.
    pub span: Span,
    /// Who does it.
    pub by: String,
    /// What is said.
    pub comment: String,
}

/// A downtime or silence to be made.
#[derive(Clone, Debug)]
pub struct NewMute {
    /// A downtime, or a silence.
    pub is_downtime: bool,
    /// What it is about.
    pub scope: Scope,
    /// When it begins; at once when absent.
    pub from: Option<WallTime>,
    /// Until when.
    pub span: Span,
    /// The hours in which it holds; always when empty.
    pub every: Vec<String>,
    /// The time zone of those hours; empty for that of the node.
    pub timezone: String,
    /// Who makes it.
    pub by: String,
    /// What for.
    pub comment: String,
}

impl Alerts {
    /// Notes that somebody takes care of problems: no reminder and no escalation until they are
    /// over, worse, or the time has passed. Gives their numbers.
    pub fn acknowledge(
        &mut self,
        now: Moment,
        wall: WallTime,
        new: &NewAcknowledgement,
    ) -> Result<Vec<u64>, Refused> {
        self.at(now, wall);
        check_lines([&new.by, &new.comment])?;
        check_lines(new.checks.iter().chain(&new.nodes))?;
        let until = end(new.span, wall, wall)?;
        let keys = self.meant(&new.checks, &new.nodes);
        if keys.is_empty() {
            let what = new.checks.join(", ");
            return Err(Refused::Nothing(format!(
                "no open problem is meant by {what}"
            )));
        }
        let mut numbers = Vec::new();
        for key in &keys {
            let Some(live) = self.problems.get_mut(key) else {
                continue;
            };
            let problem = live.edit();
            problem.acknowledged = Some(Acknowledgement {
                by: new.by.clone(),
                comment: new.comment.clone(),
                at: wall,
                until,
                is_lasting: matches!(new.span, Span::For(_)),
                state: problem.state,
            });
            numbers.push(problem.number);
            let name = problem.thing.name.clone();
            let text = format!("acknowledged by {}{}", new.by, in_brackets(&new.comment));
            live.decide(wall, "", text.clone());
            self.keep_problem(key);
            self.note("acknowledged", format!("{name}: {text}"));
            self.consider(key);
        }
        self.settle();
        Ok(numbers)
    }

    /// Takes acknowledgements back. Gives the numbers of the problems.
    pub fn unacknowledge(
        &mut self,
        now: Moment,
        wall: WallTime,
        checks: &[String],
        nodes: &[String],
        by: &str,
    ) -> Result<Vec<u64>, Refused> {
        self.at(now, wall);
        let mut numbers = Vec::new();
        for key in self.meant(checks, nodes) {
            let Some(live) = self.problems.get_mut(&key) else {
                continue;
            };
            if live.edit().acknowledged.take().is_none() {
                continue;
            }
            numbers.push(live.problem.number);
            let name = live.problem.thing.name.clone();
            let text = format!("the acknowledgement was taken back by {by}");
            let node = live.problem.thing.node.clone();
            live.decide(wall, "", text.clone());
            self.keep_problem(&key);
            self.note("acknowledged", format!("{name}: {text}"));
            self.consider(&key);
            self.consider_dependants(&node, &name, false);
        }
        if numbers.is_empty() {
            let what = checks.join(", ");
            return Err(Refused::Nothing(format!(
                "nothing acknowledged is meant by {what}"
            )));
        }
        self.settle();
        Ok(numbers)
    }

    /// Makes a downtime or silence; gives it as it is kept.
    pub fn mute(&mut self, now: Moment, wall: WallTime, new: NewMute) -> Result<Mute, Refused> {
        self.at(now, wall);
        let Scope {
            nodes,
            groups,
            checks,
            handlers,
        } = &new.scope;
        let patterns = || {
            nodes
                .iter()
                .chain(groups)
                .chain(checks)
                .chain(handlers)
                .chain(&new.every)
        };
        check_lines(patterns())?;
        check_lines([&new.by, &new.comment, &new.timezone])?;
        let what = if new.is_downtime {
            "a downtime"
        } else {
            "a silence"
        };
        if patterns().count() > limits::ALERT_PATTERNS_MAX {
            let max = limits::ALERT_PATTERNS_MAX;
            return Err(Refused::Invalid(format!(
                "{what} has at most {max} patterns"
            )));
        }
        if nodes.is_empty() && groups.is_empty() && checks.is_empty() && handlers.is_empty() {
            let hint = "name nodes, groups or checks; `*` means all";
            return Err(Refused::Invalid(format!("{what} of nothing: {hint}")));
        }
        if new.span == Span::Endless && new.every.is_empty() {
            return Err(Refused::Invalid(format!("{what} needs an end, or hours")));
        }
        let from = new.from.unwrap_or(wall);
        let until = end(new.span, from, wall)?;
        if self.mutes.len() >= limits::ALERT_MUTES_MAX {
            let max = limits::ALERT_MUTES_MAX;
            return Err(Refused::TooMany(format!(
                "there are {max} downtimes and silences"
            )));
        }
        let mute = Mute {
            number: self.numbers.mutes + 1,
            is_downtime: new.is_downtime,
            scope: new.scope,
            from,
            until,
            is_lasting: matches!(new.span, Span::For(_)) && new.from.is_none(),
            every: new.every,
            timezone: new.timezone,
            by: new.by,
            comment: new.comment,
            made: wall,
        };
        let mut ready = Ready::new(mute.clone()).map_err(Refused::Invalid)?;
        ready.look(wall, &self.time_zone);
        self.numbers.mutes = mute.number;
        self.keep
            .insert(mute_key(mute.number), Some(Record::Mute(mute.clone())));
        self.note(kind(&mute), format!("{} begins", ready.told()));
        self.mutes.insert(mute.number, ready);
        self.consider_all();
        self.settle();
        Ok(mute)
    }

    /// Ends a downtime or silence; gives it as it was.
    pub fn unmute(
        &mut self,
        now: Moment,
        wall: WallTime,
        id: &str,
        by: &str,
    ) -> Result<Mute, Refused> {
        self.at(now, wall);
        let found = self.mutes.values().find(|ready| ready.mute.id() == id);
        let Some(number) = found.map(|ready| ready.mute.number) else {
            return Err(Refused::Nothing(format!(
                "there is no downtime or silence {id}"
            )));
        };
        let mute = self.end_mute(number, &format!("removed by {by}"));
        self.consider_all();
        self.settle();
        mute.ok_or_else(|| Refused::Nothing(format!("{id} has just ended")))
    }

    /// Drops what is over, and finds out when the others change; what was silent because of them is
    /// considered at its own time.
    pub(super) fn end_mutes(&mut self, wall: WallTime) {
        let over = self.mutes.values().filter(|ready| ready.is_over(wall));
        for number in over.map(|ready| ready.mute.number).collect::<Vec<_>>() {
            self.end_mute(number, "over");
        }
        self.look_at_mutes();
    }

    pub(super) fn look_at_mutes(&mut self) {
        let wall = self.clock.wall();
        for ready in self.mutes.values_mut() {
            ready.look(wall, &self.time_zone);
        }
    }

    fn end_mute(&mut self, number: u64, how: &str) -> Option<Mute> {
        let ready = self.mutes.remove(&number)?;
        self.keep.insert(mute_key(number), None);
        self.note(kind(&ready.mute), format!("{}: {how}", ready.told()));
        Some(Mute::clone(&ready.mute))
    }

    /// Finds the open problems that patterns or numbers mean.
    fn meant(&self, checks: &[String], nodes: &[String]) -> Vec<String> {
        let names = Patterns::new(checks.iter().map(String::as_str));
        let nodes = Patterns::new(nodes.iter().map(String::as_str));
        let open = self.problems.iter().filter(|(_, live)| {
            let problem = &live.problem;
            let thing = &problem.thing;
            let short = thing
                .name
                .split_once('/')
                .map_or(&*thing.name, |(_, name)| name);
            let number = problem.number.to_string();
            is_problem(problem.state)
                && names.matches_any([&*thing.name, short, &*number])
                && nodes.matches_any([&*thing.node_name, &*thing.node_display_name, &*thing.node])
        });
        open.map(|(key, _)| key.clone()).collect()
    }
}

fn kind(mute: &Mute) -> &'static str {
    if mute.is_downtime {
        "downtime"
    } else {
        "silence"
    }
}

fn end(span: Span, from: WallTime, wall: WallTime) -> Result<Option<WallTime>, Refused> {
    let until = match span {
        Span::Endless => return Ok(None),
        Span::For(duration) => after(from, duration),
        Span::Until(until) => until,
    };
    if until <= from || until <= wall {
        return Err(Refused::Invalid(format!(
            "it would be over at {until}, before it begins"
        )));
    }
    Ok(Some(until))
}

fn check_lines<'a>(lines: impl IntoIterator<Item = &'a String>) -> Result<(), Refused> {
    let max = limits::ALERT_LINE_CHARS_MAX;
    for line in lines {
        if line.chars().count() > max {
            return Err(Refused::Invalid(format!(
                "a text is longer than {max} characters"
            )));
        }
        if line.chars().any(char::is_control) {
            return Err(Refused::Invalid(
                "a text holds control characters".to_owned(),
            ));
        }
    }
    Ok(())
}

fn in_brackets(comment: &str) -> String {
    match comment.is_empty() {
        true => String::new(),
        false => format!(" ({comment})"),
    }
}
