//! `opsbro agent info`: everything about the agent, by topic, and where to look next.

use std::time::Duration;

use api::agent::{INFO, Info as Facts};
use api::client::With;
use clap::Args;
use model::{AgentState, Topic};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::log::painted;
use crate::commands::collectors;
use crate::commands::monitoring::colored;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Tell everything about the agent, by topic
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Info {
    /// Also show the last warnings and errors of its log
    #[arg(long)]
    show_logs: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro agent info
  opsbro agent info --show-logs
  opsbro agent info -o json | jq .listen";

impl Info {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        let facts = program.get(&INFO, With::default())?;
        program.printer.show(&Screen {
            facts,
            show_logs: self.show_logs,
        })?;
        Ok(Exit::Yes)
    }
}

/// The facts, and how they are shown. For programs it is the facts.
#[derive(Serialize)]
struct Screen {
    #[serde(flatten)]
    facts: Facts,
    #[serde(skip)]
    show_logs: bool,
}

impl Answer for Screen {
    fn text(&self, page: &mut Page) {
        let facts = &self.facts;
        alarms(page, facts);
        generic(page, facts);
        for topic in Topic::ALL {
            page.topic(topic);
            if facts.topics.get(&topic.number().to_string()) == Some(&false) {
                off(page, topic);
                continue;
            }
            match topic {
                Topic::ServiceDiscovery => service_discovery(page, facts),
                Topic::AutomaticDetection => automatic_detection(page, facts),
                Topic::Monitoring => monitoring(page, facts),
                Topic::Metrology => metrology(page, facts),
                Topic::ConfigurationAutomation | Topic::SystemCompliance | Topic::Generic => {
                    page.field("State", "on".green());
                }
            }
        }
        technical(page, facts);
        logs(page, facts, self.show_logs);
    }
}

/// What a person must not overlook comes first.
fn alarms(page: &mut Page, facts: &Facts) {
    let open = facts.listen.contains_key("gossip") && !facts.is_zone_protected;
    if open {
        let warning = format!(
            "‼ Gossip is open: the zone {} has no key, so whoever reaches the port can join and listen.",
            facts.zone
        );
        page.line(warning.red().bold());
        page.line(format!(
            "  Make a key with {}",
            "opsbro keygen | opsbro keys add - --use".green()
        ));
    }
    if let Some(problem) = &facts.disk.problem {
        page.line(format!("‼ Disk: {problem}").red().bold());
        if facts.disk.dropped > 0 {
            page.line(format!("  {} records were given up", facts.disk.dropped).red());
        }
    }
    if !facts.workers.stuck.is_empty() {
        let stuck = facts.workers.stuck.join(", ");
        page.line(format!("‼ Jobs hang past their time: {stuck}").red().bold());
    }
    for problem in &facts.problems {
        page.line(format!("‼ {problem}").yellow());
    }
    let killed = facts
        .previous_run
        .as_ref()
        .filter(|run| run.ended == "killed");
    if let Some(run) = killed {
        let text = format!(
            "‼ The run before this one was killed, last alive {}",
            run.last_alive
        );
        page.line(text.yellow());
    }
    for repair in &facts.disk.repairs {
        page.line(format!("‼ Repaired at the start: {repair}").yellow());
    }
}

fn generic(page: &mut Page, facts: &Facts) {
    page.topic(Topic::Generic);
    page.field("Name", facts.name.bold());
    if !facts.display_name.is_empty() {
        page.field("Display name", format!("[ {} ]", facts.display_name).bold());
    }
    page.field("System", &facts.system);
    let is_ok = facts.agent_state == AgentState::Ok.as_str();
    page.field(
        "State",
        match is_ok {
            true => format!("{} {}", "√".green(), facts.agent_state.green()),
            false => format!("{} {}", "‼".yellow(), facts.agent_state.yellow()),
        },
    );
    let packs = &facts.packs;
    if packs.packs > 0 {
        let mut text = format!("{} with {} objects", packs.packs, packs.objects);
        if packs.errors > 0 {
            text.push_str(&format!(", {}", counted(packs.errors, "error").red()));
        }
        if packs.warnings > 0 {
            text.push_str(&format!(
                ", {}",
                counted(packs.warnings, "warning").yellow()
            ));
        }
        page.field("Packs", text);
        page.more("opsbro packs list");
    }
}

fn off(page: &mut Page, topic: Topic) {
    let key = format!("{}_topic_enabled", topic.label().replace(' ', "_"));
    page.field("State", "off".dimmed());
    page.note(&format!(
        "switch it on with: opsbro agent parameters set {key} true"
    ));
}

fn service_discovery(page: &mut Page, facts: &Facts) {
    page.field("UUID", &facts.uuid);
    page.field("Local addr", &facts.local_addr);
    page.field("Public addr", &facts.public_addr);
    let listen: Vec<String> = facts
        .listen
        .iter()
        .map(|(name, address)| format!("{name} {address}"))
        .collect();
    page.field("Listens on", listen.join("\n"));
    let key = match facts.is_zone_protected {
        true => "(√ zone has a gossip key)".green().to_string(),
        false => "(‼ zone has no gossip key)".red().to_string(),
    };
    page.field("Zone", format!("{} {key}", facts.zone));
    cluster(page, &facts.cluster);
}

