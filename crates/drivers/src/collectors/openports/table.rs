//! The lines of `/proc/net/tcp` and its like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::network::sock_diag;

/// A socket of the kernel's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// Its own address and port.
    pub(super) local: SocketAddr,
    /// Its state, as the kernel numbers them.
    pub(super) state: u8,
    /// The user who made it.
    pub(super) uid: u32,
    /// Its number; 0 when it is the kernel's own.
    pub(super) inode: u64,
}

const SYN_RECEIVED: u8 = 3;
pub(super) const CLOSED: u8 = 7;
pub(super) const LISTENS: u8 = 10;

impl From<sock_diag::Socket> for Socket {
    fn from(socket: sock_diag::Socket) -> Self {
        Self {
            local: socket.local,
            state: socket.state,
            uid: socket.uid,
            inode: socket.inode,
        }
    }
}

impl Socket {
    /// Tells whether anybody may send to it: TCP that listens, UDP that is not connected.
    pub(super) fn is_listening(&self, protocol: &str) -> bool {
        let wanted = if protocol == "tcp" { LISTENS } else { CLOSED };
        self.state == wanted && self.local.port() != 0
    }

    /// Tells whether none that listens follows: TCP begins with them. Kernels before 4.4 put those
    /// who just knock between them.
    pub(super) fn ends_listeners(&self, protocol: &str) -> bool {
        protocol == "tcp" && !matches!(self.state, LISTENS | SYN_RECEIVED)
    }
}

/// Reads `0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 621 …`.
pub(super) fn parse(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace();
    let local = address(words.nth(1)?)?;
    let state = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Socket {
        local,
        state,
        uid,
        inode,
    })
}

/// Reads an address of 8 or 32 digits, which are words of 4 bytes in the order of this machine, and
/// a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| -> Option<[u8; 4]> {
        let digits = digits.get(8 * index..8 * index + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip: IpAddr = match digits.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: &[u8; 16] = words.as_flattened().try_into().ok()?;
            Ipv6Addr::from(*bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
