//! A database: simple statements, their rows as values.
//!
//! Two small clients of our own, since all that is wanted is a login and a few statements in the
//! text protocol: no pool, no prepared statement, no TLS. What is sent is bounded by a deadline;
//! what comes is bounded in bytes, rows and columns, and read with suspicion.

mod mysql;
mod postgresql;
mod rows;
mod scram;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Secret, Value};

use super::stream::{connect_unix, host_and_port};
use crate::collectors::Trouble;
use crate::network::TimedStream;
use crate::{Deadline, Error};

/// Which database to ask what.
#[derive(Clone, Debug)]
pub struct Sql {
    /// The protocol.
    pub engine: Engine,
    /// `host:port`; not used when there is a socket.
    pub address: String,
    /// The path of a unix socket; empty to go over TCP. For PostgreSQL it may be the folder.
    pub socket: String,
    /// Who logs in.
    pub user: String,
    /// The password; empty for none.
    pub password: Secret,
    /// The database; empty for none (MySQL) or that of the user's name (PostgreSQL).
    pub database: String,
    /// Statements by the name that their rows get. One whose name ends with `?` may be refused by
    /// the server (an old version, a missing right): then there is none of it.
    pub queries: Vec<(String, String)>,
}

/// The protocol of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
}

impl Sql {
    /// Logs in, asks each statement, and gives the rows by the names of the statements.
    pub(super) fn ask(&self, deadline: Deadline) -> Result<Value, Trouble> {
        let stream = self.connect(deadline)?;
        let mut answers: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        match self.engine {
            Engine::Mysql => {
                let mut session = mysql::Session::open(stream, self)?;
                for (name, statement) in &self.queries {
                    let (name, answer) = answer(name, session.query(statement))?;
                    answers.insert(name, answer);
                }
                session.close();
            }
            Engine::Postgresql => {
                let mut session = postgresql::Session::open(stream, self)?;
                for (name, statement) in &self.queries {
                    let (name, answer) = answer(name, session.query(statement))?;
                    answers.insert(name, answer);
                }
                session.close();
            }
        }
        Ok(Value::Map(Arc::new(answers)))
    }

    fn connect(&self, deadline: Deadline) -> Result<TimedStream, Trouble> {
        if self.socket.is_empty() {
            let (host, port) = host_and_port(&self.address)?;
            return Ok(TimedStream::connect(host, port, deadline)?);
        }
        let path = match self.engine {
            Engine::Postgresql if !self.socket.contains(".s.PGSQL.") => {
                let folder = self.socket.trim_end_matches('/');
                format!("{folder}/.s.PGSQL.{}", self.port().unwrap_or(5432))
            }
            Engine::Mysql | Engine::Postgresql => self.socket.clone(),
        };
        connect_unix(&path, deadline)
    }

    fn port(&self) -> Option<u16> {
        self.address.rsplit_once(':')?.1.parse().ok()
    }

    /// Names the server in errors.
    fn shown(&self) -> String {
        let engine = match self.engine {
            Engine::Mysql => "MySQL",
            Engine::Postgresql => "PostgreSQL",
        };
        let place = if self.socket.is_empty() {
            &self.address
        } else {
            &self.socket
        };
        format!("the {engine} server at {place}")
    }

    /// Makes the trouble of a login that was refused.
    fn refused(&self, message: &str) -> Trouble {
        Trouble::missing_configuration(
            format!("{} refuses the login: {message}", self.shown()),
            "set user and password among the parameters of the pack to an account that may log in \
             from here",
        )
    }
}

/// Why a statement gave no rows.
enum Refusal {
    /// The server does not want to; the connection is as good as before.
    Statement(Error),
    /// The connection cannot be used any more.
    Connection(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

/// Gives what a statement gave under its name.
fn answer(name: &str, result: Result<Value, Refusal>) -> Result<(Arc<str>, Value), Error> {
    let (name, may_fail) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    };
    match result {
        Ok(value) => Ok((Arc::from(name), value)),
        Err(Refusal::Statement(_)) if may_fail => Ok((Arc::from(name), Value::None)),
        Err(Refusal::Statement(error) | Refusal::Connection(error)) => Err(error),
    }
}
