//! Resolvers that ask the agent for its names: servers with the lines that `opsbro dns install`
//! writes, and those inside of programs.

use tests::{Agent, Folder, Host, Kind, Lan, Server, free_port, wait_for};

fn agent() -> Agent {
    let agent = Agent::start("groups: [linux]\ndns.enabled: true\n");
    listening(agent)
}

fn listening(agent: Agent) -> Agent {
    wait_for("DNS to listen", || {
        agent.info()["listen"]["dns"].as_str().map(|_| ())
    });
    agent
}

/// Makes a host where programs look names up as resolv.conf says, with an agent on it.
fn host(lan: &Lan, resolver: &str, yml: &str, parameters: &str) -> (Host, Agent) {
    let host = lan.host(1);
    host.set_resolver(resolver);
    let home = host.home(&format!("groups: [linux]\ndns.enabled: true\n{yml}"));
    home.set_parameters("dns-listener", parameters);
    let agent = listening(host.start(home));
    (host, agent)
}

/// Looks a name up with the C library, and gives the addresses.
fn getent(host: &Host, database: &str, name: &str) -> Vec<String> {
    let found = host.run("/usr/bin/getent", "libc-bin", &[database, name]);
    let found = found.unwrap_or_default();
    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let mut addresses: Vec<String> = found.lines().map(first).collect();
    addresses.dedup();
    addresses
}

fn recipe(agent: &Agent, resolver: &str) -> String {
    let words = ["dns", "install", "--for", resolver, "--print"];
    agent.opsbro(&words).expect(0).stdout
}

/// Asks a resolver for a group, and gives what it answers.
fn ask(folder: &Folder, port: u16, name: &str) -> String {
    let mut command = folder.command("/usr/bin/dig", "bind9-dnsutils");
    command.args([
        "-p",
        &port.to_string(),
        "@127.0.0.1",
        "+short",
        "+tries=1",
        name,
    ]);
    folder.run(command).trim().to_owned()
}

/// Starts dnsmasq with the recipe for an agent.
fn dnsmasq(
    agent: &Agent,
    folder: &Folder,
    mut command: std::process::Command,
    port: u16,
) -> Server {
    let own = format!(
        "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\n\
         pid-file=\n{}",
        recipe(agent, "dnsmasq")
    );
    let file = folder.write("dnsmasq.conf", &own);
    command.args(["--no-daemon", &format!("--conf-file={file}")]);
    folder.start(command)
}

#[test]
fn dnsmasq_asks_the_agent() {
    let (agent, folder, port) = (agent(), Folder::new(), free_port());
    let command = folder.command("/usr/sbin/dnsmasq", "dnsmasq-base");
    let _server = dnsmasq(&agent, &folder, command, port).on_port(port);
    assert_eq!(ask(&folder, port, "linux.group.local.opsbro"), "127.0.0.1");
}

#[test]
fn programs_find_names_through_dnsmasq() {
    if Lan::lacking().is_some() {
        return;
    }
    let (lan, folder) = (Lan::new(), Folder::new());
    let (host, agent) = host(&lan, "nameserver 127.0.0.1\n", "", "address: 127.0.0.1\n");
    let command = host.command("/usr/sbin/dnsmasq", "dnsmasq-base");
    let _server = dnsmasq(&agent, &folder, command, 53);
    wait_for("getent to find the group", || {
        let found = getent(&host, "hosts", "linux.group.local.opsbro");
        (found == [host.four().to_string()]).then_some(())
    });
}

#[test]
fn programs_find_names_with_the_lines_of_systemd_resolved() {
    if Lan::lacking().is_some() {
        return;
    }
    // What it writes into /etc/resolv.conf: its own address, and more than RFC 1035 in queries.
    let lines = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch group.local.opsbro\n";
    let lan = Lan::new();
    let yml = format!("dns.addresses: ['{}']\n", "fd66::1");
    let (host, _agent) = host(&lan, lines, &yml, "address: 127.0.0.53\nport: 53\n");
    let (four, six) = (host.four().to_string(), host.six().to_string());
    for name in ["linux", "linux.group.local.opsbro", "n1.name.local.opsbro"] {
        assert_eq!(getent(&host, "ahostsv4", name), [&*four], "{name}");
        assert_eq!(getent(&host, "ahostsv6", name), [&*six], "{name}");
    }
    assert!(getent(&host, "hosts", "none.group.local.opsbro").is_empty());
}

