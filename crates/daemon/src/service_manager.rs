//! Talking to systemd: ready, stopping, and the watchdog (sd_notify(3)).
//!
//! Without systemd nothing is sent. A datagram to the socket of `NOTIFY_SOCKET` is all the
//! protocol.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tracing::warn;

use crate::tasks::Stop;

/// The service manager that started us, when there is one.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Finds the service manager by the environment it gave us.
    pub(crate) fn find() -> Self {
        let named = std::env::var_os("NOTIFY_SOCKET");
        let socket = named.and_then(|named| {
            let address = match named.as_bytes().split_first() {
                Some((b'@', name)) => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(&named),
            };
            Some((UnixDatagram::unbound().ok()?, address.ok()?))
        });
        let ours =
            std::env::var("WATCHDOG_PID").map_or(true, |pid| pid.parse() == Ok(std::process::id()));
        let micros = std::env::var("WATCHDOG_USEC")
            .ok()
            .and_then(|text| text.parse().ok());
        let watchdog = micros.filter(|_| ours).map(Duration::from_micros);
        Self {
            socket,
            watchdog: watchdog.filter(|period| !period.is_zero()),
        }
    }

    /// Says that the agent is ready.
    pub(crate) fn ready(&self) {
        self.send(&format!(
            "READY=1\nMAINPID={}\nSTATUS=Running",
            std::process::id()
        ));
    }

    /// Says that the agent reloads; [`ServiceManager::ready`] ends that.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// Says that the agent stops.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=Stopping");
    }

    /// Gives how often the watchdog wants to hear from us: twice in its period.
    pub(crate) fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|period| period / 2)
    }

    fn send(&self, text: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), address) {
            warn!(%error, "Cannot tell the service manager");
        }
    }
}

/// Keeps the watchdog quiet. It runs among the loops, so a runtime that hangs is found out.
pub(crate) async fn feed_watchdog(manager: ServiceManager, interval: Duration, mut stop: Stop) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = ticks.tick() => manager.send("WATCHDOG=1"),
        }
    }
}
