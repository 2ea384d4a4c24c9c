//! Real servers of Debian packages: each in a folder of its own, on loopback, killed by its
//! process group.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::wait::wait_for;

/// A folder for the files of a server. All may look into it, as many servers give up being root.
pub struct Folder {
    folder: TempDir,
    /// Whom the server runs as, when not as we do.
    user: Option<(String, u32, u32)>,
}

/// A server that runs. It is killed when this is dropped.
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Folder {
    /// Makes a folder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("our own folder");
        Self { folder, user: None }
    }

    /// Makes a folder for a server that refuses to run as root: it is that user's when we are root.
    pub fn of_user(name: &str) -> Self {
        let mut folder = Self::new();
        if rustix::process::getuid().is_root() {
            let passwd = fs::read_to_string("/etc/passwd").expect("every machine has users");
            let line = passwd
                .lines()
                .find(|line| line.starts_with(&format!("{name}:")));
            let line = line.unwrap_or_else(|| panic!("no user {name}: run tests/install"));
            let number = |index| {
                line.split(':')
                    .nth(index)
                    .and_then(|it: &str| it.parse().ok())
            };
            let (uid, gid) = number(2).zip(number(3)).expect("a user has numbers");
            chown(folder.root(), Some(uid), Some(gid)).expect("we are root");
            folder.user = Some((name.to_owned(), uid, gid));
        }
        folder
    }

    /// Gives the folder.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the path of a file in it.
    pub fn path(&self, name: &str) -> String {
        let path = self.root().join(name);
        path.to_str().expect("a folder of ours is UTF-8").to_owned()
    }

    /// Writes a file in it, and gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::File::create(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .expect("a file is written");
        if let Some((_, uid, gid)) = self.user {
            chown(&path, Some(uid), Some(gid)).expect("we are root");
        }
        path
    }

    /// Makes a command that runs here as the user of the folder. The program comes with a package;
    /// without it the test cannot prove anything, and fails.
    pub fn command(&self, program: &str, package: &str) -> Command {
        assert!(
            Path::new(program).exists(),
            "{program} is not there: install the package {package} (tests/install does)"
        );
        let mut command = match &self.user {
            Some((name, uid, gid)) => {
                let mut command = Command::new("setpriv");
                let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
                command.args([&uid, &gid, "--clear-groups", program]);
                command.env("USER", name);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(self.root()).env("HOME", self.root());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its good end, and gives what it printed.
    #[track_caller]
    pub fn run(&self, mut command: Command) -> String {
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts a server that stays in the foreground, in a process group of its own.
    pub fn start(&self, mut command: Command) -> Server {
        let log = self.root().join("log");
        let said = fs::File::create(&log).expect("a file is made");
        let also = said.try_clone().expect("a file has more than one name");
        command.stdout(said).stderr(also).process_group(0);
        Server {
            name: format!("{command:?}"),
            child: command.spawn().expect("the server starts"),
            log,
        }
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// Waits until the server is ready, by whatever shows it.
    #[track_caller]
    pub fn ready<T>(mut self, mut is_ready: impl FnMut() -> Option<T>) -> Self {
        wait_for(&self.name.clone(), || {
            let ended = self.child.try_wait().expect("our own child");
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(ended.is_none(), "{} ended: {ended:?}\n{}", self.name, log());
            is_ready()
        });
        self
    }

    /// Waits until the server takes connections on a port.
    #[track_caller]
    pub fn on_port(self, port: u16) -> Self {
        self.ready(|| TcpStream::connect(("127.0.0.1", port)).ok())
    }

    /// Waits until the server takes connections on a unix socket.
    #[track_caller]
    pub fn on_socket(self, path: &str) -> Self {
        self.ready(|| UnixStream::connect(path).ok())
    }

    /// Kills the server and what it started, without a word, and waits until it is gone.
    pub fn kill(mut self) {
        self.kill_group();
        self.child.wait().expect("our own child");
    }

    fn kill_group(&mut self) {
        // Before it is waited for, its number cannot be another's.
        let pid = Pid::from_child(&self.child);
        // All of it may have ended by itself.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill_group();
            let _ = self.child.wait();
        }
    }
}

/// Gives a port of loopback that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener
        .local_addr()
        .expect("a listener has an address")
        .port()
}
