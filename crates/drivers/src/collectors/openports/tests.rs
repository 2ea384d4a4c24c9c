//! Sockets of recorded machines, of this one, and of machines that are too busy.

use super::super::tests::{Runs, real_run, recorded_run, text};
use super::*;

const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// A line for a port and a state, as the kernel writes it.
fn line(port: u16, state: &str, inode: u64) -> String {
    format!(
        "   0: 00000000:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     \
         0        0 {inode} 1 00000000bbaa5c35 100 0 0 10 0\n"
    )
}

/// A machine with these sockets of TCP and of UDP.
fn machine(tcp: &str, udp: &str) -> Runs {
    let runs = Runs::new(&COLLECTOR);
    runs.file("/proc/net/tcp", format!("{HEAD}{tcp}"));
    runs.file("/proc/net/udp", format!("{HEAD}{udp}"));
    runs
}

fn process(runs: &Runs, pid: u32, parent: u32, name: &str, inodes: &[u64]) {
    runs.file(&format!("/proc/{pid}/comm"), format!("{name}\n"));
    runs.file(
        &format!("/proc/{pid}/stat"),
        format!("{pid} ({name}) S {parent} 1 1 0 -1"),
    );
    runs.link(&format!("/proc/{pid}/fd/0"), "/dev/null");
    for (index, inode) in inodes.iter().enumerate() {
        runs.link(
            &format!("/proc/{pid}/fd/{}", index + 3),
            &format!("socket:[{inode}]"),
        );
    }
}

fn ports(value: &Value, name: &str) -> Vec<i64> {
    let Some(Value::List(ports)) = value.get(name) else {
        panic!("{name} is no list: {value:?}")
    };
    let number = |port: &Value| match port {
        Value::Int(port) => *port,
        other => panic!("{other:?} is no port"),
    };
    ports.iter().map(number).collect()
}

#[test]
fn a_recorded_machine_tells_its_ports_and_their_owners() {
    let value = recorded_run("debian-12", &COLLECTOR).unwrap();
    assert_eq!(ports(&value, "ports"), [22, 8080]);
    assert_eq!(ports(&value, "udp_ports"), [68, 546]);
    assert_eq!(text(&value, &["owners", "22"]), "sshd");
    // The master, not the worker.
    assert_eq!(text(&value, &["owners", "8080"]), "nginx");
    let tcp = value.get("details").unwrap().get("tcp").unwrap();
    assert_eq!(text(tcp, &["0", "source"]), "0.0.0.0:22");
    assert_eq!(text(tcp, &["0", "state"]), "LISTEN");
    let Value::List(sockets) = tcp else {
        panic!("{tcp:?}")
    };
    let six: Vec<&str> = sockets
        .iter()
        .filter(|socket| text(socket, &["proto"]) == "tcp6")
        .map(|socket| text(socket, &["source"]))
        .collect();
    assert_eq!(six, ["[::]:22"]);
    let udp = value.get("details").unwrap().get("udp").unwrap();
    assert_eq!(text(udp, &["0", "proto"]), "udp");
}

#[test]
fn the_owner_is_the_eldest_of_its_name() {
    let mut runs = machine(&line(80, "0A", 7), "");
    process(&runs, 1, 0, "systemd", &[7]);
    process(&runs, 50, 1, "nginx", &[7]);
    process(&runs, 60, 50, "nginx", &[7]);
    process(&runs, 61, 50, "nginx", &[7]);
    let value = runs.run(1).unwrap();
    let tcp = value.get("details").unwrap().get("tcp").unwrap();
    assert_eq!(tcp.get("0").unwrap().get("pid"), Some(&Value::Int(50)));
    // It ends, and a worker lives on.
    runs.remove("/proc/50");
    let value = runs.run(1).unwrap();
    let tcp = value.get("details").unwrap().get("tcp").unwrap();
    assert_eq!(tcp.get("0").unwrap().get("pid"), Some(&Value::Int(61)));
}

#[test]
fn this_machine_is_told_and_our_own_port_is_ours() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let value = real_run(&COLLECTOR).unwrap();
    assert!(ports(&value, "ports").contains(&i64::from(port)));
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(text(&value, &["owners", &port.to_string()]), own.trim());
}

