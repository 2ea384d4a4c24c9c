//! Getting and setting one parameter in the files of a pack.

use std::fmt;
use std::sync::Arc;

use model::{Diagnostic, Level, Value, WallTime, nearest};

use super::{Declaration, FOLDER, looks_secret, masked};
use crate::files::{File, Folder, PackFiles};
use crate::levels::{OperationError, PackAt, Plan, find, write};
use crate::package;
use crate::report::Report;
use crate::yaml::edit::{self, EditError, Shown, Trail};

/// A parameter of a pack at a level, as people write it: `global.redis.port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterAt {
    /// The pack.
    pub pack: PackAt,
    /// The key, which may be a path into nested maps.
    pub key: String,
}

/// Tells why a parameter was not given or set.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeError {
    /// The pack is not there, or the text names none.
    Pack(OperationError),
    /// The pack has no such parameter.
    NoSuchParameter {
        /// The key that was asked for.
        key: String,
        /// One that it has and that looks like it.
        nearest: Option<String>,
    },
    /// The value is none that the parameter may have.
    NotAllowed {
        /// The key.
        key: String,
        /// What is wrong, in words that follow the key.
        problem: String,
    },
    /// The file could not be edited.
    File {
        /// The file.
        file: Arc<str>,
        /// What is wrong with it.
        error: EditError,
    },
}

impl ParameterAt {
    /// Reads `LEVEL.pack.key`.
    pub fn parse(text: &str) -> Result<Self, ChangeError> {
        let malformed = || ChangeError::Pack(OperationError::Malformed(text.to_owned()));
        let (at, _) = text.match_indices('.').nth(1).ok_or_else(malformed)?;
        let key = &text[at + 1..];
        if key.is_empty() {
            return Err(malformed());
        }
        Ok(Self {
            pack: PackAt::parse(&text[..at]).map_err(ChangeError::Pack)?,
            key: key.to_owned(),
        })
    }
}

/// Gives the value of a parameter in the files of its level, with its comments; a secret is `***`.
pub fn get(files: &PackFiles, parameter: &ParameterAt) -> Result<Shown, ChangeError> {
    let target = Target::find(files, parameter)?;
    match target.file_with_key() {
        Some((_, file)) => {
            let text = masked(file.text().unwrap_or_default(), &|key| {
                target.is_secret(key)
            });
            edit::get(&text, &parameter.key).map_err(|error| target.file_error(file, error))
        }
        None => target.default(),
    }
}

/// Sets a parameter, given as YAML; the value must be one that it may have.
pub fn set(
    files: &PackFiles,
    parameter: &ParameterAt,
    value_yaml: &str,
    at: WallTime,
) -> Result<Plan, ChangeError> {
    let target = Target::find(files, parameter)?;
    target.check(value_yaml)?;
    target.edited(at, |text, trail| {
        edit::set(text, &parameter.key, value_yaml, trail)
    })
}

/// Takes a parameter out of the files of its level, so that its default counts.
pub fn reset(
    files: &PackFiles,
    parameter: &ParameterAt,
    at: WallTime,
) -> Result<Plan, ChangeError> {
    let target = Target::find(files, parameter)?;
    if target.file_with_key().is_none() {
        return Ok(Plan::default());
    }
    target.edited(at, |text, trail| edit::unset(text, &parameter.key, trail))
}

/// The pack and the file that a parameter stands in, or would.
struct Target<'files> {
    folder: Folder<'files>,
    key: String,
    declarations: Vec<Declaration>,
    /// Keys that the files of this pack have at any level.
    known: Vec<String>,
}

impl<'files> Target<'files> {
    fn find(files: &'files PackFiles, parameter: &ParameterAt) -> Result<Self, ChangeError> {
        let folder = find(files, &parameter.pack).map_err(ChangeError::Pack)?;
        let mut declarations: Vec<Declaration> = Vec::new();
        let mut known = Vec::new();
        // What a lower level declares holds for the levels above it too.
        for level in Level::ALL.into_iter().rev() {
            let pack = PackAt {
                level,
                ..parameter.pack.clone()
            };
            let Ok(folder) = find(files, &pack) else {
                continue;
            };
            known.extend(keys(&folder));
            if level <= parameter.pack.level {
                declarations.extend(declared(&folder));
            }
        }
        known.extend(declarations.iter().map(|it| it.name.to_string()));
        let target = Self {
            folder,
            key: parameter.key.clone(),
            declarations,
            known,
        };
        let outer = parameter.key.split('.').next().unwrap_or_default();
        let is_known = |key: &str| target.known.iter().any(|known| known == key);
        if is_known(&parameter.key) || is_known(outer) {
            return Ok(target);
        }
        Err(ChangeError::NoSuchParameter {
            nearest: nearest(&parameter.key, target.known.iter().map(String::as_str))
                .map(str::to_owned),
            key: parameter.key.clone(),
        })
    }

