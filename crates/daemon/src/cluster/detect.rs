//! Asking everybody on the networks of this machine who is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use drivers::Deadline;
use drivers::network::{Wire, wires};
use socket2::SockRef;
use tracing::debug;

use super::Command;
use crate::agent::Agent;

/// The group of machines that agents listen to over IPv4: of the range that stays on a site
/// (RFC 2365). The last bytes are letters of our name.
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 111, 98);
/// The same over IPv6, on one link.
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x6f70, 0x7362);
/// Time box of asking the kernel for its interfaces.
const TIME_BOX: Duration = Duration::from_secs(3);

/// Looks which networks there are, tells the cluster loop, and gives where everybody is reached.
pub(crate) async fn everybody(agent: &Arc<Agent>, port: u16) -> Vec<SocketAddr> {
    let machine = Arc::clone(&agent.machine);
    let look = move || wires(machine.host(), Deadline::after(TIME_BOX));
    let wires = match agent.workers.run_alone("interfaces", TIME_BOX, look).await {
        Ok(Ok(wires)) => wires,
        Ok(Err(error)) => {
            debug!(%error, "The interfaces are not known");
            Vec::new()
        }
        Err(error) => {
            debug!(%error, "The interfaces are not known");
            Vec::new()
        }
    };
    let targets = targets(&wires, port);
    // The agent stops when nobody takes it.
    let _ = agent.cluster.send(Command::Wires(wires)).await;
    targets
}

/// Gives where everybody on these networks is reached.
fn targets(wires: &[Wire], port: u16) -> Vec<SocketAddr> {
    let mut targets: Vec<IpAddr> = vec![IpAddr::V4(Ipv4Addr::BROADCAST)];
    targets.extend(
        wires
            .iter()
            .flat_map(|wire| &wire.broadcasts)
            .copied()
            .map(IpAddr::V4),
    );
    if wires.iter().any(|wire| wire.has_multicast) {
        targets.push(IpAddr::V4(GROUP_V4));
        targets.push(IpAddr::V6(GROUP_V6));
    }
    targets.sort_unstable();
    targets.dedup();
    targets
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect()
}

/// Listens to what is for all agents, on each network. A socket that is bound to one address hears
/// none of it.
pub(super) fn listen(socket: &UdpSocket, wires: &[Wire]) {
    let raw = SockRef::from(socket);
    let is_v6 = socket.local_addr().is_ok_and(|own| own.is_ipv6());
    for wire in wires.iter().filter(|wire| wire.has_multicast) {
        // It fails where this was done before, and on networks that have no such groups.
        let index = socket2::InterfaceIndexOrAddress::Index(wire.index);
        let _ = raw.join_multicast_v4_n(&GROUP_V4, &index);
        if is_v6 {
            let _ = raw.join_multicast_v6(&GROUP_V6, wire.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_asked_in_each_way_that_it_has() {
        let wire = |index: u32, broadcast: Option<Ipv4Addr>| Wire {
            index,
            name: format!("eth{index}"),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))],
            broadcasts: broadcast.into_iter().collect(),
            has_multicast: broadcast.is_some(),
        };
        let wires = [
            wire(1, None),
            wire(2, Some(Ipv4Addr::new(10, 0, 0, 255))),
            wire(3, Some(Ipv4Addr::new(10, 1, 255, 255))),
        ];
        let shown: Vec<String> = targets(&wires, 6768)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expect = [
            "10.0.0.255:6768",
            "10.1.255.255:6768",
            "239.255.111.98:6768",
            "255.255.255.255:6768",
            "[ff02::6f70:7362]:6768",
        ];
        assert_eq!(shown, expect);
        assert_eq!(targets(&wires[..1], 1).len(), 1);
    }
}
