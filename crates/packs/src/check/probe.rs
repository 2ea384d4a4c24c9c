//! Probes: looking at something as its users do, from outside.
//!
//! What kinds there are, and what each may be told, is a table ([`PROBES`]): it is what is read,
//! what is documented, and what whoever does the probing finds filled in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Env, Failure};
use model::{Diagnostic, Value, parse_interval};

use super::timing::as_percent;
use crate::expression::{RawText, Setting, wrong_kind};
use crate::fields::{Fields, as_boolean, unknown_word};
use crate::report::Report;
use crate::yaml::{Entry, Kind, Node};

/// Something that is looked at from outside.
#[derive(Clone, Debug)]
pub struct Probe {
    /// How it is looked at.
    pub kind: &'static ProbeKind,
    /// What was written, by key of [`ProbeKind::keys`]. Texts may hold references.
    pub options: BTreeMap<Arc<str>, Setting>,
}

/// A way to look at something from outside.
#[derive(Debug)]
pub struct ProbeKind {
    /// Its key below `probe`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// What it may be told.
    pub keys: &'static [ProbeKey],
}

/// Something that a probe may be told.
#[derive(Debug)]
pub struct ProbeKey {
    /// The key.
    pub name: &'static str,
    /// What stands there.
    pub wants: Wants,
    /// Whether the probe needs it.
    pub is_required: bool,
    /// What it means, with its default.
    pub doc: &'static str,
}

/// What may stand under a key of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// A text.
    Text,
    /// A regular expression.
    Regexp,
    /// A text, or a list of texts.
    Texts,
    /// Status codes: `200`, `2xx`, `200-299`, or a list of those.
    Statuses,
    /// Texts by name.
    Map,
    /// A whole number from 1 on.
    Count,
    /// A percentage.
    Percent,
    /// An interval.
    Interval,
    /// True or false.
    Boolean,
}

const fn key(name: &'static str, wants: Wants, doc: &'static str) -> ProbeKey {
    ProbeKey {
        name,
        wants,
        is_required: false,
        doc,
    }
}

const fn needed(name: &'static str, wants: Wants, doc: &'static str) -> ProbeKey {
    ProbeKey {
        is_required: true,
        ..key(name, wants, doc)
    }
}

const SLOW_WARNING: ProbeKey = key(
    "slow_warning",
    Wants::Interval,
    "WARNING when the answer takes longer; default: never",
);
const SLOW_CRITICAL: ProbeKey = key(
    "slow_critical",
    Wants::Interval,
    "CRITICAL when the answer takes longer; default: never",
);
const EXPIRES_WARNING: ProbeKey = key(
    "expires_warning",
    Wants::Interval,
    "WARNING when the certificate ends sooner; default `21d`",
);
const EXPIRES_CRITICAL: ProbeKey = key(
    "expires_critical",
    Wants::Interval,
    "CRITICAL when the certificate ends sooner; default `7d`",
);
const INSECURE: ProbeKey = key(
    "insecure",
    Wants::Boolean,
    "takes a certificate that nobody vouches for; default `false`",
);
const CA_FILE: ProbeKey = key(
    "ca_file",
    Wants::Text,
    "file (PEM) with the authorities that may vouch for it; default: those of the machine",
);