#[test]
fn programs_in_go_find_names() {
    if Lan::lacking().is_some() {
        return;
    }
    let (lan, folder) = (Lan::new(), Folder::new());
    let (host, _agent) = host(&lan, "nameserver 127.0.0.1\n", "", "port: 53\n");
    // The client of docker is a program in Go; here it finds no docker, but a page that says so.
    let page = "{\"Version\": \"found by name\", \"ApiVersion\": \"1.41\"}";
    let configuration = folder.write(
        "nginx.conf",
        &format!(
            "daemon off;\nuser root;\nerror_log stderr;\npid {};\nevents {{ }}\nhttp {{\n  \
             access_log off;\n  default_type application/json;\n  \
             server {{ listen 10.66.0.1:2375; return 200 '{page}'; }}\n}}\n",
            folder.path("pid")
        ),
    );
    let mut nginx = host.command("/usr/sbin/nginx", "nginx-light");
    nginx.args(["-c", &configuration, "-p", &folder.path("")]);
    let _nginx = folder.start(nginx);
    wait_for("a program in Go to find the group", || {
        let mut docker = host.command("/usr/bin/docker", "docker.io");
        docker.env("GODEBUG", "netdns=go").env("NO_PROXY", "*");
        docker.env("HOME", folder.root());
        docker.args(["-H", "tcp://linux.group.local.opsbro:2375", "version"]);
        let output = docker.args(["--format", "{{.Server.Version}}"]).output();
        let printed = String::from_utf8(output.unwrap().stdout).unwrap();
        printed.contains("found by name").then_some(())
    });
}

#[test]
fn hosts_without_ipv4_ask_and_answer() {
    if Lan::lacking().is_some() {
        return;
    }
    let lan = Lan::of(Kind {
        mtu: 1_500,
        has_v4: false,
        has_v6: true,
    });
    let (lines, yml) = ("nameserver ::1\n", "listen_address: '::'\n");
    let (host, _agent) = host(&lan, lines, yml, "port: 53\n");
    let six = host.six().to_string();
    let found = getent(&host, "ahostsv6", "linux.group.local.opsbro");
    assert_eq!(found, [&*six]);
    let words = ["@fd66::1", "+short", "+tries=1", "-x", &six];
    let found = host.run("/usr/bin/dig", "bind9-dnsutils", &words);
    assert_eq!(found.as_deref(), Some("n1.node.opsbro."));
}

#[test]
fn dnsperf_loses_no_query() {
    let (agent, folder) = (agent(), Folder::new());
    let queries = "linux.group.opsbro A\nlinux.group.opsbro AAAA\nnone.group.opsbro A\n";
    let queries = folder.write("queries", queries);
    let mut command = folder.command("/usr/bin/dnsperf", "dnsperf");
    let port = agent.listen("dns").port().to_string();
    // No more on the way than any buffer holds.
    command.args([
        "-s",
        "127.0.0.1",
        "-p",
        &port,
        "-n",
        "2000",
        "-q",
        "20",
        "-d",
        &queries,
    ]);
    let printed = folder.run(command);
    assert!(
        printed.contains("Queries completed:    6000 (100.00%)"),
        "{printed}"
    );
    let codes = "Response codes:       NOERROR 4000 (66.67%), NXDOMAIN 2000 (33.33%)";
    assert!(printed.contains(codes), "{printed}");
}

