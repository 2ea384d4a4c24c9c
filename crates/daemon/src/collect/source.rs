//! From the texts of a pack to a request, from a request to an answer, from an answer to a value.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drivers::sources::{self, Answer, Engine, Request, Until};
use drivers::{Deadline, collectors as natives};
use expr::{Env, Reference, Root};
use model::{Secret, Value, limits};
use packs::collector::{Collector, Format, ReadUntil, Source, SqlEngine, Talk};
use packs::parameters::SecretSource;
use packs::{RawText, Scope, Setting};
use rules::collectors::Trouble;
use rules::facts::State;
use rules::formats::Parser;

use super::steps::Steps;
use super::unusable;
use crate::agent::Agent;
use crate::evaluation::World;

/// Asks the source of a collector, and reads its answer.
pub(super) fn collect(
    agent: &Agent,
    pack: &Collector,
    parser: &Parser,
    timeout: Duration,
    steps: &mut Steps,
    bytes: &mut u64,
) -> Result<Value, Trouble> {
    let deadline = Deadline::after(timeout);
    let world = World::of(agent);
    let scope = scope(agent, &world, pack)?;
    let request = request(pack, &scope)?;
    let what = if steps.are_noted() {
        shown(pack, &world)
    } else {
        String::new()
    };
    let answer = steps.take("source", what, || {
        sources::collect(agent.machine.host(), &request, deadline)
            .map_err(|error| advised(pack, trouble(error)))
    })?;
    *bytes = answer.bytes_len() as u64;
    let read = |bytes: &[u8]| {
        if let Some(refused) = refused(pack, bytes) {
            return Err(refused);
        }
        parser
            .parse(bytes)
            .map_err(|error| Trouble::failed(error.to_string()))
    };
    match answer {
        Answer::Values(value) => Ok(value),
        Answer::Bytes(bytes) => steps.take("format", word(&pack.format), || {
            read(&bytes).map(|value| as_map(pack, value))
        }),
        Answer::Files(files) => steps.take("format", word(&pack.format), || {
            let read = |(path, bytes): &(String, Vec<u8>)| Ok((path.clone(), read(bytes)?));
            let values: Result<Vec<(String, Value)>, Trouble> = files.iter().map(read).collect();
            values.map(Value::map)
        }),
    }
}

/// Says where to look when a source gives nothing and nobody knows more.
fn advised(pack: &Collector, trouble: Trouble) -> Trouble {
    if trouble.state != State::Error || !trouble.todo.is_empty() {
        return trouble;
    }
    let asks = |(reference, _): (&Reference, _)| reference.root == Root::Parameters;
    let mut texts = pack.source.texts().into_iter();
    let parameters = match texts.any(|text| text.references().any(asks)) {
        true => format!(", opsbro packs show {} where it asks", pack.home.pack),
        false => String::new(),
    };
    let name = &pack.name;
    let todo = format!("opsbro collectors run {name} --explain shows each step{parameters}");
    Trouble {
        todo: Arc::from(todo),
        ..trouble
    }
}

/// Finds the line by which a server says that a setting is missing, and tells what to do.
fn refused(pack: &Collector, bytes: &[u8]) -> Option<Trouble> {
    if pack.refusals.is_empty() {
        return None;
    }
    bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let begins = |(start, _): &&(Arc<str>, Arc<str>)| line.starts_with(start.as_bytes());
        let (_, todo) = pack.refusals.iter().find(begins)?;
        let said: String = String::from_utf8_lossy(line)
            .trim_end()
            .chars()
            .filter(|letter| !letter.is_control())
            .take(REFUSAL_LETTERS_MAX)
            .collect();
        Some(Trouble {
            state: State::MissingConfiguration,
            reason: Arc::from(format!("the server says: {said}")),
            todo: Arc::clone(todo),
        })
    })
}

/// What is shown of a refusal: its first sentence or two.
const REFUSAL_LETTERS_MAX: usize = 200;

/// A collector gives names with values; what is read as one text or list has the name `raw`. A
/// script sees it as it is.
fn as_map(pack: &Collector, value: Value) -> Value {
    match (&value, &pack.script) {
        (Value::Map(_), _) | (_, Some(_)) => value,
        (_, None) => Value::map([("raw", value)]),
    }
}

