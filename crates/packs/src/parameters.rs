//! Parameters: the settings of a pack.
//!
//! Values stand in `parameters/*.yml`, plain `key: value`, so that people and commands can edit
//! them. What they may be stands in `package.yml`:
//! ```yaml
//! parameters:
//!   port: {type: integer, default: 8125, min: 1, max: 65535, description: Where to listen}
//!   token: {type: text, secret: true}
//! ```
//! A secret may be a reference, `env:NAME` or `file:/path`, which whoever needs it resolves. An
//! undeclared parameter whose name ends like one (`password`, `token` …) is a secret too: packs
//! that are older than declarations hold some. Nothing here prints a secret.

mod change;
mod declaration;
mod secret_source;

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Reference, Unknown};
use model::{Diagnostic, Level, Place, Secret, Value};

use crate::files::File;
use crate::object::Sheet;
use crate::overlay;
use crate::report::Report;
use crate::yaml::{Entry, Kind, Node, edit};

pub(crate) use change::declared;
pub use change::{ChangeError, ParameterAt, get, reset, set};
pub(crate) use declaration::read_declarations;
pub use declaration::{Declaration, ParameterType};
pub use secret_source::SecretSource;

/// The folder of a pack that parameters stand in.
pub const FOLDER: &str = "parameters";

/// All parameters of a pack.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    entries: BTreeMap<Arc<str>, Parameter>,
    /// All values without the secrets, for expressions.
    plain: Option<Value>,
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// What it is set to.
    pub content: Content,
    /// True when the value is the declared default.
    pub is_default: bool,
    /// What it may be, when the pack says so.
    pub declaration: Option<Declaration>,
    /// What it is for: declared, or the comments at the value.
    pub description: Option<String>,
    /// Where it is set.
    pub place: Option<Place>,
}

/// What a parameter is set to.
#[derive(Clone, Debug)]
pub enum Content {
    /// A value that anybody may see.
    Plain(Value),
    /// A value that nobody may see.
    Secret(SecretSource),
    /// Values by name, some of which may be secret.
    Map(BTreeMap<Arc<str>, Self>),
    /// Nothing, and there is no default.
    Missing,
}

/// Parameters with their secrets, for those who must use them.
#[derive(Clone)]
pub struct Opened {
    /// All values.
    pub values: Value,
    /// Secrets that could not be had, and why.
    pub problems: Vec<String>,
}

impl Parameters {
    /// Gives one parameter by its name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.entries.get(name)
    }

    /// Gives all parameters, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Parameter)> {
        self.entries.iter()
    }

    /// Gives the value of a reference in an expression; a secret is not told.
    pub fn lookup(&self, reference: &Reference) -> Result<Value, Unknown> {
        if let Some(found) = self
            .plain
            .as_ref()
            .and_then(|plain| reference.walk(plain).ok())
        {
            return Ok(found);
        }
        let reason = if self.is_secret(reference) {
            format!(
                "{reference} is a secret, which only the sources of collectors and handlers may use"
            )
        } else {
            format!("{reference} is not set")
        };
        Err(Unknown::new(reason))
    }

    /// Tells whether a reference names a secret, or a map that holds one.
    pub fn is_secret(&self, reference: &Reference) -> bool {
        let mut content = reference
            .first()
            .and_then(|name| self.get(name))
            .map(|it| &it.content);
        for segment in reference.segments.iter().skip(1) {
            let (expr::Segment::Name(name) | expr::Segment::Quoted(name)) = segment else {
                break;
            };
            if let Some(Content::Map(map)) = content {
                content = map.get(name);
            }
        }
        content.is_some_and(Content::has_secret)
    }

    /// Gives all values as they may be shown: a secret is `***`.
    pub fn shown(&self) -> Value {
        self.tree(&|_| Some(Value::from("***")))
    }

    /// Gives all values with their secrets; the caller reads the environment and the files.
    pub fn open(&self, resolve: &dyn Fn(&SecretSource) -> Result<Secret, String>) -> Opened {
        let problems = std::cell::RefCell::new(Vec::new());
        let values = self.tree(&|source| match source.inline() {
            Some(secret) => Some(Value::text(secret.expose())),
            None => match resolve(source) {
                Ok(secret) => Some(Value::text(secret.expose())),
                Err(problem) => {
                    problems.borrow_mut().push(problem);
                    None
                }
            },
        });
        Opened {
            values,
            problems: problems.into_inner(),
        }
    }

    /// Gives the same parameters with one set, for cases.
    pub(crate) fn with(&self, path: &[String], value: Value) -> Self {
        let mut changed = self.clone();
        let Some((name, rest)) = path.split_first() else {
            return changed;
        };
        let set = rest
            .iter()
            .rev()
            .fold(Content::Plain(value), |below, step| {
                Content::Map(BTreeMap::from([(Arc::from(step.as_str()), below)]))
            });
        let parameter = Parameter {
            content: set,
            is_default: false,
            declaration: None,
            description: None,
            place: None,
        };
        changed.entries.insert(Arc::from(name.as_str()), parameter);
        changed.plain = Some(changed.tree(&|_| None));
        changed
    }

    fn tree(&self, secret: &dyn Fn(&SecretSource) -> Option<Value>) -> Value {
        Value::map(self.entries.iter().filter_map(|(name, parameter)| {
            Some((Arc::clone(name), parameter.content.value(secret)?))
        }))
    }
}

