//! What a probe found.

use std::io;
use std::time::Duration;

use model::{CheckState, Value, format_interval};
use rustix::io::Errno;

use super::Call;
use crate::Error;

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How good it is, by the thresholds of the options.
    pub state: CheckState,
    /// One line for people: first what is wrong, then what was seen.
    pub message: String,
    /// Figures for graphs.
    pub figures: Vec<Figure>,
    /// Facts for expressions, a map; `is_reachable` is always there.
    pub facts: Value,
}

/// One figure of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The name, as `latency_ms`.
    pub name: &'static str,
    /// The value.
    pub value: f64,
    /// The unit, as people write it: `ms`, `days`, `%`, `bytes`.
    pub unit: &'static str,
    /// From where on it is a warning, where there is such a threshold.
    pub warning: Option<f64>,
    /// From where on it is critical, where there is such a threshold.
    pub critical: Option<f64>,
}

/// Collects what a probe finds.
pub(super) struct Findings {
    state: CheckState,
    problems: Vec<String>,
    figures: Vec<Figure>,
    facts: Vec<(&'static str, Value)>,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self {
            state: CheckState::Ok,
            problems: Vec::new(),
            figures: Vec::new(),
            facts: vec![("is_reachable", Value::Bool(true))],
        }
    }

    /// Adds something that is wrong.
    pub(super) fn problem(&mut self, state: CheckState, problem: impl Into<String>) {
        self.state = self.state.max(state);
        self.problems.push(problem.into());
    }

    /// Adds something that must be as it should, or else.
    pub(super) fn expect(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problem(CheckState::Critical, problem());
        }
    }

    /// Adds a fact.
    pub(super) fn fact(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts.push((name, value.into()));
    }

    /// Adds a figure without thresholds, which is a fact too.
    pub(super) fn figure(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.bounded(Figure {
            name,
            value,
            unit,
            warning: None,
            critical: None,
        });
    }

    /// Adds a figure with its thresholds, which is a fact too.
    pub(super) fn bounded(&mut self, figure: Figure) {
        self.facts.push((figure.name, Value::Float(figure.value)));
        self.figures.push(figure);
    }

    /// Adds the time that the answer took, judged by `slow_warning` and `slow_critical`.
    pub(super) fn latency(&mut self, call: &Call<'_>, took: Duration) -> Result<(), Error> {
        let warning = call.options.interval("slow_warning")?;
        let critical = call.options.interval("slow_critical")?;
        let is_over = |limit: Option<Duration>| limit.filter(|limit| took > *limit);
        let too_slow = |limit: Duration| {
            format!(
                "took {}, more than {}",
                millis(took),
                format_interval(limit)
            )
        };
        if let Some(limit) = is_over(critical) {
            self.problem(CheckState::Critical, too_slow(limit));
        } else if let Some(limit) = is_over(warning) {
            self.problem(CheckState::Warning, too_slow(limit));
        }
        self.bounded(Figure {
            name: "latency_ms",
            value: as_millis(took),
            unit: "ms",
            warning: warning.map(as_millis),
            critical: critical.map(as_millis),
        });
        Ok(())
    }

    /// Puts it all together behind what was seen.
    pub(super) fn outcome(mut self, seen: String) -> Outcome {
        self.problems.push(seen);
        Outcome {
            state: self.state,
            message: self.problems.join("; "),
            figures: self.figures,
            facts: Value::map(self.facts),
        }
    }
}

/// Gives a time as a figure, to the microsecond.
pub(super) fn as_millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

/// Writes a time as people compare it.
pub(super) fn millis(time: Duration) -> String {
    match as_millis(time) {
        few if few < 10.0 => format!("{few:.1} ms"),
        many => format!("{many:.0} ms"),
    }
}

/// Tells whether an error is the service's, or that of the way to it; the others are ours.
pub(super) fn is_of_service(error: &Error) -> bool {
    match error {
        Error::System { source, .. } => is_far_away(source),
        Error::TimedOut { .. } | Error::BadAnswer { .. } => true,
        Error::NotPlainFile { .. }
        | Error::TooLarge { .. }
        | Error::BadRequest { .. }
        | Error::BadOption { .. }
        | Error::Missing(_) => false,
    }
}

/// Tells whether the system's refusal has its reason on another machine.
fn is_far_away(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNREFUSED
                | Errno::CONNRESET
                | Errno::CONNABORTED
                | Errno::PIPE
                | Errno::TIMEDOUT
                | Errno::HOSTUNREACH
                | Errno::HOSTDOWN
                | Errno::NETUNREACH
                | Errno::NETDOWN
        )
    ) || matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::UnexpectedEof
    )
}
