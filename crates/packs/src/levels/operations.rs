//! Moving packs between levels: what to write and remove, for the caller to do.
//!
//! Nothing is done here and nothing is half done: a [`Plan`] is complete or there is an error.

use std::fmt;
use std::sync::Arc;

use model::{Level, nearest};

use crate::files::{Folder, PackFiles};
use crate::package::{self, PACKAGE_FILE};
use crate::yaml::edit::{self, EditError};

/// What to do to the files of packs, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change of one file. Paths stand below the packs of their level: `redis/package.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Write this file, and the folders it stands in.
    Write {
        /// The level.
        level: Level,
        /// The path.
        path: String,
        /// What is in it.
        bytes: Arc<[u8]>,
    },
    /// Remove this file, and the folders that are left empty.
    Remove {
        /// The level.
        level: Level,
        /// The path.
        path: String,
    },
}

/// A pack at a level, as people write it: `global.redis`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackAt {
    /// The level.
    pub level: Level,
    /// The name of the pack.
    pub name: String,
}

/// How a pack is brought to a higher level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// All of it: later versions below are hidden.
    Copy,
    /// Only a `package.yml` with `overlay: true`, to which changed fields are added.
    Overlay,
}

/// Tells why there is no plan.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationError {
    /// The text is not `LEVEL.pack`.
    Malformed(String),
    /// There is no such pack at that level.
    NoSuchPack {
        /// What was asked for.
        pack: PackAt,
        /// Levels that have it.
        levels: Vec<Level>,
        /// A pack of that level that looks like it.
        nearest: Option<String>,
    },
    /// The pack is there already.
    Exists(PackAt),
    /// The target is not above (or not below) the source.
    WrongWay {
        /// The level it is at.
        from: Level,
        /// The level it should go to.
        to: Level,
        /// What the operation wants: "higher", "lower".
        wanted: &'static str,
    },
    /// The level core is part of the program.
    Core,
    /// The text cannot be the name of a pack.
    BadName(String),
    /// The `package.yml` could not be edited.
    Package(EditError),
}

impl PackAt {
    /// Reads `LEVEL.pack`.
    pub fn parse(text: &str) -> Result<Self, OperationError> {
        let malformed = || OperationError::Malformed(text.to_owned());
        let (level, name) = text.split_once('.').ok_or_else(malformed)?;
        let level = Level::parse(level).ok_or_else(malformed)?;
        if name.is_empty() || name.contains('.') {
            return Err(malformed());
        }
        Ok(Self {
            level,
            name: name.to_owned(),
        })
    }
}

/// Brings a pack to a higher level, to change it there.
pub fn overload(
    files: &PackFiles,
    pack: &PackAt,
    to: Level,
    how: Overload,
) -> Result<Plan, OperationError> {
    let folder = find(files, pack)?;
    if to <= pack.level {
        return Err(OperationError::WrongWay {
            from: pack.level,
            to,
            wanted: "higher",
        });
    }
    refuse_existing(files, &pack.name, &folder.name, to)?;
    match how {
        Overload::Copy => Ok(copied(&folder, to, &folder.name)),
        Overload::Overlay => {
            let text = format!("name: {}\noverlay: true\n", pack.name);
            Ok(Plan {
                changes: vec![Change::Write {
                    level: to,
                    path: format!("{}/{PACKAGE_FILE}", folder.name),
                    bytes: Arc::from(text.into_bytes()),
                }],
            })
        }
    }
}

/// Moves a pack to a lower level, where more nodes have it.
pub fn promote(files: &PackFiles, pack: &PackAt, to: Level) -> Result<Plan, OperationError> {
    let folder = find(files, pack)?;
    if to == Level::Core || pack.level == Level::Core {
        return Err(OperationError::Core);
    }
    if to >= pack.level {
        return Err(OperationError::WrongWay {
            from: pack.level,
            to,
            wanted: "lower",
        });
    }
    refuse_existing(files, &pack.name, &folder.name, to)?;
    let mut plan = copied(&folder, to, &folder.name);
    plan.changes.extend(removed(&folder));
    Ok(plan)
}

/// Copies a pack under another name, at the same level.
pub fn copy(files: &PackFiles, pack: &PackAt, name: &str) -> Result<Plan, OperationError> {
    let folder = find(files, pack)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(OperationError::BadName(name.to_owned()));
    }
    // A copy of what is part of the program is the user's own.
    let level = pack.level.max(Level::Global);
    refuse_existing(files, name, name, level)?;
    let mut plan = copied(&folder, level, name);
    let package_path = format!("{name}/{PACKAGE_FILE}");
    for change in &mut plan.changes {
        if let Change::Write { path, bytes, .. } = change
            && *path == package_path
        {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let renamed = edit::set(&text, "name", name, None).map_err(OperationError::Package)?;
            *bytes = Arc::from(renamed.into_bytes());
        }
    }
    Ok(plan)
}

