//! `opsbro agent service`: the agent as a service of systemd.

mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use daemon::configuration::keys;
use daemon::paths::Paths;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use store::file::{self, Access};

use self::unit::Unit;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Make the agent a service of systemd
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Service {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro agent service install
  opsbro agent service install --print
  opsbro agent service remove";

#[derive(Debug, Subcommand)]
enum Verb {
    Install(Install),
    Remove(Remove),
}

/// Write the unit of the agent; for root a system unit, for a user one of the user's own
///
/// It starts nothing. Where systemd runs it is told to read the unit. Where there is no agent.yml,
/// the shipped one is written too: by it a new cluster has a gossip key.
#[derive(Debug, Args)]
#[command(after_help = INSTALL_EXAMPLES)]
pub(crate) struct Install {
    /// Print the unit and write nothing
    #[arg(long)]
    print: bool,
    /// For an agent that only looks: the system refuses it any change outside of its own folders
    #[arg(long)]
    observe_only: bool,
    #[command(flatten)]
    place: Place,
}

const INSTALL_EXAMPLES: &str = "Examples:
  opsbro agent service install
  opsbro agent service install --observe-only
  opsbro agent service install --print > opsbro.service
  opsbro --root /srv/second agent service install --name opsbro-second";

/// Remove the unit of the agent; stop the service before
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    #[command(flatten)]
    place: Place,
}

const REMOVE_EXAMPLES: &str = "Examples:
  systemctl disable --now opsbro; opsbro agent service remove";

#[derive(Debug, Args)]
struct Place {
    /// The name of the service
    #[arg(long, default_value = "opsbro", value_parser = service_name)]
    name: String,
    /// The folder of the units; where systemd looks for them by default
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    unit_dir: Option<PathBuf>,
}

fn service_name(name: &str) -> Result<String, String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    match !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed) {
        true => Ok(name.to_owned()),
        false => Err("use letters, digits, dots, dashes and underscores".to_owned()),
    }
}

impl Service {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Install(command) => command.run(program),
            Verb::Remove(command) => command.run(program),
        }
    }
}

impl Install {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let itself = std::env::current_exe()
            .map_err(|error| Failure::new(format!("cannot find the program itself: {error}")))?;
        let loaded = program.configuration()?;
        let paths = loaded.configuration.paths;
        let text = Unit {
            program: &itself,
            paths: &paths,
            of_root: rustix::process::geteuid().is_root(),
            observe_only: self.observe_only,
        }
        .text();
        if self.print {
            program.printer.raw(&text)?;
            return Ok(Exit::Yes);
        }
        let path = self.place.path()?;
        file::make_dir(path.parent().unwrap_or(Path::new("/")), 0o755)?;
        file::replace(&path, text.as_bytes(), Access::Mode(0o644))?;
        let agent_yml = write_agent_yml(&paths)?;
        let reloaded = self.place.tell_systemd(program);
        let next = format!("{} enable --now {}", systemctl().join(" "), self.place.name);
        program.printer.show(&Installed {
            unit: path,
            agent_yml,
            reloaded,
            next,
        })?;
        Ok(Exit::Yes)
    }
}

/// Writes the configuration that is shipped, where there is none: an agent without any file has its
/// gossip open, and a service is meant to stay.
fn write_agent_yml(paths: &Paths) -> Result<Option<PathBuf>, Failure> {
    let path = paths.config.join("agent.yml");
    if path.exists() {
        return Ok(None);
    }
    file::make_dir(&paths.config, 0o755)?;
    let text = keys::default_file();
    file::replace(&path, text.as_bytes(), Access::Mode(0o644))?;
    Ok(Some(path))
}

impl Remove {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let path = self.place.path()?;
        if !path.exists() {
            return Err(Failure::new(format!("there is no unit {}", path.display())));
        }
        file::remove(&path)?;
        let reloaded = self.place.tell_systemd(program);
        program.printer.show(&Removed {
            unit: path,
            reloaded,
        })?;
        Ok(Exit::Yes)
    }
}

impl Place {
    fn path(&self) -> Result<PathBuf, Failure> {
        let file = format!("{}.service", self.name);
        if let Some(folder) = &self.unit_dir {
            return Ok(folder.join(file));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(Path::new("/etc/systemd/system").join(file));
        }
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let config = variable("XDG_CONFIG_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".config")));
        config
            .map(|config| config.join("systemd/user").join(file))
            .ok_or_else(|| {
                Failure::new("HOME is not set, so there is no place for the unit")
                    .with_hint("say where with --unit-dir DIR")
            })
    }

    /// Makes systemd read its units again, where it runs and the unit is where it looks.
    fn tell_systemd(&self, program: &Program) -> bool {
        if self.unit_dir.is_some() || !Path::new("/run/systemd/system").is_dir() {
            return false;
        }
        let words = systemctl();
        let ran = Command::new(words[0])
            .args(&words[1..])
            .arg("daemon-reload")
            .status();
        let done = ran.is_ok_and(|status| status.success());
        if !done {
            let command = words.join(" ");
            program.printer.say(&format!(
                "systemd was not told; run: {command} daemon-reload"
            ));
        }
        done
    }
}

fn systemctl() -> Vec<&'static str> {
    match rustix::process::geteuid().is_root() {
        true => vec!["systemctl"],
        false => vec!["systemctl", "--user"],
    }
}

#[derive(Serialize)]
struct Installed {
    unit: PathBuf,
    /// The configuration, when it was written too.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_yml: Option<PathBuf>,
    reloaded: bool,
    next: String,
}

impl Answer for Installed {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} wrote {}", "√".green(), self.unit.display()));
        if let Some(agent_yml) = &self.agent_yml {
            let agent_yml = agent_yml.display();
            page.line(format!("{} wrote {agent_yml}", "√".green()));
            page.line("  by which the first start of an agent without seeds makes a gossip key");
        }
        page.line(format!(
            "  start it, now and at every boot: {}",
            self.next.green()
        ));
    }
}

#[derive(Serialize)]
struct Removed {
    unit: PathBuf,
    reloaded: bool,
}

impl Answer for Removed {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} removed {}", "√".green(), self.unit.display()));
    }
}
