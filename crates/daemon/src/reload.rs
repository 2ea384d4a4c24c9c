//! Reading configuration and packs again while the agent runs.
//!
//! Data and state stay; what is wrong keeps its last good version; and the report says what was
//! applied, what was refused, and what needs a restart.

use std::sync::Arc;

use api::agent::ReloadReport;
use model::Diagnostic;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::agent::{Agent, DISK_TIME_BOX};
use crate::cluster;
use crate::configuration::{self, Configuration};
use crate::{rules, zone_keys};

/// Reloads, one at a time.
pub(crate) async fn reload(agent: &Arc<Agent>) -> ReloadReport {
    let _one = agent.reloading.lock().await;
    let mut report = ReloadReport::default();
    reload_configuration(agent, &mut report).await;
    reload_zone_keys(agent, &mut report).await;
    reload_packs(agent, &mut report).await;
    info!(
        applied = report.applied.len(),
        refused = report.refused.len(),
        needs_restart = report.needs_restart.len(),
        "Reloaded"
    );
    agent.note("reload", summary(&report));
    report
}

async fn reload_configuration(agent: &Arc<Agent>, report: &mut ReloadReport) {
    let old = Arc::clone(&agent.configuration.borrow());
    let paths = old.home.clone();
    let read = agent.workers.run("configuration", DISK_TIME_BOX, move || {
        configuration::load(&paths)
    });
    let loaded = match read.await {
        Ok(loaded) => loaded,
        Err(error) => {
            report.refused.push(format!("the configuration: {error}"));
            return;
        }
    };
    let problems = loaded.problems.iter().map(ToString::to_string).collect();
    agent.configuration_problems.send_replace(problems);
    if !loaded.is_usable() {
        let errors = loaded.problems.iter().filter(|problem| problem.is_error());
        report.refused.extend(errors.map(ToString::to_string));
        warn!("The configuration has errors: the last good one stays in force");
        return;
    }
    let mut new = loaded.configuration;
    compare(&old, &new, report);
    // What needs a restart keeps its old value, so that everything that is read agrees.
    new.keep_until_restart(&old);
    // Levels that were set by hand hold until the file says something new about levels.
    if (old.log_level, &old.log_levels) != (new.log_level, &new.log_levels) {
        agent.log.set_levels(&new.log_options());
    }
    let configure = cluster::Command::Configure {
        display_name: new.display_name.clone(),
        groups: new.groups.clone(),
        more_addresses: new.dns_addresses.clone(),
        zones: new.zone_tree(),
        reap_after: new.forget_dead_after,
    };
    agent.configuration.send_replace(Arc::new(new));
    if agent
        .rules_commands
        .send(rules::Command::Configure)
        .await
        .is_err()
    {
        report.refused.push("the agent is stopping".to_owned());
    }
    if agent.cluster.send(configure).await.is_err() {
        report.refused.push("the agent is stopping".to_owned());
    }
}

/// Reads the files of zone keys again. With an error in one of them all rings stay as they are.
async fn reload_zone_keys(agent: &Arc<Agent>, report: &mut ReloadReport) {
    let home = agent.configuration.borrow().home.clone();
    let work = move || zone_keys::load(&home);
    let found = match agent.workers.run("zone_keys", DISK_TIME_BOX, work).await {
        Ok(found) => found,
        Err(error) => {
            report.refused.push(format!("the zone keys: {error}"));
            return;
        }
    };
    let problems = found.problems.iter().map(ToString::to_string);
    agent
        .configuration_problems
        .send_modify(|shown| shown.extend(problems));
    let errors = found.problems.iter().filter(|problem| problem.is_error());
    let refused: Vec<_> = errors.map(ToString::to_string).collect();
    if !refused.is_empty() {
        warn!("A zone key has an error: the keys that were in force stay");
        report.refused.extend(refused);
        return;
    }
    let changed = agent.rings.send_if_modified(|rings| {
        let new = zone_keys::rings(&found.keys, rings);
        let changed = **rings != new;
        *rings = Arc::new(new);
        changed
    });
    if changed {
        report.applied.push("zone_keys".to_owned());
        if !agent.is_zone_protected() {
            warn!("Gossip is open to everybody: the zone has no key");
        }
    }
}

/// Notes each key that changed, by when the change is in force.
fn compare(old: &Configuration, new: &Configuration, report: &mut ReloadReport) {
    for (name, in_force, changed) in old.differences(new) {
        if changed {
            match in_force {
                configuration::keys::Change::Reload => report.applied.push(name.to_owned()),
                configuration::keys::Change::Restart => report.needs_restart.push(name.to_owned()),
                configuration::keys::Change::Never => {}
            }
        }
    }
}

async fn reload_packs(agent: &Arc<Agent>, report: &mut ReloadReport) {
    let (tx, rx) = oneshot::channel();
    let asked = agent.rules_commands.send(rules::Command::Reload(tx)).await;
    match (asked, rx.await) {
        (Ok(()), Ok(outcome)) => {
            report.applied.extend(outcome.applied);
            report.refused.extend(
                outcome
                    .problems
                    .iter()
                    .filter(|p| p.is_error())
                    .map(Diagnostic::to_string),
            );
        }
        (Ok(()) | Err(_), _) => report
            .refused
            .push("the packs: the agent is stopping".to_owned()),
    }
}

fn summary(report: &ReloadReport) -> String {
    let parts = [
        ("applied", &report.applied),
        ("refused", &report.refused),
        ("needs a restart", &report.needs_restart),
    ];
    let told = parts.iter().filter(|(_, list)| !list.is_empty());
    let told: Vec<_> = told
        .map(|(name, list)| format!("{name}: {}", list.join(", ")))
        .collect();
    if told.is_empty() {
        "nothing changed".to_owned()
    } else {
        told.join("; ")
    }
}
