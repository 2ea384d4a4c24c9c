//! A web server: its status, its body, its headers, and how long it takes.

use std::fmt::Write;

use model::limits::PROBE_ANSWER_BYTES_MAX;
use model::{Secret, Value};
use serde_json::Value as Json;

use super::outcome::{Findings, Outcome, as_millis, millis};
use super::reach::excerpt;
use super::{Call, Kind};
use crate::Error;
use crate::certificate::Certificate;
use crate::network::{Method, Request, Response, http_send};
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "http",
    doc: "Asks a web server.",
    of: "the probe http",
    options: &[
        OptionSpec::new("url", OptionKind::Text, "The URL, `http://` or `https://`.").required(),
        OptionSpec::new(
            "method",
            OptionKind::Choice(&["GET", "HEAD", "POST"]),
            "The method; with a body it is POST unless said otherwise.",
        )
        .default("GET"),
        OptionSpec::new("headers", OptionKind::Map, "Headers that are sent.").secret(),
        OptionSpec::new("user", OptionKind::Text, "User of the scheme Basic."),
        OptionSpec::new("password", OptionKind::Text, "Password of that user.").secret(),
        OptionSpec::new("body", OptionKind::Text, "What is posted."),
        OptionSpec::new(
            "status",
            OptionKind::Texts,
            "The codes that are fine: `200`, `2xx`, `200-299`, or several of those.",
        )
        .default("2xx"),
        OptionSpec::new("regexp", OptionKind::Regexp, "What the body must match."),
        OptionSpec::new(
            "not_regexp",
            OptionKind::Regexp,
            "What the body must not match.",
        ),
        OptionSpec::new(
            "header",
            OptionKind::Map,
            "A regular expression for each header that must be there.",
        ),
        OptionSpec::new(
            "json",
            OptionKind::Map,
            "What the body, as JSON, holds at each path: `{status.db: up}`.",
        ),
        OptionSpec::new("redirects", OptionKind::Flag, "Follows redirects.").default("true"),
        super::INSECURE,
        super::CA_FILE,
        super::SLOW_WARNING,
        super::SLOW_CRITICAL,
    ],
    run,
};

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let options = call.options;
    let body = options.text("body")?;
    let method = match (options.text("method")?.and_then(Method::parse), body) {
        (Some(method), _) => method,
        (None, Some(_)) => Method::Post,
        (None, None) => Method::Get,
    };
    let mut request = Request::new(method, options.required("url")?);
    for (name, value) in options.map("headers")? {
        request = request.header(name, value);
    }
    if let Some(user) = options.text("user")? {
        let password = options.text("password")?.unwrap_or_default();
        request.basic = Some((user, Secret::new(password)));
    }
    request.body = body.unwrap_or_default().as_bytes();
    request.trust = call.trust()?;
    request.answer_bytes_max = PROBE_ANSWER_BYTES_MAX;
    if !options.flag("redirects")? {
        request.redirects_max = 0;
    }
    let expectations = Expectations::read(call)?;
    let response = http_send(call.host, &request, call.deadline)?;
    let mut findings = Findings::new();
    expectations.judge(&response, &mut findings);
    report(call, &response, findings)
}

