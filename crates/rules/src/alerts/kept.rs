//! What alerts keep over a restart. Its fields are written to disk by their names: a name that
//! changes here loses what an older version kept.

use std::collections::BTreeMap;

use model::{CheckState, WallTime};
use serde::{Deserialize, Serialize};

use super::notice::Notice;

/// One thing that is kept, under a key of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Something that is not well, or whose end was not told yet.
    Problem(Problem),
    /// A downtime or silence.
    Mute(Mute),
    /// A notice on its way, or at its end.
    Delivery(Box<Delivery>),
    /// A change of a group or rule that waits to be told.
    Event(Waiting),
    /// The groups of this node that count as told.
    Groups(Vec<String>),
    /// The detectors whose first answer on this node is no news.
    Undecided(Vec<String>),
    /// The numbers that were given so far.
    Numbers(Numbers),
}

/// The numbers that were given so far: none is given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Of problems.
    pub problems: u64,
    /// Of downtimes and silences.
    pub mutes: u64,
    /// Of deliveries.
    pub deliveries: u64,
    /// Of events.
    pub events: u64,
}

/// What something is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// The node, by its id.
    pub node: String,
    /// Its name.
    pub node_name: String,
    /// Its name for people; empty when it has none.
    pub node_display_name: String,
    /// Its zone.
    pub zone: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// The pack.
    pub pack: String,
    /// The full name: `linux/disks[/srv]`.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// The checks that this one depends on.
    pub depends_on: Vec<String>,
    /// A remark for people.
    pub notes: String,
}

/// Something that is not well, or whose end was not told to all yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Its number, by which people name it.
    pub number: u64,
    /// What it is about.
    pub thing: Thing,
    /// The hard state; OK when it is over.
    #[serde(with = "state")]
    pub state: CheckState,
    /// The state before that.
    #[serde(with = "state")]
    pub old_state: CheckState,
    /// Why it is no longer looked at, when that is how it ended.
    pub gone: Option<String>,
    /// What is said about it.
    pub output: String,
    /// Since when it is not well.
    #[serde(with = "wall")]
    pub began: WallTime,
    /// When the state changed last.
    #[serde(with = "wall")]
    pub changed: WallTime,
    /// From when on a check that depends on others is held back, for theirs may be the cause.
    #[serde(with = "wall")]
    pub held_from: WallTime,
    /// Whether it changes too often to be told each time.
    pub is_flapping: bool,
    /// What it depends on and was bad when it changed.
    pub blocked_by: Vec<String>,
    /// Who takes care of it.
    pub acknowledged: Option<Acknowledgement>,
    /// Who was told, by handler.
    pub told: BTreeMap<String, Told>,
    /// What changed just before.
    pub context: Vec<String>,
    /// What was decided, oldest first; the oldest are dropped.
    pub decisions: Vec<Decision>,
}

/// That somebody takes care of a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// What was said.
    pub comment: String,
    /// When.
    #[serde(with = "wall")]
    pub at: WallTime,
    /// Until when it holds; without end it holds until the problem is over.
    #[serde(with = "wall_or_none")]
    pub until: Option<WallTime>,
    /// Whether the end was given as a duration, which no change of the clock alters.
    pub is_lasting: bool,
    /// The state that was acknowledged; a worse one is told again.
    #[serde(with = "state")]
    pub state: CheckState,
}

/// What a handler was told last of a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The state.
    #[serde(with = "state")]
    pub state: CheckState,
    /// When the first time.
    #[serde(with = "wall")]
    pub first: WallTime,
    /// When the last time.
    #[serde(with = "wall")]
    pub last: WallTime,
    /// How often.
    pub times: u32,
    /// Whether the last thing told was that it changes too often.
    pub is_flapping: bool,
    /// The number of the last notice; 0 of what was kept before notices were noted.
    #[serde(default)]
    pub notice: u64,
    /// Whether that notice was given up, so that nobody read it.
    #[serde(default)]
    pub is_lost: bool,
}

/// What was decided about a problem and a handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    #[serde(with = "wall")]
    pub at: WallTime,
    /// The handler; empty for what people did.
    pub handler: String,
    /// What, and why.
    pub text: String,
}

