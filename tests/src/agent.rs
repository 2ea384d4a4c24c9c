//! A real agent in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, Reply};
use crate::program::{self, Ran, opsbro};
use crate::wait::wait_for;
use crate::wedge;

/// The folder of an agent, which need not run. One that still runs there is killed when this is
/// dropped: a test that failed may have left it behind.
pub struct Home {
    folder: TempDir,
}

/// An agent that runs. It is killed when this is dropped.
pub struct Agent {
    /// Its folder.
    pub home: Home,
    child: Child,
}

impl Home {
    /// Makes a folder with this `agent.yml`. A port is not part of it: see [`Home::with_port_0`].
    pub fn new(agent_yml: &str) -> Self {
        let home = Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
        };
        home.write("etc/agent.yml", agent_yml);
        home
    }

    /// Makes a folder whose agent takes a free port and listens on loopback only.
    pub fn with_port_0(agent_yml: &str) -> Self {
        Self::new(&format!("port: 0\nlisten_address: 127.0.0.1\n{agent_yml}"))
    }

    /// Gives the root folder.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the unix socket.
    pub fn socket(&self) -> PathBuf {
        self.root().join("run/opsbro.sock")
    }

    /// Writes a file below the root.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder is made");
        fs::File::create(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .expect("a file is written");
    }

    /// Sets parameters of a pack that is shipped.
    pub fn set_parameters(&self, pack: &str, parameters: &str) {
        let folder = format!("var/lib/local-configuration/packs/{pack}");
        let package = format!("name: {pack}\noverlay: true\n");
        self.write(&format!("{folder}/package.yml"), &package);
        self.write(&format!("{folder}/parameters/parameters.yml"), parameters);
    }

    /// Reads a file below the root.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).expect("the file is there")
    }

    /// Runs the program on this folder.
    pub fn opsbro(&self, arguments: &[&str]) -> Ran {
        let mut command = opsbro(self.root());
        command.args(arguments);
        program::run(command)
    }

    /// Starts an agent and does not wait for it.
    pub fn launch(self) -> Agent {
        self.launch_with(&[])
    }

    /// Starts an agent and kills it so soon that it may not have come far.
    pub fn launch_and_kill_after(self, delay: Duration) -> Self {
        let agent = self.launch();
        let began = Instant::now();
        while began.elapsed() < delay {
            std::hint::spin_loop();
        }
        agent.kill()
    }

    /// Starts an agent for which nothing below `folder` ever answers, as on a network disk whose
    /// server is gone; nobody else sees it, and it goes with the agent. Where no filesystem may be
    /// mounted, the calls of the agent that look there never return.
    pub fn launch_with_wedged_folder(self, folder: &str) -> Agent {
        let target = self.root().join(folder);
        fs::create_dir_all(&target).expect("a folder is made");
        // The kernel asks whoever holds /dev/fuse, and that is the agent, which does not know.
        let script = "exec 9<>/dev/fuse && mount -i -t fuse \
                      -o fd=9,rootmode=40000,user_id=0,group_id=0 wedged \"$0\" && exec \"$@\"";
        let target = target.to_str().expect("our own folder").to_owned();
        match mounted(script, &target) {
            Some(entry) => self.launch_by(&entry, &[]),
            None => {
                let library = wedge::library(self.root());
                self.launch_with(&[("LD_PRELOAD", &*library), (wedge::VARIABLE, &*target)])
            }
        }
    }

    /// Starts an agent that sees a folder of this home in the place of one of the machine. `None`
    /// where nothing may be mounted, which in CI is a failure.
    pub fn launch_with_folder_at(self, folder: &str, at: &str) -> Option<Agent> {
        let ours = self.root().join(folder);
        fs::create_dir_all(&ours).expect("a folder is made");
        let script = format!("mount --bind \"$0\" {at} && exec \"$@\"");
        let entry = mounted(&script, ours.to_str().expect("our own folder"));
        if entry.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "this test must be allowed to mount a folder"
            );
            // Only an ordinary user of a workplace comes here.
            return None;
        }
        Some(self.launch_by(&entry?, &[]))
    }

    /// Starts an agent with variables in its environment and does not wait for it.
    pub fn launch_with(self, environment: &[(&str, &str)]) -> Agent {
        let mut command = opsbro(self.root());
        command
            .args(["agent", "start"])
            .envs(environment.iter().copied());
        self.spawn(command)
    }

    /// Starts an agent with options by way of a program that runs it.
    pub(crate) fn launch_by(self, entry: &[String], options: &[&str]) -> Agent {
        let ours = opsbro(self.root());
        let mut command = std::process::Command::new(&entry[0]);
        command.args(&entry[1..]).arg(ours.get_program());
        command.args(ours.get_args()).args(["agent", "start"]);
        command.args(options).stdin(Stdio::null());
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.spawn(command)
    }

    fn spawn(self, mut command: std::process::Command) -> Agent {
        let said = fs::File::create(self.root().join("said")).expect("a file is made");
        command.stdout(Stdio::null()).stderr(said);
        let child = command.spawn().expect("the agent starts");
        Agent { home: self, child }
    }
}

