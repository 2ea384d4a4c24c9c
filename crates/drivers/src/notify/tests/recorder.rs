//! A server on loopback that keeps the requests it gets and gives the answers it was told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value as Json;

use super::LONG;

/// A request as it came.
pub(super) struct Request {
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    fn read(stream: &mut impl Read) -> Option<Self> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).ok()?;
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        stream.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;
        Some(Self {
            line,
            headers,
            body,
        })
    }
}

/// The server; it ends when it has given all its answers.
pub(super) struct Recorder {
    pub(super) port: u16,
    requests: Receiver<Request>,
}

impl Recorder {
    pub(super) fn new(answers: Vec<String>) -> Self {
        Self::serving(answers, |mut stream, answer| {
            let request = Request::read(&mut stream)?;
            let _ = stream.write_all(answer.as_bytes());
            Some(request)
        })
    }

    /// Answers one request with itself.
    pub(super) fn echoing(status: u16) -> Self {
        Self::serving(vec![status.to_string()], |mut stream, status| {
            let request = Request::read(&mut stream)?;
            let headers: Vec<_> = request.headers.iter().map(|(_, value)| value).collect();
            let body = format!("{} {headers:?} {}", request.line, request.body);
            let _ = stream.write_all(answer(status.parse().ok()?, &body).as_bytes());
            Some(request)
        })
    }

    /// Speaks TLS, with the certificate of the fixtures.
    pub(super) fn with_tls(answers: Vec<String>) -> Self {
        Self::serving(answers, |stream, answer| {
            let connection = ServerConnection::new(tls_server()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let request = Request::read(&mut stream)?;
            let _ = stream.write_all(answer.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
            Some(request)
        })
    }

    fn serving(answers: Vec<String>, serve: fn(TcpStream, String) -> Option<Request>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tx, requests) = sync_channel(answers.len());
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                if let Some(request) = serve(stream, answer)
                    && tx.send(request).is_err()
                {
                    return;
                }
            }
        });
        Self { port, requests }
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[track_caller]
    pub(super) fn request(&self) -> Request {
        self.requests.recv_timeout(LONG).unwrap()
    }
}

/// The configuration of a server with the certificate of the fixtures.
pub(super) fn tls_server() -> Arc<ServerConfig> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/tls");
    let read = |name: &str| std::fs::read(std::path::Path::new(folder).join(name)).unwrap();
    let certificate = CertificateDer::from_pem_slice(&read("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// Writes an answer.
pub(super) fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Writes an answer with a header and no body.
pub(super) fn head_only(status: u16, header: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: 0\r\n\r\n")
}
