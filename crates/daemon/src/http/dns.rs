//! Requests about the DNS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ::dns::{
    Counts as Counted, Listed, Message, Name as DomainName, Reaction, Record as Found, Responder,
    Rules, Transport, question, wire,
};
use api::dns::{
    Answered, Counts, EXPLAIN, Explained, Member, Name, QUERY, RECORDS, Record, Records,
};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::parameters::Query;
use super::{Failure, Routes};
use crate::agent::Agent;
use crate::{clock, dns};

/// The flags of an answer, by their bits, as `dig` writes them.
const FLAGS: [(u16, &str); 5] = [
    (wire::QR, "qr"),
    (wire::AA, "aa"),
    (wire::TC, "tc"),
    (wire::RD, "rd"),
    (wire::RA, "ra"),
];

pub(super) fn tie(routes: Routes) -> Routes {
    routes
        .tie(&RECORDS, records)
        .tie(&QUERY, query)
        .tie(&EXPLAIN, explain)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    zones: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

async fn records(State(agent): State<Arc<Agent>>, Query(which): Query<Which>) -> Json<Records> {
    agent.agreement.wait_shown().await;
    let shown = Arc::clone(&agent.names.dns.borrow());
    let directory = dns::directory(&agent);
    let counts = counts(shown.counts());
    let share = directory.cut_off();
    Json(Records {
        domain: directory.config().domain.to_string(),
        listen: shown.address.map(|it| it.to_string()),
        off: shown.off.clone(),
        wrong: shown.wrong.clone(),
        serial: directory.serial(),
        cut_off: share.map(|it| format!("{} of {} other nodes died at once", it.some, it.of)),
        counts,
        names: directory
            .list(which.zones)
            .into_iter()
            .map(listed)
            .collect(),
    })
}

fn counts(counted: Counted) -> Counts {
    Counts {
        answered: counted.answered,
        missing: counted.missing,
        refused: counted.refused,
        cut: counted.cut,
        forwarded: counted.forwarded,
        junk: counted.junk,
        limited: counted.limited,
    }
}

fn listed(name: Listed) -> Name {
    Name {
        name: name.name,
        kind: wire::type_name(name.kind),
        ttl: name.ttl,
        answers: name.contents,
        left_out: name.left_out as u64,
        panic: name.has_panic,
    }
}

/// Gives the domain name that somebody means: that of an address, or one below the domain where it
/// has no other end.
fn full_name(agent: &Agent, name: &str) -> Result<DomainName, Failure> {
    if let Ok(address) = name.parse() {
        return Ok(DomainName::of_address(address));
    }
    let directory = dns::directory(agent);
    let domain = &directory.config().domain;
    let wrong = |error: ::dns::NameError| {
        let message = format!("`{name}` is no domain name: {error}");
        Failure(Problem::new(ErrorCode::BadRequest, message))
    };
    if name.is_empty() {
        return Err(wrong(::dns::NameError::EmptyLabel));
    }
    let given = DomainName::meant(name).map_err(wrong)?;
    let ends = |it: &DomainName| it.as_wire().ends_with(domain.as_wire());
    let is_reverse = name.trim_end_matches('.').ends_with(".arpa");
    if name.ends_with('.') || ends(&given) || is_reverse {
        return Ok(given);
    }
    DomainName::parse(&format!("{given}{domain}")).map_err(wrong)
}

/// Gives the type that somebody means who tells none.
fn usual_type(name: &DomainName) -> u16 {
    let labels: Vec<&[u8]> = name.labels().collect();
    match labels.first() {
        Some(&b"why") => wire::TXT,
        _ if labels.iter().any(|it| matches!(*it, b"_tcp" | b"_udp")) => wire::SRV,
        _ if labels.last() == Some(&&b"arpa"[..]) => wire::PTR,
        _ => wire::A,
    }
}

async fn query(
    State(agent): State<Arc<Agent>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Answered>, Failure> {
    agent.agreement.wait_shown().await;
    let name = full_name(&agent, &asked.name)?;
    let kind = match &asked.r#type {
        None => Some(usual_type(&name)),
        Some(word) => wire::parse_type(word),
    };
    let Some(kind) = kind else {
        let word = asked.r#type.unwrap_or_default();
        let problem = Problem::new(ErrorCode::BadRequest, format!("`{word}` is no type"));
        let hint = "one of: A, AAAA, SRV, TXT, PTR, NS, SOA, or TYPE and a number";
        return Err(Failure(problem.with_hint(hint)));
    };
    let packet = question(0, &name, kind, 4_096);
    let rules = Rules {
        answers_per_second: 1,
        forwards: false,
    };
    let mut responder = Responder::new(dns::directory(&agent), rules, turn());
    let source = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let mut out = Vec::new();
    // There is room for all of it here.
    let by = Transport::Tcp;
    let reaction = responder.respond(clock::now(), source, by, &packet, &mut out);
    let message = Message::decode(&out).ok();
    let Some(message) = message.filter(|_| reaction == Reaction::Answered) else {
        let problem = Problem::new(ErrorCode::Internal, "the query was not answered");
        return Err(Failure(problem));
    };
    Ok(Json(answered(&name, kind, &message, out.len())))
}

/// Each query has another turn, as from the listener.
fn turn() -> u64 {
    clock::now().since_start().as_micros() as u64
}

fn answered(name: &DomainName, kind: u16, message: &Message, bytes: usize) -> Answered {
    let flags = FLAGS.iter().filter(|(bit, _)| message.flags & bit != 0);
    let flags: Vec<&str> = flags.map(|(_, word)| *word).collect();
    let all = |records: &[Found]| records.iter().map(record).collect();
    Answered {
        name: name.to_string(),
        kind: wire::type_name(kind),
        status: wire::code_name(message.code),
        flags: flags.join(" "),
        answers: all(&message.answers),
        authority: all(&message.authority),
        additional: all(&message.additional),
        reasons: message.reasons.clone(),
        bytes: bytes as u64,
    }
}

fn record(found: &Found) -> Record {
    Record {
        name: found.name.to_string(),
        kind: wire::type_name(found.kind),
        ttl: found.ttl,
        content: found.content.clone(),
    }
}

async fn explain(
    State(agent): State<Arc<Agent>>,
    Query(named): Query<Named>,
) -> Result<Json<Explained>, Failure> {
    agent.agreement.wait_shown().await;
    let name = full_name(&agent, &named.name)?;
    let explained = dns::directory(&agent).explain(&name);
    let members = explained.members.into_iter().map(|it| Member {
        node: it.node,
        addresses: it.addresses.iter().map(ToString::to_string).collect(),
        port: it.port,
        is_in: it.verdict.is_in(),
        verdict: it.verdict.as_str().to_owned(),
        reason: it.reason,
    });
    let members: Vec<Member> = members.collect();
    Ok(Json(Explained {
        name: explained.name,
        is_answered: members.iter().any(|member| member.is_in),
        summary: explained.summary,
        members,
    }))
}