/// Makes the world of the texts of a collector: the parameters of its pack, secrets too.
pub(super) fn scope<'world>(
    agent: &Agent,
    world: &'world World,
    pack: &Collector,
) -> Result<Scope<'world>, Trouble> {
    let parameters = Arc::clone(&pack.home.parameters);
    let opened = parameters.open(&|source| resolve(agent, source));
    // Only what the texts name must be there; a secret that nobody asks for may be missing.
    let scope = Scope::new(world, Arc::clone(&parameters)).with_secrets(opened.values);
    for text in pack.source.texts() {
        for (reference, _) in text.references() {
            let is_missing = reference.root == Root::Parameters
                && !reference.has_default
                && scope.reference(reference).is_err();
            if is_missing {
                let key = reference.to_string();
                let key = key.strip_prefix("parameters.").unwrap_or(&key).to_owned();
                let why = opened.problems.first().cloned();
                return Err(Trouble {
                    state: State::MissingConfiguration,
                    reason: why
                        .unwrap_or_else(|| format!("the parameter {key} is not set"))
                        .into(),
                    todo: Arc::from(format!(
                        "opsbro packs parameters set {}.{}.{key} VALUE",
                        pack.home.level, pack.home.pack
                    )),
                });
            }
        }
    }
    Ok(scope)
}

/// Looks up a secret that is kept elsewhere.
pub(crate) fn resolve(agent: &Agent, source: &SecretSource) -> Result<Secret, String> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.clone()),
        SecretSource::Environment(name) => std::env::var(&**name)
            .map(Secret::new)
            .map_err(|_| format!("the agent's environment has no variable {name}")),
        SecretSource::File(path) => {
            let deadline = Deadline::after(SECRET_TIME_BOX);
            let (host, most) = (agent.machine.host(), limits::SECRET_FILE_BYTES_MAX);
            let text = drivers::files::read_text(host, path, most, deadline)
                .map_err(|error| error.to_string())?;
            Ok(Secret::new(text.lines().next().unwrap_or_default()))
        }
    }
}

/// Time box of reading a small file with a secret.
const SECRET_TIME_BOX: Duration = Duration::from_secs(2);

/// Fills the texts of a source in.
fn request(pack: &Collector, scope: &Scope<'_>) -> Result<Request, Trouble> {
    let fill = |text: &RawText| text.fill(scope).map_err(|failure| unusable(&failure));
    let optional = |text: &Option<RawText>| text.as_ref().map(&fill).transpose();
    Ok(match &pack.source {
        Source::Native { name, .. } => {
            return Err(Trouble::failed(format!("{name} is built in")));
        }
        Source::Command {
            arguments,
            shell,
            environment,
        } => Request::Command(sources::Command {
            arguments: arguments.iter().map(fill).collect::<Result<_, _>>()?,
            shell: *shell,
            environment: secrets(environment, scope)?,
            exit_codes: match pack.format {
                Format::Nagios => vec![0, 1, 2, 3],
                _ => vec![0],
            },
        }),
        Source::Http {
            url,
            headers,
            user,
            password,
            body,
        } => Request::Http(sources::Http {
            url: fill(url)?,
            headers: secrets(headers, scope)?,
            user: optional(user)?.unwrap_or_default(),
            password: Secret::new(optional(password)?.unwrap_or_default()),
            body: optional(body)?,
        }),
        Source::Tcp { address, talk } => Request::Tcp(sources::Tcp {
            address: fill(address)?,
            send: optional(&talk.send)?.unwrap_or_default(),
            until: until(talk),
        }),
        Source::Unix { path, talk } => Request::Unix(sources::Unix {
            path: fill(path)?,
            send: optional(&talk.send)?.unwrap_or_default(),
            until: until(talk),
        }),
        Source::File { path } => Request::File(sources::File { path: fill(path)? }),
        Source::Sql {
            engine,
            connection,
            queries,
        } => Request::Sql(sql(*engine, connection, queries, scope)?),
    })
}

