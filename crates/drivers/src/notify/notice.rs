//! What people are told: a message that is ready to be sent, and the facts it was made of.

use std::sync::Arc;

use model::{CheckState, Value, WallTime};

/// One message.
///
/// `title` and `text` are what a person reads; every notifier shows both. The rest are the facts,
/// for services that show or sort them in a way of their own. Everything in here may come from a
/// plugin or from another machine: notifiers clean and cut it as their service needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The identity of this notice: the same in each try, different from that of any other notice.
    pub id: Arc<str>,
    /// The identity of what the notice is about: the same for a problem, its reminders, its
    /// acknowledgement and its recovery.
    pub incident: Arc<str>,
    /// Why it is sent.
    pub occasion: Occasion,
    /// The state in one word, as people know it: `CRITICAL`, `NON-COMPLIANT`; empty where there is
    /// none.
    pub state: Arc<str>,
    /// How bad the state is.
    pub tone: Tone,
    /// One line: the subject of a mail.
    pub title: String,
    /// What there is to say, as plain text; long texts are cut by the services' limits.
    pub text: String,
    /// The same as HTML, for mails.
    pub html: Option<String>,
    /// The node it is about, by display name; empty where it is about several.
    pub node: Arc<str>,
    /// The check, group or rule it is about; empty where it is about several.
    pub check: Arc<str>,
    /// The pack of it.
    pub pack: Arc<str>,
    /// The groups of the node.
    pub groups: Vec<Arc<str>>,
    /// When it happened.
    pub when: WallTime,
    /// More facts by name, in order: for whoever has room for them.
    pub fields: Vec<(Arc<str>, String)>,
    /// Where to read on.
    pub links: Vec<Link>,
    /// What the notice gathers, when it is about several things; `text` tells them already.
    pub items: Vec<Item>,
}

/// Why a notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Something is wrong.
    Problem,
    /// It is still wrong.
    Reminder,
    /// It is well again.
    Recovery,
    /// Somebody takes care of it.
    Acknowledgement,
    /// A downtime began or ended.
    Downtime,
    /// The state changes too often to tell of each change.
    Flapping,
    /// A node has a group more.
    GroupAdded,
    /// A node has a group less.
    GroupRemoved,
    /// A rule of compliance ran and something changed.
    Compliance,
    /// Somebody wants to see whether notices arrive.
    Test,
}

impl Occasion {
    /// Gives the word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Reminder => "reminder",
            Self::Recovery => "recovery",
            Self::Acknowledgement => "acknowledgement",
            Self::Downtime => "downtime",
            Self::Flapping => "flapping",
            Self::GroupAdded => "group_added",
            Self::GroupRemoved => "group_removed",
            Self::Compliance => "compliance",
            Self::Test => "test",
        }
    }
}

/// How bad something is: it chooses colours, priorities and severities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something was changed for the better.
    Changed,
    /// Neither good nor bad.
    Neutral,
    /// Nobody knows.
    Unknown,
    /// Somebody should look at it.
    Warning,
    /// Somebody must act.
    Critical,
}

impl Tone {
    /// Gives the word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Changed => "changed",
            Self::Neutral => "neutral",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Gives the colour as red, green and blue.
    pub(super) fn rgb(self) -> u32 {
        match self {
            Self::Good => 0x002e_b67d,
            Self::Changed => 0x00cd_e6ff,
            Self::Neutral => 0x00cc_cccc,
            Self::Unknown => 0x0076_4fa5,
            Self::Warning => 0x00ec_b22e,
            Self::Critical => 0x00e0_1e5a,
        }
    }
}

impl From<CheckState> for Tone {
    fn from(state: CheckState) -> Self {
        match state {
            CheckState::Ok => Self::Good,
            CheckState::Warning => Self::Warning,
            CheckState::Critical => Self::Critical,
            CheckState::Unknown | CheckState::Pending => Self::Unknown,
        }
    }
}

/// Where to read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What is there.
    pub title: String,
    /// The address, http or https.
    pub url: String,
}

/// One of several things that a notice is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The node.
    pub node: Arc<str>,
    /// The check, group or rule.
    pub check: Arc<str>,
    /// Its state in one word.
    pub state: Arc<str>,
    /// How bad it is.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// Since when.
    pub when: WallTime,
}

impl Notice {
    /// Gives everything as a tree, as the notifiers `webhook` and `command` hand it over.
    pub fn to_value(&self) -> Value {
        let text = |text: &str| Value::from(text);
        let time = |when: WallTime| Value::text(when.to_string());
        Value::map([
            ("id", text(&self.id)),
            ("incident", text(&self.incident)),
            ("occasion", text(self.occasion.as_str())),
            ("state", text(&self.state)),
            ("tone", text(self.tone.as_str())),
            ("title", text(&self.title)),
            ("text", text(&self.text)),
            ("node", text(&self.node)),
            ("check", text(&self.check)),
            ("pack", text(&self.pack)),
            (
                "groups",
                Value::list(self.groups.iter().map(|group| text(group))),
            ),
            ("when", time(self.when)),
            (
                "fields",
                Value::map(
                    self.fields
                        .iter()
                        .map(|(name, value)| (&**name, text(value))),
                ),
            ),
            (
                "links",
                Value::list(self.links.iter().map(|link| {
                    Value::map([("title", text(&link.title)), ("url", text(&link.url))])
                })),
            ),
            (
                "items",
                Value::list(self.items.iter().map(|item| {
                    Value::map([
                        ("node", text(&item.node)),
                        ("check", text(&item.check)),
                        ("state", text(&item.state)),
                        ("tone", text(item.tone.as_str())),
                        ("text", text(&item.text)),
                        ("when", time(item.when)),
                    ])
                })),
            ),
        ])
    }
}
