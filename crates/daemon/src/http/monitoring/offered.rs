//! Services over all nodes that are known: where they are reached, and how they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::dns::Service as Offer;
use ::rules::transition::is_problem;
use api::monitoring::{Instance, SERVICE_STATE, SERVICES_STATE, Service};
use api::{ErrorCode, Problem};
use axum::Json;
use axum::extract::State;
use gossip::{Member, Snapshot};
use model::{CheckState, MemberState, WallTime};

use crate::agent::Agent;
use crate::cluster::addresses;
use crate::http::parameters::Path;
use crate::http::{Failure, Routes};
use crate::keep::state_word;
use crate::{clock, services};

pub(super) fn tie(routes: Routes) -> Routes {
    routes.tie(&SERVICES_STATE, all).tie(&SERVICE_STATE, one)
}

async fn all(State(agent): State<Arc<Agent>>) -> Json<BTreeMap<String, Service>> {
    Json(gather(&agent))
}

async fn one(
    State(agent): State<Arc<Agent>>,
    Path(name): Path<String>,
) -> Result<Json<Service>, Failure> {
    let mut services = gather(&agent);
    if let Some(found) = services.remove(&name) {
        return Ok(Json(found));
    }
    let message = format!("no node offers a service `{name}`");
    let problem = Problem::new(ErrorCode::NotFound, message);
    let near = model::nearest(&name, services.keys().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`opsbro services list` tells which there are".to_owned(),
    };
    Err(problem.with_hint(hint).into())
}

fn gather(agent: &Agent) -> BTreeMap<String, Service> {
    let known = Arc::clone(&agent.members.borrow());
    let offered_here = Arc::clone(&agent.names.services.borrow());
    services_of(&known, &offered_here, clock::wall())
}

/// Gathers what all nodes tell. One that is dead offers nothing that is well; one that left offers
/// nothing. What this node offers is known here before its record tells it.
fn services_of(
    known: &Snapshot,
    offered_here: &[Offer],
    now: WallTime,
) -> BTreeMap<String, Service> {
    let mut all: BTreeMap<String, Service> = BTreeMap::new();
    let is_here = |member: &&Member| member.state != MemberState::Leave;
    for member in known.members.iter().filter(is_here) {
        let told;
        let offered = match member.record.id == known.own {
            true => offered_here,
            false => {
                told = services::told(&member.record);
                &told
            }
        };
        for offer in offered {
            let service = all.entry(offer.name.clone()).or_insert_with(|| Service {
                name: offer.name.clone(),
                ..Service::default()
            });
            add(service, member, offer, now);
        }
    }
    all
}

fn add(service: &mut Service, member: &Member, offer: &Offer, now: WallTime) {
    let instance = instance(member, offer, now);
    let node = &instance.node;
    service.members.push(node.clone());
    match offer.state {
        state if is_problem(state) || member.state == MemberState::Dead => {
            service.failing += 1;
            service.failing_members.push(node.clone());
        }
        CheckState::Ok => {
            service.passing += 1;
            service.passing_members.push(node.clone());
        }
        _ => {}
    }
    service.instances.push(instance);
}

fn instance(member: &Member, offer: &Offer, now: WallTime) -> Instance {
    let since = match member.state {
        MemberState::Dead => member.since,
        MemberState::Alive | MemberState::Suspect | MemberState::Leave => offer.since,
    };
    let addresses = addresses(&member.record);
    Instance {
        node: member.record.shown_name().to_owned(),
        uuid: member.record.id.to_string(),
        zone: member.record.body.zone.to_string(),
        node_state: member.state.to_string(),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        port: offer.port,
        protocol: offer.protocol.as_str().to_owned(),
        tags: offer.tags.clone(),
        weight: offer.weight,
        priority: offer.priority,
        state: state_word(offer.state),
        since: since.to_string(),
        since_seconds: now.as_secs().saturating_sub(since.as_secs()),
        output: offer.output.clone(),
        in_downtime: offer.is_withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use dns::Protocol;

    use super::*;
    use crate::cluster::show::tests::snapshot;

    const SINCE: u64 = 1_700_000_000;

    fn offer(state: CheckState, output: &str) -> Offer {
        Offer {
            name: "web".to_owned(),
            port: 8080,
            protocol: Protocol::Tcp,
            tags: vec!["blue".to_owned()],
            weight: 5,
            priority: 1,
            ttl: None,
            state,
            since: WallTime::from_millis(SINCE * 1_000),
            output: output.to_owned(),
            is_withdrawn: false,
        }
    }

    #[test]
    fn each_node_tells_where_and_how_and_a_dead_one_since_when_it_is() {
        let mut known = snapshot(&[(1, "a", ""), (2, "b", "Back"), (3, "c", ""), (4, "d", "")]);
        let told = [
            offer(CheckState::Critical, "refused"),
            offer(CheckState::Ok, ""),
            offer(CheckState::Ok, ""),
        ];
        for (member, told) in known.members[1..].iter_mut().zip(told) {
            let parts = &mut Arc::make_mut(&mut member.record).body.parts;
            let part = services::write(std::slice::from_ref(&told));
            parts.insert(services::PART.to_owned(), part);
        }
        known.members[2].state = MemberState::Dead;
        known.members[2].since = WallTime::from_millis((SINCE + 40) * 1_000);
        known.members[3].state = MemberState::Leave;
        let here = [offer(CheckState::Ok, "200 in 3 ms")];
        let now = WallTime::from_millis((SINCE + 100) * 1_000);
        let all = services_of(&known, &here, now);
        let web = &all["web"];
        assert_eq!(web.members, ["a", "Back", "c"]);
        assert_eq!((web.passing, web.failing), (1, 2));
        assert_eq!(web.passing_members, ["a"]);
        assert_eq!(web.failing_members, ["Back", "c"]);
        let seen = |it: &Instance| {
            let (state, output) = (it.state.clone(), it.output.clone());
            (it.node_state.clone(), state, output, it.since_seconds)
        };
        let word = |it: &str| it.to_owned();
        let seen: Vec<_> = web.instances.iter().map(seen).collect();
        let expect = [
            (word("alive"), word("ok"), word("200 in 3 ms"), 100),
            (word("alive"), word("critical"), word("refused"), 100),
            (word("dead"), word("ok"), String::new(), 60),
        ];
        assert_eq!(seen, expect);
        let back = &web.instances[1];
        assert_eq!((back.port, &*back.protocol), (8080, "tcp"));
        assert_eq!(
            (back.weight, back.priority, &back.tags[..]),
            (5, 1, &["blue".to_owned()][..])
        );
        assert_eq!(back.addresses.len(), 1);
    }
}
