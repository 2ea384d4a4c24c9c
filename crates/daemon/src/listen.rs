//! Binding the listeners: one number for UDP and TCP, the unix socket, and who is in the way.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::port_owner;

/// Connections that may wait to be accepted. The kernel cuts it to its own limit.
const BACKLOG: i32 = 1_024;
/// Tries to find a number that is free for UDP and TCP alike. Each fails only when somebody else
/// has just that one number on the other protocol.
const FREE_PORT_TRIES: usize = 32;
/// Longest path of a unix socket, from `sockaddr_un` less its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The bound listeners.
pub(crate) struct Listeners {
    /// HTTP.
    pub tcp: TcpListener,
    /// Gossip; absent when service discovery is off.
    pub udp: Option<UdpSocket>,
    /// HTTP on this machine.
    pub unix: UnixListener,
    /// The addresses, by name of the listener.
    pub addresses: BTreeMap<String, SocketAddr>,
}

/// Tells why a listener cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A port is taken.
    #[error("port {port}/{protocol} is taken{}", by(owner.as_deref()))]
    Taken {
        /// The number.
        port: u16,
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// Who has it, where that can be known.
        owner: Option<String>,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address} ({protocol}): {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The unix socket cannot be made.
    #[error("cannot make the socket {}: {source}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path of the unix socket is too long for the system.
    #[error(
        "the path of the socket is too long ({} bytes, at most {SOCKET_PATH_BYTES_MAX}): {}",
        path.as_os_str().len(),
        path.display()
    )]
    PathTooLong {
        /// Its path.
        path: PathBuf,
    },
}

impl ListenError {
    /// Tells what to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Taken { .. } => {
                "set another `port` in agent.yml (0 picks a free one), or stop the owner"
            }
            Self::Address { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                "ports below 1024 are root's: set another `port` in agent.yml"
            }
            Self::Address { .. } => {
                "set `listen_address` in agent.yml to an address of this machine"
            }
            Self::Unix { .. } => "check the owner and mode of its folder",
            Self::PathTooLong { .. } => "set `socket` in agent.yml, or use a shorter --root",
        }
    }
}

fn by(owner: Option<&str>) -> String {
    owner
        .map(|owner| format!(" by {owner}"))
        .unwrap_or_default()
}

/// Binds everything. The lock is held, so a unix socket that exists is left over.
pub(crate) fn bind(
    address: IpAddr,
    port: u16,
    with_gossip: bool,
    socket: &Path,
) -> Result<Listeners, ListenError> {
    let (tcp, udp) = bind_port(address, port, with_gossip)?;
    let unix = bind_unix(socket)?;
    let mut addresses = BTreeMap::new();
    addresses.extend(tcp.local_addr().ok().map(|at| ("http".to_owned(), at)));
    let gossip = udp.as_ref().and_then(|udp| udp.local_addr().ok());
    addresses.extend(gossip.map(|at| ("gossip".to_owned(), at)));
    Ok(Listeners {
        tcp,
        udp,
        unix,
        addresses,
    })
}

fn bind_port(
    address: IpAddr,
    port: u16,
    with_gossip: bool,
) -> Result<(TcpListener, Option<UdpSocket>), ListenError> {
    let mut tries = if port == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let tcp = bind_tcp(SocketAddr::new(address, port))?;
        if !with_gossip {
            return Ok((tcp, None));
        }
        let chosen = tcp.local_addr().map_or(port, |at| at.port());
        match bind_udp(SocketAddr::new(address, chosen)) {
            Ok(udp) => return Ok((tcp, Some(udp))),
            Err(ListenError::Taken { .. }) if tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

fn bind_tcp(at: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = || -> std::io::Result<Socket> {
        let socket = new_socket(at, Type::STREAM, Protocol::TCP)?;
        // Without it a restart fails for a minute while old connections linger in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.bind(&SockAddr::from(at))?;
        socket.listen(BACKLOG)?;
        Ok(socket)
    };
    bound()
        .map(TcpListener::from)
        .map_err(|error| failed(error, at, "tcp"))
}

fn bind_udp(at: SocketAddr) -> Result<UdpSocket, ListenError> {
    let bound = || -> std::io::Result<Socket> {
        let socket = new_socket(at, Type::DGRAM, Protocol::UDP)?;
        socket.bind(&SockAddr::from(at))?;
        Ok(socket)
    };
    bound()
        .map(UdpSocket::from)
        .map_err(|error| failed(error, at, "udp"))
}

fn new_socket(at: SocketAddr, kind: Type, protocol: Protocol) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), kind.nonblocking(), Some(protocol))?;
    if at.is_ipv6() && at.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

fn failed(source: std::io::Error, address: SocketAddr, protocol: &'static str) -> ListenError {
    if source.kind() == ErrorKind::AddrInUse {
        let owner = port_owner::find(address.port(), protocol);
        return ListenError::Taken {
            port: address.port(),
            protocol,
            owner,
        };
    }
    ListenError::Address {
        address,
        protocol,
        source,
    }
}

fn bind_unix(path: &Path) -> Result<UnixListener, ListenError> {
    let path = path.to_owned();
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        return Err(ListenError::PathTooLong { path });
    }
    let bound = || -> std::io::Result<UnixListener> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        // The folder is closed to others already, so nobody can connect before this.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bound().map_err(|source| ListenError::Unix {
        path: path.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn port_0_picks_one_number_for_both_and_the_socket_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sock");
        let listeners = bind(LOCAL, 0, true, &path).unwrap();
        assert_eq!(
            listeners.addresses["http"].port(),
            listeners.addresses["gossip"].port()
        );
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(listeners);
        bind(LOCAL, 0, false, &path).unwrap();
    }

    #[test]
    fn a_taken_port_names_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = TcpListener::bind((LOCAL, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = bind(LOCAL, port, true, &folder.path().join("x.sock"))
            .err()
            .unwrap();
        let text = error.to_string();
        assert!(
            text.contains(&format!("port {port}/tcp is taken by ")),
            "{text}"
        );
        assert!(
            text.contains(&format!("pid {}", std::process::id())),
            "{text}"
        );
        assert!(!folder.path().join("x.sock").exists());
    }

    #[test]
    fn the_hint_fits_what_the_system_refused() {
        let hint = |kind: ErrorKind| {
            let address = SocketAddr::new(LOCAL, 80);
            failed(kind.into(), address, "tcp").hint()
        };
        assert!(hint(ErrorKind::PermissionDenied).contains("below 1024"));
        assert!(hint(ErrorKind::AddrNotAvailable).contains("`listen_address`"));
    }

    #[test]
    fn a_path_that_is_too_long_says_so() {
        let path = Path::new("/tmp").join("x".repeat(200));
        let error = bind(LOCAL, 0, false, &path).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("too long (205 bytes, at most 107)")
        );
    }
}
