//! `opsbro internal`: what the project itself needs.

use clap::{Args, Subcommand, ValueEnum};
use daemon::configuration::keys;

use crate::failure::{Exit, Failure, Outcome};
use crate::manual;
use crate::program::Program;

/// What the project itself needs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Internal {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  opsbro internal docs manual > docs/manual.md";

#[derive(Debug, Subcommand)]
enum Verb {
    Docs(Docs),
}

/// Print a page that is made from the code
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Docs {
    /// The page
    page: DocsPage,
}

/// A page that is made from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocsPage {
    /// All commands with their help, as markdown
    Manual,
    /// The configuration with its defaults
    AgentYml,
    /// The routes, as an OpenAPI document
    Openapi,
}

impl Internal {
    pub(crate) fn run(self, program: &Program) -> Outcome {
        match self.verb {
            Verb::Docs(docs) => {
                program.printer.raw(&text(docs.page)?)?;
                Ok(Exit::Yes)
            }
        }
    }
}

fn text(page: DocsPage) -> Result<String, Failure> {
    match page {
        DocsPage::Manual => Ok(manual::markdown()),
        DocsPage::AgentYml => Ok(keys::default_file()),
        DocsPage::Openapi => serde_json::to_string_pretty(&api::openapi::document())
            .map(|text| text + "\n")
            .map_err(|error| Failure::new(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Compares a page with the file in the repository; `UPDATE_GOLDEN=1` writes it instead.
    fn check(page: DocsPage, file: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(file);
        let expect = text(page).unwrap();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            store::file::make_dir(path.parent().unwrap(), 0o755).unwrap();
            let access = store::file::Access::Mode(0o644);
            store::file::replace(&path, expect.as_bytes(), access).unwrap();
            return;
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expect,
            "{file} does not say what the code says; run: UPDATE_GOLDEN=1 cargo test -p opsbro"
        );
    }

    #[test]
    fn the_manual_is_that_of_the_commands() {
        check(DocsPage::Manual, "docs/manual.md");
    }

    #[test]
    fn the_installed_configuration_is_the_defaults() {
        check(DocsPage::AgentYml, "etc/agent.yml");
    }

    #[test]
    fn the_openapi_document_is_the_route_table() {
        check(DocsPage::Openapi, "docs/openapi.json");
    }
}
