//! The files of zone keys: `zone_keys/<zone>.gossip.key` in the folder of the configuration.
//!
//! A file holds one key in base64, as the original's do: the key that seals. The ring of all keys
//! of a zone lies with the state of the agent (`keep`); a file whose key the ring does not know is
//! the will of who put it there, and stands alone. The commands of the program use this too.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gossip::seal::{Ring, Rings};
use model::{Diagnostic, Place, Zone, limits};
use ring::rand::{SecureRandom, SystemRandom};

use crate::paths::Paths;

pub use gossip::seal::{Key, KeyError, shown};

/// The end of the name of a key's file.
const SUFFIX: &str = ".gossip.key";
/// Ends of the names of files of the original that seal nothing here.
const OTHERS: [&str; 2] = [".public.key", ".private.key"];
/// A key has 44 letters; what is much longer is none.
const FILE_BYTES_MAX: u64 = 1_024;

/// The keys that files give, and what is wrong with these.
#[derive(Debug, Default)]
pub struct ZoneKeys {
    /// The key of each zone that has a file.
    pub keys: BTreeMap<Zone, Key>,
    /// Errors and warnings, by file.
    pub problems: Vec<Diagnostic>,
}

/// Tells that the system gives no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Makes a key out of the system's randomness.
pub fn generate() -> Result<Key, NoRandomness> {
    let mut bytes = [0; 32];
    let random = SystemRandom::new();
    random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(Key::from_random(bytes))
}

/// Gives the folder of the keys.
pub fn folder(home: &Paths) -> PathBuf {
    home.config.join("zone_keys")
}

/// Gives where the key of a zone lies.
pub fn path(home: &Paths, zone: &Zone) -> PathBuf {
    folder(home).join(format!("{zone}{SUFFIX}"))
}

/// Writes the key of a zone in one durable step, for its owner only.
pub fn write(home: &Paths, zone: &Zone, key: &Key) -> Result<PathBuf, String> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = folder(home);
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
    let path = path(home, zone);
    let text = format!("{}\n", key.to_base64());
    store::file::replace(&path, text.as_bytes(), store::file::PRIVATE)
        .map_err(|error| error.to_string())?;
    Ok(path)
}

/// Reads all files. One that cannot be used is an error: to go on without the key would open the
/// gossip of a zone that was meant to be sealed.
pub fn load(home: &Paths) -> ZoneKeys {
    let mut found = ZoneKeys::default();
    let folder = folder(home);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return found,
        Err(error) => {
            found.error(&folder, &format!("cannot read the folder: {error}"), None);
            return found;
        }
    };
    let mut paths = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => found.error(&folder, &format!("cannot read the folder: {error}"), None),
        }
        if paths.len() > limits::ZONE_KEY_FILES_MAX {
            let told = format!("more than {} files", limits::ZONE_KEY_FILES_MAX);
            found.error(&folder, &told, None);
            return found;
        }
    }
    paths.sort();
    for path in paths {
        found.take(&path);
    }
    found
}

