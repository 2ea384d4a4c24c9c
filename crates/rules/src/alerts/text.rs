//! Notices in words: the templates of the handler's pack, or those inside the program.
//!
//! What a template cannot say is said without it, so that a broken template costs beauty and no
//! alert.

use std::collections::BTreeMap;

use model::{Value, WallTime};
use packs::handler::Texts;
use packs::template::{Escape, render};

use super::kept::{Happening, Thing};
use super::notice::{Item, Notice, Occasion};

/// A notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// Plain text.
    pub text: String,
    /// The same for a page.
    pub html: Option<String>,
    /// Templates that could not be used, and why.
    pub problems: Vec<String>,
}

/// The texts inside the program.
const DEFAULTS: &[(&str, &str)] = &[
    ("check_subject", include_str!("templates/check_subject.txt")),
    ("check_text", include_str!("templates/check_text.txt")),
    ("check_html", include_str!("templates/check_html.txt")),
    ("group_subject", include_str!("templates/group_subject.txt")),
    ("group_text", include_str!("templates/group_text.txt")),
    (
        "compliance_subject",
        include_str!("templates/compliance_subject.txt"),
    ),
    (
        "compliance_text",
        include_str!("templates/compliance_text.txt"),
    ),
];

/// Puts a notice into words.
pub fn words(notice: &Notice, texts: &Texts) -> Words {
    let kind = match notice.occasion {
        Occasion::Group => "group",
        Occasion::Compliance => "compliance",
        Occasion::Problem
        | Occasion::Escalation
        | Occasion::Reminder
        | Occasion::Flapping
        | Occasion::Recovery
        | Occasion::Test => "check",
    };
    let values = values(notice);
    let values: Vec<(&str, &Value)> = values.iter().map(|(name, value)| (*name, value)).collect();
    let mut problems = Vec::new();
    let mut fill = |part: &str, escape: Escape| {
        let purpose = format!("{kind}_{part}");
        let default = DEFAULTS.iter().find(|(name, _)| *name == purpose);
        if let Some(template) = texts.get(&purpose) {
            match render(&template.text, escape, &values) {
                // One that knows of one thing only says how many more there are.
                Ok(text) if notice.items.len() > 1 && !template.text.contains("checks") => {
                    return Some(with_the_rest(&text, part, notice));
                }
                Ok(text) => return Some(text),
                Err(why) => problems.push(format!("the template {}: {why}", template.name)),
            }
        }
        let (_, default) = default?;
        let text = render(default, escape, &values);
        Some(text.expect("the texts inside the program are tested"))
    };
    let title = fill("subject", Escape::None).unwrap_or_default();
    let text = fill("text", Escape::None).unwrap_or_default();
    let html = fill("html", Escape::Html);
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match problems.is_empty() {
        true => text.trim().to_owned(),
        false => format!("{}\n\n({})", text.trim(), problems.join("; ")),
    };
    Words {
        title,
        text,
        html,
        problems,
    }
}

/// Says in one line what a notice is about.
pub fn summary(notice: &Notice) -> String {
    if let [item] = notice.items.as_slice() {
        let thing = &item.thing;
        return format!("{} {} on {}", item.state, thing.name, name_of(thing));
    }
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for item in &notice.items {
        *states.entry(&item.state).or_default() += 1;
    }
    let states: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let mut nodes: Vec<&str> = notice
        .items
        .iter()
        .map(|item| name_of(&item.thing))
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let nodes = match nodes.as_slice() {
        [node] => format!("on {node}"),
        nodes => format!("on {} nodes", nodes.len()),
    };
    let more = match notice.more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} {nodes}", states.join(", "))
}

fn with_the_rest(text: &str, part: &str, notice: &Notice) -> String {
    let more = notice.items.len() as u64 - 1 + notice.more;
    let text = text.trim_end();
    if part == "subject" {
        return format!("{text} (and {more} more)");
    }
    let rest = notice.items.iter().skip(1);
    let mut rest: Vec<String> = rest
        .map(|it| format!("{}: {} on {}", it.state, it.thing.name, name_of(&it.thing)))
        .collect();
    if notice.more > 0 {
        rest.push(format!("and {} more: opsbro alerts list", notice.more));
    }
    if part == "html" {
        let rest = Value::list(rest.into_iter().map(Value::text));
        let list = render(REST_HTML, Escape::Html, &[("rest", &rest)]);
        return format!("{text}\n{}", list.expect("our own template"));
    }
    format!("{text}\n\n{}\n", rest.join("\n"))
}