#[test]
fn the_tables_tell_what_the_kernel_tells_when_it_is_asked() {
    let listeners =
        ["127.0.0.1:0", "[::1]:0"].map(|address| std::net::TcpListener::bind(address).ok());
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let listeners = listeners.iter().flatten();
    let mut ours: Vec<_> = listeners.map(|one| one.local_addr().unwrap()).collect();
    ours.push(receiver.local_addr().unwrap());
    let context = Context {
        host: &crate::Host::real(),
        now: model::Moment::default(),
        wall: model::WallTime::from_millis(1_760_000_000_000),
        deadline: crate::Deadline::after(Duration::from_secs(60)),
        options: &std::collections::BTreeMap::new(),
    };
    let mut refused = OpenPorts {
        is_asking_refused: true,
        ..OpenPorts::default()
    };
    // Other tests open and close sockets meanwhile.
    let of = |collector: &mut OpenPorts| -> Vec<Found> {
        let tcp = collector.listening(&context, &TCP).unwrap();
        let udp = collector.listening(&context, &UDP).unwrap();
        let found = tcp.into_iter().chain(udp);
        found.filter(|one| ours.contains(&one.1.local)).collect()
    };
    let tabled = of(&mut refused);
    assert_eq!(tabled.len(), ours.len());
    assert_eq!(of(&mut OpenPorts::default()), tabled);
}

#[test]
fn connections_are_not_read_through() {
    // What follows the listening sockets is not even looked at, so it may be junk.
    let tcp = line(22, "0A", 1) + &line(23, "03", 0) + &line(80, "0A", 2) + &line(9, "01", 3);
    let mut runs = machine(&(tcp + "junk\n"), "");
    assert_eq!(ports(&runs.run(1).unwrap(), "ports"), [22, 80]);
}

#[test]
fn passing_sockets_of_clients_are_left_out() {
    let udp = line(53, "07", 1) + &line(40_000, "07", 2) + &line(41_000, "01", 3);
    let mut runs = machine("", &udp);
    assert_eq!(ports(&runs.run(1).unwrap(), "udp_ports"), [53]);
    assert_eq!(ports(&runs.run(1).unwrap(), "udp_ports"), [53, 40_000]);
    runs.file(
        "/proc/net/udp",
        format!("{HEAD}{}{}", line(53, "07", 1), line(40_000, "07", 9)),
    );
    assert_eq!(ports(&runs.run(1).unwrap(), "udp_ports"), [53]);
}

#[test]
fn processes_are_looked_through_only_for_new_sockets() {
    let runs = machine("", "");
    for pid in 100..5_100 {
        process(&runs, pid, 1, "worker", &[]);
    }
    process(&runs, 5_200, 1, "redis-server", &[42]);
    let host = crate::Host::at(runs.path("/"));
    let deadline = crate::Deadline::after(Duration::from_secs(60));
    let mut owners = Owners::default();
    let sockets = BTreeSet::from([0, 42, 77]);
    owners.learn(&host, &sockets, deadline);
    assert_eq!(owners.of(42).map(|owner| owner.pid), Some(5_200));
    assert_eq!(owners.of(77), None, "it is nobody's");
    owners.learn(&host, &sockets, deadline);
    owners.learn(&host, &BTreeSet::from([42]), deadline);
    assert_eq!(owners.walks, 1);
    process(&runs, 5_300, 1, "new", &[78]);
    owners.learn(&host, &BTreeSet::from([42, 78]), deadline);
    assert_eq!(owners.walks, 2);
    assert_eq!(owners.of(78).map(|owner| &*owner.name), Some("new"));
}

#[test]
fn a_flood_of_sockets_is_bounded() {
    let udp: String = (0..3_000)
        .map(|index| line(1_000 + index, "07", 0))
        .collect();
    let mut runs = machine("", &udp);
    assert_eq!(
        ports(&runs.run(1).unwrap(), "udp_ports").len(),
        LISTENING_SOCKETS_MAX
    );
}

#[test]
fn junk_is_told() {
    for junk in [
        "junk\n",
        "0: 0:0 0:0 0A\n",
        "0: 00000000:0016 00000000:0000 0A 0 0 0 0 0\n",
    ] {
        let mut runs = machine(junk, "");
        let error = runs.run(1).unwrap_err().to_string();
        assert_eq!(error, "/proc/net/tcp has a line that is no socket");
    }
    let mut runs = Runs::new(&COLLECTOR);
    let error = runs.run(1).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /proc/net/tcp: "), "{error}");
}
