//! From the tree as written to the tree that is evaluated: names, arguments, constants.
//!
//! All mistakes are collected. A part that can never be evaluated (`False and …`) may hold
//! mistakes: they are warnings, as the original never looked at it either.

mod arguments;
mod fold;

use model::{Diagnostic, Severity, limits, nearest};

use crate::Origin;
use crate::datum::Datum;
use crate::function::Function;
use crate::origin::Span;
use crate::path::Path;
use crate::reference::{Reference, Root};
use crate::stop::Fault;
use crate::syntax::{self, Form, Tree};
use crate::tree::{Choice, Clause, Comprehension, Kind, Node, Part};

/// What a checked expression is made of.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) root: Node,
    pub(crate) references: Vec<Reference>,
    pub(crate) functions: Vec<&'static Function>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks a tree.
pub(crate) fn check(tree: Tree, source: &str, origin: &Origin) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker {
        source,
        origin,
        references: Vec::new(),
        functions: Vec::new(),
        diagnostics: Vec::new(),
        variables: Vec::new(),
    };
    let root = checker.node(tree);
    // Thousands of them are kept.
    checker.references.shrink_to_fit();
    checker.functions.shrink_to_fit();
    let (errors, warnings): (Vec<_>, Vec<_>) = checker
        .diagnostics
        .into_iter()
        .partition(Diagnostic::is_error);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Checked {
        root,
        references: checker.references,
        functions: checker.functions,
        warnings,
    })
}

struct Checker<'a> {
    source: &'a str,
    origin: &'a Origin,
    references: Vec<Reference>,
    functions: Vec<&'static Function>,
    diagnostics: Vec<Diagnostic>,
    /// Names of the comprehensions around, the innermost last.
    variables: Vec<String>,
}

