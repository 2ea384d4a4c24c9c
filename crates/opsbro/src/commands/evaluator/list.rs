//! `opsbro evaluator list`

use std::collections::BTreeMap;

use api::evaluator::Function;
use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::complete;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// List the functions of the expression language
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Only this function, with its details
    #[arg(add = complete::functions())]
    name: Option<String>,
    /// Also show what each does, with examples
    #[arg(long)]
    details: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro evaluator list
  opsbro evaluator list --details
  opsbro evaluator list file_exists";

impl List {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let mut functions = daemon::evaluation::functions();
        if let Some(name) = &self.name {
            let names: Vec<String> = functions.iter().map(|it| it.name.clone()).collect();
            functions.retain(|function| function.name == *name);
            if functions.is_empty() {
                let failure = Failure::usage(format!("there is no function `{name}`"));
                return Err(
                    match model::nearest(name, names.iter().map(String::as_str)) {
                        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                        None => failure.with_hint("opsbro evaluator list names them all"),
                    },
                );
            }
        }
        let details = self.details || self.name.is_some();
        program.printer.show(&Functions { functions, details })?;
        Ok(Exit::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Functions {
    functions: Vec<Function>,
    #[serde(skip)]
    details: bool,
}

impl Answer for Functions {
    fn text(&self, page: &mut Page) {
        let mut groups: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
        for function in &self.functions {
            groups.entry(&function.group).or_default().push(function);
        }
        for (at, (group, functions)) in groups.iter().enumerate() {
            if at > 0 {
                page.blank();
            }
            page.title(group);
            for function in functions {
                page.line(signature(function));
                if self.details {
                    details(page, function);
                }
            }
        }
    }
}

fn details(page: &mut Page, function: &Function) {
    for line in function.doc.lines() {
        page.line(format!("    {line}"));
    }
    if function.touches_machine {
        page.line("    It looks at the machine, and so runs in a time box.".dimmed());
    }
    for (expression, result) in &function.examples {
        page.line(format!("    {} → {result}", expression.cyan()));
    }
}

/// Writes a function as it is called, as `get_horizontal_bar(value, width=80)`.
fn signature(function: &Function) -> String {
    let argument = |(name, default): &(String, String)| match default.as_str() {
        "__NO_DEFAULT__" => name.clone(),
        default => format!("{name}={default}"),
    };
    let arguments: Vec<String> = function.prototype.iter().map(argument).collect();
    format!("{}({})", function.name.green(), arguments.join(", "))
}
