//! Checks as the API shows them.

use std::collections::BTreeMap;

use ::rules::checks::{Snapshot, Thing, Watched};
use ::rules::formats::nagios;
use ::rules::transition::full_name;
use api::monitoring::{Check, Figure};
use model::{CheckState, format_interval};
use packs::check::Method;

use crate::clock;
use crate::keep::state_word;

/// Shows the checks that are wanted, by their full name.
pub(super) fn checks(
    snapshot: &Snapshot,
    is_wanted: impl Fn(&Watched) -> bool,
) -> BTreeMap<String, Check> {
    let wanted = snapshot.checks.iter().filter(|watched| is_wanted(watched));
    let shown = wanted.flat_map(|watched| {
        let things = watched.things.iter();
        things.map(|thing| (name(watched, thing), show(watched, thing)))
    });
    shown.collect()
}

/// Shows the services, by their name.
pub(super) fn services(snapshot: &Snapshot) -> BTreeMap<String, Check> {
    let named = |watched: &Watched| watched.check.service.clone();
    let mut services = BTreeMap::new();
    for watched in &snapshot.checks {
        let Some(service) = named(watched) else {
            continue;
        };
        for thing in &watched.things {
            let name = full_name(&service, thing.instance.as_deref());
            services.insert(name, show(watched, thing));
        }
    }
    services
}

/// Gives the full name of a thing.
pub(super) fn name(watched: &Watched, thing: &Thing) -> String {
    full_name(&watched.check.id, thing.instance.as_deref())
}

/// Gives the worse of two states.
pub(super) fn worse(one: CheckState, other: CheckState) -> CheckState {
    let weight = |state| match state {
        CheckState::Pending => 0,
        CheckState::Ok => 1,
        CheckState::Unknown => 2,
        CheckState::Warning => 3,
        CheckState::Critical => 4,
    };
    if weight(other) > weight(one) {
        other
    } else {
        one
    }
}

/// Names how a check comes to its state.
pub(super) fn kind(method: &Method) -> &'static str {
    match method {
        Method::Conditions(_) => "expression",
        Method::Script(_) => "plugin",
        Method::Probe(_) => "probe",
        Method::Aggregate(_) => "aggregate",
        Method::Push(_) => "push",
    }
}

/// Gives performance data as numbers.
fn figures(text: &str) -> Vec<Figure> {
    let (figures, _) = nagios::perfdata(text);
    let words = |range: Option<std::sync::Arc<str>>| range.map(|it| it.to_string());
    let figures = figures.into_iter().map(|it| Figure {
        label: it.label.to_string(),
        value: it.value,
        unit: it.unit.to_string(),
        warning: words(it.warning),
        critical: words(it.critical),
        min: it.min,
        max: it.max,
    });
    figures.collect()
}

fn show(watched: &Watched, thing: &Thing) -> Check {
    let check = &watched.check;
    Check {
        id: name(watched, thing),
        check: check.id.to_string(),
        instance: thing.instance.as_deref().map(str::to_owned),
        display_name: check.display_name.to_string(),
        pack_name: check.home.pack.to_string(),
        pack_level: check.home.level.to_string(),
        from: format!("{}:{}", check.home.place.file, check.home.place.line),
        if_group: check.if_group.to_string(),
        kind: kind(&check.method).to_owned(),
        interval: format_interval(check.timing.interval),
        state: state_word(thing.state),
        state_id: thing.state.number(),
        is_hard: thing.is_hard,
        hard_state: state_word(thing.hard),
        attempt: thing.attempt,
        attempts: thing.attempts,
        output: thing.output.to_string(),
        long_output: thing.long_output.to_string(),
        perfdata: thing.perfdata.to_string(),
        figures: figures(&thing.perfdata),
        since: thing.since.to_string(),
        since_seconds: clock::wall()
            .as_secs()
            .saturating_sub(thing.since.as_secs()),
        last_change: thing.last_change.to_string(),
        first_seen: thing.first_seen.to_string(),
        last_ok: thing.last_ok.map(|at| at.to_string()),
        last_check: thing.last_run.map_or(0, |at| at.as_secs()),
        took_us: u64::try_from(watched.took.as_micros()).unwrap_or(u64::MAX),
        is_flapping: thing.flapping.is_flapping,
        flapping_pct: (thing.flapping.percent() * 10.0).round() / 10.0,
        is_acknowledged: false,
        is_in_downtime: false,
        service: check.service.as_deref().map(str::to_owned),
        depends_on: check.depends_on.iter().map(|it| it.to_string()).collect(),
        notes: check.notes.as_deref().unwrap_or_default().to_owned(),
    }
}
