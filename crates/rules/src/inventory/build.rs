//! Puts the inventory together from what the collectors gave.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::limits::{INVENTORY_TEXT_CHARS_MAX, INVENTORY_THINGS_MAX};
use model::{Moment, Value, WallTime};

use super::{Inventory, Item, Things};
use crate::facts::{Facts, State};

/// What is known of packages, which no collector lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packages {
    /// The version of each.
    Known(BTreeMap<String, String>),
    /// Why they are not known.
    Unknown(String),
}

/// Puts the inventory together.
pub fn build(facts: &Facts, now: Moment, wall: WallTime, packages: Packages) -> Inventory {
    let mut inventory = Inventory::default();
    for section in SECTIONS {
        let found = Sources { facts, now, wall }.all(section.collectors);
        match found {
            Ok(values) => {
                let mut things = Things::new();
                (section.read)(&values, &mut Draft(&mut things));
                inventory.sections.insert(section.name.to_owned(), things);
            }
            Err(why) => drop(inventory.missing.insert(section.name.to_owned(), why)),
        }
    }
    match packages {
        Packages::Known(all) => {
            let mut things = Things::new();
            let mut draft = Draft(&mut things);
            for (name, version) in &all {
                draft.put(name, "version", &Value::from(version.as_str()));
            }
            inventory.sections.insert("packages".to_owned(), things);
        }
        Packages::Unknown(why) => drop(inventory.missing.insert("packages".to_owned(), why)),
    }
    inventory
}

/// A section and the collectors that it is read from.
struct Section {
    name: &'static str,
    collectors: &'static [&'static str],
    read: fn(&Values, &mut Draft<'_>),
}

const SECTIONS: &[Section] = &[
    Section {
        name: "system",
        collectors: &["system", "timezone", "hypervisor", "selinux"],
        read: system,
    },
    Section {
        name: "hardware",
        collectors: &["system", "memory", "dmidecode", "blockdevice"],
        read: hardware,
    },
    Section {
        name: "network",
        collectors: &["interfaces"],
        read: network,
    },
    Section {
        name: "services",
        collectors: &["systemd"],
        read: services,
    },
    Section {
        name: "containers",
        collectors: &["docker"],
        read: containers,
    },
    Section {
        name: "listening",
        collectors: &["openports"],
        read: listening,
    },
    Section {
        name: "certificates",
        collectors: &["certificates"],
        read: certificates,
    },
];

/// What the collectors of a section gave, by name. One that has nothing to look at here is absent.
type Values = BTreeMap<&'static str, Value>;

struct Sources<'a> {
    facts: &'a Facts,
    now: Moment,
    wall: WallTime,
}

impl Sources<'_> {
    /// Gives what all of them gave. As long as one is only not known *now*, the section is not
    /// known: what it tells would seem to be gone.
    fn all(&self, names: &[&'static str]) -> Result<Values, String> {
        let mut values = Values::new();
        let mut why = None;
        for name in names {
            let Some(collector) = self.facts.collectors.get(*name) else {
                why.get_or_insert_with(|| format!("there is no collector {name}"));
                continue;
            };
            match (collector.usable(self.now, self.wall), collector.state) {
                (Some(good), _) => drop(values.insert(name, good.value.clone())),
                (None, State::NotEligible) => drop(why.get_or_insert_with(|| collector.why())),
                (None, _) => return Err(collector.why()),
            }
        }
        match why {
            Some(why) if values.is_empty() => Err(why),
            Some(_) | None => Ok(values),
        }
    }
}

/// The things of a section while it is read.
struct Draft<'a>(&'a mut Things);

