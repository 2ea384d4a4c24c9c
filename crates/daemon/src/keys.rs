//! Orders about the keys of zones, from the API to the core of the cluster, and who has heard.

use std::sync::Arc;
use std::time::Duration;

use gossip::seal::{Ring, Status};
use gossip::{KeyOrder, Order, Refusal};
use model::{MemberState, NodeId, Zone};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::cluster::Outcome;

/// How long a change of keys waits for all living members of the zone. They hear of it within a
/// second; what takes longer is a node that is overloaded, or dead and not yet known to be.
pub(crate) const SPREAD_TIME: Duration = Duration::from_secs(15);

/// Carries out an order in the whole zone; the new ring is in force here when it is done. A key
/// that is to seal waits until `until` for living members that do not know it yet; the refusal
/// names those who did not hear. None when the agent stops.
pub(crate) async fn order(
    agent: &Agent,
    zone: &Zone,
    order: &KeyOrder,
    until: Instant,
) -> Option<Outcome> {
    let mut members = agent.members.clone();
    loop {
        let outcome = agent
            .order(Order::Keys(zone.clone(), order.clone()))
            .await?;
        let Err(Refusal::KeysBehind(_)) = outcome else {
            return Some(outcome);
        };
        // The cluster is shown before an order is answered: what is new comes after it.
        members.borrow_and_update();
        match tokio::time::timeout_at(until, members.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Some(outcome),
        }
    }
}

/// Waits until all living members of a zone hold its newest ring, or until then.
pub(crate) async fn acknowledged(agent: &Agent, zone: &Zone, until: Instant) {
    let mut members = agent.members.clone();
    loop {
        members.borrow_and_update();
        let all = status(agent);
        let ring = all.iter().find(|status| status.zone == *zone);
        if ring.is_none_or(|ring| ring.behind.is_empty()) {
            return;
        }
        match tokio::time::timeout_at(until, members.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Tells how the keys of all zones are that this node has keys of, and its own.
pub(crate) fn status(agent: &Agent) -> Vec<Status> {
    let rings = Arc::clone(&agent.rings.borrow());
    let mut all: Vec<_> = rings
        .iter()
        .map(|(zone, ring)| ring.status(zone, living(agent, zone)))
        .collect();
    let own = own_zone(agent);
    if let Some(own) = own.as_ref().filter(|own| !rings.contains_key(*own)) {
        all.push(Ring::default().status(own, []));
    }
    // Its own zone first: that is what most who ask are after.
    all.sort_by_key(|status| Some(&status.zone) != own.as_ref());
    all
}

/// Gives the living nodes of a zone but this one, and which version of the ring each told to hold.
fn living(agent: &Agent, zone: &Zone) -> Vec<(NodeId, u64)> {
    let known = agent.members.borrow();
    let others = known.members.iter().filter(|it| it.record.id != known.own);
    let living = others.filter(|it| it.record.body.zone == *zone && it.state < MemberState::Dead);
    living
        .map(|it| (it.record.id, it.record.body.keys.0))
        .collect()
}

/// Gives the zone of this node.
pub(crate) fn own_zone(agent: &Agent) -> Option<Zone> {
    Zone::parse(agent.node.borrow().zone.as_str()).ok()
}
