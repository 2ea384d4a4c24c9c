//! Opens a file whose contents everybody may see.
//!
//! Who may write a folder may put a link there to what only the agent can read. So from the first
//! folder on that others may write, no link is followed, and a file that has several names is not
//! read. Links of root are its own affair.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, open, openat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::{BoundedReader, Host, refuse_unless_plain};
use crate::{Deadline, Error};

impl Host {
    /// Opens a plain file to be read in pieces, which others may not have led elsewhere.
    pub(crate) fn shown_reader(
        &self,
        path: &str,
        deadline: Deadline,
    ) -> Result<BoundedReader, Error> {
        let whole = self.path(path)?;
        let failed = |errno: Errno| Error::system("read", path)(errno.into());
        let below = whole.strip_prefix(self.root()).unwrap_or(&whole);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = open(self.root(), flags, Mode::empty()).map_err(failed)?;
        let mut is_foreign = false;
        let mut parts = below.iter().peekable();
        while let Some(part) = parts.next() {
            is_foreign |= others_write(&fstat(&folder).map_err(failed)?);
            if is_foreign {
                let found = statat(&folder, part, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
                refuse_foreign(path, &found)?;
            }
            let links = if is_foreign {
                OFlags::NOFOLLOW
            } else {
                OFlags::empty()
            };
            if parts.peek().is_some() {
                folder = openat(&folder, part, flags | links, Mode::empty()).map_err(failed)?;
                continue;
            }
            let file = plain(&folder, part, links, path)?;
            if is_foreign {
                // It may have been replaced since it was looked at.
                refuse_foreign(path, &fstat(&file).map_err(failed)?)?;
            }
            return Ok(BoundedReader {
                file: file.into(),
                deadline,
            });
        }
        Err(Error::NotPlainFile {
            path: path.to_owned(),
            kind: "directory",
        })
    }
}

fn others_write(folder: &Stat) -> bool {
    let is_ours = folder.st_uid == 0 || folder.st_uid == geteuid().as_raw();
    !is_ours || folder.st_mode & 0o022 != 0
}

fn refuse_foreign(path: &str, found: &Stat) -> Result<(), Error> {
    let problem = match FileType::from_raw_mode(found.st_mode) {
        FileType::Symlink => "is behind a link that others could make",
        FileType::RegularFile if found.st_nlink > 1 => {
            "has several names, and others could add one"
        }
        _ => return Ok(()),
    };
    let todo = "name the file itself, in a folder that only root may write";
    Err(Error::bad_answer(path, format!("{problem}: {todo}")))
}

/// Opens the last part of a path. Opening alone can start a watchdog or rewind a tape, so it is
/// looked at before, and after, as it may have been replaced in between.
fn plain(folder: &OwnedFd, part: &OsStr, links: OFlags, path: &str) -> Result<OwnedFd, Error> {
    let failed = |errno: Errno| Error::system("read", path)(errno.into());
    let at = match links.is_empty() {
        true => AtFlags::empty(),
        false => AtFlags::SYMLINK_NOFOLLOW,
    };
    refuse_unless_plain(path, statat(folder, part, at).map_err(failed)?.st_mode)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(folder, part, flags | links, Mode::empty()).map_err(failed)?;
    refuse_unless_plain(path, fstat(&file).map_err(failed)?.st_mode)?;
    Ok(file)
}