impl Draft<'_> {
    /// Notes one word about a thing, when there is something to note.
    fn put(&mut self, name: &str, word: &str, value: &Value) {
        let Some(text) = text_of(value).filter(|text| !text.is_empty()) else {
            return;
        };
        if let Some(item) = self.thing(name) {
            item.insert(word.to_owned(), text);
        }
    }

    /// Notes a thing.
    fn thing(&mut self, name: &str) -> Option<&mut Item> {
        let name = cut(name);
        if self.0.len() >= INVENTORY_THINGS_MAX && !self.0.contains_key(&name) {
            return None;
        }
        Some(self.0.entry(name).or_default())
    }

    /// Notes words about a thing that its map has under these keys.
    fn put_all(&mut self, name: &str, from: &Value, keys: &[&str]) {
        self.thing(name);
        for key in keys {
            if let Some(value) = from.get(key) {
                self.put(name, key, value);
            }
        }
    }
}

fn system(values: &Values, draft: &mut Draft<'_>) {
    let plain = [
        ("hostname", "system", "hostname"),
        ("fqdn", "system", "fqdn"),
        ("architecture", "system", "architecture"),
        ("hosting", "system", "hosting"),
        ("kernel", "system", "os.kernel"),
        ("os", "system", "os.name"),
        ("distribution", "system", "os.linux.distribution"),
        ("version", "system", "os.linux.version"),
        ("public_ip", "system", "public_ip"),
        ("local_ip", "system", "local_ip"),
        ("timezone", "timezone", "timezone"),
        ("hypervisor", "hypervisor", "hypervisor"),
        ("selinux", "selinux", "mode"),
    ];
    for (name, collector, path) in plain {
        let value = values.get(collector).and_then(|value| walk(value, path));
        if let Some(value) = value {
            draft.put(name, "value", value);
        }
    }
}

fn hardware(values: &Values, draft: &mut Draft<'_>) {
    if let Some(system) = values.get("system") {
        for (key, word) in [("cpu_model_name", "model"), ("cpu_count", "count")] {
            if let Some(value) = system.get(key) {
                draft.put("cpu", word, value);
            }
        }
    }
    let total = values
        .get("memory")
        .and_then(|memory| memory.get("phys_total"));
    if let Some(kilobytes) = total.and_then(number_of) {
        // A new kernel reserves some more or less: that is no change of the machine.
        let gibibytes = format!("{:.1} GiB", kilobytes / (1024.0 * 1024.0));
        draft.put("memory", "size", &Value::from(gibibytes.as_str()));
    }
    if let Some(Value::Map(fields)) = values.get("dmidecode") {
        let skipped = |name: &str| matches!(name, "modalias" | "uevent");
        for (name, value) in fields.iter().filter(|(name, _)| !skipped(name)) {
            draft.put(name, "value", value);
        }
    }
    for (name, disk) in members(values.get("blockdevice")) {
        let keys = ["vendor", "model", "size_bytes", "serial"];
        draft.put_all(&format!("disk {name}"), disk, &keys);
    }
}

fn network(values: &Values, draft: &mut Draft<'_>) {
    // One end of the pair that a container brings with it, and takes away.
    let is_passing = |name: &str| name.starts_with("veth");
    for (name, interface) in members(values.get("interfaces")).filter(|(name, _)| !is_passing(name))
    {
        let keys = [
            "hardware_address",
            "ip_address",
            "ip_addresses",
            "ipv6_addresses",
            "mtu",
            "speed",
            "master",
            "kind",
            "up",
            "running",
        ];
        draft.put_all(name, interface, &keys);
    }
}

fn services(values: &Values, draft: &mut Draft<'_>) {
    let units = values.get("systemd").and_then(|value| value.get("units"));
    for (name, unit) in members(units).filter(|(name, _)| name.ends_with(".service")) {
        let word = |key| match unit.get(key) {
            Some(Value::Text(text)) => text.to_string(),
            _ => String::new(),
        };
        if word("load") == "not-found" {
            continue;
        }
        draft.put(
            name,
            "state",
            &Value::from(unit_state(&word("active"), &word("sub"))),
        );
    }
}

/// Tells how a unit is, without the states that it only passes through: what runs once now and
/// then would come and go with every look.
fn unit_state<'a>(active: &'a str, sub: &str) -> &'a str {
    match (active, sub) {
        ("activating", "auto-restart" | "auto-restart-queued") => "restarting",
        ("activating" | "deactivating" | "inactive", _) => "inactive",
        ("reloading" | "refreshing", _) => "active",
        (active, _) => active,
    }
}

