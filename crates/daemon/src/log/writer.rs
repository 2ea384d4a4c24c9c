//! The one thread that writes the log.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use model::limits;

use super::LogFormat;
use super::file::LogFile;
use super::line::Line;

/// What the writer thread is told.
pub(super) enum Message {
    /// Write this.
    Line(Arc<Line>),
    /// Write what came before, then end.
    End,
}

/// How lines look on the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Console {
    Coloured,
    Plain,
    Json,
    Journal,
}

impl Console {
    /// Chooses by what stderr is.
    pub(super) fn choose(format: LogFormat) -> Self {
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Text => Self::Plain,
            LogFormat::Auto if is_journal() => Self::Journal,
            LogFormat::Auto => {
                let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                let coloured = std::io::stderr().is_terminal() && !plain;
                if coloured {
                    Self::Coloured
                } else {
                    Self::Plain
                }
            }
        }
    }

    fn format(self, line: &Line) -> String {
        match self {
            Self::Coloured => line.to_coloured_text(),
            Self::Plain => line.to_text(),
            Self::Json => line.to_json(),
            Self::Journal => line.to_journal(),
        }
    }
}

/// Tells whether stderr is journald's: it names device and inode of its stream.
fn is_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").ok();
    let Ok(stat) = rustix::fs::fstat(std::io::stderr()) else {
        return false;
    };
    named.is_some_and(|named| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Writes lines until the end. Journald keeps its own files, so no file is written below it.
pub(super) fn write(messages: &Receiver<Message>, console: Console, directory: &Path) {
    let mut file = LogFile::new(directory, limits::LOG_FILE_BYTES_MAX);
    let mut file_complained = false;
    while let Ok(Message::Line(line)) = messages.recv() {
        // A console that is gone (a closed terminal, a broken pipe) must not stop the agent.
        drop(writeln!(std::io::stderr(), "{}", console.format(&line)));
        if console == Console::Journal {
            continue;
        }
        match file.write(&line.to_text()) {
            Ok(()) => file_complained = false,
            Err(error) if !file_complained => {
                file_complained = true;
                let directory = directory.display();
                drop(writeln!(
                    std::io::stderr(),
                    "cannot write the log in {directory}: {error}"
                ));
            }
            Err(_) => {}
        }
    }
}
