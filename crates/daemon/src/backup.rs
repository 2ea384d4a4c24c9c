//! Backups of keys: text, one key a line, between a head and a checksum.
//!
//! Locks and sessions are not in it: who held them is gone when a backup is needed.

use api::kv::Write;
use model::to_hex;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// What the first line says the file is.
const FORMAT: &str = "opsbro-backup-1";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What the file is.
    pub format: String,
    /// When it was made (RFC 3339, UTC).
    pub created: String,
    /// The group whose keys they are.
    pub group: String,
    /// The revision of the last change in it.
    pub revision: u64,
    /// How many keys it has.
    pub keys: u64,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct Tail {
    /// Of all lines before it.
    sha256: String,
}

/// A backup that was read and is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// What it says of itself.
    pub head: Head,
    /// Its keys, as writes.
    pub keys: Vec<Write>,
}

/// Writes a backup.
pub(crate) fn encode(mut head: Head, keys: impl Iterator<Item = Write>) -> String {
    FORMAT.clone_into(&mut head.format);
    let mut text = line(&head);
    for key in keys {
        text.push_str(&line(&key));
    }
    let tail = Tail {
        sha256: to_hex(digest(&SHA256, text.as_bytes()).as_ref()),
    };
    text.push_str(&line(&tail));
    text
}

/// Reads a backup; says what is wrong with one that is not sound.
pub fn decode(text: &str) -> Result<Backup, String> {
    let rest = text.strip_suffix('\n').ok_or("it is cut off at its end")?;
    let (body, tail) = rest.rsplit_once('\n').ok_or("it is empty")?;
    let tail: Tail =
        serde_json::from_str(tail).map_err(|_| "its checksum is missing: it is cut off")?;
    let covered = &text[..=body.len()];
    if to_hex(digest(&SHA256, covered.as_bytes()).as_ref()) != tail.sha256 {
        return Err("its checksum does not fit: it was damaged or changed".to_owned());
    }
    let mut lines = body.lines();
    let head = lines.next().unwrap_or_default();
    let head: Head = serde_json::from_str(head).map_err(|error| format!("line 1: {error}"))?;
    if head.format != FORMAT {
        let format = head.format;
        return Err(format!(
            "it has the format {format}, this program reads {FORMAT}"
        ));
    }
    let keys = lines.enumerate().map(|(at, line)| {
        serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 2))
    });
    let keys = keys.collect::<Result<Vec<Write>, String>>()?;
    if keys.len() as u64 != head.keys {
        return Err(format!("it has {} keys of {}", keys.len(), head.keys));
    }
    Ok(Backup { head, keys })
}

fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("our own structs are always JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let head = Head {
            format: String::new(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            group: "g".to_owned(),
            revision: 7,
            keys: 2,
        };
        let key = |key: &str, value: &str| Write {
            key: key.to_owned(),
            value: Some(value.to_owned()),
            ..Write::default()
        };
        encode(head, [key("a", "1\n2"), key("b", "")].into_iter())
    }

    #[test]
    fn a_backup_is_read_back() {
        let backup = decode(&sample()).unwrap();
        assert_eq!((backup.head.revision, backup.keys.len()), (7, 2));
        assert_eq!(backup.keys[0].value.as_deref(), Some("1\n2"));
    }

    #[test]
    fn a_backup_that_is_cut_or_changed_anywhere_is_refused() {
        let sound = sample();
        for end in 0..sound.len() {
            assert!(decode(&sound[..end]).is_err(), "cut at {end}");
        }
        for at in 0..sound.len() - 1 {
            let mut changed = sound.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(decode(&changed).is_err(), "changed at {at}");
        }
    }
}
