//! What differs between a pack at two levels, line by line. Secrets are shown as `***`.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Level;

use super::operations::{OperationError, PackAt, find};
use crate::files::{File, Folder, PackFiles};
use crate::package::PACKAGE_FILE;
use crate::parameters::{self, Declaration};
use crate::yaml;

/// What differs in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDifference {
    /// The file inside the pack.
    pub path: Arc<str>,
    /// Its lines in both versions. Of a file that one level has not, all lines are on one side.
    pub lines: Vec<Line>,
}

/// A line of one version or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// In both.
    Same(String),
    /// Only in the first.
    Removed(String),
    /// Only in the second.
    Added(String),
}

/// Compares a pack at two levels; files that are the same are left out.
///
/// An overlay takes nothing away: of what it does not have, only lines whose key it writes anew
/// are shown.
pub fn difference(
    files: &PackFiles,
    name: &str,
    from: Level,
    to: Level,
) -> Result<Vec<FileDifference>, OperationError> {
    let at = |level| PackAt {
        level,
        name: name.to_owned(),
    };
    let first = find(files, &at(from))?;
    let second = find(files, &at(to))?;
    let declared: Vec<Declaration> = [&first, &second]
        .into_iter()
        .flat_map(parameters::declared)
        .collect();
    let is_secret = |key: &str| {
        parameters::looks_secret(key) || declared.iter().any(|it| it.secret && *it.name == *key)
    };
    let paths: BTreeSet<&Arc<str>> = first.files.keys().chain(second.files.keys()).collect();
    let is_overlay = asks_for_overlay(&second);
    let mut differences = Vec::new();
    for path in paths {
        let old = first.files.get(path).copied();
        let new = second.files.get(path).copied();
        if is_overlay && new.is_none() {
            continue;
        }
        if old.map(|file| &file.bytes) != new.map(|file| &file.bytes) {
            let old = shown(path, old, &is_secret);
            let new = shown(path, new, &is_secret);
            differences.push(FileDifference {
                path: Arc::clone(path),
                lines: match is_overlay {
                    true => without_untouched(compare(&old, &new)),
                    false => compare(&old, &new),
                },
            });
        }
    }
    Ok(differences)
}

fn asks_for_overlay(folder: &Folder<'_>) -> bool {
    let package = folder.files.get(PACKAGE_FILE);
    let root = package.and_then(|file| yaml::parse(&file.shown, file.text()?).0);
    root.as_ref()
        .and_then(|root| root.get("overlay")?.text())
        .is_some_and(|text| &**text == "true")
}

/// Leaves out removed lines whose key is not among those added.
fn without_untouched(lines: Vec<Line>) -> Vec<Line> {
    let key = |text: &str| text.split(':').next().unwrap_or(text).trim().to_owned();
    let added: BTreeSet<String> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Added(text) => Some(key(text)),
            Line::Same(_) | Line::Removed(_) => None,
        })
        .collect();
    let is_touched = |line: &Line| match line {
        Line::Removed(text) => added.contains(&key(text)),
        Line::Same(_) | Line::Added(_) => true,
    };
    lines.into_iter().filter(is_touched).collect()
}

fn shown(path: &str, file: Option<&File>, is_secret: &dyn Fn(&str) -> bool) -> Vec<String> {
    let Some(file) = file else {
        return Vec::new();
    };
    let Some(text) = file.text() else {
        return vec![format!("({} bytes that are no text)", file.bytes.len())];
    };
    let text = if path.starts_with(parameters::FOLDER) {
        parameters::masked(text, is_secret)
    } else {
        text.to_owned()
    };
    text.lines().map(str::to_owned).collect()
}

/// Larger tables are not worth their time: then the whole middle counts as changed.
const TABLE_CELLS_MAX: usize = 4_000_000;

fn compare(old: &[String], new: &[String]) -> Vec<Line> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let middle_old = &old[head..old.len() - tail];
    let middle_new = &new[head..new.len() - tail];
    let same = |lines: &[String]| -> Vec<Line> { lines.iter().cloned().map(Line::Same).collect() };
    let mut lines = same(&old[..head]);
    lines.extend(compare_middle(middle_old, middle_new));
    lines.extend(same(&old[old.len() - tail..]));
    lines
}

