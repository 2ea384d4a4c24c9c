//! `'load is %.2f' % value`: the `%` operator of texts.

use std::iter::Peekable;
use std::str::Chars;

use crate::budget::Budget;
use crate::compare::{Number, number};
use crate::datum::Datum;
use crate::layout::{Align, Base, Layout, Notation, Sign};
use crate::repr;
use crate::stop::{Step, Stop, fault, fault_with_hint};

/// Fills the directives of a text with the values on the right of the `%`.
pub(crate) fn format(pattern: &str, values: &Datum, budget: &mut Budget) -> Step<String> {
    let mut values = Values::new(values);
    let mut text = String::new();
    let mut rest = pattern.chars().peekable();
    budget.spend_text(pattern.len())?;
    while let Some(character) = rest.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let field = directive(&mut rest, &mut values, budget)?;
        budget.build_text(text.len() + field.len())?;
        text.push_str(&field);
    }
    values.check_all_used()?;
    Ok(text)
}

/// The values on the right, and how many of them are used.
struct Values<'a> {
    whole: &'a Datum,
    used: usize,
}

impl<'a> Values<'a> {
    fn new(whole: &'a Datum) -> Self {
        Self { whole, used: 0 }
    }

    fn next(&mut self) -> Step<Datum> {
        let value = match self.whole {
            Datum::Tuple(items) => items.get(self.used).cloned(),
            single => (self.used == 0).then(|| single.clone()),
        };
        self.used += 1;
        value.ok_or_else(|| {
            Stop::fault_with_hint(
                format!("the text has more fields than values ({})", self.used - 1),
                "a % that stands for itself is written %%",
            )
        })
    }

    fn named(&mut self, name: &str) -> Step<Datum> {
        let Datum::Map(map) = self.whole else {
            return fault(format!(
                "%({name}) wants a map on the right of the %, not {}",
                self.whole.describe()
            ));
        };
        self.used = 1;
        let key = Datum::text(name);
        map.get(&key)
            .ok_or_else(|| Stop::fault(format!("the map has no key {}", repr::repr_of(&key))))
    }

    fn check_all_used(&self) -> Step<()> {
        let spare = match self.whole {
            Datum::Tuple(items) => self.used < items.len(),
            // Python lets these two be unused.
            Datum::Map(_) | Datum::List(_) => false,
            _ => self.used == 0,
        };
        if spare {
            return fault_with_hint(
                "the text has fewer fields than values",
                "each value needs a field, as %s",
            );
        }
        Ok(())
    }
}

fn directive(
    rest: &mut Peekable<Chars<'_>>,
    values: &mut Values<'_>,
    budget: &mut Budget,
) -> Step<String> {
    let named = match rest.next_if_eq(&'(') {
        Some(_) => Some(values.named(&name_of_field(rest)?)?),
        None => None,
    };
    let (mut layout, zero) = flags(rest);
    if rest.next_if_eq(&'*').is_some() {
        let width = whole_argument(&values.next()?)?;
        if width < 0 {
            layout.align = Some(Align::Left);
        }
        layout.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    } else {
        layout.width = digits(rest);
    }
    if rest.next_if_eq(&'.').is_some() {
        layout.precision = Some(if rest.next_if_eq(&'*').is_some() {
            usize::try_from(whole_argument(&values.next()?)?).unwrap_or(0)
        } else {
            digits(rest)
        });
    }
    layout.check(budget)?;
    // C's length words mean nothing here, as in Python.
    while rest
        .next_if(|length| matches!(length, 'h' | 'l' | 'L'))
        .is_some()
    {}
    let Some(conversion) = rest.next() else {
        return fault_with_hint(
            "the text ends inside a field",
            "a % that stands for itself is written %%",
        );
    };
    let value = match named {
        Some(value) => value,
        None => values.next()?,
    };
    convert(conversion, &value, Field { layout, zero }, budget)
}

struct Field {
    layout: Layout,
    zero: bool,
}

fn name_of_field(rest: &mut Peekable<Chars<'_>>) -> Step<String> {
    let mut name = String::new();
    let mut depth = 1;
    for character in rest.by_ref() {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Ok(name);
        }
        name.push(character);
    }
    fault("a `%(` is not closed")
}

