//! Any service that takes connections: whether it does, and what it says.

use std::io::Write;
use std::time::Instant;

use model::Value;

use super::outcome::{Findings, Outcome, millis};
use super::reach::{excerpt, read_until};
use super::{Call, Kind};
use crate::Error;
use crate::network::Connection;
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "tcp",
    doc: "Connects, and talks when it is told what to say.",
    of: "the probe tcp",
    options: &[
        OptionSpec::new("address", OptionKind::Text, "Where to, as `host:port`.").required(),
        OptionSpec::new("send", OptionKind::Text, "What is sent first."),
        OptionSpec::new("regexp", OptionKind::Regexp, "What the answer must match."),
        OptionSpec::new("tls", OptionKind::Flag, "Speaks TLS.").default("false"),
        super::INSECURE,
        super::CA_FILE,
        super::SLOW_WARNING,
        super::SLOW_CRITICAL,
    ],
    run,
};

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let address = call.address(None)?;
    let regexp = call.options.regexp("regexp")?;
    let send = call.options.text("send")?;
    let start = Instant::now();
    let (stream, connected) = call.connect(&address)?;
    let mut connection = match call.options.flag("tls")? {
        true => call.secure(stream, &address)?,
        false => Connection::Plain(stream),
    };
    let mut findings = Findings::new();
    let mut answer = String::new();
    if send.is_some() || regexp.is_some() {
        let bytes = connection
            .write_all(send.unwrap_or_default().as_bytes())
            .and_then(|()| connection.flush())
            .and_then(|()| {
                read_until(&mut connection, call.deadline, |bytes| {
                    let text = String::from_utf8_lossy(bytes);
                    match &regexp {
                        Some(regexp) => regexp.is_match(&text),
                        None => !bytes.is_empty(),
                    }
                })
            })
            .map_err(Error::system("talk to", address.shown()))?;
        answer = String::from_utf8_lossy(&bytes).into_owned();
    }
    if let Some(regexp) = &regexp {
        findings.expect(regexp.is_match(&answer), || match answer.is_empty() {
            true => format!("said nothing, and should match {regexp}"),
            false => format!("said {:?}, which does not match {regexp}", excerpt(&answer)),
        });
    }
    let took = start.elapsed();
    findings.latency(call, took)?;
    findings.figure("connect_ms", super::outcome::as_millis(connected), "ms");
    findings.fact("answer", Value::from(excerpt(&answer).as_str()));
    Ok(findings.outcome(format!("{} answers in {}", address.shown(), millis(took))))
}
