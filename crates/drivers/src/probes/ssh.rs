//! An SSH server, by the line with which it greets (RFC 4253 §4.2).

use std::io::Write;

use model::Value;

use super::outcome::{Findings, Outcome, as_millis, millis};
use super::reach::{excerpt, read_until};
use super::{Call, Kind};
use crate::Error;
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "ssh",
    doc: "Reads the banner of an SSH server.",
    of: "the probe ssh",
    options: &[
        OptionSpec::new(
            "address",
            OptionKind::Text,
            "Where to, as `host:port`; port 22 if none.",
        )
        .required(),
        OptionSpec::new("regexp", OptionKind::Regexp, "What the banner must match."),
        super::SLOW_WARNING,
        super::SLOW_CRITICAL,
    ],
    run,
};

/// Our own greeting: a server logs a complaint about who leaves without one.
const GREETING: &str = concat!("SSH-2.0-OpsBro_", env!("CARGO_PKG_VERSION"), "\r\n");

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let address = call.address(Some(22))?;
    let regexp = call.options.regexp("regexp")?;
    let start = std::time::Instant::now();
    let (mut stream, connected) = call.connect(&address)?;
    let said = read_until(&mut stream, call.deadline, |bytes| banner(bytes).is_some())
        .map_err(Error::system("talk to", address.shown()))?;
    let took = start.elapsed();
    // Whether it still wants to hear it does not matter.
    let _ = stream.write_all(GREETING.as_bytes());
    let Some(banner) = banner(&said) else {
        let problem = match said.is_empty() {
            true => "says nothing: no SSH server, or an overloaded one".to_owned(),
            false => {
                let text = String::from_utf8_lossy(&said);
                format!("says {:?}, which is no SSH", excerpt(&text))
            }
        };
        return Err(Error::bad_answer(address.shown(), problem));
    };
    let mut findings = Findings::new();
    if let Some(regexp) = regexp {
        findings.expect(regexp.is_match(&banner), || {
            format!("the banner does not match {regexp}")
        });
    }
    findings.latency(call, took)?;
    findings.figure("connect_ms", as_millis(connected), "ms");
    findings.fact("banner", Value::from(banner.as_str()));
    Ok(findings.outcome(format!("{banner} in {}", millis(took))))
}

/// Finds the greeting; a server may say other lines before.
fn banner(said: &[u8]) -> Option<String> {
    let mut lines = said.split_inclusive(|byte| *byte == b'\n');
    let line = lines.find(|line| line.starts_with(b"SSH-"))?;
    let line = line.strip_suffix(b"\n")?;
    Some(excerpt(&String::from_utf8_lossy(line)))
}
