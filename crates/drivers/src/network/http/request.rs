//! What is asked of a server, and how it is written down (RFC 9112).

use std::borrow::Cow;
use std::fmt;

use model::Secret;
use model::limits::{URL_BODY_BYTES_MAX, URL_REDIRECTS_MAX};

use crate::Error;
use crate::base64;
use crate::network::tls::Trust;
use crate::network::url::Url;

/// What to do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Read its head.
    Head,
    /// Hand something to it.
    Post,
    /// Replace it.
    Put,
    /// Change a part of it.
    Patch,
    /// Remove it.
    Delete,
}

impl Method {
    /// Every method.
    pub const ALL: &[Self] = &[
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
    ];

    /// Gives the word of the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Reads the word, in large or small letters.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|method| method.as_str().eq_ignore_ascii_case(word))
    }
}

/// One request. Make it with [`Request::new`] and set what differs.
#[derive(Clone)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The whole URL, `http://` or `https://`. Credentials in it become a header.
    pub url: &'a str,
    /// Whether the path of the URL holds a token, as those of many services do; then neither errors
    /// nor anything else shows it.
    pub is_path_secret: bool,
    /// Headers beside those that every request has; they replace `Accept` and `User-Agent`. They
    /// are not sent on to another server by a redirect.
    pub headers: Vec<(Cow<'a, str>, Secret)>,
    /// User and password, for the scheme Basic.
    pub basic: Option<(&'a str, Secret)>,
    /// What is handed over.
    pub body: &'a [u8],
    /// Redirects that are followed; with none, a redirect is an answer like any other.
    pub redirects_max: usize,
    /// How much of the body of the answer is kept.
    pub answer_bytes_max: usize,
    /// Whose certificates are good enough.
    pub trust: Trust<'a>,
    /// A unix socket to speak through; the host of the URL is then only a name.
    pub unix_socket: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Makes a request without headers and body that follows redirects and trusts whom the machine
    /// trusts.
    pub fn new(method: Method, url: &'a str) -> Self {
        Self {
            method,
            url,
            is_path_secret: false,
            headers: Vec::new(),
            basic: None,
            body: &[],
            redirects_max: URL_REDIRECTS_MAX,
            answer_bytes_max: URL_BODY_BYTES_MAX,
            trust: Trust::Machine,
            unix_socket: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'a, str>>, value: impl AsRef<str>) -> Self {
        self.headers
            .push((name.into(), Secret::new(value.as_ref())));
        self
    }

    /// Tells whether a redirect with this status is followed, and keeps the method (307, 308) or
    /// turns it to GET, as browsers do.
    pub(super) fn redirected(&self, status: u16) -> Option<Method> {
        match (status, self.method) {
            (301..=303, Method::Head) => Some(Method::Head),
            (301..=303, _) => Some(Method::Get),
            (307 | 308, method) => Some(method),
            _ => None,
        }
    }

    /// Refuses what would end a header early and begin another one.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (name, value) in &self.headers {
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(Error::bad_request(
                    name,
                    "is no name of a header: letters, digits and - are",
                ));
            }
            if FRAMING.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                let problem = "is a header that the agent sets itself: leave it out";
                return Err(Error::bad_request(name, problem));
            }
            if value
                .expose()
                .chars()
                .any(|sign| sign.is_control() && sign != '\t')
            {
                let problem = "has a value with a line break or another control character";
                return Err(Error::bad_request(name, problem));
            }
        }
        Ok(())
    }

    /// Writes the head of the request.
    pub(super) fn head(&self, url: &Url) -> String {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            self.method.as_str(),
            url.target,
            url.authority(),
        );
        let mut add = |name: &str, value: &str| {
            head.push_str(&format!("{name}: {value}\r\n"));
        };
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(given, _)| given.eq_ignore_ascii_case(name))
        };
        if !has("User-Agent") {
            add("User-Agent", concat!("opsbro/", env!("CARGO_PKG_VERSION")));
        }
        if !has("Accept") {
            add("Accept", "*/*");
        }
        add("Accept-Encoding", "identity");
        add("Connection", "close");
        if !self.body.is_empty() || matches!(self.method, Method::Post | Method::Put) {
            add("Content-Length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            add(name, value.expose());
        }
        let credentials = match &self.basic {
            Some((user, password)) => Some(format!("{user}:{}", password.expose()).into_bytes()),
            None => url.credentials.clone(),
        };
        if let Some(credentials) = credentials.filter(|_| !has("Authorization")) {
            add(
                "Authorization",
                &format!("Basic {}", base64::encode(&credentials)),
            );
        }
        head + "\r\n"
    }
}

impl fmt::Debug for Request<'_> {
    /// Shows what is sent where; not what may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(self.url, self.is_path_secret);
        let url = url.map_or_else(|_| "***".to_owned(), |url| url.shown());
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &url)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Headers that say where a message ends or what becomes of the connection.
const FRAMING: &[&str] = &[
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Accept-Encoding",
    "Upgrade",
    "Expect",
    "TE",
    "Trailer",
];

/// The letters of RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
