//! The parts of an http or https URL, and where a redirect leads.
//!
//! A URL may hold a password and tokens, so what is shown of it has neither user nor query.

use crate::Error;

/// How to talk to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL, ready to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    /// Name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// `user:password`, decoded.
    pub(super) credentials: Option<Vec<u8>>,
    /// Path and query, in the letters that may stand in a request.
    pub(super) target: String,
    /// Whether the path holds a token that is not shown.
    pub(super) hides_path: bool,
}

impl Url {
    /// Reads a URL that a person wrote. Its path is not shown, by an error neither, if it is to be
    /// hidden.
    pub(super) fn parse(text: &str, hides_path: bool) -> Result<Self, Error> {
        let refuse = |problem: &str| {
            let mut shown = without_secrets(text);
            if hides_path {
                let host = shown.find("://").map_or(0, |at| at + 3);
                let path = shown[host..].find('/').map_or(host, |at| host + at);
                shown.replace_range(path.., "/…");
            }
            Err(Error::bad_request(&shown, problem))
        };
        if text.contains(char::is_control) {
            return refuse("holds a control character, which no URL can");
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some(_) | None => return refuse("is no URL of http:// or https://"),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, authority)) => (Some(decode(credentials)), authority),
            None => (None, authority),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            Some(_) | None => (authority, None),
        };
        let port = match port {
            None | Some("") => scheme.port(),
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                Ok(_) | Err(_) => return refuse("has no number from 1 to 65535 as its port"),
            },
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        if bare.is_empty() || bare.contains(['[', ']', '@', ' ']) {
            return refuse("names no host");
        }
        if !bare.is_ascii() {
            return refuse("has letters in its host that DNS has not: write it as xn--…");
        }
        let host = bare.to_ascii_lowercase();
        Ok(Self {
            scheme,
            host,
            port,
            credentials,
            target: request_target(target),
            hides_path,
        })
    }

    /// Reads where a redirect leads, seen from here. Credentials stay with their server, and what
    /// was asked for under encryption is not asked for without.
    pub(super) fn join(&self, location: &str) -> Result<Self, Error> {
        let origin = format!("{}://{}", self.scheme.as_str(), self.authority());
        let path = self.target.split('?').next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let absolute = match location {
            _ if location
                .split(['/', '?', '#'])
                .next()
                .unwrap_or_default()
                .contains(':') =>
            {
                location.to_owned()
            }
            _ if location.starts_with("//") => format!("{}:{location}", self.scheme.as_str()),
            _ if location.starts_with('/') => format!("{origin}{location}"),
            _ if location.starts_with(['?', '#']) => format!("{origin}{path}{location}"),
            _ => format!("{origin}{folder}/{location}"),
        };
        let mut next = Self::parse(&absolute, self.hides_path)?;
        if (self.scheme, next.scheme) == (Scheme::Https, Scheme::Http) {
            let problem = "is not encrypted, and an encrypted page redirects to it: not followed";
            return Err(Error::bad_request(&next.shown(), problem));
        }
        if next.is_same_server(self) && next.credentials.is_none() {
            next.credentials.clone_from(&self.credentials);
        }
        Ok(next)
    }

    /// Tells whether both lead to the same server.
    pub(super) fn is_same_server(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// Gives host and port as they stand in a URL and in a request.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Gives the URL as it may be shown.
    pub(super) fn shown(&self) -> String {
        let path = if self.hides_path {
            "/…"
        } else {
            self.target.split('?').next().unwrap_or_default()
        };
        format!("{}://{}{path}", self.scheme.as_str(), self.authority())
    }
}

/// Makes path and query fit for a request: what is no graphic ASCII is encoded, the fragment is
/// not the server's business.
fn request_target(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let mut target = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        target.push('/');
    }
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
    target
}

/// Decodes `%40` and the like; what is no such thing stays as it is.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, decoded) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    bytes
}

