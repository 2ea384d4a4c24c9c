//! `opsbro inventory`

use std::collections::BTreeMap;

use api::client::With;
use api::inventory::{Inventory, Item, SHOW};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page, number};
use crate::program::Program;

/// What is shown.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Only these sections: system, hardware, network, listening, services, containers,
    /// certificates, packages
    sections: Vec<String>,
}

/// Things of a section that are listed when no section was asked for; the rest is counted.
const THINGS_MAX: usize = 20;

impl Show {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut inventory: Inventory = program.get(&SHOW, With::default())?;
        for wanted in &self.sections {
            let known = || inventory.sections.keys().chain(inventory.missing.keys());
            if known().any(|section| section == wanted) {
                continue;
            }
            let failure = Failure::usage(format!("the inventory has no section `{wanted}`"));
            let names: Vec<&str> = known().map(String::as_str).collect();
            return Err(match model::nearest(wanted, names.iter().copied()) {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure.with_hint(format!("it has {}", names.join(", "))),
            });
        }
        let wanted = |section: &String| self.sections.is_empty() || self.sections.contains(section);
        inventory.sections.retain(|section, _| wanted(section));
        inventory.missing.retain(|section, _| wanted(section));
        let is_whole = !self.sections.is_empty();
        program.printer.show(&Shown {
            inventory,
            is_whole,
        })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown {
    inventory: Inventory,
    /// Whether every thing is listed.
    #[serde(skip)]
    is_whole: bool,
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        page.line(format!("Taken at {}", self.inventory.taken_at).dimmed());
        for (section, things) in &self.inventory.sections {
            page.title(&format!("{section} ({})", things.len()));
            self.section(page, section, things);
        }
        if !self.inventory.missing.is_empty() {
            page.title("not known");
            for (section, why) in &self.inventory.missing {
                page.field(section, why);
            }
        }
    }
}

impl Shown {
    fn section(&self, page: &mut Page, section: &str, things: &BTreeMap<String, Item>) {
        let shown = match self.is_whole {
            true => things.len(),
            false => things.len().min(THINGS_MAX),
        };
        let row = |(name, item): (&String, &Item)| vec![format!(" {}", name.bold()), words(item)];
        let rows: Vec<Vec<String>> = things.iter().take(shown).map(row).collect();
        page.table(&[], &rows);
        if shown < things.len() {
            page.line(format!(" … {} more", things.len() - shown).dimmed());
            page.more(&format!("opsbro inventory {section}"));
        }
    }
}

/// Writes what is known of a thing: one value alone, several with their names.
pub(super) fn words(item: &Item) -> String {
    if item.len() == 1 {
        return item.values().cloned().collect();
    }
    let word = |(name, value): (&String, &String)| {
        let (name, value) = readable(name, value);
        format!("{} {value}", format!("{name}:").dimmed())
    };
    item.iter().map(word).collect::<Vec<_>>().join("  ")
}

/// Writes many bytes as people do.
fn readable(name: &str, value: &str) -> (String, String) {
    let bytes = name
        .strip_suffix("_bytes")
        .and_then(|name| Some((name, number::size(value.parse().ok()?, "bytes")?)));
    match bytes {
        Some((name, size)) => (name.to_owned(), size),
        None => (name.to_owned(), value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn many_bytes_are_written_as_people_do() {
        let written = |name, value| {
            let (name, value) = readable(name, value);
            format!("{name}: {value}")
        };
        assert_eq!(written("size_bytes", "274877906944"), "size: 256.0 GiB");
        assert_eq!(written("size_bytes", "512"), "size_bytes: 512");
        assert_eq!(written("size_bytes", "?"), "size_bytes: ?");
        assert_eq!(written("count", "4096"), "count: 4096");
    }

    #[test]
    fn sections_are_listed_and_what_is_not_known_says_why() {
        let item = |pairs: &[(&str, &str)]| -> Item {
            pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        let packages: BTreeMap<String, Item> = (0..25)
            .map(|at| (format!("lib{at:02}"), item(&[("version", "1.0")])))
            .collect();
        let listening = BTreeMap::from([(
            "tcp 0.0.0.0:80".to_owned(),
            item(&[("process", "nginx"), ("user", "root")]),
        )]);
        let shown = Shown {
            inventory: Inventory {
                taken_at: "2026-11-25T19:00:00.000Z".to_owned(),
                sections: BTreeMap::from([
                    ("listening".to_owned(), listening),
                    ("packages".to_owned(), packages),
                ]),
                missing: BTreeMap::from([(
                    "containers".to_owned(),
                    "docker: NOT-ELIGIBLE, there is no Docker here".to_owned(),
                )]),
            },
            is_whole: false,
        };
        let text = text_of(&shown);
        assert!(
            text.contains(" tcp 0.0.0.0:80  process: nginx  user: root\n"),
            "{text}"
        );
        assert!(text.contains(" lib19  1.0\n … 5 more\n"), "{text}");
        assert!(text.contains("opsbro inventory packages"), "{text}");
        assert!(
            text.contains(" containers:         docker: NOT-ELIGIBLE, there is no Docker here"),
            "{text}"
        );
    }
}
