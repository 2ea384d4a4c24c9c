//! Processes of the machine.
//!
//! They come and go while they are looked at, and a mount of `/proc` with `hidepid` shows only our
//! own: what cannot be read is passed over.

use std::os::unix::ffi::OsStrExt;

use model::limits::PROCESS_FILE_BYTES_MAX;

use crate::{Deadline, Error, Host};

/// The kernel keeps this much of a program's name.
const COMMAND_BYTES_MAX: usize = 15;

/// Tells whether a process runs that has this name (as `ps -o comm` gives it, or in full where
/// that is cut), or whose program or script is this absolute path. A zombie does not run.
pub fn exists(host: &Host, name: &str, deadline: Deadline) -> Result<bool, Error> {
    if name.is_empty() {
        return Err(Error::bad_request(name, "is no name of a process"));
    }
    let wanted = Wanted::new(host, name);
    let failed = || Error::system("list", "/proc");
    for entry in std::fs::read_dir(host.path("/proc")?).map_err(failed())? {
        deadline.check("looking through", "/proc")?;
        let id = entry.map_err(failed())?.file_name();
        if id.as_bytes().iter().all(u8::is_ascii_digit) {
            let folder = format!("/proc/{}", id.to_string_lossy());
            let process = Process {
                host,
                folder,
                deadline,
            };
            if process.is(&wanted) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What is looked for, in the forms that it may take.
struct Wanted {
    /// Absolute paths, when a path was asked for: as written, and where its links lead.
    paths: Vec<Vec<u8>>,
    /// The whole name of the program.
    name: Vec<u8>,
    /// The name as the kernel keeps it.
    command: Vec<u8>,
}

impl Wanted {
    fn new(host: &Host, wanted: &str) -> Self {
        let mut paths = Vec::new();
        if wanted.starts_with('/') {
            paths.push(wanted.as_bytes().to_vec());
            paths.extend(resolve(host, wanted));
        }
        let name = file_name(wanted.as_bytes()).to_vec();
        let command = name[..name.len().min(COMMAND_BYTES_MAX)].to_vec();
        Self {
            paths,
            name,
            command,
        }
    }
}

/// Follows the links of a path, and gives it as the machine itself would name it.
fn resolve(host: &Host, path: &str) -> Option<Vec<u8>> {
    let real = std::fs::canonicalize(host.path(path).ok()?).ok()?;
    let root = std::fs::canonicalize(host.root()).ok()?;
    let below = real.strip_prefix(root).ok()?;
    Some([b"/", below.as_os_str().as_bytes()].concat())
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// One process, which may be gone at any time.
struct Process<'a> {
    host: &'a Host,
    folder: String,
    deadline: Deadline,
}

impl Process<'_> {
    fn is(&self, wanted: &Wanted) -> bool {
        let Some(command) = self.command() else {
            return false;
        };
        let has_name = command == wanted.command;
        if !wanted.paths.is_empty() {
            let is_path = |path: &[u8]| wanted.paths.iter().any(|wanted| wanted == path);
            return self.program().is_some_and(|program| is_path(&program))
                // A script runs in its interpreter, but keeps its own name as the command.
                || has_name && self.first_words().iter().any(|word| is_path(word));
        }
        if wanted.name.len() <= COMMAND_BYTES_MAX {
            return has_name;
        }
        let is_name = |path: &[u8]| file_name(path) == wanted.name;
        command == wanted.name
            || has_name
                && (self.program().is_some_and(|program| is_name(&program))
                    || self.first_words().iter().any(|word| is_name(word)))
    }

    /// Gives the name of a process that runs. It stands in parentheses and may hold any character,
    /// parentheses too; the state follows (proc_pid_stat(5)).
    fn command(&self) -> Option<Vec<u8>> {
        let stat = self.read("stat")?;
        let start = stat.iter().position(|byte| *byte == b'(')? + 1;
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        let state = *stat.get(end + 2)?;
        (!matches!(state, b'Z' | b'X')).then(|| stat.get(start..end).map(<[u8]>::to_vec))?
    }

    /// Gives the path of the program, even if the file was replaced since (by an update).
    fn program(&self) -> Option<Vec<u8>> {
        let link = self.host.path(&format!("{}/exe", self.folder)).ok()?;
        let program = std::fs::read_link(link).ok()?.into_os_string();
        let path = program.as_bytes();
        Some(path.strip_suffix(b" (deleted)").unwrap_or(path).to_vec())
    }

    /// Gives the first two words of the command line: the program, and a script if it is one.
    fn first_words(&self) -> Vec<Vec<u8>> {
        let line = self.read("cmdline").unwrap_or_default();
        line.split(|byte| *byte == 0)
            .take(2)
            .map(<[u8]>::to_vec)
            .collect()
    }

    fn read(&self, file: &str) -> Option<Vec<u8>> {
        self.host.read_start(
            &format!("{}/{file}", self.folder),
            PROCESS_FILE_BYTES_MAX,
            self.deadline,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::recorded;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    #[track_caller]
    fn check(name: &str, expect: bool) {
        assert_eq!(
            exists(&recorded("debian-12"), name, deadline()).unwrap(),
            expect,
            "{name}"
        );
    }

    #[test]
    fn processes_are_found_by_name() {
        check("nginx", true);
        check("kthreadd", true);
        check("systemd", true);
        check("ngin", false);
        check("NGINX", false);
        check("a) Z (b", true);
        check("apache2", false);
    }

    #[test]
    fn names_that_the_kernel_cuts_are_compared_in_full() {
        check("systemd-network", true);
        check("systemd-networkd", true);
        check("systemd-network-generator", false);
    }

    #[test]
    fn processes_are_found_by_the_path_of_their_program() {
        check("/usr/sbin/nginx", true);
        check("/sbin/nginx", true);
        check("/usr/lib/systemd/systemd", true);
        check("/usr/sbin/sshd", true);
        check("/bin/nginx", false);
    }

    #[test]
    fn a_script_is_found_though_its_interpreter_runs() {
        check("/usr/bin/fail2ban-server", true);
        check("fail2ban-server", true);
        check("/usr/sbin/apache2", false);
    }

    #[test]
    fn a_zombie_and_a_vanished_process_do_not_run() {
        check("redis-server", false);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("proc/12/stat")).unwrap();
        std::fs::create_dir_all(folder.path().join("proc/13")).unwrap();
        assert!(!exists(&Host::at(folder.path()), "x", deadline()).unwrap());
    }

    #[test]
    fn what_makes_no_sense_or_takes_too_long_is_an_error() {
        let search =
            |host: &Host, name, deadline| exists(host, name, deadline).unwrap_err().to_string();
        let host = recorded("debian-12");
        assert_eq!(
            search(&host, "", deadline()),
            "\"\" is no name of a process"
        );
        let over = Deadline::after(Duration::ZERO);
        assert_eq!(
            search(&host, "x", over),
            "looking through /proc took longer than 0s"
        );
        assert_eq!(
            search(&recorded("arch"), "x", deadline()),
            "cannot list /proc: no such file or directory"
        );
    }

    #[test]
    fn we_run_on_the_machine_below() {
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        assert!(exists(&Host::real(), program, deadline()).unwrap());
        assert!(
            exists(
                &Host::real(),
                program.rsplit('/').next().unwrap(),
                deadline()
            )
            .unwrap()
        );
        assert!(!exists(&Host::real(), "no-such-process-x7", deadline()).unwrap());
    }
}
