//! `opsbro explain dns`

use api::client::With;
use api::dns::{EXPLAIN, Explained};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Explain who is in the answer to a name, who is left out, and why
///
/// The exit code is 0 when somebody is in the answer, and 1 when nobody is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Dns {
    /// The name, with or without the domain
    name: String,
}

const EXAMPLES: &str = "Examples:
  opsbro explain dns web.service
  opsbro explain dns linux.group.local.opsbro -o json";

impl Dns {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let query = [("name", self.name.as_str())];
        let with = With {
            query: &query,
            ..With::default()
        };
        let explained: Explained = program.get(&EXPLAIN, with)?;
        let exit = Exit::when(explained.is_answered);
        program.printer.show(&Shown(explained))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Explained);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(explained) = self;
        page.title(&explained.name);
        page.line(format!(" {}", explained.summary));
        for member in &explained.members {
            let mark = match member.is_in {
                true => "√".green().to_string(),
                false => "Х".red().to_string(),
            };
            let port = member.port.map(|it| format!(":{it}")).unwrap_or_default();
            page.line(format!(
                " {mark} {} {}{port}  {}: {}",
                member.node.bold(),
                member.addresses.join(","),
                member.verdict,
                member.reason
            ));
        }
    }
}