/// Tells of the cluster: who is there, whose keys, and what was dropped.
fn cluster(page: &mut Page, cluster: &api::gossip::Cluster) {
    let proxy = if cluster.is_proxy { ", a proxy" } else { "" };
    page.field("Told to others", format!("{}{proxy}", cluster.address));
    let states = ["alive", "suspect", "dead", "leave"];
    let counted = states.iter().filter_map(|state| {
        let count = cluster.members.get(*state).copied().unwrap_or_default();
        (count > 0 || *state == "alive").then(|| match *state {
            "dead" | "suspect" => format!("{count} {state}").red().to_string(),
            _ => format!("{count} {state}"),
        })
    });
    page.field("Nodes", counted.collect::<Vec<_>>().join(" / "));
    page.more("opsbro members");
    for key in &cluster.keys {
        let seals = key.seals.as_deref().unwrap_or("none");
        let mut text = format!("{seals} seals in {}, {} accepted", key.zone, key.accepted);
        if key.behind > 0 {
            text.push_str(&format!(", {} nodes do not have it yet", key.behind));
        }
        page.field("Key", text);
    }
    let figures = &cluster.figures;
    let dropped: Vec<String> = figures
        .dropped
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    if !dropped.is_empty() {
        page.field("Junk dropped", dropped.join(", "));
    }
    if figures.self_doubt > 0 {
        let text = format!("{}: it was late for its own probes", figures.self_doubt);
        page.field("Doubts itself", text.yellow());
    }
    for conflict in &cluster.conflicts {
        page.line(format!("‼ {conflict}").yellow());
    }
}

fn automatic_detection(page: &mut Page, facts: &Facts) {
    let shown = |group: &String| match facts.static_groups.contains(group) {
        true => group.clone(),
        false => group.cyan().to_string(),
    };
    let groups: Vec<String> = facts.groups.iter().map(shown).collect();
    page.field(
        "Groups",
        if groups.is_empty() {
            "none".to_owned()
        } else {
            groups.join(", ")
        },
    );
    if !facts.static_groups.is_empty() {
        page.field("Static ones", facts.static_groups.join(", "));
    }
    page.more("opsbro detectors state");
    if !facts.hosting_driver.is_empty() {
        page.field("Hosting", &facts.hosting_driver);
    }
}

fn monitoring(page: &mut Page, facts: &Facts) {
    let checks = &facts.checks;
    let states = ["critical", "warning", "unknown", "ok", "pending"];
    let counted = states.iter().filter_map(|state| {
        let count = checks.states.get(*state).filter(|count| **count > 0)?;
        Some(format!("{count} {}", colored(state)))
    });
    let counted: Vec<String> = counted.collect();
    page.field(
        "Checks",
        match counted.is_empty() {
            true => "none".to_owned(),
            false => counted.join(", "),
        },
    );
    let mut runs = format!("{} in the last minute, {} now", checks.runs, checks.running);
    if checks.late > 0 {
        let (late, longest) = (checks.late, checks.late_longest_ms);
        let text = format!("{late} began late, up to {longest} ms");
        runs.push_str(&format!(", {}", text.yellow()));
    }
    page.field("Runs", runs);
    page.more("opsbro state");
}

fn metrology(page: &mut Page, facts: &Facts) {
    let states = facts.collectors.values().map(|it| it.state.as_str());
    page.field("Collectors", collectors::counted(states));
    page.more("opsbro collectors state");
}

fn technical(page: &mut Page, facts: &Facts) {
    page.blank();
    page.title("Technical info");
    page.field("Version", &facts.version);
    let uptime = model::format_interval(Duration::from_secs(facts.uptime_seconds));
    page.field(
        "Runs since",
        format!("{} ({uptime}), pid {}", facts.started_at, facts.pid),
    );
    page.field("Memory", bytes(facts.memory_bytes));
    page.field("CPU", format!("{:.1}% of a core", facts.cpu_percent));
    let workers = &facts.workers;
    let mut threads = format!("{}, {} of them workers", facts.threads, workers.threads);
    if workers.queued > 0 {
        threads.push_str(&format!(
            ", {} wait",
            counted(workers.queued, "job").yellow()
        ));
    }
    if workers.panicked > 0 {
        threads.push_str(&format!(
            ", {} panicked",
            counted(workers.panicked, "job").red()
        ));
    }
    page.field("Threads", threads);
    page.more("opsbro agent internal show-threads");
    page.field("Socket", &facts.socket);
    page.field("Configuration", &facts.config_dir);
    page.field("Data", &facts.data_dir);
}

fn logs(page: &mut Page, facts: &Facts, show: bool) {
    page.field("Log", &facts.log_dir);
    let all: Vec<(&String, &Vec<String>)> = facts.logs.iter().collect();
    let count = |level: &str| facts.logs.get(level).map_or(0, Vec::len) as u64;
    let part = |level: &str, word: &str| match count(level) {
        0 => counted(0, word).dimmed().to_string(),
        many => painted(level, &counted(many, word)),
    };
    let text = format!("{}, {}", part("ERROR", "error"), part("WARNING", "warning"));
    page.field("Last in the log", text);
    if !show && all.iter().any(|(_, lines)| !lines.is_empty()) {
        page.more("opsbro agent info --show-logs");
    } else if !show {
        page.more("opsbro agent log follow");
    }
    for (level, lines) in all.iter().filter(|_| show) {
        for line in *lines {
            page.line(format!("  {}", painted(level, line)));
        }
    }
}

fn counted(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Writes a size for people.
fn bytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!("{mebibytes:.1} MiB")
}

#[cfg(test)]
mod tests;