impl ZoneKeys {
    fn error(&mut self, path: &Path, message: &str, hint: Option<&str>) {
        let place = Place::new(path.display().to_string(), 1, 1);
        let error = Diagnostic::error(place, message);
        self.problems.push(match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        });
    }

    fn warning(&mut self, path: &Path, message: &str, hint: &str) {
        let place = Place::new(path.display().to_string(), 1, 1);
        let warning = Diagnostic::warning(place, message);
        self.problems.push(warning.with_hint(hint));
    }

    fn take(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.ends_with(".key") || OTHERS.iter().any(|end| name.ends_with(end)) {
            return;
        }
        let zone = name.strip_suffix(SUFFIX).map(Zone::parse);
        let zone = match zone {
            Some(Ok(zone)) => zone,
            Some(Err(_)) => {
                return self.warning(path, "no zone can have this name", "remove the file");
            }
            None => {
                let hint = "the key of a zone is read from <zone>.gossip.key: rename the file";
                return self.warning(path, "this file is not read", hint);
            }
        };
        let text = match read(path) {
            Ok(text) => text,
            Err(why) => return self.error(path, &why, None),
        };
        match Key::parse(&text) {
            Ok(key) => {
                self.judge(path, &key);
                self.keys.insert(zone, key);
            }
            Err(why) => {
                let hint = format!(
                    "put into it what this file of another node of the zone holds; a new cluster \
                     gets a key by: opsbro gossip zone key generate --zone {zone} --erase"
                );
                let told = format!("the key of the zone {zone} is not valid: {why}");
                self.error(path, &told, Some(&hint));
            }
        }
    }

    /// Warns of a key that others may know.
    fn judge(&mut self, path: &Path, key: &Key) {
        let mode = std::fs::metadata(path).map_or(0, |found| found.mode());
        if mode & 0o077 != 0 {
            let hint = format!("chmod 600 {}", path.display());
            self.warning(path, "others on this machine may read the key", &hint);
        }
        if key.is_guessable() {
            let hint = "make a new one with `opsbro agent keygen`, and give it to the zone with \
                        `opsbro keys add KEY --use`";
            self.warning(
                path,
                "the key is made of the time of day: it can be guessed",
                hint,
            );
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    // A pipe would be waited for, and the start with it.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err("this is no plain file".to_owned());
    }
    let bytes = store::file::read(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or("it links to nothing, or has gone while it was read")?;
    String::from_utf8(bytes).map_err(|_| "it is not a text".to_owned())
}

/// Writes the key that seals into the file of each zone whose ring nodes agreed on, where another
/// one is in it; gives what went wrong.
pub(crate) fn write_rings(home: &Paths, rings: &Rings) -> Vec<String> {
    let mut errors = Vec::new();
    for (zone, ring) in rings {
        let Some(key) = ring.sealing().filter(|_| ring.version > 0) else {
            continue;
        };
        let written =
            read(&path(home, zone)).is_ok_and(|text| Key::parse(&text).as_ref() == Ok(key));
        if !written && let Err(error) = write(home, zone, key) {
            errors.push(error);
        }
    }
    errors
}

/// Makes the rings that the agent begins with, of the files and of what it kept.
pub(crate) fn rings(files: &BTreeMap<Zone, Key>, kept: &Rings) -> Rings {
    let agreed = kept.iter().filter(|(_, ring)| ring.version > 0);
    let agreed: BTreeMap<_, _> = agreed.collect();
    let zones: BTreeSet<_> = files.keys().chain(agreed.keys().copied()).collect();
    let ring_of = |zone: &Zone| {
        let kept = agreed.get(zone).map(|ring| Ring::clone(ring));
        Ring::from_disk(files.get(zone).cloned(), kept)
    };
    let rings = zones.into_iter().map(|zone| (zone.clone(), ring_of(zone)));
    rings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Surroundings;

    fn home() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            root: Some(folder.path().to_owned()),
            ..Surroundings::default()
        };
        let paths = Paths::resolve(&surroundings).unwrap();
        (folder, paths)
    }

    fn zone() -> Zone {
        Zone::parse("internet").unwrap()
    }

    #[test]
    fn what_was_written_is_read_and_nobody_else_may() {
        let (_folder, home) = home();
        assert!(load(&home).keys.is_empty());
        let key = generate().unwrap();
        let path = write(&home, &zone(), &key).unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let found = load(&home);
        assert_eq!(found.keys[&zone()], key);
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        assert_ne!(generate().unwrap(), key);
    }

    #[test]
    fn what_nodes_agreed_on_is_written_into_the_file_and_counts_again() {
        let (_folder, home) = home();
        let (old, new) = (generate().unwrap(), generate().unwrap());
        write(&home, &zone(), &old).unwrap();
        let mut agreed = Ring::of_file(new.clone());
        agreed.version = 3;
        let kept = Rings::from([(zone(), agreed)]);
        assert_eq!(rings(&BTreeMap::from([(zone(), new.clone())]), &kept), kept);
        assert_eq!(rings(&BTreeMap::new(), &kept), kept);
        assert!(write_rings(&home, &kept).is_empty());
        let files = load(&home).keys;
        assert_eq!(files[&zone()], new);
        // A key that the ring does not know is somebody's will.
        let other = BTreeMap::from([(zone(), old.clone())]);
        assert_eq!(rings(&other, &kept)[&zone()], Ring::of_file(old));
    }

    #[test]
    fn says_what_is_wrong_with_each_file_and_nothing_of_the_key() {
        let (_folder, home) = home();
        let folder = folder(&home);
        std::fs::create_dir_all(&folder).unwrap();
        let put = |name: &str, text: &str, mode: u32| {
            let path = folder.join(name);
            store::file::replace(&path, text.as_bytes(), store::file::Access::Mode(mode)).unwrap();
        };
        put("a.gossip.key", "hunter2", 0o600);
        put("b.gossip.key", &"A".repeat(2_000), 0o600);
        put("internet.key", "NGNjZWI2ZmEyMzEyMTFlOA==", 0o600);
        put("internet.gossip.key", "NGNjZWI2ZmEyMzEyMTFlOA==\n", 0o644);
        put("internet.public.key", "pem", 0o644);
        put("README", "text", 0o644);
        let found = load(&home);
        assert_eq!(found.keys.len(), 1);
        let told: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
        let told = told.join("\n");
        assert_eq!(found.problems.len(), 5, "{told}");
        assert_eq!(found.problems.iter().filter(|it| it.is_error()).count(), 2);
        for part in [
            "not base64",
            "not read",
            "others on this machine",
            "guessed",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(
            !told.contains("hunter2") && !told.contains("NGNj"),
            "{told}"
        );
    }
}
