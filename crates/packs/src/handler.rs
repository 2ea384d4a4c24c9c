//! Handlers: who is told of what, by which notifier, and when.
//!
//! A handler is one way to somebody: a notifier with its options, what of all that happens goes
//! there ([`Route`]), and the rhythm ([`Pace`]). Its keys may name parameters of the pack, as
//! `{{parameters.severities}}`; they are settled when the pack is read, all but the options, which
//! may hold secrets and are filled in when something is sent.

mod given;
mod notifier;
mod route;
mod texts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Env, Failure};
use model::{GroupSet, Value};

use crate::calendar::{self, Calendar};
use crate::expression::Setting;
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

pub use notifier::Notifier;
pub use route::{About, Event, Route};
pub(crate) use texts::read_all as read_templates;
pub use texts::{HandlerTemplate, Texts};

/// How long what follows a first notice is gathered into one when a handler does not say: long
/// enough for a burst, short enough for a night watch. Guess.
pub const WINDOW_DEFAULT: Duration = Duration::from_secs(30);

/// Who is told of what, how and when.
#[derive(Clone, Debug)]
pub struct Handler {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name, unique among all handlers: `mail/mail`.
    pub id: Arc<str>,
    /// Its name in its pack: the file without extension.
    pub name: Arc<str>,
    /// What it tells by.
    pub notifier: Notifier,
    /// Whether it is on.
    pub enabled: bool,
    /// The nodes that send by it.
    pub if_group: GroupSet,
    /// What the notifier is told: addresses, servers, tokens.
    pub options: BTreeMap<Arc<str>, Setting>,
    /// What goes there.
    pub route: Route,
    /// How often and how fast.
    pub pace: Pace,
    /// Who is told when nobody acts.
    pub escalate: Vec<Escalation>,
    /// The handlers that are tried in order when this one cannot deliver.
    pub alternates: Vec<Arc<str>>,
    /// False when it gets only what others escalate or hand over.
    pub is_direct: bool,
    /// Whether those who got a problem hear of its end.
    pub tells_recovery: bool,
    /// Its own texts.
    pub texts: Texts,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

/// When something is told.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The hours in which it tells; what happens outside waits, and is told if it still holds.
    pub when: Option<Calendar>,
    /// How long a problem must last before it is told.
    pub delay: Duration,
    /// How long after a notice everything else is gathered into the next one.
    pub window: Duration,
    /// What is gathered together.
    pub gather: Gather,
    /// How often a problem that lasts is told again.
    pub repeat: Option<Duration>,
}

/// What is gathered into one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// Everything.
    All,
    /// What belongs to one node.
    Node,
    /// What belongs to one pack.
    Pack,
    /// Nothing: each check has its own, up to a limit.
    Check,
}

/// Who else is told when a problem stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// How long after the first notice.
    pub after: Duration,
    /// The handlers.
    pub to: Vec<Arc<str>>,
}

impl Handler {
    /// Fills the options in. An option that is one reference and nothing else keeps its type, so
    /// that a list of addresses stays a list.
    pub fn fill_options(&self, env: &dyn Env) -> Result<BTreeMap<Arc<str>, Value>, Failure> {
        self.options
            .iter()
            .map(|(name, setting)| Ok((Arc::clone(name), given::fill(setting, env)?)))
            .collect()
    }

    /// Gives the raw texts of the options, which may hold references.
    pub fn option_texts(&self) -> Vec<&crate::RawText> {
        let mut texts = Vec::new();
        for setting in self.options.values() {
            setting.each_text(&mut |text| texts.push(text));
        }
        texts
    }

    /// Names every other handler that it hands something to.
    pub fn others(&self) -> impl Iterator<Item = &Arc<str>> {
        let escalated = self.escalate.iter().flat_map(|step| &step.to);
        escalated.chain(&self.alternates)
    }
}

impl Object for Handler {
    const KEY: &'static str = "handler";
    const FOLDER: &'static str = "handlers";

