//! What an answer costs over the sockets, beside dnsmasq and bind on the same names in one run:
//! `cargo xtask bench dns` prints one line `name value unit` a figure.
//!
//! Each server is asked for a name of 1, 10 and 100 addresses, as fast as it answers, and the CPU
//! time of the server is divided by the answers: `_cpu` and `_rate` by `dnsperf`, which itself
//! costs more than the servers, and `_flood` by an asker that sends and takes many packets with one
//! call, so that it is the server that has no more to give. Without `--bench`, as under
//! `cargo test`, it runs small and beside nobody. How late answers are while much happens is
//! measured with real agents, in `tests/benches/dns.rs`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "who measures reads clocks, starts programs, and tells what is missing"
)]

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::Answering;
use dns::{Cluster, Config, Name, Node, Told, question, wire};
use model::{Group, MemberState, NodeId, WallTime, Zone};

/// The numbers of addresses that are asked for.
const SIZES: [u32; 3] = [1, 10, 100];
/// Programs of others, and the packages that have them.
const DNSPERF: (&str, &str) = ("/usr/bin/dnsperf", "dnsperf");
const DNSMASQ: (&str, &str) = ("/usr/sbin/dnsmasq", "dnsmasq-base");
const BIND: (&str, &str) = ("/usr/sbin/named", "bind9");

fn main() -> io::Result<()> {
    let full = std::env::args().any(|argument| argument == "--bench");
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let ours = Answering::new(cluster(), Config::standard(), address).map_err(io::Error::other)?;
    if !full {
        let took = ask(ours.address())?;
        flood::run(ours.address(), 10, Duration::from_millis(20))?;
        return report("opsbro_small", took.as_secs_f64() * 1e6, "us");
    }
    let folder = Folder::new()?;
    for size in SIZES {
        if !has(DNSPERF) {
            break;
        }
        let ran = dnsperf(&folder, ours.address(), size, || cpu_seconds("self"))?;
        ran.report("opsbro", size)?;
        flood::report("opsbro", ours.address(), size)?;
        for neighbour in [Neighbour::Dnsmasq, Neighbour::Bind] {
            let Some(server) = neighbour.start(&folder)? else {
                continue;
            };
            let pid = server.child.id().to_string();
            let ran = dnsperf(&folder, server.address, size, || cpu_seconds(&pid))?;
            ran.report(neighbour.name(), size)?;
            flood::report(neighbour.name(), server.address, size)?;
        }
    }
    Ok(())
}

fn report(name: &str, value: f64, unit: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{name} {value:.2} {unit}")
}

fn has((path, package): (&str, &str)) -> bool {
    let is_there = Path::new(path).exists();
    if !is_there {
        eprintln!("{path} is not installed: apt-get install {package}");
    }
    is_there
}

/// Makes a hundred nodes in groups of 1, 10 and 100.
fn cluster() -> Cluster {
    let zone = Zone::parse("internet").expect("a name");
    let id = |number: u8| NodeId::from_random([number; 16]);
    let nodes = (0..100_u8).map(|number| {
        let inside = SIZES.into_iter().filter(|size| u32::from(number) < *size);
        let groups = inside.map(|size| Group::parse(&format!("g{size}")).expect("a name"));
        Node {
            told: Arc::new(Told {
                id: id(number),
                name: format!("node-{number}"),
                display_name: String::new(),
                addresses: vec![IpAddr::from([10, 0, 0, number])],
                zone: zone.clone(),
                groups: groups.collect(),
                services: Vec::new(),
                facts: Vec::new(),
            }),
            state: MemberState::Alive,
            since: WallTime::from_millis(1_700_000_000_000),
            accuser: None,
        }
    });
    Cluster {
        own: id(0),
        zone: zone.clone(),
        nodes: nodes.collect(),
        holders: None,
    }
}

fn name_of(size: u32) -> String {
    format!("g{size}.group.opsbro")
}

/// A folder that goes with the bench.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let name = format!("opsbro-bench-dns-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::File::create(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a run of dnsperf tells.
struct Ran {
    rate: f64,
    cpu_us: f64,
}

