//! Every key of `agent.yml`: its type, its default, what it does and when a change is in force.

use model::Topic;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number from 0 to 65535.
    Port,
    /// `true` or `false`.
    Bool,
    /// `true`, `false` or a count.
    BoolOrCount,
    /// A count.
    Count,
    /// A time, such as 60s.
    Interval,
    /// A list of texts.
    List,
    /// A map from part of the log to level.
    Levels,
}

impl Kind {
    /// Names the kind in an error message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Port => "a port number (0 to 65535)",
            Self::Bool => "true or false",
            Self::BoolOrCount => "true, false or a count from 2 to 1000",
            Self::Count => "a count from 1 to 1000",
            Self::Interval => "a time such as 30s or 5m",
            Self::List => "a list",
            Self::Levels => "a map from log part to level",
        }
    }
}

/// When a change of a key is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// With the next reload.
    Reload,
    /// With the next start.
    Restart,
    /// Never: the key is accepted for old files and does nothing.
    Never,
}

/// A key of `agent.yml`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Its default, as it is written in the file. For a path, the default of root's agent.
    pub default: &'static str,
    /// When a change is in force.
    pub change: Change,
    /// What it does: unit, trade-off, sane range.
    pub doc: &'static str,
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    change: Change,
    doc: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        change,
        doc,
    }
}

/// All keys, in the order of the file.
#[rustfmt::skip]
pub const ALL: &[Key] = &[
    key("display_name", Kind::Text, "\"\"", Change::Reload,
        "The name shown to people instead of the host name. It may change and need not be unique."),
    key("process_name", Kind::Text, "opsbro", Change::Restart,
        "What the process is called in lists such as those of ps and top (at most 15 letters)."),
    key("port", Kind::Port, "6768", Change::Restart,
        "The port of gossip (UDP) and of the HTTP API and node streams (TCP): one number for both.\n\
         0 picks a free one, which `opsbro agent info` tells."),
    key("listen_address", Kind::Text, "0.0.0.0", Change::Restart,
        "The address that the listeners bind. `::` takes IPv6 and IPv4, 127.0.0.1 keeps others out."),
    key("advertise_address", Kind::Text, "\"\"", Change::Restart,
        "The address that other nodes are told. Empty: the one this machine reaches others from.\n\
         Set it behind NAT and in containers whose own address others cannot reach."),
    key("allowed_hosts", Kind::List, "[]", Change::Reload,
        "More names by which the HTTP API may be called over TCP. Addresses, localhost and the node's\n\
         own names always work; a foreign name is refused, so that no web page can drive the agent."),
    key("data", Kind::Text, "/var/lib/opsbro", Change::Restart,
        "The folder of everything that must survive a restart."),
    key("libexec", Kind::Text, "/var/lib/opsbro/libexec", Change::Restart,
        "The folder of the plugins that checks run."),
    key("log", Kind::Text, "/var/log/opsbro", Change::Restart,
        "The folder of the log files. They rotate at 10 MiB and 5 old ones are kept."),
    key("lock", Kind::Text, "/run/opsbro/opsbro.lock", Change::Restart,
        "The file that keeps a second agent from starting on the same data. It holds the pid."),
    key("socket", Kind::Text, "/run/opsbro/opsbro.sock", Change::Restart,
        "The unix socket of the API: full control for whoever may open it, which is the agent's user."),
    key("log_level", Kind::Text, "INFO", Change::Reload,
        "ERROR, WARNING, INFO, DEBUG or TRACE. `opsbro agent log level` changes it until a restart."),
    key("log_levels", Kind::Levels, "{}", Change::Reload,
        "Levels of single parts, as {gossip: DEBUG}. `opsbro agent log list` names the parts."),
    key("log_format", Kind::Text, "auto", Change::Restart,
        "The form on the console: auto (colour on a terminal, journald's below systemd), text or json."),
    key("bootstrap", Kind::BoolOrCount, "false", Change::Restart,
        "true: start at once even when no seed answers. false: keep asking the seeds before it is ok.\n\
         A count: this node is new, and takes keys and locks only once so many nodes of its zone are\n\
         there: then one of them begins the group of all. A node that has a group goes on with it."),
    key("new-cluster-key", Kind::Bool, "false", Change::Restart,
        "true: the first start of an agent without seeds makes a key for its zone, so that no new\n\
         cluster is ever open. The other nodes take it with: opsbro join HOST --key KEY"),
    key("seeds", Kind::List, "[]", Change::Reload,
        "Nodes to join, as host or host:port. They are asked for ever, so a node that was cut off\n\
         comes back by itself. Two or three that rarely change are enough."),
    key("forget-dead-after", Kind::Interval, "0s", Change::Reload,
        "How long a node that is dead, or has left, is remembered (2s to 365d); then all forget it.\n\
         0s: until `opsbro members forget NODE`. Set it far above any time that nodes may be cut off:\n\
         who forgot each other meet again by seeds or `opsbro join` only. The shortest in a zone counts."),
    key("groups", Kind::List, "[]", Change::Reload,
        "The static groups of this node. Detectors add others and never take these away."),
    key("node-zone", Kind::Text, "internet", Change::Restart,
        "The zone of this node: one of those in the zones folder."),
    key("proxy-node", Kind::Bool, "false", Change::Restart,
        "true: this node relays between its zone and the zones above and below."),
    key("dns.enabled", Kind::Bool, "false", Change::Reload,
        "true: answer DNS about nodes, groups and services also without the group dns-listener. Port,\n\
         domain and the rest are parameters of the pack dns-listener; with `port: 0` here, a free one."),
    key("dns.addresses", Kind::List, "[]", Change::Reload,
        "More addresses of this node, up to 8: DNS answers its names with them and with the one that\n\
         other nodes are told. An IPv6 address beside an IPv4 one, or that of another network. None is\n\
         taken by itself: who asks prefers IPv6, and would miss what listens on IPv4 only."),
    key("agreement.enabled", Kind::Bool, "true", Change::Restart,
        "false: this node takes no part in agreement: it neither votes nor copies, and has other nodes\n\
         of its zone do what it is asked about keys and locks. For machines that must do as little as\n\
         they can; leave it on for five nodes of each zone at least, or there is no agreement."),
    key("voters", Kind::Count, "5", Change::Reload,
        "How many nodes of the zone vote on keys and locks: 1, 3 or 5 (an even count is rounded down).\n\
         5 outlive two deaths; each further one makes a write wait for one more disk."),
    key("voters-grace", Kind::Interval, "60s", Change::Reload,
        "How long a voter may be dead before another node votes in its place (2s to 1d). Shorter than\n\
         a restart of a machine, every restart moves data."),
    key("backup-every", Kind::Interval, "24h", Change::Reload,
        "How often the node that leads writes all keys into a file below the data folder (1m to 30d).\n\
         0s: never. `opsbro backup restore` reads such a file."),
    key("backup-keep", Kind::Count, "7", Change::Reload,
        "How many of those files are kept; the oldest go first."),
    key("voters-spread", Kind::List, "[]", Change::Reload,
        "Groups that voters are spread over, such as [rack-a, rack-b]: a node is at the first of\n\
         them that it is in. The leader goes by its own list: give all nodes the same."),
    key("service_discovery_topic_enabled", Kind::Bool, "true", Change::Restart,
        "Find other nodes and be found. Off: no gossip port is opened."),
    key("automatic_detection_topic_enabled", Kind::Bool, "true", Change::Reload,
        "Detect what this node is and add groups. Off: the groups stay the static ones."),
    key("monitoring_topic_enabled", Kind::Bool, "true", Change::Reload,
        "Run checks."),
    key("metrology_topic_enabled", Kind::Bool, "true", Change::Reload,
        "Run collectors and keep time series."),
    key("configuration_automation_topic_enabled", Kind::Bool, "true", Change::Reload,
        "Write generated files and run commands that were asked for."),
    key("system_compliance_topic_enabled", Kind::Bool, "true", Change::Reload,
        "Check and enforce compliance rules."),
    key("master_key_priv", Kind::Text, "\"\"", Change::Never,
        "Accepted for files of older versions; it does nothing."),
    key("master_key_pub", Kind::Text, "\"\"", Change::Never,
        "Accepted for files of older versions; it does nothing."),
];

