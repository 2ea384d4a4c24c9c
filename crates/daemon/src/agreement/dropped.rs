//! The keys of a group that gives way, written to a file before they are dropped.
//!
//! The file has one key a line, as JSON, and is what `opsbro kv-store import` reads.

use std::io::{self, Write};
use std::path::Path;

use raft::{Group, State};
use serde::Serialize;

use crate::agent::Agent;
use crate::clock;
use crate::http::kv::shown;

/// The folder below that of the data.
const FOLDER: &str = "dropped";

/// One line of the file.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
}

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

fn save(path: &Path, group: &Group) -> Result<(), store::Error> {
    let bytes = group.look(|state| state.usage().bytes);
    let need_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    store::file::replace_with(path, need_bytes, store::file::PRIVATE, |out| {
        group.look(|state| lines(state, out))
    })
}

fn lines(state: &State, out: &mut impl Write) -> io::Result<()> {
    for (key, cell) in state.range("", None) {
        let (value, value_hex) = shown(&cell.value);
        let line = Line {
            key,
            value,
            value_hex,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
