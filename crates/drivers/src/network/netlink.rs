//! Network interfaces and their addresses, asked of the kernel by route netlink (rtnetlink(7)).
//!
//! Two questions answer for all interfaces at once, where `/sys` takes ten files for each. A
//! recorded machine holds the answers as files (`/netlink/links`, `/netlink/addresses`): the
//! messages of the kernel, one behind the other.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use model::limits::KERNEL_FILE_BYTES_MAX;
use rustix::net::Protocol;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, sendto, socket_with};

use crate::{Deadline, Error, Host, meter};

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number by which addresses and other interfaces know it.
    pub(crate) index: u32,
    /// The name.
    pub(crate) name: String,
    /// What it carries, as a number of ARP (1 is Ethernet).
    pub(crate) hardware: u16,
    /// What it is, where it is no device: `bond`, `vlan`, `veth`.
    pub(crate) kind: Option<String>,
    /// Its own address on the wire.
    pub(crate) address: Vec<u8>,
    /// The number of the interface that it is a part of.
    pub(crate) master: Option<u32>,
    /// The largest packet.
    pub(crate) mtu: Option<u32>,
    /// Its state, as a number of RFC 2863.
    pub(crate) state: Option<u8>,
    /// Its flags, by their bits.
    pub(crate) flags: u32,
}

impl Link {
    pub(crate) const UP: u32 = 1;
    pub(crate) const BROADCAST: u32 = 1 << 1;
    pub(crate) const RUNNING: u32 = 1 << 6;
    pub(crate) const MULTICAST: u32 = 1 << 12;
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The number of the interface.
    pub(crate) index: u32,
    /// The address of this machine.
    pub(crate) address: IpAddr,
    /// How many bits of it name the network.
    pub(crate) prefix: u8,
    /// Where to send what is for all.
    pub(crate) broadcast: Option<IpAddr>,
    /// Whether it is seen beyond its link.
    pub(crate) is_global: bool,
}

/// Gives the interfaces, in the order of the kernel.
pub(crate) fn links(host: &Host, deadline: Deadline) -> Result<Vec<Link>, Error> {
    let answer = ask(host, &LINKS, deadline)?;
    collect(&answer, &LINKS, parse_link)
}

/// Gives the addresses of all interfaces.
pub(crate) fn addresses(host: &Host, deadline: Deadline) -> Result<Vec<Address>, Error> {
    let answer = ask(host, &ADDRESSES, deadline)?;
    collect(&answer, &ADDRESSES, parse_address)
}

/// A question to the kernel that has many answers.
pub(super) struct Question<'a> {
    /// Who in the kernel is asked; none is rtnetlink.
    pub(super) protocol: Option<Protocol>,
    /// The kind of the question, and that of the answers.
    pub(super) ask: u16,
    pub(super) answer: u16,
    /// What stands behind the head of the request.
    pub(super) body: &'a [u8],
    /// Where a recorded machine has the answer.
    pub(super) recorded: &'static str,
    /// In words.
    pub(super) shown: &'static str,
}

/// The body asks for all families and, by an attribute (IFLA_EXT_MASK), without statistics, which
/// are most of the answer.
const LINKS: Question<'static> = Question {
    protocol: None,
    ask: 18,
    answer: 16,
    body: &[0; 16],
    recorded: "/netlink/links",
    shown: "the kernel for network interfaces",
};
const ADDRESSES: Question<'static> = Question {
    protocol: None,
    ask: 22,
    answer: 20,
    body: &[0; 8],
    recorded: "/netlink/addresses",
    shown: "the kernel for network addresses",
};
const SKIP_STATISTICS: u32 = 1 << 3;
const EXT_MASK: u16 = 29;

/// Kinds of messages and flags of every netlink family.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const HEAD_BYTES: usize = 16;
/// The kernel fills at most this in one go.
const BUFFER_BYTES: usize = 64 << 10;

