//! The parts of the agent that speak in the log.

/// All parts, sorted. Users name them in `agent log follow` and `agent log level`.
pub(super) const ALL: [&str; 9] = [
    "agreement",
    "configuration",
    "daemon",
    "gossip",
    "http",
    "packs",
    "store",
    "time-series",
    "workers",
];

/// The part of everything that has no part of its own.
pub(super) const DAEMON: usize = 2;

/// Which module speaks for which part. The first that is a prefix wins.
const MODULES: [(&str, &str); 10] = [
    ("daemon::agreement", "agreement"),
    ("raft", "agreement"),
    ("daemon::configuration", "configuration"),
    ("daemon::cluster", "gossip"),
    ("daemon::http", "http"),
    ("daemon::rules", "packs"),
    ("store", "store"),
    ("daemon::series", "time-series"),
    ("daemon::workers", "workers"),
    ("daemon", "daemon"),
];

/// Tells whether a library says too much to be asked: openraft calls each message that a dead node
/// does not answer an error. What matters of it, `agreement` says.
pub(super) fn is_mute(target: &str) -> bool {
    target.starts_with("openraft")
}

/// Finds a part by its name.
pub(super) fn index(name: &str) -> Option<usize> {
    ALL.iter().position(|part| *part == name)
}

/// Finds the part that a module speaks for; `None` for a library.
pub(super) fn of(target: &str) -> Option<usize> {
    let (_, part) = MODULES
        .iter()
        .find(|(module, _)| target.starts_with(module))?;
    index(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_speak_for_their_part_and_libraries_for_none() {
        for (target, part) in [
            ("daemon::cluster", Some("gossip")),
            ("daemon::http::server", Some("http")),
            ("daemon::start", Some("daemon")),
            ("hyper::proto", None),
            ("raft::group", Some("agreement")),
        ] {
            assert_eq!(of(target).map(|part| ALL[part]), part, "{target}");
        }
        assert_eq!(ALL[DAEMON], "daemon");
        assert!(ALL.is_sorted());
    }
}
