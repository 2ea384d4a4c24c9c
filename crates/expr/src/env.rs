//! What an evaluation asks of the world, and all that it can ask.
//!
//! [`Env`] is the only door: references, facts of the agent, the clock, randomness, and
//! [`MachineCall`] for whatever looks at the machine. Whoever implements it owns the time boxes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{Value, WallTime};

use crate::{Fleet, Reference, Unknown};

/// The world as an evaluation sees it. Every method may say that it does not know, and why.
pub trait Env {
    /// Gives the value that a reference names, at the time it is needed.
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown>;

    /// Tells where the value of a reference came from, for `--explain`.
    fn source(&self, _reference: &Reference) -> Option<Source> {
        None
    }

    /// Tells whether this node has a group, found or given.
    fn is_in_group(&self, _group: &str) -> Result<bool, Unknown> {
        Err(no_agent())
    }

    /// Tells whether a group was given to this node by its configuration.
    fn is_in_static_group(&self, _group: &str) -> Result<bool, Unknown> {
        Err(no_agent())
    }

    /// Names the zone of a node, or of this one; empty when the node is not known.
    fn zone(&self, _node: Option<&str>) -> Result<Arc<str>, Unknown> {
        Err(no_agent())
    }

    /// Counts the known nodes that have a group (if one is named) and a state (likewise).
    fn count_nodes(&self, _group: Option<&str>, _state: Option<&str>) -> Result<u64, Unknown> {
        Err(no_agent())
    }

    /// Gives what is known of the nodes of a group, or of all, this one among them.
    fn fleet(&self, _group: Option<&str>) -> Result<Fleet, Unknown> {
        Err(no_agent())
    }

    /// Tells whether an event of this type is present.
    fn have_event(&self, _event_type: &str) -> Result<bool, Unknown> {
        Err(no_agent())
    }

    /// Gives the state of a compliance rule; `None` when there is no such rule.
    fn rule_state(&self, _rule: &str) -> Result<Option<Arc<str>>, Unknown> {
        Err(no_agent())
    }

    /// Gives what the nodes of the zone agreed on, as this node knows it; it asks nobody.
    fn agreed(&self, _what: &Agreed) -> Result<Value, Unknown> {
        Err(no_agent())
    }

    /// Does what touches the machine, in a time box. What cannot be told is unknown, with a reason.
    fn machine(&self, call: MachineCall) -> Result<Value, Unknown> {
        Err(Unknown::new(format!(
            "{} looks at the machine, which is not done here",
            call.name()
        )))
    }

    /// Tells the time.
    fn now(&self) -> Result<WallTime, Unknown> {
        Err(Unknown::new("there is no clock here"))
    }

    /// Gives 64 random bits, others each time.
    fn random(&self) -> Result<u64, Unknown> {
        Err(Unknown::new("there is no randomness here"))
    }
}

fn no_agent() -> Unknown {
    Unknown::new("no agent is running")
}

/// What nodes agree on, and an expression may ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreed {
    /// Text, or none: the value of a key.
    Key(Arc<str>),
    /// Text, or none: the UUID of the node that holds a lock.
    LockOwner(Arc<str>),
    /// Boolean: this node won an election.
    Leads(Arc<str>),
}

impl Agreed {
    /// Names the function that asks.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key(_) => "kv",
            Self::LockOwner(_) => "lock_owner",
            Self::Leads(_) => "is_leader",
        }
    }
}

/// Where the value of a reference came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Who measured or wrote it: "collector memory", "parameters of pack linux".
    pub from: String,
    /// How long ago, when that is known.
    pub age: Option<Duration>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.age {
            Some(age) => write!(f, "{}, {} s ago", self.from, age.as_secs()),
            None => f.write_str(&self.from),
        }
    }
}

