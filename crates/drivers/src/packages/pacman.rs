//! pacman: Arch and what is made from it.
//!
//! The database has a folder for each package, called `name-version-release`; names may hold
//! hyphens, versions and releases may not.

use super::{Names, PackageManager};
use crate::{Deadline, Error, Host, files};

pub(super) const MANAGER: PackageManager = PackageManager {
    name: "pacman",
    databases: &["/var/lib/pacman/local"],
    installed,
};

fn installed(host: &Host, database: &str, deadline: Deadline) -> Result<Names, Error> {
    let folders = files::list_directory(host, database, deadline)?;
    Ok(folders
        .iter()
        .filter_map(|folder| name_of(folder))
        .map(Into::into)
        .collect())
}

fn name_of(folder: &str) -> Option<&str> {
    let (name_and_version, _release) = folder.rsplit_once('-')?;
    let (name, _version) = name_and_version.rsplit_once('-')?;
    Some(name)
}
