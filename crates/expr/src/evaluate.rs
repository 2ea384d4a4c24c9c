//! From a program and the world to a value.
//!
//! What is not known travels up as [`Stop::Unknown`]; only `and` and `or` look at it, with the
//! three-valued rules: unknown and false is false, unknown or true is true. Python's value and
//! short-circuit rules hold for the rest.

mod collect;
pub(crate) mod subscript;

use std::cmp::Ordering;

use crate::arithmetic;
use crate::budget::Budget;
use crate::call::Call;
use crate::compare;
use crate::datum::Datum;
use crate::explanation::Notes;
use crate::format_spec;
use crate::methods;
use crate::repr;
use crate::stop::{Step, Stop, fault};
use crate::syntax::Comparison;
use crate::tree::{self, Kind, Node, Part};
use crate::{Env, Reference};

/// One evaluation under way.
pub(crate) struct Run<'a> {
    pub(crate) env: &'a dyn Env,
    pub(crate) references: &'a [Reference],
    pub(crate) budget: Budget,
    /// Values of the comprehension variables, the innermost last.
    locals: Vec<Datum>,
    /// What every part came to, when an explanation is wanted.
    pub(crate) notes: Option<Notes>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(env: &'a dyn Env, references: &'a [Reference], budget: Budget) -> Self {
        Self {
            env,
            references,
            budget,
            locals: Vec::new(),
            notes: None,
        }
    }

    /// Evaluates a part.
    pub(crate) fn evaluate(&mut self, node: &Node) -> Step<Datum> {
        self.budget.spend(1).map_err(|stop| stop.at(node.span))?;
        let result = self.kind(node).map_err(|stop| stop.at(node.span));
        if let Some(notes) = &mut self.notes {
            notes.add(node, &result);
        }
        result
    }

    fn kind(&mut self, node: &Node) -> Step<Datum> {
        match &node.kind {
            Kind::Constant(datum) => Ok(datum.clone()),
            Kind::Reference {
                path,
                alternative,
                default,
            } => self.reference(*path, *alternative, default.as_deref()),
            Kind::Local(index) => Ok(self
                .locals
                .get(usize::from(*index))
                .cloned()
                .unwrap_or(Datum::None)),
            Kind::Text(parts) => self.text(parts).map(Datum::text),
            Kind::List(items) => self.items(items).map(Datum::list),
            Kind::Tuple(items) => self.items(items).map(|items| Datum::Tuple(items.into())),
            Kind::Set(items) => Datum::set(self.items(items)?),
            Kind::Map(entries) => self.map(entries),
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
            Kind::Not(operand) => Ok(Datum::Bool(!self.evaluate(operand)?.truth())),
            Kind::Negate(operand) => arithmetic::negate(&self.evaluate(operand)?),
            Kind::Affirm(operand) => arithmetic::affirm(&self.evaluate(operand)?),
            Kind::Every(operands) => self.logic(operands, false),
            Kind::Any(operands) => self.logic(operands, true),
            Kind::Compare(first, rest) => self.compare(first, rest),
            Kind::Chain(first, rest) => {
                let mut left = self.evaluate(first)?;
                for (operator, operand) in rest {
                    let right = self.evaluate(operand)?;
                    left = arithmetic::apply(*operator, &left, &right, &mut self.budget)?;
                }
                Ok(left)
            }
            Kind::Choice(choice) => {
                let taken = match self.evaluate(&choice.test)?.truth() {
                    true => &choice.then,
                    false => &choice.otherwise,
                };
                self.evaluate(taken)
            }
            Kind::Index(whole, index) => {
                let whole = self.evaluate(whole)?;
                let index = self.evaluate(index)?;
                subscript::index(&whole, &index, &mut self.budget)
            }
            Kind::Slice(whole, bounds) => self.slice(whole, bounds),
            Kind::Call(call) => self.call(call),
            Kind::Method(method) => self.method(method),
        }
    }

    #[inline]
    fn reference(
        &mut self,
        path: u16,
        alternative: Option<u16>,
        default: Option<&Node>,
    ) -> Step<Datum> {
        let references = self.references;
        let find = |index: u16| &references[usize::from(index)];
        let missing = match self.env.reference(find(path)) {
            Ok(value) => return Ok(value.into()),
            Err(missing) if missing.has_failed => return Err(missing.into()),
            Err(missing) => missing,
        };
        match alternative.map(|other| self.env.reference(find(other))) {
            Some(Ok(value)) => return Ok(value.into()),
            Some(Err(other)) if other.has_failed => return Err(other.into()),
            Some(Err(_)) | None => {}
        }
        match default {
            Some(default) => self.evaluate(default),
            None => Err(missing.into()),
        }
    }

    fn items(&mut self, nodes: &[Node]) -> Step<Vec<Datum>> {
        nodes.iter().map(|node| self.evaluate(node)).collect()
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Step<Datum> {
        let mut kept = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            kept.push((self.evaluate(key)?, self.evaluate(value)?));
        }
        Datum::map(kept)
    }

    /// `and` (decided by a false operand) and `or` (decided by a true one).
    fn logic(&mut self, operands: &[Node], decides: bool) -> Step<Datum> {
        let mut unknown = None;
        let mut last = Datum::Bool(!decides);
        for operand in operands {
            match self.evaluate(operand) {
                Ok(value) if value.truth() == decides => return Ok(value),
                Ok(value) => last = value,
                Err(stop) => match *stop {
                    Stop::Unknown(_) => {
                        unknown.get_or_insert(stop);
                    }
                    Stop::Fault(_) => return Err(stop),
                },
            }
        }
        match unknown {
            Some(stop) => Err(stop),
            None => Ok(last),
        }
    }

    #[inline]
    fn compare(&mut self, first: &Node, rest: &[(Comparison, Node)]) -> Step<Datum> {
        let mut left = self.evaluate(first)?;
        for (comparison, operand) in rest {
            let right = self.evaluate(operand)?;
            if !self.holds(*comparison, &left, &right)? {
                return Ok(Datum::Bool(false));
            }
            left = right;
        }
        Ok(Datum::Bool(true))
    }

    #[inline]
    fn holds(&mut self, comparison: Comparison, left: &Datum, right: &Datum) -> Step<bool> {
        let spend = left.elements_max().min(right.elements_max());
        self.budget.spend_text(spend)?;
        Ok(match comparison {
            Comparison::Equal => compare::equal(left, right),
            Comparison::NotEqual => !compare::equal(left, right),
            Comparison::Less => compare::order(left, right)? == Some(Ordering::Less),
            Comparison::LessOrEqual => compare::order(left, right)?.is_some_and(Ordering::is_le),
            Comparison::Greater => compare::order(left, right)? == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => compare::order(left, right)?.is_some_and(Ordering::is_ge),
            Comparison::In => subscript::contains(right, left, &mut self.budget)?,
            Comparison::NotIn => !subscript::contains(right, left, &mut self.budget)?,
            Comparison::Is => is_same(left, right),
            Comparison::IsNot => !is_same(left, right),
        })
    }

    fn text(&mut self, parts: &[Part]) -> Step<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Hole {
                    value,
                    conversion,
                    spec,
                } => {
                    let hole = self.hole(value, *conversion, spec)?;
                    text.push_str(&hole);
                }
            }
            self.budget.build_text(text.len())?;
        }
        Ok(text)
    }

    fn hole(&mut self, value: &Node, conversion: Option<char>, spec: &[Part]) -> Step<String> {
        let mut value = self.evaluate(value)?;
        match conversion {
            Some('s') => value = Datum::text(repr::spend_str(&value, &mut self.budget)?),
            Some(_) => value = Datum::text(repr::spend_repr(&value, &mut self.budget)?),
            None => {}
        }
        let spec = self.text(spec)?;
        format_spec::format(&value, &spec, &mut self.budget)
    }

    fn slice(&mut self, whole: &Node, bounds: &[Option<Node>; 3]) -> Step<Datum> {
        let whole = self.evaluate(whole)?;
        let mut numbers = [None; 3];
        for (number, bound) in numbers.iter_mut().zip(bounds) {
            let Some(bound) = bound else { continue };
            *number = match self.evaluate(bound)? {
                Datum::None => None,
                Datum::Int(number) => Some(number),
                Datum::Bool(truth) => Some(i64::from(truth)),
                other => {
                    return fault(format!("a slice wants integers, not {}", other.describe()))
                        .map_err(|stop| stop.at(bound.span));
                }
            };
        }
        subscript::slice(&whole, numbers, &mut self.budget)
    }

    fn call(&mut self, call: &tree::Call) -> Step<Datum> {
        // Most functions have few arguments, which then cost no allocation.
        const FEW: usize = 3;
        let mut few: [Datum; FEW] = [const { Datum::None }; FEW];
        let many: Vec<Datum>;
        let arguments: &[Datum] = if call.arguments.len() <= FEW {
            for (place, node) in few.iter_mut().zip(&call.arguments) {
                *place = self.evaluate(node)?;
            }
            &few[..call.arguments.len()]
        } else {
            many = self.items(&call.arguments)?;
            &many
        };
        // What even the smallest function costs (measured).
        self.budget.spend(4)?;
        let function = call.function;
        let mut call = Call {
            name: function.name,
            wants: function.arguments,
            arguments,
            names: &[],
            pattern: call.pattern.as_deref(),
            env: self.env,
            budget: &mut self.budget,
        };
        call.check()?;
        (function.run)(&mut call)
    }

    fn method(&mut self, method: &tree::Method) -> Step<Datum> {
        let receiver = self.evaluate(&method.receiver)?;
        let arguments = self.items(&method.arguments)?;
        let found = methods::find(&receiver, method.name)?;
        let mut call = Call {
            name: found.name,
            wants: found.wants,
            arguments: &arguments,
            names: &method.names,
            pattern: None,
            env: self.env,
            budget: &mut self.budget,
        };
        if method.name != "format" {
            call.check()?;
        }
        (found.run)(&receiver, &mut call)
    }
}

/// `is`: with None, True and False, the only values that are themselves.
fn is_same(left: &Datum, right: &Datum) -> bool {
    match (left, right) {
        (Datum::None, Datum::None) => true,
        (Datum::Bool(left), Datum::Bool(right)) => left == right,
        _ => false,
    }
}
