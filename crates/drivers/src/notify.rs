//! Notifiers: how people and their services are told, one file each.
//!
//! A notifier gets a [`Notice`], which is ready to be sent, and the options of whoever is to be
//! told. It sends it once, in the bounds of a [`Deadline`], and says what the other side answered:
//! a [`Receipt`], or a [`Failure`] that tells whether another try can help. Whom to tell, when, how
//! often and in which words is decided elsewhere.
//!
//! The identity of a notice ([`Notice::id`]) travels wherever a service has a place for it, so that
//! a notice that is sent twice because the first answer was lost can be recognised.
//! Nothing that an option marked as secret holds is in a receipt or a failure.
//!
//! To add one: a file with a `KIND`, and its name in [`ALL`].

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Value;

use crate::options::{OptionKind, OptionSpec, Options};
use crate::{Deadline, Host};

mod delivery;
mod failure;
mod notice;

mod command;
mod discord;
mod mail;
mod mattermost;
mod ntfy;
mod opsgenie;
mod pagerduty;
mod slack;
mod syslog;
mod teams;
mod telegram;
mod webhook;

pub use failure::{Failure, Receipt, Retry};
pub use notice::{Item, Link, Notice, Occasion, Tone};

/// Every notifier, ordered by name.
pub const ALL: &[&Kind] = &[
    &command::KIND,
    &discord::KIND,
    &mail::KIND,
    &mattermost::KIND,
    &ntfy::KIND,
    &opsgenie::KIND,
    &pagerduty::KIND,
    &slack::KIND,
    &syslog::KIND,
    &teams::KIND,
    &telegram::KIND,
    &webhook::KIND,
];

/// A way to tell somebody.
#[derive(Debug)]
pub struct Kind {
    /// The name, as a handler of a pack has it.
    pub name: &'static str,
    /// One sentence: who is told, and how.
    pub doc: &'static str,
    /// What can be said about it.
    pub options: &'static [OptionSpec],
    /// Sends one notice.
    send: fn(&Call<'_>) -> Result<Receipt, Failure>,
}

/// What one delivery has at hand.
#[derive(Clone, Copy)]
struct Call<'a> {
    options: Options<'a>,
    notice: &'a Notice,
    host: &'a Host,
    deadline: Deadline,
}

/// Finds a notifier by its name.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name).copied()
}

/// Tells whether options make sense for a notifier, without sending anything.
pub fn check(kind: &str, options: &BTreeMap<Arc<str>, Value>) -> Result<(), Failure> {
    let kind = known(kind)?;
    Ok(Options::new(kind.name, kind.options, options).check()?)
}

/// Sends a notice.
pub fn send(
    kind: &str,
    options: &BTreeMap<Arc<str>, Value>,
    notice: &Notice,
    host: &Host,
    deadline: Deadline,
) -> Result<Receipt, Failure> {
    let kind = known(kind)?;
    let options = Options::new(kind.name, kind.options, options);
    options.check()?;
    let call = Call {
        options,
        notice,
        host,
        deadline,
    };
    match (kind.send)(&call) {
        Ok(receipt) => Ok(Receipt {
            text: options.without_secrets(&receipt.text),
        }),
        Err(failure) => Err(Failure {
            message: format!(
                "{}: {}",
                kind.name,
                options.without_secrets(&failure.message)
            ),
            retry: failure.retry,
        }),
    }
}

/// What every notifier that speaks HTTP can be told.
const CA_FILE: OptionSpec = OptionSpec::new(
    "ca_file",
    OptionKind::Text,
    "File (PEM) with the authorities that may vouch for the service, in place of the machine's.",
);

fn known(name: &str) -> Result<&'static Kind, Failure> {
    find(name).ok_or_else(|| {
        let names = ALL.iter().map(|kind| kind.name);
        let hint = match model::nearest(name, names.clone()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        Failure::never(format!("there is no notifier {name:?}: {hint}"))
    })
}

#[cfg(test)]
mod tests;