impl Checker<'_> {
    fn error(&mut self, span: Span, message: String, hint: Option<String>) {
        let mut diagnostic = self.origin.error(self.source, span, message);
        diagnostic.hint = hint;
        self.diagnostics.push(diagnostic);
    }

    fn fault(&mut self, span: Span, fault: Fault) {
        self.error(fault.span.unwrap_or(span), fault.message, fault.hint);
    }

    fn warning(&mut self, span: Span, message: &str, hint: &str) {
        let warning = self
            .origin
            .warning(self.source, span, message.to_owned())
            .with_hint(hint);
        self.diagnostics.push(warning);
    }

    fn node(&mut self, tree: Tree) -> Node {
        let span = tree.span;
        let kind = self.kind(tree.form, span);
        fold::fold(Node { span, kind })
    }

    fn boxed(&mut self, tree: Tree) -> Box<Node> {
        Box::new(self.node(tree))
    }

    fn nodes(&mut self, trees: Vec<Tree>) -> Box<[Node]> {
        trees.into_iter().map(|tree| self.node(tree)).collect()
    }

    fn kind(&mut self, form: Form, span: Span) -> Kind {
        match form {
            Form::Constant(datum) => Kind::Constant(datum),
            Form::Name => self.name(span),
            Form::Reference {
                path,
                alternative,
                default,
                single_pipe,
            } => self.reference(path, alternative, default, single_pipe),
            Form::Text(parts) => Kind::Text(self.parts(parts)),
            Form::List(items) => Kind::List(self.nodes(items)),
            Form::Tuple(items) => Kind::Tuple(self.nodes(items)),
            Form::Set(items) => self.set(items, span),
            Form::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (self.node(key), self.node(value)))
                    .collect(),
            ),
            Form::Comprehension(comprehension) => self.comprehension(*comprehension),
            Form::Not(operand) => Kind::Not(self.boxed(*operand)),
            Form::Negate(operand) => Kind::Negate(self.boxed(*operand)),
            Form::Affirm(operand) => Kind::Affirm(self.boxed(*operand)),
            Form::Every(operands) => Kind::Every(self.operands(operands, false)),
            Form::Any(operands) => Kind::Any(self.operands(operands, true)),
            Form::Compare(first, rest) => self.compare(*first, rest),
            Form::Chain(first, rest) => {
                let first = self.boxed(*first);
                let rest = rest
                    .into_iter()
                    .map(|(operator, tree)| (operator, self.node(tree)));
                Kind::Chain(first, rest.collect())
            }
            Form::Choice {
                test,
                then,
                otherwise,
            } => Kind::Choice(Box::new(Choice {
                then: self.node(*then),
                test: self.node(*test),
                otherwise: self.node(*otherwise),
            })),
            Form::Index(whole, index) => {
                let whole = self.boxed(*whole);
                Kind::Index(whole, self.boxed(*index))
            }
            Form::Slice(whole, bounds) => {
                let whole = self.boxed(*whole);
                let bounds = bounds.map(|bound| bound.map(|tree| self.node(*tree)));
                Kind::Slice(whole, Box::new(bounds))
            }
            Form::Call { name, arguments } => self.call(name, arguments, span),
            Form::Method {
                receiver,
                name,
                arguments,
            } => self.method(*receiver, name, arguments),
        }
    }

    fn name(&mut self, span: Span) -> Kind {
        let name = span.of(self.source);
        let local = self.variables.iter().rposition(|known| known == name);
        if let Some(local) = local.and_then(|local| u16::try_from(local).ok()) {
            return Kind::Local(local);
        }
        let message = format!("`{name}` is not known");
        let hint = self.hint_for_name(name);
        self.error(span, message, Some(hint));
        Kind::Constant(Datum::None)
    }

    fn hint_for_name(&self, name: &str) -> String {
        if Root::parse(name).is_some() {
            return format!("data stands in double braces: {{{{{name}.…}}}}");
        }
        if Function::find(name).is_some() {
            return format!("a function is called with parentheses: {name}(…)");
        }
        if matches!(name, "null" | "nil" | "none" | "undefined") {
            return "the empty value is written None".to_owned();
        }
        let words = ["True", "False", "None", "and", "or", "not", "in"];
        let known = self.variables.iter().map(String::as_str).chain(words);
        match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a text stands in quotes: '{name}'"),
        }
    }

    fn reference(
        &mut self,
        path: Path,
        alternative: Option<Path>,
        default: Option<Box<Tree>>,
        single_pipe: bool,
    ) -> Kind {
        if single_pipe {
            self.warning(
                path.span,
                "a single `|` stands in front of a second path, and this is none",
                "a default is written with two: {{collector.a.b||0}}",
            );
        }
        let has_default = default.is_some() || alternative.is_some();
        let path = self.add_reference(path, has_default);
        let alternative = alternative.map(|path| self.add_reference(path, default.is_some()));
        Kind::Reference {
            path,
            alternative,
            default: default.map(|tree| self.boxed(*tree)),
        }
    }

    fn add_reference(&mut self, path: Path, has_default: bool) -> u16 {
        self.references.push(Reference {
            root: path.root,
            segments: path.segments.into(),
            place: self.origin.place(self.source, path.span.start),
            has_default,
        });
        // A text of EXPRESSION_BYTES_MAX has no room for more of them than a u16 counts.
        const { assert!(limits::EXPRESSION_BYTES_MAX <= 1 << 16) };
        u16::try_from(self.references.len() - 1).unwrap_or(u16::MAX)
    }

    fn parts(&mut self, parts: Vec<syntax::Part>) -> Box<[Part]> {
        parts
            .into_iter()
            .map(|part| match part {
                syntax::Part::Text(text) => Part::Text(text.into()),
                syntax::Part::Hole {
                    value,
                    conversion,
                    spec,
                } => Part::Hole {
                    value: self.node(value),
                    conversion,
                    spec: self.parts(spec),
                },
            })
            .collect()
    }

    fn set(&mut self, items: Vec<Tree>, span: Span) -> Kind {
        // `{collector.x.y} == False`: the braces of a reference, halved.
        let written = span.of(self.source);
        let word = written
            .trim_start_matches('{')
            .split('.')
            .next()
            .unwrap_or("");
        if items.len() == 1 && Root::parse(word.trim()).is_some() {
            let message = format!("`{written}` is a set of one item");
            self.error(
                span,
                message,
                Some(format!("a reference has two braces: {{{written}}}")),
            );
            return Kind::Constant(Datum::None);
        }
        Kind::Set(self.nodes(items))
    }

    /// Checks the operands of `and` (which `False` decides) or `or` (which `True` does).
    fn operands(&mut self, trees: Vec<Tree>, decides: bool) -> Box<[Node]> {
        let mut nodes: Vec<Node> = Vec::with_capacity(trees.len());
        let mut decided = false;
        for tree in trees {
            let before = self.diagnostics.len();
            let node = self.node(tree);
            if decided {
                self.soften(before);
                continue;
            }
            decided = matches!(&node.kind, Kind::Constant(datum) if datum.truth() == decides);
            nodes.push(node);
        }
        nodes.into()
    }

    /// Turns the errors of a part that is never evaluated into warnings.
    fn soften(&mut self, from: usize) {
        for diagnostic in &mut self.diagnostics[from..] {
            if diagnostic.is_error() {
                diagnostic.severity = Severity::Warning;
                diagnostic
                    .message
                    .push_str(" (this part is never evaluated)");
            }
        }
    }

    fn compare(&mut self, first: Tree, rest: Vec<(syntax::Comparison, Tree)>) -> Kind {
        use syntax::Comparison;
        let first = self.boxed(first);
        let rest: Box<[(Comparison, Node)]> = rest
            .into_iter()
            .map(|(comparison, tree)| {
                let node = self.node(tree);
                let is_word = matches!(node.kind, Kind::Constant(Datum::None | Datum::Bool(_)));
                if matches!(comparison, Comparison::Is | Comparison::IsNot) && !is_word {
                    let message = "`is` compares with None, True and False only".to_owned();
                    self.error(
                        node.span,
                        message,
                        Some("values are compared by ==".to_owned()),
                    );
                }
                (comparison, node)
            })
            .collect();
        Kind::Compare(first, rest)
    }

    fn comprehension(&mut self, written: syntax::Comprehension) -> Kind {
        let outer = self.variables.len();
        let mut clauses = Vec::with_capacity(written.clauses.len());
        for clause in written.clauses {
            // The source is evaluated before the variables exist.
            let source = self.node(clause.source);
            let first_local = self.variables.len();
            for name in &clause.names {
                self.variables.push(name.of(self.source).to_owned());
            }
            clauses.push(Clause {
                first_local: u16::try_from(first_local).unwrap_or(u16::MAX),
                locals: u16::try_from(clause.names.len()).unwrap_or(u16::MAX),
                unpacks: clause.unpacks,
                source,
                conditions: self.nodes(clause.conditions),
            });
        }
        let element = self.node(written.element);
        let value = written.value.map(|tree| self.node(tree));
        self.variables.truncate(outer);
        Kind::Comprehension(Box::new(Comprehension {
            makes: written.makes,
            element,
            value,
            clauses: clauses.into(),
        }))
    }
}
