//! From what was typed to what it means.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use model::limits::NODE_ADDRESSES_MAX;
use model::{Diagnostic, Group, Topic, Value};
use packs::yaml::{Entry, Node};

use super::keys::{self, Change, Kind};
use super::zone::{self, Zone};
use super::{Backups, Bootstrap, Configuration, FORGET_TIMES, Loaded, Set, Voters};
use crate::log::{Log, LogFormat, LogLevel};
use crate::paths::Paths;

/// Takes one file after the other, then says what they mean together.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Diagnostic>,
    typed: BTreeMap<&'static str, Typed>,
    zones: BTreeMap<String, Zone>,
}

/// A value with what is needed to complain about it.
struct Typed {
    node: Node,
    source: String,
}

impl Reader {
    /// Takes the keys and zones of one file.
    pub(super) fn take(&mut self, root: &Node, text: &str) {
        if root.is_null() {
            return;
        }
        let Some(entries) = root.entries() else {
            let message = format!(
                "the file must hold `key: value` lines, not {}",
                root.kind_name()
            );
            self.problems
                .push(Diagnostic::error(root.place.clone(), message).with_source(text));
            return;
        };
        for entry in entries {
            if &*entry.key == "zone" {
                if let Some(zone) = zone::read(&entry.value, text, &mut self.problems) {
                    self.zones.insert(zone.name.clone(), zone);
                }
            } else if let Some(inside) = below(entry) {
                for entry in &inside {
                    self.take_key(entry, text);
                }
            } else {
                self.take_key(entry, text);
            }
        }
    }

    fn take_key(&mut self, entry: &Entry, text: &str) {
        let Some(key) = keys::find(&entry.key) else {
            let message = format!("unknown key `{}`", entry.key);
            let problem = Diagnostic::error(entry.key_place.clone(), message).with_source(text);
            let known = keys::names().chain(["zone"]);
            self.problems.push(match model::nearest(&entry.key, known) {
                Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
                None => problem.with_hint("`opsbro agent parameters show` lists all keys"),
            });
            return;
        };
        if key.change == Change::Never {
            let message = format!("`{}` has no effect any more", key.name);
            let problem = Diagnostic::warning(entry.key_place.clone(), message).with_source(text);
            self.problems.push(problem.with_hint("remove the line"));
            return;
        }
        let line = entry.value.place.line.saturating_sub(1) as usize;
        let source = text.lines().nth(line).unwrap_or_default().to_owned();
        let typed = Typed {
            node: entry.value.clone(),
            source,
        };
        if has_kind(&typed.node, key.kind) {
            self.typed.insert(key.name, typed);
        } else {
            let (name, expected, found) = (key.name, key.kind.as_str(), typed.node.kind_name());
            let message = format!("`{name}` must be {expected}, not {found}");
            let hint = format!("the default is: {name}: {}", key.default);
            self.refuse(&typed, message, hint);
        }
    }

    /// Says what all files together mean.
    pub(super) fn finish(mut self, paths: &Paths) -> Loaded {
        if self.zones.is_empty() {
            self.zones = zone::defaults();
        }
        let zones = std::mem::take(&mut self.zones);
        zone::check_tree(&zones, &mut self.problems);
        let set = self.typed.iter().map(|(name, typed)| {
            let (value, place) = (typed.node.to_value(), typed.node.place.clone());
            (*name, Set { value, place })
        });
        let set = set.collect();
        let configuration = Configuration {
            display_name: self.text("display_name").unwrap_or_default(),
            process_name: self
                .text("process_name")
                .unwrap_or_else(|| "opsbro".to_owned()),
            port: self.port("port").unwrap_or(6768),
            listen_address: self
                .address("listen_address")
                .unwrap_or(IpAddr::from(std::net::Ipv4Addr::UNSPECIFIED)),
            advertise_address: self.address("advertise_address"),
            allowed_hosts: self.texts("allowed_hosts").into_iter().collect(),
            bootstrap: self.bootstrap(),
            agrees: self.truth("agreement.enabled", true),
            voters: self.voters(),
            backups: self.backups(),
            forget_dead_after: self.forget_dead_after(),
            makes_key: self.truth("new-cluster-key", false),
            seeds: self.texts("seeds"),
            groups: self.groups(),
            zone: self.zone_name(&zones),
            is_proxy: self.truth("proxy-node", false),
            dns_enabled: self.truth("dns.enabled", false),
            dns_addresses: self.dns_addresses(),
            topics: self.topics(),
            log_level: self.level("log_level").unwrap_or(LogLevel::Info),
            log_levels: self.levels(),
            log_format: self.format(),
            paths: self.paths(paths),
            home: paths.clone(),
            zones,
        };
        self.problems
            .sort_by(|left, right| left.place.cmp(&right.place));
        Loaded {
            configuration,
            set,
            problems: self.problems,
        }
    }

