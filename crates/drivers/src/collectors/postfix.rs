//! How many mails wait in each queue of Postfix.

use std::path::Path;
use std::time::Duration;

use model::Value;
use model::limits::QUEUED_MAILS_MAX;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::{Deadline, Error};

const SPOOL: &str = "/var/spool/postfix";
const MAIN: &str = "/etc/postfix/main.cf";

pub(super) const COLLECTOR: Native = Native {
    name: "postfix",
    doc: "How many mails wait in each queue of Postfix.",
    interval: Duration::from_secs(30),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(Postfix),
};

const KEYS: &[Key] = &[
    key("queue.active", "", "mails that are being delivered"),
    key("queue.corrupt", "", "mails that cannot be read"),
    key(
        "queue.deferred",
        "",
        "mails that could not be delivered yet",
    ),
    key("queue.hold", "", "mails that somebody has put on hold"),
    key("queue.incoming", "", "mails that came in"),
    key("queue.maildrop", "", "mails that were sent on this machine"),
    key(
        "is_cut",
        "",
        "true when there are so many mails that they are not counted to the end",
    ),
];

const QUEUES: [&str; 6] = [
    "active", "corrupt", "deferred", "hold", "incoming", "maildrop",
];

/// Postfix spreads a queue over folders of one sign each, two deep by default.
const DEPTH_MAX: usize = 4;

struct Postfix;

impl Collector for Postfix {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let spool = if context.host.has(MAIN) {
            configured_spool(&context.text(MAIN)?)
        } else {
            None
        };
        let spool = spool.unwrap_or_else(|| SPOOL.to_owned());
        if !context.host.has(&spool) {
            let reason = format!("there is no {spool}: Postfix does not run here");
            return Err(Trouble::not_eligible(reason, ""));
        }
        let mut queues = Vec::new();
        let mut counter = Counter {
            deadline: context.deadline,
            left: QUEUED_MAILS_MAX,
        };
        for queue in QUEUES {
            let path = format!("{spool}/{queue}");
            // Some are made by Postfix when it is started for the first time.
            if context.host.has(&path) {
                let mails = counter.count(&path, &context.host.path(&path)?, DEPTH_MAX)?;
                queues.push((queue, Value::count(mails)));
            }
        }
        let is_cut = (counter.left == 0).then_some(("is_cut", Value::Bool(true)));
        let queues = [("queue", Value::map(queues))];
        Ok(Value::map(queues.into_iter().chain(is_cut)))
    }
}

/// Reads `queue_directory = /srv/mail/queue`.
fn configured_spool(text: &str) -> Option<String> {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        (name.trim_end() == "queue_directory").then(|| value.trim().to_owned())
    };
    // The last one counts, as for Postfix.
    let found = text.lines().filter_map(value).next_back()?;
    found.starts_with('/').then_some(found)
}

struct Counter {
    deadline: Deadline,
    left: usize,
}

impl Counter {
    /// Counts the files below a folder. One that Postfix removed in between is not there.
    fn count(&mut self, shown: &str, folder: &Path, depth: usize) -> Result<usize, Error> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(Error::system("list", shown)(error)),
        };
        let mut found = 0;
        for entry in entries {
            self.deadline.check("counting the mails in", shown)?;
            let entry = entry.map_err(Error::system("list", shown))?;
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && depth > 0 {
                found += self.count(shown, &entry.path(), depth - 1)?;
            } else if kind.is_file() && self.left > 0 {
                self.left -= 1;
                found += 1;
            }
            if self.left == 0 {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number};
    use super::*;

    #[test]
    fn mails_of_each_queue_are_counted_however_deep() {
        let mut runs = Runs::new(&COLLECTOR);
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        for mail in [
            "deferred/A/A12",
            "deferred/B/B13",
            "deferred/B/C/D",
            "active/4c",
            "bounce/x",
        ] {
            runs.file(&format!("{SPOOL}/{mail}"), "mail");
        }
        let value = runs.run(1).unwrap();
        assert_eq!(number(&value, &["queue", "deferred"]), Some(3.0));
        assert_eq!(number(&value, &["queue", "active"]), Some(1.0));
        assert_eq!(number(&value, &["queue", "hold"]), None);
        runs.remove("/var/spool/postfix/deferred/B");
        assert_eq!(
            number(&runs.run(1).unwrap(), &["queue", "deferred"]),
            Some(1.0)
        );
    }

    #[test]
    fn a_spool_elsewhere_is_found() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(
            MAIN,
            "# queue_directory = /x\nqueue_directory=/old\nqueue_directory = /srv/q \n",
        );
        runs.file("/srv/q/hold/1", "mail");
        assert_eq!(number(&runs.run(1).unwrap(), &["queue", "hold"]), Some(1.0));
    }

    #[test]
    fn more_mails_than_anybody_counts_are_told() {
        let runs = Runs::new(&COLLECTOR);
        for mail in 0..5 {
            runs.file(&format!("/q/{mail}"), "mail");
        }
        let mut counter = Counter {
            deadline: Deadline::after(Duration::from_secs(60)),
            left: 3,
        };
        let folder = runs.path("/q");
        assert_eq!(counter.count("/q", &folder, 1).unwrap(), 3);
        assert_eq!(counter.left, 0);
        counter.deadline = Deadline::after(Duration::ZERO);
        let error = counter.count("/q", &folder, 1).unwrap_err().to_string();
        assert_eq!(error, "counting the mails in /q took longer than 0s");
    }
}
