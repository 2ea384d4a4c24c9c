//! A call under way: what a function or method is given, and what it may use.

use std::sync::Arc;
use std::time::Duration;

use regex::{Regex, RegexBuilder};

use crate::Env;
use crate::budget::Budget;
use crate::compare::{Number, number};
use crate::convert;
use crate::datum::Datum;
use crate::env::{Account, MachineCall};
use crate::evaluate::subscript;
use crate::function::{Accepts, Argument};
use crate::stop::{Step, Stop, fault};

/// A call under way.
pub(crate) struct Call<'a> {
    /// Who is called, for messages.
    pub(crate) name: &'static str,
    pub(crate) wants: &'static [Argument],
    /// As many as are wanted; more when the last may be repeated.
    pub(crate) arguments: &'a [Datum],
    /// Names of the last arguments, for the method `format` alone.
    pub(crate) names: &'a [Arc<str>],
    pub(crate) pattern: Option<&'a Regex>,
    pub(crate) env: &'a dyn Env,
    pub(crate) budget: &'a mut Budget,
}

impl<'a> Call<'a> {
    /// Fails when an argument is of a kind that is not accepted.
    pub(crate) fn check(&self) -> Step<()> {
        for (index, value) in self.arguments.iter().enumerate() {
            let Some(argument) = self.wants.get(index).or(self.wants.last()) else {
                return Ok(());
            };
            let is_default = argument
                .default
                .is_some_and(|default| default.datum().is_none() && value.is_none());
            if !argument.accepts.admits(value) && !is_default {
                return Err(wrong_argument(self.name, argument, value));
            }
        }
        Ok(())
    }

