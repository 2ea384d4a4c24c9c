//! Reads of another node's API, over a stream that the zone key guards.
//!
//! Only routes that are marked so are asked and answered, and data goes upward only: who asks has
//! proved the key of the zone of who answers, which nodes of that zone and of those above have.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{ErrorCode, Problem, Route};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gossip::{CallError, Member, Peer, Relation};
use http_body_util::{BodyExt, Limited};
use model::{MemberState, Zone, limits};
use tower::ServiceExt;

use super::calls::{self, Kind};
use crate::agent::Agent;
use crate::http::{Failure, Peer as HttpPeer};

/// Time that a read of another node may take, all of it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest path and query that is asked.
const TARGET_BYTES_MAX: usize = 4 << 10;

/// Asks a node for what a route of it reads.
pub(crate) async fn read(
    agent: &Agent,
    member: &Member,
    target: &str,
) -> Result<Response, Problem> {
    let name = member.record.shown_name().to_owned();
    let to = member.record.body.address;
    let zones = zones(agent, &member.record.body.zone)?;
    let asked = calls::call(agent, to, &zones, Kind::Read, target.as_bytes());
    let answer = match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(CallError::TimedOut(TIMEOUT)),
    };
    let (_, answer) = answer.map_err(|error| {
        let message = format!("cannot read from {name} ({to}): {error}");
        let problem = Problem::new(ErrorCode::Unavailable, message);
        match member.state {
            MemberState::Alive => problem.with_hint(format!("opsbro gossip ping {name}")),
            state => problem.with_hint(format!(
                "it is {state}; what it told last: opsbro state --cluster"
            )),
        }
    })?;
    decode(&answer).ok_or_else(|| {
        let message = format!("{name} ({to}) answered something that is no answer");
        Problem::new(ErrorCode::Unavailable, message)
    })
}

/// Gives the zones whose keys a read of a zone is proved by.
fn zones(agent: &Agent, zone: &Zone) -> Result<Vec<Zone>, Problem> {
    let own = agent.node.borrow().zone.clone();
    let relation = agent.members.borrow().zones.relation(&own, zone);
    match relation {
        Relation::Own | Relation::Below => Ok(vec![zone.clone()]),
        Relation::Parent | Relation::Hidden => {
            let message = format!(
                "the zone {zone} is not below {own}: its nodes answer only to those of their own \
                 zone and above"
            );
            Err(Problem::new(ErrorCode::Forbidden, message))
        }
    }
}

/// Answers a read of another node.
pub(super) async fn answer(agent: &Arc<Agent>, peer: &Peer, question: &[u8]) -> Vec<u8> {
    let response = match admit(agent, peer, question) {
        Ok(request) => {
            let router = crate::http::router(agent);
            match tokio::time::timeout(TIMEOUT, router.oneshot(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    let problem = Problem::new(ErrorCode::Unavailable, "it took too long there");
                    Failure(problem).into_response()
                }
            }
        }
        Err(problem) => Failure(problem).into_response(),
    };
    encode(response).await
}

/// Makes the request of a question, when it may be asked.
fn admit(agent: &Agent, peer: &Peer, question: &[u8]) -> Result<Request<Body>, Problem> {
    if let Some(message) = refusal(agent, peer) {
        return Err(Problem::new(ErrorCode::Forbidden, message));
    }
    let bad = || Problem::new(ErrorCode::BadRequest, "the read of a node names no path");
    let target = std::str::from_utf8(question).map_err(|_| bad())?;
    if target.len() > TARGET_BYTES_MAX || !target.starts_with('/') {
        return Err(bad());
    }
    let request = Request::builder()
        .method(Method::GET)
        .uri(target)
        .extension(HttpPeer::Node);
    request.body(Body::empty()).map_err(|_| bad())
}

/// Says why who asks is not of this zone, nor of one above.
pub(crate) fn refusal(agent: &Agent, peer: &Peer) -> Option<String> {
    let own = agent.node.borrow().zone.clone();
    match &peer.zone {
        Some(zone) if *zone == own => None,
        Some(_) => Some(format!(
            "only nodes of the zone {own} and of those above may ask here"
        )),
        // Where gossip is open, nobody proves anything: members may do what they may, and that
        // they are members is seen by everybody.
        None => match peer.address.ip() {
            from if is_member(agent, from) => None,
            from => Some(format!(
                "no member has the address {from}, and without a gossip key a node is known by \
                 its address alone: set advertise_address and listen_address in its agent.yml, or \
                 give the zone a key"
            )),
        },
    }
}

fn is_member(agent: &Agent, from: IpAddr) -> bool {
    let from = from.to_canonical();
    let known = agent.members.borrow();
    known
        .members
        .iter()
        .any(|member| member.record.body.address.ip() == from)
}

/// Tells whether a route may be asked by another node.
pub(crate) fn may_ask(route: &Route) -> bool {
    api::gossip::is_forwarded(route)
}

