//! A change of the inventory in the words that people use.

use std::cmp::Ordering;

use super::{Change, Item};

/// Tells a change in one line: `package openssl upgraded 3.0.9 → 3.0.11`.
pub fn words(change: &Change) -> String {
    let name = &change.name;
    match (change.section.as_str(), &change.old, &change.new) {
        ("packages", _, _) => package(change),
        ("services", None, Some(new)) => format!("unit {name} appeared ({})", one(new, "state")),
        ("services", Some(_), None) => format!("unit {name} is gone"),
        ("services", Some(old), Some(new)) => unit(name, old, new),
        ("listening", None, Some(new)) => format!("port {name} opened by {}", owner(new)),
        ("listening", Some(old), None) => format!("port {name} closed (was {})", owner(old)),
        ("listening", Some(old), Some(new)) => {
            format!("port {name} changed hands: {} → {}", owner(old), owner(new))
        }
        ("containers", None, Some(new)) => {
            format!("container {name} appeared (image {})", one(new, "image"))
        }
        ("certificates", Some(old), Some(new)) if old.get("expires") != new.get("expires") => {
            let (old, new) = (one(old, "expires"), one(new, "expires"));
            format!("certificate {name} replaced: expires {old} → {new}")
        }
        ("certificates", None, Some(new)) => {
            format!(
                "certificate {name} appeared (expires {})",
                one(new, "expires")
            )
        }
        (section, old, new) => other(noun(section), name, old.as_ref(), new.as_ref()),
    }
}

/// Gives what one thing of a section is called; nothing when its name says it.
fn noun(section: &str) -> &str {
    match section {
        "network" => "interface ",
        "containers" => "container ",
        "certificates" => "certificate ",
        _ => "",
    }
}

fn package(change: &Change) -> String {
    let name = &change.name;
    let version = |item: &Item| one(item, "version").to_owned();
    match (&change.old, &change.new) {
        (None, Some(new)) => format!("package {name} {} installed", version(new)),
        (Some(old), None) => format!("package {name} {} removed", version(old)),
        (Some(old), Some(new)) => {
            let (old, new) = (version(old), version(new));
            let verb = match compare_versions(&old, &new) {
                Ordering::Less => "upgraded",
                Ordering::Greater => "downgraded",
                Ordering::Equal => "changed",
            };
            format!("package {name} {verb} {old} → {new}")
        }
        (None, None) => format!("package {name}"),
    }
}

fn unit(name: &str, old: &Item, new: &Item) -> String {
    let (was, is) = (one(old, "state"), one(new, "state"));
    match is {
        _ if was == is => other("unit ", name, Some(old), Some(new)),
        "failed" => format!("unit {name} failed (was {was})"),
        "active" => format!("unit {name} is active (was {was})"),
        "inactive" => format!("unit {name} stopped (was {was})"),
        is => format!("unit {name} is {is} (was {was})"),
    }
}

/// Tells a change of anything: what came, what went, and each word that differs.
fn other(noun: &str, name: &str, old: Option<&Item>, new: Option<&Item>) -> String {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return format!("{noun}{name} appeared{}", told(new)),
        (Some(_), None) => return format!("{noun}{name} is gone"),
        (None, None) => return format!("{noun}{name}"),
    };
    let mut parts = Vec::new();
    for (word, was) in old {
        match new.get(word) {
            Some(is) if is == was => {}
            Some(is) => parts.push(format!("{}{was} → {is}", lead(word))),
            None => parts.push(format!("{}{was} → nothing", lead(word))),
        }
    }
    for (word, is) in new.iter().filter(|(word, _)| !old.contains_key(*word)) {
        parts.push(format!("{}nothing → {is}", lead(word)));
    }
    format!("{noun}{name} changed: {}", parts.join(", "))
}

/// A thing that is one value needs no name for it.
fn lead(word: &str) -> String {
    match word {
        "value" => String::new(),
        word => format!("{word} "),
    }
}

fn told(item: &Item) -> String {
    let words: Vec<String> = item
        .iter()
        .map(|(word, value)| format!("{}{value}", lead(word)))
        .collect();
    match words.is_empty() {
        true => String::new(),
        false => format!(" ({})", words.join(", ")),
    }
}

fn owner(item: &Item) -> &str {
    match one(item, "process") {
        "?" => "a process that is not known",
        process => process,
    }
}