    fn refuse(&mut self, typed: &Typed, message: String, hint: String) {
        let mut problem = Diagnostic::error(typed.node.place.clone(), message).with_hint(hint);
        problem.source_line = Some(typed.source.clone());
        self.problems.push(problem);
    }

    fn text(&self, name: &str) -> Option<String> {
        self.typed.get(name).map(|typed| as_text(&typed.node))
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let items = self.typed.get(name).and_then(|typed| typed.node.items());
        items.unwrap_or_default().iter().map(as_text).collect()
    }

    fn truth(&self, name: &str, default: bool) -> bool {
        match self.typed.get(name).map(|typed| typed.node.to_value()) {
            Some(Value::Bool(truth)) => truth,
            Some(_) | None => default,
        }
    }

    fn bootstrap(&mut self) -> Bootstrap {
        match self.count("bootstrap") {
            Some(count) => Bootstrap::Together(count),
            None if self.truth("bootstrap", false) => Bootstrap::AtOnce,
            None => Bootstrap::Patient,
        }
    }

    fn voters(&mut self) -> Voters {
        let spread = self.texts("voters-spread").into_iter();
        Voters {
            count_max: self.count("voters").unwrap_or(Voters::COUNT_MAX),
            grace: self
                .interval("voters-grace", &Voters::GRACES)
                .unwrap_or(Voters::GRACE),
            spread: spread.collect(),
        }
    }

    fn forget_dead_after(&mut self) -> Option<Duration> {
        let after = self.interval_or_never("forget-dead-after", &FORGET_TIMES);
        after.filter(|after| !after.is_zero())
    }

    /// Reads a time, or 0 for never.
    fn interval_or_never(
        &mut self,
        name: &'static str,
        bounds: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        match self.text(name).as_deref() {
            Some("0" | "0s") => Some(Duration::ZERO),
            Some(_) | None => self.interval(name, bounds),
        }
    }

    fn backups(&mut self) -> Backups {
        let every = self.interval_or_never("backup-every", &Backups::TIMES);
        Backups {
            every: every.unwrap_or(Backups::EVERY),
            keep: self.count("backup-keep").unwrap_or(Backups::KEEP),
        }
    }