    fn read(fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self> {
        let place = fields.place().clone();
        let node = given::settle(fields.whole(), &home.parameters, fields.report);
        let mut fields = Fields::new(&node, "handler", fields.report)?.at(place);
        let notifier = notifier::read(&mut fields);
        let options = fields.settings("options");
        let handler = Self {
            id: home.id(),
            name: Arc::from(home.stem()),
            enabled: fields.boolean("enabled").unwrap_or(true),
            if_group: fields.group_set("if_group", "*"),
            route: route::read(&mut fields),
            pace: pace(&mut fields, notifier),
            escalate: escalations(&mut fields, &home.pack),
            alternates: others(fields.texts("alternates"), &home.pack),
            is_direct: fields.boolean("direct").unwrap_or(true),
            tells_recovery: fields.boolean("recovery").unwrap_or(true),
            texts: texts::read(&mut fields, sheet),
            notes: fields.text("notes"),
            notifier: notifier.unwrap_or(Notifier::Webhook),
            options,
            home,
        };
        if let Some(notifier) = notifier {
            notifier.check(&handler.options, &mut fields);
        }
        fields.finish(UnknownKeys::Refuse);
        notifier.is_some().then_some(handler)
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

fn pace(fields: &mut Fields<'_>, notifier: Option<Notifier>) -> Pace {
    let gather = fields.choice(
        "gather",
        &[
            ("all", Gather::All),
            ("node", Gather::Node),
            ("pack", Gather::Pack),
            ("check", Gather::Check),
        ],
    );
    let by_default = match notifier {
        // They keep one incident for each thing, and close it by its recovery.
        Some(Notifier::Pagerduty | Notifier::Opsgenie) => Gather::Check,
        Some(_) | None => Gather::All,
    };
    Pace {
        when: calendar(fields),
        delay: fields.duration("delay").unwrap_or_default(),
        window: fields.duration("window").unwrap_or(WINDOW_DEFAULT),
        gather: gather.unwrap_or(by_default),
        repeat: fields.interval("repeat"),
    }
}

fn calendar(fields: &mut Fields<'_>) -> Option<Calendar> {
    let name = fields.text("timezone");
    let zone = match &name {
        None => None,
        Some(name) => {
            let zone = calendar::time_zone(name);
            if zone.is_none() {
                let place = fields.place_of("timezone");
                let message = format!("there is no time zone `{name}`");
                fields
                    .report
                    .error(&place, message, "write it as `Europe/Paris` or `UTC`");
            }
            zone
        }
    };
    let spans = fields.texts("when");
    if spans.is_empty() {
        return None;
    }
    match Calendar::parse(spans.iter().map(|span| &**span), zone) {
        Ok(calendar) => Some(calendar),
        Err(error) => {
            let place = fields.place_of("when");
            let hint = "a span is days and hours: `mon-fri 08:00-18:00`";
            fields.report.error(&place, error, hint);
            None
        }
    }
}

fn escalations(fields: &mut Fields<'_>, pack: &str) -> Vec<Escalation> {
    let mut steps = Vec::new();
    for item in fields.items("escalate") {
        let Some(mut step) = Fields::new(item, "escalate", fields.report) else {
            continue;
        };
        step.required("after");
        let after = step.interval("after");
        step.required("to");
        let to = others(step.texts("to"), pack);
        step.finish(UnknownKeys::Refuse);
        steps.extend(after.map(|after| Escalation { after, to }));
    }
    steps.sort_by_key(|step| step.after);
    steps
}

/// A handler of the same pack may be named without it.
fn others(names: Vec<Arc<str>>, pack: &str) -> Vec<Arc<str>> {
    let whole = |name: Arc<str>| match name.contains('/') {
        true => name,
        false => Arc::from(format!("{pack}/{name}")),
    };
    names.into_iter().map(whole).collect()
}

#[cfg(test)]
mod tests;
