//! The seeds: names are looked up by the worker pool, again when that failed and now and then, and
//! the core asks whoever is there for ever.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use drivers::Deadline;
use drivers::network::resolve;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Command, detect};
use crate::agent::Agent;
use crate::tasks::Stop;

/// Time box of looking up one name.
const LOOK_UP_TIME_BOX: Duration = Duration::from_secs(10);
/// Time to the next try while a name has no address.
const AGAIN_FAILED: Duration = Duration::from_secs(5);
/// Time to the next try while nobody is known, for an address may have moved.
const AGAIN_ALONE: Duration = Duration::from_secs(30);
/// Time to the next try otherwise.
const AGAIN: Duration = Duration::from_secs(600);
/// Time between two detections at the start.
const DETECT_WAIT: Duration = Duration::from_secs(2);

/// Longest name of a host, with what else a seed may hold.
const SEED_BYTES_MAX: usize = 300;

/// Why there is no address to join.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAddress {
    /// What was written cannot name a node.
    #[error("{0}")]
    Wrong(String),
    /// It may, and has no address now.
    #[error("{0}")]
    Nowhere(String),
}

/// Splits `host`, `host:port`, `[address]`, `[address]:port` or an address of IPv6.
fn split(seed: &str, port: u16) -> Result<(&str, u16), NoAddress> {
    if seed.len() > SEED_BYTES_MAX {
        return Err(NoAddress::Wrong("no name of a host is so long".to_owned()));
    }
    let wrong = || NoAddress::Wrong("it is neither HOST nor HOST:PORT".to_owned());
    let (host, rest) = match seed.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
        None if seed.matches(':').count() > 1 => (seed, ""),
        None => seed.find(':').map_or((seed, ""), |at| seed.split_at(at)),
    };
    if host.is_empty() {
        return Err(wrong());
    }
    let Some(typed) = rest.strip_prefix(':') else {
        return rest.is_empty().then_some((host, port)).ok_or_else(wrong);
    };
    match typed.parse().ok().filter(|port| *port > 0) {
        Some(port) => Ok((host, port)),
        None => {
            let why = format!("`{typed}` is no port from 1 to 65535");
            Err(NoAddress::Wrong(why))
        }
    }
}

/// Tells why no node can be called at an address; none when one can.
fn not_of_a_node(address: IpAddr) -> Option<&'static str> {
    let is_broadcast = matches!(address, IpAddr::V4(four) if four.is_broadcast());
    let is_of_a_link = matches!(address, IpAddr::V6(six) if six.is_unicast_link_local());
    if address.is_unspecified() || address.is_multicast() || is_broadcast {
        return Some("it is not the address of one node");
    }
    is_of_a_link.then_some("it is an address of one link only: take another of that node")
}

/// Gives the addresses of `host[:port]`; fails with why there is none.
pub(crate) async fn resolve_all(
    agent: &Arc<Agent>,
    seed: &str,
) -> Result<Vec<SocketAddr>, NoAddress> {
    let (host, port) = split(seed, agent.usual_port())?;
    if let Ok(address) = host.parse() {
        return match not_of_a_node(address) {
            None => Ok(vec![SocketAddr::new(address, port)]),
            Some(why) => Err(NoAddress::Wrong(why.to_owned())),
        };
    }
    let owned = host.to_owned();
    let look = move || resolve(&owned, port, Deadline::after(LOOK_UP_TIME_BOX));
    let looked = agent.workers.run("a seed", LOOK_UP_TIME_BOX, look).await;
    let mut addresses = match looked {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(drivers::Error::BadRequest { .. })) => {
            let why = "it is neither a host name nor an address";
            return Err(NoAddress::Wrong(why.to_owned()));
        }
        Ok(Err(error)) => return Err(NoAddress::Nowhere(error.to_string())),
        Err(error) => return Err(NoAddress::Nowhere(error.to_string())),
    };
    let refused = addresses.iter().find_map(|it| not_of_a_node(it.ip()));
    addresses.retain(|it| not_of_a_node(it.ip()).is_none());
    match (addresses.is_empty(), refused) {
        (false, _) => Ok(addresses),
        (true, Some(why)) => Err(NoAddress::Wrong(why.to_owned())),
        (true, None) => Err(NoAddress::Nowhere(format!(
            "`{host}` has no address: neither DNS nor /etc/hosts knows it"
        ))),
    }
}