/// A time in which nobody is told of something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mute {
    /// Its number.
    pub number: u64,
    /// A downtime is planned work that is shown as such; a silence only keeps handlers quiet.
    pub is_downtime: bool,
    /// What it is about.
    pub scope: Scope,
    /// When it begins.
    #[serde(with = "wall")]
    pub from: WallTime,
    /// When it ends.
    #[serde(with = "wall_or_none")]
    pub until: Option<WallTime>,
    /// Whether the end was given as a duration, which no change of the clock alters.
    pub is_lasting: bool,
    /// The hours in which it holds, again and again; empty for all of the time.
    pub every: Vec<String>,
    /// The time zone of those hours; empty for that of the node.
    pub timezone: String,
    /// Who made it.
    pub by: String,
    /// What for.
    pub comment: String,
    /// When it was made.
    #[serde(with = "wall")]
    pub made: WallTime,
}

/// What a downtime or silence is about: everything that all of these patterns mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Nodes, by name or id.
    pub nodes: Vec<String>,
    /// Groups of nodes.
    pub groups: Vec<String>,
    /// Checks.
    pub checks: Vec<String>,
    /// Handlers, of a silence.
    pub handlers: Vec<String>,
}

/// A notice on its way to a handler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number, by which people name it.
    pub number: u64,
    /// The identity that travels with it: the same in each try.
    pub id: String,
    /// The handler that it is for.
    pub handler: String,
    /// The handler that tries now: the one it is for, or an alternate.
    pub via: String,
    /// What is told.
    pub notice: Notice,
    /// When it was decided.
    #[serde(with = "wall")]
    pub made: WallTime,
    /// When it is tried next, while it waits.
    #[serde(with = "wall")]
    pub due: WallTime,
    /// Tries by the present handler that failed.
    pub failures: u32,
    /// Where it stands.
    pub stage: Stage,
    /// What happened to it, oldest first; the oldest are dropped.
    pub log: Vec<Attempt>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for its turn or for the next try.
    Waiting,
    /// It is under way; after a crash nobody knows whether it arrived, so it is tried again.
    Sending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    #[serde(with = "wall")]
    pub at: WallTime,
    /// By which handler.
    pub via: String,
    /// What the other side answered, or why it failed.
    pub text: String,
    /// Whether it arrived.
    pub is_success: bool,
}

/// A change of a group or rule that waits to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its number.
    pub number: u64,
    /// When it happened.
    #[serde(with = "wall")]
    pub at: WallTime,
    /// What it is about.
    pub thing: Thing,
    /// What happened.
    pub event: Happening,
    /// The handlers that are still to be told.
    pub handlers: Vec<String>,
}

/// What happened to a group or rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The node has a group more.
    GroupAdded,
    /// The node has a group less.
    GroupRemoved,
    /// A compliance changed its state.
    Compliance {
        /// `audit` or `enforcing`.
        mode: String,
        /// How it was.
        old_state: String,
        /// How it is.
        state: String,
        /// What its rules found.
        rules: Vec<RuleOutcome>,
    },
}

/// What one rule of a compliance found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// State and text of each thing that it looked at.
    pub infos: Vec<(String, String)>,
}

impl Mute {
    /// Gives the name by which people mean it.
    pub fn id(&self) -> String {
        let letter = if self.is_downtime { 'd' } else { 's' };
        format!("{letter}{}", self.number)
    }
}

mod state {
    use model::CheckState;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(state: &CheckState, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(state.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<CheckState, D::Error> {
        let word = String::deserialize(from)?;
        CheckState::parse(&word).ok_or_else(|| D::Error::custom(format!("no state: {word}")))
    }
}

pub(super) mod wall {
    use model::WallTime;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        wall: &WallTime,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u64(wall.as_millis())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<WallTime, D::Error> {
        u64::deserialize(from).map(WallTime::from_millis)
    }
}

mod wall_or_none {
    use model::WallTime;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        wall: &Option<WallTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        wall.map(WallTime::as_millis).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<WallTime>, D::Error> {
        let millis: Option<u64> = Option::deserialize(from)?;
        Ok(millis.map(WallTime::from_millis))
    }
}
