//! Mail, by SMTP to one of several servers, or by the sendmail of this machine.
//!
//! The mail itself is made by lettre; the servers are spoken to by our own client, whose every wait
//! ends with the deadline of the whole delivery and not with that of a single read.

use model::limits::NOTIFY_ANSWER_BYTES_MAX;

use super::{Call, Failure, Kind, Receipt};
use crate::child::{self, End};
use crate::network::{Connection, Refusal, Smtp, TimedStream, Trust, tls_config, tls_connect};
use crate::options::{OptionKind, OptionSpec};
use crate::text::one_line;
use crate::{Deadline, Error};
use message::Mail;

mod message;

pub(super) const KIND: Kind = Kind {
    name: "mail",
    doc: "Sends a mail, as text and as HTML.",
    options: &[
        OptionSpec::new("to", OptionKind::Texts, "Addresses that get the mail.").required(),
        OptionSpec::new(
            "from",
            OptionKind::Text,
            "Address that the mail comes from.",
        )
        .default("opsbro@localhost"),
        OptionSpec::new(
            "server",
            OptionKind::Texts,
            "Servers that take the mail, as `host` or `host:port`; the next one is tried when one \
             fails.",
        )
        .default("localhost"),
        OptionSpec::new("tls", OptionKind::Choice(SECURITIES), SECURITY_DOC).default("auto"),
        OptionSpec::new("user", OptionKind::Text, "Name to sign in with."),
        OptionSpec::new("password", OptionKind::Text, "Password of that name.").secret(),
        OptionSpec::new(
            "sendmail",
            OptionKind::Text,
            "Program to hand the mail to in place of a server: /usr/sbin/sendmail.",
        ),
        super::CA_FILE,
    ],
    send,
};

const SECURITIES: &[&str] = &["auto", "none", "starttls", "tls", "true", "false"];
const SECURITY_DOC: &str = "`tls` from the first byte (also `true`), `starttls` as a must, `none`, \
                            or `auto` (also `false`): TLS where the server offers it, with any \
                            certificate as long as no password is sent.";

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    Auto,
    None,
    StartTls,
    Tls,
}

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let mail = Mail::new(call)?;
    if let Some(program) = call.options.text("sendmail")? {
        return by_sendmail(call, program, &mail);
    }
    let mut servers = call.options.texts("server")?;
    if servers.is_empty() {
        servers.push("localhost");
    }
    let mut failures: Vec<Failure> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let deadline = call.deadline.share(servers.len() - index);
        match by_server(call, server, &mail, deadline) {
            Ok(receipt) => return Ok(receipt),
            Err(failure) => failures.push(failure),
        }
    }
    let messages: Vec<_> = failures.iter().map(|it| it.message.as_str()).collect();
    let message = messages.join("; ");
    // One server that may take it later is enough for another try.
    let retry = failures
        .iter()
        .map(|failure| failure.retry)
        .find(|retry| *retry != super::Retry::Never);
    Err(Failure {
        message,
        retry: retry.unwrap_or(super::Retry::Never),
    })
}

fn security(call: &Call<'_>) -> Result<Security, Failure> {
    Ok(match call.options.choice("tls")?.as_deref() {
        Some("tls" | "true") => Security::Tls,
        Some("starttls") => Security::StartTls,
        Some("none") => Security::None,
        Some(_) | None => Security::Auto,
    })
}

/// Hands the mail to one server.
fn by_server(
    call: &Call<'_>,
    server: &str,
    mail: &Mail,
    deadline: Deadline,
) -> Result<Receipt, Failure> {
    let security = security(call)?;
    let user = call.options.text("user")?;
    let (host, port) = address(call, server, security, user.is_some())?;
    let shown = format!("{server} (port {port})");
    let mut session = begin(call, host, port, &shown, security, deadline)?;
    if let Some(user) = user {
        let password = call.options.text("password")?.unwrap_or_default();
        session.sign_in(user, password)?;
    }
    let receipt = hand_over(&mut session, mail, server)?;
    session.quit();
    Ok(receipt)
}

/// Takes a server apart. The port is 465 with TLS from the first byte, 587 with a password, and 25
/// otherwise.
fn address<'a>(
    call: &Call<'_>,
    server: &'a str,
    security: Security,
    signs_in: bool,
) -> Result<(&'a str, u16), Failure> {
    let usual = match (security, signs_in) {
        (Security::Tls, _) => 465,
        (_, true) => 587,
        (_, false) => 25,
    };
    let (host, port) = match server.rsplit_once(':') {
        _ if server.parse::<std::net::Ipv6Addr>().is_ok() => (server, None),
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (server, None),
    };
    let Some(port) = port else {
        return Ok((host, usual));
    };
    match port.parse() {
        Ok(port) if port > 0 => Ok((host, port)),
        Ok(_) | Err(_) => {
            let problem = format!("holds {server:?}, whose port is no number from 1 to 65535");
            Err(call.options.refuse("server", &problem).into())
        }
    }
}

