//! From words to the tree as it is written: the grammar of Python's expressions.
//!
//! Ranks, loosest first: `if else` · `or` · `and` · `not` · comparisons · `|` · `^` · `&` · `+ -` ·
//! `* / // %` · signs · `**` · calls, methods, subscripts. `&&` and `||` are other spellings of
//! `and` and `or`; `!` is a `not` that binds as tightly as a sign.
//! Brackets, strings and calls are in `primary`.

mod primary;

use model::limits;

use crate::arithmetic::Operator;
use crate::lexer::{self, Token, Word};
use crate::origin::Span;
use crate::stop::Fault;
use crate::syntax::{Comparison, Form, Tree};

/// Parses a part of a text as one expression. `depth` is how deep the part itself is nested.
pub(crate) fn parse(source: &str, part: Span, depth: usize) -> Result<Tree, Fault> {
    let mut parser = Parser {
        source,
        tokens: lexer::lex(source, part)?,
        at: 0,
        depth,
    };
    let tree = parser.expression_or_tuple()?;
    match parser.word() {
        Word::End => Ok(tree),
        _ => Err(parser.unexpected("the expression should end here")),
    }
}

/// Words that are no names of values.
const KEYWORDS: [&str; 8] = ["and", "or", "not", "in", "is", "if", "else", "for"];

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        // The last token is the end, which nothing moves past.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn word(&self) -> &Word {
        &self.token().word
    }

    fn span(&self) -> Span {
        self.token().span
    }

    fn before(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn name(&self) -> Option<&str> {
        match self.word() {
            Word::Name => Some(self.span().of(self.source)),
            _ => None,
        }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.word(), Word::Symbol(found) if *found == symbol)
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        self.name() == Some(keyword)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str, opened: Span) -> Result<(), Fault> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        let opening = opened.of(self.source);
        if matches!(self.word(), Word::End) {
            return Err(Fault {
                span: Some(opened),
                message: format!("`{opening}` is not closed"),
                hint: Some(format!("close it with `{symbol}`")),
            });
        }
        Err(self.unexpected(&format!("`{symbol}` should follow here")))
    }

    /// Says what stands where something else should.
    fn unexpected(&self, wanted: &str) -> Fault {
        let found = match self.word() {
            Word::End => "the expression ends too early".to_owned(),
            _ => format!("unexpected `{}`", self.span().of(self.source)),
        };
        Fault {
            span: Some(self.span()),
            message: found,
            hint: Some(self.advice().unwrap_or(wanted).to_owned()),
        }
    }

    /// Knows the slips that are made most.
    fn advice(&self) -> Option<&'static str> {
        let word = self.span().of(self.source);
        match word {
            "=" => Some("a comparison is written =="),
            "<" | ">" if self.before().of(self.source) == "<" => Some("unequal is written !="),
            "<<" | ">>" | "~" => Some("shifts and `~` do not exist here"),
            "lambda" | "await" | "yield" => Some("only plain expressions exist here"),
            _ => None,
        }
    }

    /// Counts a level of nesting while `parse` runs.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        self.check_depth(self.depth)?;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth <= limits::EXPRESSION_DEPTH_MAX {
            return Ok(());
        }
        Err(Fault {
            span: Some(self.span()),
            message: format!(
                "the expression is nested deeper than {} levels",
                limits::EXPRESSION_DEPTH_MAX
            ),
            hint: Some("split it with variables".to_owned()),
        })
    }

    /// Parses an expression, or several with commas between them, which are a tuple.
    fn expression_or_tuple(&mut self) -> Result<Tree, Fault> {
        let first = self.expression()?;
        if !self.is_symbol(",") {
            return Ok(first);
        }
        let start = first.span;
        let mut items = vec![first];
        while self.take_symbol(",") {
            if matches!(self.word(), Word::End) {
                break;
            }
            items.push(self.expression()?);
        }
        Ok(Tree {
            span: start.to(self.before()),
            form: Form::Tuple(items),
        })
    }

    fn expression(&mut self) -> Result<Tree, Fault> {
        self.deeper(|parser| {
            let then = parser.any()?;
            if !parser.take_keyword("if") {
                return Ok(then);
            }
            let test = parser.any()?;
            if !parser.take_keyword("else") {
                return Err(parser.unexpected("`else` and the other value should follow"));
            }
            let otherwise = parser.expression()?;
            Ok(Tree {
                span: then.span.to(otherwise.span),
                form: Form::Choice {
                    test: Box::new(test),
                    then: Box::new(then),
                    otherwise: Box::new(otherwise),
                },
            })
        })
    }

    fn any(&mut self) -> Result<Tree, Fault> {
        let first = self.every()?;
        self.operands(first, ("or", "||"), Self::every, Form::Any)
    }

    fn every(&mut self) -> Result<Tree, Fault> {
        let first = self.not()?;
        self.operands(first, ("and", "&&"), Self::not, Form::Every)
    }

    fn operands(
        &mut self,
        first: Tree,
        (keyword, symbol): (&str, &str),
        operand: fn(&mut Self) -> Result<Tree, Fault>,
        form: fn(Vec<Tree>) -> Form,
    ) -> Result<Tree, Fault> {
        if !self.is_keyword(keyword) && !self.is_symbol(symbol) {
            return Ok(first);
        }
        let start = first.span;
        let mut operands = vec![first];
        while self.take_keyword(keyword) || self.take_symbol(symbol) {
            operands.push(operand(self)?);
        }
        Ok(Tree {
            span: start.to(self.before()),
            form: form(operands),
        })
    }

    fn not(&mut self) -> Result<Tree, Fault> {
        let start = self.span();
        if !self.take_keyword("not") {
            return self.comparison();
        }
        let operand = self.deeper(Self::not)?;
        Ok(Tree {
            span: start.to(operand.span),
            form: Form::Not(Box::new(operand)),
        })
    }

    fn comparison(&mut self) -> Result<Tree, Fault> {
        let first = self.chain(0)?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison_word() {
            rest.push((comparison, self.chain(0)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Tree {
            span: first.span.to(self.before()),
            form: Form::Compare(Box::new(first), rest),
        })
    }

    fn comparison_word(&mut self) -> Option<Comparison> {
        let comparison = match self.word() {
            Word::Symbol("==") => Comparison::Equal,
            Word::Symbol("!=") => Comparison::NotEqual,
            Word::Symbol("<") => Comparison::Less,
            Word::Symbol("<=") => Comparison::LessOrEqual,
            Word::Symbol(">") => Comparison::Greater,
            Word::Symbol(">=") => Comparison::GreaterOrEqual,
            Word::Name => return self.comparison_keyword(),
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    fn comparison_keyword(&mut self) -> Option<Comparison> {
        if self.take_keyword("in") {
            return Some(Comparison::In);
        }
        if self.take_keyword("is") {
            return Some(match self.take_keyword("not") {
                true => Comparison::IsNot,
                false => Comparison::Is,
            });
        }
        let next = self.tokens.get(self.at + 1)?;
        let not_in =
            self.is_keyword("not") && next.word == Word::Name && next.span.of(self.source) == "in";
        if !not_in {
            return None;
        }
        self.at += 2;
        Some(Comparison::NotIn)
    }

    /// Parses operators of this rank and the tighter ones.
    fn chain(&mut self, least: usize) -> Result<Tree, Fault> {
        let mut left = self.sign()?;
        while let Some((rank, _)) = self.operator().filter(|(rank, _)| *rank >= least) {
            let start = left.span;
            let mut rest = Vec::new();
            while let Some((_, operator)) = self.operator().filter(|(found, _)| *found == rank) {
                self.at += 1;
                rest.push((operator, self.chain(rank + 1)?));
            }
            left = Tree {
                span: start.to(self.before()),
                form: Form::Chain(Box::new(left), rest),
            };
        }
        Ok(left)
    }

    /// Gives the operator that stands here, with its rank; `**` binds otherwise.
    fn operator(&self) -> Option<(usize, Operator)> {
        let Word::Symbol(symbol) = self.word() else {
            return None;
        };
        match *symbol {
            "|" => Some((0, Operator::BitOr)),
            "^" => Some((1, Operator::BitXor)),
            "&" => Some((2, Operator::BitAnd)),
            "+" => Some((3, Operator::Add)),
            "-" => Some((3, Operator::Subtract)),
            "*" => Some((4, Operator::Multiply)),
            "/" => Some((4, Operator::Divide)),
            "//" => Some((4, Operator::FloorDivide)),
            "%" => Some((4, Operator::Remainder)),
            _ => None,
        }
    }

    fn sign(&mut self) -> Result<Tree, Fault> {
        let start = self.span();
        let form: fn(Box<Tree>) -> Form = match self.word() {
            Word::Symbol("-") => Form::Negate,
            Word::Symbol("+") => Form::Affirm,
            Word::Symbol("!") => Form::Not,
            _ => return self.power(),
        };
        self.at += 1;
        if let Some(least) = self.least_integer(start) {
            return Ok(least);
        }
        let operand = self.deeper(Self::sign)?;
        Ok(Tree {
            span: start.to(operand.span),
            form: form(Box::new(operand)),
        })
    }

    /// Reads -2^63, whose digits alone are no integer.
    fn least_integer(&mut self, start: Span) -> Option<Tree> {
        let is_minus = start.of(self.source) == "-";
        if !is_minus || *self.word() != Word::Int(1 << 63) {
            return None;
        }
        self.at += 1;
        Some(Tree {
            span: start.to(self.before()),
            form: Form::Constant(crate::datum::Datum::Int(i64::MIN)),
        })
    }

    fn power(&mut self) -> Result<Tree, Fault> {
        let base = self.primary()?;
        if !self.take_symbol("**") {
            return Ok(base);
        }
        let exponent = self.deeper(Self::sign)?;
        Ok(Tree {
            span: base.span.to(exponent.span),
            form: Form::Chain(Box::new(base), vec![(Operator::Power, exponent)]),
        })
    }
}
