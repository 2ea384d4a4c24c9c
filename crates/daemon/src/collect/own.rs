//! The agent's look at itself: collectors made of its own snapshots.

mod agent;
mod gossip;

use std::time::Duration;

use drivers::collectors::Key;
use model::Value;

use crate::agent::Agent;

/// A collector that looks at the agent.
pub(crate) struct Own {
    /// The name, as in `{{collector.name…}}`.
    pub name: &'static str,
    /// One sentence: what it tells.
    pub doc: &'static str,
    /// How often it runs when no pack says otherwise.
    pub interval: Duration,
    /// The keys it gives; a part that differs between nodes is `*`.
    pub keys: &'static [Key],
    /// Looks once.
    pub collect: fn(&Agent) -> Value,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Own {
    /// All of them, ordered by name.
    pub(crate) const ALL: [&'static Self; 2] = [&agent::COLLECTOR, &gossip::COLLECTOR];

    /// Finds one by its name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|own| own.name == name)
    }
}

/// Makes a whole number; one that no expression can hold is the largest.
fn whole(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells whether a value has a path; `*` stands for any name.
    fn has(value: &Value, path: &[&str]) -> bool {
        match (path, value) {
            ([], _) => true,
            (["*", rest @ ..], Value::Map(members)) => {
                members.is_empty() || members.values().all(|member| has(member, rest))
            }
            ([name, rest @ ..], value) => value.get(name).is_some_and(|member| has(member, rest)),
        }
    }

    #[test]
    fn each_gives_the_keys_that_it_promises() {
        let agent = Agent::for_tests();
        for own in Own::ALL {
            let value = (own.collect)(&agent);
            for key in own.keys {
                let path: Vec<&str> = key.path.split('.').collect();
                assert!(
                    has(&value, &path),
                    "{} has no {}: {value:?}",
                    own.name,
                    key.path
                );
                assert!(!key.doc.is_empty());
            }
            assert_eq!(Own::find(own.name).map(|it| it.name), Some(own.name));
        }
    }
}