#[test]
fn unbound_asks_the_agent() {
    let (agent, folder, port) = (agent(), Folder::new(), free_port());
    let own = format!(
        "server:\n  interface: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  \
         directory: \"{}\"\n  pidfile: \"{}\"\n  use-syslog: no\n  num-threads: 1\n{}",
        folder.path(""),
        folder.path("pid"),
        recipe(&agent, "unbound")
    );
    let file = folder.write("unbound.conf", &own);
    let mut command = folder.command("/usr/sbin/unbound", "unbound");
    command.args(["-d", "-c", &file]);
    let _server = folder.start(command).on_port(port);
    assert_eq!(ask(&folder, port, "linux.group.local.opsbro"), "127.0.0.1");
}

#[test]
fn bind_asks_the_agent() {
    let (agent, folder, port) = (agent(), Folder::new(), free_port());
    let own = format!(
        "options {{ directory \"{}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 \
         {{ none; }}; pid-file none; recursion yes; dnssec-validation no; \
         validate-except {{ \"opsbro\"; }}; }};\ncontrols {{ }};\n{}",
        folder.path(""),
        recipe(&agent, "bind")
    );
    let file = folder.write("named.conf", &own);
    let mut command = folder.command("/usr/sbin/named", "bind9");
    command.args(["-g", "-c", &file]);
    let _server = folder.start(command).on_port(port);
    assert_eq!(ask(&folder, port, "linux.group.local.opsbro"), "127.0.0.1");
}

/// Where `tests/install` unpacks what it must not install.
const UNPACKED: &str = "/usr/local/lib/opsbro-tests";

/// Runs systemd-resolved with files of its own: its user, its configuration, and what
/// systemd-networkd would tell of the card (the name server of that network).
const RESOLVED: &str = "set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/netif/links /run/etc/systemd/resolved.conf.d
card=$(ip -o link show eth0 | cut -d: -f1)
printf 'ADMIN_STATE=configured\\nOPER_STATE=routable\\nDNS=%s\\n' \"$2\" \
  > /run/systemd/netif/links/$card
for kind in passwd group; do
  (cat /etc/$kind; echo 'systemd-resolve:x:990:990::/:/usr/sbin/nologin') > /run/etc/$kind
  mount --bind /run/etc/$kind /etc/$kind
done
cp \"$3\" /run/etc/systemd/resolved.conf.d/opsbro.conf
mount --bind /run/etc/systemd /etc/systemd
LD_LIBRARY_PATH=$1/libsystemd-shared/usr/lib/$(uname -m)-linux-gnu/systemd
export LD_LIBRARY_PATH
exec \"$1/systemd-resolved/lib/systemd/systemd-resolved\"
";

#[test]
fn systemd_resolved_asks_the_agent_for_its_domain_and_others_for_the_rest() {
    // What cannot be unpacked, as it is of another distribution, is not asked.
    let is_there = std::path::Path::new(UNPACKED)
        .join("systemd-resolved")
        .exists();
    if Lan::lacking().is_some() || !is_there {
        return;
    }
    let (lan, above, resolved) = (Lan::new(), Folder::new(), Folder::new());
    let lines = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n";
    let (host, agent) = host(&lan, lines, "", "address: 127.0.0.1\n");
    let four = host.four().to_string();
    let mut command = host.command("/usr/sbin/dnsmasq", "dnsmasq-base");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
    ]);
    command.args(["--bind-interfaces", "--user=root", "--pid-file="]);
    command.args([
        "--address=/example.test/192.0.2.7",
        "--listen-address",
        &four,
    ]);
    let _above = above.start(command);
    let file = resolved.write("opsbro.conf", &recipe(&agent, "systemd-resolved"));
    let mut command = host.command("/usr/bin/unshare", "util-linux");
    command.args([
        "--mount", "sh", "-c", RESOLVED, "sh", UNPACKED, &four, &file,
    ]);
    let _resolved = resolved.start(command);
    for (name, address) in [
        ("linux.group.local.opsbro", &*four),
        ("n1.name.local.opsbro", &*four),
        ("www.example.test", "192.0.2.7"),
    ] {
        wait_for("the name to be found", || {
            (getent(&host, "ahostsv4", name) == [address]).then_some(())
        });
    }
    assert!(getent(&host, "hosts", "none.group.local.opsbro").is_empty());
}
