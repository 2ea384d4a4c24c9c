//! `opsbro packs list`

use std::collections::BTreeMap;

use clap::Args;
use daemon::rules::listing;
use model::{Level, Topic};
use owo_colors::OwoColorize as _;
use packs::Registry;
use packs::levels::Standing;
use serde::Serialize;

use super::disk::Disk;
use super::finding::counted;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, topic_color};
use crate::program::Program;

/// List the packs of all levels, and which of a name counts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Only the packs of this level: core, global, zone or local
    #[arg(long, value_parser = super::levels::level)]
    level: Option<Level>,
}

const EXAMPLES: &str = "Examples:
  opsbro packs list
  opsbro packs list --level local
  opsbro packs list -o json";

impl List {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let disk = Disk::read(program)?;
        let registry = Registry::load(&disk.found.files, None);
        let mut packs = listing::levels(&registry);
        packs.retain(|name, _| self.level.is_none_or(|level| level.as_str() == name));
        let standings = registry.standings().iter();
        let standings =
            standings.filter(|standing| self.level.is_none_or(|level| standing.level == level));
        program.printer.show(&Listed {
            packs,
            standings: standings.cloned().collect(),
            problems: problems(&registry),
        })?;
        Ok(Exit::Yes)
    }
}

/// Counts errors and warnings by the pack they are in.
fn problems(registry: &Registry) -> BTreeMap<String, usize> {
    let mut problems = BTreeMap::new();
    for pack in registry.packs().filter(|pack| !pack.broken.is_empty()) {
        problems.insert(pack.name.to_string(), pack.broken.len());
    }
    problems
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed {
    packs: api::packs::Levels,
    #[serde(skip)]
    standings: Vec<Standing>,
    #[serde(skip)]
    problems: BTreeMap<String, usize>,
}

impl Answer for Listed {
    fn text(&self, page: &mut Page) {
        page.title("Legend (topics)");
        for topic in Topic::ALL.into_iter().chain([Topic::Generic]) {
            page.line(format!("{} → {topic}", bar(topic)));
        }
        page.title("Packs");
        page.table(
            &[],
            &self
                .standings
                .iter()
                .map(|it| self.row(it))
                .collect::<Vec<_>>(),
        );
    }
}

impl Listed {
    fn row(&self, standing: &Standing) -> Vec<String> {
        let package = &standing.package;
        let listed = self.packs.get(standing.level.as_str());
        let objects = listed
            .and_then(|level| level.get(&*standing.name))
            .map(|pack| &pack.objects);
        let objects: Vec<String> = objects
            .into_iter()
            .flatten()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        let name = match standing.counts() {
            true => standing.name.bold().to_string(),
            false => standing.name.dimmed().to_string(),
        };
        let mut about = match standing.role {
            packs::levels::Role::Wins => objects.join(", "),
            packs::levels::Role::Base
            | packs::levels::Role::Overlays
            | packs::levels::Role::Hidden { .. }
            | packs::levels::Role::Repeated => standing.why().yellow().to_string(),
        };
        if let Some(count) = self
            .problems
            .get(&*standing.name)
            .filter(|_| standing.counts())
        {
            let problem = format!("{} broken, see packs lint", counted(*count, "object"));
            about = format!("{} {about}", problem.red());
        }
        let keywords: Vec<&str> = package.keywords.iter().map(|word| &**word).collect();
        vec![
            format!("{} {}", bar(package.main_topic()), standing.level.dimmed()),
            format!("> {name}"),
            keywords.join(", ").dimmed().to_string(),
            about,
        ]
    }
}

fn bar(topic: Topic) -> String {
    "▒".color(topic_color(topic)).to_string()
}
