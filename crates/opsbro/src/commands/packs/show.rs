//! `opsbro packs show`

use std::collections::BTreeMap;

use clap::Args;
use daemon::json::to_json;
use owo_colors::OwoColorize as _;
use packs::parameters::{Content, Parameter};
use packs::{Home, Pack, Registry};
use serde::Serialize;

use super::disk::Disk;
use super::finding::Findings;
use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, written};
use crate::program::Program;

/// Show what packs hold: their objects, parameters and problems
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// The name of a pack; all packs by default
    #[arg(add = complete::pack_names())]
    name: Option<String>,
}

const EXAMPLES: &str = "Examples:
  opsbro packs show redis
  opsbro packs show -o yaml";

impl Show {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let disk = Disk::read(program)?;
        let registry = Registry::load(&disk.found.files, None);
        let wanted = registry.packs().filter(|pack| {
            // `global.redis` is understood too.
            self.name.as_deref().is_none_or(|name| {
                *pack.name == *name || format!("{}.{}", pack.level, pack.name) == name
            })
        });
        let shown: Vec<Shown> = wanted.map(|pack| Shown::new(pack, &registry)).collect();
        if let Some(name) = self.name.as_deref().filter(|_| shown.is_empty()) {
            let failure = Failure::new(format!("there is no pack `{name}`"));
            let near = model::nearest(name, registry.packs().map(|pack| &*pack.name));
            return Err(match near {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure.with_hint("opsbro packs list shows all packs"),
            });
        }
        program.printer.show(&All(shown))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct All(Vec<Shown>);

/// A pack, as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    level: &'static str,
    description: String,
    version: String,
    topics: Vec<&'static str>,
    /// Each level that has the pack, and what became of it there.
    levels: BTreeMap<&'static str, String>,
    notes: Vec<String>,
    parameters: BTreeMap<String, Setting>,
    /// Objects by kind.
    objects: BTreeMap<&'static str, Vec<Thing>>,
    problems: Findings,
}

#[derive(Serialize)]
struct Setting {
    value: serde_json::Value,
    is_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    is_missing: bool,
}

#[derive(Serialize)]
struct Thing {
    name: String,
    file: String,
}

impl Shown {
    fn new(pack: &Pack, registry: &Registry) -> Self {
        let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().into();
        let standings = registry
            .standings()
            .iter()
            .filter(|it| it.name == pack.name);
        let broken = pack
            .broken
            .iter()
            .flat_map(|broken| broken.diagnostics.clone());
        let parameters = pack.parameters.iter();
        Self {
            name: pack.name.to_string(),
            level: pack.level.as_str(),
            description: text(&pack.package.description),
            version: text(&pack.package.version),
            topics: pack
                .package
                .topics
                .iter()
                .map(|topic| topic.label())
                .collect(),
            levels: standings.map(|it| (it.level.as_str(), it.why())).collect(),
            notes: pack.package.notes.iter().map(ToString::to_string).collect(),
            parameters: parameters
                .map(|(name, it)| (name.to_string(), Setting::new(it)))
                .collect(),
            objects: objects(pack),
            problems: Findings(broken.collect()),
        }
    }
}

impl Setting {
    fn new(parameter: &Parameter) -> Self {
        Self {
            value: to_json(&parameter.content.shown()),
            is_default: parameter.is_default,
            kind: parameter.declaration.as_ref().map(|it| it.kind.as_str()),
            description: parameter.description.clone(),
            is_missing: matches!(parameter.content, Content::Missing),
        }
    }
}

fn objects(pack: &Pack) -> BTreeMap<&'static str, Vec<Thing>> {
    fn things<'a, T: 'a>(
        all: &'a [std::sync::Arc<T>],
        describe: impl Fn(&T) -> (String, &Home),
    ) -> Vec<Thing> {
        let thing = |object: &std::sync::Arc<T>| {
            let (name, home) = describe(object);
            Thing {
                name,
                file: home.place.file.to_string(),
            }
        };
        all.iter().map(thing).collect()
    }
    let all = [
        (
            "checks",
            things(&pack.checks, |it| (it.home.stem().to_owned(), &it.home)),
        ),
        (
            "collectors",
            things(&pack.collectors, |it| (it.name.to_string(), &it.home)),
        ),
        (
            "compliance",
            things(&pack.compliances, |it| (it.name.to_string(), &it.home)),
        ),
        (
            "dashboards",
            things(&pack.dashboards, |it| (it.name.to_string(), &it.home)),
        ),
        (
            "detectors",
            things(&pack.detectors, |it| (it.home.stem().to_owned(), &it.home)),
        ),
        (
            "generators",
            things(&pack.generators, |it| (it.home.stem().to_owned(), &it.home)),
        ),
        (
            "handlers",
            things(&pack.handlers, |it| (it.home.stem().to_owned(), &it.home)),
        ),
        (
            "services",
            things(&pack.services, |it| (it.home.stem().to_owned(), &it.home)),
        ),
        (
            "tutorials",
            things(&pack.tutorials, |it| (it.home.stem().to_owned(), &it.home)),
        ),
    ];
    all.into_iter()
        .filter(|(_, things)| !things.is_empty())
        .collect()
}

impl Answer for All {
    fn text(&self, page: &mut Page) {
        for (at, pack) in self.0.iter().enumerate() {
            if at > 0 {
                page.blank();
            }
            pack.text(page);
        }
    }
}

impl Shown {
    fn text(&self, page: &mut Page) {
        page.title(&format!("{} > {}", self.level, self.name));
        if !self.description.is_empty() {
            page.field("About", &self.description);
        }
        if !self.version.is_empty() {
            page.field("Version", &self.version);
        }
        if !self.topics.is_empty() {
            page.field("Topics", self.topics.join(", "));
        }
        for (level, why) in &self.levels {
            page.field(&format!("Level {level}"), why);
        }
        for note in &self.notes {
            page.note(note);
        }
        for (kind, things) in &self.objects {
            let names: Vec<&str> = things.iter().map(|thing| thing.name.as_str()).collect();
            page.field(kind, names.join(", "));
        }
        if !self.parameters.is_empty() {
            page.line(" parameters:");
            page.table(
                &[],
                &self
                    .parameters
                    .iter()
                    .map(|it| self.row(it))
                    .collect::<Vec<_>>(),
            );
        }
        self.problems.text(page);
    }

    fn row(&self, (name, setting): (&String, &Setting)) -> Vec<String> {
        let value = match setting.is_missing {
            true => "not set, and has no default".red().to_string(),
            false => written(&setting.value),
        };
        let kind = setting
            .kind
            .map(|kind| format!("{kind}, "))
            .unwrap_or_default();
        let from = if setting.is_default { "default" } else { "set" };
        vec![
            format!("   {}.{}.{}", self.level, self.name, name.bold()),
            format!("→ {value}"),
            format!("({kind}{from})").dimmed().to_string(),
        ]
    }
}
