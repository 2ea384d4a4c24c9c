//! What holds for every collector, and how they are tried: on files, on recorded machines, on this
//! one, and on junk.

mod original;

use std::io::Write;
use std::time::Duration;

use super::*;
use crate::host::{OPENED, recorded};

/// A machine made of a few files, and a collector that looks at it again and again.
pub(super) struct Runs {
    folder: tempfile::TempDir,
    collector: Box<dyn Collector>,
    now: Moment,
    options: BTreeMap<Arc<str>, Value>,
}

impl Runs {
    pub(super) fn new(native: &Native) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            collector: (native.make)(),
            now: Moment::default(),
            options: BTreeMap::new(),
        }
    }

    /// Writes a file of the machine, or writes it anew.
    pub(super) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(path).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    /// Makes a link of the machine.
    pub(super) fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// Removes a file or a folder of the machine.
    pub(super) fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }

    /// Gives the path of something of the machine, as it is here.
    pub(super) fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    /// Says what a pack says about the run.
    pub(super) fn option(&mut self, name: &str, value: Value) {
        self.options.insert(name.into(), value);
    }

    /// Lets so many seconds pass, and looks.
    pub(super) fn run(&mut self, seconds: u64) -> Result<Value, Trouble> {
        self.now = self.now + Duration::from_secs(seconds);
        let host = Host::at(self.folder.path());
        run(self.collector.as_mut(), &host, self.now, &self.options)
    }
}

fn run(
    collector: &mut dyn Collector,
    host: &Host,
    now: Moment,
    options: &BTreeMap<Arc<str>, Value>,
) -> Result<Value, Trouble> {
    collector.collect(&Context {
        host,
        now,
        wall: WallTime::from_millis(1_760_000_000_000),
        deadline: Deadline::after(Duration::from_secs(60)),
        options,
    })
}

/// Looks at a recorded machine, once.
pub(super) fn recorded_run(name: &str, native: &Native) -> Result<Value, Trouble> {
    let none = BTreeMap::new();
    let mut collector = (native.make)();
    run(
        collector.as_mut(),
        &recorded(name),
        Moment::default(),
        &none,
    )
}

/// Looks at a machine once.
pub(super) fn collect(host: &Host, native: &Native) -> Result<Value, Trouble> {
    collect_times(host, native, 1)
}

/// Looks at a machine once, in a time box of its own.
pub(super) fn collect_within(
    host: &Host,
    native: &Native,
    time_box: Duration,
) -> Result<Value, Trouble> {
    (native.make)().collect(&Context {
        host,
        now: Moment::default(),
        wall: WallTime::from_millis(1_760_000_000_000),
        deadline: Deadline::after(time_box),
        options: &BTreeMap::new(),
    })
}

/// Looks at a machine several times, ten seconds apart, and gives the last answer.
pub(super) fn collect_times(host: &Host, native: &Native, times: u64) -> Result<Value, Trouble> {
    let mut collector = (native.make)();
    let mut answer = Ok(Value::None);
    for turn in 0..times {
        let now = Moment::from_start(Duration::from_secs(10 * turn));
        answer = run(collector.as_mut(), host, now, &BTreeMap::new());
    }
    answer
}

/// Looks several times at a recorded machine, whose counters stand still.
pub(super) fn recorded_runs(name: &str, native: &Native, times: u64) -> Result<Value, Trouble> {
    collect_times(&recorded(name), native, times)
}

/// Writes a file of a made machine, with the folders above it.
pub(super) fn write(path: &std::path::Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Looks at this machine twice, a second apart by the given time.
pub(super) fn real_run(native: &Native) -> Result<Value, Trouble> {
    let none = BTreeMap::new();
    let mut collector = (native.make)();
    let host = Host::real();
    run(collector.as_mut(), &host, Moment::default(), &none)?;
    let later = Moment::default() + Duration::from_secs(1);
    run(collector.as_mut(), &host, later, &none)
}

/// Finds a number in a tree.
pub(super) fn number(value: &Value, path: &[&str]) -> Option<f64> {
    match path.iter().try_fold(value, |value, name| value.get(name))? {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::None | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Finds a text in a tree; empty when there is none.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    match path.iter().try_fold(value, |value, name| value.get(name)) {
        Some(Value::Text(text)) => text,
        Some(_) | None => "",
    }
}

#[test]
fn the_list_is_in_order_and_every_entry_explains_itself() {
    assert!(ALL.is_sorted_by(|one, two| one.name < two.name));
    for native in ALL {
        assert!(!native.doc.is_empty(), "{} has no doc", native.name);
        assert!(!native.keys.is_empty(), "{} has no keys", native.name);
        let has_rates = native.keys.iter().any(|key| key.path.ends_with("/s"));
        assert!(!has_rates || native.has_rates, "{} has rates", native.name);
        assert!(
            native.timeout <= native.interval,
            "{} overlaps",
            native.name
        );
    }
}

/// Gives the path of every leaf of a tree, lists being leaves.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let Value::Map(map) = value else {
        return found.push(path.to_owned());
    };
    for (name, value) in map.iter() {
        let path = if path.is_empty() {
            name.to_string()
        } else {
            format!("{path}.{name}")
        };
        leaves(value, &path, found);
    }
}

