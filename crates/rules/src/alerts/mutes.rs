//! Downtimes and silences: when, and about what.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use model::WallTime;
use packs::{Calendar, Patterns, calendar};

use super::clock::Mend;
use super::kept::{Mute, Scope, Thing};

/// A downtime or silence, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) mute: Arc<Mute>,
    /// When it next begins, pauses or ends, as found by [`Ready::look`]; none when it never does.
    pub(super) changes_at: Option<WallTime>,
    every: Option<Calendar>,
    nodes: Patterns,
    groups: Patterns,
    checks: Patterns,
    handlers: Patterns,
}

/// All of them, by number.
pub(super) type Mutes = BTreeMap<u64, Ready>;

impl Ready {
    /// Reads the patterns and hours. Says what is wrong with them.
    pub(super) fn new(mute: Mute) -> Result<Self, String> {
        let zone = match mute.timezone.as_str() {
            "" => None,
            name => Some(calendar::time_zone(name).ok_or_else(|| {
                format!("there is no time zone `{name}`: write it as `Europe/Paris` or `UTC`")
            })?),
        };
        let every = match mute.every.is_empty() {
            true => None,
            false => Some(Calendar::parse(
                mute.every.iter().map(String::as_str),
                zone,
            )?),
        };
        let patterns = |texts: &[String]| Patterns::new(texts.iter().map(String::as_str));
        let Scope {
            nodes,
            groups,
            checks,
            handlers,
        } = &mute.scope;
        Ok(Self {
            nodes: patterns(nodes),
            groups: patterns(groups),
            checks: patterns(checks),
            handlers: patterns(handlers),
            every,
            mute: Arc::new(mute),
            changes_at: Some(WallTime::default()),
        })
    }

    /// Brings what was given as a duration onto the clock as it is set.
    pub(super) fn mend(&mut self, mend: Mend) {
        if self.mute.is_lasting {
            let mute = Arc::make_mut(&mut self.mute);
            mend.lasting(&mut mute.from, &mut mute.until);
        }
        self.changes_at = Some(WallTime::default());
    }

    /// Tells whether it holds at a time.
    pub(super) fn is_active(&self, wall: WallTime, here: &TimeZone) -> bool {
        self.mute.from <= wall
            && !self.is_over(wall)
            && self
                .every
                .as_ref()
                .is_none_or(|every| every.contains(wall, here))
    }

    /// Tells whether it will never hold again.
    pub(super) fn is_over(&self, wall: WallTime) -> bool {
        self.mute.until.is_some_and(|until| until <= wall)
    }

    /// Finds out when it next begins, pauses or ends, if that is over which was found before:
    /// hours are searched for day by day.
    pub(super) fn look(&mut self, wall: WallTime, here: &TimeZone) {
        if self.changes_at.is_some_and(|at| at <= wall) {
            self.changes_at = self.next_change(wall, here);
        }
    }

    fn next_change(&self, wall: WallTime, here: &TimeZone) -> Option<WallTime> {
        let begins = Some(self.mute.from).filter(|from| *from > wall);
        let ends = self.mute.until.filter(|until| *until > wall);
        let turns = self
            .every
            .as_ref()
            .and_then(|every| every.next_change(wall, here));
        begins.into_iter().chain(ends).chain(turns).min()
    }

    /// Tells whether it is about a thing, and, for a silence, a handler.
    pub(super) fn covers(&self, thing: &Thing, handler: &str) -> bool {
        let short = thing
            .name
            .split_once('/')
            .map_or(&*thing.name, |(_, name)| name);
        let nodes = [&*thing.node_name, &*thing.node_display_name, &*thing.node];
        self.nodes.matches_any(nodes)
            && (self.groups.is_all()
                || self
                    .groups
                    .matches_any(thing.groups.iter().map(String::as_str)))
            && self.checks.matches_any([&*thing.name, short])
            && self.handlers.matches(handler)
    }

    /// Says it in the words of an explanation.
    pub(super) fn told(&self) -> String {
        let what = if self.mute.is_downtime {
            "downtime"
        } else {
            "silence"
        };
        let mut text = format!("{what} {} by {}", self.mute.id(), self.mute.by);
        if !self.mute.comment.is_empty() {
            text.push_str(&format!(" ({})", self.mute.comment));
        }
        if let Some(until) = self.mute.until {
            text.push_str(&format!(" until {until}"));
        }
        text
    }
}