impl Content {
    /// Gives the value as it may be shown: a secret is `***`.
    pub fn shown(&self) -> Value {
        self.value(&|_| Some(Value::from("***")))
            .unwrap_or(Value::None)
    }

    /// Tells whether it is a secret or holds one.
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::Map(map) => map.values().any(Self::has_secret),
            Self::Plain(_) | Self::Missing => false,
        }
    }

    fn value(&self, secret: &dyn Fn(&SecretSource) -> Option<Value>) -> Option<Value> {
        match self {
            Self::Plain(value) => Some(value.clone()),
            Self::Secret(source) => secret(source),
            Self::Map(map) => Some(Value::map(map.iter().filter_map(|(name, content)| {
                Some((Arc::clone(name), content.value(secret)?))
            }))),
            Self::Missing => None,
        }
    }
}

/// Tells whether the name of a parameter is that of a secret.
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "private_key",
        "access_key",
        "customer_key",
        "community",
    ]
    .iter()
    .any(|end| name.ends_with(end))
}

/// Gives the text of a file of parameters with its secrets as `***`.
pub(crate) fn masked(text: &str, is_secret: &dyn Fn(&str) -> bool) -> String {
    let (root, diagnostics) = crate::yaml::parse("f", text);
    // A broken text, or one with a key twice, may hold secrets where nobody looks.
    if !diagnostics.is_empty() {
        return "(not shown: it is not well formed and may hold secrets)".to_owned();
    }
    let mut spans = Vec::new();
    if let Some(root) = root {
        secret_spans(&root, is_secret, &mut spans);
    }
    spans.sort_by_key(|span| span.start);
    let mut masked = text.to_owned();
    for span in spans.into_iter().rev() {
        masked.replace_range(span, "\"***\"");
    }
    masked
}

fn secret_spans(
    node: &Node,
    is_secret: &dyn Fn(&str) -> bool,
    spans: &mut Vec<std::ops::Range<usize>>,
) {
    for entry in node.entries().unwrap_or_default() {
        if entry.value.aliased || entry.merged {
            continue;
        }
        if is_secret(&entry.key) && !entry.value.span.is_empty() {
            spans.push(entry.value.span.clone());
        } else {
            secret_spans(&entry.value, is_secret, spans);
        }
    }
}

/// Reads the parameters of a pack.
pub(crate) fn read(
    sheet: &Sheet<'_>,
    declarations: &[Declaration],
    report: &mut Report,
) -> Parameters {
    let mut settled: BTreeMap<Arc<str>, Setting> = BTreeMap::new();
    for (level, file) in files(sheet) {
        for setting in settings(file, level, report) {
            let over = match settled.remove(&setting.entry.key) {
                Some(below) if below.level != level => Setting {
                    entry: Entry {
                        value: overlay::merge(below.entry.value, setting.entry.value),
                        ..setting.entry
                    },
                    ..setting
                },
                Some(_) | None => setting,
            };
            settled.insert(Arc::clone(&over.entry.key), over);
        }
    }
    let mut entries = BTreeMap::new();
    for declaration in declarations {
        let setting = settled.remove(&declaration.name);
        let parameter = declared_parameter(declaration, setting, report);
        entries.insert(Arc::clone(&declaration.name), parameter);
    }
    for (name, setting) in settled {
        entries.insert(name, undeclared(&setting));
    }
    let mut parameters = Parameters {
        entries,
        plain: None,
    };
    parameters.plain = Some(parameters.tree(&|_| None));
    parameters
}