/// What must hold of the answer, read before anybody is asked.
struct Expectations<'a> {
    statuses: Vec<(u16, u16)>,
    regexp: Option<regex::Regex>,
    not_regexp: Option<regex::Regex>,
    headers: Vec<(&'a str, regex::Regex)>,
    json: Vec<(&'a str, String)>,
}

impl<'a> Expectations<'a> {
    fn read(call: &Call<'a>) -> Result<Self, Error> {
        let options = call.options;
        let mut statuses = Vec::new();
        let texts = options.plain_texts("status")?;
        for text in texts {
            let wrong = || options.refuse("status", "is no code like 200, 2xx or 200-299");
            statuses.push(status_range(&text).ok_or_else(wrong)?);
        }
        if statuses.is_empty() {
            statuses.push((200, 299));
        }
        let mut headers = Vec::new();
        for (name, text) in options.map("header")? {
            headers.push((name, options.compile("header", &text)?));
        }
        Ok(Self {
            statuses,
            regexp: options.regexp("regexp")?,
            not_regexp: options.regexp("not_regexp")?,
            headers,
            json: options.map("json")?,
        })
    }

    fn judge(&self, response: &Response, findings: &mut Findings) {
        let status = response.status;
        let is_fine = self
            .statuses
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status));
        findings.expect(is_fine, || match response.header("location") {
            Some(place) => format!("status {status} to {}", excerpt(without_query(place))),
            None => format!("status {status}"),
        });
        let text = response.text();
        if let Some(regexp) = &self.regexp {
            findings.expect(regexp.is_match(&text), || {
                format!("the body does not match {regexp}: {:?}", excerpt(&text))
            });
        }
        if let Some(found) = self
            .not_regexp
            .as_ref()
            .and_then(|regexp| regexp.find(&text))
        {
            findings.expect(false, || {
                format!(
                    "the body holds {:?}, which it must not",
                    excerpt(found.as_str())
                )
            });
        }
        for (name, regexp) in &self.headers {
            match response.header(name) {
                None => findings.expect(false, || format!("there is no header {name}")),
                Some(value) => findings.expect(regexp.is_match(value), || {
                    format!("the header {name} is {:?}, not {regexp}", excerpt(value))
                }),
            }
        }
        if !self.json.is_empty() {
            self.judge_json(response, findings);
        }
    }

    fn judge_json(&self, response: &Response, findings: &mut Findings) {
        let tree: Json = match serde_json::from_slice(&response.body) {
            Ok(tree) => tree,
            Err(_) if response.is_cut => {
                findings.expect(false, || {
                    "the body is too large to be read as JSON".to_owned()
                });
                return;
            }
            Err(error) => {
                findings.expect(false, || format!("the body is no JSON ({error})"));
                return;
            }
        };
        for (path, wanted) in &self.json {
            match at(&tree, path) {
                None => findings.expect(false, || format!("the body has no {path}")),
                Some(value) => {
                    let found = plain(value);
                    findings.expect(found == *wanted, || {
                        format!("{path} is {}, not {}", excerpt(&found), excerpt(wanted))
                    });
                }
            }
        }
    }
}

fn report(call: &Call<'_>, response: &Response, mut findings: Findings) -> Result<Outcome, Error> {
    let timing = response.timing;
    findings.latency(call, timing.whole)?;
    findings.figure("connect_ms", as_millis(timing.connected), "ms");
    findings.figure("answer_ms", as_millis(timing.answered), "ms");
    findings.figure("size_bytes", response.body.len() as f64, "bytes");
    findings.fact("status", Value::Int(response.status.into()));
    findings.fact(
        "redirects",
        Value::Int(response.redirects.try_into().unwrap_or(i64::MAX)),
    );
    let mut seen = format!("{} says {}", response.shown, response.status);
    let certificate = response.certificate.as_deref().map(Certificate::parse);
    if let Some(Ok(certificate)) = certificate {
        let left = certificate.days_left(call.wall);
        findings.figure("days_left", (left * 100.0).round() / 100.0, "days");
    }
    let _ = write!(seen, " in {}", millis(timing.whole));
    Ok(findings.outcome(seen))
}

/// Reads `200`, `2xx` or `200-299` as the first and last code.
fn status_range(text: &str) -> Option<(u16, u16)> {
    let code = |text: &str| {
        let code = text.trim().parse::<u16>().ok()?;
        (100..=599).contains(&code).then_some(code)
    };
    if let Some(hundreds) = text.trim().strip_suffix("xx") {
        let first = code(&format!("{hundreds}00"))?;
        return Some((first, first + 99));
    }
    match text.split_once('-') {
        Some((first, last)) => Some((code(first)?, code(last)?)),
        None => code(text).map(|code| (code, code)),
    }
}

/// Finds what stands at `a.b.0`; a name that itself has dots is found too.
fn at<'j>(tree: &'j Json, path: &str) -> Option<&'j Json> {
    if let Some(found) = member(tree, path) {
        return Some(found);
    }
    let dots = path.match_indices('.').map(|(dot, _)| dot);
    dots.into_iter()
        .find_map(|dot| at(member(tree, &path[..dot])?, &path[dot + 1..]))
}

fn member<'j>(tree: &'j Json, name: &str) -> Option<&'j Json> {
    match tree {
        Json::Array(list) => list.get(name.parse::<usize>().ok()?),
        Json::Object(map) => map.get(name),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

/// Writes a value of JSON as it is compared with what was wanted.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn without_query(place: &str) -> &str {
    place.split('?').next().unwrap_or_default()
}