/// Writes a response: status, length and type of what it holds, and that.
async fn encode(response: Response) -> Vec<u8> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    let most = limits::FORWARDED_BYTES_MAX;
    let body = Limited::new(response.into_body(), most);
    let (status, kind, body) = match tokio::time::timeout(TIMEOUT, body.collect()).await {
        Ok(Ok(body)) => (status, kind, body.to_bytes().to_vec()),
        Ok(Err(_)) | Err(_) => {
            let text = format!("the answer is larger than {most} bytes, or broke off");
            let problem = Problem::new(ErrorCode::TooLarge, text);
            let body = api::error::ErrorBody { error: problem };
            let text = serde_json::to_vec(&body).expect("our own structs are always JSON");
            (StatusCode::PAYLOAD_TOO_LARGE, None, text)
        }
    };
    let kind = kind.map_or_else(
        || b"application/json".to_vec(),
        |kind| kind.as_bytes().to_vec(),
    );
    let kind_length = u8::try_from(kind.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(body.len() + kind.len() + 3);
    bytes.extend_from_slice(&status.as_u16().to_be_bytes());
    bytes.push(kind_length);
    bytes.extend_from_slice(&kind[..usize::from(kind_length)]);
    bytes.extend_from_slice(&body);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Response> {
    let (status, rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first()?;
    let (kind, body) = rest.split_at_checked(usize::from(*length))?;
    let response = Response::builder()
        .status(u16::from_be_bytes(*status))
        .header(header::CONTENT_TYPE, kind);
    response.body(Body::from(body.to_vec())).ok()
}

#[cfg(test)]
mod tests {
    use gossip::seal::{Key, Ring, Rings};

    use super::super::streams;
    use super::*;

    fn peer(zone: Option<&str>) -> Peer {
        Peer {
            address: ([192, 0, 2, 9], 40_000).into(),
            zone: zone.map(|zone| Zone::parse(zone).unwrap()),
            retired: false,
        }
    }

    async fn asked(peer: &Peer, target: &str) -> (u16, String) {
        let agent = Agent::for_tests();
        let answer = answer(&agent, peer, target.as_bytes()).await;
        let response = decode(&answer).unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_node_of_the_zone_reads_what_is_marked_and_nothing_else() {
        let friend = peer(Some("internet"));
        let (status, body) = asked(&friend, "/agent/info").await;
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("\"web-1\""), "{body}");
        for target in [
            "/stop",
            "/agent/leave/web-1",
            "/tokens",
            "/agent/join/x",
            "/log/parts",
        ] {
            let (status, body) = asked(&friend, target).await;
            assert!(
                status == 403 || status == 404 || status == 405,
                "{target} {status} {body}"
            );
        }
        for target in ["", "agent/info", "http://x/agent/info", "/a b"] {
            assert_eq!(asked(&friend, target).await.0, 400, "{target:?}");
        }
    }

    #[tokio::test]
    async fn who_proves_another_zone_or_nothing_reads_nothing() {
        assert_eq!(asked(&peer(Some("lan")), "/agent/info").await.0, 403);
        assert_eq!(asked(&peer(None), "/agent/info").await.0, 403);
    }

    /// Makes an agent that has a key, and takes part in a cluster.
    fn with_key(byte: u8) -> (Arc<Agent>, tokio::sync::mpsc::Receiver<streams::Opened>) {
        let mut agent = Arc::into_inner(Agent::for_tests()).unwrap();
        let (streams, opened) = streams::Streams::new();
        agent.streams = streams;
        let address = ([127, 0, 0, 1], 1).into();
        agent.listen.insert("gossip".to_owned(), address);
        let zone = Zone::parse("internet").unwrap();
        let ring = Ring::of_file(Key::from_random([byte; 32]));
        agent.rings.send_replace(Arc::new([(zone, ring)].into()));
        (Arc::new(agent), opened)
    }

    #[tokio::test]
    async fn a_read_goes_over_a_real_stream_and_needs_the_key() {
        let mut tasks = crate::tasks::Tasks::default();
        let (server, opened) = with_key(1);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let router = crate::http::router(&server);
        let connections = Arc::clone(&server.connections);
        let stop = tasks.stop_signal();
        let http = crate::http::serve_tcp(listener, router, connections, stop.clone());
        tasks.spawn("http", http);
        tasks.spawn("streams", streams::serve(Arc::clone(&server), opened, stop));
        let (friend, _) = with_key(1);
        let mut member = friend.members.borrow().members[0].clone();
        Arc::make_mut(&mut member.record).body.address = to;
        let response = read(&friend, &member, "/agent/info").await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("\"web-1\""));
        // The stream is there for the next call, and a node that hangs holds up nobody.
        assert_eq!(
            (friend.idle_streams.count(), server.streams.count()),
            (1, 1)
        );
        let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut hung = member.clone();
        Arc::make_mut(&mut hung.record).body.address = deaf.local_addr().unwrap();
        let waits = read(&friend, &hung, "/agent/info");
        let reads = async {
            for _ in 0..20 {
                let response = read(&friend, &member, "/agent/info").await.unwrap();
                assert_eq!(response.status(), StatusCode::OK);
            }
            assert_eq!(
                (friend.idle_streams.count(), server.streams.count()),
                (1, 1)
            );
        };
        tokio::select! {
            biased;
            () = reads => {}
            _ = waits => panic!("nobody answers there"),
        }
        // Keys that were changed make another stream.
        friend.rings.send_modify(|rings| {
            *rings = Arc::new(Rings::clone(rings));
        });
        let refused = read(&friend, &member, "/stop").await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let (stranger, _) = with_key(2);
        let problem = read(&stranger, &member, "/agent/info").await.unwrap_err();
        assert!(
            problem.message.contains("none of this node's zone keys"),
            "{problem}"
        );
        let late = tasks.stop(Duration::from_secs(20)).await;
        assert!(late.is_empty(), "{late:?}");
    }

    #[test]
    fn junk_is_no_answer() {
        for junk in [
            &b""[..],
            b"\0",
            b"\0\xc8",
            b"\0\xc8\x05ab",
            b"\0\0\0",
            b"\xff\xff\0x",
        ] {
            assert!(decode(junk).is_none(), "{junk:?}");
        }
        assert_eq!(decode(b"\0\xc8\0x").unwrap().status(), StatusCode::OK);
    }
}
