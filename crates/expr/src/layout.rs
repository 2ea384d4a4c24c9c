//! Laying out one value in a field: width, sign, zeros, precision, grouping.
//!
//! The `%` operator and the format specifications of f-strings are two spellings of this.

use crate::budget::Budget;
use crate::repr;
use crate::stop::{Step, fault};

/// How a value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) fill: char,
    /// `None` is the usual side: right for numbers, left for texts.
    pub(crate) align: Option<Align>,
    pub(crate) sign: Sign,
    /// `#`: say the base, keep the point.
    pub(crate) alternate: bool,
    pub(crate) width: usize,
    pub(crate) grouping: Option<char>,
    pub(crate) precision: Option<usize>,
}

/// The side of the field that a value stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    Center,
    /// The sign on the left, the digits on the right.
    Split,
}

/// What is written in front of numbers that are not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Nothing,
    Plus,
    Space,
}

/// How a float is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    Fixed,
    Exponent,
    /// The shorter of the two, as `%g`.
    General,
    /// As `General`, and never looking like a whole number.
    GeneralWithPoint,
}

/// Largest width or precision: a longer field is a mistake, and must not cost memory.
const FIELD_CHARS_MAX: usize = 10_000;

impl Layout {
    /// A value as it is, in no field.
    pub(crate) const PLAIN: Self = Self {
        fill: ' ',
        align: None,
        sign: Sign::Nothing,
        alternate: false,
        width: 0,
        grouping: None,
        precision: None,
    };

    /// Fails when the field is absurdly large; pays for it otherwise.
    pub(crate) fn check(&self, budget: &mut Budget) -> Step<()> {
        let precision = self.precision.unwrap_or(0);
        if self.width.max(precision) > FIELD_CHARS_MAX {
            return fault(format!(
                "a field may be {FIELD_CHARS_MAX} characters wide at most"
            ));
        }
        budget.spend_text(self.width + precision)
    }

    /// Lays out a text.
    pub(crate) fn text(&self, text: &str) -> String {
        let cut = match self.precision {
            Some(chars) => text.chars().take(chars).collect(),
            None => text.to_owned(),
        };
        self.pad("", cut, Align::Left)
    }

    /// Lays out a whole number in a base. For `%`, the precision is the least number of digits.
    pub(crate) fn integer(&self, number: i64, base: Base) -> String {
        let magnitude = number.unsigned_abs();
        let mut digits = match base {
            Base::Binary => format!("{magnitude:b}"),
            Base::Octal => format!("{magnitude:o}"),
            Base::Decimal => magnitude.to_string(),
            Base::Hex => format!("{magnitude:x}"),
            Base::UpperHex => format!("{magnitude:X}"),
        };
        if let Some(least) = self.precision {
            digits = format!("{digits:0>least$}");
        }
        let prefix = if self.alternate { base.prefix() } else { "" };
        let sign = format!("{}{prefix}", self.sign_of(number < 0));
        let every = if base == Base::Decimal { 3 } else { 4 };
        self.number(&sign, &digits, every)
    }

    /// Lays out a float; `upper` writes `E`, `INF` and `NAN` large.
    pub(crate) fn float(&self, number: f64, notation: Notation, upper: bool) -> String {
        let mut digits = self.digits(number, notation);
        if upper {
            digits = digits.to_uppercase();
        }
        self.number(self.sign_of_float(number), &digits, 3)
    }

    /// Lays out a float as hundredths.
    pub(crate) fn percent(&self, number: f64) -> String {
        let hundredths = number * 100.0;
        let digits = self.digits(hundredths, Notation::Fixed) + "%";
        self.number(self.sign_of_float(hundredths), &digits, 3)
    }

    /// Lays out a float with the digits that read back as the same one.
    pub(crate) fn shortest(&self, number: f64) -> String {
        let digits = repr::float(number.abs());
        self.number(self.sign_of_float(number), &digits, 3)
    }

    fn digits(&self, number: f64, notation: Notation) -> String {
        if number.is_finite() {
            self.float_digits(number.abs(), notation)
        } else {
            repr::float(number.abs())
        }
    }

