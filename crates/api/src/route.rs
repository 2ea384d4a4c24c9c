//! What a route is: its path, who may call it, what goes in and what comes out.

use std::fmt;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Sets something.
    Put,
    /// Removes something.
    Delete,
}

impl Method {
    /// Gives the word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a caller may do. A higher role holds the lower ones. The unix socket is always admin.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May look. From the loopback addresses everybody may.
    Read,
    /// May also run what packs define, evaluate expressions and reload.
    Operate,
    /// May also stop the agent, change its parameters and hand out tokens.
    Admin,
}

impl Role {
    /// All roles, the weakest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// Gives the word used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// Reads the word; `None` when it names no role.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parameter in the query of a route.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the query.
    pub name: &'static str,
    /// What it does, with its unit and default.
    pub doc: &'static str,
}

/// What a route answers when all is well.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// One JSON document of this schema.
    Json(fn() -> Schema),
    /// Plain text.
    Text,
    /// A stream of server-sent events, each with one JSON document, until the caller hangs up.
    Events(fn() -> Schema),
    /// A stream of JSON documents, one a line, until the caller hangs up.
    Lines(fn() -> Schema),
}

/// A route of the API.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for what varies.
    pub path: &'static str,
    /// Who may call it over TCP.
    pub role: Role,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The parameters of its query.
    pub query: &'static [Parameter],
    /// The schema of the body it takes.
    pub body: Option<fn() -> Schema>,
    /// What it answers.
    pub answer: Answer,
}

impl Route {
    /// Puts values into the `{name}` places of the path, in order.
    pub fn fill(&self, values: &[&str]) -> String {
        let mut values = values.iter();
        let mut path = String::new();
        for segment in self.path.split('/').skip(1) {
            path.push('/');
            match segment.starts_with('{').then(|| values.next()).flatten() {
                Some(value) => path.push_str(&percent_encode(value)),
                None => path.push_str(segment),
            }
        }
        path
    }

    /// Names what varies in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| name.trim_start_matches('*'))
    }
}

/// Encodes a text for a path segment or a query value (RFC 3986, unreserved characters kept).
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_encoded_into_their_places() {
        let route = &crate::agent::GROUP_ADD;
        assert_eq!(
            route.fill(&["zone::a b"]),
            "/agent/parameters/add/groups/zone%3A%3Aa%20b"
        );
        assert_eq!(route.path_parameters().collect::<Vec<_>>(), ["group"]);
    }
}
