//! The SSH server: the keys by which it is known, and what it is configured to do.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Value;
use sha2::{Digest, Sha256};

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::base64;

const FOLDER: &str = "/etc/ssh";
const CONFIGURATION: &str = "/etc/ssh/sshd_config";

pub(super) const COLLECTOR: Native = Native {
    name: "sshd",
    doc: "The SSH server: its host keys, their fingerprints, and its configuration.",
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(Sshd),
};

const KEYS: &[Key] = &[
    key("host_rsa_key_pub", "", "the host's public key of this kind"),
    key("host_dsa_key_pub", "", "the host's public key of this kind"),
    key(
        "host_ecdsa_key_pub",
        "",
        "the host's public key of this kind",
    ),
    key(
        "host_ed25519_key_pub",
        "",
        "the host's public key of this kind",
    ),
    key(
        "host_rsa_key_fingerprint",
        "",
        "its fingerprint, as ssh-keygen -l shows it",
    ),
    key(
        "host_dsa_key_fingerprint",
        "",
        "its fingerprint, as ssh-keygen -l shows it",
    ),
    key(
        "host_ecdsa_key_fingerprint",
        "",
        "its fingerprint, as ssh-keygen -l shows it",
    ),
    key(
        "host_ed25519_key_fingerprint",
        "",
        "its fingerprint, as ssh-keygen -l shows it",
    ),
    key(
        "config.*",
        "",
        "what sshd_config says for all users, its words in lower case",
    ),
];

const KINDS: [[&str; 3]; 4] = [
    ["rsa", "host_rsa_key_pub", "host_rsa_key_fingerprint"],
    ["dsa", "host_dsa_key_pub", "host_dsa_key_fingerprint"],
    ["ecdsa", "host_ecdsa_key_pub", "host_ecdsa_key_fingerprint"],
    [
        "ed25519",
        "host_ed25519_key_pub",
        "host_ed25519_key_fingerprint",
    ],
];

struct Sshd;

impl Collector for Sshd {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        if !host.has(FOLDER) {
            return Err(Trouble::not_eligible(
                "there is no /etc/ssh: no SSH here",
                "",
            ));
        }
        let mut found = Vec::new();
        for [kind, name, fingerprint_name] in KINDS {
            let Some(line) = host.word(&format!("{FOLDER}/ssh_host_{kind}_key.pub")) else {
                continue;
            };
            // `ssh-ed25519 AAAA… root@web1`.
            if let Some(public) = line.split_ascii_whitespace().nth(1) {
                found.push((name, Value::from(public)));
                let fingerprint = fingerprint(public).map(Value::text);
                found.extend(fingerprint.map(|fingerprint| (fingerprint_name, fingerprint)));
            }
        }
        // Only root may read it on some systems.
        if host.word(CONFIGURATION).is_some() {
            let mut configuration = Configuration::default();
            configuration.read(context, CONFIGURATION, 0);
            found.push(("config", Value::map(configuration.words)));
        }
        if found.is_empty() {
            let reason = "there is neither a host key nor an sshd_config in /etc/ssh: only the \
                          client is installed";
            return Err(Trouble::not_eligible(reason, ""));
        }
        Ok(Value::map(found))
    }
}

/// Gives the fingerprint of a key, as OpenSSH writes it.
fn fingerprint(public: &str) -> Option<String> {
    let digest = Sha256::digest(base64::decode(public)?);
    let text = base64::encode(&digest);
    Some(format!("SHA256:{}", text.trim_end_matches('=')))
}

/// Files that other files include, one in another.
const INCLUDES_DEPTH_MAX: usize = 4;
/// Words that are kept; a configuration has a few dozen.
const WORDS_MAX: usize = 500;

#[derive(Default)]
struct Configuration {
    words: BTreeMap<String, Value>,
    /// Whether what follows holds for some users only.
    is_in_match: bool,
}

impl Configuration {
    /// Reads a file up to what holds for some users only. The first word of a kind counts, as for
    /// the server; those that may stand several times are joined.
    fn read(&mut self, context: &Context<'_>, path: &str, depth: usize) {
        let Ok(text) = context.text(path) else {
            return;
        };
        for line in text.lines() {
            let Some((word, value)) = parse(line) else {
                continue;
            };
            match word.as_str() {
                "match" => self.is_in_match = true,
                "include" if depth < INCLUDES_DEPTH_MAX => {
                    for pattern in value.split_ascii_whitespace() {
                        self.include(context, pattern, depth);
                    }
                }
                _ if self.words.len() < WORDS_MAX => self.add(word, value),
                _ => {}
            }
            if self.is_in_match {
                // A match in an included file ends with that file.
                self.is_in_match = depth == 0;
                return;
            }
        }
    }

