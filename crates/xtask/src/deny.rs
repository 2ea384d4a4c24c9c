//! `deny.toml`: which guests may come in. One file for `cargo deny` and for our own checks.
//!
//! Reads the few keys that both use, one entry a line, and says so when it meets another layout: a
//! TOML reader would be a guest for one file that we write ourselves.

/// What `deny.toml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The licences that everyone may have.
    pub licenses: Vec<String>,
    /// The licences that one crate may have.
    pub exceptions: Vec<Exception>,
    /// The second versions that are tolerated.
    pub duplicates: Vec<Duplicate>,
    /// Where crates may come from.
    pub registries: Vec<String>,
}

/// A licence for one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The crate.
    pub name: String,
    /// The licence.
    pub license: String,
}

/// A version that may stand beside another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The crate.
    pub name: String,
    /// The version, or its first parts: `1`, `1.2`.
    pub version: String,
    /// Why nothing can be done about it.
    pub reason: String,
    /// The line, from 1.
    pub line: usize,
}

impl Duplicate {
    /// Tells whether a version of the crate is meant.
    pub fn covers(&self, version: &str) -> bool {
        let rest = version.strip_prefix(self.version.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']))
    }
}

impl Policy {
    /// Reads `deny.toml`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut policy = Self::default();
        let mut section = String::new();
        let mut list = None;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if let Some(name) = content
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                section = name.to_owned();
            } else if let Some(key) = content.strip_suffix("= [") {
                list = Some(key.trim().to_owned());
            } else if content == "]" {
                list = None;
            } else if let Some(key) = &list {
                policy.entry(&section, key, content, line)?;
            } else if content.contains(" = [") && !content.ends_with(']') {
                return Err(format!("deny.toml:{line}: write one entry a line"));
            }
        }
        Ok(policy)
    }

    fn entry(&mut self, section: &str, key: &str, entry: &str, line: usize) -> Result<(), String> {
        let wanted = |key: &str| {
            let value = if key.is_empty() {
                Some(entry)
            } else {
                after_key(entry, key)
            };
            let value = value
                .and_then(|value| value.split('"').nth(1))
                .map(str::to_owned);
            value.ok_or_else(|| format!("deny.toml:{line}: {key} = \"…\" is missing in {entry}"))
        };
        match (section, key) {
            ("licenses", "allow") => self.licenses.push(wanted("")?),
            ("sources", "allow-registry") => self.registries.push(wanted("")?),
            ("licenses", "exceptions") => {
                let exception = Exception {
                    name: wanted("crate")?,
                    license: wanted("allow")?,
                };
                self.exceptions.push(exception);
            }
            ("bans", "skip") => {
                let at = wanted("crate")?;
                let Some((name, version)) = at.split_once('@') else {
                    return Err(format!("deny.toml:{line}: write \"{at}@<version>\""));
                };
                self.duplicates.push(Duplicate {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    reason: wanted("reason")?,
                    line,
                });
            }
            (_, _) => {}
        }
        Ok(())
    }
}

fn after_key<'a>(entry: &'a str, key: &str) -> Option<&'a str> {
    entry
        .split_once(&format!("{key} = "))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_both_tools_use() {
        let text = "[graph]\ntargets = [\"x\"]\n[licenses]\nallow = [\n    # Ours.\n    \"MIT\",\n]\n\
                    exceptions = [\n    { crate = \"foca\", allow = [\"MPL-2.0\"] },\n]\n[bans]\n\
                    skip = [\n    { crate = \"syn@1\", reason = \"old macro\" },\n]\n[sources]\n\
                    allow-registry = [\n    \"https://r\",\n]\n";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.licenses, ["MIT"]);
        let foca = Exception {
            name: "foca".to_owned(),
            license: "MPL-2.0".to_owned(),
        };
        assert_eq!(policy.exceptions, [foca]);
        assert_eq!(policy.duplicates[0].line, 13);
        assert_eq!(policy.duplicates[0].reason, "old macro");
        assert_eq!(policy.registries, ["https://r"]);
    }

    #[test]
    fn a_tolerated_duplicate_has_a_version_and_a_reason() {
        let skip = |entry: &str| Policy::parse(&format!("[bans]\nskip = [\n{entry}\n]"));
        let error = |entry: &str| skip(entry).unwrap_err();
        assert_eq!(
            error("{ crate = \"syn\" },"),
            "deny.toml:3: write \"syn@<version>\""
        );
        assert!(error("{ crate = \"syn@1\" },").contains("reason = \"…\" is missing"));
        assert!(Policy::parse("[bans]\nskip = [ { crate = \"a@1\" },\n]").is_err());
    }

    #[test]
    fn a_version_is_met_by_its_first_parts() {
        let duplicate = |version: &str| Duplicate {
            name: "a".to_owned(),
            version: version.to_owned(),
            reason: String::new(),
            line: 1,
        };
        assert!(duplicate("1").covers("1.2.3"));
        assert!(duplicate("1.2.3").covers("1.2.3"));
        assert!(duplicate("1.2.3").covers("1.2.3+build"));
        assert!(!duplicate("1").covers("10.2.3"));
    }
}
