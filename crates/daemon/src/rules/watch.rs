//! Watching the folders of packs, so that an edit is in force a moment after it is saved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::limits;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::net::unix::pipe;
use tokio::time::Instant;
use tracing::warn;

/// Quiet time after the last change before it is taken: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(300);

/// Watches folders. Without inotify it watches nothing, and only a reload takes changes.
pub(super) struct Watch {
    folders: Folders,
    settled_at: Option<Instant>,
}

/// The folders that are watched. Clones share them.
#[derive(Clone)]
pub(super) struct Folders {
    inotify: Option<Arc<pipe::Receiver>>,
    known: Arc<Mutex<Known>>,
}

/// The numbers that the kernel gave the folders. One that is made anew gets a new number.
#[derive(Default)]
struct Known {
    all: BTreeSet<i32>,
    /// That of the data folder, where the agent itself makes files and folders, too.
    data: Option<i32>,
}

/// What a watch saw.
pub(crate) enum Seen {
    /// Something changed; more may follow.
    Touched,
    /// Something had changed, and has been quiet since.
    Settled,
}

impl Watch {
    /// Starts without folders; must be called inside the runtime.
    pub(super) fn new() -> Self {
        let made = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .map_err(std::io::Error::from)
            // A pipe and an inotify descriptor are read alike; only the check of the kind is left
            // out.
            .and_then(pipe::Receiver::from_owned_fd_unchecked);
        if let Err(error) = &made {
            warn!(%error, "Cannot watch the packs: changes need `opsbro agent reload`");
        }
        Self {
            folders: Folders {
                inotify: made.ok().map(Arc::new),
                known: Arc::default(),
            },
            settled_at: None,
        }
    }

    /// Gives the folders, for the job that reads them.
    pub(super) fn folders(&self) -> Folders {
        self.folders.clone()
    }

    /// Waits for the next thing to see. Loses nothing when it is dropped.
    pub(super) async fn next(&self) -> Seen {
        let settled = async {
            match self.settled_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.touched() => Seen::Touched,
            () = settled => Seen::Settled,
        }
    }

    /// Takes what was seen; tells whether it is time to read the packs again.
    pub(super) fn take(&mut self, seen: &Seen) -> bool {
        self.settled_at = match seen {
            Seen::Touched => Some(Instant::now() + SETTLE),
            Seen::Settled => None,
        };
        self.settled_at.is_none()
    }

    /// Waits until something of packs changed, and reads away what the kernel says about it.
    async fn touched(&self) {
        let Some(inotify) = &self.folders.inotify else {
            return std::future::pending().await;
        };
        let mut buffer = [0; 4_096];
        while inotify.readable().await.is_ok() {
            match inotify.try_read(&mut buffer) {
                Ok(bytes) if self.folders.is_about_packs(&buffer[..bytes]) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Folders {
    /// Watches the data folder itself, where levels appear, and these folders of packs; tells
    /// whether one of them was not watched before. May block.
    pub(super) fn add(&self, data: &Path, folders: &[PathBuf]) -> bool {
        let Some(inotify) = &self.inotify else {
            return false;
        };
        let names =
            WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        let content = names | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR;
        let levels = model::Level::ALL.map(|level| data.join(format!("{level}-configuration")));
        let above = [data.to_owned()]
            .into_iter()
            .chain(levels)
            .map(|folder| (folder, names));
        let below = folders.iter().take(limits::PACK_FOLDERS_WATCHED_MAX);
        let below = below.map(|folder| (folder.clone(), content));
        let mut watched = Known::default();
        for (folder, flags) in above.chain(below) {
            match inotify::add_watch(inotify, &folder, flags) {
                Ok(number) => {
                    watched.all.insert(number);
                    if folder == data {
                        watched.data = Some(number);
                    }
                }
                Err(Errno::NOSPC) => {
                    let folder = folder.display();
                    warn!(
                        %folder,
                        "Too many folders are watched on this machine (fs.inotify.max_user_watches): \
                         changes here need `opsbro agent reload`"
                    );
                    break;
                }
                // A folder that is not there yet appears in the one above it.
                Err(_) => {}
            }
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let has_new = !watched.all.is_subset(&known.all);
        *known = watched;
        has_new
    }

    /// Tells whether one of these changes may be of packs: all are, but for those of other names
    /// in the data folder. Each is 16 bytes (number of the folder, what, cookie, length of the
    /// name), and a name that is filled up with zeros.
    fn is_about_packs(&self, mut changes: &[u8]) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((head, rest)) = changes.split_first_chunk::<16>() {
            let [a, b, c, d, .., e, f, g, h] = *head;
            let number = i32::from_ne_bytes([a, b, c, d]);
            let length = u32::from_ne_bytes([e, f, g, h]) as usize;
            let Some((name, next)) = rest.split_at_checked(length) else {
                return true;
            };
            if Some(number) != known.data || is_level(name) {
                return true;
            }
            changes = next;
        }
        false
    }
}

/// Tells whether a name, filled up with zeros, is that of the folder of a level.
fn is_level(name: &[u8]) -> bool {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    model::Level::ALL
        .iter()
        .any(|level| name == format!("{level}-configuration").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_new_once_until_it_is_made_anew() {
        let data = tempfile::tempdir().unwrap();
        let pack = data.path().join("pack");
        let folders = Watch::new().folders();
        assert!(folders.add(data.path(), &[]));
        assert!(!folders.add(data.path(), std::slice::from_ref(&pack)));
        for _ in 0..2 {
            std::fs::create_dir(&pack).unwrap();
            assert!(folders.add(data.path(), std::slice::from_ref(&pack)));
            assert!(!folders.add(data.path(), std::slice::from_ref(&pack)));
            std::fs::remove_dir(&pack).unwrap();
        }
    }

    #[tokio::test]
    async fn what_the_agent_writes_beside_the_packs_is_no_change_of_them() {
        let data = tempfile::tempdir().unwrap();
        let watch = Watch::new();
        watch.folders().add(data.path(), &[]);
        for own in ["journal", "backup", "state"] {
            std::fs::create_dir(data.path().join(own)).unwrap();
        }
        let mut touched = std::pin::pin!(watch.next());
        // Long enough for the reader to take what waits: it is there before the first look.
        let looked = tokio::time::timeout(Duration::from_millis(20), touched.as_mut()).await;
        assert!(looked.is_err());
        std::fs::create_dir(data.path().join("zone-configuration")).unwrap();
        let seen = tokio::time::timeout(Duration::from_secs(20), touched).await;
        assert!(matches!(seen, Ok(Seen::Touched)));
    }

    #[tokio::test]
    async fn a_folder_of_packs_that_is_moved_away_is_seen() {
        let data = tempfile::tempdir().unwrap();
        let packs = data.path().join("local-configuration/packs");
        std::fs::create_dir_all(&packs).unwrap();
        let watch = Watch::new();
        watch
            .folders()
            .add(data.path(), std::slice::from_ref(&packs));
        let aside = tempfile::tempdir_in(data.path().parent().unwrap()).unwrap();
        std::fs::rename(&packs, aside.path().join("packs")).unwrap();
        let seen = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
        assert!(matches!(seen, Ok(Seen::Touched)));
    }
}
