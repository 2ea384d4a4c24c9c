//! Whole files: replaced in one step, read up to a limit.
//!
//! [`replace`] is the only way a file of ours changes: the new bytes go to a file beside the old
//! one, are made durable there, and take its name in one step. A reader sees the old bytes or the
//! new ones, after a crash too. What a crash leaves behind is removed by [`clean`].

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, Gid, Uid};
use rustix::io::Errno;

use crate::Error;

/// Who may read the file that replaces another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Exactly this mode, owned by us.
    Mode(u32),
    /// Owner, group and mode of the file that is replaced; this mode when there is none.
    Keep {
        /// The mode of a file that is new.
        otherwise: u32,
    },
}

/// The mode of a file that only its owner may read.
pub const PRIVATE: Access = Access::Mode(0o600);

/// The end of the name of a file that is being written, after the process id.
const UNFINISHED: &str = ".unfinished";

/// Replaces the content of a file, or makes the file, in one durable step. A symbolic link stays
/// and what it points at is replaced. On an error the old content is untouched.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), Error> {
    replace_with(path, bytes.len(), access, |file| file.write_all(bytes))
}

/// Like [`replace`], for content that is written piece by piece; `need_bytes` is its size.
pub fn replace_with(
    path: &Path,
    need_bytes: usize,
    access: Access,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let target = resolve(path)?;
    let unfinished = unfinished_name(&target);
    let done = write_new(&unfinished, write)
        .map_err(|e| Error::write(path, need_bytes, e))
        .and_then(|file| grant(&file, &target, access))
        .and_then(|()| {
            fs::rename(&unfinished, &target).map_err(|e| Error::write(path, need_bytes, e))
        });
    if let Err(error) = done {
        // It may not exist, or not be removable now: then `clean` removes it.
        let _ = fs::remove_file(&unfinished);
        return Err(about(path, error));
    }
    sync_dir(parent(&target))
}

/// Reads a whole file of at most `bytes_max` bytes; `None` when there is none.
pub fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("open", path, error)),
    };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file at its limit from one above it, whatever the
    // metadata says and however fast it grows.
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| Error::file("read", path, e))?;
    if bytes.len() as u64 > bytes_max {
        let bytes = fs::metadata(path).map_or(bytes.len() as u64, |found| found.len());
        return Err(Error::TooLarge {
            path: path.to_owned(),
            bytes,
            bytes_max,
        });
    }
    Ok(Some(bytes))
}

/// Removes a file durably; it may be absent.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::file("remove", path, error)),
    }
}

/// Makes sure that a directory has room for so many bytes, which are free again after that. A file
/// system that cannot set room aside is taken at its word when it is written.
pub fn prove_room(dir: &Path, bytes: usize) -> Result<(), Error> {
    let path = unfinished_name(&dir.join("room"));
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    let proved = made.and_then(|file| {
        let set_aside = || rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes as u64);
        match rustix::io::retry_on_intr(set_aside) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    });
    // It may not have been made, or not be removable now: then `clean` removes it.
    let _ = fs::remove_file(&path);
    proved.map_err(|e| Error::write(dir, bytes, e))
}

/// Makes a directory and its parents durably, with this mode; it may exist already.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if path.as_os_str().is_empty() {
        // What lies above a bare name: the working directory.
        return Ok(());
    }
    let above = parent(path);
    make_dir(above, mode)?;
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(Error::file("make directory", path, error)),
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|e| Error::file("set the mode of", path, e))?;
    sync_dir(above)
}

/// Removes the files that crashed processes have left unfinished in a directory, and tells which.
/// Files of a process that still runs are left to it.
pub fn clean(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(removed),
        Err(error) => return Err(Error::file("list", dir, error)),
    };
    for entry in entries {
        let path = entry.map_err(|e| Error::file("list", dir, e))?.path();
        if is_left_behind(&path) {
            fs::remove_file(&path).map_err(|e| Error::file("remove", &path, e))?;
            removed.push(path);
        }
    }
    removed.sort();
    Ok(removed)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| Error::file("sync directory", dir, e))
}

/// Gives the directory of a path; "." for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir.as_os_str().is_empty() => Path::new("."),
        Some(dir) => dir,
        None => path,
    }
}

fn resolve(path: &Path) -> Result<PathBuf, Error> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            fs::canonicalize(path).map_err(|e| Error::file("follow the link", path, e))
        }
        // Anything else that is wrong with the path shows when it is written.
        Ok(_) | Err(_) => Ok(path.to_owned()),
    }
}

