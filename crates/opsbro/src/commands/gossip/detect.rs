//! `opsbro gossip detect`

use std::time::Duration;

use api::client::With;
use api::gossip::{DETECT, Found, Joined, in_turn};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{address, join};
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::{Program, timeout};

/// Ask by broadcast and multicast which nodes are on the networks of this machine
///
/// The exit code is 1 when nobody answers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Detect {
    /// Join one of each zone that answers, a proxy when there is one
    #[arg(long)]
    auto_join: bool,
    /// How long to wait for answers, at most 60s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = seconds)]
    timeout: Duration,
}

const EXAMPLES: &str = "Examples:
  opsbro gossip detect
  opsbro gossip detect --auto-join --timeout 15
  opsbro gossip detect -o json";

/// Longest wait for answers, which the agent keeps to.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Time beyond the wait that an answer of the agent may take.
const GRACE: Duration = Duration::from_secs(10);

/// Reads a time, of which users of the original write the bare seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().map(Duration::from_secs);
    let time = time.or_else(|_| timeout(text))?;
    match time <= WAIT_MAX {
        true => Ok(time),
        false => Err("answers are waited for at most 60s".to_owned()),
    }
}

impl Detect {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let wait = model::format_interval(self.timeout);
        let with = With {
            query: &[("timeout", &wait)],
            ..With::default()
        };
        let client = program.client()?.with_timeout(self.timeout + GRACE);
        let found: Vec<Found> = client
            .get(&DETECT, with)
            .map_err(|error| program.explain(error))?;
        let mut detected = Detected {
            found,
            joined: Vec::new(),
        };
        if self.auto_join && !detected.found.is_empty() {
            detected.joined = join_each(program, &detected.found)?;
        }
        let nobody = detected.found.is_empty();
        program.printer.show(&detected)?;
        Ok(Exit::when(!nobody))
    }
}

/// Joins one of each zone. That some zones let this node not in is usual.
fn join_each(program: &Program, found: &[Found]) -> Result<Vec<Joined>, Failure> {
    let mut all_joined = Vec::new();
    let mut failure = Failure::new("nobody is there");
    for of_zone in in_turn(found, |it| (&it.zone, it.is_proxy)) {
        for node in of_zone {
            match join::join(program, &address(&node.addr, node.port)) {
                Ok(joined) => {
                    all_joined.push(joined);
                    break;
                }
                Err(error) => failure = error,
            }
        }
    }
    match all_joined[..] {
        [] => Err(failure),
        _ => Ok(all_joined),
    }
}

/// Who answered, and who was joined.
#[derive(Serialize)]
struct Detected {
    found: Vec<Found>,
    joined: Vec<Joined>,
}

impl Answer for Detected {
    fn text(&self, page: &mut Page) {
        page.title("Detection result");
        if self.found.is_empty() {
            page.line(format!(
                "{} Nobody answers on the networks of this machine",
                "‼".yellow()
            ));
            page.note("they must have the key of this zone, and take UDP on the same port");
            return;
        }
        let rows: Vec<Vec<String>> = self
            .found
            .iter()
            .map(|it| {
                vec![
                    format!("  {}", it.name.bold()),
                    it.zone.clone(),
                    address(&it.addr, it.port),
                    if it.is_proxy { "yes" } else { "no" }.to_owned(),
                    it.groups.join(","),
                ]
            })
            .collect();
        page.table(
            &["  Name", "Zone", "Address:port", "Proxy", "Groups"],
            &rows,
        );
        for joined in &self.joined {
            page.line(join::told(joined));
        }
        if self.joined.is_empty() {
            page.note("none of them was joined: --auto-join does");
        }
    }
}