struct Setting {
    level: Level,
    entry: Entry,
    comments: Vec<String>,
}

/// Lists the files of parameters, lowest level first and by path within a level.
fn files<'files>(sheet: &Sheet<'files>) -> Vec<(Level, &'files File)> {
    let mut files: Vec<(Level, &File)> = sheet
        .below(FOLDER, ".yml")
        .filter_map(|path| sheet.files.get(path))
        .flatten()
        .copied()
        .collect();
    // A stable sort: the paths stay in order.
    files.sort_by_key(|(level, _)| *level);
    files
}

fn settings(file: &File, level: Level, report: &mut Report) -> Vec<Setting> {
    let Some(node) = report.read(file, false) else {
        return Vec::new();
    };
    let text = file.text().unwrap_or_default();
    let Kind::Map(entries) = node.kind else {
        report.error(
            &node.place,
            "parameters are `key: value` lines",
            "write one line for each parameter",
        );
        return Vec::new();
    };
    entries
        .into_iter()
        .map(|entry| Setting {
            level,
            comments: edit::comments(text, &entry),
            entry,
        })
        .collect()
}

fn declared_parameter(
    declaration: &Declaration,
    setting: Option<Setting>,
    report: &mut Report,
) -> Parameter {
    let node = setting
        .as_ref()
        .map(|setting| &setting.entry.value)
        .filter(|node| !node.is_null());
    let wrong = node.and_then(|node| {
        let problem = declaration.check(&node.to_value())?;
        Some((node, problem))
    });
    if let Some((node, problem)) = &wrong {
        report.push(Diagnostic::error(
            node.place.clone(),
            format!("the parameter `{}` {problem}", declaration.name),
        ));
    }
    let value = node
        .filter(|_| wrong.is_none())
        .map(|node| content(node, declaration.secret));
    let is_default = value.is_none();
    Parameter {
        content: value.unwrap_or_else(|| declaration.default.clone()),
        is_default,
        declaration: Some(declaration.clone()),
        description: declaration
            .description
            .as_ref()
            .map(|text| text.to_string())
            .or_else(|| setting.as_ref().and_then(description)),
        place: node.map(|node| node.place.clone()),
    }
}

fn undeclared(setting: &Setting) -> Parameter {
    Parameter {
        content: content(&setting.entry.value, looks_secret(&setting.entry.key)),
        is_default: false,
        declaration: None,
        description: description(setting),
        place: Some(setting.entry.value.place.clone()),
    }
}

fn description(setting: &Setting) -> Option<String> {
    let lines: Vec<&str> = setting
        .comments
        .iter()
        .map(|line| line.trim_start_matches('#').trim())
        .collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn content(node: &Node, secret: bool) -> Content {
    match &node.kind {
        Kind::Map(entries) if !secret => Content::Map(
            entries
                .iter()
                .map(|entry| {
                    let inner = content(&entry.value, looks_secret(&entry.key));
                    (Arc::clone(&entry.key), inner)
                })
                .collect(),
        ),
        Kind::Scalar { text, .. } if secret && !text.is_empty() => {
            Content::Secret(SecretSource::parse(text))
        }
        Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
            plain_or_secret(&node.to_value(), secret)
        }
    }
}

fn plain_or_secret(value: &Value, secret: bool) -> Content {
    match value {
        // An empty secret says that there is none.
        Value::Text(text) if secret && !text.is_empty() => {
            Content::Secret(SecretSource::parse(text))
        }
        Value::List(_) | Value::Map(_) if secret => Content::Missing,
        Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => Content::Plain(value.clone()),
    }
}
