//! The listener: threads that answer by UDP and wait for nobody, and tasks for TCP.
//!
//! Each thread has a socket of its own at the same port, and the kernel deals the packets out. So a
//! busy runtime, five thousand checks and a change of names cost an answer nothing but the core
//! that it runs on.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ::dns::{Counts, Directory, Reaction, Responder, Rules, Transport};
use anyhow::Context;
use model::Moment;
use model::limits::{
    DNS_CONNECTION_QUERIES_MAX, DNS_CONNECTIONS_MAX, DNS_CONNECTIONS_PER_ADDRESS_MAX, DNS_IDLE_MAX,
};
use nix::errno::Errno;
use ring::rand::{SecureRandom, SystemRandom};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, error};

use super::batch::{Batch, send_one};
use super::forward::{Ask, Forwarder, Forwards};
use super::settings::Settings;
use crate::clock;
use crate::port_owner;
use crate::slots::Slots;
use crate::threads::Precedence;

/// Threads that answer by UDP; more cores than this have other work.
const THREADS_MAX: usize = 4;
/// Answers that wait for a socket that is busy: what a thread writes in a few turns.
const SEND_BUFFER_BYTES: usize = 1 << 20;
/// Queries that wait while a thread is kept from its core.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;
/// Tries to find a number that is free for UDP and TCP alike.
const FREE_PORT_TRIES: usize = 32;
/// Time after which a thread looks whether it shall end, should nothing wake it.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// A bound listener. It ends when it is dropped.
pub(super) struct Listener {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    sockets: Vec<UdpSocket>,
    /// What is dropped with it ends.
    _tasks: JoinSet<()>,
}

/// What the threads count, each in a place of its own.
#[derive(Debug)]
pub(crate) struct Counters(Vec<[AtomicU64; 7]>);

impl Counters {
    /// Gives the sums.
    pub(crate) fn read(&self) -> Counts {
        let sum = |at: usize| -> u64 {
            let of_one = |cells: &[AtomicU64; 7]| cells[at].load(Ordering::Relaxed);
            self.0.iter().map(of_one).sum()
        };
        Counts {
            answered: sum(0),
            missing: sum(1),
            refused: sum(2),
            cut: sum(3),
            forwarded: sum(4),
            junk: sum(5),
            limited: sum(6),
        }
    }

    fn set(&self, thread: usize, counts: &Counts) {
        let counts = numbers(counts);
        for (cell, count) in self.0[thread].iter().zip(counts) {
            cell.store(count, Ordering::Relaxed);
        }
    }

    fn add(&self, thread: usize, counts: &Counts) {
        let counts = numbers(counts);
        for (cell, count) in self.0[thread].iter().zip(counts) {
            cell.fetch_add(count, Ordering::Relaxed);
        }
    }
}

fn numbers(counts: &Counts) -> [u64; 7] {
    [
        counts.answered,
        counts.missing,
        counts.refused,
        counts.cut,
        counts.forwarded,
        counts.junk,
        counts.limited,
    ]
}

impl Listener {
    /// Binds UDP and TCP, and starts to answer.
    pub(super) fn bind(
        settings: &Settings,
        directories: &watch::Sender<Arc<Directory>>,
    ) -> anyhow::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.clamp(1, THREADS_MAX);
        let (tcp, sockets) = bind_all(settings.address, threads)?;
        let address = tcp.local_addr().context("the socket has no address")?;
        let mut tasks = JoinSet::new();
        let forwards = (!settings.forwarders.is_empty()).then(|| {
            let (forwards, forwarder) = Forwarder::new(settings.forwarders.clone());
            tasks.spawn(forwarder.run());
            forwards
        });
        let mut listener = Self {
            address,
            // The last place is that of all connections.
            counters: Arc::new(Counters(
                (0..=threads).map(|_| Default::default()).collect(),
            )),
            stop: Arc::default(),
            sockets: Vec::new(),
            _tasks: JoinSet::new(),
        };
        for (number, socket) in sockets.into_iter().enumerate() {
            let handle = socket.try_clone().context("cannot share the socket")?;
            let reply = socket.try_clone().context("cannot share the socket")?;
            let thread = Thread {
                number,
                socket,
                reply: Arc::new(reply),
                directories: directories.subscribe(),
                rules: settings.rules,
                forwards: forwards.clone(),
                counters: Arc::clone(&listener.counters),
                stop: Arc::clone(&listener.stop),
            };
            let seed = seed()?;
            thread::Builder::new()
                .name(format!("dns {number}"))
                .spawn(move || thread.run(seed))
                .context("cannot start a thread")?;
            listener.sockets.push(handle);
        }
        let connections = Connections {
            directories: directories.subscribe(),
            rules: settings.rules,
            forwards,
            counters: Arc::clone(&listener.counters),
            place: threads,
        };
        let tcp = tokio::net::TcpListener::from_std(tcp).context("cannot use the socket")?;
        tasks.spawn(connections.serve(tcp));
        listener._tasks = tasks;
        Ok(listener)
    }

    /// Gives where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives what it counts.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for socket in &self.sockets {
            // Linux wakes who waits for a packet and says that the socket is not connected.
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
        }
    }
}

