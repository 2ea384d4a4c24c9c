//! What somebody is told: the facts, before they are put into words.

use model::WallTime;
use serde::{Deserialize, Serialize};

use super::kept::{Happening, Problem, Thing, Waiting, wall};

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Why.
    pub occasion: Occasion,
    /// When it was decided.
    #[serde(with = "wall")]
    pub at: WallTime,
    /// What it is about: the worst first, at most `ALERT_ITEMS_MAX`.
    pub items: Vec<Item>,
    /// How many more it is about, which `items` has no room for.
    pub more: u64,
    /// What stays silent because it depends on one of the items.
    pub affected: Vec<String>,
    /// How many more of these there are.
    pub affected_more: u64,
    /// What changed just before.
    pub context: Vec<String>,
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Something is wrong, or otherwise wrong than before.
    Problem,
    /// Nobody has taken care of it.
    Escalation,
    /// It is still wrong.
    Reminder,
    /// It changes too often to be told each time.
    Flapping,
    /// It is well again, or no longer looked at.
    Recovery,
    /// A group came or went.
    Group,
    /// A compliance changed its state.
    Compliance,
    /// Somebody wants to see whether notices arrive.
    Test,
}

/// One thing that a notice is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The number of the problem; 0 for an event.
    pub problem: u64,
    /// Why it is told.
    pub occasion: Occasion,
    /// What it is about.
    pub thing: Thing,
    /// The state as a word; `ADDED` or `REMOVED` of a group.
    pub state: String,
    /// The state before it.
    pub old_state: String,
    /// What is said about it.
    pub output: String,
    /// Since when it is not well, or when it happened.
    #[serde(with = "wall")]
    pub since: WallTime,
    /// When the state changed.
    #[serde(with = "wall")]
    pub at: WallTime,
    /// What happened, when it is no problem.
    pub event: Option<Happening>,
}

impl Occasion {
    /// Gives the word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Escalation => "escalation",
            Self::Reminder => "reminder",
            Self::Flapping => "flapping",
            Self::Recovery => "recovery",
            Self::Group => "group",
            Self::Compliance => "compliance",
            Self::Test => "test",
        }
    }
}

impl Item {
    /// Tells of a problem.
    pub(super) fn of(problem: &Problem, occasion: Occasion) -> Self {
        Self {
            problem: problem.number,
            occasion,
            thing: problem.thing.clone(),
            state: problem.state.as_str().to_owned(),
            old_state: problem.old_state.as_str().to_owned(),
            output: match &problem.gone {
                Some(gone) => format!("no longer looked at: {gone}"),
                None => problem.output.clone(),
            },
            since: problem.began,
            at: problem.changed,
            event: None,
        }
    }

    /// Tells of an event.
    pub(super) fn of_event(waiting: &Waiting) -> Self {
        let (state, old_state, output) = match &waiting.event {
            Happening::GroupAdded => ("ADDED".to_owned(), String::new(), String::new()),
            Happening::GroupRemoved => ("REMOVED".to_owned(), String::new(), String::new()),
            Happening::Compliance {
                state, old_state, ..
            } => (state.clone(), old_state.clone(), String::new()),
        };
        let occasion = match &waiting.event {
            Happening::GroupAdded | Happening::GroupRemoved => Occasion::Group,
            Happening::Compliance { .. } => Occasion::Compliance,
        };
        Self {
            problem: 0,
            occasion,
            thing: waiting.thing.clone(),
            state,
            old_state,
            output,
            since: waiting.at,
            at: waiting.at,
            event: Some(waiting.event.clone()),
        }
    }

    /// Says how bad it is, to put the worst first.
    pub(super) fn weight(&self) -> u8 {
        match self.state.as_str() {
            "CRITICAL" | "ERROR" => 3,
            "WARNING" => 2,
            "UNKNOWN" => 1,
            _ => 0,
        }
    }
}
