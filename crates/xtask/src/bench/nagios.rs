//! Nagios, run beside the agent on the same plugins, so that the figures of one run can be
//! compared.
//!
//! It is what Debian ships (`nagios4-core`), with its own defaults, as its own user, without the
//! page, the mails and the log of the system.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program, and the package that brings it.
const PROGRAM: (&str, &str) = ("/usr/sbin/nagios4", "nagios4-core");
/// The account that the package makes.
const USER: &str = "nagios";
/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Nagios that runs; it ends with this.
#[derive(Debug)]
pub struct Nagios {
    child: Child,
    status: PathBuf,
}

impl Nagios {
    /// Starts it on so many checks of a plugin, each once a minute.
    pub fn start(folder: &Path, plugin: &str, checks: usize) -> Result<Self, String> {
        let (program, package) = PROGRAM;
        if !Path::new(program).exists() {
            return Err(format!("is not installed: apt-get install {package}"));
        }
        let failed = |error: &dyn std::fmt::Display| format!("failed to start {program}: {error}");
        let spool = folder.join("spool");
        std::fs::create_dir_all(&spool).map_err(|error| failed(&error))?;
        write(&folder.join("objects.cfg"), &objects(plugin, checks)).map_err(|it| failed(&it))?;
        let main = folder.join("nagios.cfg");
        write(&main, &configuration(folder)).map_err(|error| failed(&error))?;
        let owned = Command::new("chown")
            .arg("-R")
            .arg(USER)
            .arg(folder)
            .status()
            .map_err(|error| failed(&error))?;
        if !owned.success() {
            return Err("runs as its own user, which takes root".to_owned());
        }
        let child = Command::new(program)
            .arg(main)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut nagios = Self {
            child,
            status: folder.join("status.dat"),
        };
        let began = Instant::now();
        while !nagios.status.exists() {
            if let Ok(Some(status)) = nagios.child.try_wait() {
                return Err(failed(&status));
            }
            if began.elapsed() > PATIENCE {
                return Err(failed(&"it writes no status"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nagios)
    }

    /// Gives its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Counts the checks that it has run, as of its last writing.
    pub fn ran(&self) -> usize {
        let text = std::fs::read_to_string(&self.status).unwrap_or_default();
        count_checked(&text)
    }
}

impl Drop for Nagios {
    fn drop(&mut self) {
        let pid = self.pid().to_string();
        // It ends its workers when it is asked.
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count_checked(status: &str) -> usize {
    let services = status.split("servicestatus {").skip(1);
    let ran = |block: &&str| !block.contains("last_check=0\n");
    services.filter(ran).count()
}

fn configuration(folder: &Path) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut text = String::new();
    let files = [
        ("log_file", "nagios.log"),
        ("cfg_file", "objects.cfg"),
        ("object_cache_file", "objects.cache"),
        ("precached_object_file", "objects.precache"),
        ("status_file", "status.dat"),
        ("lock_file", "nagios.pid"),
        ("temp_file", "nagios.tmp"),
        ("temp_path", "spool"),
        ("check_result_path", "spool"),
        ("command_file", "nagios.cmd"),
        ("query_socket", "nagios.qh"),
        ("state_retention_file", "retention.dat"),
    ];
    for (key, name) in files {
        let _ = writeln!(text, "{key}={}", at(name));
    }
    let settings = [
        ("nagios_user", USER),
        ("nagios_group", USER),
        ("use_syslog", "0"),
        ("log_rotation_method", "n"),
        ("check_for_updates", "0"),
        ("check_external_commands", "0"),
        ("enable_notifications", "0"),
        ("execute_host_checks", "0"),
        ("execute_service_checks", "1"),
        ("retain_state_information", "0"),
        ("status_update_interval", "10"),
        ("interval_length", "60"),
        ("service_check_timeout", "60"),
    ];
    for (key, value) in settings {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

fn objects(plugin: &str, checks: usize) -> String {
    // A time period without days is never, and then nothing is checked.
    let days = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let always: String = days.map(|day| format!(" {day} 00:00-24:00\n")).concat();
    let mut text = format!(
        "define command {{\n command_name plugin\n command_line {plugin} 0\n}}\n\
         define timeperiod {{\n timeperiod_name always\n alias always\n{always}}}\n\
         define contact {{\n contact_name nobody\n host_notification_commands plugin\n \
         service_notification_commands plugin\n host_notification_period always\n \
         service_notification_period always\n}}\n\
         define host {{\n host_name bench\n address 127.0.0.1\n max_check_attempts 1\n \
         check_period always\n contacts nobody\n notification_period always\n}}\n"
    );
    for at in 0..checks {
        let _ = write!(
            text,
            "define service {{\n host_name bench\n service_description check-{at}\n \
             check_command plugin\n check_interval 1\n retry_interval 1\n \
             max_check_attempts 1\n check_period always\n contacts nobody\n \
             notification_period always\n}}\n"
        );
    }
    text
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    File::create(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checks_that_ran_count() {
        let status = "servicestatus {\n\tlast_check=17\n}\nservicestatus {\n\tlast_check=0\n}\n";
        assert_eq!(count_checked(status), 1);
    }

    #[test]
    fn each_check_is_a_service_of_one_host() {
        let text = objects("/bin/true", 3);
        assert_eq!(text.matches("define service ").count(), 3);
        assert_eq!(text.matches("define host ").count(), 1);
        assert_eq!(text.matches(" 00:00-24:00\n").count(), 7);
        assert!(configuration(Path::new("/x")).contains("status_file=/x/status.dat\n"));
    }
}