    fn count(&self, name: &str) -> Option<usize> {
        match self.typed.get(name)?.node.to_value() {
            Value::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }

    fn interval(
        &mut self,
        name: &'static str,
        bounds: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = self.text(name)?;
        let parsed = model::parse_interval(&text);
        let bounded = parsed.ok().filter(|time| bounds.contains(time));
        if bounded.is_none()
            && let Some(typed) = self.typed.remove(name)
        {
            let (least, most) = (bounds.start().as_secs(), bounds.end().as_secs());
            let message = format!("`{name}`: `{text}` is no time from {least}s to {most}s");
            self.refuse(
                &typed,
                message,
                "write a time such as 60s or 12h".to_owned(),
            );
        }
        bounded
    }

    fn port(&self, name: &str) -> Option<u16> {
        match self.typed.get(name)?.node.to_value() {
            Value::Int(number) => u16::try_from(number).ok(),
            _ => None,
        }
    }

    fn address(&mut self, name: &'static str) -> Option<IpAddr> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let typed = self.typed.remove(name)?;
        let message = format!("`{name}`: `{text}` is no IP address");
        self.refuse(
            &typed,
            message,
            "write one such as 10.0.0.5 or fd00::5".to_owned(),
        );
        None
    }

    fn dns_addresses(&mut self) -> Vec<IpAddr> {
        let Some(typed) = self.typed.remove("dns.addresses") else {
            return Vec::new();
        };
        let mut addresses = Vec::new();
        for item in typed.node.items().unwrap_or_default() {
            let text = as_text(item);
            let address = text.parse::<IpAddr>().ok();
            // An address of one wire only leads elsewhere on each machine that asks.
            let is_link_local = |it: &IpAddr| match it {
                IpAddr::V4(four) => four.is_link_local(),
                IpAddr::V6(six) => six.is_unicast_link_local(),
            };
            let is_wide =
                |it: &IpAddr| !it.is_unspecified() && !it.is_multicast() && !is_link_local(it);
            match address.filter(is_wide) {
                Some(address) if !addresses.contains(&address) => addresses.push(address),
                Some(_) => {}
                None => {
                    let typed = Typed {
                        node: item.clone(),
                        source: typed.source.clone(),
                    };
                    let message = format!("`dns.addresses`: `{text}` is no address of a node");
                    let hint = "write one such as 10.0.0.5 or fd00::5".to_owned();
                    self.refuse(&typed, message, hint);
                }
            }
        }
        if addresses.len() > NODE_ADDRESSES_MAX {
            let message = format!("`dns.addresses` holds {NODE_ADDRESSES_MAX} addresses at most");
            self.refuse(&typed, message, "leave out the least used".to_owned());
        }
        addresses
    }

    fn groups(&mut self) -> std::collections::BTreeSet<Group> {
        let mut groups = std::collections::BTreeSet::new();
        let Some(typed) = self.typed.remove("groups") else {
            return groups;
        };
        for item in typed.node.items().unwrap_or_default() {
            match Group::parse(&as_text(item)) {
                Ok(group) => drop(groups.insert(group)),
                Err(error) => {
                    let typed = Typed {
                        node: item.clone(),
                        source: typed.source.clone(),
                    };
                    self.refuse(
                        &typed,
                        format!("`groups`: {error}"),
                        "remove or rename it".into(),
                    );
                }
            }
        }
        groups
    }

    fn zone_name(&mut self, zones: &BTreeMap<String, Zone>) -> String {
        let name = self
            .text("node-zone")
            .unwrap_or_else(|| "internet".to_owned());
        if zones.contains_key(&name) {
            return name;
        }
        let message = format!("`node-zone`: there is no zone `{name}`");
        let hint = match model::nearest(&name, zones.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it in zones/{name}.yml: zone: {{name: {name}}}"),
        };
        match self.typed.remove("node-zone") {
            Some(typed) => self.refuse(&typed, message, hint),
            None => {
                let place = zones.values().next().map(|zone| zone.place.clone());
                let place = place.unwrap_or_else(|| model::Place::new("agent.yml", 1, 1));
                let hint = "set node-zone in agent.yml to one of the declared zones";
                self.problems
                    .push(Diagnostic::error(place, message).with_hint(hint));
            }
        }
        name
    }

    fn topics(&self) -> std::collections::BTreeSet<Topic> {
        let enabled = |topic: &Topic| {
            let name = format!("{}_topic_enabled", topic.label().replace(' ', "_"));
            self.truth(&name, true)
        };
        Topic::ALL.into_iter().filter(enabled).collect()
    }

    fn level(&mut self, name: &'static str) -> Option<LogLevel> {
        let text = self.text(name)?;
        let level = LogLevel::parse(&text);
        if level.is_none()
            && let Some(typed) = self.typed.remove(name)
        {
            let message = format!("`{name}`: `{text}` is no log level");
            self.refuse(&typed, message, LEVELS_HINT.to_owned());
        }
        level
    }

    fn levels(&mut self) -> BTreeMap<String, LogLevel> {
        let mut levels = BTreeMap::new();
        let Some(typed) = self.typed.remove("log_levels") else {
            return levels;
        };
        for entry in typed.node.entries().unwrap_or_default() {
            let at = Typed {
                node: entry.value.clone(),
                source: typed.source.clone(),
            };
            let parts = Log::parts();
            if !parts.iter().any(|part| **part == *entry.key) {
                let near = model::nearest(&entry.key, parts.iter().map(String::as_str));
                let hint = near.map_or_else(
                    || parts.join(", "),
                    |near| format!("did you mean `{near}`?"),
                );
                self.refuse(
                    &at,
                    format!("`log_levels`: there is no part `{}`", entry.key),
                    hint,
                );
                continue;
            }
            match LogLevel::parse(&as_text(&entry.value)) {
                Some(level) => drop(levels.insert(entry.key.to_string(), level)),
                None => {
                    let message = format!("`log_levels`: no level for `{}`", entry.key);
                    self.refuse(&at, message, LEVELS_HINT.to_owned());
                }
            }
        }
        levels
    }

    fn format(&mut self) -> LogFormat {
        match self.text("log_format").as_deref() {
            None | Some("auto") => LogFormat::Auto,
            Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                let message = format!("`log_format`: `{other}` is no format");
                if let Some(typed) = self.typed.remove("log_format") {
                    self.refuse(&typed, message, "use auto, text or json".to_owned());
                }
                LogFormat::Auto
            }
        }
    }

