//! What the rest of the agent asks of the cluster, and waits for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::gossip::{Joined, in_turn};
use api::{ErrorCode, Problem};
use gossip::{CallError, Done, Found, Order, Refusal};
use model::{MemberState, Zone};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::{Command, Outcome, detect, shown_name};
use crate::agent::Agent;
use crate::configuration::Bootstrap;
use crate::keep::Keep;

/// Port of an agent when nobody says another.
const USUAL_PORT: u16 = 6768;
/// How long a newcomer is told of further nodes, and the pause after which there are no more: what
/// a node knows is published ten times a second while nodes come.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
const TOLD_PAUSE: Duration = Duration::from_millis(250);

impl Agent {
    /// Has the cluster do something; none when the agent stops.
    pub(crate) async fn order(&self, order: Order) -> Option<Outcome> {
        let (tx, rx) = oneshot::channel();
        self.cluster.send(Command::Order(order, tx)).await.ok()?;
        rx.await.ok()
    }

    /// Gives the port that other agents are thought to have.
    pub(crate) fn usual_port(&self) -> u16 {
        match self.configuration.borrow().port {
            0 => USUAL_PORT,
            port => port,
        }
    }

    /// Tells whether no other node lives, as far as this one knows.
    pub(crate) fn is_alone(&self) -> bool {
        let known = self.members.borrow();
        !known
            .members
            .iter()
            .any(|member| member.record.id != known.own && member.state == MemberState::Alive)
    }

    /// Tells whether the agent is not ready for it waits until a seed answers.
    pub(crate) fn waits_for_seeds(&self) -> bool {
        let waits = {
            let configuration = self.configuration.borrow();
            configuration.bootstrap != Bootstrap::AtOnce && !configuration.seeds.is_empty()
        };
        waits && self.listen.contains_key("gossip") && self.is_alone()
    }

    /// Joins whoever listens at one of these addresses; the problem tells of each.
    pub(crate) async fn join(&self, addresses: &[SocketAddr]) -> Result<Joined, Problem> {
        let (mut refused, mut why) = (Vec::new(), Vec::new());
        for address in addresses {
            match self.order(Order::Join(*address)).await {
                Some(Ok(Done::Joined(id))) => {
                    // A disk that takes nothing is told elsewhere, and no reason not to join.
                    drop(self.on_disk("cluster", Keep::save_cluster).await);
                    let known = grown(self.members.clone(), |it| it.members.len()).await;
                    return Ok(Joined {
                        address: address.to_string(),
                        uuid: id.to_string(),
                        name: shown_name(&known, id).unwrap_or_default(),
                        members: known.members.len() as u64,
                    });
                }
                Some(Ok(other)) => why.push(format!("{address}: {other:?}")),
                Some(Err(refusal)) => {
                    why.push(told(*address, &refusal));
                    refused.push(refusal);
                }
                None => return Err(stopping()),
            }
        }
        let problem = Problem::new(ErrorCode::Conflict, why.join("; "));
        Err(match hint(&refused) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        })
    }

    /// Asks everybody who is there.
    pub(crate) async fn detect(self: &Arc<Self>, wait: Duration) -> Result<Vec<Found>, Problem> {
        let to = detect::everybody(self, self.usual_port()).await;
        match self.order(Order::Detect { to, wait }).await {
            Some(Ok(Done::Detected(mut found))) => {
                found.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
                Ok(found)
            }
            Some(Ok(_)) => Ok(Vec::new()),
            Some(Err(refusal)) => Err(Problem::new(ErrorCode::Conflict, refusal.to_string())),
            None => Err(stopping()),
        }
    }

    /// Asks everybody who is there and joins one of each zone, a proxy when there is one.
    pub(super) async fn detect_and_join(
        self: &Arc<Self>,
        wait: Duration,
    ) -> Result<Vec<Joined>, Problem> {
        let found = self.detect(wait).await?;
        let mut all_joined = Vec::new();
        let mut refused = None;
        for of_zone in in_turn(&found, |it| (it.zone.as_str(), it.is_proxy)) {
            let addresses: Vec<SocketAddr> = of_zone.iter().map(|it| it.address).collect();
            match self.join(&addresses).await {
                Ok(joined) => all_joined.push(joined),
                // A zone that does not see this node's is no reason to worry when another does.
                Err(problem) => refused = Some(problem),
            }
        }
        match refused {
            Some(problem) if all_joined.is_empty() => Err(problem),
            Some(_) | None => Ok(all_joined),
        }
    }

    /// Says good-bye to the cluster, within a time.
    pub(crate) async fn leave_politely(&self, most: Duration) {
        let leave = async {
            if !self.listen.contains_key("gossip") {
                return;
            }
            let own = self.node.borrow().id;
            if self.is_alone() {
                return;
            }
            match self.order(Order::Leave(own)).await {
                Some(Ok(_)) => info!("Left the cluster"),
                Some(Err(refusal)) => warn!(%refusal, "The cluster was not left politely"),
                None => {}
            }
        };
        if tokio::time::timeout(most, leave).await.is_err() {
            warn!("The cluster did not hear in time that this node leaves");
        }
        let (tx, rx) = oneshot::channel();
        if self.cluster.send(Command::Kept(tx)).await.is_ok()
            && let Ok(Some(kept)) = rx.await
        {
            self.keep.put_cluster(kept);
        }
    }

    /// Notes that this node is in another zone, for good.
    pub(super) fn zone_changed(&self, zone: &Zone) {
        let configured = self.configuration.borrow().zone.clone();
        info!(%zone, "The zone of this node was changed");
        self.note("zone", format!("changed to {zone}"));
        let zone = zone.clone();
        self.on_disk_later("zone", move |keep| keep.save_zone(&zone, &configured));
    }
}