impl Agent {
    /// Starts an agent on a free port and waits until it is ready.
    pub fn start(agent_yml: &str) -> Self {
        Home::with_port_0(agent_yml).launch().ready()
    }

    /// Waits until it is ready, as a script would.
    #[track_caller]
    pub fn ready(self) -> Self {
        let ran = self.opsbro(&["agent", "wait-initialized", "--timeout", "30s"]);
        assert_eq!(ran.code, Some(0), "{ran:?}\n{}", self.said());
        self
    }

    /// Runs the program against it.
    pub fn opsbro(&self, arguments: &[&str]) -> Ran {
        self.home.opsbro(arguments)
    }

    /// Makes a token of a role; gives its secret.
    pub fn token(&self, role: &str) -> String {
        let made = self.opsbro(&["token", "create", "--role", role, "-o", "json"]);
        let made = made.expect(0).json();
        made["token"]
            .as_str()
            .expect("a new token is shown once")
            .to_owned()
    }

    /// Gives `agent info`.
    pub fn info(&self) -> Value {
        self.opsbro(&["agent", "info", "-o", "json"])
            .expect(0)
            .json()
    }

    /// Asks the unix socket.
    pub fn get(&self, path: &str) -> Reply {
        http::request_over(&self.home.socket(), "GET", path, &[], b"")
    }

    /// Gives how many datagrams the agent dropped as junk.
    pub fn junk(&self) -> u64 {
        let info = self.get("/agent/info").json();
        let dropped = info["cluster"]["figures"]["dropped"].as_object();
        let counts = dropped.into_iter().flat_map(|all| all.values());
        counts.filter_map(Value::as_u64).sum()
    }

    /// Gives the address of a listener.
    pub fn listen(&self, name: &str) -> SocketAddr {
        let info = self.info();
        let address = info["listen"][name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {info}"));
        address.parse().expect("an address")
    }

    /// Gives its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives what it said on stderr.
    pub fn said(&self) -> String {
        self.home.read("said")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid is not zero");
        kill_process(pid, signal).expect("our own child takes signals");
    }

    /// Waits until its process ends.
    pub fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the agent to end", || {
            child.try_wait().expect("our own child")
        })
    }

    /// Kills it without a word, and gives its folder back.
    pub fn kill(mut self) -> Home {
        self.child.kill().expect("our own child can be killed");
        self.ended();
        self.into_home()
    }

    /// Stops it politely, and gives its folder back.
    #[track_caller]
    pub fn stop(mut self) -> Home {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert!(status.success(), "{status}\n{}", self.said());
        self.into_home()
    }

    fn into_home(mut self) -> Home {
        let empty = Home {
            folder: tempfile::tempdir().expect("a folder can be made"),
        };
        std::mem::replace(&mut self.home, empty)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.root().join("run/opsbro.lock")).unwrap_or_default();
        let command = fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
        // The number may be another process's by now: that of ours names the folder.
        let root = self.root().as_os_str().as_encoded_bytes();
        if !command.split(|byte| *byte == 0).any(|word| word == root) {
            return;
        }
        if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
            // It may end by itself meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives the words that run a program where a script has mounted something that nobody else sees;
/// `None` without the right to. In the script, `$0` is `folder`.
fn mounted(script: &str, folder: &str) -> Option<Vec<String>> {
    let words = ["unshare", "--mount", "sh", "-c", script, folder];
    let mut tried = std::process::Command::new(words[0]);
    tried.args(&words[1..]).arg("true");
    let is_allowed = tried.output().is_ok_and(|output| output.status.success());
    is_allowed.then(|| words.map(str::to_owned).to_vec())
}

/// Lists all plain files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}
