//! The keys of a group as text: in a file before they are dropped, and as a backup.

use std::io;
use std::path::Path;

use api::kv::Write;
use raft::{Clock, Group, State, state};

use crate::agent::Agent;
use crate::backup::{self, Head};
use crate::clock;
use crate::http::kv::shown;

/// The folder below that of the data.
const FOLDER: &str = "dropped";

/// Writes all keys of a group that has ended; gives the path of the file.
pub(super) async fn write(agent: &Agent, group: &Group) -> Result<String, String> {
    let keep = std::sync::Arc::clone(&agent.keep);
    let group = group.clone();
    let written = tokio::task::spawn_blocking(move || {
        let folder = keep.folder().join(FOLDER);
        store::file::make_dir(&folder, 0o700)?;
        let path = folder.join(format!("keys-{}.jsonl", clock::wall().as_millis()));
        save(&path, &group)?;
        Ok::<_, store::Error>(path.display().to_string())
    });
    match written.await {
        Ok(Ok(path)) => Ok(path),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Gives all keys that this node has, as a backup.
pub(crate) fn backup_of(group: &Group) -> String {
    let now = group.lease_time();
    group.look(|state| {
        let head = Head {
            format: String::new(),
            created: clock::wall().to_string(),
            group: group.id().map(|id| id.to_string()).unwrap_or_default(),
            revision: state.revision().0,
            keys: state.range("", None).count() as u64,
        };
        let keys = state.range("", None);
        backup::encode(head, keys.map(|(key, cell)| line(key, &cell, now)))
    })
}

fn save(path: &Path, group: &Group) -> Result<(), store::Error> {
    let bytes = group.look(|state| state.usage().bytes);
    let need_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    store::file::replace_with(path, need_bytes, store::file::PRIVATE, |out| {
        let now = group.lease_time();
        group.look(|state| lines(state, now, out))
    })
}

fn lines(state: &State, now: Clock, out: &mut impl io::Write) -> io::Result<()> {
    for (key, cell) in state.range("", None) {
        serde_json::to_writer(&mut *out, &line(key, &cell, now))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn line(key: &str, cell: &state::Cell, now: Clock) -> Write {
    let (value, value_hex) = shown(&cell.value);
    let left = cell.left(now).map(|left| left.as_millis() as u64);
    Write {
        key: key.to_owned(),
        value,
        value_hex,
        ttl_ms: left.map(|left| left.max(1)),
    }
}
