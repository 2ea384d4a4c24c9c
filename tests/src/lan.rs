//! Hosts with network cards of their own, on one network that a test can break.
//!
//! Each host is a network namespace with a card `eth0`, the name `node<n>`, the addresses
//! `10.66.0.<n>` and `fd66::<n>`; its frames go through a [switch] in this process. Agents run in
//! it as they would on a machine. What is missing on this one is said and fails the test; what a
//! killed run left is removed by the next. Start with [`Lan::new`].

mod space;
mod switch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use crate::agent::{Agent, Home};
use crate::wait::wait_for;
use space::Space;
use switch::Switch;

pub use switch::{Link, Traffic};

/// How many hosts have a name that the others can look up.
const NAMED: u8 = 20;

/// Carries frames between a card and the switch. A burst shall wait, and not hold up the switch.
const PLUG: &str = "echo 512 > /proc/sys/net/unix/max_dgram_qlen; exec socat \"$0\" \"$1\"";

/// A network.
pub struct Lan {
    cable: Arc<Cable>,
    kind: Kind,
    /// The second number of its addresses.
    net: u8,
}

/// What hosts of a network have.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// Whether hosts have addresses of IPv4.
    pub has_v4: bool,
    /// Whether hosts have addresses of IPv6.
    pub has_v6: bool,
}

struct Cable {
    // Goes first, for it uses the folder.
    switch: Switch,
    folder: TempDir,
}

/// A host.
pub struct Host {
    /// Its number.
    pub number: u8,
    net: u8,
    // They go first, for their plugs are in the space.
    cards: Vec<Card>,
    space: Space,
}

/// A network card of a host, plugged into a network.
struct Card {
    number: u8,
    plug: Child,
    cable: Arc<Cable>,
}

impl Lan {
    /// Says why this machine can have none, where a test may be left out for that.
    pub fn lacking() -> Option<String> {
        space::lacking()
    }

    /// Makes a network of both kinds of addresses.
    pub fn new() -> Self {
        Self::of(Kind {
            mtu: 1_500,
            has_v4: true,
            has_v6: true,
        })
    }

    /// Makes a network.
    pub fn of(kind: Kind) -> Self {
        space::demand();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let switch = Switch::new(folder.path());
        let cable = Arc::new(Cable { switch, folder });
        let net = 66;
        Self { cable, kind, net }
    }

    /// Makes a network for hosts that are on another one too; its addresses are `10.67.0.<n>` and
    /// `fd67::<n>`.
    pub fn beside() -> Self {
        Self {
            net: 67,
            ..Self::new()
        }
    }

    /// Makes a host.
    pub fn host(&self, number: u8) -> Host {
        let known = (1..=NAMED).flat_map(|number| {
            let four = self.kind.has_v4.then(|| IpAddr::from(self.four(number)));
            let six = self.kind.has_v6.then(|| IpAddr::from(self.six(number)));
            let both = four.into_iter().chain(six);
            both.map(move |address| format!("{address} {}\n", name(number)))
        });
        let local = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
        let space = Space::new(&std::iter::once(local).chain(known).collect::<String>());
        let mut host = Host {
            number,
            net: self.net,
            cards: Vec::new(),
            space,
        };
        self.plug_in(&mut host, "eth0");
        let addresses = self.addresses(number, "eth0");
        let batch = format!("link set lo up\n{addresses}{}", self.routes());
        host.space.ip(&batch);
        host
    }

    /// Gives a host of another network a second card, which is on this one.
    pub fn second_card(&self, host: &mut Host) {
        self.plug_in(host, "eth1");
        host.space.ip(&self.addresses(host.number, "eth1"));
    }

    /// Puts a card into a host, and its cable into the switch.
    fn plug_in(&self, host: &mut Host, name: &str) {
        let folder = self.cable.folder.path();
        let inlet = switch::inlet(folder);
        let to = format!(
            "UNIX-SENDTO:{},bind={}",
            inlet.display(),
            switch::port(folder, host.number).display()
        );
        let card = format!("TUN,tun-type=tap,tun-name={name},iff-no-pi,iff-up");
        host.cards.push(Card {
            number: host.number,
            plug: host.space.spawn("sh", &["-c", PLUG, &card, &to]),
            cable: Arc::clone(&self.cable),
        });
        wait_for("a network card", || host.space.has(name).then_some(()));
        self.cable.switch.plug_in(host.number);
    }

    /// Makes the hosts 1 to `count`.
    pub fn hosts<const COUNT: usize>(&self) -> [Host; COUNT] {
        std::array::from_fn(|at| self.host(at as u8 + 1))
    }

