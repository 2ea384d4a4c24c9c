//! The ports on which this machine listens, and whose they are.
//!
//! The kernel is asked for what listens alone. Where it does not answer, its tables are read: they
//! list what listens first, so that of a busy server no more is read than needed. Whose a socket is
//! takes a walk through the processes; it is made when a socket has come that was not there before,
//! and ends when all are found.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use model::Value;
use model::limits::LISTENING_SOCKETS_MAX;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;
use crate::host::lines::Lines;
use crate::network::sock_diag;

mod owners;
mod table;
#[cfg(test)]
mod tests;

use owners::{Owner, Owners};
use table::{CLOSED, LISTENS, Socket, parse};

pub(super) const COLLECTOR: Native = Native {
    name: "openports",
    doc: "The ports on which this machine listens, by TCP and UDP, and the processes behind them.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(OpenPorts::default()),
};

const KEYS: &[Key] = &[
    key("ports", "", "TCP ports, as a list of numbers in order"),
    key("udp_ports", "", "UDP ports, as a list of numbers in order"),
    key(
        "owners.*",
        "",
        "name of the process that listens on this TCP port",
    ),
    key(
        "details.tcp",
        "",
        "list of sockets: proto, source, dest, state, address, port, uid, and pid and process \
         where the agent may see them",
    ),
    key("details.udp", "", "the same for UDP"),
];

/// A protocol, and the two files of its sockets.
struct Protocol {
    name: &'static str,
    state: &'static str,
    /// Its number, and that of the state in which anybody may send to a socket.
    number: u8,
    waits: u8,
    files: [(&'static str, &'static str); 2],
}

const TCP: Protocol = Protocol {
    name: "tcp",
    state: "LISTEN",
    number: sock_diag::TCP,
    waits: LISTENS,
    files: [("/proc/net/tcp", "tcp"), ("/proc/net/tcp6", "tcp6")],
};
const UDP: Protocol = Protocol {
    name: "udp",
    state: "",
    number: sock_diag::UDP,
    waits: CLOSED,
    files: [("/proc/net/udp", "udp"), ("/proc/net/udp6", "udp6")],
};

/// Ports that clients get, unless the machine says otherwise.
const CLIENT_PORTS: (u16, u16) = (32_768, 60_999);
const CLIENT_PORTS_PATH: &str = "/proc/sys/net/ipv4/ip_local_port_range";

#[derive(Default)]
struct OpenPorts {
    owners: Owners,
    /// UDP sockets on ports of clients, as they were at the last look.
    passing: BTreeSet<u64>,
    /// The kernel did not let itself be asked; asking again would make it look for a module.
    is_asking_refused: bool,
}

impl Collector for OpenPorts {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let tcp = self.listening(context, &TCP)?;
        let udp = self.listening(context, &UDP)?;
        let udp = self.lasting(context, udp);
        let inodes: BTreeSet<u64> = tcp.iter().chain(&udp).map(|found| found.1.inode).collect();
        self.owners.learn(context.host, &inodes, context.deadline);
        Ok(self.tell(&tcp, &udp))
    }
}

/// A socket with the name of its protocol and family.
type Found = (&'static str, Socket);

/// Asks the kernel for the sockets of a protocol that listen.
fn asked(context: &Context<'_>, protocol: &Protocol) -> Result<Vec<Found>, Error> {
    let [(_, four), (_, six)] = protocol.files;
    let mut found = Vec::new();
    let states = 1 << protocol.waits;
    sock_diag::each(protocol.number, states, context.deadline, &mut |socket| {
        let socket = Socket::from(socket);
        if found.len() < LISTENING_SOCKETS_MAX && socket.is_listening(protocol.name) {
            let name = if socket.local.is_ipv4() { four } else { six };
            found.push((name, socket));
        }
    })?;
    Ok(found)
}

/// Reads the sockets of a protocol that listen. A kernel without IPv6 has but one file.
fn tabled(context: &Context<'_>, protocol: &Protocol) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for (index, (path, name)) in protocol.files.into_iter().enumerate() {
        if index > 0 && !context.host.has(path) {
            continue;
        }
        let mut lines = Lines::open(context.host, path, context.deadline)?;
        // The first line has headings.
        lines.next()?;
        while let Some(line) = lines.next()? {
            let socket = parse(&String::from_utf8_lossy(line))
                .ok_or_else(|| Error::bad_answer(path, "has a line that is no socket"))?;
            if socket.is_listening(protocol.name) {
                found.push((name, socket));
            } else if socket.ends_listeners(protocol.name) || found.len() >= LISTENING_SOCKETS_MAX {
                break;
            }
        }
    }
    found.truncate(LISTENING_SOCKETS_MAX);
    Ok(found)
}

