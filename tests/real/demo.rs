//! The demonstration of the original: two web servers, a load balancer that follows their group,
//! and a client that knows only names.

use std::time::Duration;

use tests::{Agent, Folder, Host, Lan, Server, wait_for, wait_within};

/// The key that all share.
const KEY: &str = "NGNjZWI2ZmEyMzEyMTFlOA==";
/// What is not about names is switched off: four agents share one machine here.
const QUIET: &str = "monitoring_topic_enabled: false\nmetrology_topic_enabled: false\n\
                     automatic_detection_topic_enabled: false\n\
                     system_compliance_topic_enabled: false\ndns.enabled: true\n";

/// Starts nginx on a host; it answers with its name.
fn web(host: &Host, folder: &Folder) -> Server {
    let configuration = folder.write(
        "nginx.conf",
        &format!(
            "daemon off;\nworker_processes 1;\nuser root;\nerror_log stderr;\npid {};\n\
             events {{ }}\nhttp {{\n  access_log off;\n\
             \x20 server {{ listen 80; return 200 {}; }}\n}}\n",
            folder.path("pid"),
            host.name()
        ),
    );
    let mut command = host.command("/usr/sbin/nginx", "nginx-light");
    command.args(["-c", &configuration, "-p", &folder.path("")]);
    folder.start(command)
}

/// Starts HAProxy on a host: its servers are those that the agent of the host names.
fn balancer(host: &Host, folder: &Folder) -> Server {
    let configuration = folder.write(
        "haproxy.cfg",
        "defaults\n  mode http\n  timeout connect 300ms\n  timeout client 5s\n  timeout server 5s\n\
         \x20 retries 3\n  option redispatch 1\n\
         resolvers agent\n  nameserver local 127.0.0.1:53\n  accepted_payload_size 4096\n\
         \x20 resolve_retries 3\n  timeout resolve 500ms\n  timeout retry 500ms\n\
         \x20 hold valid 500ms\n  hold obsolete 0s\n  hold nx 0s\n\
         frontend web\n  bind :80\n  default_backend web\n\
         backend web\n  balance roundrobin\n\
         \x20 server-template web 4 web.group.local.opsbro:80 check inter 500ms fall 1 \
         resolvers agent init-addr none\n",
    );
    let mut command = host.command("/usr/sbin/haproxy", "haproxy");
    command.args(["-db", "-f", &configuration]);
    folder.start(command)
}

/// Asks the balancer by its name, as a client that knows nothing else.
fn request(host: &Host) -> Option<String> {
    let url = "http://haproxy.group.local.opsbro/";
    let words = ["-sf", "--max-time", "5", url];
    host.run("/usr/bin/curl", "curl", &words)
}

fn agent(host: &Host, groups: &str) -> Agent {
    let home = host.home(&format!("groups: [{groups}]\n{QUIET}"));
    home.write("etc/zone_keys/internet.gossip.key", KEY);
    home.set_parameters("dns-listener", "port: 53\n");
    host.launch(home)
}

/// Starts an agent on each host, and waits until all know all.
fn agents(hosts: &[Host; 4]) -> [Agent; 4] {
    let agents = [
        agent(&hosts[0], "web"),
        agent(&hosts[1], "web"),
        agent(&hosts[2], "haproxy"),
        agent(&hosts[3], "client"),
    ];
    let agents = agents.map(Agent::ready);
    for agent in &agents[1..] {
        agent
            .opsbro(&["join", &hosts[0].four().to_string()])
            .expect(0);
    }
    for agent in &agents {
        let words = [
            "gossip",
            "wait-members",
            "--timeout",
            "60s",
            "--state",
            "alive",
        ];
        agent
            .opsbro(&[&words[..], &["--count", "4"]].concat())
            .expect(0);
    }
    agents
}

#[test]
fn demo1_a_client_by_name_misses_nothing_when_a_server_dies() {
    // Where there can be no hosts, as in a container without rights, there is nothing to show.
    if Lan::lacking().is_some() {
        return;
    }
    let lan = Lan::new();
    let hosts: [_; 4] = lan.hosts();
    let folders = [Folder::new(), Folder::new(), Folder::new()];
    let client = &hosts[3];
    client.set_resolver("nameserver 127.0.0.1\n");
    let agents = agents(&hosts);
    let first = web(&hosts[0], &folders[0]);
    let _second = web(&hosts[1], &folders[1]);
    let _balancer = balancer(&hosts[2], &folders[2]);
    // The C library of the client finds it by name, through nothing but the agent.
    wait_for("the name to be found", || {
        let words = ["hosts", "haproxy.group.local.opsbro"];
        let found = client.run("/usr/bin/getent", "libc-bin", &words)?;
        found.contains(&hosts[2].four().to_string()).then_some(())
    });
    for name in [hosts[0].name(), hosts[1].name()] {
        wait_for("both servers to be asked", || {
            (request(client)? == name).then_some(())
        });
    }
    let [one, ..] = agents;
    drop(one.kill());
    first.kill();
    let answers: Vec<_> = (0..20).map(|_| request(client)).collect();
    let good = answers.iter().flatten().count();
    assert_eq!(good, 20, "{answers:?}");
    let gone = hosts[0].four().to_string();
    wait_within(
        Duration::from_secs(30),
        "the dead one to be out of the answers",
        || {
            let words = ["@127.0.0.1", "+short", "web.group.local.opsbro"];
            let found = client.run("/usr/bin/dig", "bind9-dnsutils", &words)?;
            (!found.contains(&gone) && !found.is_empty()).then_some(())
        },
    );
    let answers: Vec<_> = (0..20).map(|_| request(client)).collect();
    let good = answers
        .iter()
        .flatten()
        .filter(|it| **it == hosts[1].name());
    assert_eq!(good.count(), 20, "{answers:?}");
}