fn sql(
    engine: SqlEngine,
    connection: &BTreeMap<Arc<str>, Setting>,
    queries: &[(Arc<str>, Arc<str>)],
    scope: &Scope<'_>,
) -> Result<sources::Sql, Trouble> {
    let setting = |key: &str| match connection.get(key) {
        Some(setting) => word_of(setting, scope),
        None => Ok(String::new()),
    };
    Ok(sources::Sql {
        engine: match engine {
            SqlEngine::Mysql => Engine::Mysql,
            SqlEngine::Postgresql => Engine::Postgresql,
        },
        address: setting("address")?,
        socket: setting("socket")?,
        user: setting("user")?,
        password: Secret::new(setting("password")?),
        database: setting("database")?,
        queries: queries
            .iter()
            .map(|(name, statement)| (name.to_string(), statement.to_string()))
            .collect(),
    })
}

/// Fills in settings by name that nobody else may see.
fn secrets(
    settings: &BTreeMap<Arc<str>, Setting>,
    scope: &Scope<'_>,
) -> Result<Vec<(String, Secret)>, Trouble> {
    let fill = |(name, setting): (&Arc<str>, &Setting)| {
        Ok((name.to_string(), Secret::new(word_of(setting, scope)?)))
    };
    settings.iter().map(fill).collect()
}

/// Gives a setting that is one word: a text, or a number as it is written.
fn word_of(setting: &Setting, scope: &Scope<'_>) -> Result<String, Trouble> {
    let value = setting.fill(scope).map_err(|failure| unusable(&failure))?;
    match value {
        Value::None => Ok(String::new()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Text(text) => Ok(text.to_string()),
        Value::List(_) | Value::Map(_) => {
            let kind = value.kind();
            Err(Trouble::failed(format!(
                "a setting of the source is a {kind}, not a text"
            )))
        }
    }
}

fn until(talk: &Talk) -> Until {
    match &talk.read_until {
        ReadUntil::Close => Until::Close,
        ReadUntil::Text(text) => Until::Text(text.to_string()),
    }
}

/// Says what a source asks of whom. A text with a secret in it is shown as it is written.
fn shown(pack: &Collector, world: &World) -> String {
    let scope = Scope::new(world, Arc::clone(&pack.home.parameters));
    let fill = |text: &RawText| text.fill(&scope).unwrap_or_else(|_| text.text().to_owned());
    match &pack.source {
        Source::Native { name, .. } => format!("native {name}"),
        Source::Command { arguments, .. } => {
            let arguments: Vec<String> = arguments.iter().map(fill).collect();
            format!("command {}", arguments.join(" "))
        }
        Source::Http { url, .. } => format!("http {}", fill(url)),
        Source::Tcp { address, .. } => format!("tcp {}", fill(address)),
        Source::Unix { path, .. } => format!("unix {}", fill(path)),
        Source::File { path } => format!("file {}", fill(path)),
        Source::Sql { connection, .. } => {
            let at = ["socket", "address"].iter().find_map(|key| {
                let word = word_of(connection.get(*key)?, &scope).ok()?;
                (!word.is_empty()).then_some(word)
            });
            format!("sql {}", at.unwrap_or_default())
        }
    }
}

fn word(format: &Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Nagios => "nagios",
        Format::Prometheus => "prometheus",
        Format::KeyValue { .. } => "key_value",
        Format::Table { .. } => "table",
        Format::Regexp { .. } => "regexp",
        Format::Text => "text",
        Format::Values => "values",
    }
}

/// Says in the words of the rules why a driver gave no data.
pub(super) fn trouble(trouble: natives::Trouble) -> Trouble {
    let (state, reason, todo) = match trouble {
        natives::Trouble::NotEligible { reason, todo } => (State::NotEligible, reason, todo),
        natives::Trouble::MissingConfiguration { reason, todo } => {
            (State::MissingConfiguration, reason, todo)
        }
        natives::Trouble::Failed(error) => (State::Error, error.to_string(), String::new()),
    };
    Trouble {
        state,
        reason: Arc::from(reason),
        todo: Arc::from(todo),
    }
}
