//! The distribution, as os-release(5) tells it, under the names that packs know.

use model::Value;

use crate::Host;

/// Where it stands; the second is what the distribution ships.
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Names that packs know, by those of os-release.
const NAMES: [(&str, &str); 8] = [
    ("rhel", "redhat"),
    ("ol", "oracle-linux"),
    ("opensuse-leap", "opensuse"),
    ("opensuse-tumbleweed", "opensuse"),
    ("sles", "opensuse"),
    ("raspbian", "debian"),
    ("alpine", "alpine"),
    ("arch", "arch"),
];

/// Tells the distribution, its version and its code name.
pub(super) fn tell(host: &Host) -> Value {
    let text = FILES
        .iter()
        .find_map(|path| host.word(path))
        .unwrap_or_default();
    let get = |name: &str| field(&text, name).unwrap_or_default();
    let version = match get("VERSION_ID") {
        "" => old_version(host),
        version => version.to_owned(),
    };
    let numbers: Vec<Option<i64>> = version.split('.').map(|part| part.parse().ok()).collect();
    let number = |index: usize| {
        let number = numbers.get(index).copied().flatten();
        number.map_or(Value::None, Value::Int)
    };
    let name = name(host, get("ID"), &version);
    Value::map([
        ("distribution", Value::text(name)),
        ("id", Value::from(get("VERSION_CODENAME"))),
        ("major_version", number(0)),
        ("minor_version", number(1)),
        ("version", Value::text(version)),
    ])
}

/// Gives the value of `NAME="value"`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?.trim();
        Some(value.trim_matches(['"', '\'']))
    })
}

fn name(host: &Host, id: &str, version: &str) -> String {
    match id {
        "amzn" if version.starts_with("2") && !version.starts_with("201") => {
            "amazon-linux2".to_owned()
        }
        "amzn" => "amazon-linux".to_owned(),
        "" if host.has("/etc/synoinfo.conf") => "synology".to_owned(),
        // Up to RHEL and CentOS 6 there was no os-release.
        "" => match host.word("/etc/redhat-release") {
            Some(line) if line.starts_with("CentOS") => "centos".to_owned(),
            Some(_) => "redhat".to_owned(),
            None if host.has("/etc/debian_version") => "debian".to_owned(),
            None => String::new(),
        },
        id => {
            let known = NAMES.iter().find(|(known, _)| *known == id);
            known.map_or(id, |(_, name)| name).to_ascii_lowercase()
        }
    }
}

/// Reads the version out of `CentOS release 6.10 (Final)`.
fn old_version(host: &Host) -> String {
    let line = ["/etc/redhat-release", "/etc/debian_version"]
        .iter()
        .find_map(|path| host.word(path))
        .unwrap_or_default();
    let is_version = |word: &&str| word.starts_with(|sign: char| sign.is_ascii_digit());
    line.split_ascii_whitespace()
        .find(is_version)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Checks name and version of a machine with this file.
    #[track_caller]
    fn check(path: &str, content: &str, name: &str, version: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::File::create(file)
            .unwrap()
            .write_all(content.as_bytes())
            .unwrap();
        let told = tell(&Host::at(folder.path()));
        assert_eq!(
            told.get("distribution"),
            Some(&Value::from(name)),
            "{content}"
        );
        assert_eq!(
            told.get("version"),
            Some(&Value::from(version)),
            "{content}"
        );
    }

    #[test]
    fn distributions_have_the_names_that_packs_know() {
        const FILE: &str = "/etc/os-release";
        check(FILE, "ID=\"rhel\"\nVERSION_ID=\"9.6\"\n", "redhat", "9.6");
        check(FILE, "ID=centos\nVERSION_ID='7'\n", "centos", "7");
        check(FILE, "ID=fedora\nVERSION_ID=42\n", "fedora", "42");
        check(FILE, "ID=ol\nVERSION_ID=8.9\n", "oracle-linux", "8.9");
        check(FILE, "ID=amzn\nVERSION_ID=2\n", "amazon-linux2", "2");
        check(
            FILE,
            "ID=amzn\nVERSION_ID=2018.03\n",
            "amazon-linux",
            "2018.03",
        );
        check(
            FILE,
            "ID=opensuse-leap\nVERSION_ID=15.6\n",
            "opensuse",
            "15.6",
        );
        check(FILE, "ID=nixos\n", "nixos", "");
        check(
            "/usr/lib/os-release",
            "ID=debian\nVERSION_ID=13\n",
            "debian",
            "13",
        );
        check(
            "/etc/redhat-release",
            "CentOS release 6.10 (Final)\n",
            "centos",
            "6.10",
        );
        check("/etc/debian_version", "7.11\n", "debian", "7.11");
        check("/etc/synoinfo.conf", "unique=x\n", "synology", "");
        check(FILE, "junk\u{0}", "", "");
    }
}