    fn paths(&mut self, paths: &Paths) -> Paths {
        let mut path = |name: &'static str, default: &PathBuf| match self.text(name) {
            Some(text) if !text.is_empty() => {
                let placed = paths.place(&PathBuf::from(&text));
                if placed.is_relative()
                    && let Some(typed) = self.typed.remove(name)
                {
                    let message = format!("`{name}`: `{text}` does not begin with a `/`");
                    let hint = "write the whole path: the agent has no folder to begin at";
                    self.refuse(&typed, message, hint.to_owned());
                }
                placed
            }
            Some(_) | None => default.clone(),
        };
        let data = path("data", &paths.data);
        let libexec = if data == paths.data {
            paths.libexec.clone()
        } else {
            data.join("libexec")
        };
        Paths {
            root: paths.root.clone(),
            config: paths.config.clone(),
            log: path("log", &paths.log),
            lock: path("lock", &paths.lock),
            socket: path("socket", &paths.socket),
            libexec: path("libexec", &libexec),
            data,
        }
    }
}

const LEVELS_HINT: &str = "use ERROR, WARNING, INFO, DEBUG or TRACE";

/// Takes `dns: {enabled: true}` for `dns.enabled: true`; nothing where no such key is known.
fn below(entry: &Entry) -> Option<Vec<Entry>> {
    let prefix = format!("{}.", entry.key);
    let is_known = keys::names().any(|name| name.starts_with(&prefix));
    let entries = entry.value.entries().filter(|_| is_known)?;
    let full = |inner: &Entry| Entry {
        key: std::sync::Arc::from(format!("{prefix}{}", inner.key)),
        ..inner.clone()
    };
    Some(entries.iter().map(full).collect())
}

fn has_kind(node: &Node, kind: Kind) -> bool {
    let scalar = node.entries().is_none() && node.items().is_none();
    match kind {
        Kind::Text => scalar,
        Kind::Interval => scalar,
        Kind::Bool => matches!(node.to_value(), Value::Bool(_)),
        Kind::BoolOrCount => match node.to_value() {
            Value::Bool(_) => true,
            value => matches!(value, Value::Int(2..=1_000)),
        },
        Kind::Count => matches!(node.to_value(), Value::Int(1..=1_000)),
        Kind::Port => {
            matches!(node.to_value(), Value::Int(number) if u16::try_from(number).is_ok())
        }
        Kind::Levels => node.entries().is_some() || node.is_null(),
        Kind::List => {
            let flat = |item: &Node| item.entries().is_none() && item.items().is_none();
            node.is_null() || node.items().is_some_and(|items| items.iter().all(flat))
        }
    }
}

/// Gives a scalar as it was written: a zone called `007` or a group `1.10` keeps its letters.
fn as_text(node: &Node) -> String {
    match node.text() {
        Some(text) => text.to_string(),
        None => String::new(),
    }
}