    fn declaration(&self, key: &str) -> Option<&Declaration> {
        self.declarations.iter().find(|it| *it.name == *key)
    }

    fn is_secret(&self, key: &str) -> bool {
        match self.declaration(key) {
            Some(declaration) => declaration.secret,
            None => looks_secret(key),
        }
    }

    fn check(&self, value_yaml: &str) -> Result<(), ChangeError> {
        let (value, _) = crate::yaml::parse("value", value_yaml);
        let value = value.map_or_else(|| Value::from(""), |node| node.to_value());
        match self.declaration(&self.key).and_then(|it| it.check(&value)) {
            Some(problem) => Err(ChangeError::NotAllowed {
                key: self.key.clone(),
                problem,
            }),
            None => Ok(()),
        }
    }

    fn files(&self) -> impl Iterator<Item = (&Arc<str>, &'files File)> {
        self.folder
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("parameters/") && path.ends_with(".yml"))
            .map(|(path, file)| (path, *file))
    }

    /// The last file that has the key is the one that counts.
    fn file_with_key(&self) -> Option<(&Arc<str>, &'files File)> {
        self.files()
            .filter(|(_, file)| edit::get(file.text().unwrap_or_default(), &self.key).is_ok())
            .last()
    }

    fn edited(
        &self,
        at: WallTime,
        edit: impl Fn(&str, Option<Trail>) -> Result<String, EditError>,
    ) -> Result<Plan, ChangeError> {
        let trail = Trail {
            at,
            hide_value: self.is_secret(&self.key),
        };
        let found = self.file_with_key().or_else(|| self.files().next());
        let (path, text) = match found {
            Some((path, file)) => (path.to_string(), file.text().unwrap_or_default()),
            None => (format!("{FOLDER}/parameters.yml"), ""),
        };
        let edited = edit(text, Some(trail)).map_err(|error| match found {
            Some((_, file)) => self.file_error(file, error),
            None => ChangeError::File {
                file: Arc::from(path.as_str()),
                error,
            },
        })?;
        Ok(write(&self.folder, &path, edited))
    }

    fn default(&self) -> Result<Shown, ChangeError> {
        let declaration =
            self.declaration(&self.key)
                .ok_or_else(|| ChangeError::NoSuchParameter {
                    key: self.key.clone(),
                    nearest: None,
                })?;
        let value = declaration.default.shown();
        Ok(Shown {
            written: String::new(),
            comments: declaration
                .description
                .iter()
                .map(|it| format!("# {it}"))
                .collect(),
            line: declaration.place.line,
            value,
        })
    }

    fn file_error(&self, file: &File, error: EditError) -> ChangeError {
        // The line that is broken may be that of a secret.
        let without_lines = |diagnostics: Vec<Diagnostic>| -> Vec<Diagnostic> {
            let bare = |mut diagnostic: Diagnostic| {
                diagnostic.source_line = None;
                diagnostic
            };
            diagnostics.into_iter().map(bare).collect()
        };
        let error = match error {
            EditError::Unreadable(diagnostics) => EditError::Unreadable(without_lines(diagnostics)),
            EditError::BadValue(diagnostics) => EditError::BadValue(without_lines(diagnostics)),
            other @ (EditError::NotAMap
            | EditError::NoSuchKey { .. }
            | EditError::NotAList { .. }
            | EditError::NoSuchItem { .. }
            | EditError::Layout { .. }) => other,
        };
        ChangeError::File {
            file: Arc::clone(&file.shown),
            error,
        }
    }
}

/// Gives what a folder's `package.yml` declares.
pub(crate) fn declared(folder: &Folder<'_>) -> Vec<Declaration> {
    let mut report = Report::default();
    folder
        .files
        .get(package::PACKAGE_FILE)
        .and_then(|file| package::read(file, folder.level, &mut report))
        .map_or_else(Vec::new, |package| package.declarations)
}

fn keys(folder: &Folder<'_>) -> Vec<String> {
    let is_parameters = |path: &str| path.starts_with("parameters/") && path.ends_with(".yml");
    folder
        .files
        .iter()
        .filter(|(path, _)| is_parameters(path))
        .filter_map(|(_, file)| crate::yaml::parse("f", file.text()?).0)
        .flat_map(|node| {
            let entries = node.entries().unwrap_or_default();
            entries
                .iter()
                .map(|it| it.key.to_string())
                .collect::<Vec<_>>()
        })
        .collect()
}

