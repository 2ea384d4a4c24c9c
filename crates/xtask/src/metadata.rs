//! What `cargo metadata` says of the workspace and of its guests, as far as the checks ask.
//!
//! Only packages that a Linux build takes part in: what another system would compile is not
//! shipped.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The packages of a build.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Our crates and their guests, by name and version.
    pub packages: Vec<Package>,
}

/// A package.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The licence as the manifest states it.
    pub license: Option<String>,
    /// Where it comes from; `None` for a path.
    pub source: Option<String>,
    /// The manifest, relative to the root where it lies below it.
    pub manifest: String,
    /// Whether it is a member of the workspace.
    pub member: bool,
    /// What it asks for.
    pub dependencies: Vec<Dependency>,
    /// The root files of its targets, relative to the root of the workspace.
    pub roots: Vec<String>,
    /// The name of its library in code, where it has one: `md5` for `md-5`.
    pub library: Option<String>,
    /// The names of its benches.
    pub benches: Vec<String>,
}

/// What a package asks for.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The name of the package.
    pub name: String,
    /// What it is needed for.
    pub kind: Kind,
}

/// What a dependency is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The crate itself.
    Normal,
    /// Its tests, examples and benches.
    Dev,
    /// Its build script.
    Build,
}

/// What is shipped runs on Linux; the machine word does not change what is compiled in.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

impl Metadata {
    /// Asks cargo.
    pub fn read(root: &Path) -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args([
                "metadata",
                "--format-version",
                "1",
                "--filter-platform",
                PLATFORM,
            ])
            .current_dir(root)
            .output()
            .map_err(|error| format!("failed to run cargo metadata: {error}"))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo metadata failed: {}", why.trim()));
        }
        let json = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cargo metadata gave no JSON: {error}"))?;
        Ok(Self::from_json(&json, root))
    }

    /// Takes from cargo's answer what the checks need.
    pub fn from_json(json: &Value, root: &Path) -> Self {
        let built: BTreeSet<&str> = list(&json["resolve"]["nodes"])
            .filter_map(|node| node["id"].as_str())
            .collect();
        let members: BTreeSet<&str> = list(&json["workspace_members"])
            .filter_map(Value::as_str)
            .collect();
        let mut packages: Vec<Package> = list(&json["packages"])
            .filter(|package| built.contains(package["id"].as_str().unwrap_or_default()))
            .map(|package| {
                let member = members.contains(package["id"].as_str().unwrap_or_default());
                Package {
                    member,
                    ..package_from_json(package, root)
                }
            })
            .collect();
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Self { packages }
    }

    /// Gives our own crates.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.member)
    }

    /// Gives the guests.
    pub fn guests(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| !package.member)
    }
}

fn package_from_json(package: &Value, root: &Path) -> Package {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    let below_root = |path: &Value| {
        let path = path.as_str().unwrap_or_default();
        let below = Path::new(path)
            .strip_prefix(root)
            .map(|below| below.display().to_string());
        below.unwrap_or_else(|_| path.to_owned())
    };
    Package {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        license: text("license"),
        source: text("source"),
        manifest: below_root(&package["manifest_path"]),
        member: false,
        dependencies: list(&package["dependencies"])
            .map(|dependency| Dependency {
                name: dependency["name"].as_str().unwrap_or_default().to_owned(),
                kind: match dependency["kind"].as_str() {
                    Some("dev") => Kind::Dev,
                    Some("build") => Kind::Build,
                    Some(_) | None => Kind::Normal,
                },
            })
            .collect(),
        roots: list(&package["targets"])
            .map(|target| below_root(&target["src_path"]))
            .collect(),
        library: targets_of(package, &["lib", "rlib", "dylib", "proc-macro"])
            .map(|name| name.replace('-', "_"))
            .next(),
        benches: targets_of(package, &["bench"]).map(str::to_owned).collect(),
    }
}

/// Gives the names of the targets of some kinds.
fn targets_of<'a>(package: &'a Value, kinds: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let wanted = |kind: &Value| kind.as_str().is_some_and(|kind| kinds.contains(&kind));
    list(&package["targets"])
        .filter(move |target| list(&target["kind"]).any(wanted))
        .filter_map(|target| target["name"].as_str())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_built_and_tells_members_from_guests() {
        let json = serde_json::json!({
            "packages": [
                {"id": "b#1", "name": "b", "version": "1.0.0", "license": "MIT", "source": "registry+x",
                 "manifest_path": "/cache/b/Cargo.toml", "dependencies": [], "targets": []},
                {"id": "w#1", "name": "winapi", "version": "1.0.0", "dependencies": [], "targets": []},
                {"id": "a#1", "name": "a", "version": "0.1.0", "source": null,
                 "manifest_path": "/house/crates/a/Cargo.toml",
                 "dependencies": [{"name": "b", "kind": null}, {"name": "c", "kind": "dev"}],
                 "targets": [{"src_path": "/house/crates/a/src/lib.rs", "kind": ["lib"], "name": "a-b"},
                             {"src_path": "/house/crates/a/benches/a.rs", "kind": ["bench"], "name": "a"}]},
            ],
            "workspace_members": ["a#1"],
            "resolve": {"nodes": [{"id": "a#1"}, {"id": "b#1"}]},
        });
        let metadata = Metadata::from_json(&json, Path::new("/house"));
        let names: Vec<_> = metadata
            .packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        let ours: Vec<_> = metadata.members().collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(ours[0].manifest, "crates/a/Cargo.toml");
        assert_eq!(
            ours[0].roots,
            ["crates/a/src/lib.rs", "crates/a/benches/a.rs"]
        );
        assert_eq!(ours[0].benches, ["a"]);
        assert_eq!(ours[0].library.as_deref(), Some("a_b"));
        assert_eq!(ours[0].dependencies[1].kind, Kind::Dev);
    }
}