/// What a page says of the things that its template does not know of.
const REST_HTML: &str = "<ul>{% for one in rest %}<li>{{ one }}</li>{% endfor %}</ul>\n";

fn values(notice: &Notice) -> Vec<(&'static str, Value)> {
    let first = notice.items.first();
    let items: Vec<Value> = notice.items.iter().map(item).collect();
    let mut values = vec![
        ("notice", about(notice)),
        ("check", items.first().cloned().unwrap_or(Value::None)),
        ("node", first.map_or(Value::None, |item| node(&item.thing))),
        ("_time", Value::text(notice.at.to_string())),
    ];
    match first.and_then(|item| item.event.as_ref()) {
        Some(event @ (Happening::GroupAdded | Happening::GroupRemoved)) => {
            let word = if *event == Happening::GroupAdded {
                "add"
            } else {
                "remove"
            };
            let name = first.map_or("", |item| &*item.thing.name);
            values.push(("group", Value::from(name)));
            values.push(("group_modification", Value::from(word)));
        }
        Some(Happening::Compliance { .. }) => {
            values.push(("compliance", items.first().cloned().unwrap_or(Value::None)));
        }
        None => {}
    }
    values.push(("checks", Value::list(items)));
    values
}

fn about(notice: &Notice) -> Value {
    let texts = |texts: &[String]| Value::list(texts.iter().map(|text| Value::from(text.as_str())));
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    Value::map([
        ("occasion", Value::from(notice.occasion.as_str())),
        ("summary", Value::text(summary(notice))),
        ("more", number(notice.more)),
        ("affected", texts(&notice.affected)),
        ("affected_more", number(notice.affected_more)),
        ("context", texts(&notice.context)),
    ])
}

fn item(item: &Item) -> Value {
    let thing = &item.thing;
    let text = |text: &str| Value::from(text);
    let time = |wall: WallTime| Value::text(wall.to_string());
    let mut members = vec![
        ("name", text(&thing.name)),
        ("display_name", text(&thing.display_name)),
        ("pack_name", text(&thing.pack)),
        ("state", text(&item.state)),
        ("old_state", text(&item.old_state)),
        ("output", text(&item.output)),
        ("occasion", text(item.occasion.as_str())),
        ("since", time(item.since)),
        ("at", time(item.at)),
        (
            "problem",
            Value::Int(i64::try_from(item.problem).unwrap_or(0)),
        ),
        ("notes", text(&thing.notes)),
        ("colour", text(colour(&item.state))),
        ("node", node(thing)),
    ];
    if let Some(Happening::Compliance { mode, rules, .. }) = &item.event {
        members.push(("mode", text(mode)));
        let rules = rules.iter().map(|rule| {
            let infos = rule
                .infos
                .iter()
                .map(|(state, info)| Value::map([("state", text(state)), ("text", text(info))]));
            Value::map([
                ("name", text(&rule.name)),
                ("state", text(&rule.state)),
                ("infos", Value::list(infos)),
            ])
        });
        members.push(("rules", Value::list(rules)));
    }
    Value::map(members)
}

fn node(thing: &Thing) -> Value {
    let text = |text: &str| Value::from(text);
    Value::map([
        ("uuid", text(&thing.node)),
        ("name", text(&thing.node_name)),
        ("display_name", text(&thing.node_display_name)),
        ("zone", text(&thing.zone)),
        (
            "groups",
            Value::list(thing.groups.iter().map(|group| text(group))),
        ),
    ])
}

fn name_of(thing: &Thing) -> &str {
    match thing.node_display_name.is_empty() {
        true => &thing.node_name,
        false => &thing.node_display_name,
    }
}

fn colour(state: &str) -> &'static str {
    match state {
        "OK" | "COMPLIANT" | "ADDED" => "#2e7d32",
        "WARNING" | "FIXED" => "#b26a00",
        "CRITICAL" | "ERROR" => "#b71c1c",
        _ => "#5e4b8b",
    }
}
