//! From what the agent knows of itself to what its record tells others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ::rules::alerts;
use ::rules::checks::{Snapshot, Thing, Watched};
use ::rules::transition::full_name;
use dns::Service;
use gossip::{Description, Health, Problem};
use model::{CheckState, limits};

use super::Node;
use crate::services;

/// The part of a record that holds the state of each check.
const CHECKS: &str = "checks";

/// The part of a record that names the handlers that send from its node.
const HANDLERS: &str = "handlers";

/// The part of a record that holds addresses which only DNS tells.
const ADDRESSES: &str = "addresses";

/// Describes this node.
pub(super) fn describe(
    node: &Node,
    checks: &Snapshot,
    alerts: &alerts::Snapshot,
    offered: &[Service],
) -> Description {
    let mut parts = BTreeMap::new();
    if !checks.checks.is_empty() {
        parts.insert(CHECKS.to_owned(), write_states(checks));
    }
    let handlers = alerts.handlers.iter().filter(|it| it.off.is_none());
    let handlers: Vec<String> = handlers.map(|it| format!("{}\n", it.handler.id)).collect();
    if !handlers.is_empty() {
        parts.insert(
            HANDLERS.to_owned(),
            Arc::from(handlers.concat().into_bytes()),
        );
    }
    if !node.more_addresses.is_empty() {
        let lines = node.more_addresses.iter().map(|it| format!("{it}\n"));
        let text: String = lines.collect();
        parts.insert(ADDRESSES.to_owned(), Arc::from(text.into_bytes()));
    }
    if !offered.is_empty() {
        parts.insert(services::PART.to_owned(), services::write(offered));
    }
    Description {
        display_name: node.display_name.clone(),
        static_groups: node.static_groups.iter().cloned().collect(),
        detected_groups: node.detected_groups.iter().cloned().collect(),
        health: health(node, checks, alerts),
        parts,
    }
}

fn health(node: &Node, checks: &Snapshot, alerts: &alerts::Snapshot) -> Health {
    let things = || {
        let of = |watched: &'_ Arc<Watched>| Arc::clone(watched);
        checks.checks.iter().map(of)
    };
    let mut counts: BTreeMap<u8, (CheckState, u32)> = BTreeMap::new();
    let mut problems = Vec::new();
    for watched in things() {
        for thing in &watched.things {
            let count = counts.entry(weight(thing.hard)).or_insert((thing.hard, 0));
            count.1 += 1;
            if thing.is_hard_problem() {
                problems.push(problem(&watched, thing));
            }
        }
    }
    let handled = handled(node, alerts);
    for problem in &mut problems {
        problem.handled = handled.iter().any(|name| *name == problem.check);
    }
    problems.sort_by(|one, other| order(one).cmp(&order(other)));
    problems.truncate(limits::RECORD_PROBLEMS_MAX);
    Health {
        counts: counts.into_values().rev().collect(),
        problems,
    }
}

/// What somebody must act on comes first.
fn order(problem: &Problem) -> (bool, u8, &str) {
    let weight = u8::MAX - weight(problem.state);
    (problem.handled, weight, &problem.check)
}

fn problem(watched: &Watched, thing: &Thing) -> Problem {
    let output = &thing.output;
    let end = output.floor_char_boundary(limits::RECORD_OUTPUT_BYTES_MAX);
    Problem {
        check: full_name(&watched.check.id, thing.instance.as_deref()),
        state: thing.hard,
        since: thing.since,
        handled: false,
        output: output[..end].to_owned(),
    }
}

/// Names the problems of this node that somebody takes care of, or that may be.
fn handled<'a>(node: &Node, alerts: &'a alerts::Snapshot) -> Vec<&'a str> {
    let own = node.id.to_string();
    let all = alerts.problems.iter().zip(&alerts.marks);
    all.filter(|(problem, mark)| {
        problem.thing.node == own && (problem.acknowledged.is_some() || mark.downtime.is_some())
    })
    .map(|(problem, _)| &*problem.thing.name)
    .collect()
}

/// Orders states for people: what somebody must act on weighs most.
pub(crate) fn weight(state: CheckState) -> u8 {
    match state {
        CheckState::Pending => 0,
        CheckState::Ok => 1,
        CheckState::Unknown => 2,
        CheckState::Warning => 3,
        CheckState::Critical => 4,
    }
}

/// Writes the worst state of each check: a letter and its name, one a line.
fn write_states(checks: &Snapshot) -> Arc<[u8]> {
    let mut lines: Vec<String> = checks
        .checks
        .iter()
        .map(|it| format!("{}{}\n", letter(it.worst()), it.check.id))
        .collect();
    lines.sort_unstable();
    Arc::from(lines.concat().into_bytes())
}

/// Reads the state of each check of a record; nothing where it tells none.
pub(crate) fn states(record: &gossip::Record) -> BTreeMap<Arc<str>, CheckState> {
    let Some(part) = record.body.parts.get(CHECKS) else {
        return BTreeMap::new();
    };
    let text = String::from_utf8_lossy(part);
    let state = |line: &str| {
        let mut letters = line.chars();
        let state = of_letter(letters.next()?)?;
        Some((Arc::from(letters.as_str()), state))
    };
    text.lines().filter_map(state).collect()
}

/// Names the handlers that send from the node of a record.
pub(super) fn handlers(record: &gossip::Record) -> Vec<String> {
    let part = record.body.parts.get(HANDLERS);
    let text = part.map(|part| String::from_utf8_lossy(part));
    let names = text.iter().flat_map(|text| text.lines());
    names.map(str::to_owned).collect()
}

/// Gives all addresses of the node of a record, the one that other nodes are told first.
pub(crate) fn addresses(record: &gossip::Record) -> Vec<IpAddr> {
    let mut all = vec![record.body.address.ip().to_canonical()];
    let part = record.body.parts.get(ADDRESSES);
    let text = part.map(|part| String::from_utf8_lossy(part));
    let lines = text.iter().flat_map(|text| text.lines());
    for address in lines.take(limits::NODE_ADDRESSES_MAX) {
        match address.parse::<IpAddr>() {
            Ok(address) if !all.contains(&address) => all.push(address),
            // What is no address, or told twice, adds nothing.
            Ok(_) | Err(_) => {}
        }
    }
    all
}

/// Gives the letter of a state in a record.
pub(crate) fn letter(state: CheckState) -> char {
    match state {
        CheckState::Ok => 'o',
        CheckState::Warning => 'w',
        CheckState::Critical => 'c',
        CheckState::Unknown => 'u',
        CheckState::Pending => 'p',
    }
}

/// Reads the letter of a state.
pub(crate) fn of_letter(word: char) -> Option<CheckState> {
    CheckState::ALL.into_iter().find(|it| letter(*it) == word)
}