/// Connects, greets, and speaks TLS as far as it is wanted or offered.
fn begin(
    call: &Call<'_>,
    host: &str,
    port: u16,
    shown: &str,
    security: Security,
    deadline: Deadline,
) -> Result<Smtp, Failure> {
    let signs_in = call.options.text("user")?.is_some();
    let trust = match call.options.text("ca_file")? {
        Some(path) => Trust::File(path),
        // Against whoever only listens, any certificate is better than none.
        None if security == Security::Auto && !signs_in => Trust::Anybody,
        None => Trust::Machine,
    };
    let name = our_name(call);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let secure = |stream| -> Result<Connection, Failure> {
        let config = tls_config(call.host, trust, deadline)?;
        let stream = tls_connect(config, stream, host, shown)?;
        Ok(Connection::Secured(Box::new(stream)))
    };
    let stream = TimedStream::connect(host, port, deadline)?;
    if security == Security::Tls {
        let mut session = Smtp::begin(secure(stream)?, shown)?;
        session.hello(&name)?;
        return Ok(session);
    }
    let mut session = Smtp::begin(Connection::Plain(stream), shown)?;
    session.hello(&name)?;
    let offers = session.has("STARTTLS");
    match security {
        Security::None => return Ok(session),
        Security::Auto if !offers && !signs_in => return Ok(session),
        Security::Auto if !offers => {
            return Err(Failure::never(format!(
                "{shown} offers no TLS, and a password is not sent in the clear: set tls to `tls`, \
                 or to `none` if everybody on the way may read it"
            )));
        }
        Security::StartTls if !offers => {
            return Err(Failure::never(format!("{shown} offers no STARTTLS")));
        }
        Security::Auto | Security::StartTls | Security::Tls => {}
    }
    let banner = session.banner.clone();
    let Connection::Plain(stream) = session.starttls()? else {
        return Err(Failure::later(format!("{shown} speaks TLS already")));
    };
    let mut session = Smtp::resume(secure(stream)?, shown, banner);
    session.hello(&name)?;
    Ok(session)
}

/// The name that we greet by: that of the machine, if it can be one.
fn our_name(call: &Call<'_>) -> String {
    let name = call
        .host
        .word("/proc/sys/kernel/hostname")
        .unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !name.is_empty() && name.len() <= 253 && name.bytes().all(fits) {
        name
    } else {
        "localhost".to_owned()
    }
}

/// Names sender and recipients and hands the mail over. Who cannot be reached is told of in the
/// receipt, as long as anybody can.
fn hand_over(session: &mut Smtp, mail: &Mail, server: &str) -> Result<Receipt, Failure> {
    let needs_utf8 = mail.is_international();
    if needs_utf8 && !session.has("SMTPUTF8") {
        return Err(Failure::never(format!(
            "{server} takes only addresses of plain letters (no SMTPUTF8)"
        )));
    }
    let extra = if needs_utf8 { " SMTPUTF8" } else { "" };
    let from = format!("MAIL FROM:<{}>{extra}", mail.from);
    session.must(&from, "the sender")?;
    let mut refused = Vec::new();
    let mut failure = None;
    for to in &mail.to {
        match session.must(&format!("RCPT TO:<{to}>"), &format!("the recipient {to}")) {
            Ok(_) => {}
            Err(refusal @ Refusal::Said(..)) => {
                refused.push(to.as_str());
                let next = Failure::from(refusal);
                // What may pass later counts more than what never will.
                let is_final = |one: &Failure| one.retry == super::Retry::Never;
                if failure
                    .as_ref()
                    .is_none_or(|it| is_final(it) && !is_final(&next))
                {
                    failure = Some(next);
                }
            }
            Err(broken) => return Err(broken.into()),
        }
    }
    if let Some(failure) = failure.filter(|_| refused.len() == mail.to.len()) {
        return Err(failure);
    }
    let reply = session.data(&mail.bytes)?;
    let mut text = format!("taken by {server}: {}", reply.text());
    if !refused.is_empty() {
        text = one_line(&format!("not for {}; {text}", refused.join(", ")), 500);
    }
    Ok(Receipt { text })
}

fn by_sendmail(call: &Call<'_>, program: &str, mail: &Mail) -> Result<Receipt, Failure> {
    // -i: a line with a dot is not the end. After -- everything is a recipient.
    let mut argv = vec![program, "-i", "-f", mail.from.as_str(), "--"];
    argv.extend(mail.to.iter().map(String::as_str));
    let lines = String::from_utf8_lossy(&mail.bytes).replace("\r\n", "\n");
    let command = child::Command {
        argv: &argv,
        stdin: lines.as_bytes(),
        environment: &[],
        output_bytes_max: NOTIFY_ANSWER_BYTES_MAX,
        deadline: call.deadline,
    };
    let finished = child::hand_over(call.host, &command)?;
    if finished.end == End::Code(0) {
        return Ok(Receipt {
            text: format!("taken by {program}"),
        });
    }
    let message = one_line(&finished.error(program, call.deadline).to_string(), 500);
    // The codes of sysexits.h that say that the address or the call is wrong.
    match finished.end {
        End::Code(64..=68) => Err(Failure::never(message)),
        End::Code(_) | End::Signal(_) | End::TimedOut => Err(Failure::later(message)),
    }
}

impl From<Refusal> for Failure {
    /// Codes from 500 on are final; so is a password that is refused.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Said(500.., said) => Self::never(said),
            Refusal::Said(_, said) => Self::later(said),
            Refusal::Broken(error @ Error::BadRequest { .. }) => error.into(),
            Refusal::Broken(error) => Self::later(error.to_string()),
        }
    }
}
