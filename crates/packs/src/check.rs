//! Checks: is this thing well, and what should be said about it?
//!
//! A check judges by expressions ([`judge()`]), runs a plugin ([`Plugin`]), probes something from
//! outside ([`Probe`]), adds up what nodes say ([`Aggregate`]), or is told its state ([`Push`]).

mod aggregate;
mod judge;
mod plugin;
mod probe;
mod push;
mod quoting;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use model::GroupSet;

use crate::expression::{Expression, Variable};
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

pub use aggregate::{Aggregate, Least};
pub use judge::{Instance, Verdict, instances, judge, judge_item};
pub use plugin::{CommandLine, Plugin};
pub use probe::{PROBES, Probe, ProbeKey, ProbeKind, Wants};
pub use push::Push;
pub use timing::{Flapping, Timing};

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
    /// When it runs, and how often it must say something before that counts.
    pub timing: Timing,
    /// Named values that the conditions and outputs share, evaluated once a run, in order.
    pub variables: Vec<Variable>,
    /// How it comes to its state.
    pub method: Method,
    /// One check for each item of this list or map; `{{item}}` is the item.
    pub for_each: Option<Expression>,
    /// Checks (`disks`, `linux/disks`), `node:NAME`, `group:NAME` or `node:NAME/linux/disks` that
    /// make this one pointless while they are bad.
    pub depends_on: Vec<Arc<str>>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
    /// The service whose state it tells.
    pub service: Option<Arc<str>>,
    /// Other for each text that it could have been read from: its files, those of the parameters
    /// and the package.
    pub fingerprint: u64,
    /// Whether an expression of it asks the machine.
    pub(crate) touches_machine: bool,
}

/// How a check comes to its state.
#[derive(Clone, Debug)]
pub enum Method {
    /// By expressions.
    Conditions(Box<Conditions>),
    /// By the exit code of a plugin.
    Script(Plugin),
    /// By looking at something as its users do.
    Probe(Probe),
    /// By the states of a check on several nodes.
    Aggregate(Aggregate),
    /// By what others report.
    Push(Push),
}

/// When a check is bad, and what it says.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// When it holds, the check is critical.
    pub critical_if: Option<Box<Expression>>,
    /// When it holds and the check is not critical, it is a warning.
    pub warning_if: Option<Box<Expression>>,
    /// What is said when all is well.
    pub ok_output: Option<Box<Expression>>,
    /// What is said on a warning.
    pub warning_output: Option<Box<Expression>>,
    /// What is said when it is critical.
    pub critical_output: Option<Box<Expression>>,
}

impl Check {
    /// Gives every expression with the key it stands under.
    pub fn expressions(&self) -> Vec<(&str, &Expression)> {
        let mut all: Vec<(&str, &Expression)> = self
            .variables
            .iter()
            .map(|variable| (&*variable.name, &variable.expression))
            .collect();
        match &self.method {
            Method::Conditions(conditions) => all.extend(conditions.named()),
            Method::Script(_) | Method::Probe(_) | Method::Aggregate(_) | Method::Push(_) => {}
        }
        all.extend(self.for_each.iter().map(|it| ("for_each", it)));
        all
    }

    /// Tells whether judging it may wait for the machine: a file, a process, another server.
    pub fn touches_machine(&self) -> bool {
        self.touches_machine
    }

    fn asks_machine(&self) -> bool {
        let expressions = self.expressions();
        let mut calls = expressions.iter().flat_map(|(_, it)| it.program().calls());
        calls.any(expr::Function::touches_machine)
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
        .filter_map(|(key, expression)| Some((key, expression.as_deref()?)))
    }
}

impl Object for Check {
    const KEY: &'static str = "check";
    const FOLDER: &'static str = "monitoring";