fn containers(values: &Values, draft: &mut Draft<'_>) {
    let containers = values
        .get("docker")
        .and_then(|value| value.get("containers"));
    for (name, container) in members(containers) {
        draft.put_all(name, container, &["image", "state"]);
    }
}

fn listening(values: &Values, draft: &mut Draft<'_>) {
    let details = values
        .get("openports")
        .and_then(|value| value.get("details"));
    for (protocol, sockets) in members(details) {
        let Value::List(sockets) = sockets else {
            continue;
        };
        for socket in sockets.iter() {
            if let Some(Value::Text(source)) = socket.get("source") {
                let name = format!("{protocol} {source}");
                draft.put_all(&name, socket, &["process", "user"]);
            }
        }
    }
}

fn certificates(values: &Values, draft: &mut Draft<'_>) {
    let all = values
        .get("certificates")
        .and_then(|value| value.get("certificates"));
    for (path, certificate) in members(all) {
        draft.put_all(path, certificate, &["subject", "issuer"]);
        let ends = certificate.get("not_after").and_then(number_of);
        if let Some(seconds) = ends.filter(|seconds| *seconds >= 0.0) {
            let ends = WallTime::from_millis((seconds * 1_000.0) as u64).to_string();
            let day = ends.split('T').next().unwrap_or_default();
            draft.put(path, "expires", &Value::from(day));
        }
    }
}

/// Gives the members of a map; nothing when it is none.
fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let map = match value {
        Some(Value::Map(map)) => Some(Arc::as_ref(map)),
        _ => None,
    };
    map.into_iter()
        .flatten()
        .map(|(name, value)| (&**name, value))
}

fn walk<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, segment| value.get(segment))
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::None | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Writes a plain value, or a list of them.
fn text_of(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => cut(text),
        Value::List(items) => {
            let items: Vec<String> = items.iter().filter_map(text_of).collect();
            cut(&items.join(", "))
        }
        Value::None | Value::Map(_) => return None,
    })
}

