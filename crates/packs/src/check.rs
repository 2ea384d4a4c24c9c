//! Checks: is this thing well, and what should be said about it?
//!
//! A check either judges by expressions ([`judge()`]) or runs a plugin ([`ShellLine`]).

mod judge;
mod shell_line;

use std::sync::Arc;
use std::time::Duration;

use model::GroupSet;

use crate::expression::{Expression, Variable};
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

pub use judge::{Instance, Verdict, instances, judge, judge_item};
pub use shell_line::ShellLine;

/// How often a check runs when it does not say.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);
/// Time that a check may take when it does not say; the plugins of Nagios end themselves before.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// Something that is looked at again and again.
#[derive(Clone, Debug)]
pub struct Check {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name, unique among all checks: `linux/cpu`.
    pub id: Arc<str>,
    /// Its name in its pack: the file without extension.
    pub name: Arc<str>,
    /// Its name for people.
    pub display_name: Arc<str>,
    /// The nodes that it runs on, by their groups.
    pub if_group: GroupSet,
    /// How often it runs.
    pub interval: Duration,
    /// Time that one run may take.
    pub timeout: Duration,
    /// Named values that the conditions and outputs share, evaluated once a run, in order.
    pub variables: Vec<Variable>,
    /// How it comes to its state.
    pub method: Method,
    /// One check for each item of this list or map; `{{item}}` is the item.
    pub for_each: Option<Expression>,
    /// Runs in a row that must be bad before the state counts as hard.
    pub attempts: u32,
    /// Runs in a row that must be good before a recovery counts.
    pub recovery_attempts: u32,
    /// Checks that make this one pointless while they are bad.
    pub depends_on: Vec<Arc<str>>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
    /// True when it tells the state of a service.
    pub service: bool,
}

/// How a check comes to its state.
#[derive(Clone, Debug)]
pub enum Method {
    /// By expressions.
    Conditions(Box<Conditions>),
    /// By the exit code of a plugin.
    Script(ShellLine),
}

/// When a check is bad, and what it says.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// When it holds, the check is critical.
    pub critical_if: Option<Expression>,
    /// When it holds and the check is not critical, it is a warning.
    pub warning_if: Option<Expression>,
    /// What is said when all is well.
    pub ok_output: Option<Expression>,
    /// What is said on a warning.
    pub warning_output: Option<Expression>,
    /// What is said when it is critical.
    pub critical_output: Option<Expression>,
}

impl Check {
    /// Gives every expression with the key it stands under.
    pub fn expressions(&self) -> Vec<(&str, &Expression)> {
        let mut all: Vec<(&str, &Expression)> = self
            .variables
            .iter()
            .map(|variable| (&*variable.name, &variable.expression))
            .collect();
        if let Method::Conditions(conditions) = &self.method {
            all.extend(conditions.named());
        }
        all.extend(self.for_each.iter().map(|it| ("for_each", it)));
        all
    }
}

impl Conditions {
    fn named(&self) -> impl Iterator<Item = (&str, &Expression)> {
        [
            ("critical_if", &self.critical_if),
            ("warning_if", &self.warning_if),
            ("ok_output", &self.ok_output),
            ("warning_output", &self.warning_output),
            ("critical_output", &self.critical_output),
        ]
        .into_iter()
        .filter_map(|(key, expression)| Some((key, expression.as_ref()?)))
    }
}

impl Object for Check {
    const KEY: &'static str = "check";
    const FOLDER: &'static str = "monitoring";

    fn read(fields: Fields<'_>, home: Arc<Home>, _sheet: &Sheet<'_>) -> Option<Self> {
        read(fields, home, None)
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

/// Reads a check; the keys of the service around it are macros of its script too.
pub(crate) fn read(
    mut fields: Fields<'_>,
    home: Arc<Home>,
    service: Option<&model::Value>,
) -> Option<Check> {
    let conditions = Conditions {
        critical_if: fields.expression("critical_if"),
        warning_if: fields.expression("warning_if"),
        ok_output: fields.expression("ok_output"),
        warning_output: fields.expression("warning_output"),
        critical_output: fields.expression("critical_output"),
    };
    let has_condition = fields.node("critical_if").is_some() || fields.node("warning_if").is_some();
    let script = fields.node("script");
    let method = match script {
        _ if has_condition => Some(Method::Conditions(Box::new(conditions))),
        Some(node) => {
            let macros: Vec<model::Value> = std::iter::once(fields.to_value())
                .chain(service.cloned())
                .collect();
            ShellLine::compile(node, &macros, fields.report).map(Method::Script)
        }
        None => {
            let place = fields.place().clone();
            fields.report.error(
                &place,
                "the check never judges anything",
                "write `critical_if`, `warning_if` or `script`",
            );
            None
        }
    };
    let name: Arc<str> = Arc::from(home.stem());
    let display_name = fields.text("display_name");
    let check = Check {
        id: home.id(),
        display_name: display_name.unwrap_or_else(|| Arc::clone(&name)),
        name,
        if_group: fields.group_set("if_group", &home.pack),
        interval: fields.interval("interval").unwrap_or(INTERVAL_DEFAULT),
        timeout: fields.interval("timeout").unwrap_or(TIMEOUT_DEFAULT),
        variables: fields.variables(),
        method: method?,
        for_each: fields.expression("for_each"),
        attempts: fields.count("attempts").unwrap_or(1),
        recovery_attempts: fields.count("recovery_attempts").unwrap_or(1),
        depends_on: fields.texts("depends_on"),
        notes: fields.text("notes"),
        service: false,
        home,
    };
    // A free key is a macro of the script.
    fields.finish(UnknownKeys::Keep);
    Some(check)
}

#[cfg(test)]
mod tests;