    pub(crate) fn any(&self, index: usize) -> &'a Datum {
        self.arguments.get(index).unwrap_or(&Datum::None)
    }

    pub(crate) fn text(&self, index: usize) -> Step<&'a Arc<str>> {
        match self.any(index) {
            Datum::Text(text) => Ok(text),
            other => Err(self.wrong(index, Accepts::Text, other)),
        }
    }

    /// Gives a text that may be left away; empty is as good as absent.
    pub(crate) fn optional_text(&self, index: usize) -> Option<&'a str> {
        match self.any(index) {
            Datum::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, index: usize) -> Step<i64> {
        match number(self.any(index)) {
            Some(Number::Int(number)) => Ok(number),
            Some(Number::Float(_)) | None => {
                Err(self.wrong(index, Accepts::Integer, self.any(index)))
            }
        }
    }

    pub(crate) fn float(&self, index: usize) -> Step<f64> {
        match number(self.any(index)) {
            Some(Number::Int(number)) => Ok(number as f64),
            Some(Number::Float(number)) => Ok(number),
            None => Err(self.wrong(index, Accepts::Number, self.any(index))),
        }
    }

    pub(crate) fn flag(&self, index: usize) -> bool {
        self.any(index).truth()
    }

    /// Gives the items of a list, tuple or set, the keys of a map, the characters of a text.
    pub(crate) fn items(&mut self, index: usize) -> Step<Vec<Datum>> {
        let value = self.any(index);
        self.elements(value, index)
    }

    fn elements(&mut self, value: &Datum, index: usize) -> Step<Vec<Datum>> {
        self.budget.build_items(value.elements_max())?;
        self.budget.spend(value.elements_steps())?;
        value
            .elements()
            .ok_or_else(|| self.wrong(index, Accepts::Items, value))
    }

    /// Gives the items as a set.
    pub(crate) fn as_set(&mut self, index: usize) -> Step<Datum> {
        let items = self.items(index)?;
        self.budget.spend_sort(items.len())?;
        Datum::set(items)
    }

    /// Gives a time that something may take.
    pub(crate) fn timeout(&self, index: usize) -> Step<Duration> {
        // Longer than any check may take; the time box of the caller is shorter.
        const SECONDS_MAX: f64 = 60.0;
        let seconds = self.float(index)?;
        if !(seconds > 0.0 && seconds <= SECONDS_MAX) {
            return fault(format!(
                "the timeout of {} is above 0 and up to {SECONDS_MAX} seconds",
                self.name
            ));
        }
        Ok(Duration::from_secs_f64(seconds))
    }

    /// Gives a user or group of users, named or numbered by the first argument.
    pub(crate) fn account(&self) -> Step<Account> {
        match self.any(0) {
            Datum::Text(name) => Ok(Account::Name(name.clone())),
            Datum::Int(number) => match u32::try_from(*number) {
                Ok(number) => Ok(Account::Id(number)),
                Err(_) => fault(format!("{number} is the number of no account")),
            },
            other => fault(format!(
                "{} wants a name or a number, not {}",
                self.name,
                other.describe()
            )),
        }
    }

    /// Asks the machine.
    pub(crate) fn machine(&mut self, call: MachineCall) -> Step<Datum> {
        Ok(self.env.machine(call)?.into())
    }

    /// Asks the machine for a map of facts and gives one of them; none when there is no such map.
    pub(crate) fn fact(&mut self, call: MachineCall, name: &str) -> Step<Datum> {
        match self.machine(call)? {
            Datum::None => Ok(Datum::None),
            facts => subscript::index(&facts, &Datum::text(name), self.budget),
        }
    }

    /// Gives the items of the only argument, or all arguments when there are several.
    pub(crate) fn items_or_arguments(&mut self) -> Step<Vec<Datum>> {
        match self.arguments {
            [] => fault(format!("{} wants a list or several values", self.name)),
            [only] => self.elements(only, 0),
            several => {
                self.budget.build_items(several.len())?;
                Ok(several.to_vec())
            }
        }
    }

    /// Gives the items as numbers; something else among them is an error.
    pub(crate) fn numbers(&mut self, index: usize) -> Step<Vec<f64>> {
        let items = self.items(index)?;
        items
            .iter()
            .map(|item| match item {
                Datum::Int(_) | Datum::Float(_) | Datum::Bool(_) => convert::to_float(item),
                other => fault(format!(
                    "{} wants numbers only, not {}",
                    self.name,
                    other.describe()
                )),
            })
            .collect()
    }

    /// Runs a regular expression given at this index; pays for going over a text with it.
    pub(crate) fn regex(&mut self, index: usize, text_bytes: usize) -> Step<Regex> {
        let pattern = self.text(index)?;
        // The engine is linear in text times pattern; this is its worst case (measured).
        let rounds = 1 + pattern.len() as u64 / 8;
        self.budget
            .spend((text_bytes as u64 / 8).saturating_mul(rounds))?;
        match self.pattern {
            Some(prepared) => Ok(prepared.clone()),
            None => {
                // Compiling costs as much as ten thousand steps (measured on the larger ones).
                self.budget.spend(10_000 + pattern.len() as u64 * 100)?;
                compile_regex(pattern).map_err(Stop::fault)
            }
        }
    }

    #[cold]
    fn wrong(&self, index: usize, accepts: Accepts, value: &Datum) -> Box<Stop> {
        match self.wants.get(index).or(self.wants.last()) {
            Some(argument) => {
                let argument = Argument {
                    accepts,
                    ..*argument
                };
                wrong_argument(self.name, &argument, value)
            }
            None => Stop::fault(format!("{} does not want {}", self.name, value.describe())),
        }
    }
}

/// Says that a value is nothing for an argument.
#[cold]
pub(crate) fn wrong_argument(name: &str, argument: &Argument, value: &Datum) -> Box<Stop> {
    Stop::fault(format!(
        "{name} wants {} for `{}`, not {}",
        argument.accepts.describe(),
        argument.name,
        value.describe()
    ))
}

/// Compiles a regular expression, held to a size that cannot hurt.
pub(crate) fn compile_regex(pattern: &str) -> Result<Regex, String> {
    // Enough for any pattern that a person reads; `(a{1000}){1000}` is refused.
    const PROGRAM_BYTES_MAX: usize = 128 << 10;
    RegexBuilder::new(pattern)
        .size_limit(PROGRAM_BYTES_MAX)
        .dfa_size_limit(PROGRAM_BYTES_MAX)
        .nest_limit(50)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            other => {
                let text = other.to_string();
                let reason = text
                    .lines()
                    .last()
                    .unwrap_or("")
                    .trim_start_matches("error: ");
                format!("{pattern:?} is no regular expression: {reason}")
            }
        })
}