/// Gives what is watched once it has not grown for a moment: a node that joined just now is told of
/// all others then.
async fn grown<T: Clone>(mut watched: watch::Receiver<T>, size: impl Fn(&T) -> usize) -> T {
    let last = Instant::now() + TOLD_WITHIN;
    let mut quiet = Instant::now() + TOLD_PAUSE;
    let mut known = watched.borrow_and_update().clone();
    while let Ok(Ok(())) = timeout_at(quiet.min(last), watched.changed()).await {
        let next = watched.borrow_and_update().clone();
        if size(&next) > size(&known) {
            quiet = Instant::now() + TOLD_PAUSE;
        }
        known = next;
    }
    known
}

fn stopping() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the agent is stopping")
}

/// Tells why a join was refused, and where.
fn told(address: SocketAddr, refusal: &Refusal) -> String {
    let text = refusal.to_string();
    match text.contains(&address.to_string()) {
        true => text,
        false => format!("{address}: {text}"),
    }
}

/// Tells what to do about joins that were refused: about the one that tells most of the cluster.
fn hint(refused: &[Refusal]) -> Option<&'static str> {
    let hint_of = |refusal: &Refusal| match refusal {
        Refusal::NotAsked { error, .. } => match error {
            CallError::NoCommonKey | CallError::NoKeyHere => Some(
                "both need the same key of the zone: opsbro join HOST --key KEY brings that of the \
                 other one, from its file zone_keys/ZONE.gossip.key",
            ),
            CallError::NoKeyThere => Some(
                "on that node, `opsbro join HOST --key KEY` brings the key of this one, from the \
                 file zone_keys/ZONE.gossip.key here",
            ),
            _ => None,
        },
        Refusal::OtherZone { .. } => Some(
            "opsbro gossip zone list shows the zones that this node knows; the files below zones/ \
             must be the same on both",
        ),
        Refusal::NoProxyThere { .. } => {
            Some("join a node of that zone whose agent.yml says proxy-node: true")
        }
        Refusal::NoProxyHere { .. } => Some(
            "let a node of this zone join whose agent.yml says proxy-node: true, or have that one \
             join a proxy of this zone",
        ),
        Refusal::NoKeyOfZone { .. } => Some(
            "bring it from that node's file zone_keys/ZONE.gossip.key: opsbro gossip zone key \
             import --zone ZONE --key KEY",
        ),
        Refusal::NotReached { .. } => Some(
            "set advertise_address in agent.yml to an address that others reach, and open the port \
             for UDP and TCP in the firewall",
        ),
        Refusal::Protocol { .. } => Some("bring the older of the two up to date"),
        Refusal::Myself(_) => Some("name another node of the cluster"),
        _ => None,
    };
    let is_there = |refusal: &Refusal| matches!(refusal, Refusal::NotAsked { .. });
    refused.iter().find_map(hint_of).or_else(|| {
        refused.iter().any(is_there).then_some(
            "is the agent started there, and is its port open for UDP and TCP? see listen.gossip \
             in `opsbro agent info -o json`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets one more be known every so often, so many times.
    async fn comes(known: watch::Sender<usize>, every: Duration, times: usize) {
        let mut beat = tokio::time::interval(every);
        for _ in 0..times {
            beat.tick().await;
            known.send_modify(|count| *count += 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_tells_how_many_there_are_when_it_was_told_of_all() {
        let (tx, rx) = watch::channel(2);
        let others = comes(tx, Duration::from_millis(200), 5);
        let (known, ()) = tokio::join!(grown(rx, |count| *count), others);
        assert_eq!(known, 7);
        let (tx, rx) = watch::channel(0);
        let began = Instant::now();
        tokio::select! {
            _ = grown(rx, |count| *count) => {}
            () = comes(tx, Duration::from_millis(100), usize::MAX) => {}
        }
        assert_eq!(began.elapsed(), TOLD_WITHIN);
    }
}