/// Removes a pack from a level; one of the same name below it counts from then on.
pub fn delete(files: &PackFiles, pack: &PackAt) -> Result<Plan, OperationError> {
    let folder = find(files, pack)?;
    let is_embedded = folder.files.values().all(|file| file.embedded);
    if pack.level == Level::Core || is_embedded {
        return Err(OperationError::Core);
    }
    Ok(Plan {
        changes: removed(&folder).collect(),
    })
}

/// Writes one file of a pack. Of a pack that is embedded the rest is written too, since a folder on
/// disk replaces it as a whole.
pub(crate) fn write(folder: &Folder<'_>, path: &str, text: String) -> Plan {
    let mut plan = if folder.files.values().any(|file| file.embedded) {
        copied(folder, folder.level, &folder.name)
    } else {
        Plan::default()
    };
    let path = format!("{}/{path}", folder.name);
    plan.changes.retain(
        |change| !matches!(change, Change::Write { path: written, .. } if *written == path),
    );
    plan.changes.push(Change::Write {
        level: folder.level,
        path,
        bytes: Arc::from(text.into_bytes()),
    });
    plan
}

/// Finds the folder of a pack by the pack's name.
pub(crate) fn find<'files>(
    files: &'files PackFiles,
    pack: &PackAt,
) -> Result<Folder<'files>, OperationError> {
    let named = |folder: &Folder<'_>| package::name_of(folder);
    let found = files.folders().find(|folder| {
        folder.level == pack.level && named(folder).as_deref() == Some(pack.name.as_str())
    });
    found.ok_or_else(|| {
        let levels = files
            .folders()
            .filter(|folder| named(folder).as_deref() == Some(pack.name.as_str()))
            .map(|folder| folder.level)
            .collect();
        let here: Vec<Arc<str>> = files
            .folders()
            .filter(|folder| folder.level == pack.level)
            .filter_map(|folder| named(&folder))
            .collect();
        OperationError::NoSuchPack {
            pack: pack.clone(),
            levels,
            nearest: nearest(&pack.name, here.iter().map(|name| &**name)).map(str::to_owned),
        }
    })
}

fn refuse_existing(
    files: &PackFiles,
    name: &str,
    folder: &str,
    level: Level,
) -> Result<(), OperationError> {
    let pack = PackAt {
        level,
        name: name.to_owned(),
    };
    if files.folder(level, folder).is_some() || find(files, &pack).is_ok() {
        return Err(OperationError::Exists(pack));
    }
    Ok(())
}

fn copied(folder: &Folder<'_>, level: Level, name: &str) -> Plan {
    let changes = folder.files.iter().map(|(path, file)| Change::Write {
        level,
        path: format!("{name}/{path}"),
        bytes: Arc::clone(&file.bytes),
    });
    Plan {
        changes: changes.collect(),
    }
}

fn removed(folder: &Folder<'_>) -> impl Iterator<Item = Change> {
    folder.files.keys().map(|path| Change::Remove {
        level: folder.level,
        path: format!("{}/{path}", folder.name),
    })
}

impl fmt::Display for PackAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.level, self.name)
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) => write!(
                f,
                "`{text}` names no pack: write LEVEL.pack, with core, global, zone or local"
            ),
            Self::NoSuchPack {
                pack,
                levels,
                nearest,
            } => {
                write!(f, "there is no pack {pack}")?;
                if !levels.is_empty() {
                    let levels: Vec<&str> = levels.iter().map(|level| level.as_str()).collect();
                    write!(f, "; {} is at level {}", pack.name, levels.join(" and "))?;
                } else if let Some(nearest) = nearest {
                    write!(f, "; did you mean {}.{nearest}?", pack.level)?;
                }
                Ok(())
            }
            Self::Exists(pack) => write!(f, "the pack {pack} is there already"),
            Self::WrongWay { from, to, wanted } => {
                write!(f, "{to} is no {wanted} level than {from}")
            }
            Self::Core => write!(
                f,
                "the pack is part of the program and cannot be changed there; \
                 `opsbro packs overload` brings it to a level where it can"
            ),
            Self::BadName(name) => write!(
                f,
                "`{name}` cannot be the name of a pack: use letters, digits, `-` and `_`"
            ),
            Self::Package(error) => write!(f, "{PACKAGE_FILE}: {error}"),
        }
    }
}