/// Keeps the longest common run of lines.
fn compare_middle(old: &[String], new: &[String]) -> Vec<Line> {
    if old.len() * new.len() > TABLE_CELLS_MAX {
        let removed = old.iter().cloned().map(Line::Removed);
        return removed
            .chain(new.iter().cloned().map(Line::Added))
            .collect();
    }
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            common[row * width + column] = if old[row] == new[column] {
                common[(row + 1) * width + column + 1] + 1
            } else {
                common[(row + 1) * width + column].max(common[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::new();
    while row < old.len() || column < new.len() {
        let below = || common[(row + 1) * width + column];
        if row < old.len() && column < new.len() && old[row] == new[column] {
            lines.push(Line::Same(old[row].clone()));
            (row, column) = (row + 1, column + 1);
        } else if row < old.len()
            && (column == new.len() || below() >= common[row * width + column + 1])
        {
            lines.push(Line::Removed(old[row].clone()));
            row += 1;
        } else {
            lines.push(Line::Added(new[column].clone()));
            column += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_and_secrets_are_masked() {
        let mut files = PackFiles::new();
        let text = "name: p\nparameters: {pin: {type: text, secret: true}}";
        let package = File::new("p", text.as_bytes());
        for (level, parameters) in [
            (
                Level::Global,
                "# where\nserver: a\npassword: hunter2\npin: &a 12\nport: 1\n",
            ),
            (
                Level::Local,
                "# where\nserver: b\npassword: hunter3\npin: 13\nport: 1\nnew: 2\n",
            ),
        ] {
            files.add(level, "p/package.yml", package.clone());
            let file = File::new("f", parameters.as_bytes());
            files.add(level, "p/parameters/parameters.yml", file);
        }
        files.add(Level::Local, "p/x.bin", File::new("x", [0xff, 0]));
        let found = difference(&files, "p", Level::Global, Level::Local).unwrap();
        let shown: Vec<String> = found
            .iter()
            .flat_map(|file| {
                let path = std::iter::once(file.path.to_string());
                path.chain(file.lines.iter().map(|line| match line {
                    Line::Same(text) => format!(" {text}"),
                    Line::Removed(text) => format!("-{text}"),
                    Line::Added(text) => format!("+{text}"),
                }))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "parameters/parameters.yml",
                " # where",
                "-server: a",
                "+server: b",
                " password: \"***\"",
                "-pin: &a \"***\"",
                "+pin: \"***\"",
                " port: 1",
                "+new: 2",
                "x.bin",
                "+(2 bytes that are no text)",
            ]
        );
    }

    #[test]
    fn an_overlay_is_compared_by_what_it_writes() {
        let mut files = PackFiles::new();
        for (level, path, text) in [
            (Level::Global, "p/package.yml", "name: p\nversion: 1\n"),
            (Level::Global, "p/monitoring/a.yml", "check: {script: a}\n"),
            (
                Level::Global,
                "p/parameters/p.yml",
                "host: a\nport: 1\nuser: u\n",
            ),
            (Level::Local, "p/package.yml", "name: p\noverlay: true\n"),
            (Level::Local, "p/parameters/p.yml", "port: 2\n"),
        ] {
            files.add(level, path, File::new(path, text.as_bytes()));
        }
        let found = difference(&files, "p", Level::Global, Level::Local).unwrap();
        let shown: Vec<(&str, &[Line])> = found
            .iter()
            .map(|file| (&*file.path, &*file.lines))
            .collect();
        let package = [
            Line::Same("name: p".to_owned()),
            Line::Added("overlay: true".to_owned()),
        ];
        let parameters = [
            Line::Removed("port: 1".to_owned()),
            Line::Added("port: 2".to_owned()),
        ];
        assert_eq!(
            shown,
            [
                ("package.yml", &package[..]),
                ("parameters/p.yml", &parameters[..])
            ]
        );
    }
}
