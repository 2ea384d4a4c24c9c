//! Waiting for keys to change.

use std::time::{Duration, Instant};

use api::client::With;
use api::kv::{EVENTS, Event, Events, Key};
use clap::Args;
use serde::Serialize;

use super::{Value, read};
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, cut};
use crate::program::Program;

/// How long one request waits: shorter than what the socket allows.
const TURN: Duration = Duration::from_secs(5);

/// Print each change of the keys that begin with a prefix
#[derive(Debug, Args)]
#[command(after_help = WATCH_EXAMPLES)]
pub(super) struct Watch {
    /// The beginning of the keys
    #[arg(default_value = "")]
    prefix: String,
    /// Begin behind this revision, and not with what happens next
    #[arg(long)]
    from: Option<u64>,
    /// End after so many changes
    #[arg(long)]
    count: Option<usize>,
    /// End when nothing happened for so long
    #[arg(long, value_parser = crate::program::timeout)]
    timeout: Option<Duration>,
}

const WATCH_EXAMPLES: &str = "Examples:
  opsbro kv-store watch app/ --timeout 1m
  opsbro kv-store watch app/ --from 12 --count 1";

/// Wait until a key exists, and print its value
///
/// Exits with 1 when it does not come in time.
#[derive(Debug, Args)]
#[command(after_help = EXISTS_EXAMPLES)]
pub(super) struct WaitExists {
    /// The key
    key: String,
    /// How long to wait
    #[arg(long, default_value = "30s", value_parser = crate::program::timeout)]
    timeout: Duration,
}

const EXISTS_EXAMPLES: &str = "Examples:
  opsbro kv-store wait-exists app/ready --timeout 10s";

/// Wait until a key has a value
///
/// Exits with 1 when it does not come in time.
#[derive(Debug, Args)]
#[command(after_help = VALUE_EXAMPLES)]
pub(super) struct WaitValue {
    /// The key
    key: String,
    /// The value
    value: String,
    /// How long to wait
    #[arg(long, default_value = "30s", value_parser = crate::program::timeout)]
    timeout: Duration,
}

const VALUE_EXAMPLES: &str = "Examples:
  opsbro kv-store wait-value app/color blue --timeout 10s";

impl Watch {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut index = self.from;
        let mut left = self.count.unwrap_or(usize::MAX);
        let mut quiet_since = Instant::now();
        while left > 0 {
            let is_over = |time: Duration| quiet_since.elapsed() >= time;
            if self.timeout.is_some_and(is_over) {
                return Ok(Exit::No);
            }
            let found = wait(program, &self.prefix, index, TURN)?;
            if found.is_cut {
                let why = "changes were missed: so many happened that the first are forgotten";
                return Err(Failure::new(why).with_hint("list the keys, then watch from there"));
            }
            index = Some(found.index);
            for event in found.events.into_iter().take(left) {
                quiet_since = Instant::now();
                left -= 1;
                program.printer.show_next(&Told(event))?;
            }
        }
        Ok(Exit::Yes)
    }
}

impl WaitExists {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let what = "exist";
        until(program, &self.key, self.timeout, what, |_| true)
    }
}

impl WaitValue {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let is_it = |key: &Key| key.value.as_deref() == Some(&*self.value);
        let what = format!("have the value {}", cut(&self.value));
        until(program, &self.key, self.timeout, &what, is_it)
    }
}

/// Waits until a key is as wanted, and prints it.
fn until(
    program: &Program,
    key: &str,
    timeout: Duration,
    what: &str,
    is_it: impl Fn(&Key) -> bool,
) -> Outcome {
    let deadline = Instant::now() + timeout;
    let mut index = None;
    loop {
        let found = read(program, key, false)?;
        if let Some(found) = found.as_ref().filter(|found| is_it(found)) {
            program.printer.show_value(&Value(found.clone()))?;
            return Ok(Exit::Yes);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let now = match found.map(|found| found.value) {
                None => "it is absent".to_owned(),
                Some(None) => "it has a value that is no text".to_owned(),
                Some(Some(value)) => format!("it has {}", cut(&value)),
            };
            let time = model::format_interval(timeout);
            let said = format!("the key {key} did not {what} within {time}: {now}");
            program.printer.say(&said);
            return Ok(Exit::No);
        }
        // Told from where it was asked first: what happened between the look and the wait counts.
        let found = wait(program, key, index, left.min(TURN))?;
        index = Some(found.index);
    }
}

fn wait(
    program: &Program,
    prefix: &str,
    index: Option<u64>,
    time: Duration,
) -> Result<Events, Failure> {
    let (time, index) = (
        format!("{}ms", time.as_millis().max(1)),
        index.map(|at| at.to_string()),
    );
    let mut query = vec![("prefix", prefix), ("wait", &time)];
    query.extend(index.as_deref().map(|index| ("index", index)));
    program.get(
        &EVENTS,
        With {
            query: &query,
            ..With::default()
        },
    )
}

#[derive(Serialize)]
#[serde(transparent)]
struct Told(Event);

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        let Event {
            revision,
            what,
            key,
            value,
            value_hex,
        } = &self.0;
        let value = value
            .as_deref()
            .or(value_hex.as_deref())
            .unwrap_or_default();
        page.line(format!("{revision} {what} {key} {value}").trim_end());
    }
}