impl OperationError {
    /// Tells whether what was asked for could never be done, whatever the packs are.
    pub fn is_misuse(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::WrongWay { .. } | Self::Core | Self::BadName(_) => true,
            Self::NoSuchPack { .. } | Self::Exists(_) | Self::Package(_) => false,
        }
    }
}

impl std::error::Error for OperationError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::File;

    fn tree(paths: &[&str]) -> PackFiles {
        let mut files = PackFiles::new();
        for path in paths {
            let (level, below) = path.split_once('/').unwrap();
            let name = below.split('/').next().unwrap();
            let text = format!("name: {name} # the name\n");
            let level = Level::parse(level).unwrap();
            files.add(level, below, File::new(*path, text.into_bytes()));
        }
        files
    }

    fn shown(plan: Result<Plan, OperationError>) -> Vec<String> {
        let changes = match plan {
            Ok(plan) => plan.changes,
            Err(error) => return vec![error.to_string()],
        };
        let show = |change: &Change| match change {
            Change::Write { level, path, .. } => format!("+{level}/{path}"),
            Change::Remove { level, path } => format!("-{level}/{path}"),
        };
        changes.iter().map(show).collect()
    }

    fn at(text: &str) -> PackAt {
        PackAt::parse(text).unwrap()
    }

    const FILES: &[&str] = &[
        "core/base/package.yml",
        "global/redis/package.yml",
        "global/redis/monitoring/redis.yml",
        "local/mine/package.yml",
    ];

    #[test]
    fn a_pack_is_overloaded_by_all_of_it_or_by_an_overlay() {
        let files = tree(FILES);
        let plan = overload(&files, &at("global.redis"), Level::Local, Overload::Copy);
        assert_eq!(
            shown(plan),
            [
                "+local/redis/monitoring/redis.yml",
                "+local/redis/package.yml"
            ]
        );
        let plan = overload(&files, &at("global.redis"), Level::Zone, Overload::Overlay).unwrap();
        let [Change::Write { bytes, .. }] = &plan.changes[..] else {
            panic!("{plan:?}");
        };
        assert_eq!(&**bytes, b"name: redis\noverlay: true\n");
    }

    #[test]
    fn a_pack_is_promoted_copied_and_deleted() {
        let files = tree(FILES);
        assert_eq!(
            shown(promote(&files, &at("local.mine"), Level::Zone)),
            ["+zone/mine/package.yml", "-local/mine/package.yml"]
        );
        assert_eq!(
            shown(delete(&files, &at("local.mine"))),
            ["-local/mine/package.yml"]
        );
        let plan = copy(&files, &at("global.redis"), "cache").unwrap();
        let text = plan.changes.iter().find_map(|change| match change {
            Change::Write { path, bytes, .. } if path == "cache/package.yml" => Some(bytes),
            Change::Write { .. } | Change::Remove { .. } => None,
        });
        assert_eq!(&**text.unwrap(), b"name: cache # the name\n");
    }

    #[test]
    fn what_cannot_be_done_is_said_with_the_reason() {
        let files = tree(FILES);
        for (plan, message) in [
            (
                overload(&files, &at("global.redsi"), Level::Local, Overload::Copy),
                "there is no pack global.redsi; did you mean global.redis?",
            ),
            (
                overload(&files, &at("zone.redis"), Level::Local, Overload::Copy),
                "there is no pack zone.redis; redis is at level global",
            ),
            (
                overload(&files, &at("local.mine"), Level::Local, Overload::Copy),
                "local is no higher level than local",
            ),
            (
                promote(&files, &at("global.redis"), Level::Local),
                "local is no lower level than global",
            ),
            (
                promote(&files, &at("local.mine"), Level::Core),
                "the pack is part of the program and cannot be changed there; \
                 `opsbro packs overload` brings it to a level where it can",
            ),
            (
                delete(&files, &at("core.base")),
                "the pack is part of the program and cannot be changed there; \
                 `opsbro packs overload` brings it to a level where it can",
            ),
            (
                copy(&files, &at("global.redis"), "redis"),
                "the pack global.redis is there already",
            ),
            (
                copy(&files, &at("global.redis"), "a b"),
                "`a b` cannot be the name of a pack: use letters, digits, `-` and `_`",
            ),
        ] {
            assert_eq!(shown(plan), [message]);
        }
        let malformed = PackAt::parse("redis").unwrap_err().to_string();
        assert_eq!(
            malformed,
            "`redis` names no pack: write LEVEL.pack, with core, global, zone or local"
        );
        assert!(PackAt::parse("here.redis").is_err() && PackAt::parse("core.").is_err());
    }
}
