//! The file `agent.yml`: read, checked and replaced as a whole.

use std::path::PathBuf;

use daemon::configuration::{self, keys};
use daemon::paths::Paths;
use model::{Diagnostic, limits};
use packs::yaml::edit::EditError;
use store::file::{self, Access};

use crate::failure::Failure;

/// The file as it stands, or as it would be installed.
pub(super) struct AgentYml {
    pub(super) path: PathBuf,
    pub(super) text: String,
    paths: Paths,
}

impl AgentYml {
    /// Reads the file. Where there is none, it is the one with every default and its comment.
    pub(super) fn read(paths: Paths) -> Result<Self, Failure> {
        let path = paths.config.join("agent.yml");
        let text = match file::read(&path, limits::YAML_FILE_BYTES_MAX as u64)? {
            Some(bytes) => String::from_utf8(bytes).map_err(|_| {
                Failure::usage(format!("{} is not UTF-8 text", path.display()))
                    .with_hint("save it as UTF-8")
            })?,
            None => keys::default_file(),
        };
        Ok(Self { path, text, paths })
    }

    /// Replaces the file, unless the agent would refuse what it says then.
    pub(super) fn replace(&self, edited: &str) -> Result<(), Failure> {
        let before = configuration::load(&self.paths).problems;
        let after = configuration::load_edited(&self.paths, edited).problems;
        let is_new = |problem: &&Diagnostic| {
            problem.is_error() && !before.iter().any(|old| old.message == problem.message)
        };
        let new: Vec<Diagnostic> = after.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            return Err(Failure::problems("the agent would refuse this", new)
                .with_hint("nothing was changed"));
        }
        file::make_dir(&self.paths.config, 0o755)?;
        file::replace(
            &self.path,
            edited.as_bytes(),
            Access::Keep { otherwise: 0o644 },
        )?;
        Ok(())
    }

    /// Says why an edit was not made.
    pub(super) fn refuse(&self, error: &EditError) -> Failure {
        let path = self.path.display();
        match error {
            EditError::Unreadable(problems) => {
                Failure::problems(format!("{path} cannot be read"), problems.clone())
                    .with_hint("mend the file first")
            }
            EditError::BadValue(_)
            | EditError::NotAMap
            | EditError::NoSuchKey { .. }
            | EditError::NotAList { .. }
            | EditError::NoSuchItem { .. }
            | EditError::Layout { .. } => Failure::usage(format!("{path}: {error}")),
        }
    }
}

/// Writes a text that came from a shell as YAML that reads as this very text.
pub(super) fn text(value: &str) -> String {
    let (node, problems) = packs::yaml::parse("value", value);
    let reads_as_itself = problems.is_empty()
        && node
            .and_then(|node| node.text().cloned())
            .is_some_and(|text| *text == *value);
    match reads_as_itself {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_the_shell_stays_what_it_is() {
        for (value, expect) in [
            ("web-1", "web-1"),
            ("a: b", "'a: b'"),
            ("it's #1", "'it''s #1'"),
            ("it's # 1", "'it''s # 1'"),
            ("", "''"),
            ("[a]", "'[a]'"),
            ("zone::lan", "zone::lan"),
            ("\"x\"", "'\"x\"'"),
        ] {
            let written = text(value);
            let read = packs::yaml::parse("value", &written)
                .0
                .and_then(|node| node.text().cloned());
            assert_eq!(read.as_deref(), Some(value), "{written}");
            if !value.contains("#1") {
                assert_eq!(written, expect);
            }
        }
    }
}