/// Gives a number that nobody can guess.
fn seed() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Binds TCP first: only there a second agent at the same port is told apart from our own threads.
fn bind_all(at: SocketAddr, threads: usize) -> anyhow::Result<(TcpListener, Vec<UdpSocket>)> {
    let mut tries = if at.port() == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let at = dual(at);
        let tcp = bind_tcp(at).map_err(|error| taken(error, at, "tcp"))?;
        let at = tcp.local_addr().context("the socket has no address")?;
        let udp: std::io::Result<Vec<UdpSocket>> = (0..threads).map(|_| bind_udp(at)).collect();
        match udp {
            Ok(udp) => return Ok((tcp, udp)),
            Err(_) if tries > 0 => {}
            Err(error) => return Err(taken(error, at, "udp")),
        }
    }
}

/// All addresses are those of both families, where the machine has both.
fn dual(at: SocketAddr) -> SocketAddr {
    let has_six = || Socket::new(Domain::IPV6, Type::DGRAM, None).is_ok();
    let can_six = || {
        let probe = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0));
        has_six() && probe.is_ok()
    };
    match at.ip() {
        IpAddr::V4(address) if address.is_unspecified() && can_six() => {
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), at.port())
        }
        _ => at,
    }
}

fn taken(error: std::io::Error, at: SocketAddr, protocol: &'static str) -> anyhow::Error {
    let more = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let owner = port_owner::find(at.port(), protocol);
            owner.map(|it| format!(", which {it} has"))
        }
        std::io::ErrorKind::PermissionDenied => {
            let more = " (ports below 1024 are for root, or want CAP_NET_BIND_SERVICE)";
            Some(more.to_owned())
        }
        std::io::ErrorKind::AddrNotAvailable => {
            Some(" (this machine does not have the address)".to_owned())
        }
        _ => None,
    };
    let more = more.unwrap_or_default();
    anyhow::Error::new(error).context(format!("cannot listen on {at}/{protocol}{more}"))
}

