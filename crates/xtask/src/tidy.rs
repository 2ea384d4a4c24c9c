//! What a tidy house is, as a list of small checks.
//!
//! Each check is a file in `tidy/` with its reason, its rule and its own good and bad samples; to
//! add one, write the file and name it in [`ALL`]. What rustc and clippy can check is left to them.
//! `cargo xtask tidy` runs them, and so does a test of this crate.

use std::fmt;
use std::path::Path;

use crate::house::House;

mod arrows;
mod changelog;
mod dead_files;
mod guests;
mod manifests;
mod markdown;
mod marks;
mod module_docs;
mod names;
mod pure;
mod sizes;
#[cfg(test)]
mod tests;
mod unused;
mod words;

/// A rule of the house.
#[derive(Debug)]
pub struct Check {
    /// The name, which is the name of its file.
    pub name: &'static str,
    /// What it asks for.
    pub doc: &'static str,
    /// Looks for what breaks it.
    pub run: fn(&House) -> Vec<Finding>,
}

/// All checks, in the order in which they are run.
pub const ALL: &[&Check] = &[
    &arrows::CHECK,
    &changelog::CHECK,
    &dead_files::CHECK,
    &guests::CHECK,
    &manifests::CHECK,
    &markdown::CHECK,
    &marks::CHECK,
    &module_docs::CHECK,
    &names::CHECK,
    &pure::CHECK,
    &sizes::CHECK,
    &unused::CHECK,
    &words::CHECK,
];

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, below the root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Finding {
    /// Says what is wrong at a line of a file, and what to do.
    pub fn new(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Runs all checks on the tree below a root; gives the findings of each check.
pub fn tidy(root: &Path) -> Result<Vec<(&'static Check, Vec<Finding>)>, String> {
    let house = House::read(root)?;
    Ok(ALL
        .iter()
        .map(|check| {
            let mut findings = (check.run)(&house);
            findings.sort();
            (*check, findings)
        })
        .collect())
}

/// Finds the line of the first text of a kind; 1 when there is none.
fn line_of(text: &str, wanted: &str) -> usize {
    text.lines()
        .position(|line| line.contains(wanted))
        .map_or(1, |index| index + 1)
}