impl Ran {
    fn report(&self, server: &str, size: u32) -> io::Result<()> {
        report(&format!("{server}_{size}_rate"), self.rate, "queries/s")?;
        report(&format!("{server}_{size}_cpu"), self.cpu_us, "us/query")
    }
}

fn dnsperf(
    folder: &Folder,
    at: SocketAddr,
    size: u32,
    cpu: impl Fn() -> io::Result<f64>,
) -> io::Result<Ran> {
    let queries = folder.write("queries", &format!("{} A\n", name_of(size)))?;
    let mut command = Command::new(DNSPERF.0);
    command.args(["-s", &at.ip().to_string(), "-p", &at.port().to_string()]);
    command
        .args(["-l", "5", "-c", "4", "-q", "200", "-e", "-d"])
        .arg(&queries);
    let before = cpu()?;
    let output = command.output()?;
    let used = cpu()? - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |label: &str| -> io::Result<f64> {
        let line = text.lines().find(|line| line.trim().starts_with(label));
        let word = line.and_then(|line| line.split(':').nth(1)?.split_whitespace().next());
        let found = word.and_then(|word| word.parse().ok());
        found.ok_or_else(|| io::Error::other(format!("dnsperf does not tell {label}: {text}")))
    };
    Ok(Ran {
        rate: number("Queries per second")?,
        cpu_us: used * 1e6 / number("Queries completed")?,
    })
}

/// Gives the CPU time of a process, in seconds.
fn cpu_seconds(pid: &str) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|it| it.parse::<f64>().ok());
    let (user, system) = (ticks(), ticks());
    // The unit of the kernel's interface is a hundredth of a second everywhere.
    Ok((user.unwrap_or_default() + system.unwrap_or_default()) / 100.0)
}

/// Asks once, and gives the time until the answer.
fn ask(at: SocketAddr) -> io::Result<Duration> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(at)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let name = Name::parse(&name_of(10)).expect("a name");
    let began = Instant::now();
    socket.send(&question(7, &name, wire::A, 1_232))?;
    socket.recv(&mut [0; 2_048])?;
    Ok(began.elapsed())
}

/// Asks with many packets a call.
mod flood {
    use std::io::{self, IoSlice, IoSliceMut};
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::time::{Duration, Instant};

    use dns::{Name, question, wire};
    use nix::errno::Errno;
    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

    /// Senders: servers with several threads have the kernel deal senders out to them.
    const SOCKETS: usize = 8;
    /// Questions that a sender has on the way at most: no buffer of a server overflows.
    const WINDOW: usize = 16;
    /// Time after which questions without an answer count as lost.
    const LOST: Duration = Duration::from_millis(50);

    /// Reports the answers a second.
    pub(super) fn report(server: &str, at: SocketAddr, size: u32) -> io::Result<()> {
        let rate = run(at, size, Duration::from_secs(3))?;
        super::report(&format!("{server}_{size}_flood"), rate, "queries/s")
    }

    /// Asks for a time, and gives the answers a second.
    pub(super) fn run(at: SocketAddr, size: u32, time: Duration) -> io::Result<f64> {
        let name = Name::parse(&super::name_of(size)).expect("a name");
        let packet = question(7, &name, wire::A, 4_096);
        let askers: io::Result<Vec<Asker>> = (0..SOCKETS).map(|_| Asker::new(at)).collect();
        let (mut askers, mut answers) = (askers?, 0);
        let began = Instant::now();
        while began.elapsed() < time {
            for asker in &mut askers {
                answers += asker.turn(&packet)?;
            }
        }
        Ok(answers as f64 / began.elapsed().as_secs_f64())
    }

    struct Asker {
        socket: UdpSocket,
        headers: MultiHeaders<SockaddrStorage>,
        answers: Vec<[u8; 4_096]>,
        under_way: usize,
    }

    impl Asker {
        fn new(at: SocketAddr) -> io::Result<Self> {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(at)?;
            socket.set_read_timeout(Some(LOST))?;
            Ok(Self {
                socket,
                headers: MultiHeaders::preallocate(WINDOW, None),
                answers: vec![[0; 4_096]; WINDOW],
                under_way: 0,
            })
        }

