//! Runs `cargo deny` beside our own checks: it knows the published advisories.
//!
//! It is a tool that not everyone has, with a database that must be fetched; so what happened is
//! told, and only what it found counts against us.

use std::path::Path;
use std::process::Command;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tool is not installed.
    Absent,
    /// Its database of advisories could not be fetched; the other checks passed.
    NoDatabase,
    /// All passed.
    Passed,
    /// Something is wrong; its own words.
    Failed(String),
}

/// Runs it at the root of the workspace.
pub fn run(root: &Path) -> Outcome {
    let deny = |arguments: &[&str]| {
        Command::new("cargo")
            .arg("deny")
            .args(arguments)
            .current_dir(root)
            .output()
            .ok()
    };
    if !deny(&["--version"]).is_some_and(|output| output.status.success()) {
        return Outcome::Absent;
    }
    let checked = |checks: &[&str]| {
        let output = deny(&[&["--color", "never", "check"], checks].concat())?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        Some(if output.status.success() {
            Ok(())
        } else {
            Err(words)
        })
    };
    match checked(&[]) {
        None => Outcome::Absent,
        Some(Ok(())) => Outcome::Passed,
        Some(Err(words)) if !lacks_database(&words) => Outcome::Failed(words),
        Some(Err(_)) => match checked(&["bans", "licenses", "sources"]) {
            Some(Err(words)) => Outcome::Failed(words),
            Some(Ok(())) | None => Outcome::NoDatabase,
        },
    }
}

fn lacks_database(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("advisory database")
        && (words.contains("failed to") || words.contains("unable to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_out_of_reach_is_no_finding() {
        assert!(lacks_database(
            "[ERROR] failed to fetch advisory database https://x: no route"
        ));
        assert!(!lacks_database(
            "error[vulnerability]: a hole\n advisories FAILED"
        ));
    }
}
