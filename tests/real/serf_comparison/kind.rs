//! The two kinds of agents: how each starts, and what its log says.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::crowd::Saw;

/// A kind of agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Debian's serf, with its default profile.
    Serf,
    /// Ours, with nothing but the cluster.
    Opsbro,
}

/// What is not about the cluster.
const OFF: &str = "\
monitoring_topic_enabled: false
metrology_topic_enabled: false
automatic_detection_topic_enabled: false
configuration_automation_topic_enabled: false
system_compliance_topic_enabled: false
agreement: {enabled: false}
";
/// A key of 32 bytes, for both.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn write(path: &Path, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Serf => "serf",
            Self::Opsbro => "opsbro",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "serf" => Self::Serf,
            "opsbro" => Self::Opsbro,
            _ => panic!("{text} is neither serf nor opsbro"),
        }
    }

    /// Makes the command of an agent that joins others.
    pub(crate) fn command(
        self,
        program: &Path,
        folder: &Path,
        name: &str,
        address: &str,
        seeds: &[String],
    ) -> Command {
        fs::create_dir_all(folder).unwrap();
        let mut command = Command::new("unshare");
        let script = "hostname \"$0\" && exec \"$@\"";
        command.args(["--uts", "sh", "-c", script, name]);
        match self {
            Self::Serf => {
                command.args(["serf", "agent", "-log-level=debug"]);
                command.arg(format!("-node={name}"));
                command.arg(format!("-bind={address}:7946"));
                command.arg(format!("-rpc-addr={address}:7373"));
                command.arg(format!("-encrypt={KEY}"));
                for seed in seeds {
                    command.arg(format!("-retry-join={seed}:7946"));
                }
                command.arg("-retry-interval=1s");
            }
            Self::Opsbro => {
                let yml = format!(
                    "listen_address: {address}\nlog_format: text\nseeds: [{}]\n{OFF}",
                    seeds.join(", ")
                );
                fs::create_dir_all(folder.join("etc/zone_keys")).unwrap();
                write(&folder.join("etc/agent.yml"), &yml);
                write(&folder.join("etc/zone_keys/internet.gossip.key"), KEY);
                command.arg(program).arg("--root").arg(folder);
                command.args(["agent", "start"]);
            }
        }
        command
    }

    /// Tells what a line of its log says, and of whom.
    pub(crate) fn read(self, line: &str) -> Option<(Saw, &str)> {
        match self {
            Self::Serf => {
                let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
                let word = |text: &'_ str| -> Option<usize> { text.find([' ', ',']) };
                for (mark, saw) in [
                    ("serf: EventMemberJoin: ", Saw::Alive),
                    ("serf: EventMemberFailed: ", Saw::Dead),
                    ("memberlist: Suspect ", Saw::Suspect),
                ] {
                    if let Some(rest) = after(mark) {
                        return Some((saw, &rest[..word(rest).unwrap_or(rest.len())]));
                    }
                }
                None
            }
            Self::Opsbro => {
                let saw = match line {
                    _ if line.contains("Node is dead") => Saw::Dead,
                    _ if line.contains("Node is suspect") => Saw::Suspect,
                    _ if line.contains("Node changed") && line.contains("to=alive") => Saw::Alive,
                    _ => return None,
                };
                let (_, rest) = line.split_once("name=")?;
                let rest = rest.trim_start_matches('"');
                let end = rest.find([' ', '"', '\n']).unwrap_or(rest.len());
                Some((saw, &rest[..end]))
            }
        }
    }
}
