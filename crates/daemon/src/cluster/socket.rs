//! The gossip socket: reading never waits, sending never blocks, and what was lost is counted.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use drivers::network::Wire;
use model::limits;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tracing::{debug, trace};

/// Bytes that the kernel shall hold for us: a second of a thousand nodes that all have news. It
/// gives what its own limit allows.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// The socket, when there is one, and what it lost.
pub(crate) struct Socket {
    /// Watched for what comes only: room to send comes back with each datagram that another node
    /// takes, and would wake this loop as often as one that comes.
    socket: Option<AsyncFd<UdpSocket>>,
    is_v6: bool,
    buffer: Box<[u8]>,
    wires: Vec<Wire>,
    /// Datagrams that the kernel had no room for.
    full: u64,
    /// Datagrams that the kernel refused.
    refused: u64,
    /// Errors of earlier datagrams that it told.
    errors: u64,
}

impl Socket {
    /// Takes a socket that does not block; must be called inside the runtime.
    pub(crate) fn new(socket: Option<UdpSocket>) -> io::Result<Self> {
        if let Some(socket) = &socket {
            let raw = SockRef::from(socket);
            // What the kernel does not allow stays as it is.
            let _ = raw.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
            let _ = raw.set_broadcast(true);
        }
        let own = socket.as_ref().map(UdpSocket::local_addr).transpose()?;
        #[expect(
            deprecated,
            reason = "its heir is unsafe; a socket of std keeps its descriptor"
        )]
        let watched = socket.map(|socket| AsyncFd::with_interest(socket, Interest::READABLE));
        Ok(Self {
            socket: watched.transpose()?,
            is_v6: own.is_some_and(|own| own.is_ipv6()),
            buffer: vec![0; limits::DATAGRAM_BYTES_MAX].into_boxed_slice(),
            wires: Vec::new(),
            full: 0,
            refused: 0,
            errors: 0,
        })
    }

    /// Tells whether there is one.
    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Waits until datagrams wait.
    pub(super) async fn readable(&self) {
        let Some(socket) = &self.socket else {
            return std::future::pending().await;
        };
        // What is wrong with the socket is told by the next read.
        drop(socket.readable().await);
    }

    /// Takes a datagram when one waits.
    pub(super) fn receive(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        // Linux tells the ICMP errors of earlier datagrams here; none of them is ours to mend, and
        // there are no more of them than datagrams were sent.
        for _ in 0..limits::DATAGRAMS_PER_TURN_MAX {
            let buffer = &mut self.buffer;
            let socket = self.socket.as_ref()?;
            match socket.try_io(Interest::READABLE, |it| it.recv_from(buffer)) {
                Ok((bytes, from)) => {
                    trace!(%from, bytes, "Datagram");
                    return Some((canonical(from), self.buffer[..bytes].to_vec()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => {
                    self.errors += 1;
                    debug!(%error, "The gossip socket reported an error");
                }
            }
        }
        None
    }

    /// Sends a datagram, or counts that it could not. What is for a group of machines goes out on
    /// each network.
    pub(super) fn send(&mut self, to: SocketAddr, packet: &[u8]) {
        if !to.ip().is_multicast() {
            self.send_one(to, packet);
            return;
        }
        for wire in self.wires.clone() {
            match to {
                SocketAddr::V4(_) => {
                    let own = wire.addresses.iter().find_map(|address| match address {
                        IpAddr::V4(four) => Some(*four),
                        IpAddr::V6(_) => None,
                    });
                    let Some((own, socket)) = own.zip(self.socket.as_ref()) else {
                        continue;
                    };
                    if SockRef::from(socket.get_ref())
                        .set_multicast_if_v4(&own)
                        .is_ok()
                    {
                        self.send_one(to, packet);
                    }
                }
                SocketAddr::V6(mut there) => {
                    there.set_scope_id(wire.index);
                    self.send_one(there.into(), packet);
                }
            }
        }
    }

    fn send_one(&mut self, to: SocketAddr, packet: &[u8]) {
        let Some(socket) = &self.socket else {
            return;
        };
        match socket.get_ref().send_to(packet, reachable(to, self.is_v6)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.full += 1,
            Err(error) => {
                self.refused += 1;
                debug!(%to, %error, "A datagram could not be sent");
            }
        }
    }

    /// Takes the networks that what is for a group of machines goes out on.
    pub(super) fn set_wires(&mut self, wires: Vec<Wire>) {
        self.wires = wires;
        if let Some(socket) = &self.socket {
            super::detect::listen(socket.get_ref(), &self.wires);
        }
    }

    /// Tells what was lost here.
    pub(super) fn dropped(&self) -> Vec<(&'static str, u64)> {
        let all = [
            ("no room to send", self.full),
            ("the system refused to send", self.refused),
            ("errors of the socket", self.errors),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// Gives an address as other nodes know it: a socket of both kinds sees IPv4 in the form of IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(four) => SocketAddr::new(four.into(), address.port()),
        // The scope of a link-local address is needed for the answer.
        IpAddr::V6(_) => address,
    }
}

/// Gives an address as a socket of this kind takes it.
fn reachable(address: SocketAddr, is_v6: bool) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(four) if is_v6 => SocketAddr::new(four.to_ipv6_mapped().into(), address.port()),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(at: &str) -> UdpSocket {
        let socket = UdpSocket::bind(at).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    #[tokio::test]
    async fn a_socket_of_both_kinds_speaks_with_both() {
        let both = bound("[::]:0");
        let port = both.local_addr().unwrap().port();
        let mut both = Socket::new(Some(both)).unwrap();
        let four = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let four_at = four.local_addr().unwrap();
        four.send_to(b"hello", ("127.0.0.1", port)).await.unwrap();
        both.readable().await;
        let (from, packet) = both.receive().unwrap();
        assert_eq!((from, &*packet), (four_at, &b"hello"[..]));
        assert!(both.receive().is_none());
        both.send(from, b"and back");
        let mut buffer = [0; 20];
        let (bytes, _) = four.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..bytes], b"and back");
        assert!(both.dropped().is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_counted() {
        let mut socket = Socket::new(Some(bound("127.0.0.1:0"))).unwrap();
        socket.send("[::1]:9".parse().unwrap(), b"x");
        assert_eq!(socket.dropped(), [("the system refused to send", 1)]);
        let mut none = Socket::new(None).unwrap();
        none.send("127.0.0.1:9".parse().unwrap(), b"x");
        assert!(none.receive().is_none() && none.dropped().is_empty());
    }
}