fn bind_tcp(at: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(at),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    if at.is_ipv6() {
        socket.set_only_v6(!at.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(at))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_udp(at: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if at.is_ipv6() {
        socket.set_only_v6(!at.ip().is_unspecified())?;
    }
    socket.set_reuse_port(true)?;
    socket.bind(&SockAddr::from(at))?;
    socket.set_read_timeout(Some(LOOK_INTERVAL))?;
    // The kernel gives what it allows.
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    Ok(socket.into())
}

/// A thread that answers by UDP.
struct Thread {
    number: usize,
    socket: UdpSocket,
    reply: Arc<UdpSocket>,
    directories: watch::Receiver<Arc<Directory>>,
    rules: Rules,
    forwards: Option<Forwards>,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
}

impl Thread {
    fn run(mut self, seed: u64) {
        let mut precedence = Precedence::take(clock::now());
        let directory = Arc::clone(&self.directories.borrow_and_update());
        let mut responder = Responder::new(directory, self.rules, seed);
        let prepared = self.socket.try_clone().and_then(Batch::new);
        let mut batch = match prepared {
            Ok(batch) => batch,
            Err(error) => {
                error!(%error, "DNS cannot prepare a socket; its queries are not answered");
                return;
            }
        };
        let mut answers: Vec<Vec<u8>> = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            match batch.receive() {
                Ok(()) => {}
                // Nothing came: whoever is asked nothing holds on to no names of before.
                Err(Errno::EAGAIN) => {
                    self.follow(&mut responder);
                    continue;
                }
                // The last answer could not be delivered.
                Err(Errno::EINTR | Errno::ECONNREFUSED) => continue,
                Err(error) => {
                    if !self.stop.load(Ordering::Relaxed) {
                        debug!(%error, "DNS cannot receive");
                        thread::sleep(Duration::from_millis(10));
                    }
                    continue;
                }
            }
            let now = clock::now();
            self.follow(&mut responder);
            self.answer(now, &batch, &mut responder, &mut answers);
            batch.send(&answers);
            precedence.look(now);
            self.counters.set(self.number, &responder.counts());
        }
    }

    /// Takes the newest names.
    fn follow(&mut self, responder: &mut Responder) {
        // A sender that is gone means that the agent stops.
        if self.directories.has_changed().unwrap_or(false) {
            responder.set_directory(Arc::clone(&self.directories.borrow_and_update()));
        }
    }

    fn answer(
        &self,
        now: Moment,
        batch: &Batch,
        responder: &mut Responder,
        answers: &mut Vec<Vec<u8>>,
    ) {
        for (place, (came, packet)) in batch.came().enumerate() {
            if answers.len() == place {
                answers.push(Vec::new());
            }
            let out = &mut answers[place];
            let reaction = responder.respond(now, came.source, Transport::Udp, packet, out);
            match (reaction, &self.forwards) {
                (Reaction::Answered, _) => {}
                (Reaction::Forward, Some(forwards)) => {
                    out.clear();
                    let (socket, source, local) =
                        (Arc::clone(&self.reply), came.source, came.local);
                    let reply = move |answer: &[u8]| send_one(&socket, answer, source, local);
                    forwards.ask(Ask::new(packet, Transport::Udp, Box::new(reply)));
                }
                (Reaction::Forward | Reaction::Dropped(_), _) => out.clear(),
            }
        }
    }
}

/// What answers by TCP.
struct Connections {
    directories: watch::Receiver<Arc<Directory>>,
    rules: Rules,
    forwards: Option<Forwards>,
    counters: Arc<Counters>,
    place: usize,
}

impl Connections {
    async fn serve(self, listener: tokio::net::TcpListener) {
        let shared = Arc::new(self);
        let slots = Slots::new(DNS_CONNECTIONS_MAX, DNS_CONNECTIONS_PER_ADDRESS_MAX);
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, source)) => {
                        let Some(slot) = slots.take(source.ip()) else {
                            continue;
                        };
                        let shared = Arc::clone(&shared);
                        open.spawn(async move {
                            // Whoever hangs up in the middle has no answer to miss.
                            tokio::select! {
                                _ = shared.talk(stream, source) => {}
                                () = slot.given_up() => {}
                            }
                        });
                    }
                    Err(error) => {
                        debug!(%error, "DNS cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
                Some(_) = open.join_next() => {}
            }
        }
    }

    async fn talk(&self, mut stream: TcpStream, source: SocketAddr) -> std::io::Result<()> {
        let mut directories = self.directories.clone();
        let directory = Arc::clone(&directories.borrow_and_update());
        let mut responder = Responder::new(directory, self.rules, 0);
        let mut before = Counts::default();
        let (mut query, mut answer) = (Vec::new(), Vec::new());
        for _ in 0..DNS_CONNECTION_QUERIES_MAX {
            let read = read(&mut stream, &mut query);
            if !tokio::time::timeout(DNS_IDLE_MAX, read)
                .await
                .is_ok_and(|it| it.is_ok())
            {
                return Ok(());
            }
            if directories.has_changed().unwrap_or(false) {
                responder.set_directory(Arc::clone(&directories.borrow_and_update()));
            }
            let now = clock::now();
            let reaction = responder.respond(now, source, Transport::Tcp, &query, &mut answer);
            let counts = responder.counts();
            self.counters.add(self.place, &difference(&counts, &before));
            before = counts;
            match (reaction, &self.forwards) {
                (Reaction::Answered, _) => {}
                (Reaction::Forward, Some(forwards)) => {
                    answer = forwards.ask_and_wait(&query).await;
                }
                (Reaction::Forward | Reaction::Dropped(_), _) => return Ok(()),
            }
            let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
            let mut out = length.to_be_bytes().to_vec();
            out.extend_from_slice(&answer[..usize::from(length)]);
            let write = stream.write_all(&out);
            if !tokio::time::timeout(DNS_IDLE_MAX, write)
                .await
                .is_ok_and(|it| it.is_ok())
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn difference(now: &Counts, before: &Counts) -> Counts {
    Counts {
        answered: now.answered - before.answered,
        missing: now.missing - before.missing,
        refused: now.refused - before.refused,
        cut: now.cut - before.cut,
        forwarded: now.forwarded - before.forwarded,
        junk: now.junk - before.junk,
        limited: now.limited - before.limited,
    }
}

async fn read(stream: &mut TcpStream, query: &mut Vec<u8>) -> std::io::Result<()> {
    let length = stream.read_u16().await?;
    query.clear();
    query.resize(usize::from(length), 0);
    stream.read_exact(query).await.map(|_| ())
}
