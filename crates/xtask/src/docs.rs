//! `cargo xtask docs`: rewrites the pages that are made from the program.
//!
//! The tests of `opsbro` know the pages and compare them with what the program says; told to, they
//! write them instead. So comparing and writing cannot differ.

use std::path::Path;
use std::process::Command;

/// Rewrites the pages; the difference is for a person to read.
pub fn rewrite(root: &Path) -> Result<(), String> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "test",
            "--quiet",
            "--package",
            "opsbro",
            "commands::internal::",
        ])
        .env("UPDATE_GOLDEN", "1")
        .current_dir(root)
        .status()
        .map_err(|error| format!("failed to run cargo test: {error}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| "the pages were not rewritten".to_owned())
}
