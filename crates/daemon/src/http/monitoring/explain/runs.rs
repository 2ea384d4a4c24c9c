//! What a check runs or probes, without what is secret.

use std::sync::Arc;

use api::monitoring::Detail;
use model::{Value, format_interval};
use packs::Scope;
use packs::check::{Check, Method};

use crate::evaluation::World;
use crate::json::to_json;
use crate::judge;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Says what a check runs or probes; nothing for expressions.
pub(super) fn text(method: &Method) -> String {
    match method {
        Method::Conditions(_) => String::new(),
        Method::Script(plugin) => plugin.text().to_owned(),
        Method::Probe(probe) => format!("the probe {}", probe.kind.name),
        Method::Aggregate(aggregate) => format!(
            "at least {} nodes of {}{}",
            aggregate.at_least,
            aggregate.group,
            match &aggregate.check {
                Some(check) => format!(" OK at {check}"),
                None => String::new(),
            }
        ),
        Method::Push(push) => match push.expect_every {
            Some(every) => format!(
                "is told its state; {} after {} of silence",
                push.silent,
                format_interval(every)
            ),
            None => "is told its state".to_owned(),
        },
    }
}

/// Gives what a probe is told, and whom a plugin runs as.
pub(super) fn details(check: &Check, world: &World) -> Vec<Detail> {
    let detail = |name: &str, value: String| Detail {
        name: name.to_owned(),
        value,
    };
    match &check.method {
        Method::Script(plugin) => vec![detail("run_as", judge::runs_as(plugin))],
        Method::Probe(probe) => {
            // Secrets are not opened here.
            let scope = Scope::new(world, Arc::clone(&check.home.parameters));
            let told = probe.options.iter().map(|(name, setting)| {
                let value = match (&**name, setting.fill(&scope)) {
                    ("password", _) => HIDDEN.to_owned(),
                    ("headers", Ok(headers)) => without_values(&headers),
                    (_, Ok(value)) => without_user(&plain(&value)),
                    // It holds what only a thing of `for_each` has, or a secret: as written.
                    (_, Err(_)) => {
                        let mut texts = Vec::new();
                        setting.each_text(&mut |text| texts.push(text.text()));
                        without_user(&texts.join(", "))
                    }
                };
                detail(name, value)
            });
            told.collect()
        }
        Method::Conditions(_) | Method::Aggregate(_) | Method::Push(_) => Vec::new(),
    }
}

/// A header may hold a token.
fn without_values(headers: &Value) -> String {
    match headers {
        Value::Map(map) => {
            let headers = map.keys().map(|name| format!("{name}: {HIDDEN}"));
            headers.collect::<Vec<_>>().join(", ")
        }
        _ => HIDDEN.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match to_json(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A URL may hold a password in front of its host.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, expect) in [
            ("https://a:b@host/x?y=@", "https://***@host/x?y=@"),
            ("https://host/@x", "https://host/@x"),
            ("https://host?x@y", "https://host?x@y"),
            ("host:80", "host:80"),
        ] {
            assert_eq!(without_user(url), expect);
        }
    }
}
