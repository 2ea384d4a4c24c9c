//! Keys that expressions look at on a node that keeps no copy of them: the voters are asked for
//! them again and again, as long as somebody looks.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use expr::Unknown;
use model::{Moment, limits};
use raft::{FoundWhat, Query, Value};
use tokio::sync::Notify;

use super::Access;
use crate::agent::Agent;
use crate::clock;

/// How often the voters are asked for what is looked at.
const TURN: Duration = Duration::from_secs(5);
/// Time after which a key at which nobody looked is asked for no more.
const WANTED_TIME: Duration = Duration::from_secs(10 * 60);
/// Age at which an answer of the voters says nothing any more.
const AGE_MAX: Duration = Duration::from_secs(60);

/// What is known of keys.
#[derive(Default)]
pub(super) struct Known {
    keys: Mutex<BTreeMap<String, Wanted>>,
    /// Rung when a key is looked at for the first time.
    news: Notify,
}

/// A key that somebody looked at.
struct Wanted {
    looked: Moment,
    told: Option<(Moment, Option<Value>)>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Wanted>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what the voters said of a key lately; it is asked for from here on.
    pub(super) fn look(&self, key: &str, now: Moment) -> Result<Option<Value>, Unknown> {
        let mut keys = self.lock();
        if !keys.contains_key(key) && keys.len() >= limits::KV_WANTED_MAX {
            return Err(Unknown::new(format!(
                "this node is none of the voters and asks them for {} keys already",
                keys.len()
            )));
        }
        let wanted = keys.entry(key.to_owned()).or_insert_with(|| {
            self.news.notify_one();
            Wanted {
                looked: now,
                told: None,
            }
        });
        wanted.looked = now;
        match &wanted.told {
            None => Err(Unknown::new(
                "this node is none of the voters and asks them for the key: look again in a moment",
            )),
            Some((since, _)) if now.since(*since) > AGE_MAX => Err(Unknown::new(format!(
                "this node is none of the voters, and none of them answered for {} s",
                now.since(*since).as_secs()
            ))),
            Some((_, value)) => Ok(value.clone()),
        }
    }

    /// Names the keys that are still looked at.
    fn wanted(&self, now: Moment) -> Vec<String> {
        let mut keys = self.lock();
        keys.retain(|_, wanted| now.since(wanted.looked) < WANTED_TIME);
        keys.keys().cloned().collect()
    }

    fn learn(&self, key: &str, since: Moment, value: Option<Value>) {
        if let Some(wanted) = self.lock().get_mut(key) {
            wanted.told = Some((since, value));
        }
    }
}

/// Asks for what is looked at, as long as the group is the same.
pub(super) async fn keep(agent: &Agent, access: &Access) -> Infallible {
    let known = &agent.agreement.known;
    loop {
        let wanted = known.wanted(clock::now());
        for key in &wanted {
            let asked = clock::now();
            let found = access.ask_stale(Query::Get(key.as_str().into())).await;
            if let Ok(found) = found
                && let FoundWhat::Key(value) = found.what
            {
                let age = Duration::from_millis(found.age_ms);
                let since = Moment::from_start(asked.since_start().saturating_sub(age));
                known.learn(key, since, value.map(|one| one.value));
            }
        }
        let news = known.news.notified();
        if wanted.is_empty() {
            news.await;
        } else {
            // Either is a reason to ask.
            let _ = tokio::time::timeout(TURN, news).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn a_key_is_known_once_it_was_told_and_for_a_while() {
        let known = Known::default();
        let unknown = known.look("a", at(0)).unwrap_err();
        assert!(unknown.reason.contains("in a moment"), "{unknown:?}");
        assert_eq!(known.wanted(at(1)), ["a"]);
        known.learn("a", at(1), Some(Value::new(b"x")));
        assert_eq!(known.look("a", at(60)), Ok(Some(Value::new(b"x"))));
        let old = known.look("a", at(70)).unwrap_err();
        assert!(old.reason.contains("for 69 s"), "{old:?}");
        known.learn("a", at(71), None);
        assert_eq!(known.look("a", at(72)), Ok(None));
        assert_eq!(known.wanted(at(700)), Vec::<String>::new());
    }

    #[test]
    fn keys_that_are_too_many_are_refused_and_not_forgotten() {
        let known = Known::default();
        for number in 0..limits::KV_WANTED_MAX {
            assert!(known.look(&number.to_string(), at(0)).is_err());
        }
        let refused = known.look("more", at(0)).unwrap_err();
        assert!(refused.reason.contains("already"), "{refused:?}");
        assert_eq!(known.wanted(at(0)).len(), limits::KV_WANTED_MAX);
    }
}
