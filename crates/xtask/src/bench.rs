//! `cargo xtask bench`: measures, and prints `name value unit`, one figure a line.
//!
//! A crate measures itself in `benches/<crate>.rs` (`harness = false`): in full when cargo gives it
//! `--bench`, short otherwise or with `--small`. The real program is measured from outside:
//! [`agent`], [`checks`] and [`collect`]. In small form nothing is optimised: it shows that the
//! benches work, not how fast we are.

use std::path::Path;
use std::process::Command;

use crate::metadata::Metadata;

pub mod agent;
pub mod checks;
pub mod collect;
pub mod nagios;
pub mod neighbours;
pub mod plugins;
pub mod proc_files;
pub mod program;
pub mod socket;
pub mod webhook;

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Enough for a figure; optimised.
    Full,
    /// Enough to see that it works; not optimised.
    Small,
}

impl Size {
    /// Gives the cargo profile to build with.
    pub fn profile(self) -> &'static str {
        match self {
            Self::Full => "release",
            Self::Small => "dev",
        }
    }
}

/// What is measured from outside, by name.
const OUTSIDE: &[(&str, Bench)] = &[
    ("agent", agent::run),
    ("checks", checks::run),
    ("collect", collect::run),
];

/// Measures the real program.
type Bench = fn(&Path, Size) -> Result<(), String>;

/// Runs the benches of a name: a crate, one of those from outside, or `all`.
pub fn run(root: &Path, name: &str, size: Size) -> Result<(), String> {
    let metadata = Metadata::read(root)?;
    let mut benches: Vec<(&str, &str)> = metadata
        .members()
        .flat_map(|package| {
            package
                .benches
                .iter()
                .map(|bench| (package.name.as_str(), bench.as_str()))
        })
        .filter(|(package, bench)| ["all", package, bench].contains(&name))
        .collect();
    benches.sort_unstable();
    let has_agent = metadata
        .members()
        .any(|package| package.name == program::NAME);
    let outside: Vec<_> = OUTSIDE
        .iter()
        .filter(|(outside, _)| has_agent && ["all", outside].contains(&name))
        .collect();
    if benches.is_empty() && outside.is_empty() && name != "all" {
        return Err(format!(
            "{name} has no benches: add crates/{name}/benches/{name}.rs"
        ));
    }
    for (package, bench) in benches {
        run_crate(root, package, bench, size)?;
    }
    for (_, run) in outside {
        run(root, size)?;
    }
    Ok(())
}

fn run_crate(root: &Path, package: &str, bench: &str, size: Size) -> Result<(), String> {
    let mut cargo = cargo(root);
    match size {
        Size::Full => cargo.arg("bench"),
        // `cargo test` runs a bench without `--bench`.
        Size::Small => cargo.arg("test"),
    };
    cargo.args(["--quiet", "--package", package, "--bench", bench]);
    if size == Size::Small {
        cargo.args(["--", "--small"]);
    }
    let status = cargo
        .status()
        .map_err(|error| format!("failed to run cargo bench: {error}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("bench {bench} of {package} failed"))
}

/// Gives the cargo that runs this, at the root.
fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

/// Gives the middle one of some figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert!(median(vec![]).is_nan());
    }
}
