//! Probes: how a service looks from outside, as those who use it see it. One file each.
//!
//! A probe asks once, in the bounds of a deadline, and gives an [`Outcome`]: a state, one line for
//! people, figures for graphs and facts for expressions. That a service is away is an outcome; an
//! error means that we could not even ask, which says nothing about the service.
//!
//! To add one: a file with a `KIND`, and its name in [`ALL`].

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{CheckState, Value, WallTime};

use crate::options::{OptionKind, OptionSpec, Options};
use crate::{Deadline, Error, Host};

mod dns;
mod http;
mod icmp;
mod outcome;
mod reach;
mod smtp;
mod ssh;
mod tcp;
mod tls;

pub use outcome::{Figure, Outcome};

/// Every probe, ordered by name.
pub const ALL: &[&Kind] = &[
    &dns::KIND,
    &http::KIND,
    &icmp::KIND,
    &smtp::KIND,
    &ssh::KIND,
    &tcp::KIND,
    &tls::KIND,
];

/// A way to look at a service.
#[derive(Debug)]
pub struct Kind {
    /// The name, as a check of a pack has it.
    pub name: &'static str,
    /// One sentence: what it asks.
    pub doc: &'static str,
    /// What can be said about it.
    pub options: &'static [OptionSpec],
    /// Whose options they are, in complaints.
    of: &'static str,
    /// Asks once.
    run: fn(&Call<'_>) -> Result<Outcome, Error>,
}

/// What a probe may use.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The machine that asks.
    pub host: &'a Host,
    /// The time of day, by which certificates are judged.
    pub wall: WallTime,
    /// When it must have answered.
    pub deadline: Deadline,
}

/// What one run has at hand.
#[derive(Clone, Copy)]
struct Call<'a> {
    options: Options<'a>,
    host: &'a Host,
    wall: WallTime,
    deadline: Deadline,
}

/// Finds a probe by its name.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name).copied()
}

/// Tells whether options make sense for a probe, without asking anybody.
pub fn check(kind: &str, options: &BTreeMap<Arc<str>, Value>) -> Result<(), Error> {
    let kind = known(kind)?;
    Options::new(kind.of, kind.options, options).check()
}

/// Looks at a service once.
pub fn run(
    kind: &str,
    options: &BTreeMap<Arc<str>, Value>,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let kind = known(kind)?;
    let options = Options::new(kind.of, kind.options, options);
    options.check()?;
    let call = Call {
        options,
        host: context.host,
        wall: context.wall,
        deadline: context.deadline,
    };
    let outcome = match (kind.run)(&call) {
        Ok(outcome) => outcome,
        // The service, or the way to it, is at fault.
        Err(error) if outcome::is_of_service(&error) => Outcome {
            state: CheckState::Critical,
            message: error.to_string(),
            figures: Vec::new(),
            facts: Value::map([("is_reachable", Value::Bool(false))]),
        },
        Err(error) => return Err(error),
    };
    Ok(Outcome {
        message: options.without_secrets(&outcome.message),
        ..outcome
    })
}

const SLOW_WARNING: OptionSpec = OptionSpec::new(
    "slow_warning",
    OptionKind::Interval,
    "WARNING when the answer takes longer.",
);
const SLOW_CRITICAL: OptionSpec = OptionSpec::new(
    "slow_critical",
    OptionKind::Interval,
    "CRITICAL when the answer takes longer.",
);
const EXPIRES_WARNING: OptionSpec = OptionSpec::new(
    "expires_warning",
    OptionKind::Interval,
    "WARNING when the certificate ends sooner.",
)
.default("21d");
const EXPIRES_CRITICAL: OptionSpec = OptionSpec::new(
    "expires_critical",
    OptionKind::Interval,
    "CRITICAL when the certificate ends sooner.",
)
.default("7d");
const INSECURE: OptionSpec = OptionSpec::new(
    "insecure",
    OptionKind::Flag,
    "Takes a certificate that nobody vouches for.",
)
.default("false");
const CA_FILE: OptionSpec = OptionSpec::new(
    "ca_file",
    OptionKind::Text,
    "File (PEM) with the authorities that may vouch for the service, in place of the machine's.",
);
const SERVER_NAME: OptionSpec = OptionSpec::new(
    "server_name",
    OptionKind::Text,
    "The name that the certificate must be for; the host if none.",
);

fn known(name: &str) -> Result<&'static Kind, Error> {
    find(name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|kind| kind.name).collect();
        Error::bad_request(name, format!("is no probe: there are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests;
