//! Users and groups of the machine.
//!
//! `/etc/passwd` and `/etc/group` are read as they are. When they do not know an account and
//! `nsswitch.conf` names other directories (sssd, LDAP, systemd), `getent` is asked, as only the C
//! library can load the modules for them. Members of groups are not told here.

use model::Value;

use crate::child::{self, End};
use crate::host::lines::Lines;
use crate::{Deadline, Error, Host};

#[cfg(test)]
mod tests;

/// A user or a group, by name or by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account<'a> {
    /// By name.
    Name(&'a str),
    /// By number.
    Id(u32),
}

/// A user of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name to log in with.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
    /// The name for people, and whatever else stands in that field.
    pub display_name: String,
    /// The home directory.
    pub home: String,
    /// The program of a login.
    pub shell: String,
}

impl User {
    /// Gives the user as a map.
    pub fn to_value(&self) -> Value {
        Value::map([
            ("name", Value::from(self.name.as_str())),
            ("uid", Value::Int(self.uid.into())),
            ("gid", Value::Int(self.gid.into())),
            ("display_name", Value::from(self.display_name.as_str())),
            ("home", Value::from(self.home.as_str())),
            ("shell", Value::from(self.shell.as_str())),
        ])
    }
}

/// A group of users of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGroup {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
}

impl UserGroup {
    /// Gives the group as a map.
    pub fn to_value(&self) -> Value {
        Value::map([
            ("name", Value::from(self.name.as_str())),
            ("gid", Value::Int(self.gid.into())),
        ])
    }
}

/// Finds a user; none when there is none.
pub fn find_user(
    host: &Host,
    account: Account<'_>,
    deadline: Deadline,
) -> Result<Option<User>, Error> {
    find(host, &USERS, account, deadline)
}

/// Finds a group of users; none when there is none.
pub fn find_group(
    host: &Host,
    account: Account<'_>,
    deadline: Deadline,
) -> Result<Option<UserGroup>, Error> {
    find(host, &GROUPS, account, deadline)
}

/// A directory of accounts: its file, its name for the name service, and how a line is read.
struct Directory<Found> {
    file: &'static str,
    service: &'static str,
    parse: fn(&str) -> Option<(&str, u32, Found)>,
}

const USERS: Directory<User> = Directory {
    file: "/etc/passwd",
    service: "passwd",
    parse: parse_user,
};
const GROUPS: Directory<UserGroup> = Directory {
    file: "/etc/group",
    service: "group",
    parse: parse_group,
};

/// Reads a line as passwd(5) has it. Comments and the `+` and `-` lines of NIS are no users.
fn parse_user(line: &str) -> Option<(&str, u32, User)> {
    let mut fields = line.split(':');
    let mut next = || fields.next();
    let (name, _password, uid, gid) = (next()?, next()?, next()?, next()?);
    let (display_name, home, shell) = (next()?, next()?, next()?);
    let uid = uid.parse().ok()?;
    let user = User {
        name: account_name(name)?.to_owned(),
        uid,
        gid: gid.parse().ok()?,
        display_name: display_name.to_owned(),
        home: home.to_owned(),
        shell: shell.to_owned(),
    };
    Some((name, uid, user))
}

/// Reads a line as group(5) has it.
fn parse_group(line: &str) -> Option<(&str, u32, UserGroup)> {
    let mut fields = line.split(':');
    let (name, _password, gid) = (fields.next()?, fields.next()?, fields.next()?);
    let gid = gid.parse().ok()?;
    Some((
        name,
        gid,
        UserGroup {
            name: account_name(name)?.to_owned(),
            gid,
        },
    ))
}

fn account_name(name: &str) -> Option<&str> {
    (!name.is_empty() && !name.starts_with(['#', '+', '-'])).then_some(name)
}

fn find<Found>(
    host: &Host,
    directory: &Directory<Found>,
    account: Account<'_>,
    deadline: Deadline,
) -> Result<Option<Found>, Error> {
    let mut lines = Lines::open(host, directory.file, deadline)?;
    while let Some(line) = lines.next()? {
        let line = String::from_utf8_lossy(line);
        if let Some((name, id, found)) = (directory.parse)(&line) {
            let is_it = match account {
                Account::Name(wanted) => wanted == name,
                Account::Id(wanted) => wanted == id,
            };
            if is_it {
                return Ok(Some(found));
            }
        }
    }
    if !has_other_services(host, directory.service, deadline)? {
        return Ok(None);
    }
    match account {
        Account::Id(id) => ask_name_service(host, directory, &id.to_string(), deadline),
        Account::Name(name) if may_be_known_elsewhere(name) => {
            ask_name_service(host, directory, name, deadline)
        }
        Account::Name(_) => Ok(None),
    }
}

/// Tells whether a name can be asked for: `getent` takes digits for a number, and a colon or a
/// line end for a field of its own.
fn may_be_known_elsewhere(name: &str) -> bool {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    !digits && !name.contains([':', '\n', '\0'])
}

/// Tells whether `nsswitch.conf` names more than the files for a service. Without it (Alpine) there
/// are only files.
fn has_other_services(host: &Host, service: &str, deadline: Deadline) -> Result<bool, Error> {
    const PATH: &str = "/etc/nsswitch.conf";
    if host.metadata(PATH)?.is_none() {
        return Ok(false);
    }
    let mut lines = Lines::open(host, PATH, deadline)?;
    while let Some(line) = lines.next()? {
        let line = String::from_utf8_lossy(line);
        let line = line.split('#').next().unwrap_or_default();
        let Some((name, sources)) = line.split_once(':') else {
            continue;
        };
        if name.trim() == service {
            // A word in brackets says what to do next, not where to look.
            let mut sources = sources
                .split_whitespace()
                .filter(|word| !word.starts_with('['));
            return Ok(sources.any(|word| !matches!(word, "files" | "compat")));
        }
    }
    Ok(false)
}

/// Largest answer of `getent`; a line of a group may name many members.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// `getent` ends with this code when it found nothing, see getent(1).
const NOT_FOUND: i32 = 2;

fn ask_name_service<Found>(
    host: &Host,
    directory: &Directory<Found>,
    key: &str,
    deadline: Deadline,
) -> Result<Option<Found>, Error> {
    let command = child::Command {
        argv: &["getent", directory.service, "--", key],
        stdin: b"",
        environment: &[],
        output_bytes_max: ANSWER_BYTES_MAX,
        deadline,
    };
    let finished = child::run(host, &command)?;
    let subject = || format!("getent {} {key}", directory.service);
    match finished.end {
        End::Code(0) => {
            let text = finished.stdout.text();
            match (directory.parse)(text.lines().next().unwrap_or_default()) {
                Some((_, _, found)) => Ok(Some(found)),
                None => Err(Error::bad_answer(
                    subject(),
                    "gave a line without the usual fields",
                )),
            }
        }
        End::Code(NOT_FOUND) => Ok(None),
        End::Code(_) | End::Signal(_) | End::TimedOut => Err(finished.error(&subject(), deadline)),
    }
}
