//! Resolvers that ask the agent for its names, with the lines that `opsbro dns install` writes.

use tests::{Agent, Folder, free_port, wait_for};

fn agent() -> Agent {
    let agent = Agent::start("groups: [linux]\ndns.enabled: true\n");
    wait_for("DNS to listen", || {
        agent.info()["listen"]["dns"].as_str().map(|_| ())
    });
    agent
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

#[test]
fn dnsmasq_asks_the_agent() {
    let (agent, folder, port) = (agent(), Folder::new(), free_port());
    let own = format!(
        "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\n\
         pid-file=\n{}",
        recipe(&agent, "dnsmasq")
    );
    let file = folder.write("dnsmasq.conf", &own);
    let mut command = folder.command("/usr/sbin/dnsmasq", "dnsmasq-base");
    command.args(["--no-daemon", &format!("--conf-file={file}")]);
    let _server = folder.start(command).on_port(port);
    assert_eq!(ask(&folder, port, "linux.group.local.opsbro"), "127.0.0.1");
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

#[test]
fn the_recipe_of_systemd_resolved_routes_the_domain_to_the_agent() {
    let agent = agent();
    let text = recipe(&agent, "systemd-resolved");
    let port = agent.listen("dns").port();
    assert!(text.contains(&format!("DNS=127.0.0.1:{port}\n")), "{text}");
    assert!(text.contains("Domains=~opsbro\n"), "{text}");
}