fn cut(text: &str) -> String {
    let plain = text.trim().chars().map(|letter| match letter {
        letter if letter.is_control() => ' ',
        letter => letter,
    });
    plain.take(INVENTORY_TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::{Collector, Good, Taken};

    fn text(text: &str) -> Value {
        Value::from(text)
    }

    /// Makes facts of what collectors gave; a state alone is a collector without data.
    fn facts(all: Vec<(&str, State, Option<Value>)>) -> Facts {
        let collectors = all.into_iter().map(|(name, state, value)| {
            let taken = Taken::at(Moment::from_start(Duration::ZERO), WallTime::from_millis(0));
            let collector = Collector {
                name: Arc::from(name),
                defined_at: None,
                state,
                reason: Arc::from("there is none"),
                todo: Arc::from(""),
                good: value.map(|value| Good { value, taken }),
                last_run: None,
                next_due: None,
                interval: Duration::from_secs(10),
                timeout: Duration::from_secs(5),
                hangs_since: None,
                awaits_rates: false,
                since: WallTime::from_millis(0),
            };
            (Arc::from(name), Arc::new(collector))
        });
        Facts {
            collectors: collectors.collect(),
            ..Facts::default()
        }
    }

    fn built(facts: &Facts) -> Inventory {
        let now = Moment::from_start(Duration::from_secs(1));
        let packages = Packages::Unknown("no package manager".to_owned());
        build(facts, now, WallTime::from_millis(1_000), packages)
    }

    fn word<'a>(inventory: &'a Inventory, section: &str, name: &str, word: &str) -> &'a str {
        inventory
            .sections
            .get(section)
            .and_then(|things| things.get(name))
            .and_then(|item| item.get(word))
            .map_or("?", String::as_str)
    }

    #[test]
    fn sections_are_read_from_what_collectors_gave() {
        let memory = Value::map([("phys_total", Value::Int(24_684_100))]);
        let disk = Value::map([("vendor", text("ACME")), ("size_bytes", Value::Int(512))]);
        let unit = |active, sub| {
            let words = [
                ("active", text(active)),
                ("sub", text(sub)),
                ("load", text("loaded")),
            ];
            Value::map(words)
        };
        let units = Value::map([
            ("a.service", unit("active", "running")),
            ("once.service", unit("activating", "start")),
            ("loop.service", unit("activating", "auto-restart")),
            ("x.timer", unit("active", "waiting")),
        ]);
        let socket = Value::map([("source", text("0.0.0.0:80")), ("process", text("nginx"))]);
        let ports = Value::map([("tcp", Value::list([socket]))]);
        let web = Value::map([
            ("subject", text("web")),
            ("not_after", Value::Int(1_800_000_000)),
        ]);
        let certificates = Value::map([("/etc/ssl/web.pem", web)]);
        let certificates = Value::map([("certificates", certificates)]);
        let facts = facts(vec![
            ("memory", State::Ok, Some(memory)),
            ("blockdevice", State::Ok, Some(Value::map([("vda", disk)]))),
            ("dmidecode", State::NotEligible, None),
            ("certificates", State::Ok, Some(certificates)),
            ("systemd", State::Ok, Some(Value::map([("units", units)]))),
            (
                "openports",
                State::Ok,
                Some(Value::map([("details", ports)])),
            ),
        ]);
        let inventory = built(&facts);
        assert_eq!(word(&inventory, "hardware", "memory", "size"), "23.5 GiB");
        assert_eq!(word(&inventory, "hardware", "disk vda", "vendor"), "ACME");
        assert_eq!(word(&inventory, "services", "a.service", "state"), "active");
        assert_eq!(
            word(&inventory, "services", "once.service", "state"),
            "inactive"
        );
        assert_eq!(
            word(&inventory, "services", "loop.service", "state"),
            "restarting"
        );
        assert_eq!(inventory.sections["services"].len(), 3);
        assert_eq!(
            word(&inventory, "listening", "tcp 0.0.0.0:80", "process"),
            "nginx"
        );
        assert_eq!(
            word(&inventory, "certificates", "/etc/ssl/web.pem", "expires"),
            "2027-01-15"
        );
        assert_eq!(inventory.missing["packages"], "no package manager");
        assert_eq!(
            inventory.missing["network"],
            "there is no collector interfaces"
        );
    }

    #[test]
    fn a_section_with_one_part_that_is_not_known_now_is_not_known() {
        let memory = || Some(Value::map([("phys_total", Value::Int(1 << 20))]));
        let broken = facts(vec![
            ("memory", State::Ok, memory()),
            ("blockdevice", State::Error, None),
        ]);
        let inventory = built(&broken);
        assert_eq!(
            inventory.missing["hardware"],
            "blockdevice: ERROR, there is none"
        );
        let absent = facts(vec![
            ("memory", State::Ok, memory()),
            ("blockdevice", State::NotEligible, None),
        ]);
        assert!(built(&absent).sections.contains_key("hardware"));
    }

    #[test]
    fn hostile_data_is_cut() {
        let many = (0..20_000).map(|at| (format!("eth{at}"), Value::map([("mtu", Value::Int(1))])));
        let long = (
            "eth0".to_owned(),
            Value::map([("mtu", text(&"x\n".repeat(1_000)))]),
        );
        let facts = facts(vec![(
            "interfaces",
            State::Ok,
            Some(Value::map(many.chain([long]))),
        )]);
        let inventory = built(&facts);
        assert_eq!(inventory.sections["network"].len(), INVENTORY_THINGS_MAX);
        let mtu = word(&inventory, "network", "eth0", "mtu");
        assert_eq!(mtu.chars().count(), INVENTORY_TEXT_CHARS_MAX);
        assert!(!mtu.contains('\n'));
    }
}
