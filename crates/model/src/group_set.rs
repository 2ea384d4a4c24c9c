//! Sets of groups: which nodes something is for.
//!
//! `linux & !container`, `redis | (mysql & db-master)`, `*` for every node. `!` binds closer than
//! `&`, and `&` closer than `|`. A plain name is the smallest set.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::{Group, GroupError, limits};

/// Which nodes something is for, by their groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSet {
    text: Arc<str>,
    tree: Tree,
}

/// Tells why a text is no set of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSetError {
    /// Where it goes wrong, in characters from 0.
    pub at: usize,
    /// What is wrong there.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tree {
    All,
    Name(Group),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl GroupSet {
    /// The set of all nodes.
    pub fn all() -> Self {
        Self {
            text: Arc::from("*"),
            tree: Tree::All,
        }
    }

    /// Reads a set.
    pub fn parse(text: &str) -> Result<Self, GroupSetError> {
        if text.len() > limits::GROUP_SET_BYTES_MAX {
            let message = format!(
                "a set of groups is longer than {} bytes",
                limits::GROUP_SET_BYTES_MAX
            );
            return Err(GroupSetError::new(0, message));
        }
        let mut parser = Parser {
            letters: text.chars().collect(),
            at: 0,
            depth: 0,
        };
        let tree = parser.or()?;
        match parser.peek() {
            None => Ok(Self {
                text: Arc::from(text.trim()),
                tree,
            }),
            Some(')') => Err(GroupSetError::new(parser.at, "`)` closes nothing")),
            Some(_) => Err(parser.unexpected()),
        }
    }

    /// Gives the text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether it is `*`, which every node is in.
    pub fn is_all(&self) -> bool {
        self.tree == Tree::All
    }

    /// Tells whether a node with these groups is in the set.
    pub fn matches(&self, groups: &BTreeSet<Group>) -> bool {
        self.tree.matches(groups)
    }

    /// Gives every group that is named, in the order of the text.
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups = Vec::new();
        self.tree.visit(&mut |group| groups.push(group));
        groups
    }

    /// Says which groups keep a node out of the set; `None` when it is in.
    ///
    /// For `linux & !container` on a node in `container` alone: "the group linux is missing, and
    /// the group container is set".
    pub fn why_not(&self, groups: &BTreeSet<Group>) -> Option<String> {
        if self.matches(groups) {
            return None;
        }
        let mut reasons = Vec::new();
        self.tree.blame(true, groups, &mut reasons);
        // The same group may be named twice.
        let mut seen = BTreeSet::new();
        reasons.retain(|reason| seen.insert(reason.clone()));
        Some(reasons.join(", and "))
    }
}

impl fmt::Display for GroupSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Group> for GroupSet {
    fn from(group: Group) -> Self {
        Self {
            text: Arc::from(group.as_str()),
            tree: Tree::Name(group),
        }
    }
}

impl Tree {
    fn matches(&self, groups: &BTreeSet<Group>) -> bool {
        match self {
            Self::All => true,
            Self::Name(group) => groups.contains(group),
            Self::Not(inner) => !inner.matches(groups),
            Self::And(parts) => parts.iter().all(|part| part.matches(groups)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(groups)),
        }
    }

    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Group)) {
        match self {
            Self::All => {}
            Self::Name(group) => visit(group),
            Self::Not(inner) => inner.visit(visit),
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.visit(visit));
            }
        }
    }

    /// Gathers why the outcome is not `wanted`, which it is known not to be.
    fn blame(&self, wanted: bool, groups: &BTreeSet<Group>, reasons: &mut Vec<String>) {
        match self {
            Self::All => reasons.push("every node is in *".to_owned()),
            Self::Name(group) if wanted => reasons.push(format!("the group {group} is missing")),
            Self::Name(group) => reasons.push(format!("the group {group} is set")),
            Self::Not(inner) => inner.blame(!wanted, groups, reasons),
            Self::And(parts) | Self::Or(parts) => {
                for part in parts.iter().filter(|part| part.matches(groups) != wanted) {
                    part.blame(wanted, groups, reasons);
                }
            }
        }
    }
}

impl GroupSetError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            hint: None,
        }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl fmt::Display for GroupSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.message, self.at + 1)?;
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for GroupSetError {}

struct Parser {
    letters: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Tree, GroupSetError> {
        self.chain('|', Self::and, Tree::Or)
    }