    fn sign_of_float(&self, number: f64) -> &'static str {
        self.sign_of(number.is_sign_negative() && !number.is_nan())
    }

    /// Lays out a number that is written already, its sign apart.
    pub(crate) fn number(&self, sign: &str, digits: &str, every: usize) -> String {
        let (whole, rest) = match digits.find(|character: char| !character.is_ascii_hexdigit()) {
            Some(at) => digits.split_at(at),
            None => (digits, ""),
        };
        // An exponent's `e` looks like a hexadecimal digit, and infinity has no whole part.
        let (whole, rest) = match digits.find('e') {
            Some(at) if every == 3 && at < whole.len() => digits.split_at(at),
            _ => (whole, rest),
        };
        let Some(separator) = self.grouping else {
            return self.pad(sign, digits.to_owned(), Align::Right);
        };
        let least = if self.fill == '0' && self.align == Some(Align::Split) {
            self.width.saturating_sub(sign.len() + rest.len())
        } else {
            0
        };
        let grouped = group(whole, separator, every, least);
        self.pad(sign, grouped + rest, Align::Right)
    }

    fn sign_of(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, Sign::Nothing) => "",
            (false, Sign::Plus) => "+",
            (false, Sign::Space) => " ",
        }
    }

    fn float_digits(&self, magnitude: f64, notation: Notation) -> String {
        let precision = self.precision.unwrap_or(6);
        match notation {
            Notation::Fixed => self.with_point(format!("{magnitude:.precision$}")),
            Notation::Exponent => {
                let written = format!("{magnitude:.precision$e}");
                let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
                let digits = self.with_point(digits.to_owned());
                repr::exponent_form(&format!("{digits}e{exponent}"))
            }
            Notation::General | Notation::GeneralWithPoint => {
                self.general(magnitude, precision.max(1), notation)
            }
        }
    }

    fn general(&self, magnitude: f64, precision: usize, notation: Notation) -> String {
        let written = format!("{magnitude:.*e}", precision - 1);
        let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let exponent: i64 = exponent.parse().unwrap_or(0);
        let point = i64::from(notation == Notation::GeneralWithPoint);
        let precision = i64::try_from(precision).unwrap_or(i64::MAX);
        if exponent < -4 || exponent >= precision - point {
            let digits = self.without_zeros(digits.to_owned());
            return repr::exponent_form(&format!("{digits}e{exponent}"));
        }
        let places = usize::try_from(precision - 1 - exponent).unwrap_or(0);
        let fixed = self.without_zeros(format!("{magnitude:.places$}"));
        if notation == Notation::GeneralWithPoint && !fixed.contains('.') {
            return fixed + ".0";
        }
        fixed
    }

    fn with_point(&self, digits: String) -> String {
        if self.alternate && !digits.contains('.') {
            return digits + ".";
        }
        digits
    }

    fn without_zeros(&self, digits: String) -> String {
        if self.alternate {
            return self.with_point(digits);
        }
        if !digits.contains('.') {
            return digits;
        }
        digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    }

    fn pad(&self, sign: &str, body: String, usual: Align) -> String {
        let length = sign.chars().count() + body.chars().count();
        let missing = self.width.saturating_sub(length);
        let fill = |count: usize| String::from(self.fill).repeat(count);
        match self.align.unwrap_or(usual) {
            Align::Left => format!("{sign}{body}{}", fill(missing)),
            Align::Right => format!("{}{sign}{body}", fill(missing)),
            Align::Center => {
                let before = missing / 2;
                format!("{}{sign}{body}{}", fill(before), fill(missing - before))
            }
            Align::Split => format!("{sign}{}{body}", fill(missing)),
        }
    }
}

/// The base that a whole number is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Binary,
    Octal,
    Decimal,
    Hex,
    UpperHex,
}

impl Base {
    fn prefix(self) -> &'static str {
        match self {
            Self::Binary => "0b",
            Self::Octal => "0o",
            Self::Decimal => "",
            Self::Hex => "0x",
            Self::UpperHex => "0X",
        }
    }
}

/// Puts separators between digits, and zeros in front until they fill `least` characters.
fn group(digits: &str, separator: char, every: usize, least: usize) -> String {
    let mut count = digits.len();
    while count + count.saturating_sub(1) / every < least {
        count += 1;
    }
    let padded = format!("{digits:0>count$}");
    let mut grouped = String::new();
    for (index, digit) in padded.chars().enumerate() {
        if index > 0 && (count - index).is_multiple_of(every) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}
