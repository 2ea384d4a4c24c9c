//! The two kinds of groups: how their nodes are started, found and killed.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::Load;

/// Time that a group has to be ready.
const READY_TIME: Duration = Duration::from_secs(60);

/// Whose nodes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Etcd,
    Opsbro,
}

impl Kind {
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "etcd" => Self::Etcd,
            "opsbro" => Self::Opsbro,
            other => panic!("{other} is neither etcd nor opsbro"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Opsbro => "opsbro",
        }
    }
}

struct Node {
    child: Child,
    http: SocketAddr,
    root: PathBuf,
}

/// Nodes that agree. They are killed when this is dropped.
pub(crate) struct Group {
    kind: Kind,
    nodes: Vec<Node>,
    opsbro: PathBuf,
    /// What a client shows, where one must.
    pub(crate) token: Option<String>,
}

impl Drop for Group {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may be gone already.
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn spawn(mut command: Command, root: &Path) -> Child {
    let log = File::create(root.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(log).spawn().unwrap()
}

impl Group {
    pub(crate) fn start(kind: Kind, size: usize, folder: &Path, opsbro: &Path) -> Self {
        let mut group = Self {
            kind,
            nodes: Vec::new(),
            opsbro: opsbro.to_owned(),
            token: None,
        };
        match kind {
            Kind::Etcd => group.start_etcd(size, folder),
            Kind::Opsbro => group.start_opsbro(size, folder),
        }
        group.wait_ready(size);
        if kind == Kind::Opsbro {
            group.make_token();
        }
        group
    }

    fn start_etcd(&mut self, size: usize, folder: &Path) {
        let ports: Vec<(u16, u16)> = (0..size).map(|_| (free_port(), free_port())).collect();
        let peers = ports.iter().enumerate();
        let peers = peers.map(|(at, (_, peer))| format!("n{at}=http://127.0.0.1:{peer}"));
        let peers = peers.collect::<Vec<String>>().join(",");
        for (at, (client, peer)) in ports.iter().enumerate() {
            let root = folder.join(format!("n{at}"));
            fs::create_dir_all(&root).unwrap();
            let mut command = Command::new("etcd");
            let (client_url, peer_url) = (
                format!("http://127.0.0.1:{client}"),
                format!("http://127.0.0.1:{peer}"),
            );
            command.args(["--name", &format!("n{at}"), "--data-dir"]);
            command.arg(root.join("data"));
            command.args(["--listen-client-urls", &client_url]);
            command.args(["--advertise-client-urls", &client_url]);
            command.args(["--listen-peer-urls", &peer_url]);
            command.args(["--initial-advertise-peer-urls", &peer_url]);
            command.args(["--initial-cluster", &peers, "--log-level", "error"]);
            command.args(["--initial-cluster-state", "new"]);
            self.nodes.push(Node {
                child: spawn(command, &root),
                http: SocketAddr::from(([127, 0, 0, 1], *client)),
                root,
            });
        }
    }

    fn start_opsbro(&mut self, size: usize, folder: &Path) {
        let ports: Vec<u16> = (0..size).map(|_| free_port()).collect();
        for (at, port) in ports.iter().enumerate() {
            let root = folder.join(format!("n{at}"));
            fs::create_dir_all(root.join("etc")).unwrap();
            let mut yml = format!(
                "port: {port}\nlisten_address: 127.0.0.1\n\
                 metrology_topic_enabled: false\nmonitoring_topic_enabled: false\n\
                 automatic_detection_topic_enabled: false\n"
            );
            if at > 0 {
                yml.push_str(&format!("seeds: ['127.0.0.1:{}']\n", ports[0]));
            }
            let file = File::create(root.join("etc/agent.yml")).unwrap();
            std::io::Write::write_all(&mut &file, yml.as_bytes()).unwrap();
            let mut command = Command::new(&self.opsbro);
            command.arg("--root").arg(&root).args(["agent", "start"]);
            self.nodes.push(Node {
                child: spawn(command, &root),
                http: SocketAddr::from(([127, 0, 0, 1], *port)),
                root,
            });
        }
    }

    fn wait_ready(&mut self, size: usize) {
        let deadline = Instant::now() + READY_TIME;
        loop {
            let is_ready = match self.kind {
                Kind::Etcd => self.try_leader().is_some(),
                Kind::Opsbro => self.nodes.iter().all(|node| {
                    let state = self.state(node);
                    let voters = state.as_ref().and_then(|state| state["voters"].as_array());
                    voters.is_some_and(|voters| voters.len() == size)
                }),
            };
            if is_ready {
                return;
            }
            assert!(Instant::now() < deadline, "the group is not ready");
            // tidy: sleep, the nodes tell nobody when they are ready
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn run(&self, node: &Node, words: &[&str]) -> Option<Value> {
        let mut command = Command::new(&self.opsbro);
        command.arg("--root").arg(&node.root).args(words);
        let output = command.args(["-o", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    fn state(&self, node: &Node) -> Option<Value> {
        self.run(node, &["raft", "state"])
    }

    fn make_token(&mut self) {
        // Each node has tokens of its own; the clients ask the first one alone.
        self.token = Some(self.token_of(&self.nodes[0]));
    }

    fn token_of(&self, node: &Node) -> String {
        let made = self.run(node, &["token", "create", "--role", "operate"]);
        let made = made.expect("a token is made");
        made["token"].as_str().expect("a token").to_owned()
    }

    /// Gives where a client asks: the leader of etcd, and the first node of opsbro.
    pub(crate) fn leader(&self) -> SocketAddr {
        match self.kind {
            Kind::Etcd => self.nodes[self.try_leader().expect("somebody leads")].http,
            Kind::Opsbro => self.nodes[0].http,
        }
    }

    fn try_leader(&self) -> Option<usize> {
        match self.kind {
            Kind::Etcd => self.nodes.iter().position(|node| {
                let status = crate::load::post(node.http, "/v3/maintenance/status", "{}", None);
                status.is_some_and(|status| {
                    let leader = status["leader"].as_str().map(str::to_owned);
                    leader.is_some() && leader.as_deref() == status["header"]["member_id"].as_str()
                })
            }),
            Kind::Opsbro => self.nodes.iter().position(|node| {
                let state = self.state(node);
                state.is_some_and(|state| state["state"] == "leader")
            }),
        }
    }

    /// Gives the processor time that all nodes have used.
    pub(crate) fn cpu(&self) -> Duration {
        let ticks = self.nodes.iter().map(|node| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", node.child.id()));
            let stat = stat.unwrap_or_default();
            let behind = stat.rsplit(')').next().unwrap_or_default();
            let fields: Vec<&str> = behind.split_whitespace().collect();
            let number = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok());
            number(11).unwrap_or(0) + number(12).unwrap_or(0)
        });
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// Gives the largest resident memory of a node.
    pub(crate) fn memory_mib(&self) -> f64 {
        let sizes = self.nodes.iter().map(|node| {
            let status = fs::read_to_string(format!("/proc/{}/status", node.child.id()));
            let status = status.unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            kib.unwrap_or(0.0) / 1024.0
        });
        sizes.fold(0.0, f64::max)
    }

    /// Kills who leads, and tells how long no write to another node is acknowledged.
    pub(crate) fn kill_leader_and_write(&mut self, load: &Load) -> Duration {
        let leader = self.try_leader().expect("somebody leads");
        let other = (leader + 1) % self.nodes.len();
        let to = self.nodes[other].http;
        let load = match self.kind {
            Kind::Etcd => load.clone(),
            Kind::Opsbro => Load {
                kind: self.kind,
                token: Some(self.token_of(&self.nodes[other])),
            },
        };
        self.nodes[leader].child.kill().unwrap();
        let begun = Instant::now();
        while !load.put_once(to) {
            assert!(begun.elapsed() < READY_TIME, "nobody leads any more");
        }
        begun.elapsed()
    }
}
