//! Network namespaces: what a host has of a network of its own.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What the names of all our namespaces begin with.
const PREFIX: &str = "opsbro-test-";

/// A network namespace. It goes when this is dropped.
pub(super) struct Space {
    pub(super) name: String,
}

impl Space {
    /// Makes a namespace; its hosts file is `hosts`.
    pub(super) fn new(hosts: &str) -> Self {
        static CLEANED: Once = Once::new();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        CLEANED.call_once(clean);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{count}", std::process::id());
        ip(&["netns", "add", &name], "");
        let space = Self { name };
        let folder = space.etc();
        std::fs::create_dir_all(&folder).expect("root may write below /etc/netns");
        std::fs::File::create(folder.join("hosts"))
            .and_then(|mut file| file.write_all(hosts.as_bytes()))
            .expect("root may write below /etc/netns");
        space
    }

    /// Gives the words that run a program in here, on a machine of this name.
    pub(super) fn entry(&self, host: &str) -> Vec<String> {
        let script = "hostname \"$0\" && exec \"$@\"";
        let words = [
            "ip", "netns", "exec", &self.name, "unshare", "--uts", "sh", "-c", script, host,
        ];
        words.map(str::to_owned).to_vec()
    }

    /// Does something in here, in a thread of its own: a thread that has entered stays.
    pub(super) fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.name);
        let space = std::fs::File::open(path).expect("the namespace has a name");
        let network = Some(LinkNameSpaceType::Network);
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(space.as_fd(), network).expect("root may enter");
                act()
            });
            inside.join().expect("what is done in here does not panic")
        })
    }

    /// Writes a file that programs started from here on see below /etc.
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::File::create(self.etc().join(name))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("root may write below /etc/netns");
    }

    /// Starts a program in here.
    pub(super) fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name, program])
            .args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().expect("ip starts")
    }

    /// Runs commands of `ip` in here, one a line.
    pub(super) fn ip(&self, batch: &str) {
        ip(&["-n", &self.name, "-batch", "-"], batch);
    }

    /// Tells whether an interface is there.
    pub(super) fn has(&self, interface: &str) -> bool {
        let mut command = Command::new("ip");
        command.args(["-n", &self.name, "link", "show", interface]);
        command.output().is_ok_and(|output| output.status.success())
    }

    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.name)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // What is left is cleaned by the next run.
        let _ = std::fs::remove_dir_all(self.etc());
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .output();
    }
}

/// Says what is missing, when anything is.
pub(super) fn demand() {
    if let Some(lacking) = lacking() {
        panic!("{lacking}");
    }
}

/// Gives what is missing, when anything is.
pub(super) fn lacking() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("hosts of network namespaces need root: run these tests as root".to_owned());
    }
    if !Path::new("/dev/net/tun").exists() {
        let what = "hosts have network cards of /dev/net/tun, which this kernel lacks";
        return Some(what.to_owned());
    }
    let tried = Command::new("unshare").args(["--net", "true"]).output();
    if tried.is_ok_and(|output| !output.status.success()) {
        return Some("root may make no network namespaces here".to_owned());
    }
    let needed = [
        ("ip", "iproute2"),
        ("socat", "socat"),
        ("unshare", "util-linux"),
    ];
    let is_missing =
        |(program, _): &&(&str, &str)| Command::new(program).arg("-V").output().is_err();
    needed.iter().find(is_missing).map(|(program, package)| {
        format!("{program} is missing: apt-get install {package}, or tests/install")
    })
}

/// Removes what runs left that were killed: namespaces whose process is gone.
fn clean() {
    let listed = ip(&["netns", "list"], "");
    let ours = listed.lines().filter_map(|line| line.split(' ').next());
    for name in ours.filter(|name| name.starts_with(PREFIX)) {
        let owner = name[PREFIX.len()..].split('-').next().unwrap_or_default();
        if Path::new("/proc").join(owner).exists() {
            continue;
        }
        for pid in ip(&["netns", "pids", name], "").split_whitespace() {
            let pid = pid.parse().ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                // It may end by itself meanwhile.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        drop(Space {
            name: name.to_owned(),
        });
    }
}

#[track_caller]
fn ip(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("ip");
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("ip starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("ip reads");
    drop(stdin);
    let output = child.wait_with_output().expect("ip ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {said}\n{input}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