/// Tells whether a path is one of a key; a `*` stands for any text, as names may hold points.
fn is_of(key: &str, path: &str) -> bool {
    match key.split_once('*') {
        None => key == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| {
            (1..=rest.len()).any(|end| rest.is_char_boundary(end) && is_of(after, &rest[end..]))
        }),
    }
}

#[track_caller]
fn check_keys(native: &Native, value: &Value, on: &str) {
    let mut found = Vec::new();
    leaves(value, "", &mut found);
    for path in found.iter().filter(|path| !path.is_empty()) {
        let is_known = native.keys.iter().any(|key| is_of(key.path, path));
        assert!(
            is_known,
            "{} gives {path} on {on}, which is no key of it",
            native.name
        );
    }
}

const RECORDED: &[&str] = &["alpine-3.22", "debian-12", "nas", "rhel-7", "storage"];

#[test]
fn all_keys_that_recorded_machines_give_are_named() {
    for native in ALL {
        for host in RECORDED {
            if let Ok(value) = recorded_run(host, native) {
                check_keys(native, &value, host);
            }
        }
    }
}

#[test]
fn this_machine_gives_data_or_a_reason() {
    for native in ALL {
        match real_run(native) {
            Ok(value) => check_keys(native, &value, "this machine"),
            Err(
                Trouble::NotEligible { reason, .. } | Trouble::MissingConfiguration { reason, .. },
            ) => {
                assert!(!reason.is_empty(), "{} gives no reason", native.name);
            }
            Err(Trouble::Failed(error)) => {
                assert!(error.to_string().contains('/'), "{}: {error}", native.name);
            }
        }
    }
}

/// Copies a recorded machine to where it may be broken.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&source, &target);
        } else if kind.is_symlink() {
            let link = std::fs::read_link(&source).unwrap();
            std::os::unix::fs::symlink(link, target).unwrap();
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

/// Places at which a file is broken: all of them in the slow ring, else some, both ends included.
fn offsets(length: usize) -> impl Iterator<Item = usize> {
    let is_slow = std::env::var_os("SLOW_TESTS").is_some();
    let step = if is_slow { 1 } else { (length / 12).max(1) };
    let last = length.saturating_sub(2);
    (0..length).filter(move |offset| offset.is_multiple_of(step) || *offset <= 2 || *offset >= last)
}

/// Writes a file over itself. It is cut behind the new text, not emptied before it: a file that is
/// emptied and written is flushed by ext4 as it is closed, and that is most of the time otherwise.
fn overwrite(path: &std::path::Path, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

/// Breaks each file that a collector reads, in each way and at many places. Whatever comes of it,
/// it is data or an error in words, from the same collector that has seen the file whole.
fn break_files_of(native: &Native, root: &std::path::Path) {
    let (host, none) = (Host::at(root), BTreeMap::new());
    let mut collector = (native.make)();
    let mut seconds = 0;
    let mut look = || {
        seconds += 10;
        let now = Moment::from_start(Duration::from_secs(seconds));
        if let Err(trouble) = run(collector.as_mut(), &host, now, &none) {
            let told = trouble.to_string();
            assert!(told.len() > 5, "{} says {told:?}", native.name);
        }
    };
    OPENED.take();
    look();
    let mut opened = OPENED.take();
    opened.sort_unstable();
    opened.dedup();
    for path in opened {
        let real = root.join(path.trim_start_matches('/'));
        let Ok(whole) = std::fs::read(&real) else {
            continue;
        };
        let mut try_with = |bytes: &[u8]| {
            overwrite(&real, bytes);
            look();
        };
        for offset in offsets(whole.len()) {
            try_with(&whole[..offset]);
            let mut bent = whole.clone();
            bent[offset] = 0xff;
            try_with(&bent);
            bent[offset] = b'9';
            bent.insert(offset, b'-');
            try_with(&bent);
        }
        try_with(&whole);
        std::fs::remove_file(&real).unwrap();
        look();
        std::fs::create_dir(&real).unwrap();
        look();
        std::fs::remove_dir(&real).unwrap();
        std::fs::File::create(&real)
            .unwrap()
            .write_all(&whole)
            .unwrap();
        look();
    }
}

#[test]
fn no_file_that_is_cut_bent_or_gone_does_harm() {
    for name in RECORDED {
        let folder = tempfile::tempdir().unwrap();
        copy(recorded(name).root(), folder.path());
        for native in ALL {
            break_files_of(native, folder.path());
        }
    }
}