    fn read(fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self> {
        read(fields, home, sheet, None)
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

/// Reads a check; the keys of the service around it are macros of its script too.
pub(crate) fn read(
    mut fields: Fields<'_>,
    home: Arc<Home>,
    sheet: &Sheet<'_>,
    service: Option<&model::Value>,
) -> Option<Check> {
    let name: Arc<str> = Arc::from(home.stem());
    let display_name = fields.text("display_name");
    let mut check = Check {
        id: home.id(),
        display_name: display_name.unwrap_or_else(|| Arc::clone(&name)),
        name,
        if_group: fields.group_set("if_group", &home.pack),
        timing: timing::read(&mut fields, &home),
        variables: fields.variables(),
        for_each: fields.expression("for_each"),
        depends_on: fields.texts("depends_on"),
        notes: fields.text("notes"),
        service: None,
        fingerprint: sheet.fingerprint(&home.path),
        method: method(&mut fields, &home, service)?,
        touches_machine: false,
        home,
    };
    check.touches_machine = check.asks_machine();
    one_each(&check, &mut fields);
    // A free key is a macro of the script.
    fields.finish(UnknownKeys::Keep);
    Some(check)
}

/// The keys that each say how a check comes to its state.
const METHODS: [&str; 4] = ["script", "probe", "aggregate", "push"];

fn method(
    fields: &mut Fields<'_>,
    home: &Arc<Home>,
    service: Option<&model::Value>,
) -> Option<Method> {
    let conditions = conditions(fields);
    let has_condition = fields.node("critical_if").is_some() || fields.node("warning_if").is_some();
    let written: Vec<&'static str> = METHODS
        .into_iter()
        .filter(|key| fields.node(key).is_some())
        .collect();
    match written[..] {
        // Packs of the original may have both, and there the conditions count.
        [] | ["script"] if has_condition => Some(Method::Conditions(Box::new(conditions))),
        ["script"] => {
            let macros: Vec<model::Value> = std::iter::once(fields.to_value())
                .chain(service.cloned())
                .collect();
            plugin::read(fields, &macros).map(Method::Script)
        }
        ["probe"] if !has_condition => probe::read(fields).map(Method::Probe),
        ["aggregate"] if !has_condition => aggregate::read(fields, home).map(Method::Aggregate),
        ["push"] if !has_condition => push::read(fields, home).map(Method::Push),
        [] => {
            let place = fields.place().clone();
            fields.report.error(
                &place,
                "the check never judges anything",
                "write `critical_if`, `warning_if`, `script`, `probe`, `aggregate` or `push`",
            );
            None
        }
        _ => {
            let place = fields.place().clone();
            let conditions = has_condition.then_some("critical_if or warning_if");
            let keys: Vec<&str> = written.into_iter().chain(conditions).collect();
            let message = format!("the check judges in several ways: {}", keys.join(", "));
            let hint = "keep one of them; another check may have the other";
            fields.report.error(&place, message, hint);
            None
        }
    }
}

fn conditions(fields: &mut Fields<'_>) -> Conditions {
    Conditions {
        critical_if: fields.expression("critical_if").map(Box::new),
        warning_if: fields.expression("warning_if").map(Box::new),
        ok_output: fields.expression("ok_output").map(Box::new),
        warning_output: fields.expression("warning_output").map(Box::new),
        critical_output: fields.expression("critical_output").map(Box::new),
    }
}

/// Only what can be asked about one thing may be asked for each.
fn one_each(check: &Check, fields: &mut Fields<'_>) {
    let kind = match check.method {
        Method::Conditions(_) | Method::Probe(_) => return,
        Method::Script(_) => "a script",
        Method::Aggregate(_) => "an aggregate",
        Method::Push(_) => "a pushed check",
    };
    if let Some(for_each) = &check.for_each {
        let message = format!("{kind} cannot have `for_each`");
        let hint = "it goes with `critical_if`, `warning_if` and `probe`";
        fields.report.error(for_each.place(), message, hint);
    }
}

#[cfg(test)]
mod tests;
