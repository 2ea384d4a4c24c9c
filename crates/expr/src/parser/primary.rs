//! Literals, brackets, strings, references, and what is appended to them: `.m()`, `[i]`, `f()`.

use crate::datum::Datum;
use crate::lexer::Word;
use crate::origin::Span;
use crate::parser::{KEYWORDS, Parser, parse};
use crate::path::{Ending, Opened};
use crate::quoted::Piece;
use crate::stop::Fault;
use crate::syntax::{Clause, Comprehension, Form, Given, Makes, Part, Tree};

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Result<Tree, Fault> {
        let mut tree = self.atom()?;
        let mut links = 0;
        loop {
            let start = tree.span;
            let form = if self.take_symbol(".") {
                self.method(tree)?
            } else if self.is_symbol("[") {
                self.subscript(tree)?
            } else if self.is_symbol("(") {
                return Err(self.unexpected("only a function or method can be called"));
            } else {
                return Ok(tree);
            };
            links += 1;
            self.check_depth(self.depth + links)?;
            tree = Tree {
                span: start.to(self.before()),
                form,
            };
        }
    }

    fn atom(&mut self) -> Result<Tree, Fault> {
        let start = self.span();
        let form = match self.word().clone() {
            Word::Int(number) => match i64::try_from(number) {
                Ok(number) => self.constant(Datum::Int(number)),
                Err(_) => return Err(self.unexpected("a whole number has 64 bits")),
            },
            Word::Float(number) => self.constant(Datum::Float(number)),
            Word::Text(pieces) => self.text(pieces)?,
            Word::Reference(opened) => self.reference(*opened)?,
            Word::Name => return self.named(),
            Word::Symbol("(") => self.parenthesis()?,
            Word::Symbol("[") => self.list()?,
            Word::Symbol("{") => self.braces()?,
            Word::Symbol(_) | Word::End => return Err(self.unexpected("a value should stand here")),
        };
        Ok(Tree {
            span: start.to(self.before()),
            form,
        })
    }

    fn constant(&mut self, datum: Datum) -> Form {
        self.at += 1;
        Form::Constant(datum)
    }

    fn named(&mut self) -> Result<Tree, Fault> {
        let span = self.span();
        let word = span.of(self.source);
        if KEYWORDS.contains(&word) {
            return Err(self.unexpected("a value should stand here"));
        }
        self.at += 1;
        let constant = match word {
            "True" | "true" => Some(Datum::Bool(true)),
            "False" | "false" => Some(Datum::Bool(false)),
            "None" => Some(Datum::None),
            _ => None,
        };
        let form = match constant {
            Some(constant) => Form::Constant(constant),
            None if self.is_symbol("(") => Form::Call {
                name: span,
                arguments: self.arguments()?,
            },
            None => Form::Name,
        };
        Ok(Tree {
            span: span.to(self.before()),
            form,
        })
    }

    /// Joins strings that stand side by side.
    fn text(&mut self, first: Vec<Piece>) -> Result<Form, Fault> {
        self.at += 1;
        let mut pieces = first;
        while let Word::Text(more) = self.word() {
            pieces.extend(more.iter().cloned());
            self.at += 1;
        }
        let mut parts = self.parts(pieces)?;
        match parts.as_mut_slice() {
            [] => Ok(Form::Constant(Datum::text(""))),
            [Part::Text(text)] => Ok(Form::Constant(Datum::text(std::mem::take(text)))),
            _ => Ok(Form::Text(parts)),
        }
    }

    fn parts(&self, pieces: Vec<Piece>) -> Result<Vec<Part>, Fault> {
        let mut parts: Vec<Part> = Vec::new();
        for piece in pieces {
            match (piece, parts.last_mut()) {
                (Piece::Text(text), Some(Part::Text(before))) => before.push_str(&text),
                (Piece::Text(text), _) => parts.push(Part::Text(text)),
                (
                    Piece::Hole {
                        expression,
                        conversion,
                        spec,
                    },
                    _,
                ) => parts.push(Part::Hole {
                    value: parse(self.source, expression, self.depth)?,
                    conversion,
                    spec: self.parts(spec)?,
                }),
            }
        }
        Ok(parts)
    }

    fn reference(&mut self, opened: Opened) -> Result<Form, Fault> {
        let start = self.span();
        self.at += 1;
        let default = match opened.ending {
            Ending::Closed => None,
            Ending::SinglePipe if self.is_symbol("}") => Some(Box::new(Tree {
                span: self.span(),
                form: Form::Constant(Datum::text("")),
            })),
            Ending::Default | Ending::SinglePipe => Some(Box::new(self.expression()?)),
        };
        let closes = opened.ending == Ending::Closed
            || (self.take_symbol("}")
                && self.before().end == self.span().start
                && self.take_symbol("}"));
        if !closes {
            return Err(Fault {
                span: Some(start),
                message: "the reference is not closed".to_owned(),
                hint: Some("a default ends with }}, as in {{collector.a.b||0}}".to_owned()),
            });
        }
        Ok(Form::Reference {
            path: opened.path,
            alternative: opened.alternative,
            default,
            single_pipe: opened.ending == Ending::SinglePipe,
        })
    }

    fn parenthesis(&mut self) -> Result<Form, Fault> {
        let opened = self.span();
        self.at += 1;
        if self.take_symbol(")") {
            return Ok(Form::Tuple(Vec::new()));
        }
        let first = self.expression()?;
        if self.is_keyword("for") {
            let form = self.comprehension(Makes::List, first, None)?;
            self.expect(")", opened)?;
            return Ok(form);
        }
        if self.take_symbol(")") {
            return Ok(first.form);
        }
        let items = self.items(first, ")", opened)?;
        Ok(Form::Tuple(items))
    }

    fn list(&mut self) -> Result<Form, Fault> {
        let opened = self.span();
        self.at += 1;
        if self.take_symbol("]") {
            return Ok(Form::List(Vec::new()));
        }
        let first = self.expression()?;
        if self.is_keyword("for") {
            let form = self.comprehension(Makes::List, first, None)?;
            self.expect("]", opened)?;
            return Ok(form);
        }
        self.items(first, "]", opened).map(Form::List)
    }

    /// Parses `, item, item` up to the closing bracket.
    fn items(&mut self, first: Tree, close: &str, opened: Span) -> Result<Vec<Tree>, Fault> {
        let mut items = vec![first];
        while !self.take_symbol(close) {
            if !self.take_symbol(",") {
                self.expect(close, opened)?;
                break;
            }
            if !self.is_symbol(close) {
                items.push(self.expression()?);
            }
        }
        Ok(items)
    }

    fn braces(&mut self) -> Result<Form, Fault> {
        let opened = self.span();
        self.at += 1;
        if self.take_symbol("}") {
            return Ok(Form::Map(Vec::new()));
        }
        let first = self.expression()?;
        if !self.take_symbol(":") {
            if self.is_keyword("for") {
                let form = self.comprehension(Makes::Set, first, None)?;
                self.expect("}", opened)?;
                return Ok(form);
            }
            return self.items(first, "}", opened).map(Form::Set);
        }
        let value = self.expression()?;
        if self.is_keyword("for") {
            let form = self.comprehension(Makes::Map, first, Some(value))?;
            self.expect("}", opened)?;
            return Ok(form);
        }
        let mut entries = vec![(first, value)];
        while !self.take_symbol("}") {
            if !self.take_symbol(",") {
                self.expect("}", opened)?;
                break;
            }
            if !self.is_symbol("}") {
                let key = self.expression()?;
                if !self.take_symbol(":") {
                    return Err(self.unexpected("`:` and the value of the key should follow"));
                }
                entries.push((key, self.expression()?));
            }
        }
        Ok(Form::Map(entries))
    }

    fn comprehension(
        &mut self,
        makes: Makes,
        element: Tree,
        value: Option<Tree>,
    ) -> Result<Form, Fault> {
        let mut clauses = Vec::new();
        while self.take_keyword("for") {
            clauses.push(self.clause()?);
            self.check_depth(self.depth + clauses.len())?;
        }
        Ok(Form::Comprehension(Box::new(Comprehension {
            makes,
            element,
            value,
            clauses,
        })))
    }

    fn clause(&mut self) -> Result<Clause, Fault> {
        let parenthesis = self.span();
        let bracketed = self.take_symbol("(");
        let mut names = vec![self.variable()?];
        let mut unpacks = false;
        while self.take_symbol(",") {
            unpacks = true;
            if self.is_keyword("in") || self.is_symbol(")") {
                break;
            }
            names.push(self.variable()?);
        }
        if bracketed {
            self.expect(")", parenthesis)?;
        }
        if !self.take_keyword("in") {
            return Err(self.unexpected("`in` and a list should follow"));
        }
        let source = self.any()?;
        let mut conditions = Vec::new();
        while self.take_keyword("if") {
            conditions.push(self.any()?);
        }
        Ok(Clause {
            names,
            unpacks,
            source,
            conditions,
        })
    }

    fn variable(&mut self) -> Result<Span, Fault> {
        let span = self.span();
        match self.name() {
            Some(name) if !KEYWORDS.contains(&name) => {
                self.at += 1;
                Ok(span)
            }
            _ => Err(self.unexpected("a name for the item should stand here")),
        }
    }

    fn method(&mut self, receiver: Tree) -> Result<Form, Fault> {
        let name = self.span();
        if self.name().is_none() {
            return Err(self.unexpected("the name of a method should follow"));
        }
        self.at += 1;
        if !self.is_symbol("(") {
            let word = name.of(self.source);
            return Err(Fault {
                span: Some(name),
                message: format!("`.{word}` is no method call"),
                hint: Some(format!(
                    "a method is called with parentheses; a member is read by [\"{word}\"]; data of \
                     the agent stands in double braces, as {{{{collector.memory.phys_used}}}}"
                )),
            });
        }
        Ok(Form::Method {
            receiver: Box::new(receiver),
            name,
            arguments: self.arguments()?,
        })
    }

    fn arguments(&mut self) -> Result<Vec<Given>, Fault> {
        let opened = self.span();
        self.at += 1;
        let mut given = Vec::new();
        while !self.take_symbol(")") {
            given.push(self.argument()?);
            if self.take_symbol(",") {
                continue;
            }
            self.expect(")", opened)?;
            break;
        }
        Ok(given)
    }

    fn argument(&mut self) -> Result<Given, Fault> {
        let span = self.span();
        let named = self.name().is_some()
            && self
                .tokens
                .get(self.at + 1)
                .is_some_and(|next| next.word == Word::Symbol("="));
        if named {
            self.at += 2;
        }
        let mut value = self.expression()?;
        if !named && self.is_keyword("for") {
            value = Tree {
                span,
                form: self.comprehension(Makes::List, value, None)?,
            };
            value.span = span.to(self.before());
        }
        Ok(Given {
            name: named.then_some(span),
            value,
        })
    }

    fn subscript(&mut self, whole: Tree) -> Result<Form, Fault> {
        let opened = self.span();
        self.at += 1;
        let mut bounds: [Option<Box<Tree>>; 3] = [None, None, None];
        let mut colons = 0;
        while !self.is_symbol("]") {
            if self.take_symbol(":") {
                colons += 1;
                if colons > 2 {
                    return Err(self.unexpected("a slice is [start:stop:step]"));
                }
                continue;
            }
            if bounds[colons].is_some() {
                break;
            }
            bounds[colons] = Some(Box::new(self.expression()?));
        }
        self.expect("]", opened)?;
        if colons > 0 {
            return Ok(Form::Slice(Box::new(whole), bounds));
        }
        match bounds {
            [Some(index), None, None] => Ok(Form::Index(Box::new(whole), index)),
            _ => Err(Fault {
                span: Some(opened),
                message: "the subscript is empty".to_owned(),
                hint: Some("an index or a key belongs between the brackets".to_owned()),
            }),
        }
    }
}
