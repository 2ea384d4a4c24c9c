//! `opsbro token`: who may call the API over TCP.

use api::client::With;
use api::tokens::{CREATE, CreatedToken, LIST, NewToken, REVOKE};
use clap::{Args, Subcommand};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Say who may call the agent over TCP
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro token create --role read --note grafana
  opsbro token list
  opsbro token revoke 3f2a";

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token and print it, once
///
/// The agent keeps only a hash of it: a token that is lost cannot be shown again.
#[derive(Debug, Args)]
#[command(after_help = CREATE_EXAMPLES)]
struct Create {
    /// What it may do: read, operate (also run what packs define) or admin (everything)
    #[arg(long, value_parser = role)]
    role: api::Role,
    /// What it is for, to be recognised in the list
    #[arg(long, default_value = "")]
    note: String,
}

const CREATE_EXAMPLES: &str = "Examples:
  opsbro token create --role read --note grafana
  TOKEN=$(opsbro token create --role operate --note deploy)
  curl -H \"Authorization: Bearer $TOKEN\" http://server:6768/agent/info";

fn role(word: &str) -> Result<api::Role, String> {
    api::Role::parse(word).ok_or_else(|| {
        let roles = api::Role::ALL.map(api::Role::as_str).join(", ");
        match model::nearest(word, api::Role::ALL.map(api::Role::as_str)) {
            Some(near) => format!("did you mean {near}? (the roles are {roles})"),
            None => format!("the roles are {roles}"),
        }
    })
}

/// List the tokens, without their secrets
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {}

const LIST_EXAMPLES: &str = "Examples:
  opsbro token list
  opsbro token list -o json";

/// Take a token back, at once
#[derive(Debug, Args)]
#[command(after_help = REVOKE_EXAMPLES)]
struct Revoke {
    /// The id of the token, as the list shows it
    #[arg(add = complete::tokens())]
    id: String,
}

const REVOKE_EXAMPLES: &str = "Examples:
  opsbro token revoke 3f2a";

impl Token {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Create(create) => {
                let asked = NewToken {
                    role: create.role,
                    note: create.note,
                };
                let created: CreatedToken = program.send(&CREATE, With::default(), &asked)?;
                program.printer.show(&Created(created))?;
                program
                    .printer
                    .say("It is shown only this once; keep it like a password.");
            }
            Verb::List(List {}) => {
                let tokens: Vec<api::tokens::Token> = program.get(&LIST, With::default())?;
                if tokens.is_empty() && !program.printer.is_for_programs() {
                    program
                        .printer
                        .say("There is no token: only this machine may call the agent.");
                }
                program.printer.show(&Tokens(tokens))?;
            }
            Verb::Revoke(revoke) => {
                let with = With {
                    path: &[&revoke.id],
                    ..With::default()
                };
                program
                    .printer
                    .show(&Revoked(program.get(&REVOKE, with)?))?;
            }
        }
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Created(CreatedToken);

impl Answer for Created {
    fn text(&self, page: &mut Page) {
        page.line(&self.0.token);
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Tokens(Vec<api::tokens::Token>);

impl Answer for Tokens {
    fn text(&self, page: &mut Page) {
        let row = |token: &api::tokens::Token| {
            vec![
                token.id.bold().to_string(),
                token.role.to_string(),
                token.created_at.clone(),
                token.note.clone(),
            ]
        };
        let rows: Vec<_> = self.0.iter().map(row).collect();
        if !rows.is_empty() {
            page.table(&["id", "role", "created", "note"], &rows);
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Revoked(api::tokens::Token);

impl Answer for Revoked {
    fn text(&self, page: &mut Page) {
        page.line(format!(
            "{} the token {} is revoked",
            "√".green(),
            self.0.id.bold()
        ));
    }
}
