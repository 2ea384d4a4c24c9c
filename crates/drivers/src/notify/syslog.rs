//! The log of this machine by its socket, or of another one by UDP (RFC 5424).

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::unix::net::UnixDatagram;

use super::{Call, Failure, Kind, Notice, Receipt, Tone};
use crate::Error;
use crate::network::{TimedStream, resolve};
use crate::options::{OptionKind, OptionSpec};
use crate::text::one_line;

pub(super) const KIND: Kind = Kind {
    name: "syslog",
    doc: "Writes to the log of this machine, or of another one by UDP.",
    options: &[
        OptionSpec::new(
            "address",
            OptionKind::Text,
            "The socket by its path, or `host:port`; port 514 if none.",
        )
        .default("/dev/log"),
        OptionSpec::new(
            "protocol",
            OptionKind::Choice(&["unix", "udp"]),
            "How it is reached; a path is reached by unix, anything else by udp.",
        ),
        OptionSpec::new(
            "facility",
            OptionKind::Choice(FACILITIES),
            "Where logs are sorted in.",
        )
        .default("daemon"),
    ],
    send,
};

/// The facilities of RFC 5424 in the order of their numbers.
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// RFC 5424 §6.1: receivers should take 2 048 bytes.
const MESSAGE_CHARS_MAX: usize = 1_500;

fn send(call: &Call<'_>) -> Result<Receipt, Failure> {
    let address = call.options.text_or_default("address")?;
    let is_local = match call.options.text("protocol")? {
        Some(protocol) => protocol == "unix",
        None => address.starts_with('/'),
    };
    let facility = call.options.text_or_default("facility")?;
    let facility = FACILITIES
        .iter()
        .position(|name| *name == facility)
        .unwrap_or(3);
    let priority = facility * 8 + severity(call.notice.tone);
    if is_local {
        to_socket(call, address, &local_line(call.notice, priority))?;
    } else {
        to_machine(call, address, &remote_line(call, priority))?;
    }
    Ok(Receipt {
        text: format!("handed to {address}, which gives no answer"),
    })
}

fn text(notice: &Notice) -> String {
    let line = match notice.text.trim() {
        "" => notice.title.clone(),
        text => format!("{} | {text}", notice.title),
    };
    one_line(&line, MESSAGE_CHARS_MAX)
}

/// The form that every local log understands; it knows the time and the machine itself.
fn local_line(notice: &Notice, priority: usize) -> String {
    format!(
        "<{priority}>opsbro[{}]: {}",
        std::process::id(),
        text(notice)
    )
}

fn remote_line(call: &Call<'_>, priority: usize) -> String {
    let notice = call.notice;
    let machine = call
        .host
        .word("/proc/sys/kernel/hostname")
        .unwrap_or_default();
    let mut facts = String::new();
    for (name, value) in [
        ("id", &notice.id),
        ("incident", &notice.incident),
        ("node", &notice.node),
        ("check", &notice.check),
        ("state", &notice.state),
    ] {
        if !value.is_empty() {
            let _ = write!(facts, " {name}=\"{}\"", escape(&one_line(value, 200)));
        }
    }
    // 32473 is the number that RFC 5612 leaves to those who have none.
    format!(
        "<{priority}>1 {} {} opsbro {} {} [opsbro@32473{facts}] \u{feff}{}",
        notice.when,
        header_word(&machine, 255),
        std::process::id(),
        notice.occasion.as_str(),
        text(notice),
    )
}

/// A word of the head: graphic ASCII, or a dash for nothing.
fn header_word(text: &str, chars_max: usize) -> String {
    let word: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(chars_max)
        .collect();
    if word.is_empty() {
        "-".to_owned()
    } else {
        word
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace(']', "\\]")
}

fn to_socket(call: &Call<'_>, path: &str, line: &str) -> Result<(), Failure> {
    let real = call.host.path(path)?;
    let by_datagram = || -> io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        // A log that does not read is told as such.
        socket.set_nonblocking(true)?;
        socket.connect(&real)?;
        socket.send(line.as_bytes()).map(drop)
    };
    let sent = match by_datagram() {
        Err(error) if rustix::io::Errno::from_io_error(&error) == Some(WRONG_TYPE) => {
            let stream = TimedStream::connect_unix(&real.to_string_lossy(), call.deadline)?;
            { stream }.write_all(format!("{line}\n").as_bytes())
        }
        other => other,
    };
    Ok(sent.map_err(Error::system("write to", path))?)
}

/// What connecting says when the socket is of the other kind.
const WRONG_TYPE: rustix::io::Errno = rustix::io::Errno::PROTOTYPE;

fn to_machine(call: &Call<'_>, address: &str, line: &str) -> Result<(), Failure> {
    let (host, port) = match address.rsplit_once(':') {
        _ if address.parse::<Ipv6Addr>().is_ok() => (address, "514"),
        Some((host, port)) if !port.ends_with(']') => (host, port),
        Some(_) | None => (address, "514"),
    };
    let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        let problem = "has no port from 1 to 65535: write host:port";
        call.options.refuse("address", problem)
    })?;
    let addresses = resolve(host, port, call.deadline)?;
    let Some(target) = addresses.first() else {
        return Err(Failure::later(format!("the host name {host} is not known")));
    };
    let ours: IpAddr = if target.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let sent = UdpSocket::bind((ours, 0))
        .and_then(|socket| socket.send_to(line.as_bytes(), target))
        .map_err(Error::system("send to", address))?;
    debug_assert_eq!(sent, line.len());
    Ok(())
}

/// The severities of RFC 5424.
fn severity(tone: Tone) -> usize {
    match tone {
        Tone::Critical => 2,
        Tone::Unknown => 3,
        Tone::Warning => 4,
        Tone::Changed => 5,
        Tone::Good | Tone::Neutral => 6,
    }
}
