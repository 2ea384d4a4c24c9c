//! `opsbro detectors list`

use api::client::With;
use api::detectors::{Detector, LIST};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::TOPIC;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, number, topic_color};
use crate::program::Program;

/// List the detectors: when each matches, what it gives, and what it told last
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Only those that match, or that cannot be told
    #[arg(long)]
    active: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro detectors list
  opsbro detectors list --active
  opsbro detectors list -o json";

impl List {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut all: Vec<Detector> = program.get(&LIST, With::default())?;
        all.retain(|it| !self.active || !matches!(it.outcome.as_str(), "DIFFERS" | "PENDING"));
        program.printer.show(&Listed(all))?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<Detector>);

impl Answer for Listed {
    fn text(&self, page: &mut Page) {
        page.title("Detectors");
        for detector in &self.0 {
            show(page, detector);
        }
    }
}

fn show(page: &mut Page, detector: &Detector) {
    page.line(format!(
        " {} {} > {} > {} > {}  {}",
        "*".color(topic_color(TOPIC)),
        detector.pack_level.dimmed(),
        detector.pack_name,
        "detector".dimmed(),
        detector.name.bold(),
        outcome(&detector.outcome),
    ));
    page.line(format!("   if:         {}", detector.apply_if.trim()));
    page.line(format!("   add groups: {}", detector.add_groups.join(", ")));
    if !detector.groups.is_empty() {
        page.line(format!(
            "   gives:      {}",
            detector.groups.join(", ").green()
        ));
    }
    if !detector.log.is_empty() {
        page.line(format!("   because:    {}", detector.log));
    }
    for refused in &detector.refused {
        page.line(format!("   refused:    {}", refused.yellow()));
    }
    if let Some(since) = &detector.hangs_since {
        page.line(format!("   hangs:      since {since}").red());
    }
    let cost = detector
        .cost
        .map(|cost| format!(", took {}", number::took(cost.wall_us)))
        .unwrap_or_default();
    let every = format!("   every {}{cost}, {}", detector.interval, detector.file);
    page.line(every.dimmed());
}

/// Writes an outcome in its colour.
pub(crate) fn outcome(outcome: &str) -> String {
    match outcome {
        "MATCHES" => outcome.green().to_string(),
        "ERROR" => outcome.red().to_string(),
        "UNKNOWN" => outcome.yellow().to_string(),
        _ => outcome.dimmed().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    #[test]
    fn a_detector_tells_condition_groups_and_what_came_of_it() {
        let apache = Detector {
            id: "apache/apache".to_owned(),
            name: "apache".to_owned(),
            pack_name: "apache".to_owned(),
            pack_level: "global".to_owned(),
            file: "apache/detectors/apache.yml:2".to_owned(),
            apply_if: "has_package('apache2')".to_owned(),
            add_groups: vec!["apache".to_owned(), "web".to_owned()],
            interval: "10s".to_owned(),
            outcome: "MATCHES".to_owned(),
            groups: vec!["apache".to_owned(), "web".to_owned()],
            cost: Some(api::collectors::Cost {
                wall_us: 120,
                ..Default::default()
            }),
            ..Detector::default()
        };
        let geoloc = Detector {
            name: "geoloc".to_owned(),
            pack_name: "geoloc".to_owned(),
            pack_level: "core".to_owned(),
            outcome: "UNKNOWN".to_owned(),
            log: "collector.geoloc.country is missing (geoloc: NOT-ELIGIBLE)".to_owned(),
            interval: "1h".to_owned(),
            file: "geoloc/detectors/geoloc.yml:1".to_owned(),
            apply_if: "{{collector.geoloc.country}} != ''".to_owned(),
            add_groups: vec!["country::{{collector.geoloc.country}}".to_owned()],
            ..Detector::default()
        };
        let expect = "\
──────────── Detectors ─────────────────────────────────────────────────────────
 * global > apache > detector > apache  MATCHES
   if:         has_package('apache2')
   add groups: apache, web
   gives:      apache, web
   every 10s, took 0.12 ms, apache/detectors/apache.yml:2
 * core > geoloc > detector > geoloc  UNKNOWN
   if:         {{collector.geoloc.country}} != ''
   add groups: country::{{collector.geoloc.country}}
   because:    collector.geoloc.country is missing (geoloc: NOT-ELIGIBLE)
   every 1h, geoloc/detectors/geoloc.yml:1
";
        assert_eq!(text_of(&Listed(vec![apache, geoloc])), expect);
    }
}
