//! Clients: each keeps one connection, and asks again as soon as it was answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kind::Kind;

/// Different keys that are put and read.
const KEYS: u64 = 1_000;
/// Time that one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Who is asked, and how.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) kind: Kind,
    pub(crate) token: Option<String>,
}

/// What came of it.
pub(crate) struct Rate {
    time: Duration,
    /// How long each took, sorted.
    times: Vec<Duration>,
    pub(crate) errors: u64,
}

impl Rate {
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.time.as_secs_f64()
    }

    pub(crate) fn p50(&self) -> f64 {
        self.at(50)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.at(99)
    }

    fn at(&self, percent: usize) -> f64 {
        let at = self.times.len() * percent / 100;
        self.times.get(at).map_or(0.0, Duration::as_secs_f64)
    }
}

/// One connection.
struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Client {
    fn connect(to: SocketAddr, token: Option<&str>) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let token = token.map(|it| format!("authorization: Bearer {it}\r\n"));
        Ok(Self {
            stream: BufReader::new(stream),
            head: format!("host: {to}\r\n{}", token.unwrap_or_default()),
        })
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\n{}content-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.head,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<(u16, Vec<u8>)> {
        let (mut line, mut status, mut length, mut is_chunked) = (String::new(), 0, 0, false);
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim().to_ascii_lowercase();
            if let Some(rest) = text.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap_or(0);
            } else if let Some(rest) = text.strip_prefix("content-length:") {
                length = rest.trim().parse().unwrap_or(0);
            } else if text.starts_with("transfer-encoding:") {
                is_chunked = true;
            } else if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        if !is_chunked {
            return Ok((status, body));
        }
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok((status, body));
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}

/// Asks one thing on a connection of its own.
pub(crate) fn post(to: SocketAddr, path: &str, body: &str, token: Option<&str>) -> Option<Value> {
    let mut client = Client::connect(to, token).ok()?;
    let (status, body) = client.ask("POST", path, body.as_bytes()).ok()?;
    (status == 200).then(|| serde_json::from_slice(&body).ok())?
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three
            .iter()
            .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let number = number << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = (number >> (18 - 6 * at) & 63) as usize;
            let is_there = at <= three.len();
            text.push(if is_there {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text
}

impl Load {
    fn connect(&self, to: SocketAddr) -> std::io::Result<Client> {
        Client::connect(to, self.token.as_deref())
    }

    fn put(&self, client: &mut Client, key: &str, value: &[u8]) -> std::io::Result<bool> {
        let (status, _) = match self.kind {
            Kind::Etcd => {
                let (key, value) = (base64(key.as_bytes()), base64(value));
                let body = format!("{{\"key\":\"{key}\",\"value\":\"{value}\"}}");
                client.ask("POST", "/v3/kv/put", body.as_bytes())?
            }
            Kind::Opsbro => client.ask("PUT", &format!("/kv/{key}"), value)?,
        };
        Ok(status == 200)
    }

    fn get(&self, client: &mut Client, key: &str) -> std::io::Result<bool> {
        let (status, _) = match self.kind {
            Kind::Etcd => {
                let body = format!("{{\"key\":\"{}\"}}", base64(key.as_bytes()));
                client.ask("POST", "/v3/kv/range", body.as_bytes())?
            }
            Kind::Opsbro => client.ask("GET", &format!("/kv/{key}?format=json"), b"")?,
        };
        Ok(status == 200)
    }

    /// Puts one key; tells whether that was acknowledged.
    pub(crate) fn put_once(&self, to: SocketAddr) -> bool {
        let client = self.connect(to);
        client.is_ok_and(|mut client| self.put(&mut client, "failover", b"x").unwrap_or(false))
    }

    /// Lets so many clients put or get for a time.
    pub(crate) fn run(&self, to: SocketAddr, clients: u64, time: Duration, is_put: bool) -> Rate {
        let begun = Instant::now();
        let end = begun + time;
        self.all(clients, |number, times, errors| {
            let mut client = self.connect(to).unwrap();
            let mut turn = number;
            while Instant::now() < end {
                turn += clients;
                let key = format!("bench/{}", turn % KEYS);
                let asked = Instant::now();
                let done = match is_put {
                    true => self.put(&mut client, &key, &[b'v'; 200]),
                    false => self.get(&mut client, &key),
                };
                match done {
                    Ok(true) => times.push(asked.elapsed()),
                    Ok(false) => *errors += 1,
                    Err(_) => {
                        *errors += 1;
                        client = self.connect(to).unwrap();
                    }
                }
            }
        })
    }

    /// Lets clients take and give back locks, so many pairs in all.
    pub(crate) fn locks(&self, to: SocketAddr, clients: u64, pairs: u64) -> Rate {
        let next = AtomicU64::new(0);
        self.all(clients, |number, times, errors| {
            let mut client = self.connect(to).unwrap();
            let session = format!("00000000-0000-4000-8000-{number:012x}");
            let new = br#"{"ttl":"60s","name":"bench","is_kept":false}"#;
            let opened = client.ask("PUT", &format!("/sessions/{session}"), new);
            assert!(
                opened.is_ok_and(|(status, _)| status == 200),
                "a session opens"
            );
            while next.fetch_add(1, Ordering::Relaxed) < pairs {
                let lock = format!("\"name\":\"bench/{number}\",\"session\":\"{session}\"");
                let acquire = format!("{{{lock},\"slots\":1}}");
                let release = format!("{{{lock}}}");
                let asked = Instant::now();
                let taken = client.ask("POST", "/locks/acquire", acquire.as_bytes());
                let given = client.ask("POST", "/locks/release", release.as_bytes());
                match (taken, given) {
                    (Ok((200, _)), Ok((200, _))) => times.push(asked.elapsed()),
                    _ => *errors += 1,
                }
            }
        })
    }

    /// Puts so many keys of a size.
    pub(crate) fn fill(&self, to: SocketAddr, keys: u64, bytes: usize) {
        let clients = 64;
        let value = vec![b'f'; bytes];
        self.all(clients, |number, times, errors| {
            let mut client = self.connect(to).unwrap();
            for key in (number..keys).step_by(clients as usize) {
                match self.put(&mut client, &format!("fill/{key}"), &value) {
                    Ok(true) => times.push(Duration::ZERO),
                    Ok(false) | Err(_) => *errors += 1,
                }
            }
        });
    }

    /// Runs clients to their end.
    fn all(
        &self,
        clients: u64,
        work: impl Fn(u64, &mut Vec<Duration>, &mut u64) + Send + Sync,
    ) -> Rate {
        let begun = Instant::now();
        let mut all = (Vec::new(), 0);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..clients)
                .map(|number| {
                    let work = &work;
                    scope.spawn(move || {
                        let (mut times, mut errors) = (Vec::new(), 0);
                        work(number, &mut times, &mut errors);
                        (times, errors)
                    })
                })
                .collect();
            for thread in threads {
                let (times, errors) = thread.join().unwrap();
                all.0.extend(times);
                all.1 += errors;
            }
        });
        all.0.sort();
        Rate {
            time: begun.elapsed(),
            times: all.0,
            errors: all.1,
        }
    }
}