/// Everything that an expression can ask of the machine. Each says what value it answers with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MachineCall {
    /// Boolean: the path exists, links followed.
    FileExists {
        /// The path.
        path: Arc<str>,
    },
    /// Boolean: the path is a directory.
    IsDirectory {
        /// The path.
        path: Arc<str>,
    },
    /// Boolean: the path is a symbolic link.
    IsLink {
        /// The path.
        path: Arc<str>,
    },
    /// Boolean: the path is a regular file, links followed.
    IsPlainFile {
        /// The path.
        path: Arc<str>,
    },
    /// Map: `size mode uid gid mtime atime ctime inode links kind`; times in seconds since 1970,
    /// `mode` as the octal digits people write ("644"), `kind` one of file, directory, link, other.
    Stat {
        /// The path; a link is not followed.
        path: Arc<str>,
    },
    /// Integer: seconds since the content was last changed.
    FileAge {
        /// The path.
        path: Arc<str>,
    },
    /// List of texts: the names in a directory, sorted.
    ListDirectory {
        /// The path.
        path: Arc<str>,
    },
    /// Integer: how many lines hold the pattern. With `first_only` it may stop at the first.
    CountLines {
        /// The path.
        path: Arc<str>,
        /// What to look for.
        pattern: LinePattern,
        /// Whether knowing "none or some" is enough.
        first_only: bool,
    },
    /// Text: the whole file, which must be UTF-8 and no larger than
    /// [`model::limits::EXPRESSION_TEXT_BYTES_MAX`].
    ReadFile {
        /// The path.
        path: Arc<str>,
    },
    /// Text: the digest of the file in lower-case hexadecimal digits.
    HashFile {
        /// The path.
        path: Arc<str>,
        /// One of `md5 sha1 sha224 sha256 sha384 sha512`.
        algorithm: Arc<str>,
    },
    /// Boolean: a TCP connection succeeds.
    CheckTcp {
        /// Name or address.
        host: Arc<str>,
        /// Port.
        port: u16,
        /// Time it may take.
        timeout: Duration,
    },
    /// Text: the name of an address; empty when it has none.
    IpToHost {
        /// The address.
        address: Arc<str>,
    },
    /// Text: an address of a name; empty when it has none.
    HostToIp {
        /// The name.
        host: Arc<str>,
    },
    /// Map: `status` (integer) and `body` (text, bounded) of an HTTP GET.
    UrlGet {
        /// The URL.
        url: Arc<str>,
        /// Time it may take.
        timeout: Duration,
    },
    /// Boolean: a package is installed.
    HasPackage {
        /// Its name.
        package: Arc<str>,
    },
    /// Boolean: a process of this name runs.
    ProcessExists {
        /// Its name, as `ps -o comm` gives it, or the path of its program.
        name: Arc<str>,
    },
    /// Map `name uid gid home shell`, or none when there is no such user.
    FindUser {
        /// Who.
        account: Account,
    },
    /// Map `name gid`, or none when there is no such group of users.
    FindUserGroup {
        /// Which.
        account: Account,
    },
    /// Text: a variable of the agent's environment; none when it is not set.
    Environment {
        /// Its name.
        name: Arc<str>,
    },
    /// Boolean: this hosting driver recognised the machine.
    HostingDriverIsActive {
        /// Its name.
        driver: Arc<str>,
    },
}

/// What makes a line of a file count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinePattern {
    /// It holds this text, in any case of letters.
    Text(Arc<str>),
    /// It matches this regular expression (syntax of the `regex` crate), in any case of letters.
    Regexp(Arc<str>),
}

/// A user or group of users, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// By name.
    Name(Arc<str>),
    /// By number.
    Id(u32),
}

impl MachineCall {
    /// Names the call in the words of a message.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FileExists { .. } => "file_exists",
            Self::IsDirectory { .. } => "is_dir",
            Self::IsLink { .. } => "is_link",
            Self::IsPlainFile { .. } => "is_plain_file",
            Self::Stat { .. } => "stat",
            Self::FileAge { .. } => "file_age",
            Self::ListDirectory { .. } => "list_dir",
            Self::CountLines { .. } => "counting the lines of a file",
            Self::ReadFile { .. } => "reading a file",
            Self::HashFile { .. } => "file_hash_match",
            Self::CheckTcp { .. } => "check_tcp",
            Self::IpToHost { .. } => "ip_to_host",
            Self::HostToIp { .. } => "host_to_ip",
            Self::UrlGet { .. } => "url_get",
            Self::HasPackage { .. } => "has_package",
            Self::ProcessExists { .. } => "process_exists",
            Self::FindUser { .. } => "looking up a user",
            Self::FindUserGroup { .. } => "looking up a group of users",
            Self::Environment { .. } => "get_env",
            Self::HostingDriverIsActive { .. } => "hosting_driver_is_active",
        }
    }
}

/// The world of an expression that needs none: everything is unknown.
pub(crate) struct Nowhere;

impl Env for Nowhere {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        Err(Unknown::new(format!("{reference} is not known here")))
    }
}
