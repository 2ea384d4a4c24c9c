//! Backups of the keys that the leader writes by itself, and how many of them stay.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::WallTime;
use raft::{Group, Query, Role};
use tracing::{info, warn};

use super::dropped::backup_of;
use crate::agent::Agent;
use crate::clock;
use crate::configuration::Backups;

/// The folder below that of the data.
const FOLDER: &str = "backup";
/// How often it is asked whether one is due.
const TURN: Duration = Duration::from_secs(30);

/// Writes backups as long as the group is the same.
pub(super) async fn back_up(agent: &Agent, group: &Group) {
    loop {
        group.wait_leader(TURN).await;
        let plan = agent.configuration.borrow().backups;
        let leads = group.standing().role == Role::Leader;
        if plan.every > Duration::ZERO && leads && has_keys(group).await {
            let (folder, group) = (agent.keep.folder().join(FOLDER), group.clone());
            let now = clock::wall();
            let written = tokio::task::spawn_blocking(move || turn(&folder, plan, now, &group));
            match written.await {
                Ok(Ok(Some(path))) => info!(path = %path.display(), "The keys are backed up"),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => warn!(%error, "The keys cannot be backed up"),
                Err(error) => warn!(%error, "The keys cannot be backed up"),
            }
        }
        tokio::time::sleep(TURN).await;
    }
}

/// Tells whether there are keys, once a majority confirmed that this node knows all of them: who
/// just started makes its state again from the log, and a part of it is no backup.
async fn has_keys(group: &Group) -> bool {
    let usage = group.ask(Query::Usage).await;
    usage.is_ok() && group.look(|state| state.usage().keys > 0)
}

/// Writes a backup when one is due, and removes those that are too many.
fn turn(
    folder: &Path,
    plan: Backups,
    now: WallTime,
    group: &Group,
) -> Result<Option<PathBuf>, store::Error> {
    store::file::make_dir(folder, 0o700)?;
    let mut times = times(folder);
    let last = times.last().copied().unwrap_or(0);
    let every = plan.every.as_millis() as u64;
    // A clock that was set back must not keep them away for long.
    if last <= now.as_millis() && now.as_millis() - last < every {
        return Ok(None);
    }
    let path = path(folder, now.as_millis());
    let text = backup_of(group);
    store::file::replace(&path, text.as_bytes(), store::file::PRIVATE)?;
    times.push(now.as_millis());
    times.sort_unstable();
    let too_many = times.len().saturating_sub(plan.keep);
    for time in &times[..too_many] {
        store::file::remove(&self::path(folder, *time))?;
    }
    Ok(Some(path))
}

fn path(folder: &Path, millis: u64) -> PathBuf {
    folder.join(format!("keys-{millis}.backup"))
}

/// Tells when the backups in a folder were made, the oldest first.
fn times(folder: &Path) -> Vec<u64> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut times: Vec<u64> = names
        .filter_map(|name| {
            let millis = name.strip_prefix("keys-")?.strip_suffix(".backup")?;
            millis.parse().ok()
        })
        .collect();
    times.sort_unstable();
    times
}
