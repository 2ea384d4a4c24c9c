//! Collectors: where data comes from, what form it has, and what is made of it.

mod format;
mod source;

use std::sync::Arc;
use std::time::Duration;

use model::GroupSet;

use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

pub use format::Format;
pub use source::{ReadUntil, Source, SqlEngine, Talk};

/// How often a collector runs when it does not say.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);
/// Time that a collector may take when it does not say.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// A source of data, and what is made of it.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name, by which expressions find its data; one name space for all packs.
    pub name: Arc<str>,
    /// The nodes that it runs on, by their groups.
    pub if_group: GroupSet,
    /// How often it runs.
    pub interval: Duration,
    /// Time that one run may take.
    pub timeout: Duration,
    /// Where the data comes from.
    pub source: Source,
    /// What form it has.
    pub format: Format,
    /// How a line of the answer begins that refuses for lack of a setting, and what to do then.
    pub refusals: Vec<(Arc<str>, Arc<str>)>,
    /// What is made of it; without a script the data stays as it is.
    pub script: Option<Arc<expr::Script>>,
    /// The keys it gives, as `db*.keys`; when none are told, any are believed.
    pub keys: Vec<Arc<str>>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

impl Object for Collector {
    const KEY: &'static str = "collector";
    const FOLDER: &'static str = "collectors";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, _sheet: &Sheet<'_>) -> Option<Self> {
        let name = fields
            .text("name")
            .unwrap_or_else(|| Arc::from(home.stem()));
        let if_group = fields.group_set("if_group", &home.pack);
        let interval = fields.interval("interval").unwrap_or(INTERVAL_DEFAULT);
        let timeout = fields.interval("timeout").unwrap_or(TIMEOUT_DEFAULT);
        let source = fields
            .required("source")
            .and_then(|it| source::read(it, &mut fields, &home.parameters));
        let format = format::read(&mut fields, source.as_ref());
        let refusals = refusals(&mut fields);
        let script = script(&mut fields);
        let keys = fields.texts("keys");
        let notes = fields.text("notes");
        fields.finish(UnknownKeys::Refuse);
        Some(Self {
            home,
            name,
            if_group,
            interval,
            timeout,
            source: source?,
            format: format?,
            refusals,
            script,
            keys,
            notes,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

fn refusals(fields: &mut Fields<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    let mut refusals = Vec::new();
    for entry in fields.entries("refusals") {
        match entry.value.text() {
            Some(todo) if !entry.key.is_empty() => {
                refusals.push((Arc::clone(&entry.key), Arc::clone(todo)));
            }
            Some(_) | None => fields.report.error(
                &entry.value.place,
                "a refusal is how a line of the answer begins, and a text that says what to do",
                "write `refusals: {\"-NOAUTH\": \"set the parameter login\"}`",
            ),
        }
    }
    refusals
}

fn script(fields: &mut Fields<'_>) -> Option<Arc<expr::Script>> {
    let text = fields.text("script")?;
    let node = fields.node("script")?;
    let layout = fields.report.layout(node);
    match expr::compile_script(&text, layout.origin()) {
        Ok(script) => Some(Arc::new(script)),
        Err(diagnostics) => {
            for diagnostic in diagnostics {
                fields.report.push(layout.settle(diagnostic));
            }
            None
        }
    }
}