        /// Waits for answers, and asks as many again; gives how many came.
        fn turn(&mut self, packet: &[u8]) -> io::Result<usize> {
            let socket = self.socket.as_raw_fd();
            let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
                .answers
                .iter_mut()
                .map(|answer| [IoSliceMut::new(answer)])
                .collect();
            let (headers, flags) = (&mut self.headers, MsgFlags::MSG_WAITFORONE);
            let mut came = 0;
            if self.under_way > 0 {
                match recvmmsg(socket, headers, slices.iter_mut(), flags, None) {
                    Ok(results) => came = results.count(),
                    Err(Errno::EAGAIN) => self.under_way = 0,
                    Err(error) => return Err(error.into()),
                }
            }
            self.under_way = self.under_way.saturating_sub(came);
            let many = WINDOW - self.under_way;
            let packets = vec![[IoSlice::new(packet)]; many];
            let nobody: Vec<Option<SockaddrStorage>> = vec![None; many];
            let flags = MsgFlags::MSG_DONTWAIT;
            let sent = sendmmsg(socket, &mut self.headers, &packets, &nobody, [], flags);
            self.under_way += sent.map_or(0, |results| results.count());
            Ok(came)
        }
    }
}

/// Another name server.
#[derive(Clone, Copy)]
enum Neighbour {
    Dnsmasq,
    Bind,
}

/// A name server of others that runs; it ends with this.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Neighbour {
    fn name(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Bind => "bind",
        }
    }

    fn start(self, folder: &Folder) -> io::Result<Option<Server>> {
        let program = match self {
            Self::Dnsmasq => DNSMASQ,
            Self::Bind => BIND,
        };
        if !has(program) {
            return Ok(None);
        }
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = match self {
            Self::Dnsmasq => dnsmasq(folder, address)?,
            Self::Bind => bind(folder, address)?,
        };
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        let server = Server {
            child: command.spawn()?,
            address,
        };
        let patience = Instant::now() + Duration::from_secs(10);
        while ask(address).is_err() {
            if Instant::now() > patience {
                return Err(io::Error::other(format!("{} does not answer", self.name())));
            }
        }
        Ok(Some(server))
    }
}

/// Gives the addresses of a name.
fn addresses(size: u32) -> impl Iterator<Item = IpAddr> {
    (0..size).map(|number| IpAddr::from((0x0a00_0000 + number).to_be_bytes()))
}

fn dnsmasq(folder: &Folder, at: SocketAddr) -> io::Result<Command> {
    let mut hosts = String::new();
    for size in SIZES {
        for address in addresses(size) {
            hosts.push_str(&format!("{address} {}\n", name_of(size)));
        }
    }
    let hosts = folder.write("hosts", &hosts)?;
    let mut command = Command::new(DNSMASQ.0);
    command.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
    ]);
    command.args([
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--user=root",
    ]);
    command.args(["--local-ttl=60", "--pid-file=", "--local=/opsbro/"]);
    command.arg(format!("--port={}", at.port()));
    command.arg(format!("--addn-hosts={}", hosts.display()));
    Ok(command)
}

fn bind(folder: &Folder, at: SocketAddr) -> io::Result<Command> {
    let mut zone =
        "$TTL 60\n@ IN SOA ns hostmaster 1 60 60 86400 5\n@ IN NS ns\nns IN A 10.0.0.1\n"
            .to_owned();
    for size in SIZES {
        for address in addresses(size) {
            zone.push_str(&format!("g{size}.group IN A {address}\n"));
        }
    }
    let zone = folder.write("zone", &zone)?;
    let text = format!(
        "options {{ directory \"{}\"; listen-on port {} {{ 127.0.0.1; }}; listen-on-v6 \
         {{ none; }}; pid-file none; recursion no; max-udp-size 4096; }};\n\
         controls {{ }};\nzone \"opsbro\" {{ \
         type primary; file \"{}\"; }};\n",
        folder.0.display(),
        at.port(),
        zone.display()
    );
    let configuration = folder.write("named.conf", &text)?;
    let mut command = Command::new(BIND.0);
    command.args(["-f", "-n", "1", "-c"]).arg(configuration);
    Ok(command)
}
