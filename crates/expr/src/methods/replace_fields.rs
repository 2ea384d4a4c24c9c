//! `'{} is {name:>5}'.format(value, name=other)`.

use crate::call::Call;
use crate::convert;
use crate::datum::Datum;
use crate::format_spec;
use crate::repr;
use crate::stop::{Step, Stop, fault, fault_with_hint};

/// Fills the braces of a text with the values of the call.
pub(super) fn format(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let Datum::Text(text) = text else {
        return fault("this is no text");
    };
    call.budget.spend_text(text.len())?;
    let mut filler = Filler {
        rest: text,
        next: Next::Start,
    };
    filler.fill(call, 0).map(Datum::text)
}

/// How fields without a name are counted: by themselves, or by the writer, not both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Start,
    Counted(usize),
    Written,
}

struct Filler<'a> {
    rest: &'a str,
    next: Next,
}

impl Filler<'_> {
    /// Fills up to the end of the text, or of the format specification.
    fn fill(&mut self, call: &mut Call<'_>, nesting: usize) -> Step<String> {
        let mut filled = String::new();
        while let Some(at) = self.rest.find(['{', '}']) {
            filled.push_str(&self.rest[..at]);
            self.rest = &self.rest[at..];
            let doubled = self.rest.starts_with("{{") || self.rest.starts_with("}}");
            if nesting == 0 && doubled {
                filled.push_str(&self.rest[..1]);
                self.rest = &self.rest[2..];
            } else if self.rest.starts_with('}') {
                if nesting > 0 {
                    return Ok(filled);
                }
                return fault_with_hint("a single `}` in the text", "write }} for one brace");
            } else {
                filled.push_str(&self.field(call, nesting)?);
            }
            call.budget.build_text(filled.len())?;
        }
        if nesting > 0 {
            return unclosed();
        }
        filled.push_str(self.rest);
        Ok(filled)
    }

    /// Fills `{name!r:spec}`.
    fn field(&mut self, call: &mut Call<'_>, nesting: usize) -> Step<String> {
        if nesting > 1 {
            return fault("the format is nested too deep");
        }
        self.rest = &self.rest[1..];
        let Some(end) = self.rest.find(['}', ':', '!', '{']) else {
            return unclosed();
        };
        let name = &self.rest[..end];
        self.rest = &self.rest[end..];
        let mut value = self.value(name, call)?;
        if let Some(behind) = self.rest.strip_prefix('!') {
            let text = match behind.chars().next() {
                Some('s') => repr::spend_str(&value, call.budget)?,
                Some('r' | 'a') => repr::spend_repr(&value, call.budget)?,
                _ => return fault("a conversion is !r, !s or !a"),
            };
            value = Datum::text(text);
            self.rest = &behind[1..];
        }
        let mut spec = String::new();
        if let Some(behind) = self.rest.strip_prefix(':') {
            self.rest = behind;
            spec = self.fill(call, nesting + 1)?;
        }
        let Some(behind) = self.rest.strip_prefix('}') else {
            return unclosed();
        };
        self.rest = behind;
        format_spec::format(&value, &spec, call.budget)
    }

    /// Finds the value of `name`, `0`, the next one, or a member of it: `name[key]`.
    fn value(&mut self, name: &str, call: &Call<'_>) -> Step<Datum> {
        let (first, mut members) = match name.find('[') {
            Some(at) => name.split_at(at),
            None => (name, ""),
        };
        if first.contains('.') {
            return fault_with_hint(
                "a field names no attribute",
                "a member is written {name[key]}",
            );
        }
        let mut value = self.argument(first, call)?;
        while let Some(rest) = members.strip_prefix('[') {
            let Some((key, behind)) = rest.split_once(']') else {
                return unclosed();
            };
            value = member(&value, key)?;
            members = behind;
        }
        if !members.is_empty() {
            return fault("a member is written {name[key]}");
        }
        Ok(value)
    }

    fn argument(&mut self, name: &str, call: &Call<'_>) -> Step<Datum> {
        let placed = call.arguments.len() - call.names.len();
        let index = if name.is_empty() {
            let index = match self.next {
                Next::Start => 0,
                Next::Counted(index) => index,
                Next::Written => return fault("{} and {0} cannot be mixed"),
            };
            self.next = Next::Counted(index + 1);
            index
        } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
            if matches!(self.next, Next::Counted(_)) {
                return fault("{} and {0} cannot be mixed");
            }
            self.next = Next::Written;
            name.parse().unwrap_or(usize::MAX)
        } else {
            let known = call.names.iter().position(|known| &**known == name);
            return match known {
                Some(index) => Ok(call.any(placed + index).clone()),
                None => fault(format!("no value is named `{name}`")),
            };
        };
        if index >= placed {
            return fault(format!("there is no value number {index} for the text"));
        }
        Ok(call.any(index).clone())
    }
}

fn member(value: &Datum, key: &str) -> Step<Datum> {
    let found = match value {
        Datum::Map(map) => match convert::integer_of(key, 10) {
            Some(number) => map.get(&Datum::Int(number)),
            None => map.get(&Datum::text(key)),
        },
        Datum::List(_) | Datum::Tuple(_) => key
            .parse::<usize>()
            .ok()
            .and_then(|index| value.elements()?.into_iter().nth(index)),
        _ => None,
    };
    found.ok_or_else(|| Stop::fault(format!("{} has no member `{key}`", value.describe())))
}

fn unclosed<T>() -> Step<T> {
    fault_with_hint(
        "a field of the text is not closed",
        "write {{ for one brace",
    )
}
