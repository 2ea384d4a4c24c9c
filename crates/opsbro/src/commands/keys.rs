//! `opsbro keys`: which keys seal the gossip of a zone, and changing them without a gap.

use std::time::Duration;

use api::client::With;
use api::keys::{ADD, AddKey, LIST, REMOVE, Ring, USE};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::gossip::zone_key;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Longer than the agent waits for members of the zone.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Change the keys that seal gossip, without cutting a node off
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro keys status
  opsbro keygen | opsbro keys add - --use
  opsbro keys remove 3f2a9c01";

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Add(Add),
    Use(Use),
    Remove(Remove),
    Status(Status),
}

/// List the keys, by their fingerprints
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {
    /// Only this zone
    #[arg(long)]
    zone: Option<String>,
}

const LIST_EXAMPLES: &str = "Examples:
  opsbro keys list
  opsbro keys list --zone internet -o json";

/// Make all nodes of a zone accept a key
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct Add {
    /// The key, as `opsbro agent keygen` makes it; `-` reads it from stdin, where no list of
    /// processes shows it
    key: String,
    /// Seal with it as soon as all living nodes accept it
    #[arg(long = "use")]
    use_: bool,
    /// Do not wait for all nodes
    #[arg(long, requires = "use_")]
    force: bool,
    /// The zone (default: that of this node)
    #[arg(long)]
    zone: Option<String>,
}

const ADD_EXAMPLES: &str = "Examples:
  opsbro keygen | opsbro keys add - --use
  opsbro keys add \"$KEY\" --zone internet";

/// Seal with a key that all living nodes accept
#[derive(Debug, Args)]
#[command(after_help = USE_EXAMPLES)]
struct Use {
    /// The fingerprint of the key, as the list shows it
    fingerprint: String,
    /// Use it although nodes may not know it yet: they hear nothing until a stream tells them
    #[arg(long)]
    force: bool,
    /// The zone (default: that of this node)
    #[arg(long)]
    zone: Option<String>,
}

const USE_EXAMPLES: &str = "Examples:
  opsbro keys use 3f2a9c01";

/// Retire a key that no living node needs; a node that slept can come back with it for 30 days
///
/// Removing a retired key ends these days.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct Remove {
    /// The fingerprint of the key, as the list shows it
    fingerprint: String,
    /// Drop it at once and for all, as is right for a key that fell into wrong hands
    #[arg(long)]
    force: bool,
    /// The zone (default: that of this node)
    #[arg(long)]
    zone: Option<String>,
}

const REMOVE_EXAMPLES: &str = "Examples:
  opsbro keys remove 3f2a9c01
  opsbro keys remove 3f2a9c01 --force";

/// Say whether all nodes hold the newest keys; the exit code is 1 while some do not
#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
struct Status {
    /// Only this zone
    #[arg(long)]
    zone: Option<String>,
}

const STATUS_EXAMPLES: &str = "Examples:
  opsbro keys status
  opsbro keys status --zone internet";

impl Keys {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::List(list) => {
                let rings = rings(program, list.zone.as_deref())?;
                program.printer.show(&Rings(rings))?;
                Ok(Exit::Yes)
            }
            Verb::Status(status) => {
                let rings = rings(program, status.zone.as_deref())?;
                let lags = rings.iter().any(|ring| !ring.behind.is_empty());
                program.printer.show(&Rings(rings))?;
                Ok(if lags { Exit::No } else { Exit::Yes })
            }
            Verb::Add(add) => add.run(program),
            Verb::Use(it) => change(program, &USE, &it.fingerprint, it.zone.as_deref(), it.force),
            Verb::Remove(it) => change(
                program,
                &REMOVE,
                &it.fingerprint,
                it.zone.as_deref(),
                it.force,
            ),
        }
    }
}

impl Add {
    fn run(self, program: &Program) -> Outcome {
        let key = match self.key.as_str() {
            "-" => zone_key::from_stdin()?,
            key => key.to_owned(),
        };
        let asked = AddKey {
            zone: self.zone,
            key: key.trim().to_owned(),
            use_: self.use_,
            force: self.force,
        };
        let client = program.client()?.with_timeout(TIMEOUT);
        let ring = client.send(&ADD, With::default(), &asked);
        changed(program, ring.map_err(|error| program.explain(error))?)
    }
}

fn rings(program: &Program, zone: Option<&str>) -> Result<Vec<Ring>, Failure> {
    let query: Vec<_> = zone.map(|zone| ("zone", zone)).into_iter().collect();
    let with = With {
        query: &query,
        ..With::default()
    };
    program.get(&LIST, with)
}

fn change(
    program: &Program,
    route: &api::Route,
    fingerprint: &str,
    zone: Option<&str>,
    force: bool,
) -> Outcome {
    let mut query: Vec<_> = zone.map(|zone| ("zone", zone)).into_iter().collect();
    if force {
        query.push(("force", "true"));
    }
    let with = With {
        path: &[fingerprint],
        query: &query,
    };
    let client = program.client()?.with_timeout(TIMEOUT);
    let ring = client.get(route, with);
    changed(program, ring.map_err(|error| program.explain(error))?)
}

/// Shows what came of an order; the answer is no while living nodes did not acknowledge it.
fn changed(program: &Program, ring: Ring) -> Outcome {
    let lags = !ring.behind.is_empty();
    program.printer.show(&Changed(ring))?;
    Ok(if lags { Exit::No } else { Exit::Yes })
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rings(Vec<Ring>);

impl Answer for Rings {
    fn text(&self, page: &mut Page) {
        for ring in &self.0 {
            show(ring, page);
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Changed(Ring);

impl Answer for Changed {
    fn text(&self, page: &mut Page) {
        show(&self.0, page);
    }
}

fn show(ring: &Ring, page: &mut Page) {
    page.title(&format!("Zone: {}", ring.zone));
    if ring.is_open {
        page.line(format!(
            "{} gossip is open: no key seals it, so whoever reaches the port can join and listen",
            "‼".red()
        ));
    }
    for key in &ring.keys {
        let use_ = match key.use_.as_str() {
            "seals" => "√ seals".green().to_string(),
            "accepted" => "  accepted".to_owned(),
            _ => "  retired".dimmed().to_string(),
        };
        let until = match &key.until {
            Some(until) => format!(", opens streams until {until}"),
            None => String::new(),
        };
        page.line(format!("  {}  {use_}{until}", key.fingerprint.bold()));
    }
    members(ring, page);
}

/// Tells who acknowledged the newest keys, and of each who did not what he holds.
fn members(ring: &Ring, page: &mut Page) {
    let living = ring.members.iter().filter(|it| it.state != "dead");
    let (all, newest) = (living.clone().count(), ring.version);
    let held = living.filter(|it| it.version >= newest).count();
    if all > 1 {
        page.line(format!(
            "  {held} of {all} living nodes hold version {newest}"
        ));
    }
    for member in ring.members.iter().filter(|it| it.version < newest) {
        let (name, version) = (&member.name, member.version);
        let seals = match &member.seals {
            Some(key) => format!("seals with {key}"),
            None => "seals with no key".to_owned(),
        };
        page.line(match member.state.as_str() {
            "dead" => format!("  - {name} is dead; it holds version {version} and {seals}"),
            _ => format!(
                "  {} {name} did not acknowledge it yet: it holds version {version} and {seals}",
                "‼".yellow()
            ),
        });
    }
}
