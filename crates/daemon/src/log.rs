//! The agent's own log.
//!
//! Events come from `tracing` and belong to a *part* of the agent, each with a level that can
//! change at run time. One thread writes them, so that no loop ever waits for a disk or a terminal:
//! to the console (text for people, JSON on request, or journald's prefixes), and to files of
//! bounded size. The last warnings and errors stay in memory for `agent info`; followers get a live
//! stream.
//!
//! Start with [`Log::start`]; the formats are in [`mod@line`].

mod file;
mod follow;
mod level;
mod line;
mod part;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use model::limits;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

pub(crate) use follow::{FollowError, Following};
pub(crate) use level::LogLevel;
pub(crate) use line::Line;

use self::follow::Followers;
use self::writer::Message;
use crate::clock;

/// Lines that may wait for the writer thread; more are dropped and counted.
const WRITER_QUEUE_MAX: usize = 4_096;

/// How lines are written to the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text with colour on a terminal, text without elsewhere, journald's form below systemd.
    Auto,
    /// Text without colour.
    Text,
    /// One JSON document a line.
    Json,
}

/// What the log shall do.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The level of all parts.
    pub level: LogLevel,
    /// Levels of single parts.
    pub levels: BTreeMap<String, LogLevel>,
    /// The form on the console.
    pub format: LogFormat,
    /// The folder of the log files.
    pub directory: PathBuf,
}

/// The log. Clones share it.
#[derive(Clone)]
pub(crate) struct Log {
    shared: Arc<Shared>,
}

/// Writes what waits and ends the writer thread when it is dropped.
pub(crate) struct LogGuard {
    log: Log,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    levels: [AtomicU8; part::ALL.len()],
    followers: Followers,
    recent: Mutex<Recent>,
    writer: SyncSender<Message>,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Recent {
    warnings: VecDeque<String>,
    errors: VecDeque<String>,
}

impl Log {
    /// Starts the writer thread and takes all events of the process.
    pub(crate) fn start(options: &LogOptions) -> std::io::Result<(Self, LogGuard)> {
        let (tx, rx) = std::sync::mpsc::sync_channel(WRITER_QUEUE_MAX);
        let console = writer::Console::choose(options.format);
        let directory = options.directory.clone();
        let writer = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer::write(&rx, console, &directory))?;
        let log = Self {
            shared: Arc::new(Shared {
                levels: std::array::from_fn(|_| AtomicU8::new(options.level as u8)),
                followers: Followers::default(),
                recent: Mutex::default(),
                writer: tx,
                dropped: AtomicU64::new(0),
            }),
        };
        log.set_levels(options);
        let subscriber = tracing_subscriber::registry().with(Events(log.clone()));
        // A second start in one process happens only in tests; the first log keeps the events.
        drop(tracing::subscriber::set_global_default(subscriber));
        Ok((
            log.clone(),
            LogGuard {
                log,
                writer: Some(writer),
            },
        ))
    }

    /// Sets all levels to what the configuration says.
    pub(crate) fn set_levels(&self, options: &LogOptions) {
        for (index, name) in part::ALL.iter().enumerate() {
            let level = options.levels.get(*name).copied().unwrap_or(options.level);
            self.shared.levels[index].store(level as u8, Ordering::Relaxed);
        }
    }

    /// Sets the level of one part, or of all; false when there is no such part.
    pub(crate) fn set_level(&self, name: &str, level: LogLevel) -> bool {
        let mut found = false;
        for (index, part) in part::ALL.iter().enumerate() {
            if name == "all" || *part == name {
                self.shared.levels[index].store(level as u8, Ordering::Relaxed);
                found = true;
            }
        }
        found
    }

    /// Gives the level of each part.
    pub(crate) fn levels(&self) -> BTreeMap<String, String> {
        let levels = self
            .shared
            .levels
            .iter()
            .map(|at| LogLevel::from_number(at.load(Ordering::Relaxed)));
        let parts = part::ALL.iter().map(|part| (*part).to_owned());
        parts
            .zip(levels.map(|level| level.as_str().to_owned()))
            .collect()
    }

    /// Gives the parts, sorted.
    pub(crate) fn parts() -> Vec<String> {
        part::ALL.iter().map(|part| (*part).to_owned()).collect()
    }

