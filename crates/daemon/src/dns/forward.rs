//! Names of others: asked of the resolvers above, and kept as long as they allow.
//!
//! One task owns the cache and knows what is under way, so a question that many ask at once goes
//! up once.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ::dns::{Cache, Key, Query, Transport, wire};
use model::limits::{DNS_FORWARDS_MAX, DNS_TCP_BYTES_MAX};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock;

/// Time that one resolver has for an answer: resolvers ask again themselves after 1 to 5 seconds.
const ANSWER_TIME: Duration = Duration::from_millis(1_500);
/// Rounds through all resolvers before giving up.
const ROUNDS: usize = 2;
/// Those who may wait for one answer; more are told that it failed.
const WAITING_MAX: usize = 64;

/// Somebody who wants an answer.
pub(super) struct Ask {
    query: Query,
    packet: Vec<u8>,
    transport: Transport,
    reply: Reply,
}

type Reply = Box<dyn FnOnce(&[u8]) + Send>;

impl Ask {
    /// Makes it of a packet that the responder wants forwarded.
    pub(super) fn new(packet: &[u8], transport: Transport, reply: Reply) -> Option<Self> {
        let query = Query::parse(packet).ok()?;
        Some(Self {
            query,
            packet: packet.to_vec(),
            transport,
            reply,
        })
    }

    fn answer(self, answer: Option<&[u8]>) {
        let packet = match answer {
            Some(answer) => self.query.adopt(&self.packet, answer, self.transport),
            None => self.query.fail(&self.packet),
        };
        (self.reply)(&packet);
    }
}

/// Where questions for others go.
#[derive(Clone)]
pub(super) struct Forwards(mpsc::Sender<Ask>);

impl Forwards {
    /// Asks, and does not wait. With too many under way the asker is told at once that it failed.
    pub(super) fn ask(&self, ask: Option<Ask>) {
        let Some(ask) = ask else { return };
        if let Err(error) = self.0.try_send(ask) {
            let (mpsc::error::TrySendError::Full(ask) | mpsc::error::TrySendError::Closed(ask)) =
                error;
            ask.answer(None);
        }
    }

    /// Asks for somebody who waits.
    pub(super) async fn ask_and_wait(&self, packet: &[u8]) -> Vec<u8> {
        let (tx, rx) = oneshot::channel();
        let reply = move |answer: &[u8]| {
            // Whoever asked may be gone.
            let _ = tx.send(answer.to_vec());
        };
        self.ask(Ask::new(packet, Transport::Tcp, Box::new(reply)));
        rx.await.unwrap_or_default()
    }
}

/// Asks the resolvers above.
pub(super) struct Forwarder {
    resolvers: Vec<SocketAddr>,
    asks: mpsc::Receiver<Ask>,
    cache: Cache,
    waiting: BTreeMap<Key, Vec<Ask>>,
    under_way: JoinSet<(Key, Option<Vec<u8>>)>,
}

impl Forwarder {
    /// Makes one of the resolvers to ask.
    pub(super) fn new(resolvers: Vec<SocketAddr>) -> (Forwards, Self) {
        let (tx, asks) = mpsc::channel(DNS_FORWARDS_MAX);
        let forwarder = Self {
            resolvers,
            asks,
            cache: Cache::default(),
            waiting: BTreeMap::new(),
            under_way: JoinSet::new(),
        };
        (Forwards(tx), forwarder)
    }

    /// Answers until nobody can ask any more.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.take(ask),
                    None => return,
                },
                Some(ended) = self.under_way.join_next() => {
                    // A task that broke leaves its askers to their own time limit.
                    if let Ok((key, answer)) = ended {
                        self.ended(key, answer);
                    }
                }
            }
        }
    }

    fn take(&mut self, ask: Ask) {
        let key = Key::of(&ask.query);
        if let Some(known) = self.cache.find(clock::now(), &key) {
            ask.answer(Some(&known));
            return;
        }
        if let Some(waiting) = self.waiting.get_mut(&key) {
            match waiting.len() < WAITING_MAX {
                true => waiting.push(ask),
                false => ask.answer(None),
            }
            return;
        }
        if self.under_way.len() >= DNS_FORWARDS_MAX {
            ask.answer(None);
            return;
        }
        self.waiting.insert(key.clone(), vec![ask]);
        let resolvers = self.resolvers.clone();
        self.under_way.spawn(async move {
            let answer = ask_all(&resolvers, &key).await;
            (key, answer)
        });
    }

    fn ended(&mut self, key: Key, answer: Option<Vec<u8>>) {
        for ask in self.waiting.remove(&key).unwrap_or_default() {
            ask.answer(answer.as_deref());
        }
        if let Some(answer) = answer {
            self.cache.keep(clock::now(), key, &answer);
        }
    }
}

/// Asks one resolver after the other; one that says that it failed is as good as silent, while
/// another may know.
async fn ask_all(resolvers: &[SocketAddr], key: &Key) -> Option<Vec<u8>> {
    let mut failed = None;
    for resolver in resolvers.iter().cycle().take(resolvers.len() * ROUNDS) {
        let Some(answer) = ask_one(*resolver, key).await else {
            continue;
        };
        let code = answer.get(3).map_or(0, |byte| u16::from(byte & 0xf));
        if matches!(code, wire::SERVFAIL | wire::REFUSED) {
            failed = Some(answer);
            continue;
        }
        return Some(answer);
    }
    failed
}

async fn ask_one(resolver: SocketAddr, key: &Key) -> Option<Vec<u8>> {
    let mut id = [0; 2];
    SystemRandom::new().fill(&mut id).ok()?;
    let id = u16::from_be_bytes(id);
    let question = key.question(id);
    let answer = timeout(ANSWER_TIME, by_udp(resolver, key, id, &question)).await;
    let answer = answer.ok()?.ok()?;
    if answer.get(2).is_some_and(|flags| flags & 2 == 0) {
        return Some(answer);
    }
    let whole = timeout(ANSWER_TIME, by_tcp(resolver, &question)).await;
    let whole = whole.ok().and_then(Result::ok);
    // What was cut is better than nothing.
    whole
        .filter(|whole| key.is_answered_by(id, whole))
        .or(Some(answer))
}

/// Each question has a socket, and so a port, of its own: whoever would forge an answer has to
/// guess both.
async fn by_udp(
    resolver: SocketAddr,
    key: &Key,
    id: u16,
    question: &[u8],
) -> std::io::Result<Vec<u8>> {
    let any: SocketAddr = match resolver {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(resolver).await?;
    socket.send(question).await?;
    let mut answer = vec![0; 4_096];
    loop {
        let length = socket.recv(&mut answer).await?;
        if key.is_answered_by(id, &answer[..length]) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn by_tcp(resolver: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(resolver).await?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(question);
    stream.write_all(&out).await?;
    let length = usize::from(stream.read_u16().await?).min(DNS_TCP_BYTES_MAX);
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
