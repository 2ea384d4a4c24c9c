//! apk: Alpine.
//!
//! The database holds what is installed and nothing else; `P:` is the name of a package and
//! `V:`, which follows it, its version.

use super::{Names, PackageManager, Take};
use crate::host::lines::Lines;
use crate::{Deadline, Error, Host};

/// The second place is that of systems where all of `/lib` is below `/usr`.
pub(super) const MANAGER: PackageManager = PackageManager {
    name: "apk",
    databases: &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"],
    installed,
    versions,
};

fn installed(host: &Host, database: &str, deadline: Deadline) -> Result<Names, Error> {
    let mut names = Names::new();
    let mut lines = Lines::open(host, database, deadline)?;
    while let Some(line) = lines.next()? {
        if let Some(name) = line.strip_prefix(b"P:") {
            names.insert(String::from_utf8_lossy(name).trim().into());
        }
    }
    Ok(names)
}

fn versions(
    host: &Host,
    database: &str,
    deadline: Deadline,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    let mut package = String::new();
    let mut lines = Lines::open(host, database, deadline)?;
    while let Some(line) = lines.next()? {
        if let Some(name) = line.strip_prefix(b"P:") {
            String::from_utf8_lossy(name)
                .trim()
                .clone_into(&mut package);
        } else if let Some(version) = line.strip_prefix(b"V:") {
            take(&package, String::from_utf8_lossy(version).trim());
        }
    }
    Ok(())
}
