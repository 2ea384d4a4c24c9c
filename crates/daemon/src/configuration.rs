//! The configuration: `agent.yml` and the files beside it, strictly read.
//!
//! What was typed is checked as a whole: every problem of every file is reported with its line and
//! column before anything is bound or written. What it means is a [`Configuration`], which all
//! other code uses. The list of keys is in [`keys`]; `etc/agent.yml` is written from it.

pub mod keys;
mod read;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Diagnostic, Group, Place, Topic, Value, limits};
use packs::yaml;

use crate::log::{LogFormat, LogLevel, LogOptions};
use crate::paths::Paths;

use keys::Change;

pub use zone::Zone;

/// What the agent is told to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The name shown to people; empty when it is the host name.
    pub display_name: String,
    /// What the process is called in lists.
    pub process_name: String,
    /// The port of gossip (UDP) and HTTP (TCP); 0 picks a free one.
    pub port: u16,
    /// The address that the listeners bind.
    pub listen_address: std::net::IpAddr,
    /// The address that other nodes are told; `None` finds it.
    pub advertise_address: Option<std::net::IpAddr>,
    /// Names by which browsers and clients may call the API over TCP.
    pub allowed_hosts: BTreeSet<String>,
    /// What the start waits for.
    pub bootstrap: Bootstrap,
    /// Whether the node takes part in agreement.
    pub agrees: bool,
    /// How those who vote on keys and locks are chosen.
    pub voters: Voters,
    /// How often keys are backed up.
    pub backups: Backups,
    /// How long who is dead, or has left, is remembered; `None` for ever.
    pub forget_dead_after: Option<Duration>,
    /// Whether the first start without seeds makes a key for the zone.
    pub makes_key: bool,
    /// Nodes to join at start, `host` or `host:port`.
    pub seeds: Vec<String>,
    /// The static groups.
    pub groups: BTreeSet<Group>,
    /// The zone of the node.
    pub zone: String,
    /// Whether the node relays between zones.
    pub is_proxy: bool,
    /// Whether it answers DNS also without the group that asks for it.
    pub dns_enabled: bool,
    /// Addresses that DNS answers beside the one that other nodes are told.
    pub dns_addresses: Vec<std::net::IpAddr>,
    /// The topics that are on.
    pub topics: BTreeSet<Topic>,
    /// The level of the log.
    pub log_level: LogLevel,
    /// Levels of single parts of the log.
    pub log_levels: BTreeMap<String, LogLevel>,
    /// The form of the log on the console.
    pub log_format: LogFormat,
    /// Where everything is.
    pub paths: Paths,
    /// Where everything would be without a word of the files: where the files themselves are.
    pub home: Paths,
    /// The zones, by name.
    pub zones: BTreeMap<String, Zone>,
}

/// What the start of an agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// For one of the seeds.
    Patient,
    /// For nothing.
    AtOnce,
    /// For one of the seeds; and keys and locks, on a new node, for so many nodes of the zone.
    Together(usize),
}

/// How those who vote on keys and locks are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voters {
    /// Most of them.
    pub count_max: usize,
    /// How long one may be dead before another takes its place.
    pub grace: Duration,
    /// The groups that they are spread over.
    pub spread: Vec<String>,
}

impl Voters {
    const COUNT_MAX: usize = 5;
    const GRACE: Duration = Duration::from_secs(60);
    const GRACES: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(86_400);
}

/// How long the dead may be remembered, where that has an end.
const FORGET_TIMES: RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_secs(365 * 86_400);

/// How often keys are backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Time from one to the next; zero when there are none.
    pub every: Duration,
    /// How many are kept.
    pub keep: usize,
}

impl Backups {
    const EVERY: Duration = Duration::from_secs(86_400);
    const TIMES: RangeInclusive<Duration> =
        Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
    const KEEP: usize = 7;
}

impl Configuration {
    /// Gives what the log shall do.
    pub fn log_options(&self) -> LogOptions {
        LogOptions {
            level: self.log_level,
            levels: self.log_levels.clone(),
            format: self.log_format,
            directory: self.paths.log.clone(),
        }
    }

    /// Gives the tree of the zones. Names were checked when they were read.
    pub(crate) fn zone_tree(&self) -> gossip::Zones {
        let parse = |name: &str| model::Zone::parse(name).ok();
        let parent = |name: &str| {
            let above = self.zones.values();
            let mut above = above.filter(|zone| zone.sub_zones.iter().any(|it| it == name));
            above.next().and_then(|zone| parse(&zone.name))
        };
        let named = self.zones.keys();
        gossip::Zones::new(named.filter_map(|name| Some((parse(name)?, parent(name)))))
    }

