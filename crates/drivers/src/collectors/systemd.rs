//! Units and timers of systemd, asked over its private socket (as root) or over the system's bus.
//!
//! One question tells all units, without a program that is started for it. Timers that are active
//! are asked one by one.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use model::Value;
use model::limits::{UNITS_MAX, UNITS_TIMERS_MAX};

use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use bus::{Bus, Item};

mod bus;

/// Exists where systemd is the first process (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";
const PRIVATE: &str = "/run/systemd/private";
const SYSTEM: &str = "/run/dbus/system_bus_socket";

/// Units of these kinds are told one by one; of the others only those that failed are.
const KINDS: &[&str] = &[".service", ".timer", ".socket", ".mount", ".path"];

pub(super) const COLLECTOR: Native = Native {
    name: "systemd",
    doc: "Units of systemd, those that failed, and when timers run.",
    // A unit that starts is to be seen within 15 seconds, and asking for all costs a millisecond.
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: &[
        key(
            "state",
            "",
            "running, or degraded when a unit has failed, as systemd says",
        ),
        key("count", "", "units that are loaded"),
        key("active", "", "units that are active"),
        key("failed_count", "", "units that failed"),
        key("failed", "", "their names"),
        key("activating", "", "names of units that are starting"),
        key(
            "units.*.active",
            "",
            "active, inactive, failed, activating, deactivating",
        ),
        key(
            "units.*.sub",
            "",
            "running, exited, dead, waiting, mounted …",
        ),
        key("units.*.load", "", "loaded, masked, error"),
        key(
            "timers.*.last",
            "epoch",
            "when it ran last, in seconds since 1970; 0 for never",
        ),
        key(
            "timers.*.next",
            "epoch",
            "when it runs next, in seconds since 1970; 0 for not planned",
        ),
        key("timers.*.result", "", "success, or why it failed"),
        key("timers.*.unit", "", "what it starts"),
    ],
    make: || Box::new(Systemd),
};

struct Systemd;

impl Collector for Systemd {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !context.host.has(BOOTED) {
            return Err(Trouble::not_eligible(
                "systemd does not run here: there is no /run/systemd/system",
                "",
            ));
        }
        let mut bus = connect(context)?;
        let units = units(&mut bus)?;
        let mut timers = BTreeMap::new();
        for unit in units
            .iter()
            .filter(|unit| unit.name.ends_with(".timer") && unit.active == "active")
            .take(UNITS_TIMERS_MAX)
        {
            context.deadline.check("asking systemd for", &unit.name)?;
            timers.insert(unit.name.clone(), timer(&mut bus, &unit.path)?);
        }
        Ok(to_value(&units, timers))
    }
}

fn connect(context: &Context<'_>) -> Result<Bus<UnixStream>, Error> {
    let open = |path: &str| {
        let stream = UnixStream::connect(context.host.path(path)?);
        stream.map_err(Error::system("connect to", path))
    };
    match open(PRIVATE) {
        Ok(stream) => Bus::open(stream, false, context.deadline),
        // It is root's only.
        Err(_) => Bus::open(open(SYSTEM)?, true, context.deadline),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Unit {
    name: String,
    load: String,
    active: String,
    sub: String,
    /// Where it stands on the bus.
    path: String,
}

const MANAGER: &str = "/org/freedesktop/systemd1";

/// Asks for all units: name, description, load, active and sub state, the unit that it follows,
/// its path, and its job, which is a number, a kind and a path.
fn units(bus: &mut Bus<UnixStream>) -> Result<Vec<Unit>, Error> {
    let answer = bus.call(
        MANAGER,
        "org.freedesktop.systemd1.Manager",
        "ListUnits",
        &[],
    )?;
    let [Item::List(list)] = answer.as_slice() else {
        return Err(strange());
    };
    list.iter().map(unit).collect()
}

fn unit(item: &Item) -> Result<Unit, Error> {
    let Item::List(parts) = item else {
        return Err(strange());
    };
    let text = |index: usize| match parts.get(index) {
        Some(Item::Text(text)) => Ok(text.clone()),
        Some(_) | None => Err(strange()),
    };
    Ok(Unit {
        name: text(0)?,
        load: text(2)?,
        active: text(3)?,
        sub: text(4)?,
        path: text(6)?,
    })
}

fn strange() -> Error {
    Error::bad_answer("systemd", "gave a list of units that is not understood")
}

fn timer(bus: &mut Bus<UnixStream>, path: &str) -> Result<Value, Error> {
    let answer = bus.call(
        path,
        "org.freedesktop.DBus.Properties",
        "GetAll",
        &["org.freedesktop.systemd1.Timer"],
    )?;
    let [Item::List(properties)] = answer.as_slice() else {
        return Err(strange());
    };
    let mut found = Vec::new();
    for property in properties {
        let Item::List(pair) = property else { continue };
        let [Item::Text(name), value] = pair.as_slice() else {
            continue;
        };
        match (name.as_str(), value) {
            ("LastTriggerUSec", Item::Number(micros)) => found.push(("last", seconds(*micros))),
            ("NextElapseUSecRealtime", Item::Number(micros)) => {
                found.push(("next", seconds(*micros)));
            }
            ("Result", Item::Text(result)) => found.push(("result", Value::from(result.as_str()))),
            ("Unit", Item::Text(unit)) => found.push(("unit", Value::from(unit.as_str()))),
            _ => {}
        }
    }
    Ok(Value::map(found))
}

/// The largest number stands for never.
fn seconds(micros: u64) -> Value {
    Value::count(if micros == u64::MAX {
        0
    } else {
        micros / 1_000_000
    })
}

fn to_value(units: &[Unit], timers: BTreeMap<String, Value>) -> Value {
    let mut words = Words::default();
    let loaded = || units.iter().filter(|unit| unit.load != "not-found");
    let names = |active: &str| {
        let named = loaded().filter(|unit| unit.active == active);
        Value::list(
            named
                .take(UNITS_MAX)
                .map(|unit| Value::from(unit.name.as_str())),
        )
    };
    let count = |active: &str| loaded().filter(|unit| unit.active == active).count();
    let shown: BTreeMap<_, _> = loaded()
        .filter(|unit| {
            unit.active == "failed" || KINDS.iter().any(|kind| unit.name.ends_with(kind))
        })
        .take(UNITS_MAX)
        .map(|unit| {
            let states = Value::map([
                ("active", words.get(&unit.active)),
                ("sub", words.get(&unit.sub)),
                ("load", words.get(&unit.load)),
            ]);
            (unit.name.as_str(), states)
        })
        .collect();
    let failed_count = count("failed");
    let state = if failed_count > 0 {
        "degraded"
    } else {
        "running"
    };
    Value::map([
        ("state", Value::from(state)),
        ("count", Value::count(loaded().count())),
        ("active", Value::count(count("active"))),
        ("failed_count", Value::count(failed_count)),
        ("failed", names("failed")),
        ("activating", names("activating")),
        ("units", Value::map(shown)),
        ("timers", Value::map(timers)),
    ])
}

/// The few words that hundreds of units share.
#[derive(Default)]
struct Words(BTreeMap<String, Arc<str>>);

impl Words {
    fn get(&mut self, word: &str) -> Value {
        if let Some(known) = self.0.get(word) {
            return Value::Text(Arc::clone(known));
        }
        let new: Arc<str> = Arc::from(word);
        self.0.insert(word.to_owned(), Arc::clone(&new));
        Value::Text(new)
    }
}

#[cfg(test)]
mod tests;
