//! Calls: the function there is, its arguments in their places, constant ones of the right kind.

use std::sync::Arc;

use model::nearest;

use crate::call::{compile_regex, wrong_argument};
use crate::check::Checker;
use crate::datum::Datum;
use crate::function::{Accepts, Argument, Function};
use crate::functions;
use crate::methods;
use crate::origin::Span;
use crate::stop::Stop;
use crate::syntax::{Given, Tree};
use crate::tree::{Call, Kind, Method, Node};

impl Checker<'_> {
    pub(super) fn call(&mut self, name: Span, given: Vec<Given>, span: Span) -> Kind {
        let word = name.of(self.source);
        let Some(function) = Function::find(word) else {
            self.unknown_function(name);
            // Mistakes in the arguments are told all the same.
            for argument in given {
                self.node(argument.value);
            }
            return Kind::Constant(Datum::None);
        };
        if !self
            .functions
            .iter()
            .any(|known| known.name == function.name)
        {
            self.functions.push(function);
        }
        let arguments = self.bind(function.name, function.arguments, given, span);
        let pattern = self.check_constants(function, &arguments);
        Kind::Call(Box::new(Call {
            function,
            arguments,
            pattern,
        }))
    }

    fn unknown_function(&mut self, name: Span) {
        let word = name.of(self.source);
        let known = functions::ALL.iter().map(|function| function.name);
        let hint = match nearest(word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if methods::wants(word).is_some() => {
                format!("`{word}` is a method: value.{word}(…)")
            }
            None => "`opsbro evaluator list` shows the functions there are".to_owned(),
        };
        self.error(name, format!("there is no function `{word}`"), Some(hint));
    }

    pub(super) fn method(&mut self, receiver: Tree, name: Span, given: Vec<Given>) -> Kind {
        let word = name.of(self.source);
        let receiver = self.node(receiver);
        let Some((method, wants)) = methods::wants(word) else {
            let hint = match nearest(word, methods::names()) {
                Some(near) => format!("did you mean `.{near}(…)`?"),
                None if Function::find(word).is_some() => {
                    format!("`{word}` is a function: {word}(…)")
                }
                None => match instead_of_changing(word) {
                    Some(instead) => format!("a value is never changed in place: write {instead}"),
                    None => "methods are those of Python's texts, lists, maps and sets, as far as \
                             they change nothing"
                        .to_owned(),
                },
            };
            self.error(name, format!("there is no method `{word}`"), Some(hint));
            return Kind::Constant(Datum::None);
        };
        let (names, arguments) = if method == "format" {
            self.free_arguments(given)
        } else {
            (Vec::new(), self.bind(method, wants, given, name))
        };
        Kind::Method(Box::new(Method {
            name: method,
            receiver,
            arguments,
            names: names.into(),
        }))
    }

    /// Takes arguments of any name: the named ones come last, as Python wants them written too.
    fn free_arguments(&mut self, given: Vec<Given>) -> (Vec<Arc<str>>, Box<[Node]>) {
        let names = given
            .iter()
            .filter_map(|argument| argument.name)
            .map(|name| Arc::from(name.of(self.source)))
            .collect();
        let nodes = given.into_iter().map(|argument| {
            if argument.name.is_none() {
                return (false, self.node(argument.value));
            }
            (true, self.node(argument.value))
        });
        let (named, placed): (Vec<_>, Vec<_>) = nodes.partition(|(named, _)| *named);
        let ordered = placed.into_iter().chain(named).map(|(_, node)| node);
        (names, ordered.collect())
    }

    /// Puts arguments into the places where they are wanted, with defaults for the rest.
    fn bind(
        &mut self,
        callee: &str,
        wants: &'static [Argument],
        given: Vec<Given>,
        span: Span,
    ) -> Box<[Node]> {
        let mut places: Vec<Option<Node>> = wants.iter().map(|_| None).collect();
        let mut repeated: Vec<Node> = Vec::new();
        for (index, argument) in given.into_iter().enumerate() {
            let value = self.node(argument.value);
            let place = match argument.name {
                Some(name) => match self.place_of(callee, wants, name) {
                    Some(place) => place,
                    None => continue,
                },
                None if wants.last().is_some_and(|last| last.repeated)
                    && index + 1 >= wants.len() =>
                {
                    repeated.push(value);
                    continue;
                }
                None => index,
            };
            let name = argument.name.unwrap_or(value.span);
            match places.get_mut(place) {
                Some(empty @ None) => *empty = Some(value),
                Some(Some(_)) => {
                    let message = format!("{callee} is given `{}` twice", wants[place].name);
                    self.error(name, message, None);
                }
                None => self.too_many(callee, wants, name),
            }
        }
        let mut bound = self.with_defaults(callee, wants, places, span);
        bound.extend(repeated);
        bound.into()
    }

    fn place_of(&mut self, callee: &str, wants: &'static [Argument], name: Span) -> Option<usize> {
        let word = name.of(self.source);
        let place = wants
            .iter()
            .position(|argument| argument.name == word && !argument.repeated);
        if place.is_none() {
            let known = wants.iter().map(|argument| argument.name);
            let hint = match nearest(word, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if wants.is_empty() => format!("{callee} has no arguments"),
                None => format!("its arguments are {}", known.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("{callee} has no argument `{word}`");
            self.error(name, message, Some(hint));
        }
        place
    }

    fn too_many(&mut self, callee: &str, wants: &[Argument], span: Span) {
        let message = match wants.len() {
            0 => format!("{callee} has no arguments"),
            1 => format!("{callee} has one argument only"),
            count => format!("{callee} has {count} arguments only"),
        };
        self.error(
            span,
            message,
            Some(format!("it is {}", signature(callee, wants))),
        );
    }

    fn with_defaults(
        &mut self,
        callee: &str,
        wants: &'static [Argument],
        places: Vec<Option<Node>>,
        span: Span,
    ) -> Vec<Node> {
        let mut bound = Vec::with_capacity(places.len());
        for (argument, place) in wants.iter().zip(places) {
            match (place, argument.default) {
                (Some(node), _) => bound.push(node),
                (None, Some(default)) => bound.push(Node {
                    // No part of the text: explanations leave it out.
                    span: Span::default(),
                    kind: Kind::Constant(default.datum()),
                }),
                (None, None) if argument.repeated => {}
                (None, None) => {
                    let message = format!("{callee} needs its argument `{}`", argument.name);
                    let hint = format!("it is {}", signature(callee, wants));
                    self.error(span, message, Some(hint));
                }
            }
        }
        bound
    }

    /// Checks the arguments that are known already; gives the regular expression among them.
    fn check_constants(
        &mut self,
        function: &'static Function,
        arguments: &[Node],
    ) -> Option<Arc<regex::Regex>> {
        let mut pattern = None;
        for (argument, node) in function.arguments.iter().zip(arguments) {
            let Kind::Constant(datum) = &node.kind else {
                continue;
            };
            let is_default = node.span == Span::default();
            if !is_default && !argument.accepts.admits(datum) {
                if let Stop::Fault(fault) = *wrong_argument(function.name, argument, datum) {
                    self.fault(node.span, fault);
                }
                continue;
            }
            if let (Accepts::Regexp, Datum::Text(text)) = (argument.accepts, datum) {
                match compile_regex(text) {
                    Ok(regex) => pattern = Some(Arc::new(regex)),
                    Err(message) => self.error(node.span, message, None),
                }
            }
        }
        pattern
    }
}

fn signature(callee: &str, wants: &[Argument]) -> String {
    let arguments: Vec<String> = wants.iter().map(ToString::to_string).collect();
    format!("{callee}({})", arguments.join(", "))
}

/// Gives what makes a new value, for a method of Python that changes its own.
fn instead_of_changing(method: &str) -> Option<&'static str> {
    match method {
        "sort" => Some("sorted(list)"),
        "append" => Some("list + [item]"),
        "extend" => Some("list + list"),
        _ => None,
    }
}
