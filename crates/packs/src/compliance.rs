//! Compliance: what the configuration of a machine should be, and how it is made so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::expression::{Expression, Setting, Variable};
use crate::fields::{Fields, UnknownKeys, unknown_word};
use crate::object::{Home, Object, Sheet};
use crate::report::Report;
use crate::yaml::Node;

/// How often a compliance is looked at when it does not say.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(60);

/// Rules that are kept together, in order.
#[derive(Clone, Debug)]
pub struct Compliance {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name, which commands and expressions use.
    pub name: Arc<str>,
    /// Whether it only looks.
    pub mode: Mode,
    /// When it holds, the rules apply to this node; `None` is only on demand.
    pub verify_if: Option<Expression>,
    /// How often it is looked at.
    pub interval: Duration,
    /// The rules; after one that fails, those behind it are not looked at.
    pub rules: Vec<Rule>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

/// What a compliance may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Look, change nothing.
    Audit,
    /// Make it so.
    Enforcing,
}

impl Mode {
    /// Gives the word used in packs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Enforcing => "enforcing",
        }
    }
}

/// One thing that should be so.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// The driver that knows how: one of [`DRIVERS`].
    pub driver: Arc<str>,
    /// Named values for the conditions and parameters.
    pub variables: Vec<Variable>,
    /// Ways to do it; the first whose condition holds is taken.
    pub environments: Vec<Environment>,
}

/// A way to do it on some machines.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: Arc<str>,
    /// When it is taken; `None` is always.
    pub condition: Option<Expression>,
    /// What the driver is told.
    pub parameters: BTreeMap<Arc<str>, Setting>,
    /// Shell commands that run after something was changed; one that fails is an error.
    pub post_commands: Vec<Arc<str>>,
}

/// What a driver takes.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// The word that rules name it by.
    pub name: &'static str,
    /// What it must be told.
    pub required: &'static [&'static str],
    /// What it may be told.
    pub optional: &'static [&'static str],
}

/// The drivers that rules may name.
#[rustfmt::skip]
pub const DRIVERS: &[Driver] = &[
    Driver { name: "file-rights", required: &["file"], optional: &["owner", "group", "permissions"] },
    Driver { name: "get-url", required: &["url", "dest_directory"], optional: &["sha1", "md5", "sha256", "sha512"] },
    Driver { name: "package-install", required: &["packages"], optional: &[] },
    Driver { name: "repository", required: &["name", "url"], optional: &["key", "key-server"] },
    Driver { name: "system-user", required: &["name"], optional: &["uid", "gid", "display_name", "home_dir", "shell"] },
];

impl Compliance {
    /// Gives every expression.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.verify_if
            .iter()
            .chain(self.rules.iter().flat_map(Rule::expressions))
    }
}

impl Rule {
    /// Gives every expression.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let variables = self.variables.iter().map(|it| &it.expression);
        variables.chain(
            self.environments
                .iter()
                .filter_map(|it| it.condition.as_ref()),
        )
    }
}

