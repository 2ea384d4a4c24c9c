//! Services: what nodes offer to others, with the check that tells whether it is well.

use std::sync::Arc;

use model::{Diagnostic, GroupSet, Value, limits};

use crate::check::{self, Check};
use crate::expression::Expression;
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

/// Something that this node offers, as well as its check says.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name: `name`, or the file without extension.
    pub name: Arc<str>,
    /// The nodes that offer it, by their groups.
    pub if_group: GroupSet,
    /// Where it is reached; 0 when nobody is to be told.
    pub port: u16,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// What tells its kinds apart, as `primary`.
    pub tags: Vec<Arc<str>>,
    /// Its share of the questions: 0 for none while others are there.
    pub weight: Weight,
    /// Who asks takes the lowest number that answers.
    pub priority: u16,
    /// How long answers about it may be kept, in seconds, when that differs from all others.
    pub ttl: Option<u32>,
    /// Whether it is left out of the answers in a downtime.
    pub leaves_in_downtime: bool,
    /// The checks that tell its state, which is the worst of theirs; without one it is well while
    /// its node is.
    pub checks: Vec<Arc<Check>>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// By TCP.
    Tcp,
    /// By UDP.
    Udp,
}

/// The share of a service.
#[derive(Clone, Debug)]
pub enum Weight {
    /// Always the same.
    Fixed(u16),
    /// What an expression says.
    Expression(Expression),
}

impl Object for Service {
    const KEY: &'static str = "service";
    const FOLDER: &'static str = "monitoring";
    const FOLDER_TOO: Option<&'static str> = Some("services");

    fn read(mut fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self> {
        let name = fields
            .text("name")
            .unwrap_or_else(|| Arc::from(home.stem()));
        let if_group = fields.group_set("if_group", &home.pack);
        let notes = fields.text("notes");
        let macros = fields.to_value();
        let port = number(&mut fields, "port", 1, u16::MAX.into());
        let words = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp)];
        let protocol = fields.choice("protocol", &words);
        let tags = tags(&mut fields);
        let weight = weight(&mut fields);
        let priority = number(&mut fields, "priority", 0, u16::MAX.into());
        let ttl = number(&mut fields, "ttl", 0, 604_800);
        let words = [("stay", false), ("leave", true)];
        let leaves_in_downtime = fields.choice("in_downtime", &words);
        let checks = checks(&mut fields, &home, sheet, &macros)?;
        // A free key is a macro of a check's script.
        fields.finish(UnknownKeys::Keep);
        let checks = checks.into_iter().map(|check| {
            Arc::new(Check {
                service: Some(Arc::clone(&name)),
                if_group: if_group.clone(),
                ..check
            })
        });
        Some(Self {
            checks: checks.collect(),
            name,
            if_group,
            port: port.and_then(|it| u16::try_from(it).ok()).unwrap_or(0),
            protocol: protocol.unwrap_or(Protocol::Tcp),
            tags,
            weight,
            priority: priority.and_then(|it| u16::try_from(it).ok()).unwrap_or(0),
            ttl: ttl.and_then(|it| u32::try_from(it).ok()),
            leaves_in_downtime: leaves_in_downtime.unwrap_or(false),
            notes,
            home,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

/// Reads the check, and those of `checks`, each of which has a name.
fn checks(
    fields: &mut Fields<'_>,
    home: &Arc<Home>,
    sheet: &Sheet<'_>,
    macros: &Value,
) -> Option<Vec<Check>> {
    let mut all = Vec::new();
    if let Some(node) = fields.node("check") {
        let inner = Fields::new(node, "check", fields.report)?;
        all.push(check::read(inner, Arc::clone(home), sheet, Some(macros))?);
    }
    let Some(node) = fields.node("checks") else {
        return Some(all);
    };
    let Some(entries) = node.entries() else {
        let hint = "write `NAME:` lines with a check below each, or one `check`";
        fields
            .report
            .error(&node.place, "`checks` is no map of checks", hint);
        return None;
    };
    for entry in entries {
        let inner = Fields::new(&entry.value, "check", fields.report)?;
        let check = check::read(inner, Arc::clone(home), sheet, Some(macros))?;
        let name: Arc<str> = Arc::from(format!("{}-{}", home.stem(), entry.key));
        let has_own = check.display_name != check.name;
        all.push(Check {
            id: Arc::from(format!("{}-{}", home.id(), entry.key)),
            display_name: match has_own {
                true => check.display_name,
                false => Arc::clone(&name),
            },
            name,
            ..check
        });
    }
    Some(all)
}

fn number(fields: &mut Fields<'_>, key: &'static str, least: i64, most: i64) -> Option<i64> {
    let node = fields.node(key)?;
    match node.to_value() {
        Value::Int(number) if (least..=most).contains(&number) => Some(number),
        _ => {
            let message = format!("`{key}` is a whole number from {least} to {most}");
            fields
                .report
                .push(Diagnostic::error(node.place.clone(), message));
            None
        }
    }
}

fn tags(fields: &mut Fields<'_>) -> Vec<Arc<str>> {
    let place = fields.place_of("tags");
    let mut tags = fields.texts("tags");
    if tags.len() > limits::SERVICE_TAGS_MAX {
        let message = format!("a service has {} tags at most", limits::SERVICE_TAGS_MAX);
        fields.report.push(Diagnostic::error(place, message));
        tags.clear();
    }
    tags
}

/// A number is taken as it is; anything else is an expression.
fn weight(fields: &mut Fields<'_>) -> Weight {
    let is_number = fields
        .whole()
        .entry("weight")
        .is_none_or(|entry| matches!(entry.value.to_value(), Value::Int(_)));
    if is_number {
        let fixed = number(fields, "weight", 0, u16::MAX.into());
        return Weight::Fixed(fixed.and_then(|it| u16::try_from(it).ok()).unwrap_or(1));
    }
    match fields.expression("weight") {
        Some(expression) => Weight::Expression(expression),
        None => Weight::Fixed(1),
    }
}