impl fmt::Display for ParameterAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pack, self.key)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack(OperationError::Malformed(text)) => {
                write!(f, "`{text}` names no parameter: write LEVEL.pack.key")
            }
            Self::Pack(error) => error.fmt(f),
            Self::NoSuchParameter { key, nearest: None } => {
                write!(f, "the pack has no parameter `{key}`")
            }
            Self::NoSuchParameter {
                key,
                nearest: Some(nearest),
            } => write!(
                f,
                "the pack has no parameter `{key}`; did you mean `{nearest}`?"
            ),
            Self::NotAllowed { key, problem } => write!(f, "`{key}` {problem}"),
            Self::File { file, error } => write!(f, "{file}: {error}"),
        }
    }
}

impl std::error::Error for ChangeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::levels::Change;

    const PACKAGE: &str = "name: redis\nparameters:\n  port: {type: integer, default: 6379, min: 1, max: 65535, description: Its port}\n  key: {type: text, secret: true}\n";

    fn files(embedded: bool) -> PackFiles {
        let mut files = PackFiles::new();
        for (path, text) in [
            ("redis/package.yml", PACKAGE),
            (
                "redis/parameters/parameters.yml",
                "# Its server.\nserver: a # or b\npassword: hunter2\nlimits:\n  low: 1\n",
            ),
        ] {
            let file = File {
                embedded,
                ..File::new(path, text.as_bytes())
            };
            files.add(Level::Global, path, file);
        }
        files
    }

    fn check(result: Result<Plan, ChangeError>, expect: &str) {
        let shown = match result {
            Ok(plan) => match plan.changes.last() {
                Some(Change::Write { bytes, .. }) => String::from_utf8(bytes.to_vec()).unwrap(),
                Some(Change::Remove { .. }) | None => String::new(),
            },
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expect);
    }

    fn at(key: &str) -> ParameterAt {
        ParameterAt::parse(&format!("global.redis.{key}")).unwrap()
    }

    const HEAD: &str = "# Its server.\nserver: a # or b\npassword: hunter2\nlimits:\n  low: 1\n";

    #[test]
    fn a_parameter_is_set_where_it_stands_and_checked_before() {
        let files = files(false);
        let set = |key: &str, value: &str| set(&files, &at(key), value, WallTime::default());
        check(
            set("server", "c"),
            "# Its server.\nserver: c # or b\npassword: hunter2\nlimits:\n  low: 1\n# CHANGE: (1970-01-01 00:00:00) SET server -> c\n",
        );
        check(
            set("port", "80"),
            &format!("{HEAD}port: 80\n# CHANGE: (1970-01-01 00:00:00) SET port -> 80\n"),
        );
        check(
            set("key", "xyz"),
            &format!("{HEAD}key: xyz\n# CHANGE: (1970-01-01 00:00:00) SET key -> ***\n"),
        );
        check(
            set("limits.low", "2"),
            "# Its server.\nserver: a # or b\npassword: hunter2\nlimits:\n  low: 2\n# CHANGE: (1970-01-01 00:00:00) SET limits.low -> 2\n",
        );
        check(set("port", "0"), "`port` must be at least 1");
        check(
            set("port", "x"),
            "`port` wants a value of type integer, not one text",
        );
        check(
            set("sever", "x"),
            "the pack has no parameter `sever`; did you mean `server`?",
        );
    }

    #[test]
    fn a_parameter_is_reset_to_its_default() {
        let files = files(false);
        check(
            reset(&files, &at("server"), WallTime::default()),
            "# Its server.\npassword: hunter2\nlimits:\n  low: 1\n# CHANGE: (1970-01-01 00:00:00) RESET server\n",
        );
        check(reset(&files, &at("port"), WallTime::default()), "");
    }

    #[test]
    fn a_parameter_is_shown_and_a_secret_is_not() {
        let files = files(false);
        let server = get(&files, &at("server")).unwrap();
        assert_eq!(server.value, Value::from("a"));
        assert_eq!(server.comments, ["# Its server.", "# or b"]);
        let port = get(&files, &at("port")).unwrap();
        assert_eq!(port.value, Value::Int(6379));
        assert_eq!(port.comments, ["# Its port"]);
        let password = get(&files, &at("password")).unwrap();
        assert_eq!(password.value, Value::from("***"));
        assert_eq!(get(&files, &at("key")).unwrap().value, Value::None);
    }

    #[test]
    fn an_embedded_pack_is_written_out_as_a_whole() {
        let plan = set(&files(true), &at("server"), "c", WallTime::default()).unwrap();
        let paths: Vec<&str> = plan
            .changes
            .iter()
            .map(|change| match change {
                Change::Write { path, .. } | Change::Remove { path, .. } => path.as_str(),
            })
            .collect();
        assert_eq!(
            paths,
            ["redis/package.yml", "redis/parameters/parameters.yml"]
        );
    }

    #[test]
    fn a_text_that_names_no_parameter_is_refused() {
        for text in ["redis", "global.redis", "global.redis.", "moon.redis.port"] {
            assert!(ParameterAt::parse(text).is_err(), "{text}");
        }
    }
}
