//! Files: one, or each that a pattern with `*` names.

use std::io::Read as _;

use model::limits::{SOURCE_BYTES_MAX, SOURCE_FILES_MAX};

use super::{Answer, too_large};
use crate::collectors::Trouble;
use crate::files::list_directory;
use crate::host::read_error;
use crate::{Deadline, Error, Host};

/// Which files to read.
#[derive(Clone, Debug)]
pub struct File {
    /// An absolute path; `*` stands for any letters of one name, but not for a leading dot.
    pub path: String,
}

impl File {
    /// Gives the bytes of the file, or of each file.
    pub(super) fn read(&self, host: &Host, deadline: Deadline) -> Result<Answer, Trouble> {
        let absent = || {
            Trouble::not_eligible(
                format!("there is no file {}", self.path),
                "it comes with what is to be watched; if that is there, set the right path",
            )
        };
        if !self.path.contains('*') {
            if host.metadata(&self.path)?.is_none() {
                return Err(absent());
            }
            let bytes = read(host, &self.path, SOURCE_BYTES_MAX, deadline)?;
            if bytes.len() > SOURCE_BYTES_MAX {
                return Err(too_large(self.path.as_str()).into());
            }
            return Ok(Answer::Bytes(bytes));
        }
        let mut files = Vec::new();
        let mut refused = None;
        let mut room = SOURCE_BYTES_MAX;
        for path in self.matches(host, deadline)? {
            let bytes = match read(host, &path, room, deadline) {
                Ok(bytes) => bytes,
                // One that went away meanwhile is as if it had never been there, and one user can
                // not keep us from the files of others.
                Err(error) => {
                    deadline.check("reading", &path)?;
                    let is_refused = matches!(error, Error::BadAnswer { .. });
                    refused = refused.or(is_refused.then_some(error));
                    continue;
                }
            };
            room = room
                .checked_sub(bytes.len())
                .ok_or_else(|| too_large(self.path.as_str()))?;
            files.push((path, bytes));
        }
        if files.is_empty() {
            return Err(refused.map_or_else(absent, Trouble::Failed));
        }
        Ok(Answer::Files(files))
    }

    /// Gives the paths that the pattern names, in order.
    fn matches(&self, host: &Host, deadline: Deadline) -> Result<Vec<String>, Error> {
        let Some(below) = self.path.strip_prefix('/') else {
            let problem = "is not an absolute path: an agent has no current directory";
            return Err(Error::bad_request(&self.path, problem));
        };
        let mut paths = vec![String::new()];
        for pattern in below.split('/') {
            let mut next = Vec::new();
            for path in &paths {
                if !pattern.contains('*') {
                    next.push(format!("{path}/{pattern}"));
                    continue;
                }
                let folder = if path.is_empty() { "/" } else { path };
                if !host.metadata(folder)?.is_some_and(|it| it.is_dir()) {
                    continue;
                }
                let names = list_directory(host, folder, deadline)?;
                let names = names.iter().filter(|name| is_match(pattern, name));
                next.extend(names.map(|name| format!("{path}/{name}")));
                if next.len() > SOURCE_FILES_MAX {
                    return Err(Error::TooLarge {
                        subject: format!("what {} names", self.path),
                        limit: format!("{SOURCE_FILES_MAX} files"),
                        advice: "write a narrower pattern",
                    });
                }
            }
            paths = next;
        }
        Ok(paths)
    }
}

/// Reads a file, or so many bytes of it and one more. Everybody who may use the agent sees them.
fn read(host: &Host, path: &str, bytes_max: usize, deadline: Deadline) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    host.shown_reader(path, deadline)?
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| read_error(error, path, deadline))?;
    Ok(bytes)
}

/// Tells whether a name is what a pattern says. Going back is only ever to the last `*`, so no
/// pattern takes longer than its length times that of the name.
fn is_match(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut in_name) = (0, 0);
    let mut last_star = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, in_name));
                at += 1;
            }
            Some(letter) if *letter == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            Some(_) | None => {
                let Some((star, taken)) = last_star else {
                    return false;
                };
                last_star = Some((star, taken + 1));
                at = star + 1;
                in_name = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters_of_a_name() {
        for (pattern, name, expect) in [
            ("*", "a", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbYb", false),
            ("a**", "a", true),
            ("cpu*", "cpu12", true),
            ("é*", "été", true),
        ] {
            assert_eq!(is_match(pattern, name), expect, "{pattern} {name}");
        }
        assert!(!is_match(&"*a".repeat(200), &"a".repeat(150)));
    }
}