    /// Compares with another configuration: each key, when a change of it is in force, and whether
    /// it differs.
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, Change, bool)> {
        let mut all = vec![("zones", Change::Reload, self.zones != other.zones)];
        let topic = |topic| self.topics.contains(&topic) != other.topics.contains(&topic);
        for key in keys::ALL {
            let differs = match key.name {
                "display_name" => self.display_name != other.display_name,
                "process_name" => self.process_name != other.process_name,
                "port" => self.port != other.port,
                "listen_address" => self.listen_address != other.listen_address,
                "advertise_address" => self.advertise_address != other.advertise_address,
                "allowed_hosts" => self.allowed_hosts != other.allowed_hosts,
                "data" => self.paths.data != other.paths.data,
                "libexec" => self.paths.libexec != other.paths.libexec,
                "log" => self.paths.log != other.paths.log,
                "lock" => self.paths.lock != other.paths.lock,
                "socket" => self.paths.socket != other.paths.socket,
                "log_level" => self.log_level != other.log_level,
                "log_levels" => self.log_levels != other.log_levels,
                "log_format" => self.log_format != other.log_format,
                "bootstrap" => self.bootstrap != other.bootstrap,
                "agreement.enabled" => self.agrees != other.agrees,
                "voters" => self.voters.count_max != other.voters.count_max,
                "voters-grace" => self.voters.grace != other.voters.grace,
                "voters-spread" => self.voters.spread != other.voters.spread,
                "backup-every" => self.backups.every != other.backups.every,
                "backup-keep" => self.backups.keep != other.backups.keep,
                "forget-dead-after" => self.forget_dead_after != other.forget_dead_after,
                "new-cluster-key" => self.makes_key != other.makes_key,
                "seeds" => self.seeds != other.seeds,
                "groups" => self.groups != other.groups,
                "node-zone" => self.zone != other.zone,
                "proxy-node" => self.is_proxy != other.is_proxy,
                "dns.enabled" => self.dns_enabled != other.dns_enabled,
                "dns.addresses" => self.dns_addresses != other.dns_addresses,
                name => keys::topic_of(name).is_some_and(topic),
            };
            all.push((key.name, key.change, differs));
        }
        all
    }

    /// Takes back what only a restart can change, so that everything that is read agrees.
    pub fn keep_until_restart(&mut self, running: &Self) {
        self.process_name.clone_from(&running.process_name);
        self.port = running.port;
        self.listen_address = running.listen_address;
        self.advertise_address = running.advertise_address;
        self.paths = running.paths.clone();
        self.log_format = running.log_format;
        self.bootstrap = running.bootstrap;
        self.makes_key = running.makes_key;
        self.agrees = running.agrees;
        self.zone.clone_from(&running.zone);
        self.is_proxy = running.is_proxy;
        let discovery = Topic::ServiceDiscovery;
        if running.topics.contains(&discovery) {
            self.topics.insert(discovery);
        } else {
            self.topics.remove(&discovery);
        }
    }
}

/// What was read, and what is wrong with it. Errors mean that the configuration is not usable.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration; where there are errors, with defaults in their places.
    pub configuration: Configuration,
    /// The keys that some file sets, as they were typed.
    pub set: BTreeMap<&'static str, Set>,
    /// Errors and warnings, in the order of files and lines.
    pub problems: Vec<Diagnostic>,
}

/// A key that a file sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// What was typed.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

impl Loaded {
    /// Tells whether the configuration may be used.
    pub fn is_usable(&self) -> bool {
        !self.problems.iter().any(Diagnostic::is_error)
    }
}

/// Reads all files of the configuration folder: `agent.yml` first, then the others by name, where a
/// later one wins.
pub fn load(paths: &Paths) -> Loaded {
    load_with(paths, None)
}

/// Reads as if `agent.yml` held this text: tells what an edit would lead to, before it is made.
pub fn load_edited(paths: &Paths, agent_yml: &str) -> Loaded {
    load_with(paths, Some(agent_yml))
}

fn load_with(paths: &Paths, edited: Option<&str>) -> Loaded {
    let mut reader = read::Reader::default();
    let mut files = match files(&paths.config) {
        Ok(files) => files,
        Err(problem) => {
            reader.problems.push(problem);
            Vec::new()
        }
    };
    let agent_yml = paths.config.join("agent.yml");
    if edited.is_some() && !files.contains(&agent_yml) {
        files.insert(0, agent_yml.clone());
    }
    for path in files {
        let text = match edited.filter(|_| path == agent_yml) {
            Some(text) => Ok(text.to_owned()),
            None => file_text(&path),
        };
        match text {
            Ok(text) => {
                let name = path.display().to_string();
                let (node, problems) = yaml::parse(&name, &text);
                reader.problems.extend(problems);
                if let Some(node) = node {
                    reader.take(&node, &text);
                }
            }
            Err(problem) => reader.problems.push(problem),
        }
    }
    reader.finish(paths)
}

/// Lists the YAML files of the configuration folder and those below it.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut found = Vec::new();
    let mut folders = vec![directory.to_owned()];
    let mut folders_count = 0;
    while let Some(folder) = folders.pop() {
        folders_count += 1;
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // No folder: a bare machine, where every key has its default.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&folder, &error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yml") {
                found.push(path);
            }
        }
        if found.len().max(folders_count) > limits::CONFIGURATION_FILES_MAX {
            let most = limits::CONFIGURATION_FILES_MAX;
            let message = format!("more than {most} files or folders");
            return Err(Diagnostic::error(place(directory), message)
                .with_hint("remove what is no configuration, and links that lead back up"));
        }
    }
    found.sort_by_key(|path| (path.file_name() != Some("agent.yml".as_ref()), path.clone()));
    Ok(found)
}

fn file_text(path: &Path) -> Result<String, Diagnostic> {
    // A pipe or a device would be read for ever; a link to nothing would pass for an empty file.
    if !path.is_file() {
        return Err(Diagnostic::error(place(path), "this is no plain file"));
    }
    let bytes = match store::file::read(path, limits::YAML_FILE_BYTES_MAX as u64) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) => return Err(Diagnostic::error(place(path), error.to_string())),
    };
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        let name = path.display().to_string();
        Diagnostic::error(Place::new(name, line, 1), "the file is not UTF-8 text")
            .with_hint("save it as UTF-8")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(place(path), format!("cannot read: {error}"))
        .with_hint("check its owner and mode, or run as the agent's user")
}

fn place(path: &Path) -> Place {
    Place::new(path.display().to_string(), 1, 1)
}

#[cfg(test)]
mod tests;
