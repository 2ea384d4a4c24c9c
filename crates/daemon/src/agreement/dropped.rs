//! The keys of a group as text: in a file before they are dropped, and as a backup.

use std::io;
use std::path::Path;

use api::kv::Write;
use raft::{Group, State, state};

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
    group.look(|state| {
        let head = Head {
            format: String::new(),
            created: clock::wall().to_string(),
            group: group.id().map(|id| id.to_string()).unwrap_or_default(),
            revision: state.revision().0,
            keys: state.usage().keys,
        };
        let keys = state.range("", None);
        backup::encode(head, keys.map(|(key, cell)| line(state, key, &cell)))
    })
}

fn save(path: &Path, group: &Group) -> Result<(), store::Error> {
    let bytes = group.look(|state| state.usage().bytes);
    let need_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    store::file::replace_with(path, need_bytes, store::file::PRIVATE, |out| {
        group.look(|state| lines(state, out))
    })
}

fn lines(state: &State, out: &mut impl io::Write) -> io::Result<()> {
    for (key, cell) in state.range("", None) {
        serde_json::to_writer(&mut *out, &line(state, key, &cell))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn line(state: &State, key: &str, cell: &state::Cell) -> Write {
    let (value, value_hex) = shown(&cell.value);
    let left = cell.expires.since(state.clock()).as_millis() as u64;
    Write {
        key: key.to_owned(),
        value,
        value_hex,
        ttl_ms: (cell.expires.0 > 0).then_some(left.max(1)),
    }
}
