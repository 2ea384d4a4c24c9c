//! Where everything is: for root, for a user, or all of it below one folder.

use std::path::{Path, PathBuf};

/// The files and folders of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The folder that all of it is laid below, when one was given.
    pub root: Option<PathBuf>,
    /// The folder of the configuration.
    pub config: PathBuf,
    /// The folder of the data.
    pub data: PathBuf,
    /// The folder of the plugins.
    pub libexec: PathBuf,
    /// The folder of the logs.
    pub log: PathBuf,
    /// The pid lock.
    pub lock: PathBuf,
    /// The unix socket.
    pub socket: PathBuf,
}

/// What of the environment decides where things are.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `--root` or `OPSBRO_ROOT`.
    pub root: Option<PathBuf>,
    /// Whether the process is root's.
    pub is_root_user: bool,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub xdg_data: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub xdg_state: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the environment of the process.
    pub fn of_process(root: Option<PathBuf>) -> Self {
        // XDG: a relative path is to be ignored.
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self {
            root: root.map(|root| std::path::absolute(&root).unwrap_or(root)),
            is_root_user: rustix::process::geteuid().is_root(),
            home: absolute("HOME"),
            xdg_config: absolute("XDG_CONFIG_HOME"),
            xdg_data: absolute("XDG_DATA_HOME"),
            xdg_state: absolute("XDG_STATE_HOME"),
            xdg_runtime: absolute("XDG_RUNTIME_DIR"),
        }
    }
}

impl Paths {
    /// Decides where things are. Fails for a user without a home.
    pub fn resolve(surroundings: &Surroundings) -> Result<Self, String> {
        if let Some(root) = &surroundings.root {
            let data = root.join("var/lib");
            return Ok(Self::new(
                Some(root.clone()),
                root.join("etc"),
                data,
                root.join("var/log"),
                &root.join("run"),
            ));
        }
        if surroundings.is_root_user {
            return Ok(Self::new(
                None,
                PathBuf::from("/etc/opsbro"),
                PathBuf::from("/var/lib/opsbro"),
                PathBuf::from("/var/log/opsbro"),
                Path::new("/run/opsbro"),
            ));
        }
        let below_home = |set: &Option<PathBuf>, usual: &str| {
            let home = || surroundings.home.as_ref().map(|home| home.join(usual));
            set.clone()
                .or_else(home)
                .map(|folder| folder.join("opsbro"))
        };
        let no_home = || "HOME is not set, so there is no place for the agent's files".to_owned();
        let state = below_home(&surroundings.xdg_state, ".local/state").ok_or_else(no_home)?;
        let run = surroundings
            .xdg_runtime
            .as_ref()
            .map(|run| run.join("opsbro"));
        Ok(Self::new(
            None,
            below_home(&surroundings.xdg_config, ".config").ok_or_else(no_home)?,
            below_home(&surroundings.xdg_data, ".local/share").ok_or_else(no_home)?,
            state.join("log"),
            &run.unwrap_or_else(|| state.join("run")),
        ))
    }

    fn new(
        root: Option<PathBuf>,
        config: PathBuf,
        data: PathBuf,
        log: PathBuf,
        run: &Path,
    ) -> Self {
        Self {
            root,
            config,
            libexec: data.join("libexec"),
            data,
            log,
            lock: run.join("opsbro.lock"),
            socket: run.join("opsbro.sock"),
        }
    }

    /// Places a path that was configured: below the root folder when there is one, so that an
    /// `agent.yml` made for a whole machine leaves that machine alone.
    pub fn place(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) if !path.starts_with(root) => {
                root.join(path.strip_prefix("/").unwrap_or(path))
            }
            Some(_) | None => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_folder_holds_all_of_it() {
        let root = Some(PathBuf::from("/srv/a"));
        let paths = Paths::resolve(&Surroundings {
            root,
            ..Surroundings::default()
        })
        .unwrap();
        assert_eq!(paths.socket, Path::new("/srv/a/run/opsbro.sock"));
        assert_eq!(paths.config, Path::new("/srv/a/etc"));
        assert_eq!(paths.data, Path::new("/srv/a/var/lib"));
        assert_eq!(paths.place(Path::new("/var/x")), Path::new("/srv/a/var/x"));
        assert_eq!(paths.place(Path::new("/srv/a/x")), Path::new("/srv/a/x"));
    }

    #[test]
    fn root_has_the_usual_folders() {
        let surroundings = Surroundings {
            is_root_user: true,
            ..Surroundings::default()
        };
        let paths = Paths::resolve(&surroundings).unwrap();
        assert_eq!(paths.socket, Path::new("/run/opsbro/opsbro.sock"));
        assert_eq!(paths.place(Path::new("/var/x")), Path::new("/var/x"));
    }

    #[test]
    fn a_user_has_the_folders_of_xdg_and_needs_a_home() {
        let home = Some(PathBuf::from("/home/ann"));
        let surroundings = Surroundings {
            home,
            ..Surroundings::default()
        };
        let paths = Paths::resolve(&surroundings).unwrap();
        assert_eq!(paths.config, Path::new("/home/ann/.config/opsbro"));
        assert_eq!(
            paths.socket,
            Path::new("/home/ann/.local/state/opsbro/run/opsbro.sock")
        );
        let runtime = Some(PathBuf::from("/run/user/7"));
        let paths = Paths::resolve(&Surroundings {
            xdg_runtime: runtime,
            ..surroundings
        })
        .unwrap();
        assert_eq!(paths.socket, Path::new("/run/user/7/opsbro/opsbro.sock"));
        assert!(
            Paths::resolve(&Surroundings::default())
                .unwrap_err()
                .contains("HOME")
        );
    }
}
