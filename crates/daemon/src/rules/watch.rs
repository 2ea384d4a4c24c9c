//! Watching the folders of packs, so that an edit is in force a moment after it is saved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::limits;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe;
use tokio::time::Instant;
use tracing::warn;

/// Quiet time after the last change before it is taken: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(300);

/// Watches folders. Without inotify it watches nothing, and only a reload takes changes.
pub(super) struct Watch {
    inotify: Option<pipe::Receiver>,
    settled_at: Option<Instant>,
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
            inotify: made.ok(),
            settled_at: None,
        }
    }

    /// Watches the data folder itself, where levels appear, and these folders of packs. A folder
    /// that is watched already stays so.
    pub(super) fn add(&self, data: &Path, folders: &[PathBuf]) {
        let Some(inotify) = &self.inotify else { return };
        let appear = WatchFlags::CREATE | WatchFlags::MOVED_TO;
        let change = appear
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR;
        let levels = model::Level::ALL.map(|level| data.join(format!("{level}-configuration")));
        let above = [data.to_owned()]
            .into_iter()
            .chain(levels)
            .map(|folder| (folder, appear));
        let below = folders.iter().take(limits::PACK_FOLDERS_WATCHED_MAX);
        for (folder, flags) in above.chain(below.map(|folder| (folder.clone(), change))) {
            // A folder that is not there yet appears in the one above it.
            let _ = inotify::add_watch(inotify, &folder, flags);
        }
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

    /// Waits until something changed, and reads away what the kernel says about it.
    async fn touched(&self) {
        let Some(inotify) = &self.inotify else {
            return std::future::pending().await;
        };
        let mut buffer = [0; 4_096];
        while inotify.readable().await.is_ok() {
            match inotify.try_read(&mut buffer) {
                Ok(_) => return,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        std::future::pending::<()>().await;
    }
}
