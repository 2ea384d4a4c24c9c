//! A mail server: its greeting, what it can do, and its certificate.

use std::time::Instant;

use model::Value;

use super::outcome::{Findings, Outcome, as_millis, millis};
use super::{Call, Kind};
use crate::Error;
use crate::network::{Connection, Refusal, Smtp, tls_inspect};
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "smtp",
    doc: "Greets a mail server.",
    of: "the probe smtp",
    options: &[
        OptionSpec::new(
            "address",
            OptionKind::Text,
            "Where to, as `host:port`; port 25 if none.",
        )
        .required(),
        OptionSpec::new(
            "starttls",
            OptionKind::Flag,
            "Asks for TLS, and looks at the certificate.",
        )
        .default("false"),
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

/// The name that we greet by: a probe sends no mail, so nobody has to find us.
const OUR_NAME: &str = "opsbro.invalid";

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let address = call.address(Some(25))?;
    let shown = address.shown();
    let start = Instant::now();
    let (stream, connected) = call.connect(&address)?;
    let mut session =
        Smtp::begin(Connection::Plain(stream), &shown).map_err(|it| no(it, &shown))?;
    session.hello(OUR_NAME).map_err(|it| no(it, &shown))?;
    let mut findings = Findings::new();
    let banner = session.banner.clone();
    let has_tls = session.has("STARTTLS");
    let mut seen = banner.clone();
    if !call.options.flag("starttls")? {
        session.quit();
    } else if !has_tls {
        findings.expect(false, || format!("{shown} offers no STARTTLS"));
        session.quit();
    } else {
        let Connection::Plain(stream) = session.starttls().map_err(|it| no(it, &shown))? else {
            return Err(Error::bad_answer(shown, "speaks TLS already"));
        };
        let name = call.options.text("server_name")?.unwrap_or(address.host);
        let mut inspection = tls_inspect(call.host, stream, name, &shown, call.trust()?)?;
        seen = format!(
            "{banner}; {}",
            super::tls::judge(call, &inspection, &mut findings)?
        );
        findings.fact("protocol", Value::from(inspection.protocol.as_str()));
        let _ = std::io::Write::write_all(&mut inspection.stream, b"QUIT\r\n");
    }
    let took = start.elapsed();
    findings.latency(call, took)?;
    findings.figure("connect_ms", as_millis(connected), "ms");
    findings.fact("banner", Value::from(banner.as_str()));
    findings.fact("has_starttls", Value::Bool(has_tls));
    Ok(findings.outcome(format!("{seen} in {}", millis(took))))
}

fn no(refusal: Refusal, shown: &str) -> Error {
    match refusal {
        Refusal::Broken(error) => error,
        Refusal::Said(_, said) => {
            let said = said.strip_prefix(shown).unwrap_or(&said).trim_start();
            Error::bad_answer(shown, said)
        }
    }
}
