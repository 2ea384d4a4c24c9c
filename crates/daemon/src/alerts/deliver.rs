//! One delivery: the options of the handler filled in, the notice put into words, and both handed
//! to the notifier. Runs in the worker pool.

use std::collections::BTreeMap;
use std::sync::Arc;

use drivers::notify;
use expr::Failure;
use model::{CheckState, Value, limits};
use packs::Scope;
use packs::handler::{Handler, Notifier};
use rules::alerts::Undelivered;
use rules::alerts::kept::{Delivery, Happening};
use rules::alerts::notice::{Item, Occasion};
use rules::alerts::text;
use tracing::warn;

use crate::agent::Agent;
use crate::collect::resolve;
use crate::evaluation::World;

/// Tries once.
pub(super) fn deliver(
    agent: &Agent,
    delivery: &Delivery,
    handler: &Handler,
) -> Result<String, Undelivered> {
    let options = options(agent, handler)?;
    let notice = notice(delivery, handler);
    let deadline = drivers::Deadline::after(limits::ALERT_DELIVERY_TIME_BOX);
    let kind = handler.notifier.as_str();
    match notify::send(kind, &options, &notice, agent.machine.host(), deadline) {
        Ok(receipt) => Ok(receipt.text),
        Err(failure) => Err(Undelivered {
            message: failure.message,
            can_help: failure.retry != notify::Retry::Never,
            wait: match failure.retry {
                notify::Retry::After(wait) => Some(wait),
                notify::Retry::Later | notify::Retry::Never => None,
            },
        }),
    }
}

/// Fills the options in, with their secrets.
fn options(agent: &Agent, handler: &Handler) -> Result<BTreeMap<Arc<str>, Value>, Undelivered> {
    let parameters = &handler.home.parameters;
    let opened = parameters.open(&|source| resolve(agent, source));
    let world = World::of(agent);
    let scope = Scope::new(&world, Arc::clone(parameters)).with_secrets(opened.values);
    let filled = handler.fill_options(&scope).map_err(|failure| {
        let why = match failure {
            Failure::Unknown(unknown) => unknown.reason,
            Failure::Error(diagnostic) => diagnostic.to_string(),
        };
        let why = opened.problems.first().cloned().unwrap_or(why);
        Undelivered {
            message: format!("the options of {} are not known: {why}", handler.id),
            // A file of a secret may come back.
            can_help: true,
            wait: None,
        }
    });
    let mut options = filled?;
    let is_empty = |value: &Value| matches!(value, Value::None) || *value == Value::from("");
    options.retain(|_, value| !is_empty(value));
    let has_way = options.contains_key("token") || options.contains_key("url");
    if handler.notifier == Notifier::Slack
        && !has_way
        && let Ok(token) = std::env::var("SLACK_TOKEN")
    {
        options.insert(Arc::from("token"), Value::text(token));
    }
    Ok(options)
}

fn notice(delivery: &Delivery, handler: &Handler) -> notify::Notice {
    let told = &delivery.notice;
    let words = text::words(told, &handler.texts);
    for problem in &words.problems {
        warn!(handler = %handler.id, %problem, "A template cannot be used");
    }
    let first = told.items.first();
    let is_one = told.items.len() == 1 && told.more == 0;
    let one = first.filter(|_| is_one);
    let name = |text: &str| Arc::<str>::from(text);
    let thing = one.map(|item| &item.thing);
    let incident = match one {
        Some(item) if item.problem > 0 => format!("{}-p{}", item.thing.node, item.problem),
        Some(_) | None => delivery.id.clone(),
    };
    let worst = first.map_or("", |item| &*item.state);
    notify::Notice {
        id: name(&delivery.id),
        incident: Arc::from(incident),
        occasion: first.map_or(notify::Occasion::Test, occasion),
        state: name(worst),
        tone: tone(worst),
        title: words.title,
        text: words.text,
        html: words.html,
        node: thing.map_or_else(|| name(""), |it| name(node_name(it))),
        check: thing.map_or_else(|| name(""), |it| name(&it.name)),
        pack: thing.map_or_else(|| name(""), |it| name(&it.pack)),
        groups: thing
            .iter()
            .flat_map(|it| &it.groups)
            .map(|group| name(group))
            .collect(),
        when: told.at,
        fields: fields(delivery),
        links: Vec::new(),
        items: told.items.iter().filter(|_| !is_one).map(item).collect(),
    }
}

fn fields(delivery: &Delivery) -> Vec<(Arc<str>, String)> {
    let mut fields = Vec::new();
    let told = &delivery.notice;
    if told.more > 0 {
        fields.push((Arc::from("more"), told.more.to_string()));
    }
    if !told.affected.is_empty() {
        fields.push((Arc::from("silent meanwhile"), told.affected.join(", ")));
    }
    if !told.context.is_empty() {
        fields.push((Arc::from("just before"), told.context.join("; ")));
    }
    fields
}

fn item(item: &Item) -> notify::Item {
    notify::Item {
        node: Arc::from(node_name(&item.thing)),
        check: Arc::from(&*item.thing.name),
        state: Arc::from(&*item.state),
        tone: tone(&item.state),
        text: item.output.clone(),
        when: item.since,
    }
}

fn node_name(thing: &rules::alerts::kept::Thing) -> &str {
    match thing.node_display_name.is_empty() {
        true => &thing.node_name,
        false => &thing.node_display_name,
    }
}

fn occasion(item: &Item) -> notify::Occasion {
    match item.occasion {
        Occasion::Problem | Occasion::Escalation => notify::Occasion::Problem,
        Occasion::Reminder => notify::Occasion::Reminder,
        Occasion::Flapping => notify::Occasion::Flapping,
        Occasion::Recovery => notify::Occasion::Recovery,
        Occasion::Compliance => notify::Occasion::Compliance,
        Occasion::Test => notify::Occasion::Test,
        Occasion::Group => match &item.event {
            Some(Happening::GroupRemoved) => notify::Occasion::GroupRemoved,
            Some(Happening::GroupAdded | Happening::Compliance { .. }) | None => {
                notify::Occasion::GroupAdded
            }
        },
    }
}

fn tone(state: &str) -> notify::Tone {
    if let Some(state) = CheckState::parse(state) {
        return notify::Tone::from(state);
    }
    match state {
        "COMPLIANT" | "ADDED" => notify::Tone::Good,
        "FIXED" => notify::Tone::Changed,
        "ERROR" => notify::Tone::Critical,
        _ => notify::Tone::Neutral,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_know_the_options_of_every_notifier() {
        let names: Vec<&str> = Notifier::names().collect();
        let mut drivers: Vec<&str> = notify::ALL.iter().map(|kind| kind.name).collect();
        let mut packs = names.clone();
        drivers.sort_unstable();
        packs.sort_unstable();
        assert_eq!(packs, drivers);
        for kind in notify::ALL {
            let mut known = Notifier::parse(kind.name).unwrap().options().to_vec();
            let mut options: Vec<&str> = kind.options.iter().map(|option| option.name).collect();
            known.sort_unstable();
            options.sort_unstable();
            assert_eq!(known, options, "{}", kind.name);
        }
    }
}
