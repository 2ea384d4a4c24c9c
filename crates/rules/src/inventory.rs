//! The inventory: what this machine is made of, and what changed in it.
//!
//! [`build()`] puts it together from what the collectors gave; [`compare`] tells two of them apart,
//! in words that people use ([`words()`]). A section that is not known is missing with the reason:
//! nothing is ever said to be gone because nobody could look. What comes and goes by nature
//! (process ids, counters, units on their way) is no part of it.

mod build;
mod words;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

pub use build::{Packages, build};
pub use words::words;

/// What is known of one thing: `version` → `3.0.11`.
pub type Item = BTreeMap<String, String>;

/// The things of one section, by name.
pub type Things = BTreeMap<String, Item>;

/// What this machine is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The sections that are known.
    pub sections: BTreeMap<String, Things>,
    /// The sections that are not, and why.
    pub missing: BTreeMap<String, String>,
}

/// A thing that came, went or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The section.
    pub section: String,
    /// The thing.
    pub name: String,
    /// How it was; `None` when it was not there.
    pub old: Option<Item>,
    /// How it is; `None` when it is gone.
    pub new: Option<Item>,
}

impl Inventory {
    /// Gives a short mark of each section that is known: as long as it is the same, so is the
    /// section.
    pub fn marks(&self) -> BTreeMap<String, u64> {
        let mark = |things: &Things| {
            let mut hasher = DefaultHasher::new();
            things.hash(&mut hasher);
            hasher.finish()
        };
        self.sections
            .iter()
            .map(|(section, things)| (section.clone(), mark(things)))
            .collect()
    }

    /// Takes over the sections that are not known here, so that they are compared when they are.
    pub fn fill_from(&mut self, before: &Self) {
        for (section, things) in &before.sections {
            if !self.sections.contains_key(section) {
                self.sections.insert(section.clone(), things.clone());
            }
        }
    }
}

/// Tells what changed, section by section. One that is known on one side only has no changes.
pub fn compare(old: &Inventory, new: &Inventory) -> Vec<Change> {
    let mut changes = Vec::new();
    for (section, after) in &new.sections {
        let Some(before) = old.sections.get(section) else {
            continue;
        };
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        let gone = gone.map(|(name, item)| (name, Some(item), None));
        let here = after.iter().filter_map(|(name, item)| {
            let was = before.get(name);
            (was != Some(item)).then_some((name, was, Some(item)))
        });
        changes.extend(gone.chain(here).map(|(name, old, new)| Change {
            section: section.clone(),
            name: name.clone(),
            old: old.cloned(),
            new: new.cloned(),
        }));
    }
    changes
}

/// Joins the changes of each thing into one, and leaves out what was undone. The `T` of the last
/// change of a thing is kept: when it was, for example. Oldest first, as they come in.
pub fn join<T>(changes: impl IntoIterator<Item = (T, Change)>) -> Vec<(T, Change)> {
    let mut joined: BTreeMap<(String, String), (usize, T, Change)> = BTreeMap::new();
    for (at, (when, change)) in changes.into_iter().enumerate() {
        let key = (change.section.clone(), change.name.clone());
        let change = match joined.remove(&key) {
            Some((_, _, before)) => Change {
                old: before.old,
                ..change
            },
            None => change,
        };
        joined.insert(key, (at, when, change));
    }
    let mut all: Vec<(usize, T, Change)> = joined
        .into_values()
        .filter(|(_, _, change)| change.old != change.new)
        .collect();
    all.sort_by_key(|(at, _, _)| *at);
    all.into_iter()
        .map(|(_, when, change)| (when, change))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(all: &[(&str, &str)]) -> Inventory {
        let things = all.iter().map(|(name, version)| {
            let item = Item::from([("version".to_owned(), (*version).to_owned())]);
            ((*name).to_owned(), item)
        });
        Inventory {
            sections: BTreeMap::from([("packages".to_owned(), things.collect())]),
            missing: BTreeMap::new(),
        }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        changes.iter().map(words).collect()
    }

    #[test]
    fn what_came_went_and_changed_is_told() {
        let old = packages(&[("openssl", "3.0.9"), ("exim4", "4.96"), ("bash", "5.2")]);
        let new = packages(&[("openssl", "3.0.11"), ("nginx", "1.22"), ("bash", "5.2")]);
        assert_eq!(
            told(&compare(&old, &new)),
            [
                "package exim4 4.96 removed",
                "package nginx 1.22 installed",
                "package openssl upgraded 3.0.9 → 3.0.11",
            ]
        );
        assert_eq!(compare(&new, &new), []);
    }

    #[test]
    fn what_nobody_could_look_at_is_not_gone() {
        let known = packages(&[("bash", "5.2")]);
        let mut unknown = Inventory::default();
        assert_eq!(compare(&known, &unknown), []);
        assert_eq!(compare(&unknown, &known), []);
        unknown.fill_from(&known);
        let later = packages(&[("bash", "5.3")]);
        assert_eq!(
            told(&compare(&unknown, &later)),
            ["package bash upgraded 5.2 → 5.3"]
        );
    }

    #[test]
    fn changes_of_one_thing_are_joined_and_what_was_undone_is_left_out() {
        let versions = ["1", "2", "3"].map(|version| packages(&[("a", version), ("b", "1")]));
        let [one, two, three] = versions;
        let without_b = packages(&[("a", "3")]);
        let mut changes = Vec::new();
        let steps = [&one, &two, &three, &without_b, &three];
        for (at, pair) in steps.windows(2).enumerate() {
            changes.extend(compare(pair[0], pair[1]).into_iter().map(|it| (at, it)));
        }
        assert_eq!(changes.len(), 4);
        let joined = join(changes);
        let words: Vec<(usize, String)> = joined
            .iter()
            .map(|(at, change)| (*at, words(change)))
            .collect();
        assert_eq!(words, [(1, "package a upgraded 1 → 3".to_owned())]);
    }

    #[test]
    fn a_mark_changes_with_its_section_only() {
        let (one, two) = (packages(&[("a", "1")]), packages(&[("a", "2")]));
        assert_ne!(one.marks(), two.marks());
        assert_eq!(one.marks(), packages(&[("a", "1")]).marks());
    }
}
