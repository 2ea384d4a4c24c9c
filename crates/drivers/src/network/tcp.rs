//! Connections to a name and port, over IPv4 and IPv6.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::io::Errno;

use super::resolver::resolve;
use crate::{Deadline, Error};

/// Tells whether a TCP connection succeeds, to any of the addresses of a host. The time is shared
/// out, so that a dead first address does not take it all. An error means that we could not try.
pub fn check_tcp(host: &str, port: u16, deadline: Deadline) -> Result<bool, Error> {
    if port == 0 {
        return Err(Error::bad_request("0", "is no port to connect to"));
    }
    // A resolver that does not answer leaves it open whether the service does.
    let addresses = resolve(host, port, deadline)?;
    match connect_any(&addresses, deadline) {
        Ok(_) => Ok(true),
        Err(error) if is_ours(&error) => Err(Error::system(
            "connect to",
            format!("{host} port {port}"),
        )(error)),
        Err(_) => Ok(false),
    }
}

/// Connects to a host, for a client that goes on to talk.
pub(super) fn connect(host: &str, port: u16, deadline: Deadline) -> Result<TcpStream, Error> {
    let subject = format!("{host} port {port}");
    let addresses = resolve(host, port, deadline)?;
    if addresses.is_empty() {
        return Err(Error::bad_answer(
            format!("the host name {host}"),
            "is not known",
        ));
    }
    connect_any(&addresses, deadline).map_err(|error| {
        if deadline.is_over() {
            return deadline.error("connecting to", &subject);
        }
        Error::system("connect to", subject)(error)
    })
}

/// Tries one address after the other, each with its share of the time that is left.
fn connect_any(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut last: io::Error = io::ErrorKind::NotFound.into();
    for (index, address) in addresses.iter().enumerate() {
        let share = deadline.share(addresses.len() - index).time_box();
        // A box of zero is an argument error to the system, not a time-out.
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) if is_ours(&error) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Tells whether it is this machine that is short of something, which says nothing about the other.
fn is_ours(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL)
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn listener(address: &str) -> Option<(TcpListener, u16)> {
        let listener = TcpListener::bind((address, 0)).ok()?;
        let port = listener.local_addr().ok()?.port();
        Some((listener, port))
    }

    /// A port on which nobody listens.
    fn closed_port() -> u16 {
        let (_dropped, port) = listener("127.0.0.1").unwrap();
        port
    }

    /// A port that never answers: its queue of one is full, so the kernel drops what comes.
    struct BlackHole {
        address: SocketAddr,
        _listener: std::os::fd::OwnedFd,
        _queued: Vec<TcpStream>,
    }

    impl BlackHole {
        fn new() -> Self {
            let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
            bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listen(&listener, 0).unwrap();
            let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
            let mut queued = Vec::new();
            while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100))
            {
                queued.push(stream);
                assert!(queued.len() < 100, "the queue never filled");
            }
            Self {
                address,
                _listener: listener,
                _queued: queued,
            }
        }
    }

    #[test]
    fn an_open_port_is_open_and_a_closed_one_is_not() {
        let (_listener, port) = listener("127.0.0.1").unwrap();
        let check = |host, port| check_tcp(host, port, Deadline::after(LONG)).unwrap();
        assert!(check("127.0.0.1", port));
        assert!(check("localhost", port));
        assert!(!check("127.0.0.1", closed_port()));
        assert!(!check("localhost", closed_port()));
        // Where the machine has IPv6 at all.
        if let Some((_listener, port)) = listener("::1") {
            assert!(check("::1", port));
            assert!(check("[::1]", port));
        }
    }

    #[test]
    fn what_cannot_be_tried_is_an_error() {
        let check = |host, port| {
            check_tcp(host, port, Deadline::after(LONG)).map_err(|error| error.to_string())
        };
        assert_eq!(
            check("127.0.0.1", 0),
            Err("\"0\" is no port to connect to".to_owned())
        );
        assert_eq!(
            check("a b", 1),
            Err("\"a b\" is neither a host name nor an address".to_owned())
        );
    }

    #[test]
    fn a_port_that_never_answers_is_closed_in_time() {
        let hole = BlackHole::new();
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_millis(200));
        assert!(!check_tcp("127.0.0.1", hole.address.port(), deadline).unwrap());
        assert!(start.elapsed() < Duration::from_secs(20));
        let soon = Deadline::after(Duration::from_millis(50));
        let error = connect("127.0.0.1", hole.address.port(), soon)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("connecting to 127.0.0.1 port"), "{error}");
        assert!(error.ends_with("took longer than 50ms"), "{error}");
    }

    #[test]
    fn a_dead_first_address_leaves_time_for_the_next() {
        let hole = BlackHole::new();
        let (_listener, port) = listener("127.0.0.1").unwrap();
        let open = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Deadline::after(Duration::from_secs(2));
        assert!(connect_any(&[hole.address, open], deadline).is_ok());
        assert!(!deadline.is_over());
        assert!(connect_any(&[], deadline).is_err());
    }
}
