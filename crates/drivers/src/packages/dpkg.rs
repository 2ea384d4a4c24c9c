//! dpkg: Debian, Ubuntu and what is made from them.
//!
//! The status file is read by itself, as dpkg(1) describes it: it is the truth that `dpkg` and
//! `apt` go by, and it is only ever replaced as a whole.

use super::{Names, PackageManager, Take};
use crate::host::lines::Lines;
use crate::{Deadline, Error, Host};

pub(super) const MANAGER: PackageManager = PackageManager {
    name: "dpkg",
    databases: &["/var/lib/dpkg/status"],
    installed,
    versions,
};

fn installed(host: &Host, database: &str, deadline: Deadline) -> Result<Names, Error> {
    let mut names = Names::new();
    usable(host, database, deadline, &mut |stanza| {
        let qualified = format!("{}:{}", stanza.package, stanza.architecture);
        names.insert(qualified.into());
        names.insert(stanza.package.into());
    })?;
    Ok(names)
}

fn versions(
    host: &Host,
    database: &str,
    deadline: Deadline,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    usable(host, database, deadline, &mut |stanza| {
        take(&stanza.package, &stanza.version);
    })
}

/// Calls back with each package that works.
fn usable(
    host: &Host,
    database: &str,
    deadline: Deadline,
    take: &mut dyn FnMut(Stanza),
) -> Result<(), Error> {
    let mut stanza = Stanza::default();
    let mut close = |stanza: Stanza| {
        if stanza.is_usable && !stanza.package.is_empty() {
            take(stanza);
        }
    };
    let mut lines = Lines::open(host, database, deadline)?;
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            close(std::mem::take(&mut stanza));
        } else {
            stanza.add(&String::from_utf8_lossy(line));
        }
    }
    close(stanza);
    Ok(())
}

/// The part of the file that is about one package.
#[derive(Default)]
struct Stanza {
    package: String,
    architecture: String,
    version: String,
    is_usable: bool,
}

impl Stanza {
    /// Adds a line. A line that starts with space goes on with the field above, which is never one
    /// of ours.
    fn add(&mut self, line: &str) {
        let Some((field, value)) = line.split_once(':') else {
            return;
        };
        match field {
            "Package" => value.trim().clone_into(&mut self.package),
            "Architecture" => value.trim().clone_into(&mut self.architecture),
            "Version" => value.trim().clone_into(&mut self.version),
            "Status" => self.is_usable = is_usable(value),
            _ => {}
        }
    }
}

/// Tells whether a package works, from what is wanted, what is broken, and how far it has come.
///
/// What is wanted (`install`, or `hold` for one that must not be updated) does not matter. Waiting
/// for a trigger is a state of a package that is configured: it passes at the end of each
/// installation of something else, and must not look like a removal.
fn is_usable(status: &str) -> bool {
    let mut words = status.split_whitespace();
    let (_wanted, flag, state) = (words.next(), words.next(), words.next());
    flag == Some("ok")
        && matches!(
            state,
            Some("installed" | "triggers-pending" | "triggers-awaited")
        )
}
