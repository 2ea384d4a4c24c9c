//! Where the data of a collector comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::Root;

use crate::expression::{RawText, Setting};
use crate::fields::{Fields, UnknownKeys, unknown_word};
use crate::parameters::Parameters;
use crate::yaml::{Entry, Node};

/// Where data comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A collector built into the program.
    Native {
        /// Its name.
        name: Arc<str>,
        /// What it is told.
        options: BTreeMap<Arc<str>, Setting>,
    },
    /// A program.
    Command {
        /// The program and its arguments; one text for the shell when `shell` is set.
        arguments: Vec<RawText>,
        /// True when the shell reads it.
        shell: bool,
        /// Variables of its environment, which others cannot see as they see arguments.
        environment: BTreeMap<Arc<str>, Setting>,
    },
    /// An HTTP GET, or a POST when there is a body.
    Http {
        /// The URL.
        url: RawText,
        /// Headers by name.
        headers: BTreeMap<Arc<str>, Setting>,
        /// User of basic authentication.
        user: Option<RawText>,
        /// Its password.
        password: Option<RawText>,
        /// What is posted.
        body: Option<RawText>,
    },
    /// A TCP connection.
    Tcp {
        /// `host:port`.
        address: RawText,
        /// The talk on it.
        talk: Talk,
    },
    /// A stream on a unix socket.
    Unix {
        /// The path of the socket.
        path: RawText,
        /// The talk on it.
        talk: Talk,
    },
    /// A file, or each file that a pattern with `*` names.
    File {
        /// The path.
        path: RawText,
    },
    /// A database.
    Sql {
        /// Which protocol.
        engine: SqlEngine,
        /// How to reach it: `address` or `socket`, `user`, `password`, `database`.
        connection: BTreeMap<Arc<str>, Setting>,
        /// Statements by the name that their rows get.
        queries: Vec<(Arc<str>, Arc<str>)>,
    },
}

/// What is sent, and when the answer is complete.
#[derive(Clone, Debug)]
pub struct Talk {
    /// What is sent first.
    pub send: Option<RawText>,
    /// When the answer is complete.
    pub read_until: ReadUntil,
}

/// When an answer is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadUntil {
    /// When the other side closes.
    Close,
    /// When this text was read.
    Text(Arc<str>),
}

/// The protocol of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlEngine {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
}

impl Source {
    /// Gives every raw text, which may hold references.
    pub fn texts(&self) -> Vec<&RawText> {
        let mut texts = Vec::new();
        let mut settings: Option<&BTreeMap<Arc<str>, Setting>> = None;
        match self {
            Self::Native { options, .. } => settings = Some(options),
            Self::Command {
                arguments,
                environment,
                ..
            } => {
                texts.extend(arguments);
                settings = Some(environment);
            }
            Self::Http {
                url,
                headers,
                user,
                password,
                body,
            } => {
                texts.push(url);
                texts.extend([user, password, body].into_iter().flatten());
                settings = Some(headers);
            }
            Self::Tcp { address, talk } => {
                texts.push(address);
                texts.extend(&talk.send);
            }
            Self::Unix { path, talk } => {
                texts.push(path);
                texts.extend(&talk.send);
            }
            Self::File { path } => texts.push(path),
            Self::Sql { connection, .. } => settings = Some(connection),
        }
        for setting in settings.into_iter().flat_map(BTreeMap::values) {
            setting.each_text(&mut |text| texts.push(text));
        }
        texts
    }
}

const SOURCES: [&str; 7] = ["native", "command", "http", "tcp", "unix", "file", "sql"];

/// Reads `source:`.
pub(super) fn read(node: &Node, outer: &mut Fields<'_>, parameters: &Parameters) -> Option<Source> {
    let [entry] = node.entries().unwrap_or_default() else {
        outer.report.error(
            &node.place,
            "a source is one key: its kind",
            &format!("one of: {}", SOURCES.join(", ")),
        );
        return None;
    };
    match &*entry.key {
        "native" => native(entry, outer),
        "command" => command(entry, outer, parameters),
        "http" => http(entry, outer),
        "tcp" => {
            let mut fields = Fields::of(entry, "tcp", outer.report)?;
            let address = fields.required_raw_text("address");
            let talk = talk(&mut fields);
            fields.finish(UnknownKeys::Refuse);
            Some(Source::Tcp {
                address: address?,
                talk,
            })
        }
        "unix" => {
            let mut fields = Fields::of(entry, "unix", outer.report)?;
            let path = fields.required_raw_text("path");
            let talk = talk(&mut fields);
            fields.finish(UnknownKeys::Refuse);
            Some(Source::Unix { path: path?, talk })
        }
        "file" => {
            let path = match entry.value.text() {
                Some(_) => RawText::compile(&entry.value, outer.report),
                None => {
                    let mut fields = Fields::of(entry, "file", outer.report)?;
                    let path = fields.required_raw_text("path");
                    fields.finish(UnknownKeys::Refuse);
                    path
                }
            };
            Some(Source::File { path: path? })
        }
        "sql" => sql(entry, outer),
        other => {
            outer
                .report
                .push(unknown_word(&entry.key_place, "a source", other, &SOURCES));
            None
        }
    }
}