impl Object for Compliance {
    const KEY: &'static str = "compliance";
    const FOLDER: &'static str = "compliance";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, _sheet: &Sheet<'_>) -> Option<Self> {
        let name = fields
            .text("name")
            .unwrap_or_else(|| Arc::from(home.stem()));
        let mode = fields.choice(
            "mode",
            &[("audit", Mode::Audit), ("enforcing", Mode::Enforcing)],
        );
        let verify_if = fields.expression("verify_if");
        let interval = fields.interval("interval").unwrap_or(INTERVAL_DEFAULT);
        let notes = fields.text("notes").or(fields.text("note"));
        let rules = rules(&name, &mut fields);
        fields.finish(UnknownKeys::Warn);
        Some(Self {
            home,
            name,
            mode: mode.unwrap_or(Mode::Audit),
            verify_if,
            interval,
            rules,
            notes,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

fn rules(compliance: &Arc<str>, fields: &mut Fields<'_>) -> Vec<Rule> {
    let single = fields.node("rule");
    let several = fields.items("rules");
    if let Some(node) = single {
        return rule(node, Arc::clone(compliance), fields.report)
            .into_iter()
            .collect();
    }
    if several.is_empty() {
        let place = fields.place().clone();
        fields.report.error(
            &place,
            "the compliance has no rule",
            "write `rule` or `rules`",
        );
    }
    several
        .iter()
        .enumerate()
        .filter_map(|(at, node)| {
            let name = Arc::from(format!("step {}", at + 1));
            rule(node, name, fields.report)
        })
        .collect()
}

fn rule(node: &Node, default_name: Arc<str>, report: &mut Report) -> Option<Rule> {
    let mut fields = Fields::new(node, "rule", report)?;
    let name = fields.text("name").unwrap_or(default_name);
    let driver = fields
        .required("type")
        .and_then(|node| driver(node, &mut fields));
    let variables = fields.variables();
    let post_commands = fields.texts("post_commands");
    let has_environments = fields.node("environments").is_some();
    let shared = fields.node("parameters");
    let mut environments = Vec::new();
    for item in fields.items("environments") {
        environments.extend(environment(item, driver, &post_commands, fields.report));
    }
    if !has_environments {
        let parameters = fields.settings("parameters");
        if let Some(driver) = driver {
            check_parameters(driver, shared.unwrap_or(node), &parameters, fields.report);
        }
        environments.push(Environment {
            name: Arc::clone(&name),
            condition: None,
            parameters,
            post_commands,
        });
    }
    fields.finish(UnknownKeys::Warn);
    Some(Rule {
        name,
        driver: Arc::from(driver?.name),
        variables,
        environments,
    })
}

fn driver(node: &Node, fields: &mut Fields<'_>) -> Option<&'static Driver> {
    let word = node.text().map(|text| &**text).unwrap_or_default();
    let found = DRIVERS.iter().find(|driver| driver.name == word);
    if found.is_none() {
        let words: Vec<&str> = DRIVERS.iter().map(|driver| driver.name).collect();
        fields
            .report
            .push(unknown_word(&node.place, "`type`", word, &words));
    }
    found
}

fn environment(
    node: &Node,
    driver: Option<&Driver>,
    post_commands: &[Arc<str>],
    report: &mut Report,
) -> Option<Environment> {
    let mut fields = Fields::new(node, "environment", report)?;
    let name = fields.text("name");
    let condition = fields.expression("if");
    let parameters_node = fields.node("parameters").unwrap_or(node);
    let parameters = fields.settings("parameters");
    let own_commands = fields.texts("post_commands");
    if let Some(driver) = driver {
        check_parameters(driver, parameters_node, &parameters, fields.report);
    }
    fields.finish(UnknownKeys::Warn);
    Some(Environment {
        name: name.unwrap_or_else(|| Arc::from("default")),
        condition,
        parameters,
        post_commands: if own_commands.is_empty() {
            post_commands.to_vec()
        } else {
            own_commands
        },
    })
}

fn check_parameters(
    driver: &Driver,
    node: &Node,
    parameters: &BTreeMap<Arc<str>, Setting>,
    report: &mut Report,
) {
    for required in driver.required {
        if !parameters.contains_key(*required) {
            report.push(model::Diagnostic::error(
                node.place.clone(),
                format!(
                    "a rule of type {} has no parameter `{required}`",
                    driver.name
                ),
            ));
        }
    }
    let known = || driver.required.iter().chain(driver.optional).copied();
    for name in parameters.keys() {
        if !known().any(|it| it == &**name) {
            let place = node
                .entry(name)
                .map_or(&node.place, |entry| &entry.key_place);
            let words: Vec<&str> = known().collect();
            report.push(unknown_word(place, "a parameter of the rule", name, &words));
        }
    }
}
