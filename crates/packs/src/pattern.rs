//! Patterns of names: `web-*` names all that begin so, `!web-9` takes one away again.

use std::fmt;
use std::sync::Arc;

/// A name in which `*` stands for any text, also for none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Arc<str>);

/// What is meant by a list of patterns: whatever one of them matches and none with `!` excludes.
/// Without a pattern, or with exclusions only, everything else is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    wanted: Vec<Pattern>,
    excluded: Vec<Pattern>,
}

impl Pattern {
    /// Takes a text as a pattern; any text is one.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Gives the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a name is meant. Letters count as they are.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut seen) = (0, 0);
        // The last star, and how far the name was when it was met: where to try again.
        let mut star: Option<(usize, usize)> = None;
        while seen < name.len() {
            if pattern.get(at) == Some(&b'*') {
                star = Some((at, seen));
                at += 1;
            } else if pattern.get(at) == Some(&name[seen]) {
                at += 1;
                seen += 1;
            } else if let Some((star_at, took)) = star {
                star = Some((star_at, took + 1));
                at = star_at + 1;
                seen = took + 1;
            } else {
                return false;
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Patterns {
    /// Takes patterns as they are written; `!` in front excludes.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns = Self::default();
        for text in texts {
            match text.strip_prefix('!') {
                Some(excluded) => patterns.excluded.push(Pattern::new(excluded)),
                None => patterns.wanted.push(Pattern::new(text)),
            }
        }
        patterns
    }

    /// Tells whether everything is meant.
    pub fn is_all(&self) -> bool {
        self.wanted.is_empty() && self.excluded.is_empty()
    }

    /// Tells whether a thing is meant that goes by one of these names.
    pub fn matches_any<'a>(&self, names: impl IntoIterator<Item = &'a str> + Clone) -> bool {
        let is_one = |patterns: &[Pattern]| {
            let mut names = names.clone().into_iter();
            names.any(|name| patterns.iter().any(|pattern| pattern.matches(name)))
        };
        (self.wanted.is_empty() || is_one(&self.wanted)) && !is_one(&self.excluded)
    }

    /// Tells whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        self.matches_any([name])
    }

    /// Gives the patterns as they were written.
    pub fn texts(&self) -> Vec<String> {
        let wanted = self.wanted.iter().map(ToString::to_string);
        let excluded = self.excluded.iter().map(|one| format!("!{one}"));
        wanted.chain(excluded).collect()
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expect) in [
            ("linux/cpu", "linux/cpu", true),
            ("linux/cpu", "linux/cpus", false),
            ("linux/*", "linux/disks[/srv]", true),
            ("*/disks*", "linux/disks[/srv]", true),
            ("*[/srv]", "linux/disks[/srv]", true),
            ("*[/srv]", "linux/disks[/srv/a]", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("**", "é", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                expect,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_the_two_texts_together() {
        let pattern = Pattern::new("*a".repeat(2_000));
        assert!(!pattern.matches(&"a".repeat(1_999)));
    }

    #[test]
    fn an_exclusion_wins_and_alone_means_all_others() {
        let check = |patterns: &[&str], name: &str, expect: bool| {
            let patterns = Patterns::new(patterns.iter().copied());
            assert_eq!(patterns.matches(name), expect, "{patterns} {name}");
        };
        check(&[], "web-1", true);
        check(&["web-*"], "db-1", false);
        check(&["web-*", "!web-9"], "web-9", false);
        check(&["web-*", "!web-9"], "web-8", true);
        check(&["!web-9"], "db-1", true);
        check(&["!web-9"], "web-9", false);
    }
}
