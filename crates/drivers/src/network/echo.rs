//! Echo requests (ICMP, RFC 792 and RFC 4443), by the kind of socket that needs no privilege, or by
//! the raw one where the agent may open it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recv, send,
    socket_with,
};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::Error;

/// A socket that sends echo requests to one address.
pub(crate) struct Echo {
    socket: OwnedFd,
    address: IpAddr,
    is_raw: bool,
    /// The number of our requests; of no meaning where the kernel sets its own.
    id: u16,
    /// What only our answers hold.
    token: [u8; TOKEN_BYTES],
}

const TOKEN_BYTES: usize = 16;
const HEADER_BYTES: usize = 8;
const PACKET_BYTES_MAX: usize = 1_500;

/// The types of a request and of its answer, for IPv4 and for IPv6.
const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);

impl Echo {
    /// Opens the socket.
    pub(crate) fn open(address: IpAddr) -> Result<Self, Error> {
        let (family, protocol) = match address {
            IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
            IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let (socket, is_raw) = open(family, protocol)?;
        let shown = address.to_string();
        let target = SocketAddr::new(address, 0);
        rustix::net::connect(&socket, &target)
            .map_err(|errno| Error::system("send an echo request to", shown)(errno.into()))?;
        let mut random = [0; TOKEN_BYTES + 2];
        getrandom(&mut random, GetRandomFlags::empty())
            .map_err(|errno| Error::system("make a number for", "ICMP")(errno.into()))?;
        let [first, second, token @ ..] = random;
        Ok(Self {
            socket,
            address,
            is_raw,
            id: u16::from_ne_bytes([first, second]),
            token,
        })
    }

    /// Sends one request and waits for its answer; none when none came in time.
    pub(crate) fn send(&self, number: u16, wait: Duration) -> io::Result<Option<Duration>> {
        let start = Instant::now();
        send(&self.socket, &self.request(number), SendFlags::NOSIGNAL)?;
        let mut buffer = [0; PACKET_BYTES_MAX];
        loop {
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut ready, Some(&left)) {
                Ok(0) => return Ok(None),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            match recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((length, _)) if self.is_answer(&buffer[..length], number) => {
                    return Ok(Some(start.elapsed()));
                }
                Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn types(&self) -> (u8, u8) {
        match self.address {
            IpAddr::V4(_) => V4,
            IpAddr::V6(_) => V6,
        }
    }

    fn request(&self, number: u16) -> Vec<u8> {
        let mut packet = vec![self.types().0, 0, 0, 0];
        packet.extend_from_slice(&self.id.to_be_bytes());
        packet.extend_from_slice(&number.to_be_bytes());
        packet.extend_from_slice(&self.token);
        // For IPv6 the kernel does it, as the sum includes the addresses.
        if self.address.is_ipv4() {
            let sum = checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        packet
    }

    /// Tells whether a packet answers our request; a raw socket gets those of others too, and with
    /// IPv4 the header of IP in front.
    fn is_answer(&self, packet: &[u8], number: u16) -> bool {
        let start = match (self.is_raw, self.address) {
            (true, IpAddr::V4(_)) => packet
                .first()
                .map_or(0, |first| usize::from(first & 0xf) * 4),
            _ => 0,
        };
        let Some(packet) = packet.get(start..) else {
            return false;
        };
        packet.len() == HEADER_BYTES + TOKEN_BYTES
            && packet[0] == self.types().1
            && packet[6..8] == number.to_be_bytes()
            && packet[HEADER_BYTES..] == self.token
    }
}

fn open(family: AddressFamily, protocol: Protocol) -> Result<(OwnedFd, bool), Error> {
    let open = |kind| socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol));
    match open(SocketType::DGRAM) {
        Ok(socket) => Ok((socket, false)),
        Err(Errno::ACCESS | Errno::PERM | Errno::PROTONOSUPPORT) => match open(SocketType::RAW) {
            Ok(socket) => Ok((socket, true)),
            Err(Errno::ACCESS | Errno::PERM) => Err(Error::Missing(
                "the agent may not send echo requests: put its group into \
                 net.ipv4.ping_group_range (sysctl), or give it CAP_NET_RAW"
                    .to_owned(),
            )),
            Err(errno) => Err(no_socket(errno)),
        },
        Err(errno) => Err(no_socket(errno)),
    }
}

fn no_socket(errno: Errno) -> Error {
    match errno {
        Errno::AFNOSUPPORT => Error::Missing("this machine has no IPv6".to_owned()),
        _ => Error::system("open", "a socket for echo requests")(errno.into()),
    }
}

/// The sum of RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in packet.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // The two halves were folded into one.
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_the_standard() {
        // The example of RFC 1071 §3.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
        assert_eq!(checksum(&[0xff]), !0xff00);
        assert_eq!(checksum(&[]), 0xffff);
    }

    #[test]
    fn loopback_answers_where_we_may_ask() {
        for address in ["127.0.0.1", "::1"] {
            let address: IpAddr = address.parse().unwrap();
            let echo = match Echo::open(address) {
                Ok(echo) => echo,
                // Neither the right nor IPv6 can be had everywhere; then it is said which.
                Err(error) => {
                    let error = error.to_string();
                    let expected = ["ping_group_range", "no IPv6", "cannot assign"];
                    assert!(expected.iter().any(|it| error.contains(it)), "{error}");
                    continue;
                }
            };
            for number in 0..3 {
                let took = echo.send(number, Duration::from_secs(60)).unwrap();
                assert!(took.is_some(), "{address}");
            }
        }
    }

    #[test]
    fn answers_to_others_are_not_ours() {
        let Ok(echo) = Echo::open(IpAddr::from([127, 0, 0, 1])) else {
            return;
        };
        let echo = Echo {
            is_raw: false,
            ..echo
        };
        let mut answer = echo.request(7);
        assert!(!echo.is_answer(&answer, 7), "a request is no answer");
        answer[0] = 0;
        assert!(echo.is_answer(&answer, 7));
        assert!(!echo.is_answer(&answer, 8));
        assert!(!echo.is_answer(&answer[..20], 7));
        assert!(!echo.is_answer(&[], 7));
        answer[10] ^= 1;
        assert!(!echo.is_answer(&answer, 7));
    }
}