fn native(entry: &Entry, outer: &mut Fields<'_>) -> Option<Source> {
    if let Some(name) = entry.value.text() {
        return Some(Source::Native {
            name: Arc::clone(name),
            options: BTreeMap::new(),
        });
    }
    let mut fields = Fields::of(entry, "native", outer.report)?;
    let name = fields.required_text("name");
    let options = fields.settings("options");
    fields.finish(UnknownKeys::Refuse);
    Some(Source::Native {
        name: name?,
        options,
    })
}

/// `command: [program, argument]`, or `command: {run: […], environment: {…}}`, or
/// `command: {shell: "…"}`.
fn command(entry: &Entry, outer: &mut Fields<'_>, parameters: &Parameters) -> Option<Source> {
    if let Some(items) = entry.value.items() {
        return program(items, &entry.value, BTreeMap::new(), outer, parameters);
    }
    if entry.value.text().is_some() {
        outer.report.error(
            &entry.value.place,
            "a command is a list: the program and its arguments",
            "write `command: [program, argument]`, or `command: {shell: \"…\"}` for a shell",
        );
        return None;
    }
    let mut fields = Fields::of(entry, "command", outer.report)?;
    let environment = fields.settings("environment");
    let run = fields.node("run");
    let source = match run {
        Some(run) => {
            let items = fields.items("run");
            program(items, run, environment, &mut fields, parameters)
        }
        None => shell(&mut fields, environment),
    };
    fields.finish(UnknownKeys::Refuse);
    source
}

/// A shell reads each sign of its line, so a line is what the author wrote and nothing else. Values
/// come by the environment, where they are words whatever they hold.
fn shell(fields: &mut Fields<'_>, environment: BTreeMap<Arc<str>, Setting>) -> Option<Source> {
    let line = fields.required_raw_text("shell")?;
    if let Some((reference, place)) = line.references().next() {
        let message = format!("a line for the shell cannot hold {{{{{reference}}}}}");
        let hint = format!(
            "write \"$VALUE\" in the line, and `environment: {{VALUE: \"{{{{{reference}}}}}\"}}`"
        );
        fields.report.error(&place, message, &hint);
        return None;
    }
    Some(Source::Command {
        arguments: vec![line],
        shell: true,
        environment,
    })
}

/// What was measured could become an option of the program, and arguments are read by whoever may
/// list processes.
fn program(
    items: &[Node],
    node: &Node,
    environment: BTreeMap<Arc<str>, Setting>,
    fields: &mut Fields<'_>,
    parameters: &Parameters,
) -> Option<Source> {
    let report = &mut *fields.report;
    if items.is_empty() {
        report.error(&node.place, "the command is empty", "name a program");
    }
    let arguments: Vec<RawText> = items
        .iter()
        .filter_map(|item| RawText::compile(item, report))
        .collect();
    for (reference, place) in arguments.iter().flat_map(RawText::references) {
        let why = match reference.root {
            Root::Parameters if !parameters.is_secret(reference) => continue,
            Root::Parameters => "is a secret, and others can read arguments",
            Root::Collector | Root::Variables | Root::Configuration | Root::Node | Root::Item => {
                "is no parameter, and could become an option of the program"
            }
        };
        let message = format!("{{{{{reference}}}}} {why}");
        report.error(&place, message, "give it in `environment` of the command");
        return None;
    }
    Some(Source::Command {
        arguments,
        shell: false,
        environment,
    })
}

/// `http: "http://…"`, or `http: {url: …, headers: …}`.
fn http(entry: &Entry, outer: &mut Fields<'_>) -> Option<Source> {
    if entry.value.text().is_some() {
        return Some(Source::Http {
            url: RawText::compile(&entry.value, outer.report)?,
            headers: BTreeMap::new(),
            user: None,
            password: None,
            body: None,
        });
    }
    let mut fields = Fields::of(entry, "http", outer.report)?;
    let url = fields.required_raw_text("url");
    let headers = fields.settings("headers");
    let user = fields.raw_text("user");
    let password = fields.raw_text("password");
    let body = fields.raw_text("body");
    fields.finish(UnknownKeys::Refuse);
    Some(Source::Http {
        url: url?,
        headers,
        user,
        password,
        body,
    })
}

fn talk(fields: &mut Fields<'_>) -> Talk {
    let send = fields.raw_text("send");
    let read_until = match fields.text("read_until") {
        None => ReadUntil::Close,
        Some(word) if &*word == "close" => ReadUntil::Close,
        Some(word) if &*word == "line" => ReadUntil::Text(Arc::from("\n")),
        Some(text) => ReadUntil::Text(text),
    };
    Talk { send, read_until }
}

fn sql(entry: &Entry, outer: &mut Fields<'_>) -> Option<Source> {
    let mut fields = Fields::of(entry, "sql", outer.report)?;
    fields.required("engine");
    let engine = fields.choice(
        "engine",
        &[
            ("mysql", SqlEngine::Mysql),
            ("postgresql", SqlEngine::Postgresql),
        ],
    );
    let mut connection = BTreeMap::new();
    for key in ["address", "socket", "user", "password", "database"] {
        let setting = fields
            .node(key)
            .and_then(|node| Setting::compile(node, fields.report));
        connection.extend(setting.map(|setting| (Arc::from(key), setting)));
    }
    fields.required("queries");
    let queries = fields
        .entries("queries")
        .iter()
        .filter_map(|query| Some((Arc::clone(&query.key), Arc::clone(query.value.text()?))))
        .collect();
    fields.finish(UnknownKeys::Refuse);
    Some(Source::Sql {
        engine: engine?,
        connection,
        queries,
    })
}
