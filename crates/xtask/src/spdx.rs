//! Licence expressions: `(MIT OR Apache-2.0) AND Unicode-3.0`, as SPDX 2.3 annex D writes them.
//!
//! A parser and an evaluation against what is allowed; it does not know which licences exist.

/// A licence expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A licence, with its exception where it has one: `Apache-2.0 WITH LLVM-exception`.
    License(String),
    /// All of them hold at once.
    All(Vec<Expression>),
    /// The one who uses it may choose.
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads an expression; the old form `MIT/Apache-2.0` of cargo means a choice.
    pub fn parse(text: &str) -> Result<Self, String> {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let mut words = Words {
            words: spaced.split_whitespace().collect(),
            at: 0,
        };
        let expression = words.any()?;
        match words.next() {
            None => Ok(expression),
            Some(word) => Err(format!(
                "{word:?} stands where AND, OR or the end is expected"
            )),
        }
    }

    /// Tells whether it can be met with allowed licences only. `MPL-2.0+` lets us choose MPL-2.0;
    /// an exception counts when it is allowed by name: it may add duties as well as rights.
    pub fn is_met_by(&self, allowed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::License(license) => {
                allowed(license) || license.strip_suffix('+').is_some_and(allowed)
            }
            Self::All(parts) => parts.iter().all(|part| part.is_met_by(allowed)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met_by(allowed)),
        }
    }
}

/// The words of an expression; AND binds tighter than OR, WITH tighter than both.
struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self
            .words
            .get(self.at)
            .is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.take("OR") {
            parts.push(self.all()?);
        }
        Ok(single_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.take("AND") {
            parts.push(self.one()?);
        }
        Ok(single_or(parts, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            let inside = self.any()?;
            return if self.take(")") {
                Ok(inside)
            } else {
                Err("a ) is missing".to_owned())
            };
        }
        let license = self.name()?;
        if !self.take("WITH") {
            return Ok(Expression::License(license.to_owned()));
        }
        Ok(Expression::License(format!(
            "{license} WITH {}",
            self.name()?
        )))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.next() {
            Some(word) if !["AND", "OR", "WITH", "(", ")"].contains(&word) => Ok(word),
            Some(word) => Err(format!("{word:?} stands where a licence is expected")),
            None => Err("a licence is missing at the end".to_owned()),
        }
    }
}

fn single_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[&str] = &[
        "MIT",
        "Apache-2.0",
        "Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ];

    #[track_caller]
    fn check(text: &str, expect: Result<bool, &str>) {
        let met = Expression::parse(text)
            .map(|expression| expression.is_met_by(&|license| ALLOWED.contains(&license)));
        assert_eq!(met, expect.map_err(str::to_owned), "of {text:?}");
    }

    #[test]
    fn a_choice_needs_one_and_a_conjunction_all() {
        check("MIT", Ok(true));
        check("GPL-3.0-only", Ok(false));
        check("MIT OR GPL-3.0-only", Ok(true));
        check("MIT AND GPL-3.0-only", Ok(false));
        check("(MIT OR GPL-3.0-only) AND Unicode-3.0", Ok(true));
        check("MIT OR GPL-3.0-only AND Nobody-1.0", Ok(true));
        check("(MIT OR GPL-3.0-only) AND Nobody-1.0", Ok(false));
        check("GPL-3.0-only/MIT", Ok(true));
    }

    #[test]
    fn or_later_includes_the_version_named() {
        check("MIT+", Ok(true));
        check("GPL-3.0+", Ok(false));
    }

    #[test]
    fn an_exception_is_allowed_by_name_only() {
        check("Apache-2.0 WITH LLVM-exception", Ok(true));
        check("MIT WITH LLVM-exception", Ok(false));
        check("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", Ok(true));
    }

    #[test]
    fn a_broken_expression_is_no_licence() {
        check("", Err("a licence is missing at the end"));
        check("MIT OR", Err("a licence is missing at the end"));
        check("(MIT", Err("a ) is missing"));
        check(
            "MIT MIT",
            Err("\"MIT\" stands where AND, OR or the end is expected"),
        );
        check("AND MIT", Err("\"AND\" stands where a licence is expected"));
    }
}
