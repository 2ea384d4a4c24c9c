//! Many packets with one call of the system: a call costs as much as an answer.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg,
    sendmmsg, sendmsg, setsockopt, sockopt,
};

/// Packets of one call.
const PACKETS: usize = 64;
/// Longest query that is read; nobody has a reason for a longer one.
const QUERY_BYTES_MAX: usize = 2_048;

/// The address of this machine that a packet came to; the answer must come from there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Local {
    V4(in_pktinfo),
    V6(in6_pktinfo),
    /// The socket has one address only.
    Bound,
}

/// A packet that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    length: usize,
    from: SockaddrStorage,
    /// Who sent it.
    pub(super) source: SocketAddr,
    /// The address that it came to.
    pub(super) local: Local,
}

/// A socket, and room for packets of one call.
pub(super) struct Batch {
    socket: UdpSocket,
    receive: MultiHeaders<SockaddrStorage>,
    send: MultiHeaders<SockaddrStorage>,
    packets: Vec<[u8; QUERY_BYTES_MAX]>,
    came: Vec<Came>,
}

impl Batch {
    /// Prepares a socket. One that is bound to all addresses tells to which a packet came.
    pub(super) fn new(socket: UdpSocket) -> std::io::Result<Self> {
        let address = socket.local_addr()?;
        let is_wild = address.ip().is_unspecified();
        if is_wild && address.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        } else if is_wild {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        let room = || match (is_wild, address.is_ipv4()) {
            (false, _) => None,
            (true, true) => Some(cmsg_space!(in_pktinfo)),
            (true, false) => Some(cmsg_space!(in6_pktinfo)),
        };
        Ok(Self {
            socket,
            receive: MultiHeaders::preallocate(PACKETS, room()),
            send: MultiHeaders::preallocate(PACKETS, room()),
            packets: vec![[0; QUERY_BYTES_MAX]; PACKETS],
            came: Vec::with_capacity(PACKETS),
        })
    }

    /// Waits for packets, and takes those that are there.
    pub(super) fn receive(&mut self) -> Result<(), Errno> {
        self.came.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .packets
            .iter_mut()
            .map(|packet| [IoSliceMut::new(packet)])
            .collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let socket = self.socket.as_raw_fd();
        let results = recvmmsg(socket, &mut self.receive, slices.iter_mut(), flags, None)?;
        for result in results {
            let from = result.address;
            let source = from.and_then(address_of);
            let local = result
                .cmsgs()
                .ok()
                .and_then(|mut all| all.find_map(local_of));
            if let (Some(from), Some(source)) = (from, source) {
                self.came.push(Came {
                    // One that was cut is none that can be answered.
                    length: match result.flags.contains(MsgFlags::MSG_TRUNC) {
                        true => 0,
                        false => result.bytes,
                    },
                    from,
                    source,
                    local: local.unwrap_or(Local::Bound),
                });
            } else {
                self.came.push(Came {
                    length: 0,
                    from: SockaddrStorage::from(SocketAddr::from(([0, 0, 0, 0], 0))),
                    source: SocketAddr::from(([0, 0, 0, 0], 0)),
                    local: Local::Bound,
                });
            }
        }
        Ok(())
    }

    /// Gives the packets that came.
    pub(super) fn came(&self) -> impl Iterator<Item = (&Came, &[u8])> {
        let pairs = self.came.iter().zip(&self.packets);
        pairs.map(|(came, packet)| (came, &packet[..came.length]))
    }

    /// Sends answers to packets that came, by their place; an empty answer is none. What the
    /// system does not take is lost, as any packet may be.
    pub(super) fn send(&mut self, answers: &[Vec<u8>]) {
        let mut from = 0;
        while from < self.came.len() {
            let local = self.came[from].local;
            let run = self.came[from..]
                .iter()
                .take_while(|came| same(came.local, local))
                .count();
            self.send_run(from, from + run, local, answers);
            from += run;
        }
    }

    /// Sends answers that come from one address.
    fn send_run(&mut self, from: usize, to: usize, local: Local, answers: &[Vec<u8>]) {
        let range = from..to;
        let pairs = answers[range.clone()].iter().zip(&self.came[range]);
        let (slices, addresses): (Vec<[IoSlice<'_>; 1]>, Vec<Option<SockaddrStorage>>) = pairs
            .filter(|(answer, _)| !answer.is_empty())
            .map(|(answer, came)| ([IoSlice::new(answer)], Some(came.from)))
            .unzip();
        let controls = control(&local);
        let mut sent = 0;
        while sent < slices.len() {
            let done = sendmmsg(
                self.socket.as_raw_fd(),
                &mut self.send,
                &slices[sent..],
                &addresses[sent..],
                &controls,
                MsgFlags::MSG_DONTWAIT,
            );
            // The first one failed: it is left out, the others are tried.
            sent += done.map_or(1, |results| results.count().max(1));
        }
    }
}

/// Sends one packet from an address of this machine.
pub(super) fn send_one(socket: &UdpSocket, packet: &[u8], to: SocketAddr, local: Local) {
    let controls = control(&local);
    let to = SockaddrStorage::from(to);
    // A packet that the system does not take is lost, as any packet may be.
    let _ = sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(packet)],
        &controls,
        MsgFlags::MSG_DONTWAIT,
        Some(&to),
    );
}

fn control(local: &Local) -> Vec<ControlMessage<'_>> {
    match local {
        Local::V4(info) => vec![ControlMessage::Ipv4PacketInfo(info)],
        Local::V6(info) => vec![ControlMessage::Ipv6PacketInfo(info)],
        Local::Bound => Vec::new(),
    }
}

fn same(one: Local, other: Local) -> bool {
    match (one, other) {
        (Local::Bound, Local::Bound) => true,
        (Local::V4(one), Local::V4(other)) => one.ipi_spec_dst.s_addr == other.ipi_spec_dst.s_addr,
        (Local::V6(one), Local::V6(other)) => {
            one.ipi6_addr.s6_addr == other.ipi6_addr.s6_addr
                && one.ipi6_ifindex == other.ipi6_ifindex
        }
        _ => false,
    }
}

fn local_of(control: ControlMessageOwned) -> Option<Local> {
    match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Local::V4(in_pktinfo {
            // The way back is the routing table's choice.
            ipi_ifindex: 0,
            ..info
        })),
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let address = IpAddr::from(info.ipi6_addr.s6_addr);
            let is_link = matches!(address, IpAddr::V6(it) if it.is_unicast_link_local());
            Some(Local::V6(in6_pktinfo {
                ipi6_ifindex: if is_link { info.ipi6_ifindex } else { 0 },
                ..info
            }))
        }
        _ => None,
    }
}

fn address_of(from: SockaddrStorage) -> Option<SocketAddr> {
    if let Some(four) = from.as_sockaddr_in() {
        return Some(SocketAddr::from((four.ip(), four.port())));
    }
    let six = from.as_sockaddr_in6()?;
    Some(SocketAddr::V6(std::net::SocketAddrV6::new(
        six.ip(),
        six.port(),
        six.flowinfo(),
        six.scope_id(),
    )))
}
