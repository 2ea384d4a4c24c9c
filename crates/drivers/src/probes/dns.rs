//! A name server: whether it answers, and what.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use model::Value;

use super::outcome::{Findings, Outcome, millis};
use super::{Call, Kind};
use crate::Error;
use crate::network::{RecordType, dns_ask, name_servers, resolve};
use crate::options::{OptionKind, OptionSpec};
use crate::text::one_line;

pub(super) const KIND: Kind = Kind {
    name: "dns",
    doc: "Asks a name server.",
    of: "the probe dns",
    options: &[
        OptionSpec::new("name", OptionKind::Text, "The name that is asked for.").required(),
        OptionSpec::new(
            "server",
            OptionKind::Text,
            "The server, as `address` or `address:port`; the first of /etc/resolv.conf if none.",
        ),
        OptionSpec::new(
            "type",
            OptionKind::Choice(&["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"]),
            "The type of the records.",
        )
        .default("A"),
        OptionSpec::new(
            "expect",
            OptionKind::Texts,
            "Answers that must be among those given.",
        ),
        super::SLOW_WARNING,
        super::SLOW_CRITICAL,
    ],
    run,
};

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let options = call.options;
    let name = options.required("name")?;
    let word = options.text_or_default("type")?;
    let kind = RecordType::parse(word).unwrap_or(RecordType::A);
    let server = server(call)?;
    let wanted = options.plain_texts("expect")?;
    let start = Instant::now();
    let records = dns_ask(server, name, kind, call.deadline)?;
    let took = start.elapsed();
    let mut findings = Findings::new();
    let answers = &records.answers;
    findings.expect(records.code == "NOERROR", || match records.code {
        "NXDOMAIN" => format!("there is no name {name}"),
        code => format!("the server answers {code}"),
    });
    if wanted.is_empty() && records.code == "NOERROR" {
        findings.expect(!answers.is_empty(), || {
            format!("{name} has no {word} record")
        });
    }
    for one in &wanted {
        let one = one.trim_end_matches('.');
        let is_there = answers
            .iter()
            .any(|answer| answer.eq_ignore_ascii_case(one));
        findings.expect(is_there, || {
            format!("{} is not among the answers", one_line(one, 100))
        });
    }
    findings.latency(call, took)?;
    findings.fact("code", Value::from(records.code));
    findings.fact("is_authoritative", Value::Bool(records.is_authoritative));
    let list = answers.iter().map(|answer| Value::from(answer.as_str()));
    findings.fact("answers", Value::list(list));
    if let Some(seconds) = records.time_to_live {
        findings.fact("time_to_live", Value::Int(seconds.into()));
    }
    let said = match answers.is_empty() {
        true => "nothing".to_owned(),
        false => one_line(&answers.join(", "), 200),
    };
    let server = server.ip();
    Ok(findings.outcome(format!(
        "{server} says {said} to {name} {word} in {}",
        millis(took)
    )))
}

fn server(call: &Call<'_>) -> Result<SocketAddr, Error> {
    let Some(text) = call.options.text("server")? else {
        let servers = name_servers(call.host, call.deadline)?;
        let first = servers.first().copied();
        return first.ok_or_else(|| {
            Error::Missing("/etc/resolv.conf names no server: set the option server".to_owned())
        });
    };
    let plain = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = plain.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, 53));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "53"));
    let port: u16 = port.parse().map_err(|_| {
        call.options
            .refuse("server", "has no number as its port: write address:port")
    })?;
    let addresses = resolve(host, port, call.deadline)?;
    let first = addresses.first().copied();
    first.ok_or_else(|| Error::bad_answer(format!("the host name {host}"), "is not known"))
}
