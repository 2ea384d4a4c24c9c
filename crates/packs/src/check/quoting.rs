//! Puts values into a command line so that the shell takes them as words and never as commands.
//!
//! Where a value stands decides how it is written: bare, inside of single quotes, or inside of
//! double quotes; `$(…)` begins anew. Backticks take a level of backslashes away from what is
//! inside, so that no way of writing a value is safe there: behind them there is no place for one.

/// What surrounds a place of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// Nothing: spaces part words.
    Bare,
    /// `'…'`: nothing has a meaning.
    Single,
    /// `"…"`: dollar signs and backticks have one.
    Double,
}

/// Follows the quotes of a command line as its text goes by.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotes {
    /// What the command substitutions around are inside of, outermost first.
    outer: Vec<Quote>,
    has_backtick: bool,
    is_single: bool,
    is_double: bool,
    is_escaped: bool,
    follows_dollar: bool,
}

impl Quotes {
    /// Tells what surrounds the next character.
    pub(super) fn now(&self) -> Quote {
        match (self.is_single, self.is_double) {
            (true, _) => Quote::Single,
            (false, true) => Quote::Double,
            (false, false) => Quote::Bare,
        }
    }

    /// Tells whether a backtick came by, after which nobody can say how a value has to be written.
    pub(super) fn has_backtick(&self) -> bool {
        self.has_backtick
    }

    /// Takes more of the line as written.
    pub(super) fn pass(&mut self, text: &str) {
        for c in text.chars() {
            self.pass_one(c);
        }
    }

    fn pass_one(&mut self, c: char) {
        let follows_dollar = std::mem::take(&mut self.follows_dollar);
        if std::mem::take(&mut self.is_escaped) {
            return;
        }
        match (self.now(), c) {
            (Quote::Single, '\'') => self.is_single = false,
            (Quote::Single, _) => {}
            (_, '\\') => self.is_escaped = true,
            (_, '$') => self.follows_dollar = true,
            (_, '"') => self.is_double = !self.is_double,
            (Quote::Bare, '\'') => self.is_single = true,
            (_, '`') => self.has_backtick = true,
            (_, '(') if follows_dollar => self.enter(),
            (Quote::Bare, ')') => self.leave(),
            (Quote::Bare | Quote::Double, _) => {}
        }
    }

    fn enter(&mut self) {
        self.outer.push(self.now());
        self.is_double = false;
        self.is_single = false;
    }

    fn leave(&mut self) {
        if let Some(quote) = self.outer.pop() {
            self.is_double = quote == Quote::Double;
            self.is_single = false;
        }
    }
}

/// Writes a value for its place. Bare, its spaces part words, as those of a shell variable do.
pub(super) fn quoted(value: &str, quote: Quote) -> String {
    match quote {
        Quote::Single => value.replace('\'', "'\\''"),
        Quote::Double => {
            let mut written = String::with_capacity(value.len());
            for c in value.chars() {
                if matches!(c, '"' | '\\' | '$' | '`') {
                    written.push('\\');
                }
                written.push(c);
            }
            written
        }
        Quote::Bare => {
            let words: Vec<String> = value.split_whitespace().map(word).collect();
            words.join(" ")
        }
    }
}

fn word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, value: &str, expect: &str) {
        let mut quotes = Quotes::default();
        quotes.pass(before);
        assert_eq!(quoted(value, quotes.now()), expect, "{before}");
    }

    #[test]
    fn a_value_is_never_a_command_wherever_it_stands() {
        let evil = "a; rm -rf $(x) `y` 'z' \"q\" \\";
        check("echo ", "5 -w 10", "5 -w 10");
        check("echo ", "a;b *", "'a;b' '*'");
        check("echo '", evil, "a; rm -rf $(x) `y` '\\''z'\\'' \"q\" \\");
        check(
            "echo \"",
            evil,
            "a; rm -rf \\$(x) \\`y\\` 'z' \\\"q\\\" \\\\",
        );
        check("echo \"x $(cat ", "a;b", "'a;b'");
        check("echo \"x $(cat '", "a'b", "a'\\''b");
        check("echo \"x $(cat y) ", "a'b;$c", "a'b;\\$c");
        check("echo \\\" ", "a;b", "'a;b'");
        check("echo \"\\\" ", "a;b", "a;b");
        check("echo 'it'\\''s ", "b'", "b'\\''");
    }

    #[test]
    fn a_backtick_is_one_unless_it_is_written_as_a_letter() {
        for (line, expect) in [
            ("echo `date", true),
            ("echo \"`date` ", true),
            ("echo $(echo \"`", true),
            ("echo '`' ", false),
            ("echo \\` \"\\`", false),
        ] {
            let mut quotes = Quotes::default();
            quotes.pass(line);
            assert_eq!(quotes.has_backtick(), expect, "{line}");
        }
    }
}