impl OpenPorts {
    fn listening(
        &mut self,
        context: &Context<'_>,
        protocol: &Protocol,
    ) -> Result<Vec<Found>, Error> {
        if context.host.is_real() && !self.is_asking_refused {
            match asked(context, protocol) {
                Err(Error::System { .. }) => self.is_asking_refused = true,
                answered => return answered,
            }
        }
        tabled(context, protocol)
    }

    /// Leaves out UDP sockets of clients, which ask one question (DNS) and go: what is on a port of
    /// clients must have been there at the last look.
    fn lasting(&mut self, context: &Context<'_>, found: Vec<Found>) -> Vec<Found> {
        let (first, last) = client_ports(context);
        let is_of_client = |found: &Found| (first..=last).contains(&found.1.local.port());
        let clients = found.iter().filter(|found| is_of_client(found));
        let passing = clients.map(|found| found.1.inode).collect();
        let before = std::mem::replace(&mut self.passing, passing);
        let lasts = |found: &Found| !is_of_client(found) || before.contains(&found.1.inode);
        found.into_iter().filter(lasts).collect()
    }

    fn tell(&self, tcp: &[Found], udp: &[Found]) -> Value {
        let ports = |found: &[Found]| {
            let ports: BTreeSet<u16> = found.iter().map(|found| found.1.local.port()).collect();
            Value::list(ports.into_iter().map(Value::count))
        };
        let details = |found: &[Found], protocol: &Protocol| {
            let told = found
                .iter()
                .map(|(name, socket)| detail(name, socket, protocol, self.owners.of(socket.inode)));
            Value::list(told)
        };
        let owners = tcp.iter().filter_map(|(_, socket)| {
            let owner = self.owners.of(socket.inode)?;
            Some((socket.local.port().to_string(), Value::from(&*owner.name)))
        });
        Value::map([
            ("ports", ports(tcp)),
            ("udp_ports", ports(udp)),
            ("owners", Value::map(owners)),
            (
                "details",
                Value::map([("tcp", details(tcp, &TCP)), ("udp", details(udp, &UDP))]),
            ),
        ])
    }
}

fn client_ports(context: &Context<'_>) -> (u16, u16) {
    let word = context.host.word(CLIENT_PORTS_PATH).unwrap_or_default();
    let mut ports = word.split_ascii_whitespace().map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) => (first, last),
        _ => CLIENT_PORTS,
    }
}

/// Tells of one socket, in the words of netstat.
fn detail(name: &str, socket: &Socket, protocol: &Protocol, owner: Option<&Owner>) -> Value {
    let dest = match socket.local {
        SocketAddr::V4(_) => "0.0.0.0:*",
        SocketAddr::V6(_) => "[::]:*",
    };
    let known = [
        ("proto", Value::from(name)),
        ("source", Value::text(socket.local.to_string())),
        ("dest", Value::from(dest)),
        ("state", Value::from(protocol.state)),
        ("address", Value::text(socket.local.ip().to_string())),
        ("port", Value::count(socket.local.port())),
        ("uid", Value::count(socket.uid)),
    ];
    let owner = owner.map(|owner| {
        [
            ("pid", Value::count(owner.pid)),
            ("process", Value::from(&*owner.name)),
        ]
    });
    Value::map(known.into_iter().chain(owner.into_iter().flatten()))
}