    fn addresses(&self, number: u8, name: &str) -> String {
        let card = switch::card(number).map(|byte| format!("{byte:02x}"));
        let mut batch = format!(
            "link set {name} addrgenmode none\n\
             link set {name} address {} mtu {} up\n",
            card.join(":"),
            self.kind.mtu
        );
        if self.kind.has_v4 {
            let (own, net) = (self.four(number), self.net);
            batch += &format!("addr add {own}/24 broadcast 10.{net}.0.255 dev {name}\n");
        }
        if self.kind.has_v6 {
            batch += &format!("addr add {}/64 dev {name} nodad\n", self.six(number));
            batch += &format!("addr add fe80::{number:x}/64 dev {name} nodad\n");
        }
        batch
    }

    fn routes(&self) -> String {
        let mut batch = String::new();
        if self.kind.has_v4 {
            batch += &format!("route add default via {}\n", self.four(254));
        }
        if self.kind.has_v6 {
            batch += &format!("route add default via {}\n", self.six(254));
        }
        batch
    }

    fn four(&self, number: u8) -> Ipv4Addr {
        four(self.net, number)
    }

    fn six(&self, number: u8) -> Ipv6Addr {
        six(self.net, number)
    }

    /// Says how all cables are that nothing else is said of.
    pub fn set(&self, link: Link) {
        self.cable.switch.set_usual(link);
    }

    /// Says how the cable between two hosts is, in one direction.
    pub fn set_between(&self, from: &Host, to: &Host, link: Link) {
        self.cable.switch.set(from.number, to.number, link);
    }

    /// Cuts hosts off from others, in both directions.
    pub fn part(&self, some: &[&Host], others: &[&Host]) {
        let cut = Link {
            is_cut: true,
            ..Link::default()
        };
        for one in some {
            for other in others {
                self.set_between(one, other, cut);
                self.set_between(other, one, cut);
            }
        }
    }

    /// Takes back what was said of single cables.
    pub fn mend(&self) {
        self.cable.switch.mend();
    }

    /// Gives the frames that hosts sent last.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.cable.switch.heard()
    }

    /// Tells what went by.
    pub fn traffic(&self) -> Traffic {
        self.cable.switch.traffic()
    }
}

impl Default for Lan {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// Makes the folder of an agent whose name for people is that of the host.
    pub fn home(&self, agent_yml: &str) -> Home {
        Home::new(&format!("display_name: n{}\n{agent_yml}", self.number))
    }

    /// Starts an agent here and waits until it is ready.
    #[track_caller]
    pub fn start(&self, home: Home) -> Agent {
        self.launch(home).ready()
    }

    /// Starts an agent here and does not wait for it.
    pub fn launch(&self, home: Home) -> Agent {
        self.launch_with(home, &[])
    }

    /// Starts an agent here with more options.
    pub fn launch_with(&self, home: Home, options: &[&str]) -> Agent {
        home.launch_by(&self.space.entry(&name(self.number)), options)
    }

    /// Makes a socket of this host for this test.
    pub fn socket(&self) -> UdpSocket {
        self.space
            .within(|| UdpSocket::bind("127.0.0.1:0").expect("a socket is made"))
    }

    /// Makes a command that runs here. The program comes with a package; without it the test
    /// cannot prove anything, and fails.
    pub fn command(&self, program: &str, package: &str) -> Command {
        assert!(
            Path::new(program).exists(),
            "{program} is not there: install the package {package} (tests/install does)"
        );
        let words = self.space.entry(&self.name());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(program).stdin(Stdio::null());
        command
    }

    /// Runs a program here, and gives what it printed when it went well.
    pub fn run(&self, program: &str, package: &str, arguments: &[&str]) -> Option<String> {
        let output = self.command(program, package).args(arguments).output();
        let output = output.expect("the program starts");
        let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(printed)
    }

    /// Lets programs here look names up as these lines of /etc/resolv.conf say, and in no other
    /// way but /etc/hosts.
    pub fn set_resolver(&self, lines: &str) {
        self.space.write("resolv.conf", lines);
        self.space.write("nsswitch.conf", "hosts: files dns\n");
    }

    /// Gives its host name.
    pub fn name(&self) -> String {
        name(self.number)
    }

    /// Gives its address of IPv4.
    pub fn four(&self) -> Ipv4Addr {
        four(self.net, self.number)
    }

    /// Gives its address of IPv6.
    pub fn six(&self) -> Ipv6Addr {
        six(self.net, self.number)
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // It ends by itself when its card is gone.
        let _ = self.plug.kill();
        let _ = self.plug.wait();
        let port = switch::port(self.cable.folder.path(), self.number);
        let _ = std::fs::remove_file(port);
    }
}

fn name(number: u8) -> String {
    format!("node{number}")
}

fn four(net: u8, number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, net, 0, number)
}

fn six(net: u8, number: u8) -> Ipv6Addr {
    let net = 0xfd66 + u16::from(net - 66);
    Ipv6Addr::new(net, 0, 0, 0, 0, 0, 0, number.into())
}