fn ask(host: &Host, question: &Question<'_>, deadline: Deadline) -> Result<Vec<u8>, Error> {
    if !host.is_real() {
        return host.read(question.recorded, KERNEL_FILE_BYTES_MAX, deadline);
    }
    let mut answer = Vec::new();
    ask_parts(question, deadline, &mut |part| {
        answer.extend_from_slice(part);
    })?;
    Ok(answer)
}

/// Asks, and hands over the body of each answer as it comes.
pub(super) fn ask_each(
    question: &Question<'_>,
    deadline: Deadline,
    found: &mut dyn FnMut(&[u8]),
) -> Result<(), Error> {
    ask_parts(question, deadline, &mut |part| {
        Messages(part)
            .filter(|(kind, _)| *kind == question.answer)
            .for_each(|(_, body)| found(body));
    })
}

fn ask_parts(
    question: &Question<'_>,
    deadline: Deadline,
    found: &mut dyn FnMut(&[u8]),
) -> Result<(), Error> {
    let has_ended = dump(question, deadline, found)
        .map_err(|error| Error::system("ask", question.shown)(error.into()))?;
    if has_ended {
        Ok(())
    } else if deadline.is_over() {
        Err(deadline.error("asking", question.shown))
    } else {
        let problem = "gave no end of its answer";
        Err(Error::bad_answer(question.shown, problem))
    }
}

/// Sends the question and hands over the parts of the answer; tells whether it came to its end.
fn dump(
    question: &Question<'_>,
    deadline: Deadline,
    found: &mut dyn FnMut(&[u8]),
) -> rustix::io::Result<bool> {
    let kernel = SocketAddrNetlink::new(0, 0);
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        question.protocol,
    )?;
    let left = deadline.remaining().max(Duration::from_millis(1));
    set_socket_timeout(&socket, Timeout::Recv, Some(left))?;
    sendto(&socket, &request(question), SendFlags::empty(), &kernel)?;
    let mut total = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    while total < KERNEL_FILE_BYTES_MAX && !deadline.is_over() {
        let (_, length) = match recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()) {
            Ok(received) => received,
            Err(rustix::io::Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(error),
        };
        let part = buffer.get(..length).unwrap_or_default();
        total += length;
        meter::count(length);
        found(part);
        for (kind, body) in Messages(part) {
            if kind == DONE {
                return Ok(true);
            }
            if let (ERROR, Some(code)) = (kind, number(body).filter(|code| *code != 0)) {
                let code = code.cast_signed().wrapping_neg();
                return Err(rustix::io::Errno::from_raw_os_error(code));
            }
        }
    }
    Ok(false)
}

fn request(question: &Question<'_>) -> Vec<u8> {
    let mask = (question.ask == LINKS.ask).then_some(SKIP_STATISTICS);
    let attribute = mask.map(|mask| {
        let head = [8_u16.to_ne_bytes(), EXT_MASK.to_ne_bytes()].concat();
        [head, mask.to_ne_bytes().to_vec()].concat()
    });
    let body = [question.body, &attribute.unwrap_or_default()].concat();
    let length = u32::try_from(HEAD_BYTES + body.len()).unwrap_or_default();
    [
        length.to_ne_bytes().as_slice(),
        &question.ask.to_ne_bytes(),
        &REQUEST_DUMP.to_ne_bytes(),
        // Number of the request, and who asks: the kernel fills it in.
        &1_u32.to_ne_bytes(),
        &[0; 4],
        &body,
    ]
    .concat()
}

/// Reads all messages of the answer; one that cannot be read means that nothing of it is certain.
fn collect<Found>(
    answer: &[u8],
    question: &Question<'_>,
    parse: fn(&[u8]) -> Option<Found>,
) -> Result<Vec<Found>, Error> {
    Messages(answer)
        .filter(|(kind, _)| *kind == question.answer)
        .map(|(_, body)| {
            parse(body).ok_or_else(|| {
                Error::bad_answer(question.shown, "gave a message that was cut or bent")
            })
        })
        .collect()
}

/// The messages of an answer, each with its kind.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(number(self.0)?).ok()?;
        let kind = short(self.0.get(4..)?)?;
        // What was cut ends the list.
        let message = self.0.get(..length)?;
        let body = message.get(HEAD_BYTES..)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some((kind, body))
    }
}

