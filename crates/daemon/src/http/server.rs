//! Connections and their limits.
//!
//! A client that is slow, silent or greedy costs one slot for a bounded time and nothing else:
//! heads have a deadline that also ends idle connections, writes have one that ends clients that do
//! not read, and both listeners count their connections.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::limits;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::unsent::Unsent;
use crate::slots::{Proof, Slots};
use crate::tasks::Stop;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process on this machine, by the unix socket: whose it is, as the kernel says.
    Unix {
        /// The number of its user.
        uid: u32,
        /// Its own number, where it is of this agent's process table.
        pid: Option<i32>,
    },
    /// An address.
    Tcp(SocketAddr),
    /// Another node, which has proved the key of this node's zone.
    Node,
}

/// What the listeners count.
#[derive(Default)]
pub(crate) struct Connections {
    accepted: AtomicU64,
    rejected: AtomicU64,
    refused: AtomicU64,
    panicked: AtomicU64,
    /// The room for answers that are not sent yet.
    pub(super) unsent: Unsent,
}

impl Connections {
    /// Counts a request that the guard refused.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request whose handler panicked.
    pub(crate) fn count_panicked(&self) {
        self.panicked.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives the counters by name.
    pub(crate) fn read(&self) -> [(&'static str, u64); 4] {
        let count = |at: &AtomicU64| at.load(Ordering::Relaxed);
        [
            ("http.connections", count(&self.accepted)),
            ("http.connections_rejected", count(&self.rejected)),
            ("http.requests_refused", count(&self.refused)),
            ("http.requests_panicked", count(&self.panicked)),
        ]
    }
}

/// Serves the TCP listener. When all slots are taken somebody gives way, or the next connection is
/// closed at once: a client that waits would hold the file descriptors that we want to bound.
pub(crate) async fn serve_tcp(
    listener: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    mut stop: Stop,
) {
    let slots = Slots::new(
        limits::HTTP_TCP_CONNECTIONS_MAX,
        limits::HTTP_TCP_CONNECTIONS_PER_ADDRESS_MAX,
    );
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.wait() => break,
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let Some(slot) = slots.take(address.ip()) else {
            connections.rejected.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        connections.accepted.fetch_add(1, Ordering::Relaxed);
        // Answers are one write each, so waiting for more to send only costs time.
        drop(stream.set_nodelay(true));
        // What the kernel holds for a client that does not read is memory too. The kernel gives
        // what it allows.
        let bytes = limits::HTTP_SEND_BUFFER_BYTES;
        drop(SockRef::from(&stream).set_send_buffer_size(bytes));
        let peer = Peer::Tcp(address);
        let (router, connections) = (router.clone(), Arc::clone(&connections));
        let stop = stop.clone();
        open.spawn(async move {
            tokio::select! {
                () = connection(stream, peer, router, Some(slot.proof()), stop) => {}
                () = slot.given_up() => {
                    connections.rejected.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    drain(open).await;
}

/// Serves the unix socket. When all slots are taken the next connection waits in the backlog.
pub(crate) async fn serve_unix(
    listener: UnixListener,
    router: Router,
    connections: Arc<Connections>,
    mut stop: Stop,
) {
    let slots = Arc::new(Semaphore::new(limits::HTTP_UNIX_CONNECTIONS_MAX));
    let own = rustix::process::geteuid().as_raw();
    let mut open = JoinSet::new();
    loop {
        let accept = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (
                slot.expect("the semaphore is never closed"),
                listener.accept().await,
            )
        };
        let (slot, accepted) = tokio::select! {
            () = stop.wait() => break,
            Some(_) = open.join_next() => continue,
            accepted = accept => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        // The mode of socket and folder keeps others out; this holds even where it was changed.
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == own || peer.uid() == 0 => {
                connections.accepted.fetch_add(1, Ordering::Relaxed);
                let (uid, pid) = (peer.uid(), peer.pid());
                let peer = Peer::Unix { uid, pid };
                let serving = connection(stream, peer, router.clone(), None, stop.clone());
                open.spawn(async move {
                    let _slot = slot;
                    serving.await;
                });
            }
            Ok(peer) => {
                connections.rejected.fetch_add(1, Ordering::Relaxed);
                warn!(
                    uid = peer.uid(),
                    "A foreign user was refused on the unix socket"
                );
            }
            Err(error) => debug!(%error, "A client left before it was known"),
        }
    }
    drain(open).await;
}

/// Serves one connection until it ends, breaks a limit, or the agent stops.
async fn connection<S>(stream: S, peer: Peer, router: Router, proof: Option<Proof>, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = without_trailing_slash(request).map(Body::new);
        request.extensions_mut().insert(peer);
        if let Some(proof) = &proof {
            request.extensions_mut().insert(proof.clone());
        }
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEAD_TIMEOUT)
        .max_buf_size(limits::HTTP_HEAD_BYTES_MAX)
        .max_headers(limits::HTTP_HEADERS_MAX);
    let stream = TokioIo::new(WriteDeadline::new(stream));
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        debug!(?peer, %error, "A connection ended early");
    }
}

/// Takes `/log/parts/` for `/log/parts`: users of the original write both. A key may end with it.
fn without_trailing_slash(mut request: hyper::Request<Incoming>) -> hyper::Request<Incoming> {
    let uri = request.uri();
    let names_key = |path: &str| path.starts_with("/kv/") || path.starts_with("/kv-meta/");
    let path = uri.path().strip_suffix('/');
    if let Some(path) = path.filter(|path| !path.is_empty() && !names_key(path)) {
        let query = uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        if let Ok(shorter) = format!("{path}{query}").parse() {
            *request.uri_mut() = shorter;
        }
    }
    request
}

/// Waits a little after a failed accept, which is mostly for want of file descriptors: trying again
/// at once would only burn the CPU.
async fn pause_after(error: &io::Error) {
    warn!(%error, "Cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Gives the open connections a moment to end by themselves.
async fn drain(mut open: JoinSet<()>) {
    let all = async { while open.join_next().await.is_some() {} };
    // Half of what the whole agent has to stop.
    drop(tokio::time::timeout(limits::STOP_DEADLINE / 2, all).await);
}

/// Ends a connection whose client does not read what it asked for, or so slowly that it must be on
/// purpose: while it is behind, so many bytes must go out in a time.
struct WriteDeadline<S> {
    stream: S,
    /// Bytes that went out since the wait began.
    sent: usize,
    /// Runs while the client is behind.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteDeadline<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            sent: 0,
            waiting: None,
        }
    }

    /// Counts what went out, or waits for it.
    fn judge_write(
        &mut self,
        ctx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match poll {
            Poll::Ready(Ok(count)) => {
                self.sent += count;
                if self.sent >= limits::HTTP_SENT_BYTES_MIN {
                    self.waiting = None;
                }
                poll
            }
            Poll::Ready(Err(_)) => poll,
            Poll::Pending => self.wait(ctx),
        }
    }

    /// Takes it that all of what there was to send is out, or waits for it.
    fn judge_end(
        &mut self,
        ctx: &mut Context<'_>,
        poll: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if poll.is_ready() {
            self.waiting = None;
            return poll;
        }
        self.wait(ctx)
    }

    fn wait<T>(&mut self, ctx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let sleep = match &mut self.waiting {
            Some(sleep) => sleep,
            none @ None => {
                self.sent = 0;
                none.insert(Box::pin(tokio::time::sleep(limits::HTTP_BODY_TIMEOUT)))
            }
        };
        match sleep.as_mut().poll(ctx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(ctx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(ctx, bytes);
        self.judge_write(ctx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(ctx, slices);
        self.judge_write(ctx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(ctx);
        self.judge_end(ctx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(ctx);
        self.judge_end(ctx, poll)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends a large answer to a client that reads so many bytes a second.
    async fn sent_to_a_client_of(bytes_per_second: usize) -> io::Result<()> {
        let (ours, mut theirs) = tokio::io::duplex(4 << 10);
        let reads = async move {
            let mut part = vec![0; bytes_per_second];
            while theirs.read_exact(&mut part).await.is_ok() {
                // tidy: sleep, on a virtual clock: the pace of the client
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let sends = async move {
            let mut ours = WriteDeadline::new(ours);
            for _ in 0..4 {
                ours.write_all(&[b'x'; 512 << 10]).await?;
                ours.flush().await?;
            }
            Ok(())
        };
        tokio::select! {
            outcome = sends => outcome,
            () = reads => panic!("nobody sends"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_gets_its_answer_and_one_that_trickles_is_ended() {
        sent_to_a_client_of(6_000).await.unwrap();
        let began = tokio::time::Instant::now();
        let error = sent_to_a_client_of(1_900).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let took = began.elapsed();
        assert!(took < 2 * limits::HTTP_BODY_TIMEOUT, "{took:?}");
    }
}
