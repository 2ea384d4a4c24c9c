//! Who may do what: the one place that decides.
//!
//! The unix socket may do everything: file permissions guard it. Over TCP, reads are open to the
//! loopback addresses, all else needs a bearer token whose role is strong enough. `Host` and
//! `Origin` are checked first, so that no web page can make a browser drive the agent of its
//! machine. Another node, which has proved the key of the zone on its stream, may read what is
//! marked for that.

use std::net::IpAddr;

use api::{ErrorCode, Problem, Role, Route};
use axum::extract::Request;
use axum::http::{HeaderMap, header};

use super::{Asker, Peer};
use crate::agent::Agent;
use crate::cluster::forward;

/// Checks a request against its route; gives the role that its caller has, and who that is.
pub(super) fn check(
    agent: &Agent,
    route: &Route,
    request: &Request,
) -> Result<(Role, Asker), Problem> {
    let peer = request.extensions().get::<Peer>();
    let address = match peer {
        Some(peer @ Peer::Unix { .. }) => return Ok((Role::Admin, Asker::of(*peer))),
        Some(peer @ Peer::Node) if forward::may_ask(route) => {
            return Ok((Role::Read, Asker::of(*peer)));
        }
        Some(Peer::Node) => {
            let message = "nodes do not ask this of each other";
            return Err(Problem::new(ErrorCode::Forbidden, message));
        }
        Some(Peer::Tcp(address)) => address,
        // The server names every peer. One that it did not may do nothing.
        None => {
            return Err(Problem::new(
                ErrorCode::Forbidden,
                "the caller is not known",
            ));
        }
    };
    let headers = request.headers();
    let node = agent.node.borrow();
    let names = [node.name.as_str(), node.display_name.as_str()];
    let configuration = agent.configuration.borrow();
    let allowed = configuration
        .allowed_hosts
        .iter()
        .map(String::as_str)
        .chain(names);
    let mut asker = Asker::Anybody;
    let mut role = None;
    if let Some(token) = bearer(headers)? {
        let (id, known) = agent.tokens.find(token).ok_or_else(unknown_token)?;
        role = Some(known.role);
        asker = Asker::Token(id, known.note);
    }
    let caller = Caller {
        is_loopback: address.ip().to_canonical().is_loopback(),
        host: text(headers, &header::HOST),
        origin: text(headers, &header::ORIGIN),
        role,
    };
    decide(route.role, &caller, allowed)?;
    Ok((caller.role.unwrap_or(Role::Read), asker))
}

/// What a request over TCP says about its sender.
struct Caller<'a> {
    is_loopback: bool,
    host: Option<&'a str>,
    origin: Option<&'a str>,
    role: Option<Role>,
}

fn decide<'a>(
    needed: Role,
    caller: &Caller<'_>,
    mut allowed_hosts: impl Iterator<Item = &'a str>,
) -> Result<(), Problem> {
    let forbid = |message: String| Problem::new(ErrorCode::Forbidden, message);
    let host = caller.host.unwrap_or_default();
    let name = host_name(host);
    let known = name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || allowed_hosts.any(|allowed| !allowed.is_empty() && allowed.eq_ignore_ascii_case(name));
    if !known {
        let hint =
            "use an address or the node's name, or add the name to allowed_hosts in agent.yml";
        return Err(forbid(format!("the host `{host}` is not this agent")).with_hint(hint));
    }
    let own = |origin: &str| {
        let rest = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    if let Some(origin) = caller.origin.filter(|origin| !own(origin)) {
        return Err(forbid(format!(
            "a page of `{origin}` may not use this agent"
        )));
    }
    let hint = "make one on the agent's machine: opsbro token create --role ROLE";
    match caller.role {
        Some(role) if role >= needed => Ok(()),
        Some(role) => Err(forbid(format!(
            "this needs the role {needed}, the token has {role}"
        ))
        .with_hint(hint)),
        None if caller.is_loopback && needed == Role::Read => Ok(()),
        None => {
            let message = format!("this needs a token with the role {needed}");
            Err(Problem::new(ErrorCode::Unauthorized, message).with_hint(hint))
        }
    }
}

/// Gives the name or address of a `Host` header, without port and brackets.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    // A value that is no text is shown as something that nothing allows.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = text(headers, &header::AUTHORIZATION) else {
        return Ok(None);
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        Some(_) | None => {
            let message = "the Authorization header must be `Bearer TOKEN`";
            Err(Problem::new(ErrorCode::Unauthorized, message))
        }
    }
}

fn unknown_token() -> Problem {
    let hint = "it was revoked, or belongs to another agent: opsbro token list";
    Problem::new(ErrorCode::Unauthorized, "this token is not known here").with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the status of a request, 200 when it may pass.
    fn status(needed: Role, caller: &Caller<'_>) -> u16 {
        match decide(needed, caller, ["web-1", ""].into_iter()) {
            Ok(()) => 200,
            Err(problem) => problem.code.status(),
        }
    }

    fn caller<'a>(host: &'a str, origin: Option<&'a str>, role: Option<Role>) -> Caller<'a> {
        Caller {
            is_loopback: true,
            host: Some(host),
            origin,
            role,
        }
    }

    #[test]
    fn only_a_peer_of_the_unix_socket_may_do_everything() {
        let agent = Agent::for_tests();
        let status = |peer: Option<Peer>| {
            let mut request = Request::default();
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            match check(&agent, &api::agent::STOP, &request) {
                Ok(_) => 200,
                Err(problem) => problem.code.status(),
            }
        };
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let unix = Peer::Unix { uid: 0, pid: None };
        assert_eq!(status(Some(unix)), 200);
        assert_eq!(status(Some(Peer::Tcp(address))), 403);
        assert_eq!(status(None), 403);
    }

    #[test]
    fn roles_hold_the_weaker_ones() {
        for (needed, role, expected) in [
            (Role::Read, None, 200),
            (Role::Operate, None, 401),
            (Role::Admin, None, 401),
            (Role::Read, Some(Role::Read), 200),
            (Role::Operate, Some(Role::Read), 403),
            (Role::Operate, Some(Role::Admin), 200),
            (Role::Admin, Some(Role::Operate), 403),
        ] {
            assert_eq!(
                status(needed, &caller("127.0.0.1:6768", None, role)),
                expected
            );
        }
    }

    #[test]
    fn a_stranger_may_not_even_read() {
        let stranger = Caller {
            is_loopback: false,
            ..caller("10.0.0.1:6768", None, None)
        };
        assert_eq!(status(Role::Read, &stranger), 401);
        let known = Caller {
            role: Some(Role::Read),
            ..stranger
        };
        assert_eq!(status(Role::Read, &known), 200);
    }

    #[test]
    fn no_web_page_can_drive_the_agent() {
        for (host, origin, expected) in [
            ("127.0.0.1:6768", None, 200),
            ("[::1]:6768", None, 200),
            ("localhost:6768", Some("http://localhost:6768"), 200),
            ("WEB-1:6768", None, 200),
            ("evil.example:6768", None, 403),
            ("", None, 403),
            ("127.0.0.1:6768", Some("http://evil.example"), 403),
            ("127.0.0.1:6768", Some("http://127.0.0.1:8080"), 403),
            ("127.0.0.1:6768", Some("null"), 403),
        ] {
            for role in [None, Some(Role::Admin)] {
                let caller = caller(host, origin, role);
                assert_eq!(status(Role::Read, &caller), expected, "{host} {origin:?}");
            }
        }
    }
}