    /// Gives the last warnings and errors.
    pub(crate) fn recent(&self) -> BTreeMap<String, Vec<String>> {
        let recent = self.recent_lines();
        BTreeMap::from([
            (
                LogLevel::Error.as_str().to_owned(),
                recent.errors.iter().cloned().collect(),
            ),
            (
                LogLevel::Warning.as_str().to_owned(),
                recent.warnings.iter().cloned().collect(),
            ),
        ])
    }

    /// Counts the lines that were given up because the writer could not keep up.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Follows a part (or all) from a level up.
    pub(crate) fn follow(
        &self,
        part: Option<&str>,
        level: LogLevel,
    ) -> Result<Following, FollowError> {
        let part = match part {
            None => None,
            Some(name) => Some(part::index(name).ok_or(FollowError::NoSuchPart)?),
        };
        self.shared.followers.add(part, level)
    }

    fn recent_lines(&self) -> MutexGuard<'_, Recent> {
        self.shared
            .recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn level_of(&self, part: usize) -> LogLevel {
        LogLevel::from_number(self.shared.levels[part].load(Ordering::Relaxed))
    }

    fn take(&self, line: Line) {
        let line = Arc::new(line);
        self.shared.followers.send(&line);
        if line.level > self.level_of(line.part) {
            return;
        }
        self.keep(&line);
        if self.shared.writer.try_send(Message::Line(line)).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn keep(&self, line: &Line) {
        let mut recent = self.recent_lines();
        let queue = match line.level {
            LogLevel::Error => &mut recent.errors,
            LogLevel::Warning => &mut recent.warnings,
            LogLevel::Info | LogLevel::Debug | LogLevel::Trace => return,
        };
        if queue.len() == limits::LOG_RECENT_MAX {
            queue.pop_front();
        }
        queue.push_back(line.to_text());
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // A full queue means a console that does not read: waiting for it could last for ever.
        let asked = self.log.shared.writer.try_send(Message::End).is_ok();
        if let Some(writer) = self.writer.take()
            && asked
        {
            let deadline = std::time::Instant::now() + Duration::from_secs(1);
            while !writer.is_finished() && std::time::Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// What takes the events of the process.
struct Events(Log);

impl<S: Subscriber> Layer<S> for Events {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if part::is_mute(metadata.target()) {
            return Interest::never();
        }
        // Anything else is remembered for ever, and levels change at run time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let level = LogLevel::from_tracing(metadata.level());
        match part::of(metadata.target()) {
            Some(part) => {
                let wanted = self
                    .0
                    .level_of(part)
                    .max(self.0.shared.followers.level_of(part));
                level <= wanted
            }
            // What libraries say matters only when it is bad.
            None => level <= LogLevel::Warning && !part::is_mute(metadata.target()),
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.take(Line {
            wall: clock::wall(),
            level: LogLevel::from_tracing(event.metadata().level()),
            part: part::of(event.metadata().target()).unwrap_or(part::DAEMON),
            message: fields.message,
            fields: fields.fields,
        });
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Fields {
    fn add(&mut self, field: &Field, mut text: String) {
        if text.len() > limits::LOG_LINE_BYTES_MAX {
            let cut = text.floor_char_boundary(limits::LOG_LINE_BYTES_MAX);
            text.truncate(cut);
            text.push_str("… (cut)");
        }
        match field.name() {
            "message" => self.message = text,
            name => self.fields.push((name, text)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_raised_later_counts_for_lines_that_were_silent() {
        let directory = tempfile::tempdir().unwrap();
        let options = LogOptions {
            level: LogLevel::Error,
            levels: BTreeMap::new(),
            format: LogFormat::Text,
            directory: directory.path().to_owned(),
        };
        let (log, _guard) = Log::start(&options).unwrap();
        let subscriber = tracing_subscriber::registry().with(Events(log.clone()));
        let say = || tracing::warn!("Said twice");
        tracing::subscriber::with_default(subscriber, || {
            say();
            assert_eq!(log.recent()["WARNING"].len(), 0);
            assert!(log.set_level("daemon", LogLevel::Warning));
            say();
            assert_eq!(log.recent()["WARNING"].len(), 1);
        });
    }
}
