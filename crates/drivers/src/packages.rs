//! Packages that are installed on the machine. Nothing here installs, updates or locks anything.
//!
//! Each package manager is a file here that says where its database is and how its names are
//! listed; to add one, write its file and name it in `ALL`. The list is kept and made anew only
//! when the database has changed on disk, so asking every few seconds costs three system calls.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Deadline, Error, Host};

mod apk;
mod dpkg;
mod pacman;
mod rpm;
#[cfg(test)]
mod tests;

/// The names of what is installed.
type Names = BTreeSet<Box<str>>;

/// A package manager.
struct PackageManager {
    /// Its name.
    name: &'static str,
    /// Where its database may be: a file or a directory that changes with every package.
    databases: &'static [&'static str],
    /// Lists the names of what is installed, in each form in which people ask for them.
    installed: fn(&Host, database: &str, Deadline) -> Result<Names, Error>,
    /// Calls back with the name and version of everything that is installed.
    versions: fn(&Host, database: &str, Deadline, &mut Take<'_>) -> Result<(), Error>,
}

/// Takes the name and the version of a package.
type Take<'a> = dyn FnMut(&str, &str) + 'a;

/// The state of all databases of packages: as long as it is the same, so is what is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edition(Vec<Stamp>);

/// All package managers.
const ALL: &[&PackageManager] = &[
    &apk::MANAGER,
    &dpkg::MANAGER,
    &pacman::MANAGER,
    &rpm::MANAGER,
];

/// The packages of one machine.
pub struct Packages {
    host: Host,
    /// The list of each database, by its path.
    known: Mutex<BTreeMap<&'static str, Known>>,
}

/// A list of names, and the state of the database in which it was read.
#[derive(Clone)]
struct Known {
    stamp: Stamp,
    names: Arc<Names>,
}

impl Packages {
    /// Knows nothing yet; the first question reads the database.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            known: Mutex::default(),
        }
    }

    /// Tells whether a package is installed and usable, by its exact name. Where architectures can
    /// be mixed, `name:arch` (dpkg) and `name.arch` (rpm) tell them apart.
    ///
    /// A machine may have several package managers; one that cannot be read makes the answer an
    /// error only when no other one knows the package.
    pub fn has(&self, package: &str, deadline: Deadline) -> Result<bool, Error> {
        let mut failed = None;
        let mut seen = Vec::new();
        for manager in ALL {
            for database in manager.databases {
                let Some(stamp) = Stamp::of(&self.host, database)? else {
                    continue;
                };
                // Two places may be one by a link.
                if seen.contains(&stamp) {
                    continue;
                }
                seen.push(stamp.clone());
                match self.names(manager, database, stamp, deadline) {
                    Ok(names) if names.contains(package) => return Ok(true),
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None if seen.is_empty() => Err(no_manager()),
            None => Ok(false),
        }
    }

    /// Tells the state of the databases, which costs a few system calls.
    pub fn edition(&self) -> Result<Edition, Error> {
        Ok(Edition(
            self.databases()?
                .into_iter()
                .map(|(_, _, stamp)| stamp)
                .collect(),
        ))
    }

    /// Lists everything that is installed with its version; a package that is there in several
    /// versions has them all. Reads anew each time.
    pub fn versions(&self, deadline: Deadline) -> Result<BTreeMap<String, String>, Error> {
        let databases = self.databases()?;
        if databases.is_empty() {
            return Err(no_manager());
        }
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (manager, database, _) in databases {
            (manager.versions)(&self.host, database, deadline, &mut |name, version| {
                if !name.is_empty() && !version.is_empty() {
                    all.entry(name.to_owned())
                        .or_default()
                        .insert(version.to_owned());
                }
            })?;
        }
        Ok(all
            .into_iter()
            .map(|(name, versions)| (name, versions.into_iter().collect::<Vec<_>>().join(", ")))
            .collect())
    }

    /// Finds the databases that are there. Two places may be one by a link.
    fn databases(&self) -> Result<Vec<(&'static PackageManager, &'static str, Stamp)>, Error> {
        let mut found: Vec<(&'static PackageManager, &'static str, Stamp)> = Vec::new();
        for manager in ALL {
            for database in manager.databases {
                let stamp = Stamp::of(&self.host, database)?;
                let is_new = |stamp: &Stamp| found.iter().all(|(_, _, known)| known != stamp);
                if let Some(stamp) = stamp.filter(is_new) {
                    found.push((manager, database, stamp));
                }
            }
        }
        Ok(found)
    }

    fn names(
        &self,
        manager: &PackageManager,
        database: &'static str,
        stamp: Stamp,
        deadline: Deadline,
    ) -> Result<Arc<Names>, Error> {
        if let Some(known) = self
            .lock()
            .get(database)
            .filter(|known| known.stamp == stamp)
        {
            return Ok(Arc::clone(&known.names));
        }
        // Not under the lock: whoever asks meanwhile reads too, instead of waiting without an end.
        let names = Arc::new((manager.installed)(&self.host, database, deadline)?);
        let known = Known {
            stamp,
            names: Arc::clone(&names),
        };
        self.lock().insert(database, known);
        Ok(names)
    }

    /// Locks what is known. It is replaced as a whole, so a panic never leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a database on disk: it differs after each change. A file is replaced by another
/// one, or grows; SQLite writes beside the file first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp([Option<(u64, u64, i64, i64)>; 2]);

impl Stamp {
    /// Takes the stamp of a database; none when it is not there.
    fn of(host: &Host, database: &str) -> Result<Option<Self>, Error> {
        let Some(main) = Self::part(host, database)? else {
            return Ok(None);
        };
        Ok(Some(Self([
            Some(main),
            Self::part(host, &format!("{database}-wal"))?,
        ])))
    }

    fn part(host: &Host, path: &str) -> Result<Option<(u64, u64, i64, i64)>, Error> {
        let found = host.metadata(path)?;
        Ok(found.map(|found| (found.ino(), found.size(), found.mtime(), found.mtime_nsec())))
    }
}

fn no_manager() -> Error {
    let names: Vec<_> = ALL.iter().map(|manager| manager.name).collect();
    Error::Missing(format!(
        "no database of a package manager was found on this machine (known are {})",
        names.join(", ")
    ))
}