/// Every kind of probe.
pub const PROBES: &[ProbeKind] = &[
    ProbeKind {
        name: "http",
        doc: "Asks a web server.",
        keys: &[
            needed("url", Wants::Text, "the URL, `http://` or `https://`"),
            key(
                "method",
                Wants::Text,
                "`GET`, `HEAD` or `POST`; default `GET`, or `POST` with a body",
            ),
            key("headers", Wants::Map, "headers that are sent"),
            key("user", Wants::Text, "user of basic authentication"),
            key("password", Wants::Text, "password of basic authentication"),
            key("body", Wants::Text, "what is posted"),
            key(
                "status",
                Wants::Statuses,
                "the codes that are fine; default `2xx`",
            ),
            key("regexp", Wants::Regexp, "what the body must match"),
            key("not_regexp", Wants::Regexp, "what the body must not match"),
            key(
                "header",
                Wants::Map,
                "a regular expression for each header that must be there",
            ),
            key(
                "json",
                Wants::Map,
                "what the body holds at each path: `{status.db: up}`",
            ),
            key(
                "redirects",
                Wants::Boolean,
                "follows redirects; default `true`",
            ),
            INSECURE,
            CA_FILE,
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
    ProbeKind {
        name: "tcp",
        doc: "Connects, and talks when it is told what to say.",
        keys: &[
            needed("address", Wants::Text, "`host:port`"),
            key("send", Wants::Text, "what is sent first"),
            key("regexp", Wants::Regexp, "what the answer must match"),
            key("tls", Wants::Boolean, "speaks TLS; default `false`"),
            INSECURE,
            CA_FILE,
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
    ProbeKind {
        name: "dns",
        doc: "Asks a name server.",
        keys: &[
            needed("name", Wants::Text, "the name that is asked for"),
            key(
                "server",
                Wants::Text,
                "`address` or `address:port`; default: the resolver of the system",
            ),
            key(
                "type",
                Wants::Text,
                "`A`, `AAAA`, `CNAME`, `MX`, `NS`, `PTR`, `SOA`, `SRV` or `TXT`; default `A`",
            ),
            key(
                "expect",
                Wants::Texts,
                "answers that must be among those given",
            ),
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
    ProbeKind {
        name: "icmp",
        doc: "Sends echo requests.",
        keys: &[
            needed("host", Wants::Text, "the name or address"),
            key("count", Wants::Count, "how many are sent; default 3"),
            key(
                "loss_warning",
                Wants::Percent,
                "WARNING when more is lost; default 20",
            ),
            key(
                "loss_critical",
                Wants::Percent,
                "CRITICAL when more is lost; default 60",
            ),
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
    ProbeKind {
        name: "tls",
        doc: "Looks at the certificate of a server.",
        keys: &[
            needed("address", Wants::Text, "`host:port`"),
            key(
                "server_name",
                Wants::Text,
                "the name that the certificate must be for; default: the host",
            ),
            INSECURE,
            CA_FILE,
            EXPIRES_WARNING,
            EXPIRES_CRITICAL,
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
    ProbeKind {
        name: "ssh",
        doc: "Reads the banner of an SSH server.",
        keys: &[
            needed("address", Wants::Text, "`host:port`"),
            key("regexp", Wants::Regexp, "what the banner must match"),
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
    ProbeKind {
        name: "smtp",
        doc: "Greets a mail server.",
        keys: &[
            needed("address", Wants::Text, "`host:port`"),
            key(
                "starttls",
                Wants::Boolean,
                "asks for TLS, and looks at the certificate; default `false`",
            ),
            key(
                "server_name",
                Wants::Text,
                "the name that the certificate must be for; default: the host",
            ),
            INSECURE,
            CA_FILE,
            EXPIRES_WARNING,
            EXPIRES_CRITICAL,
            SLOW_WARNING,
            SLOW_CRITICAL,
        ],
    },
];

impl Probe {
    /// Gives the options with all references filled in, each of the kind that its key wants.
    pub fn fill(&self, env: &dyn Env) -> Result<BTreeMap<Arc<str>, Value>, Failure> {
        let mut filled = BTreeMap::new();
        for (name, setting) in &self.options {
            filled.insert(Arc::clone(name), setting.fill(env)?);
        }
        Ok(filled)
    }

    /// Gives every raw text, which may hold references.
    pub fn texts(&self) -> Vec<&RawText> {
        let mut texts = Vec::new();
        for setting in self.options.values() {
            setting.each_text(&mut |text| texts.push(text));
        }
        texts
    }
}

/// Reads `probe: {http: {url: …}}`.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Probe> {
    let node = fields.node("probe")?;
    let names: Vec<&str> = PROBES.iter().map(|kind| kind.name).collect();
    let [entry] = node.entries().unwrap_or_default() else {
        let hint = format!("one of: {}", names.join(", "));
        let message = "a probe is one key: its kind";
        fields.report.error(&node.place, message, &hint);
        return None;
    };
    let Some(kind) = PROBES.iter().find(|kind| *kind.name == *entry.key) else {
        let unknown = unknown_word(&entry.key_place, "a probe", &entry.key, &names);
        fields.report.push(unknown);
        return None;
    };
    if entry.value.entries().is_none() {
        fields
            .report
            .push(wrong_kind(&entry.value, kind.name, "keys with values"));
        return None;
    }
    Some(Probe {
        kind,
        options: options(kind, entry, fields.report),
    })
}

fn options(
    kind: &'static ProbeKind,
    entry: &Entry,
    report: &mut Report,
) -> BTreeMap<Arc<str>, Setting> {
    let mut options = BTreeMap::new();
    for option in entry.value.entries().unwrap_or_default() {
        let Some(key) = kind.keys.iter().find(|key| *key.name == *option.key) else {
            let keys: Vec<&str> = kind.keys.iter().map(|key| key.name).collect();
            let what = format!("a key of the probe `{}`", kind.name);
            report.push(unknown_word(&option.key_place, &what, &option.key, &keys));
            continue;
        };
        if option.value.is_null() {
            continue;
        }
        if let Err(wanted) = key.wants.takes(&option.value) {
            report.push(wrong_kind(&option.value, key.name, wanted));
            continue;
        }
        if let Some(setting) = Setting::compile(&option.value, report) {
            options.insert(Arc::clone(&option.key), setting);
        }
    }
    for key in kind.keys.iter().filter(|key| key.is_required) {
        if !options.contains_key(key.name) {
            let message = format!("the probe `{}` has no `{}`", kind.name, key.name);
            report.push(
                Diagnostic::error(entry.key_place.clone(), message).with_hint(key.doc.to_owned()),
            );
        }
    }
    options
}

impl Wants {
    /// Tells whether this may stand there; otherwise what may. What holds a reference is known only
    /// when it is filled in.
    fn takes(self, node: &Node) -> Result<(), &'static str> {
        let text = node.text().map(|text| text.trim());
        if text.is_some_and(|text| text.contains("{{")) {
            return Ok(());
        }
        let is_one = |fits: &dyn Fn(&str) -> bool| text.is_some_and(fits);
        let (fits, wanted) = match self {
            Self::Text => (text.is_some(), "a text"),
            Self::Regexp => (
                is_one(&|text| regex::Regex::new(text).is_ok()),
                "a regular expression",
            ),
            Self::Texts => (each(node, &|_| true), "a text or a list of texts"),
            Self::Statuses => (
                each(node, &|text| status_range(text).is_some()),
                "status codes: 200, 2xx, 200-299 or a list of those",
            ),
            Self::Map => (is_plain_map(node), "texts by name: `{name: text}`"),
            Self::Count => (
                is_one(&|text| text.parse::<u32>().is_ok_and(|count| count > 0)),
                "a whole number from 1 on",
            ),
            Self::Percent => (
                is_one(&|text| as_percent(text).is_some()),
                "a percentage from 0 to 100",
            ),
            Self::Interval => (
                is_one(&|text| parse_interval(text).is_ok_and(|it| it > Duration::ZERO)),
                "an interval: 500ms, 10s, 21d",
            ),
            Self::Boolean => (as_boolean(node).is_some(), "true or false"),
        };
        if fits { Ok(()) } else { Err(wanted) }
    }
}

fn each(node: &Node, fits: &dyn Fn(&str) -> bool) -> bool {
    let items = node.items().unwrap_or(std::slice::from_ref(node));
    let fits = |item: &Node| {
        let text = item.text();
        text.is_some_and(|text| text.contains("{{") || fits(text.trim()))
    };
    !items.is_empty() && items.iter().all(fits)
}

fn is_plain_map(node: &Node) -> bool {
    let is_scalar = |entry: &Entry| matches!(entry.value.kind, Kind::Scalar { .. });
    node.entries()
        .is_some_and(|entries| entries.iter().all(is_scalar))
}

/// Reads `200`, `2xx` or `200-299` as the first and last code.
pub(crate) fn status_range(text: &str) -> Option<(u16, u16)> {
    let code = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|it| (100..=599).contains(it))
    };
    if let Some(hundreds) = text.strip_suffix("xx") {
        let first = code(&format!("{hundreds}00"))?;
        return Some((first, first + 99));
    }
    match text.split_once('-') {
        Some((first, last)) => Some((code(first)?, code(last)?)).filter(|(a, b)| a <= b),
        None => code(text).map(|code| (code, code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_are_single_or_ranges() {
        assert_eq!(status_range("200"), Some((200, 200)));
        assert_eq!(status_range("2xx"), Some((200, 299)));
        assert_eq!(status_range("200-302"), Some((200, 302)));
        for wrong in ["", "20", "xx", "9xx", "302-200", "200,201", "1e2"] {
            assert_eq!(status_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_key_of_a_probe_is_named_once() {
        for kind in PROBES {
            let mut names: Vec<&str> = kind.keys.iter().map(|key| key.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.keys.len(), "{}", kind.name);
        }
    }
}
