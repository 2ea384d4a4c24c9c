//! A connection that fails when its deadline is over, whatever the other side does.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::{Deadline, Error};

/// A connection and the time that is left for it.
#[derive(Debug)]
pub(crate) struct TimedStream {
    socket: Socket,
    deadline: Deadline,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl TimedStream {
    /// Connects to a host, over whichever of its addresses answers.
    pub(crate) fn connect(host: &str, port: u16, deadline: Deadline) -> Result<Self, Error> {
        let tcp = super::tcp::connect(host, port, deadline)?;
        Ok(Self {
            socket: Socket::Tcp(tcp),
            deadline,
        })
    }

    /// Connects to a unix socket. One whose queue is full refuses, as waiting there has no end.
    pub(crate) fn connect_unix(path: &str, deadline: Deadline) -> Result<Self, Error> {
        let connect = || -> rustix::io::Result<UnixStream> {
            let address = SocketAddrUnix::new(path)?;
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            rustix::net::connect(&socket, &address)?;
            rustix::io::ioctl_fionbio(&socket, false)?;
            Ok(socket.into())
        };
        let unix = connect().map_err(|errno| Error::system("connect to", path)(errno.into()))?;
        Ok(Self {
            socket: Socket::Unix(unix),
            deadline,
        })
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    fn remaining(&self) -> io::Result<Option<Duration>> {
        let remaining = self.deadline.remaining();
        if remaining.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(Some(remaining))
        }
    }
}

/// A time-out of a socket is told as "would block".
fn as_time_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let remaining = self.remaining()?;
        match &mut self.socket {
            Socket::Tcp(tcp) => {
                tcp.set_read_timeout(remaining)?;
                tcp.read(buffer)
            }
            Socket::Unix(unix) => {
                unix.set_read_timeout(remaining)?;
                unix.read(buffer)
            }
        }
        .map_err(as_time_out)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let remaining = self.remaining()?;
        match &mut self.socket {
            Socket::Tcp(tcp) => {
                tcp.set_write_timeout(remaining)?;
                tcp.write(bytes)
            }
            Socket::Unix(unix) => {
                unix.set_write_timeout(remaining)?;
                unix.write(bytes)
            }
        }
        .map_err(as_time_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
