//! What applications offer: they say so over the unix socket, and say so again before it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use dns::{Protocol, Service};
use model::limits::{
    RECORD_NAME_BYTES_MAX, RECORD_OUTPUT_BYTES_MAX, SERVICE_TAGS_MAX, SERVICES_REGISTERED_MAX,
};
use model::{CheckState, Moment, WallTime};
use serde::{Deserialize, Serialize};

/// Missed renewals after which a registration is forgotten: until then it is shown as failing.
const RENEWALS_MISSED_MAX: u32 = 10;

/// What an application says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) is_udp: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) weight: u16,
    pub(crate) priority: u16,
    /// Seconds after which it must be said again; 0 for never.
    pub(crate) ttl_s: u32,
    /// The word of its state.
    pub(crate) state: String,
    pub(crate) output: String,
}

/// All that applications offer.
pub(crate) struct Registered(BTreeMap<String, Entry>);

struct Entry {
    said: Registration,
    renewed: Moment,
    since: WallTime,
    /// When it was seen that nobody renewed it in time.
    missed: Option<WallTime>,
}

/// A registration as it is kept over a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    said: Registration,
    since_ms: u64,
}

impl Registered {
    /// Begins with what was kept: each has its whole time again, as nobody could renew it while the
    /// agent was away.
    pub(super) fn new(kept: Vec<Kept>, now: Moment, wall: WallTime) -> Self {
        let entry = |kept: Kept| {
            let entry = Entry {
                renewed: now,
                since: WallTime::from_millis(kept.since_ms.min(wall.as_millis())),
                missed: None,
                said: kept.said,
            };
            (entry.said.name.clone(), entry)
        };
        Self(kept.into_iter().map(entry).collect())
    }

    /// Tells whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes or renews a registration; tells whether something is to be kept, or why it is refused.
    pub(super) fn take(
        &mut self,
        now: Moment,
        wall: WallTime,
        said: Registration,
    ) -> Result<bool, String> {
        check(&said)?;
        if !self.0.contains_key(&said.name) && self.0.len() >= SERVICES_REGISTERED_MAX {
            return Err(format!(
                "applications offer {SERVICES_REGISTERED_MAX} services, and more are not taken"
            ));
        }
        let before = self.0.get(&said.name);
        let is_news = before.is_none_or(|before| before.said != said);
        let since = match before {
            Some(before) if before.said.state == said.state && before.is_current(now) => {
                before.since
            }
            _ => wall,
        };
        let entry = Entry {
            renewed: now,
            since,
            missed: None,
            said,
        };
        self.0.insert(entry.said.name.clone(), entry);
        Ok(is_news)
    }

    /// Forgets one; tells whether it was there.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Notes which were not renewed in time, and forgets those that nobody renews; tells whether
    /// there were such.
    pub(super) fn end(&mut self, now: Moment, wall: WallTime) -> bool {
        for entry in self.0.values_mut() {
            if !entry.is_current(now) {
                entry.missed.get_or_insert(wall);
            }
        }
        let before = self.0.len();
        self.0.retain(|_, entry| !entry.is_over(now));
        self.0.len() != before
    }

    /// Gives what is offered, and how it is.
    pub(super) fn offered(&self, now: Moment) -> impl Iterator<Item = Service> {
        self.0.values().map(move |entry| entry.offered(now))
    }

    /// Gives what is kept over a restart.
    pub(super) fn to_keep(&self) -> Vec<Kept> {
        let kept = |entry: &Entry| Kept {
            said: entry.said.clone(),
            since_ms: entry.since.as_millis(),
        };
        self.0.values().map(kept).collect()
    }
}

impl Entry {
    fn ttl(&self) -> Option<Duration> {
        let ttl = Duration::from_secs(self.said.ttl_s.into());
        (!ttl.is_zero()).then_some(ttl)
    }

    fn is_current(&self, now: Moment) -> bool {
        self.ttl().is_none_or(|ttl| now < self.renewed + ttl)
    }

    fn is_over(&self, now: Moment) -> bool {
        let ends = self
            .ttl()
            .map(|ttl| self.renewed + ttl * RENEWALS_MISSED_MAX);
        ends.is_some_and(|end| end <= now)
    }

