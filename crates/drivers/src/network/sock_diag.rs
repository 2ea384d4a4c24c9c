//! Sockets of TCP and UDP, asked of the kernel by sock_diag(7).
//!
//! The tables of `/proc/net` tell the same, but the kernel walks through its whole hash to write
//! them; asked for those that listen, it looks at these alone. A kernel may be built without it,
//! and a container may refuse it: then the tables are all there is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::netlink::SOCK_DIAG;

use super::netlink::{Question, ask_each, number};
use crate::{Deadline, Error};

/// A socket, as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// Its own address and port.
    pub(crate) local: SocketAddr,
    /// Its state, as the kernel numbers them.
    pub(crate) state: u8,
    /// The user who made it.
    pub(crate) uid: u32,
    /// Its number; 0 when it is the kernel's own.
    pub(crate) inode: u64,
}

/// Numbers of the protocols (IANA).
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// IPv4 and IPv6, as the kernel numbers them.
const FAMILIES: [u8; 2] = [2, 10];
const SHOWN: &str = "the kernel for sockets";

/// Hands over each socket of a protocol that is in one of the states, IPv4 first.
pub(crate) fn each(
    protocol: u8,
    states: u32,
    deadline: Deadline,
    found: &mut dyn FnMut(Socket),
) -> Result<(), Error> {
    for family in FAMILIES {
        let body = request(family, protocol, states);
        let question = Question {
            protocol: Some(SOCK_DIAG),
            ask: 20,
            answer: 20,
            body: &body,
            recorded: "",
            shown: SHOWN,
        };
        let mut is_bent = false;
        ask_each(&question, deadline, &mut |body| match parse(body) {
            Some(socket) => found(socket),
            None => is_bent = true,
        })?;
        if is_bent {
            let problem = "gave a message that was cut or bent";
            return Err(Error::bad_answer(SHOWN, problem));
        }
    }
    Ok(())
}

/// Makes `struct inet_diag_req_v2`; zeros stand for any address.
fn request(family: u8, protocol: u8, states: u32) -> [u8; 56] {
    let mut body = [0; 56];
    body[0] = family;
    body[1] = protocol;
    body[4..8].copy_from_slice(&states.to_ne_bytes());
    body
}

/// Reads `struct inet_diag_msg`; ports and addresses are in the order of the network.
fn parse(body: &[u8]) -> Option<Socket> {
    let port = u16::from_be_bytes(*body.get(4..)?.first_chunk()?);
    let address = body.get(8..)?;
    let ip: IpAddr = match *body.first()? {
        2 => Ipv4Addr::from(*address.first_chunk::<4>()?).into(),
        10 => Ipv6Addr::from(*address.first_chunk::<16>()?).into(),
        _ => return None,
    };
    Some(Socket {
        local: SocketAddr::new(ip, port),
        state: *body.get(1)?,
        uid: number(body.get(64..)?)?,
        inode: number(body.get(68..)?)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::time::Duration;

    use super::*;

    const LISTENS: u8 = 10;

    fn found(protocol: u8, states: u32) -> Vec<Socket> {
        let mut found = Vec::new();
        let deadline = Deadline::after(Duration::from_secs(60));
        each(protocol, states, deadline, &mut |socket| found.push(socket)).unwrap();
        found
    }

    #[test]
    fn those_that_listen_are_found_and_no_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let sockets = found(TCP, 1 << LISTENS);
        assert!(sockets.iter().all(|socket| socket.state == LISTENS));
        assert!(sockets.iter().any(|socket| socket.local == local));
        let client = client.local_addr().unwrap();
        assert!(sockets.iter().all(|socket| socket.local != client));
        let all = found(TCP, 0xfff);
        let established = all.iter().find(|socket| socket.local == client);
        assert_eq!(established.map(|socket| socket.state), Some(1));

        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = receiver.local_addr().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let sockets = found(UDP, 1 << 7);
        let socket = sockets.iter().find(|socket| socket.local == local);
        assert!(socket.is_some_and(|socket| socket.uid == uid && socket.inode > 0));
    }

    #[test]
    fn no_message_that_was_cut_or_bent_does_harm() {
        let mut body = [0; 72];
        body[..12].copy_from_slice(&[2, 10, 0, 0, 0x1f, 0x90, 0, 0, 127, 0, 0, 1]);
        let whole = parse(&body).unwrap();
        assert_eq!(whole.local.to_string(), "127.0.0.1:8080");
        for length in 0..body.len() {
            assert_eq!(parse(&body[..length]), None, "{length}");
        }
        body[0] = 10;
        assert!(parse(&body).unwrap().local.is_ipv6());
        body[0] = 7;
        assert_eq!(parse(&body), None);
    }
}
