//! Orders about the keys of zones, from the API to whoever carries them out.

use std::sync::Arc;

use gossip::seal::{Ring, Status};
use gossip::{KeyOrder, Refusal};
use model::Zone;

use crate::agent::Agent;
use crate::clock;

/// Carries out an order; the new ring is in force and on its way to the disk when it is done.
pub(crate) fn order(agent: &Arc<Agent>, zone: &Zone, order: &KeyOrder) -> Result<(), Refusal> {
    let rings = Arc::clone(&agent.rings.borrow());
    let empty = Ring::default();
    let ring = rings.get(zone).unwrap_or(&empty);
    // Nobody else is known who could lag or need a key.
    let changed = ring.ordered(zone, order, &[], clock::wall())?;
    if changed != *ring {
        agent.keep_keys(zone.clone(), changed);
    }
    Ok(())
}

/// Tells how the keys of all zones are that this node has keys of, and its own.
pub(crate) fn status(agent: &Agent) -> Vec<Status> {
    let rings = Arc::clone(&agent.rings.borrow());
    let mut all: Vec<_> = rings
        .iter()
        .map(|(zone, ring)| ring.status(zone, []))
        .collect();
    let own = own_zone(agent);
    if let Some(own) = own.filter(|own| !rings.contains_key(own)) {
        all.push(Ring::default().status(&own, []));
    }
    all
}

/// Gives the zone of this node.
pub(crate) fn own_zone(agent: &Agent) -> Option<Zone> {
    Zone::parse(agent.node.borrow().zone.as_str()).ok()
}
