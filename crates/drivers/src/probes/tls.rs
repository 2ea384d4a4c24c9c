//! The certificate of a service: whether it is good, for the name, and for how long.

use std::time::Instant;

use model::{CheckState, Value, WallTime, format_interval};

use super::outcome::{Figure, Findings, Outcome, millis};
use super::{Call, Kind};
use crate::Error;
use crate::certificate::Certificate;
use crate::network::{Inspection, tls_inspect};
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "tls",
    doc: "Looks at the certificate of a server.",
    of: "the probe tls",
    options: &[
        OptionSpec::new(
            "address",
            OptionKind::Text,
            "Where to, as `host:port`; port 443 if none.",
        )
        .required(),
        super::SERVER_NAME,
        super::INSECURE,
        super::CA_FILE,
        super::EXPIRES_WARNING,
        super::EXPIRES_CRITICAL,
        super::SLOW_WARNING,
        super::SLOW_CRITICAL,
    ],
    run,
};

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let address = call.address(Some(443))?;
    let name = call.options.text("server_name")?.unwrap_or(address.host);
    let start = Instant::now();
    let (stream, _) = call.connect(&address)?;
    let inspection = tls_inspect(call.host, stream, name, &address.shown(), call.trust()?)?;
    let took = start.elapsed();
    let mut findings = Findings::new();
    let seen = judge(call, &inspection, &mut findings)?;
    findings.latency(call, took)?;
    findings.fact("protocol", Value::from(inspection.protocol.as_str()));
    Ok(findings.outcome(format!(
        "{seen} ({} in {})",
        inspection.protocol,
        millis(took)
    )))
}

/// Judges what a server showed; gives what is to be said of it.
pub(super) fn judge(
    call: &Call<'_>,
    inspection: &Inspection,
    findings: &mut Findings,
) -> Result<String, Error> {
    if let Some(problem) = &inspection.problem {
        findings.problem(CheckState::Critical, problem.clone());
    }
    let mut chain = Vec::new();
    for der in &inspection.chain {
        chain.extend(Certificate::parse(der));
    }
    let Some(own) = chain.first() else {
        let problem = "the server shows no certificate that can be read";
        findings.problem(CheckState::Critical, problem);
        return Ok("TLS is spoken".to_owned());
    };
    // One of the others may end first.
    let first = chain.iter().min_by_key(|one| one.not_after).unwrap_or(own);
    expiry(call, first, own, findings)?;
    let names = own.names.iter().map(|name| Value::from(name.as_str()));
    findings.fact("subject", Value::from(own.subject.as_str()));
    findings.fact("issuer", Value::from(own.issuer.as_str()));
    findings.fact("names", Value::list(names));
    findings.fact("not_after", Value::text(own.not_after.to_string()));
    findings.fact("fingerprint", Value::from(own.fingerprint.as_str()));
    findings.fact("is_trusted", Value::Bool(inspection.problem.is_none()));
    Ok(format!(
        "{} is good until {}",
        own.subject,
        day(own.not_after)
    ))
}

fn expiry(
    call: &Call<'_>,
    first: &Certificate,
    own: &Certificate,
    findings: &mut Findings,
) -> Result<(), Error> {
    let warning = call.options.interval("expires_warning")?;
    let critical = call.options.interval("expires_critical")?;
    let left = first.days_left(call.wall);
    let as_days = |limit: std::time::Duration| limit.as_secs_f64() / 86_400.0;
    let whose = match first.fingerprint == own.fingerprint {
        true => "the certificate".to_owned(),
        false => format!("the certificate of {}", first.subject),
    };
    let is_under = |limit: Option<std::time::Duration>| limit.filter(|it| left < as_days(*it));
    let soon = |limit: std::time::Duration| {
        format!(
            "{whose} ends in {left:.1} days, less than {}",
            format_interval(limit)
        )
    };
    if left < 0.0 {
        let problem = format!("{whose} ended on {}", day(first.not_after));
        findings.problem(CheckState::Critical, problem);
    } else if let Some(limit) = is_under(critical) {
        findings.problem(CheckState::Critical, soon(limit));
    } else if let Some(limit) = is_under(warning) {
        findings.problem(CheckState::Warning, soon(limit));
    }
    findings.bounded(Figure {
        name: "days_left",
        value: (left * 100.0).round() / 100.0,
        unit: "days",
        warning: warning.map(as_days),
        critical: critical.map(as_days),
    });
    Ok(())
}

fn day(time: WallTime) -> String {
    time.to_string().chars().take(10).collect()
}