fn flags(rest: &mut Peekable<Chars<'_>>) -> (Layout, bool) {
    let mut layout = Layout::PLAIN;
    let mut zero = false;
    layout.align = Some(Align::Right);
    while let Some(flag) = rest.next_if(|flag| "#0- +".contains(*flag)) {
        match flag {
            '#' => layout.alternate = true,
            '0' => zero = true,
            '-' => layout.align = Some(Align::Left),
            '+' => layout.sign = Sign::Plus,
            _ if layout.sign == Sign::Nothing => layout.sign = Sign::Space,
            _ => {}
        }
    }
    (layout, zero)
}

fn digits(rest: &mut Peekable<Chars<'_>>) -> usize {
    let mut number = 0_usize;
    while let Some(digit) = rest.peek().and_then(|character| character.to_digit(10)) {
        number = number.saturating_mul(10).saturating_add(digit as usize);
        rest.next();
    }
    number
}

fn whole_argument(value: &Datum) -> Step<i64> {
    match number(value) {
        Some(Number::Int(number)) => Ok(number),
        Some(Number::Float(_)) | None => fault("`*` wants an integer"),
    }
}

fn convert(conversion: char, value: &Datum, field: Field, budget: &mut Budget) -> Step<String> {
    let Field { mut layout, zero } = field;
    let text = match conversion {
        's' => Some(repr::spend_str(value, budget)?),
        'r' | 'a' => Some(repr::spend_repr(value, budget)?),
        'c' => Some(character(value)?),
        _ => None,
    };
    if let Some(text) = text {
        if conversion == 'c' {
            layout.precision = None;
        }
        return Ok(layout.text(&text));
    }
    if zero && layout.align == Some(Align::Right) {
        layout.fill = '0';
        layout.align = Some(Align::Split);
    }
    let upper = conversion.is_uppercase();
    match conversion {
        'd' | 'i' | 'u' => Ok(layout.integer(truncated(conversion, value)?, Base::Decimal)),
        'x' => Ok(layout.integer(whole(conversion, value)?, Base::Hex)),
        'X' => Ok(layout.integer(whole(conversion, value)?, Base::UpperHex)),
        'o' => Ok(layout.integer(whole(conversion, value)?, Base::Octal)),
        'f' | 'F' => Ok(layout.float(real(conversion, value)?, Notation::Fixed, upper)),
        'e' | 'E' => Ok(layout.float(real(conversion, value)?, Notation::Exponent, upper)),
        'g' | 'G' => Ok(layout.float(real(conversion, value)?, Notation::General, upper)),
        other => fault_with_hint(
            format!("`%{other}` is no field of a text"),
            "fields are %s %d %f %e %g %x %o %c %r; a % that stands for itself is written %%",
        ),
    }
}

fn truncated(conversion: char, value: &Datum) -> Step<i64> {
    match number(value) {
        Some(Number::Int(number)) => Ok(number),
        Some(Number::Float(number)) => crate::convert::truncate(number),
        None => Err(wrong(conversion, "a number", value)),
    }
}

fn whole(conversion: char, value: &Datum) -> Step<i64> {
    match number(value) {
        Some(Number::Int(number)) => Ok(number),
        Some(Number::Float(_)) | None => Err(wrong(conversion, "an integer", value)),
    }
}

fn real(conversion: char, value: &Datum) -> Step<f64> {
    match number(value) {
        Some(Number::Int(number)) => Ok(number as f64),
        Some(Number::Float(number)) => Ok(number),
        None => Err(wrong(conversion, "a number", value)),
    }
}

fn character(value: &Datum) -> Step<String> {
    let code = match value {
        Datum::Text(text) if text.chars().count() == 1 => return Ok(text.to_string()),
        Datum::Int(code) => u32::try_from(*code).ok().and_then(char::from_u32),
        Datum::Bool(truth) => char::from_u32(u32::from(*truth)),
        _ => None,
    };
    match code {
        Some(character) => Ok(character.to_string()),
        None => Err(wrong('c', "one character", value)),
    }
}

#[cold]
fn wrong(conversion: char, wanted: &str, value: &Datum) -> Box<Stop> {
    Stop::fault(format!(
        "%{conversion} wants {wanted}, not {}",
        value.describe()
    ))
}