/// Takes out of a text that may be no URL at all what could be a password or a token.
fn without_secrets(text: &str) -> String {
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = plain.split_once("://").unwrap_or(("", plain));
    let shown = rest.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() {
        shown.to_owned()
    } else {
        format!("{scheme}://{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what a URL is taken apart to: what is shown of it, and the target.
    #[track_caller]
    fn check(text: &str, shown: &str, target: &str) {
        let url = Url::parse(text, false).unwrap();
        assert_eq!((url.shown().as_str(), url.target.as_str()), (shown, target));
    }

    #[test]
    fn a_url_is_taken_apart() {
        check("http://example.com", "http://example.com/", "/");
        check(
            "HTTP://Example.COM:80/A/b?c=D#e",
            "http://example.com/A/b",
            "/A/b?c=D",
        );
        check("https://example.com:443", "https://example.com/", "/");
        check("https://example.com:80/", "https://example.com:80/", "/");
        check(
            "http://[2001:db8::1]:8080/x",
            "http://[2001:db8::1]:8080/x",
            "/x",
        );
        check("http://[::1]", "http://[::1]/", "/");
        check("http://x?q=a b", "http://x/", "/?q=a%20b");
        check("http://x/é", "http://x/%C3%A9", "/%C3%A9");
        check("http://x:/y", "http://x/y", "/y");
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let url = Url::parse("http://me%40x:se%3Acret%@example.com/p?token=1", false).unwrap();
        assert_eq!(url.credentials.as_deref(), Some(&b"me@x:se:cret%"[..]));
        assert_eq!(url.shown(), "http://example.com/p");
        for text in [
            "ftp://me:secret@x/?t=secret",
            "me:secret@x",
            "http://me:secret@x:99999/",
        ] {
            let error = Url::parse(text, false).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_no_url_says_what_is_wrong() {
        for (text, expect) in [
            ("", "\"\" is no URL of http:// or https://"),
            (
                "example.com/x",
                "\"example.com/x\" is no URL of http:// or https://",
            ),
            (
                "file:///etc/passwd",
                "\"file:///etc/passwd\" is no URL of http:// or https://",
            ),
            ("http://", "\"http://\" names no host"),
            ("http://:80/", "\"http://:80/\" names no host"),
            ("http://[::1/", "\"http://[::1/\" names no host"),
            (
                "http://x:0/",
                "\"http://x:0/\" has no number from 1 to 65535 as its port",
            ),
            (
                "http://x:y/",
                "\"http://x:y/\" has no number from 1 to 65535 as its port",
            ),
            (
                "http://x/\r\nHost: y",
                "\"http://x/\\r\\nHost: y\" holds a control character, which no URL can",
            ),
            (
                "http://bücher.example/",
                "\"http://bücher.example/\" has letters in its host that DNS has not: write it as \
                 xn--…",
            ),
        ] {
            assert_eq!(Url::parse(text, false).unwrap_err().to_string(), expect);
        }
    }

    #[test]
    fn a_redirect_is_read_from_where_it_was_met() {
        let from = Url::parse("http://me:pw@example.com:8080/a/b?c=d", false).unwrap();
        for (location, shown, target) in [
            ("https://other.example/x", "https://other.example/x", "/x"),
            ("//other.example/x", "http://other.example/x", "/x"),
            ("/x?y", "http://example.com:8080/x", "/x?y"),
            ("x", "http://example.com:8080/a/x", "/a/x"),
            ("../x", "http://example.com:8080/a/../x", "/a/../x"),
            ("?y", "http://example.com:8080/a/b", "/a/b?y"),
            (
                "/x?u=http://y",
                "http://example.com:8080/x",
                "/x?u=http://y",
            ),
        ] {
            let next = from.join(location).unwrap();
            assert_eq!(
                (next.shown().as_str(), next.target.as_str()),
                (shown, target)
            );
            assert_eq!(
                next.credentials.is_some(),
                next.host == from.host,
                "{location}"
            );
        }
        for location in ["gopher://x/", "javascript:x", "http://", "/a\nb"] {
            assert!(from.join(location).is_err(), "{location}");
        }
    }

    #[test]
    fn an_encrypted_page_does_not_lead_to_a_plain_one() {
        let from = Url::parse("https://example.com/", false).unwrap();
        assert_eq!(
            from.join("http://example.com/x?token=1")
                .unwrap_err()
                .to_string(),
            "\"http://example.com/x\" is not encrypted, and an encrypted page redirects to it: not \
             followed"
        );
    }
}