fn write_new(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Sets owner and mode, then makes all of the file durable: after this it may take its name.
fn grant(file: &File, target: &Path, access: Access) -> Result<(), Error> {
    let mode = match access {
        Access::Mode(mode) => mode,
        Access::Keep { otherwise } => match fs::metadata(target) {
            Ok(old) => {
                let new = file
                    .metadata()
                    .map_err(|e| Error::file("read the owner of", target, e))?;
                if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                    let owner = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
                    rustix::fs::fchown(file, Some(owner.0), Some(owner.1))
                        .map_err(|e| Error::file("keep the owner of", target, e))?;
                }
                old.mode() & 0o7777
            }
            Err(_) => otherwise,
        },
    };
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(|e| Error::file("set the mode of", target, e))?;
    let length = file.metadata().map_or(0, |found| found.len());
    file.sync_all()
        .map_err(|e| Error::write(target, usize::try_from(length).unwrap_or(usize::MAX), e))
}

/// Names the file that the caller asked for, not the unfinished one beside it.
fn about(path: &Path, error: Error) -> Error {
    match error {
        Error::Write {
            need_bytes, source, ..
        } => Error::Write {
            path: path.to_owned(),
            need_bytes,
            source,
        },
        other => other,
    }
}

/// Gives ".NAME.PID-N.unfinished" beside the target: unique in this process, and tells `clean`
/// who would still need it.
fn unfinished_name(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    parent(target).join(format!(".{name}.{pid}-{count}{UNFINISHED}"))
}

fn is_left_behind(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(name) = name
        .strip_prefix('.')
        .and_then(|n| n.strip_suffix(UNFINISHED))
    else {
        return false;
    };
    let Some((pid, _count)) = name.rsplit_once('.').and_then(|(_, id)| id.split_once('-')) else {
        return false;
    };
    let Some(pid) = pid.parse().ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    // Our own id can only be that of a process that had it before us, as in a container.
    let is_ours = pid.as_raw_nonzero().get().unsigned_abs() == std::process::id();
    is_ours || rustix::process::test_kill_process(pid) == Err(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let dir = crate::scratch::dir();
        let path = dir.path().join("a");
        for bytes in [&b"one"[..], b"", b"a longer text"] {
            replace(&path, bytes, PRIVATE).unwrap();
            assert_eq!(read(&path, 100).unwrap().unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(mode(&path), 0o600);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path, 100).unwrap(), None);
    }

    #[test]
    fn mode_and_owner_are_kept_when_told() {
        let dir = crate::scratch::dir();
        let path = dir.path().join("a");
        replace(&path, b"1", Access::Keep { otherwise: 0o644 }).unwrap();
        assert_eq!(mode(&path), 0o644);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            std::os::unix::fs::chown(&path, Some(1), Some(2)).unwrap();
        }
        replace(&path, b"2", Access::Keep { otherwise: 0o644 }).unwrap();
        assert_eq!(mode(&path), 0o640);
        if is_root {
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.uid(), found.gid()), (1, 2));
        }
        replace(&path, b"3", Access::Mode(0o600)).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let dir = crate::scratch::dir();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        replace(&target, b"1", PRIVATE).unwrap();
        symlink("target", &link).unwrap();
        replace(&link, b"2", PRIVATE).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"2");
    }

    #[test]
    fn a_read_has_a_limit() {
        let dir = crate::scratch::dir();
        let path = dir.path().join("a");
        replace(&path, &[7; 100], PRIVATE).unwrap();
        assert_eq!(read(&path, 100).unwrap().unwrap().len(), 100);
        let error = read(&path, 99).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "{} is too large: 100 B, at most 99 B allowed",
                path.display()
            )
        );
    }

    #[test]
    fn what_a_crash_left_is_removed_and_what_is_in_use_stays() {
        let dir = crate::scratch::dir();
        let gone = dir.path().join(".a.999999999-0.unfinished");
        let ours = dir
            .path()
            .join(format!(".a.{}-9.unfinished", std::process::id()));
        let alive = dir.path().join(".a.1-0.unfinished");
        let other = dir.path().join(".a.unfinished");
        for path in [&gone, &ours, &alive, &other] {
            File::create(path).unwrap();
        }
        let mut expect = vec![gone, ours];
        expect.sort();
        assert_eq!(clean(dir.path()).unwrap(), expect);
        assert!(alive.exists() && other.exists());
        assert!(clean(&dir.path().join("absent")).unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_path_that_was_asked_for() {
        let dir = crate::scratch::dir();
        let path = dir.path().join("absent/a");
        let error = replace(&path, &[0; 4_096], PRIVATE).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot write {}: no such file or directory, 4.0 KiB needed",
                path.display()
            )
        );
        let error = read(dir.path(), 10).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot read {}", dir.path().display())),
            "{error}"
        );
    }

    #[test]
    fn directories_are_made_with_their_parents() {
        let dir = crate::scratch::dir();
        let path = dir.path().join("a/b/c");
        make_dir(&path, 0o700).unwrap();
        make_dir(&path, 0o700).unwrap();
        assert_eq!(mode(&path), 0o700);
        File::create(dir.path().join("file")).unwrap();
        assert!(make_dir(&dir.path().join("file/x"), 0o700).is_err());
        make_dir(Path::new("a").parent().unwrap(), 0o700).unwrap();
    }
}