fn one<'a>(item: &'a Item, word: &str) -> &'a str {
    item.get(word).map_or("?", String::as_str)
}

/// Compares two versions as package managers do, as far as they agree: numbers as numbers, and `~`
/// before everything, also before the end.
fn compare_versions(one: &str, two: &str) -> Ordering {
    let epoch = |version: &str| match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0_u64), rest.to_owned()),
        None => (0, version.to_owned()),
    };
    let ((one_epoch, one), (two_epoch, two)) = (epoch(one), epoch(two));
    let order = one_epoch.cmp(&two_epoch);
    order.then_with(|| parts(&one).cmp(&parts(&two)))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Tilde,
    End,
    Text(String),
    // A number has no end: versions hold dates and hashes. Without zeros, the longer is larger.
    Number(usize, String),
}

fn parts(version: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = match first {
            '~' => 1,
            _ => rest
                .find(|letter: char| letter.is_ascii_digit() != is_digit || letter == '~')
                .unwrap_or(rest.len()),
        };
        let (part, behind) = rest.split_at(end);
        parts.push(match first {
            '~' => Part::Tilde,
            _ if is_digit => {
                let digits = part.trim_start_matches('0');
                Part::Number(digits.len(), digits.to_owned())
            }
            _ => Part::Text(part.to_owned()),
        });
        rest = behind;
    }
    parts.push(Part::End);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(words: &[(&str, &str)]) -> Option<Item> {
        let pair = |(word, value): &(&str, &str)| ((*word).to_owned(), (*value).to_owned());
        Some(words.iter().map(pair).collect())
    }

    #[track_caller]
    fn check(section: &str, name: &str, old: Option<Item>, new: Option<Item>, expect: &str) {
        let change = Change {
            section: section.to_owned(),
            name: name.to_owned(),
            old,
            new,
        };
        assert_eq!(words(&change), expect);
    }

    #[test]
    fn each_section_has_its_words() {
        let nginx = || item(&[("process", "nginx")]);
        check(
            "listening",
            "tcp 0.0.0.0:80",
            None,
            nginx(),
            "port tcp 0.0.0.0:80 opened by nginx",
        );
        check(
            "listening",
            "udp 0.0.0.0:53",
            item(&[]),
            None,
            "port udp 0.0.0.0:53 closed (was a process that is not known)",
        );
        let state = |state| item(&[("state", state)]);
        check(
            "services",
            "redis.service",
            state("active"),
            state("failed"),
            "unit redis.service failed (was active)",
        );
        check(
            "services",
            "redis.service",
            None,
            state("active"),
            "unit redis.service appeared (active)",
        );
        check(
            "certificates",
            "/etc/ssl/web.pem",
            item(&[("expires", "2026-12-01")]),
            item(&[("expires", "2027-03-01")]),
            "certificate /etc/ssl/web.pem replaced: expires 2026-12-01 → 2027-03-01",
        );
        check(
            "network",
            "eth0",
            item(&[("mtu", "1500"), ("ip_address", "10.0.0.1")]),
            item(&[("mtu", "9000"), ("speed", "1000")]),
            "interface eth0 changed: ip_address 10.0.0.1 → nothing, mtu 1500 → 9000, \
             speed nothing → 1000",
        );
        check("hardware", "disk sdb", item(&[]), None, "disk sdb is gone");
        let name = |name| item(&[("value", name)]);
        check(
            "system",
            "hostname",
            name("a"),
            name("b"),
            "hostname changed: a → b",
        );
        check(
            "containers",
            "web",
            None,
            item(&[("image", "nginx:1")]),
            "container web appeared (image nginx:1)",
        );
    }

    #[test]
    fn versions_are_compared_as_package_managers_do() {
        for (one, two) in [
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0.1"),
            ("2.36-9+deb12u3", "2.36-9+deb12u10"),
            ("9", "1:0"),
            ("20240101", "20250101"),
            ("1.0a", "1.0b"),
            ("007", "8"),
        ] {
            assert_eq!(compare_versions(one, two), Ordering::Less, "{one} {two}");
            assert_eq!(compare_versions(two, one), Ordering::Greater, "{two} {one}");
        }
        assert_eq!(compare_versions("1.01", "1.1"), Ordering::Equal);
    }
}
