//! What configurations mean, and what is said about wrong ones.

use super::*;
use crate::paths::Surroundings;

/// Gives the paths of an agent below a root folder.
fn paths_below(root: &Path) -> Paths {
    let surroundings = Surroundings {
        root: Some(root.to_owned()),
        ..Surroundings::default()
    };
    Paths::resolve(&surroundings).unwrap()
}

/// Loads these files of a configuration folder.
fn load_files(files: &[(&str, &str)]) -> (Loaded, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let paths = paths_below(root.path());
    for (name, text) in files {
        let path = paths.config.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        store::file::replace(&path, text.as_bytes(), store::file::PRIVATE).unwrap();
    }
    (load(&paths), root)
}

/// Gives what is said about an `agent.yml`, without the folder it is in.
fn said_about(text: &str) -> Vec<String> {
    let (loaded, root) = load_files(&[("agent.yml", text)]);
    let folder = format!("{}/etc/", root.path().display());
    loaded
        .problems
        .iter()
        .map(|problem| problem.to_string().replace(&folder, ""))
        .collect()
}

#[test]
fn a_bare_machine_has_the_defaults() {
    let (loaded, _root) = load_files(&[]);
    assert!(loaded.is_usable());
    let configuration = loaded.configuration;
    assert_eq!(
        (configuration.port, configuration.zone.as_str()),
        (6768, "internet")
    );
    assert_eq!(configuration.topics.len(), 6);
}

#[test]
fn the_shipped_file_is_the_defaults() {
    let (bare, _root) = load_files(&[]);
    let (shipped, root) = load_files(&[("agent.yml", &keys::default_file())]);
    assert_eq!(shipped.problems, Vec::new());
    let mut expected = bare.configuration;
    expected.home = paths_below(root.path());
    expected.paths = expected.home.clone();
    assert_eq!(keys::SHIPPED, [("new-cluster-key", "true")]);
    expected.makes_key = true;
    assert_eq!(shipped.configuration, expected);
}

#[test]
fn every_problem_is_told_at_once_with_line_and_column() {
    let text = "prot: 6768\nport: many\nlog_level: LOUD\ngroups: [linux, 'a b']\n\
                node-zone: lann\nproxy-node: 1\nlog_levels: {gosip: DEBUG}\nseeds: web-1\n";
    assert_eq!(
        said_about(text),
        [
            "agent.yml:1:1: error: unknown key `prot` (did you mean `port`?)",
            "agent.yml:2:7: error: `port` must be a port number (0 to 65535), not text \
             (the default is: port: 6768)",
            "agent.yml:3:12: error: `log_level`: `LOUD` is no log level \
             (use ERROR, WARNING, INFO, DEBUG or TRACE)",
            "agent.yml:4:17: error: `groups`: a group name may hold letters, digits and \
             . _ - : + @ /, not ' ' (remove or rename it)",
            "agent.yml:5:12: error: `node-zone`: there is no zone `lann` \
             (declare it in zones/lann.yml: zone: {name: lann})",
            "agent.yml:6:13: error: `proxy-node` must be true or false, not integer \
             (the default is: proxy-node: false)",
            "agent.yml:7:21: error: `log_levels`: there is no part `gosip` (did you mean `gossip`?)",
            "agent.yml:8:8: error: `seeds` must be a list, not text (the default is: seeds: [])",
        ]
    );
}

#[test]
fn broken_yaml_is_told_and_does_not_hide_other_files() {
    let (loaded, _root) = load_files(&[
        ("agent.yml", "port: [1\n"),
        ("zones/lan.yml", "zone: {name: lan, x: 1}"),
    ]);
    assert!(!loaded.is_usable());
    let files: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| &problem.place.file)
        .collect();
    assert!(
        files.iter().any(|file| file.ends_with("agent.yml")),
        "{files:?}"
    );
    assert!(
        files.iter().any(|file| file.ends_with("zones/lan.yml")),
        "{files:?}"
    );
}

