//! The text of the systemd unit.

use std::path::Path;

use daemon::paths::Paths;

/// What a unit is written for.
pub(super) struct Unit<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// Where the agent's files are.
    pub(super) paths: &'a Paths,
    /// Whether it is the system's service rather than a user's own.
    pub(super) of_root: bool,
    /// Whether the agent shall only look.
    pub(super) observe_only: bool,
}

const HEAD: &str = "\
# Written by `opsbro agent service install`.
[Unit]
Description=OpsBro agent
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
# The agent tells that it is alive; when it does not, it is killed and started again.
WatchdogSec=30
Restart=always
RestartSec=2
# A wrong configuration is not mended by trying again.
RestartPreventExitStatus=64
TimeoutStopSec=15
KillMode=mixed
";

/// What no agent needs. Package managers, compliance rules and checks run as its children, so
/// nothing stands here that would break those: no ProtectClock, for one, which hides all devices.
const ALWAYS: &str = "
LimitNOFILE=65536
UMask=0077
OOMPolicy=continue
KeyringMode=private
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
";

/// What an agent that only looks does not need either.
const OBSERVE_ONLY: &str = "
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
MemoryDenyWriteExecute=yes
";

/// The rights by which root's agent sees everything and changes nothing: any file, any process,
/// raw sockets, ports below 1024.
const OBSERVE_ONLY_RIGHTS: &str = "CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE \
                                   CAP_NET_RAW CAP_NET_BIND_SERVICE\n";

impl Unit<'_> {
    /// Writes the unit.
    pub(super) fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        let program = word(self.program);
        let root = self.paths.root.as_deref();
        let root = root
            .map(|root| format!("--root {} ", word(root)))
            .unwrap_or_default();
        text.push_str(&format!("ExecStart={program} {root}agent start\n"));
        text.push_str(&format!("ExecReload={program} {root}agent reload\n"));
        text.push_str(ALWAYS);
        if self.observe_only {
            text.push_str(OBSERVE_ONLY);
            if self.of_root {
                text.push_str(OBSERVE_ONLY_RIGHTS);
            }
        }
        text.push_str(&self.folders());
        let target = if self.of_root {
            "multi-user.target"
        } else {
            "default.target"
        };
        text.push_str(&format!("\n[Install]\nWantedBy={target}\n"));
        text
    }

    /// Gives the agent its folders: systemd makes those of the system, the others are named.
    fn folders(&self) -> String {
        if self.of_root && self.paths.root.is_none() {
            return "\nConfigurationDirectory=opsbro\nStateDirectory=opsbro\nLogsDirectory=opsbro\n\
                    RuntimeDirectory=opsbro\nRuntimeDirectoryMode=0700\nStateDirectoryMode=0700\n"
                .to_owned();
        }
        if !self.observe_only {
            return String::new();
        }
        let Paths {
            data, log, socket, ..
        } = self.paths;
        let folders = [Some(data.as_path()), Some(log), socket.parent()];
        // The dash: systemd is not to mind that a folder does not exist yet.
        let words = folders
            .into_iter()
            .flatten()
            .map(|folder| quoted(&format!("-{}", folder.display())));
        format!("\nReadWritePaths={}\n", words.collect::<Vec<_>>().join(" "))
    }
}

/// Writes a path as one word of a unit file.
fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn quoted(text: &str) -> String {
    // A percent sign starts a specifier, and a dollar sign a variable.
    let text = text.replace('%', "%%").replace('$', "$$");
    let is_plain = text
        .chars()
        .all(|letter| !letter.is_whitespace() && !"\"'\\;".contains(letter));
    match is_plain {
        true => text,
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use daemon::paths::Surroundings;

    use super::*;

    fn unit(root: Option<&str>, of_root: bool, observe_only: bool) -> String {
        let surroundings = Surroundings {
            root: root.map(PathBuf::from),
            is_root_user: of_root,
            home: Some(PathBuf::from("/home/ann")),
            ..Surroundings::default()
        };
        let paths = Paths::resolve(&surroundings).unwrap();
        Unit {
            program: Path::new("/usr/bin/opsbro"),
            paths: &paths,
            of_root,
            observe_only,
        }
        .text()
    }

    #[test]
    fn the_unit_of_root_is_watched_and_restarted_but_not_on_a_wrong_configuration() {
        let text = unit(None, true, false);
        for line in [
            "Type=notify",
            "WatchdogSec=30",
            "Restart=always",
            "RestartPreventExitStatus=64",
            "ExecStart=/usr/bin/opsbro agent start",
            "ExecReload=/usr/bin/opsbro agent reload",
            "RuntimeDirectory=opsbro",
            "WantedBy=multi-user.target",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(
            !text.contains("ProtectSystem"),
            "the agent keeps the system right"
        );
    }

    #[test]
    fn an_agent_that_only_looks_may_write_to_its_own_folders_alone() {
        let text = unit(Some("/srv/a b"), true, true);
        assert!(text.contains("\nProtectSystem=strict\n"));
        assert!(text.contains("\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH"));
        assert!(
            text.contains("ExecStart=/usr/bin/opsbro --root \"/srv/a b\" agent start\n"),
            "{text}"
        );
        assert!(
            text.contains("ReadWritePaths=\"-/srv/a b/var/lib\" \"-"),
            "{text}"
        );
    }

    #[test]
    fn a_user_has_a_unit_without_the_rights_of_root() {
        let text = unit(None, false, true);
        assert!(text.ends_with("WantedBy=default.target\n"));
        assert!(!text.contains("Capability") && !text.contains("StateDirectory"));
        assert!(text.contains("/home/ann/.local/share/opsbro"));
    }
}
