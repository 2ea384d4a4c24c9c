//! `opsbro evaluator eval`

use api::Problem;
use api::evaluator::{Evaluate, Evaluated, Explanation};
use clap::Args;
use model::{Diagnostic, Place};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::{By, evaluate};
use crate::failure::{Exit, Outcome};
use crate::output::{Answer, Page, cut};
use crate::program::Program;

/// Evaluate an expression on this node
///
/// The value is the last line. The exit code is 0 when there is a value (of whatever truth), 1 when
/// it is unknown, 2 when the expression is wrong. Without an agent only the configuration and the
/// machine are known.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Eval {
    /// The expression
    #[arg(allow_hyphen_values = true)]
    expr: String,
    /// Show how the value came about: each part with its value and where it came from
    #[arg(long)]
    explain: bool,
}

const EXAMPLES: &str = "Examples:
  opsbro evaluator eval \"1 + 1\"
  opsbro evaluator eval \"{{collector.memory.phys_used}} > 80\" --explain
  opsbro evaluator eval \"'web' in {{node.groups}}\" -o json";

impl Eval {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let request = Evaluate {
            expr: self.expr,
            explain: self.explain,
        };
        let (evaluated, by) = evaluate(program, &request)?;
        if by == By::Ourselves && !program.printer.is_for_programs() {
            program
                .printer
                .say("No agent is running: only the configuration is known.");
        }
        let exit = match (&evaluated.error, &evaluated.unknown) {
            (Some(_), _) => Exit::Failed,
            (None, Some(_)) => Exit::No,
            (None, None) => Exit::Yes,
        };
        match &evaluated.error {
            Some(problem) if !program.printer.is_for_programs() => {
                program
                    .printer
                    .say(pointed_at(problem, &request.expr).trim_end());
            }
            Some(_) | None => program.printer.show(&Shown(evaluated))?,
        }
        Ok(exit)
    }
}

/// How an outcome begins that is not known.
const UNKNOWN: &str = "unknown: ";

/// Renders what is wrong with the expression, with a caret under it.
pub(super) fn pointed_at(problem: &Problem, expr: &str) -> String {
    let place = Place::new(
        "expression",
        problem.line.unwrap_or(1),
        problem.column.unwrap_or(1),
    );
    let mut diagnostic = Diagnostic::error(place, &*problem.message).with_source(expr);
    diagnostic.hint.clone_from(&problem.hint);
    diagnostic.render()
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Evaluated);

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self(evaluated) = self;
        if let Some(explanation) = &evaluated.explanation {
            let mut rows = Vec::new();
            tree(explanation, "", "", &mut rows);
            page.table(&[], &rows);
            page.blank();
        }
        if let Some(reason) = &evaluated.unknown {
            page.line(format!("{} {reason}", "unknown:".yellow()));
        }
        if let Some(text) = &evaluated.text {
            page.line(text);
        }
    }
}

/// Draws the parts below each other: `lead` stands before this part, `below` before those under it.
///
/// Each is one line, however long its value is. What is unknown has its reason where it came from,
/// at the part that has no unknown one below it, in the place of the source.
pub(in crate::commands) fn tree(
    part: &Explanation,
    lead: &str,
    below: &str,
    rows: &mut Vec<Vec<String>>,
) {
    let source = part.source.as_ref().map(|from| format!("({from})"));
    let mut beside = source.unwrap_or_default();
    let mut outcome = cut(&part.outcome);
    if let Some(reason) = part.outcome.strip_prefix(UNKNOWN) {
        UNKNOWN
            .trim_end_matches([':', ' '])
            .clone_into(&mut outcome);
        let is_from_below = |inner: &Explanation| inner.outcome.starts_with(UNKNOWN);
        if !part.parts.iter().any(is_from_below) {
            reason.clone_into(&mut beside);
        }
    }
    rows.push(vec![
        format!("{}{}", lead.dimmed(), part.text),
        format!("→ {}", outcome.green()),
        match beside.is_empty() {
            true => beside,
            false => beside.dimmed().to_string(),
        },
    ]);
    for (at, inner) in part.parts.iter().enumerate() {
        let is_last = at + 1 == part.parts.len();
        let (branch, rest) = if is_last {
            ("└ ", "  ")
        } else {
            ("├ ", "│ ")
        };
        tree(
            inner,
            &format!("{below}{branch}"),
            &format!("{below}{rest}"),
            rows,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::text_of;

    fn part(text: &str, outcome: &str, parts: Vec<Explanation>) -> Explanation {
        Explanation {
            text: text.to_owned(),
            outcome: outcome.to_owned(),
            source: None,
            parts,
        }
    }

    fn drawn(explanation: &Explanation) -> String {
        let mut rows = Vec::new();
        tree(explanation, "", "", &mut rows);
        let mut page = Page::new(None);
        page.table(&[], &rows);
        page.plain()
    }

    #[test]
    fn a_value_of_many_lines_and_colours_stays_in_its_row() {
        let donut = format!("\u{1b}[38;5;134m⣠⣤\u{1b}[0m  \n{}", "⣿".repeat(500));
        let text = drawn(&part("get_donut(1)", &donut, vec![part("1", "1", vec![])]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].starts_with("get_donut(1)  → ⣠⣤   ⣿"), "{text}");
        assert!(lines[0].ends_with('…') && lines[0].chars().count() < 100);
    }

    #[test]
    fn the_reason_of_the_unknown_is_told_once_where_it_came_from() {
        let unknown = |text: &str, parts| part(text, "unknown: x is missing (y)", parts);
        let explanation = unknown(
            "{{x}} > 1",
            vec![unknown("{{x}}", vec![]), part("1", "1", vec![])],
        );
        let expect = "\
{{x}} > 1  → unknown
├ {{x}}    → unknown  x is missing (y)
└ 1        → 1
";
        assert_eq!(drawn(&explanation), expect);
    }

    #[test]
    fn an_explanation_is_a_tree_with_the_value_last() {
        let left = part(
            "1 + 1",
            "2",
            vec![part("1", "1", vec![]), part("1", "1", vec![])],
        );
        let explanation = part("1 + 1 > 3", "False", vec![left, part("3", "3", vec![])]);
        let evaluated = Evaluated {
            text: Some("False".to_owned()),
            explanation: Some(explanation),
            ..Evaluated::default()
        };
        let text = text_of(&Shown(evaluated));
        let expect = "\
1 + 1 > 3  → False
├ 1 + 1    → 2
│ ├ 1      → 1
│ └ 1      → 1
└ 3        → 3

False
";
        assert_eq!(text, expect);
    }
}