/// The attributes of a message, each with its number.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(short(self.0)?);
        // The two upper bits are flags.
        let kind = short(self.0.get(2..)?)? & 0x3fff;
        let value = self.0.get(..length)?.get(4..)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    }
}

fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn short(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.first_chunk()?))
}

pub(super) fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.first_chunk()?))
}

/// Gives a text, which ends at a zero byte.
fn word(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

/// Reads `struct ifinfomsg` and the attributes behind it.
fn parse_link(body: &[u8]) -> Option<Link> {
    let attributes: BTreeMap<u16, &[u8]> = Attributes(body.get(16..)?).collect();
    let about = attributes.get(&18).copied().unwrap_or_default();
    let kind = Attributes(about).find(|(kind, _)| *kind == 1);
    Some(Link {
        hardware: short(body.get(2..)?)?,
        index: number(body.get(4..)?)?,
        flags: number(body.get(8..)?)?,
        address: attributes
            .get(&1)
            .map_or_else(Vec::new, |bytes| bytes.to_vec()),
        name: word(attributes.get(&3)?),
        mtu: attributes.get(&4).and_then(|bytes| number(bytes)),
        master: attributes.get(&10).and_then(|bytes| number(bytes)),
        state: attributes.get(&16).and_then(|bytes| bytes.first().copied()),
        kind: kind.map(|(_, value)| word(value)),
    })
}

/// Reads `struct ifaddrmsg` and the attributes behind it.
fn parse_address(body: &[u8]) -> Option<Address> {
    let attributes: BTreeMap<u16, &[u8]> = Attributes(body.get(8..)?).collect();
    let address = |kind: u16| ip(attributes.get(&kind)?);
    Some(Address {
        prefix: *body.get(1)?,
        is_global: *body.get(3)? == 0,
        index: number(body.get(4..)?)?,
        // On a link of two, the first attribute is the other end.
        address: address(2).or_else(|| address(1))?,
        broadcast: address(4),
    })
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        16 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recorded;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    #[test]
    fn this_machine_has_a_loopback() {
        let links = links(&Host::real(), deadline()).unwrap();
        let lo = links.iter().find(|link| link.name == "lo").unwrap();
        assert_eq!(lo.hardware, 772);
        let addresses = addresses(&Host::real(), deadline()).unwrap();
        let of_lo = addresses.iter().filter(|address| address.index == lo.index);
        // A namespace of its own may have it down, and then without an address.
        for address in of_lo {
            assert!(address.address.is_loopback() || lo.flags & Link::UP == 0);
        }
    }

    #[test]
    fn recorded_answers_are_read() {
        let links = links(&recorded("storage"), deadline()).unwrap();
        let names: Vec<&str> = links.iter().map(|link| &*link.name).collect();
        assert_eq!(names, ["lo", "eno1", "eno2", "bond0", "bond0.42"]);
        assert_eq!(links[1].master, Some(links[3].index));
        assert_eq!(links[3].kind.as_deref(), Some("bond"));
        let addresses = addresses(&recorded("storage"), deadline()).unwrap();
        assert_eq!(addresses.len(), 5);
        assert_eq!(addresses[1].broadcast, Some([192, 0, 2, 255].into()));
    }

    #[test]
    fn no_answer_that_was_cut_or_bent_does_harm() {
        for (question, path) in [(&LINKS, "netlink/links"), (&ADDRESSES, "netlink/addresses")] {
            let whole = std::fs::read(recorded("storage").root().join(path)).unwrap();
            for length in 0..whole.len() {
                let _ = collect(&whole[..length], &LINKS, parse_link);
                let _ = collect(&whole[..length], &ADDRESSES, parse_address);
            }
            for index in 0..whole.len() {
                let mut bent = whole.clone();
                bent[index] ^= 0xff;
                let _ = collect(&bent, question, parse_link);
                let _ = collect(&bent, question, parse_address);
            }
        }
    }
}