#[test]
fn files_of_the_original_load_with_warnings_only() {
    let text = "display_name: node-1\nport: 6768\nmaster_key_pub: x.pub\nnode-zone: lan\n\
                seeds: []\ngroups: []\nproxy-node: true\nmonitoring_topic_enabled: false\n";
    let zone = "zone:\n  name: lan\n  sub-zones: [customer-1]\n  encryption_key: abc\n";
    let (loaded, _root) = load_files(&[("agent.yml", text), ("zones/lan.yml", zone)]);
    assert!(loaded.is_usable(), "{:?}", loaded.problems);
    assert_eq!(loaded.configuration.zone, "lan");
    assert!(!loaded.configuration.topics.contains(&Topic::Monitoring));
    let messages: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "`master_key_pub` has no effect any more",
            "the zone lan names a zone customer-1 that does not exist"
        ]
    );
}

#[test]
fn zones_that_are_no_tree_are_refused() {
    let (loaded, _root) = load_files(&[
        ("agent.yml", "node-zone: a\n"),
        ("zones/a.yml", "zone: {name: a, sub-zones: [b]}"),
        ("zones/b.yml", "zone: {name: b, sub-zones: [a]}"),
    ]);
    assert!(!loaded.is_usable());
    assert!(
        loaded
            .problems
            .iter()
            .any(|problem| problem.message == "the zone a lies below itself")
    );
}

#[test]
fn configured_paths_stay_below_the_root_folder() {
    let (loaded, root) = load_files(&[("agent.yml", "data: /var/lib/opsbro\nlog: logs\n")]);
    let paths = loaded.configuration.paths;
    assert_eq!(paths.data, root.path().join("var/lib/opsbro"));
    assert_eq!(paths.libexec, root.path().join("var/lib/opsbro/libexec"));
    assert_eq!(paths.log, root.path().join("logs"));
}

#[test]
fn a_path_must_be_whole_where_there_is_no_root_folder() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        home: Some(folder.path().to_owned()),
        ..Surroundings::default()
    };
    let paths = Paths::resolve(&surroundings).unwrap();
    let problems = load_edited(&paths, "data: state\nlog: /var/log/bro\n").problems;
    let said: Vec<_> = problems.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(said, ["`data`: `state` does not begin with a `/`"]);
}

#[test]
fn what_is_no_plain_file_is_refused_and_not_read_for_ever() {
    let (_, root) = load_files(&[("agent.yml", "")]);
    let etc = root.path().join("etc");
    let pipe = etc.join("pipe.yml");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, pipe, kind, mode, 0).unwrap();
    std::os::unix::fs::symlink("nowhere", etc.join("gone.yml")).unwrap();
    let loaded = load(&paths_below(root.path()));
    let said: Vec<_> = loaded.problems.iter().map(|it| &*it.message).collect();
    assert_eq!(said, ["this is no plain file"; 2]);
}

#[test]
fn links_that_lead_back_up_end() {
    let root = tempfile::tempdir().unwrap();
    let etc = root.path().join("etc");
    std::fs::create_dir(&etc).unwrap();
    std::os::unix::fs::symlink(&etc, etc.join("one")).unwrap();
    std::os::unix::fs::symlink(&etc, etc.join("two")).unwrap();
    let loaded = load(&paths_below(root.path()));
    assert!(loaded.problems[0].message.contains("more than 256"));
}

#[test]
fn what_needs_a_restart_keeps_running_as_it_was() {
    let (old, _root) = load_files(&[]);
    let text = "port: 7000\ndisplay_name: x\nservice_discovery_topic_enabled: false\n\
                monitoring_topic_enabled: false\n";
    let (new, _other) = load_files(&[("agent.yml", text)]);
    let (old, mut new) = (old.configuration, new.configuration);
    let changed: Vec<_> = old
        .differences(&new)
        .into_iter()
        .filter(|(name, _, changed)| {
            *changed && !["data", "libexec", "log", "lock", "socket"].contains(name)
        })
        .map(|(name, change, _)| (name, change))
        .collect();
    assert_eq!(
        changed,
        [
            ("display_name", Change::Reload),
            ("port", Change::Restart),
            ("service_discovery_topic_enabled", Change::Restart),
            ("monitoring_topic_enabled", Change::Reload),
        ]
    );
    new.keep_until_restart(&old);
    assert_eq!((new.port, new.display_name.as_str()), (6768, "x"));
    assert!(new.topics.contains(&Topic::ServiceDiscovery));
    assert!(!new.topics.contains(&Topic::Monitoring));
}