/// Finds a key by its name.
pub fn find(name: &str) -> Option<&'static Key> {
    ALL.iter().find(|key| key.name == name)
}

/// Gives the topic that a key switches; `None` when it switches none.
pub fn topic_of(name: &str) -> Option<Topic> {
    let label = name.strip_suffix("_topic_enabled")?.replace('_', " ");
    Topic::parse(&label)
}

/// Names all keys.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|key| key.name)
}

/// Writes the `agent.yml` that is installed: every key with its doc and default.
pub fn default_file() -> String {
    let mut text = String::from(
        "# The configuration of the OpsBro agent. Every key is here with its default: what you do not\n\
         # change you may remove. `opsbro agent parameters set KEY VALUE` edits this file and keeps its\n\
         # comments; `opsbro agent reload` takes most changes at once.\n",
    );
    for key in ALL.iter().filter(|key| key.change != Change::Never) {
        text.push('\n');
        for line in key.doc.lines() {
            text.push_str(&format!("# {}\n", line.trim_start()));
        }
        match key.change {
            Change::Reload => {}
            Change::Restart => text.push_str("# A change needs a restart.\n"),
            Change::Never => continue,
        }
        // Paths depend on who runs the agent, so they are shown and not set.
        let comment = if is_path(key) { "# " } else { "" };
        let shipped = SHIPPED.iter().find(|(name, _)| *name == key.name);
        let value = shipped.map_or(key.default, |(_, value)| *value);
        text.push_str(&format!("{comment}{}: {value}\n", key.name));
    }
    text
}

/// What the shipped file sets to something else than the default: a new cluster of an installed
/// program is sealed from its first start, and an agent without any file changes nothing by itself.
pub const SHIPPED: &[(&str, &str)] = &[("new-cluster-key", "true")];

/// Tells whether a key names a file or folder, whose default depends on who runs the agent.
pub fn is_path(key: &Key) -> bool {
    key.default.starts_with('/')
}
