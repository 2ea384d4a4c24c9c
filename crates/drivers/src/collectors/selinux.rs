//! Whether SELinux watches over the machine.

use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

/// Where the kernel tells its mode, and where it did up to RHEL 6.
const ENFORCE: [&str; 2] = ["/sys/fs/selinux/enforce", "/selinux/enforce"];
const CONFIGURATION: &str = "/etc/selinux/config";

pub(super) const COLLECTOR: Native = Native {
    name: "selinux",
    doc: "Whether SELinux is on, and whether it forbids or only reports.",
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(SeLinux),
};

const KEYS: &[Key] = &[
    key("enabled", "", "whether it is on"),
    key("mode", "", "enforcing, permissive or disabled"),
    key(
        "configured_mode",
        "",
        "the mode that the next start of the machine will have",
    ),
];

struct SeLinux;

impl Collector for SeLinux {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        let path = ENFORCE.into_iter().find(|path| host.has(path));
        let mode = match path {
            Some(path) => mode(path, &context.text(path)?)?,
            None => "disabled",
        };
        let configured = host
            .has(CONFIGURATION)
            .then(|| context.text(CONFIGURATION))
            .transpose()?;
        let mut known = vec![
            ("enabled", Value::Bool(path.is_some())),
            ("mode", Value::from(mode)),
        ];
        if let Some(mode) = configured.as_deref().and_then(configured_mode) {
            known.push(("configured_mode", Value::from(mode)));
        }
        Ok(Value::map(known))
    }
}

fn mode(path: &str, text: &str) -> Result<&'static str, Error> {
    match text.trim() {
        "1" => Ok("enforcing"),
        "0" => Ok("permissive"),
        _ => Err(Error::bad_answer(path, "is neither 0 nor 1")),
    }
}

/// Reads `SELINUX=enforcing` out of the file of the distributions.
fn configured_mode(text: &str) -> Option<&str> {
    let mode = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("SELINUX="));
    mode.map(str::trim).filter(|mode| !mode.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, recorded_run, text};
    use super::*;

    #[test]
    fn recorded_machines_tell_their_mode() {
        let value = recorded_run("rhel-7", &COLLECTOR).unwrap();
        assert_eq!(value.get("enabled"), Some(&Value::Bool(true)));
        assert_eq!(text(&value, &["mode"]), "enforcing");
        assert_eq!(text(&value, &["configured_mode"]), "enforcing");
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        assert_eq!(value.get("enabled"), Some(&Value::Bool(false)));
        assert_eq!(text(&value, &["mode"]), "disabled");
        assert_eq!(value.get("configured_mode"), None);
    }

    #[test]
    fn a_mode_that_was_changed_is_seen_and_junk_is_told() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file("/selinux/enforce", "0");
        assert_eq!(text(&runs.run(1).unwrap(), &["mode"]), "permissive");
        runs.file("/sys/fs/selinux/enforce", "1");
        assert_eq!(text(&runs.run(1).unwrap(), &["mode"]), "enforcing");
        for junk in ["", "2", "�"] {
            runs.file("/sys/fs/selinux/enforce", junk);
            let error = runs.run(1).unwrap_err().to_string();
            assert_eq!(error, "/sys/fs/selinux/enforce is neither 0 nor 1");
        }
    }
}