    fn and(&mut self) -> Result<Tree, GroupSetError> {
        self.chain('&', Self::one, Tree::And)
    }

    /// Reads parts with a sign between them; a part alone is itself.
    fn chain(
        &mut self,
        sign: char,
        part: fn(&mut Self) -> Result<Tree, GroupSetError>,
        join: fn(Vec<Tree>) -> Tree,
    ) -> Result<Tree, GroupSetError> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.peek() == Some(sign) {
            self.at += 1;
            parts.push(part(self)?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => join(parts),
        })
    }

    /// Reads what stands between two signs: a name, `*`, `!…` or `(…)`.
    fn one(&mut self) -> Result<Tree, GroupSetError> {
        let Some(letter) = self.peek() else {
            return Err(self.unexpected());
        };
        let start = self.at;
        match letter {
            '*' => {
                self.at += 1;
                Ok(Tree::All)
            }
            '!' | '(' => {
                self.at += 1;
                self.depth += 1;
                if self.depth > limits::GROUP_SET_DEPTH_MAX {
                    let message = "the set of groups is nested too deeply";
                    return Err(GroupSetError::new(start, message));
                }
                let tree = match letter {
                    '!' => Tree::Not(Box::new(self.one()?)),
                    _ => self.closed(start)?,
                };
                self.depth -= 1;
                Ok(tree)
            }
            '&' | '|' | ')' => Err(self.unexpected()),
            _ => self.name(),
        }
    }

    fn closed(&mut self, open: usize) -> Result<Tree, GroupSetError> {
        let tree = self.or()?;
        match self.peek() {
            Some(')') => {
                self.at += 1;
                Ok(tree)
            }
            Some(_) => Err(self.unexpected()),
            None => Err(GroupSetError::new(open, "`(` is never closed")),
        }
    }

    fn name(&mut self) -> Result<Tree, GroupSetError> {
        let start = self.at;
        let is_end = |letter: &char| letter.is_whitespace() || "&|!()*".contains(*letter);
        let name: String = self.letters[start..]
            .iter()
            .take_while(|letter| !is_end(letter))
            .collect();
        self.at += name.chars().count();
        match Group::parse(&name) {
            Ok(group) => Ok(Tree::Name(group)),
            Err(error) => {
                let wrong = match &error {
                    GroupError::Character(wrong) => name.chars().position(|it| it == *wrong),
                    GroupError::Empty | GroupError::TooLong => None,
                };
                let failure = GroupSetError::new(start + wrong.unwrap_or(0), error.to_string());
                Err(match error {
                    GroupError::Character(',') => failure.with_hint("write `a | b` for either"),
                    GroupError::Character(_) | GroupError::Empty | GroupError::TooLong => failure,
                })
            }
        }
    }

    /// Passes over white space and gives the next character.
    fn peek(&mut self) -> Option<char> {
        while self
            .letters
            .get(self.at)
            .is_some_and(|it| it.is_whitespace())
        {
            self.at += 1;
        }
        self.letters.get(self.at).copied()
    }

    /// Makes the error about what stands here.
    fn unexpected(&mut self) -> GroupSetError {
        let Some(letter) = self.peek() else {
            let message = match self.letters.iter().any(|letter| !letter.is_whitespace()) {
                true => "the set of groups ends where a group should stand",
                false => "the set of groups is empty",
            };
            return GroupSetError::new(self.at, message).with_hint("`*` is every node");
        };
        let rest: String = self.letters[self.at..].iter().collect();
        let word = rest.split_whitespace().next().unwrap_or_default();
        let sign = match word.to_lowercase().as_str() {
            "and" => Some("&"),
            "or" => Some("|"),
            "not" => Some("& !"),
            _ => None,
        };
        let doubled = self.letters[..self.at].last() == Some(&letter);
        match (letter, sign) {
            (_, Some(sign)) => GroupSetError::new(self.at, format!("`{word}` is no sign here"))
                .with_hint(format!("write `{sign}`")),
            ('&' | '|', None) if doubled => {
                GroupSetError::new(self.at, format!("`{letter}{letter}` is no sign here"))
                    .with_hint(format!("write `{letter}`"))
            }
            ('&' | '|' | ')', None) => {
                GroupSetError::new(self.at, format!("a group should stand before `{letter}`"))
            }
            _ => GroupSetError::new(self.at, format!("a sign should stand before `{word}`"))
                .with_hint("`&` is and, `|` is or, `!` is not"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_of(groups: &str) -> BTreeSet<Group> {
        groups
            .split_whitespace()
            .map(|group| Group::parse(group).unwrap())
            .collect()
    }

    #[track_caller]
    fn check(text: &str, groups: &str, expect: bool) {
        let set = GroupSet::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(set.matches(&set_of(groups)), expect, "{text} on {groups}");
        assert_eq!(set.why_not(&set_of(groups)).is_none(), expect, "{text}");
    }

    #[test]
    fn plain_names_and_the_star_are_sets() {
        check("linux", "linux debian", true);
        check("linux", "debian", false);
        check(" * ", "", true);
        for name in ["country::fr", "shinken-broker", "asp.net_2", "a@b/c+d"] {
            check(name, name, true);
            check(name, "other", false);
        }
        assert!(GroupSet::parse("*").unwrap().is_all());
        assert!(!GroupSet::parse("linux").unwrap().is_all());
    }

    #[test]
    fn not_binds_closer_than_and_and_and_closer_than_or() {
        check("linux & !container", "linux", true);
        check("linux & !container", "linux container", false);
        check("linux&!container|windows", "windows", true);
        check("a | b & c", "a", true);
        check("(a | b) & c", "a", false);
        check("(a | b) & c", "b c", true);
        check("!(a | b)", "c", true);
        check("!!a", "a", true);
        check("* & !a", "b", true);
    }

    #[test]
    fn the_groups_that_keep_a_node_out_are_named() {
        let why = |text: &str, groups: &str| {
            GroupSet::parse(text)
                .unwrap()
                .why_not(&set_of(groups))
                .unwrap_or_default()
        };
        assert_eq!(why("redis", "linux"), "the group redis is missing");
        assert_eq!(
            why("linux & !container", "container"),
            "the group linux is missing, and the group container is set"
        );
        assert_eq!(
            why("redis | (mysql & master)", "mysql"),
            "the group redis is missing, and the group master is missing"
        );
        assert_eq!(
            why("!(a & b)", "a b"),
            "the group a is set, and the group b is set"
        );
        assert_eq!(why("!*", "a"), "every node is in *");
        assert_eq!(why("a | a", "b"), "the group a is missing");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_would_be_right() {
        for (text, expect) in [
            (
                "",
                "the set of groups is empty (at character 1): `*` is every node",
            ),
            (
                "linux &",
                "the set of groups ends where a group should stand (at character 8): \
                 `*` is every node",
            ),
            (
                "linux and redis",
                "`and` is no sign here (at character 7): write `&`",
            ),
            (
                "linux OR redis",
                "`OR` is no sign here (at character 7): write `|`",
            ),
            (
                "linux && redis",
                "`&&` is no sign here (at character 8): write `&`",
            ),
            (
                "linux redis",
                "a sign should stand before `redis` (at character 7): `&` is and, `|` is or, \
                 `!` is not",
            ),
            (
                "| linux",
                "a group should stand before `|` (at character 1)",
            ),
            ("(linux", "`(` is never closed (at character 1)"),
            ("linux)", "`)` closes nothing (at character 6)"),
            ("a & ()", "a group should stand before `)` (at character 6)"),
            (
                "linux, redis",
                "a group name may hold letters, digits and . _ - : + @ /, not ',' (at character \
                 6): write `a | b` for either",
            ),
            (
                "country::",
                "a group name (or what follows its `::`) is empty (at character 1)",
            ),
        ] {
            assert_eq!(
                GroupSet::parse(text).unwrap_err().to_string(),
                expect,
                "{text}"
            );
        }
    }

    #[test]
    fn hostile_text_is_refused_and_never_overflows() {
        for text in ["(".repeat(3_000), "!".repeat(3_000), "a|".repeat(30_000)] {
            assert!(GroupSet::parse(&text).is_err());
        }
    }

    #[test]
    fn every_named_group_is_given() {
        let set = GroupSet::parse("a & !(b | c::d)").unwrap();
        let names: Vec<&str> = set.groups().into_iter().map(Group::as_str).collect();
        assert_eq!(names, ["a", "b", "c::d"]);
        assert_eq!(set.to_string(), "a & !(b | c::d)");
    }
}
