//! What of all that happens goes to a handler.

use model::{CheckState, Group};

use crate::fields::Fields;
use crate::pattern::Patterns;

/// A kind of thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A check changed its state.
    Check,
    /// A group came or went on a node.
    Group,
    /// A compliance rule changed its state.
    Compliance,
}

impl Event {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Check, Self::Group, Self::Compliance];

    /// Gives the word of pack files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Group => "group",
            Self::Compliance => "compliance",
        }
    }

    /// Reads the word; those that the original gave its events are understood.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "check" | "check_execution" => Some(Self::Check),
            "group" | "group_change" => Some(Self::Group),
            "compliance" | "compliance_execution" => Some(Self::Compliance),
            _ => None,
        }
    }
}

/// What goes to a handler: everything that each of these means.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The kinds of events.
    pub events: Vec<Event>,
    /// The states that a check must enter.
    pub states: Vec<CheckState>,
    /// The packs that a check or rule belongs to.
    pub packs: Patterns,
    /// The checks by their names, `linux/disks[/srv]`, or `disks` for any pack.
    pub checks: Patterns,
    /// The nodes, by name.
    pub nodes: Patterns,
    /// The groups of the node, of which one must be meant.
    pub groups: Patterns,
    /// The zone of the node.
    pub zones: Patterns,
}

/// What happened where, as routes look at it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What kind of event.
    pub event: Event,
    /// The state that a check entered.
    pub state: Option<CheckState>,
    /// The pack of the check or rule; empty for a group.
    pub pack: &'a str,
    /// The check, rule or group: `linux/disks[/srv]`.
    pub name: &'a str,
    /// The names that the node goes by.
    pub nodes: &'a [&'a str],
    /// Its groups.
    pub groups: &'a [Group],
    /// Its zone.
    pub zone: &'a str,
}

impl Route {
    /// Tells whether this is meant, or which key says no.
    pub fn takes(&self, about: &About<'_>) -> Result<(), String> {
        let event = about.event.as_str();
        if !self.events.contains(&about.event) {
            return Err(format!("`events` has no {event}"));
        }
        if let Some(state) = about.state.filter(|state| !self.states.contains(state)) {
            return Err(format!("`states` has no {}", state.as_str().to_lowercase()));
        }
        let is_group = about.event == Event::Group;
        if !is_group && !self.packs.matches(about.pack) {
            return Err(format!("`packs` does not mean {}", about.pack));
        }
        let short = about
            .name
            .split_once('/')
            .map_or(about.name, |(_, name)| name);
        if about.event == Event::Check && !self.checks.matches_any([about.name, short]) {
            return Err(format!("`checks` does not mean {}", about.name));
        }
        if !self.nodes.matches_any(about.nodes.iter().copied()) {
            let node = about.nodes.first().copied().unwrap_or_default();
            return Err(format!("`nodes` does not mean {node}"));
        }
        if !self.groups.is_all()
            && !self
                .groups
                .matches_any(about.groups.iter().map(Group::as_str))
        {
            return Err("`groups` means no group of the node".to_owned());
        }
        if !self.zones.matches(about.zone) {
            return Err(format!("`zones` does not mean {}", about.zone));
        }
        Ok(())
    }
}

pub(super) fn read(fields: &mut Fields<'_>) -> Route {
    let mut patterns = |key| Patterns::new(fields.texts(key).iter().map(|text| &**text));
    let (packs, checks) = (patterns("packs"), patterns("checks"));
    let (nodes, groups, zones) = (patterns("nodes"), patterns("groups"), patterns("zones"));
    Route {
        events: events(fields),
        states: states(fields),
        packs,
        checks,
        nodes,
        groups,
        zones,
    }
}

fn events(fields: &mut Fields<'_>) -> Vec<Event> {
    if fields.node("events").is_none() {
        return vec![Event::Check];
    }
    words(
        fields,
        "events",
        Event::parse,
        &Event::ALL.map(Event::as_str),
    )
}

/// Pending is no state that anybody is told of.
fn states(fields: &mut Fields<'_>) -> Vec<CheckState> {
    let all = [
        CheckState::Ok,
        CheckState::Warning,
        CheckState::Critical,
        CheckState::Unknown,
    ];
    if fields.node("states").is_none() {
        return all.to_vec();
    }
    let parse = |word: &str| CheckState::parse(word).filter(|state| all.contains(state));
    words(
        fields,
        "states",
        parse,
        &["ok", "warning", "critical", "unknown"],
    )
}

fn words<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    allowed: &[&str],
) -> Vec<T> {
    let mut found = Vec::new();
    for word in fields.texts(key) {
        match parse(&word) {
            Some(one) => found.push(one),
            None => {
                let place = fields.place_of(key);
                let of = format!("`{key}`");
                let problem = crate::fields::unknown_word(&place, &of, &word, allowed);
                fields.report.push(problem);
            }
        }
    }
    found
}
