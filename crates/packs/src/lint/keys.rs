//! Does a collector give this key?

use expr::{Reference, Segment};

/// Tells whether one of the keys is what a reference names, or lies below it.
pub(super) fn gives(keys: &[&str], reference: &Reference) -> bool {
    let Some(path) = path(reference) else {
        return true;
    };
    path.is_empty() || keys.iter().any(|key| matches(key, &path))
}

/// Joins the steps behind the collector's name; `None` when a `*` stands for any of them.
pub(super) fn path(reference: &Reference) -> Option<String> {
    let names: Option<Vec<&str>> = reference
        .segments
        .iter()
        .skip(1)
        .map(|segment| match segment {
            Segment::Name(name) | Segment::Quoted(name) => Some(&**name),
            Segment::All => None,
        })
        .collect();
    Some(names?.join("."))
}

/// Tells whether a path is a key with `*`, or one of the maps on the way to it.
fn matches(key: &str, path: &str) -> bool {
    let ends = key.match_indices('.').map(|(at, _)| at);
    ends.chain([key.len()])
        .any(|end| glob(&key.as_bytes()[..end], path.as_bytes()))
}

/// `*` stands for anything that is not empty.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), Some(_)) => (1..=text.len()).any(|taken| glob(rest, &text[taken..])),
        (Some((wanted, pattern)), Some((found, text))) if wanted == found => glob(pattern, text),
        (Some(_), Some(_) | None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_what_differs_between_machines() {
        for (key, path, expect) in [
            ("load1", "load1", true),
            ("load1", "load", false),
            ("*.pct_used", "/.pct_used", true),
            ("*.pct_used", "/srv/a.b.pct_used", true),
            ("*.pct_used", "/", true),
            ("*.pct_used", "/.pct_usd", true),
            ("os.linux.version", "os.linux", true),
            ("os.linux.version", "os.lunix", false),
            ("disks.*.model", "disks.1.model", true),
            ("queue.deferred", "queue.deferred", true),
        ] {
            assert_eq!(matches(key, path), expect, "{key} {path}");
        }
    }
}