/// Keeps the cluster loop told of where the seeds are, until the agent stops.
pub(crate) async fn keep_told(agent: Arc<Agent>, auto_detect: bool, mut stop: Stop) {
    let work = async {
        let detected = async {
            // What is for all agents is heard from here on.
            detect::everybody(&agent, agent.usual_port()).await;
            if auto_detect {
                detect_and_join(&agent).await;
            }
        };
        tokio::join!(detected, follow(&agent));
    };
    tokio::select! {
        () = stop.wait() => {}
        () = work => {}
    }
}

async fn follow(agent: &Arc<Agent>) {
    let mut configuration = agent.configuration.subscribe();
    let mut told = Vec::new();
    loop {
        let seeds = configuration.borrow_and_update().seeds.clone();
        let (addresses, all) = look_up(agent, &seeds).await;
        if told != addresses {
            let command = Command::Seeds(addresses.clone());
            // The agent stops when nobody takes it.
            let _ = agent.cluster.send(command).await;
            told = addresses;
        }
        let again = match (all, agent.is_alone()) {
            (false, _) => AGAIN_FAILED,
            (true, true) => AGAIN_ALONE,
            (true, false) => AGAIN,
        };
        changed_or_after(&mut configuration, again).await;
    }
}

async fn changed_or_after<T>(changes: &mut watch::Receiver<T>, time: Duration) {
    // Whoever changes it goes only when the agent stops.
    drop(tokio::time::timeout(time, changes.changed()).await);
}

/// Looks all seeds up; tells whether each has an address.
async fn look_up(agent: &Arc<Agent>, seeds: &[String]) -> (Vec<SocketAddr>, bool) {
    let (mut addresses, mut all) = (Vec::new(), true);
    for seed in seeds {
        match resolve_all(agent, seed).await {
            Ok(found) => addresses.extend(found),
            Err(error) => {
                all = false;
                warn!(seed, %error, "A seed has no address yet");
            }
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    (addresses, all)
}

/// Joins a node that answers a call to everybody; goes on until there is one.
async fn detect_and_join(agent: &Arc<Agent>) {
    while agent.is_alone() {
        match agent.detect_and_join(DETECT_WAIT).await {
            Ok(joined) if joined.is_empty() => {}
            Ok(joined) => {
                for joined in joined {
                    info!(address = joined.address, "Joined a node that was detected");
                }
                return;
            }
            Err(problem) => warn!(%problem, "A node was detected and could not be joined"),
        }
        if agent.configuration.borrow().is_proxy {
            // A proxy is what others wait for.
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_a_host_and_may_have_a_port() {
        for (seed, expect) in [
            ("web-1", Some(("web-1", 6768))),
            ("web-1:7000", Some(("web-1", 7000))),
            ("10.0.0.1:7000", Some(("10.0.0.1", 7000))),
            ("fd00::1", Some(("fd00::1", 6768))),
            ("[fd00::1]", Some(("fd00::1", 6768))),
            ("[fd00::1]:7000", Some(("fd00::1", 7000))),
            ("web-1:", None),
            ("web-1:0", None),
            ("web-1:99999", None),
            (":7000", None),
            ("", None),
            ("[fd00::1", None),
            ("[fd00::1]x", None),
        ] {
            assert_eq!(split(seed, 6768).ok(), expect, "{seed}");
        }
        assert!(split(&"a".repeat(100_000), 6768).is_err());
        let port = split("web-1:99999", 6768).unwrap_err().to_string();
        assert_eq!(port, "`99999` is no port from 1 to 65535");
    }

    #[test]
    fn what_is_not_one_node_is_no_address_to_join() {
        let is_one = |text: &str| not_of_a_node(text.parse().unwrap()).is_none();
        for address in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"] {
            assert!(is_one(address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "fe80::1",
        ] {
            assert!(!is_one(address), "{address}");
        }
    }
}
