//! pacman: Arch and what is made from it.
//!
//! The database has a folder for each package, called `name-version-release`; names may hold
//! hyphens, versions and releases may not.

use super::{Names, PackageManager, Take};
use crate::{Deadline, Error, Host, files};

pub(super) const MANAGER: PackageManager = PackageManager {
    name: "pacman",
    databases: &["/var/lib/pacman/local"],
    installed,
    versions,
};

fn installed(host: &Host, database: &str, deadline: Deadline) -> Result<Names, Error> {
    let folders = files::list_directory(host, database, deadline)?;
    Ok(folders
        .iter()
        .filter_map(|folder| split(folder))
        .map(|(name, _)| name.into())
        .collect())
}

fn versions(
    host: &Host,
    database: &str,
    deadline: Deadline,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    for folder in files::list_directory(host, database, deadline)? {
        if let Some((name, version)) = split(&folder) {
            take(name, version);
        }
    }
    Ok(())
}

/// Splits the name of a folder into that of the package and its version.
fn split(folder: &str) -> Option<(&str, &str)> {
    let (name_and_version, _release) = folder.rsplit_once('-')?;
    let (name, _version) = name_and_version.rsplit_once('-')?;
    Some((name, &folder[name.len() + 1..]))
}
