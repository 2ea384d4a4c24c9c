//! Packages that wait to be updated, those among them that close security holes, and whether the
//! machine must be started anew.
//!
//! The package manager is asked about what it knows already: nothing is fetched, locked or changed.
//! As that takes it a second, it is asked again only when its database or its lists have changed.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use model::Value;
use model::limits::{PACKAGE_LIST_BYTES_MAX, UPDATES_MAX};

use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use crate::child::{self, End};

mod package_manager;
mod reboot;

use package_manager::{Manager, Update};

pub(super) const COLLECTOR: Native = Native {
    name: "updates",
    doc: "Packages that wait to be updated, and whether a restart is due.",
    interval: Duration::from_secs(3_600),
    timeout: Duration::from_secs(60),
    has_rates: false,
    keys: &[
        key("manager", "", "who was asked: apt, dnf, apk"),
        key("count", "", "packages that can be updated"),
        key(
            "security",
            "",
            "of these, those that close security holes; absent where nobody tells",
        ),
        key("packages", "", "their names, security first"),
        key(
            "index_age_days",
            "days",
            "since the lists of packages were fetched",
        ),
        key(
            "reboot_required",
            "",
            "whether the machine must be started anew",
        ),
        key("reboot_reasons", "", "why"),
    ],
    make: || Box::<Updates>::default(),
};

#[derive(Default)]
struct Updates {
    known: Option<(Stamps, Vec<Update>)>,
}

/// The state of the database and of the lists.
type Stamps = Vec<Option<(u64, i64, i64)>>;

impl Collector for Updates {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let Some(manager) = Manager::find(context.host) else {
            return Err(Trouble::not_eligible(
                "no package manager that can be asked for updates is here (apt, dnf, apk)",
                "",
            ));
        };
        let stamps = manager.files.iter().map(|path| {
            let metadata = context.host.metadata(path).ok().flatten()?;
            Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
        });
        let stamps: Stamps = stamps.collect();
        let is_known = self
            .known
            .as_ref()
            .is_some_and(|(known, _)| *known == stamps);
        if !is_known {
            self.known = Some((stamps, ask(context, manager)?));
        }
        let updates = self.known.as_ref().map(|(_, updates)| updates.as_slice());
        Ok(to_value(context, manager, updates.unwrap_or_default()))
    }
}

fn ask(context: &Context<'_>, manager: &Manager) -> Result<Vec<Update>, Error> {
    let mut updates = (manager.read)(&run(context, manager, manager.argv)?);
    if let Some(argv) = manager.security_argv {
        let security = (manager.read)(&run(context, manager, argv)?);
        for update in &mut updates {
            update.is_security = security.iter().any(|other| other.name == update.name);
        }
    }
    updates.sort_by(|one, two| (!one.is_security, &one.name).cmp(&(!two.is_security, &two.name)));
    updates.dedup_by(|one, two| one.name == two.name);
    Ok(updates)
}

fn run(context: &Context<'_>, manager: &Manager, argv: &[&str]) -> Result<String, Error> {
    let command = child::Command {
        argv,
        stdin: b"",
        environment: &[],
        output_bytes_max: PACKAGE_LIST_BYTES_MAX,
        deadline: context.deadline,
    };
    let finished = child::run(context.host, &command)?;
    match finished.end {
        End::Code(code) if manager.good_codes.contains(&code) => Ok(finished.stdout.text()),
        End::Code(_) | End::Signal(_) | End::TimedOut => {
            Err(finished.error(&argv.join(" "), context.deadline))
        }
    }
}

fn to_value(context: &Context<'_>, manager: &Manager, updates: &[Update]) -> Value {
    let security = updates.iter().filter(|update| update.is_security).count();
    let names = updates.iter().take(UPDATES_MAX);
    let reasons = reboot::reasons(context);
    let mut found = vec![
        ("manager", Value::from(manager.name)),
        ("count", Value::count(updates.len())),
        (
            "packages",
            Value::list(names.map(|update| Value::from(update.name.as_str()))),
        ),
        ("reboot_required", Value::from(!reasons.is_empty())),
        (
            "reboot_reasons",
            Value::list(reasons.into_iter().map(Value::text)),
        ),
    ];
    if manager.tells_security {
        found.push(("security", Value::count(security)));
    }
    let lists = context.host.metadata(manager.index).ok().flatten();
    if let Some(lists) = lists {
        let age = context.wall.as_secs().cast_signed() - lists.mtime();
        found.push(("index_age_days", Value::Int(age.max(0) / 86_400)));
    }
    Value::map(found)
}

#[cfg(test)]
mod tests;
