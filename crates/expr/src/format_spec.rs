//! `f'{value:>8.2f}'`, `'{:,}'.format(value)`, `format(value, '.1%')`: format specifications.

use std::iter::Peekable;
use std::str::Chars;

use crate::budget::Budget;
use crate::compare::{Number, number};
use crate::datum::Datum;
use crate::layout::{Align, Base, Layout, Notation, Sign};
use crate::repr;
use crate::stop::{Step, Stop, fault, fault_with_hint};

/// Writes a value as a specification says.
pub(crate) fn format(value: &Datum, spec: &str, budget: &mut Budget) -> Step<String> {
    if spec.is_empty() {
        return repr::spend_str(value, budget);
    }
    let spec = Spec::parse(spec)?;
    spec.layout.check(budget)?;
    match (value, number(value)) {
        (_, Some(Number::Int(number))) => integer(number, spec),
        (_, Some(Number::Float(number))) => float(number, spec),
        (Datum::Text(text), None) => {
            budget.build_text(text.len())?;
            words(text, spec)
        }
        (other, None) => fault_with_hint(
            format!("{} takes no format specification", other.describe()),
            "format its text: '{:>10}'.format(to_str(value))",
        ),
    }
}

struct Spec {
    layout: Layout,
    zero: bool,
    kind: Option<char>,
}

impl Spec {
    /// Reads `[[fill]align][sign][#][0][width][grouping][.precision][kind]`.
    fn parse(text: &str) -> Step<Self> {
        let mut rest = text.chars().peekable();
        let mut layout = Layout::PLAIN;
        let mut ahead = text.chars();
        match (ahead.next(), ahead.next().and_then(align)) {
            (Some(fill), Some(side)) => {
                layout.fill = fill;
                layout.align = Some(side);
                rest.next();
                rest.next();
            }
            (Some(first), None) => {
                layout.align = align(first);
                if layout.align.is_some() {
                    rest.next();
                }
            }
            (None, _) => {}
        }
        layout.sign = match rest.next_if(|sign| "+- ".contains(*sign)) {
            Some('+') => Sign::Plus,
            Some(' ') => Sign::Space,
            _ => Sign::Nothing,
        };
        layout.alternate = rest.next_if_eq(&'#').is_some();
        let zero = rest.next_if_eq(&'0').is_some();
        layout.width = digits(&mut rest).unwrap_or(0);
        layout.grouping = rest.next_if(|grouping| matches!(grouping, ',' | '_'));
        if rest.next_if_eq(&'.').is_some() {
            let precision = digits(&mut rest);
            layout.precision = Some(
                precision
                    .ok_or_else(|| Stop::fault("the format has no digits behind its point"))?,
            );
        }
        let kind = rest.next();
        if kind == Some('n') && layout.grouping.is_some() {
            return fault("`n` groups digits by itself");
        }
        if rest.next().is_some() {
            return fault_with_hint(
                format!("{text:?} is no format specification"),
                "its parts are [[fill]align][sign][#][0][width][,][.precision][kind]",
            );
        }
        Ok(Self { layout, zero, kind })
    }

    /// Applies the `0` in front of the width: zeros between sign and digits.
    fn numeric(&self) -> Layout {
        let mut layout = self.layout;
        if self.zero {
            if layout.align.is_none() {
                layout.align = Some(Align::Split);
            }
            if layout.fill == ' ' {
                layout.fill = '0';
            }
        }
        layout
    }

    fn unknown_kind<T>(&self, value: &str) -> Step<T> {
        let kind = self.kind.unwrap_or(' ');
        fault(format!("format `{kind}` does not work on {value}"))
    }
}

fn align(character: char) -> Option<Align> {
    match character {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Center),
        '=' => Some(Align::Split),
        _ => None,
    }
}

fn digits(rest: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = rest.peek().and_then(|character| character.to_digit(10)) {
        let before = number.unwrap_or(0_usize);
        number = Some(before.saturating_mul(10).saturating_add(digit as usize));
        rest.next();
    }
    number
}

fn integer(number: i64, spec: Spec) -> Step<String> {
    let layout = spec.numeric();
    let base = match spec.kind {
        None | Some('d' | 'n') => Base::Decimal,
        Some('b') => Base::Binary,
        Some('o') => Base::Octal,
        Some('x') => Base::Hex,
        Some('X') => Base::UpperHex,
        Some('c') => {
            let character = u32::try_from(number).ok().and_then(char::from_u32);
            let Some(character) = character else {
                return fault(format!("{number} is the code of no character"));
            };
            return Ok(layout.text(&character.to_string()));
        }
        Some(_) => return float(number as f64, spec),
    };
    if layout.precision.is_some() {
        return fault("a whole number has no precision: use f, as in '.2f'");
    }
    if layout.grouping == Some(',') && base != Base::Decimal {
        return fault("`,` groups decimal digits only: use `_`");
    }
    Ok(layout.integer(number, base))
}

fn float(number: f64, spec: Spec) -> Step<String> {
    let layout = spec.numeric();
    let notation = match spec.kind {
        Some('e' | 'E') => Notation::Exponent,
        Some('f' | 'F') => Notation::Fixed,
        Some('g' | 'G' | 'n') => Notation::General,
        None if layout.precision.is_some() => Notation::GeneralWithPoint,
        None => return Ok(layout.shortest(number)),
        Some('%') => return Ok(layout.percent(number)),
        Some(_) => return spec.unknown_kind("a number"),
    };
    let upper = spec.kind.is_some_and(char::is_uppercase);
    Ok(layout.float(number, notation, upper))
}

fn words(text: &str, spec: Spec) -> Step<String> {
    let mut layout = spec.layout;
    if !matches!(spec.kind, None | Some('s')) {
        return spec.unknown_kind("text");
    }
    if layout.sign != Sign::Nothing || layout.grouping.is_some() || layout.alternate {
        return fault("a text has neither sign nor grouping");
    }
    if layout.align == Some(Align::Split) {
        return fault("`=` aligns numbers only");
    }
    if spec.zero && layout.fill == ' ' {
        layout.fill = '0';
    }
    Ok(layout.text(text))
}