    fn add(&mut self, word: String, value: &str) {
        const SEVERAL: [&str; 5] = ["port", "listenaddress", "hostkey", "acceptenv", "subsystem"];
        match self.words.get_mut(&word) {
            None => {
                self.words.insert(word, Value::from(value));
            }
            Some(Value::Text(known)) if SEVERAL.contains(&word.as_str()) => {
                *known = format!("{known} {value}").into();
            }
            Some(_) => {}
        }
    }

    /// Reads the files of a pattern, whose last part may hold `*`.
    fn include(&mut self, context: &Context<'_>, pattern: &str, depth: usize) {
        let pattern = if pattern.starts_with('/') {
            pattern.to_owned()
        } else {
            format!("{FOLDER}/{pattern}")
        };
        let Some((folder, name)) = pattern.rsplit_once('/') else {
            return;
        };
        let Some((before, after)) = name.split_once('*') else {
            return self.read(context, &pattern, depth + 1);
        };
        for name in context
            .host
            .names(folder, context.deadline)
            .unwrap_or_default()
        {
            let is_long = name.len() >= before.len() + after.len();
            if is_long && name.starts_with(before) && name.ends_with(after) {
                self.read(context, &format!("{folder}/{name}"), depth + 1);
            }
        }
    }
}

/// Reads `Port 22`, `Port=22` and `PermitRootLogin "no"`.
fn parse(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    let end = line.find(|sign: char| sign.is_ascii_whitespace() || sign == '=')?;
    let (word, value) = line.split_at_checked(end)?;
    let value = value.trim_start().strip_prefix('=').unwrap_or(value).trim();
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| (word.to_ascii_lowercase(), bare.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, recorded_run, text};
    use super::*;

    #[test]
    fn host_keys_have_the_fingerprints_of_ssh_keygen() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        assert_eq!(
            text(&value, &["host_ed25519_key_fingerprint"]),
            "SHA256:tC1efqdstkvmG8+2lN8SdN2avqgcYq6JkHAJAKoJE/o"
        );
        assert_eq!(
            text(&value, &["host_rsa_key_fingerprint"]),
            "SHA256:rSTstvGBsW1UcKaFMTW/oPqXZDd6qnvuBnsbnj4SCLA"
        );
        assert!(text(&value, &["host_ecdsa_key_pub"]).starts_with("AAAAE2VjZHNh"));
        assert_eq!(value.get("host_dsa_key_pub"), None);
    }

    #[test]
    fn the_configuration_is_that_of_all_users_and_the_first_word_counts() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        assert_eq!(
            text(&value, &["config", "permitrootlogin"]),
            "prohibit-password"
        );
        assert_eq!(text(&value, &["config", "passwordauthentication"]), "no");
        assert_eq!(text(&value, &["config", "usepam"]), "yes");
        assert_eq!(
            text(&value, &["config", "subsystem"]),
            "sftp\t/usr/lib/openssh/sftp-server"
        );
        let value = recorded_run("rhel-7", &COLLECTOR).unwrap();
        assert_eq!(text(&value, &["config", "port"]), "22 2222");
        assert_eq!(
            text(&value, &["config", "permitrootlogin"]),
            "without-password"
        );
    }

    #[test]
    fn a_circle_of_includes_ends() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(
            CONFIGURATION,
            "Include sshd_config /etc/ssh/none*.conf\nPort 23\n",
        );
        assert!(text(&runs.run(1).unwrap(), &["config", "port"]).starts_with("23"));
    }

    #[test]
    fn a_client_has_no_server() {
        let mut runs = Runs::new(&COLLECTOR);
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        runs.file("/etc/ssh/ssh_config", "Host *\n");
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        runs.file("/etc/ssh/ssh_host_rsa_key.pub", b"\xff");
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        runs.file("/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa not/base64= x");
        let value = runs.run(1).unwrap();
        assert_eq!(text(&value, &["host_rsa_key_pub"]), "not/base64=");
        assert_eq!(value.get("host_rsa_key_fingerprint"), None);
    }
}