    fn offered(&self, now: Moment) -> Service {
        let said = &self.said;
        let is_current = self.missed.is_none() && self.is_current(now);
        let state = CheckState::parse(&said.state).unwrap_or(CheckState::Ok);
        Service {
            name: said.name.clone(),
            port: said.port,
            protocol: if said.is_udp {
                Protocol::Udp
            } else {
                Protocol::Tcp
            },
            tags: said.tags.clone(),
            weight: said.weight,
            priority: said.priority,
            ttl: None,
            state: if is_current {
                state
            } else {
                CheckState::Critical
            },
            since: self.missed.unwrap_or(self.since),
            output: match is_current {
                true => said.output.clone(),
                false => format!("not renewed for {} s", said.ttl_s),
            },
            is_withdrawn: false,
        }
    }
}

fn check(said: &Registration) -> Result<(), String> {
    let is_text = |text: &str, max: usize| {
        !text.is_empty() && text.len() <= max && !text.chars().any(char::is_control)
    };
    if !is_text(&said.name, RECORD_NAME_BYTES_MAX) {
        return Err(format!(
            "a service has a name of one line, with 1 to {RECORD_NAME_BYTES_MAX} bytes"
        ));
    }
    if said.tags.len() > SERVICE_TAGS_MAX {
        return Err(format!("a service has {SERVICE_TAGS_MAX} tags at most"));
    }
    if !said
        .tags
        .iter()
        .all(|tag| is_text(tag, RECORD_NAME_BYTES_MAX))
    {
        return Err(format!(
            "a tag is a word of one line, with 1 to {RECORD_NAME_BYTES_MAX} bytes"
        ));
    }
    if said.output.len() > RECORD_OUTPUT_BYTES_MAX {
        return Err(format!(
            "the message has {RECORD_OUTPUT_BYTES_MAX} bytes at most, and not {}",
            said.output.len()
        ));
    }
    match CheckState::parse(&said.state) {
        Some(CheckState::Pending) | None => Err(format!(
            "`{}` is no state: one of ok, warning, critical, unknown",
            said.state
        )),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn registration(ttl_s: u32) -> Registration {
        Registration {
            name: "web".to_owned(),
            port: 80,
            is_udp: false,
            tags: vec!["blue".to_owned()],
            weight: 1,
            priority: 0,
            ttl_s,
            state: "ok".to_owned(),
            output: String::new(),
        }
    }

    #[test]
    fn what_is_not_renewed_fails_and_is_forgotten() {
        let wall = WallTime::from_millis(1_000);
        let mut all = Registered::new(Vec::new(), at(0), wall);
        assert_eq!(all.take(at(1), wall, registration(10)), Ok(true));
        assert_eq!(
            all.take(at(5), wall, registration(10)),
            Ok(false),
            "renewed"
        );
        let state = |all: &Registered, now| all.offered(at(now)).next().map(|it| it.state);
        assert_eq!(state(&all, 14), Some(CheckState::Ok));
        assert_eq!(state(&all, 15), Some(CheckState::Critical));
        assert!(!all.end(at(104), wall));
        assert!(all.end(at(105), wall));
        assert_eq!(state(&all, 105), None);
    }

    #[test]
    fn what_was_kept_has_its_whole_time_again() {
        let wall = WallTime::from_millis(1_000);
        let mut all = Registered::new(Vec::new(), at(0), wall);
        all.take(at(1), wall, registration(10)).unwrap();
        let again = Registered::new(all.to_keep(), at(1_000), wall);
        let state = |now| again.offered(at(now)).next().unwrap().state;
        assert_eq!(state(1_009), CheckState::Ok);
        assert_eq!(state(1_010), CheckState::Critical);
    }

    #[test]
    fn nonsense_is_refused() {
        let wall = WallTime::default();
        let mut all = Registered::new(Vec::new(), at(0), wall);
        let mut refused = |change: &dyn Fn(&mut Registration)| {
            let mut said = registration(0);
            change(&mut said);
            all.take(at(1), wall, said).is_err()
        };
        assert!(refused(&|it| it.name = String::new()));
        assert!(refused(&|it| it.name = "a\nb".to_owned()));
        assert!(refused(&|it| it.state = "fine".to_owned()));
        assert!(refused(&|it| it.tags = vec!["x".to_owned(); 17]));
        for number in 0..SERVICES_REGISTERED_MAX {
            assert!(!refused(&|it| it.name = format!("s{number}")));
        }
        assert!(refused(&|it| it.name = "one-more".to_owned()));
        assert!(!refused(&|it| it.name = "s1".to_owned()), "renewed");
    }
}
