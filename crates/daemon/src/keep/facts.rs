//! What the node knew, over a restart: the groups that were detected and the last good data.
//!
//! Data that is larger than its bound is not kept: it comes back with the first run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Group, WallTime, limits};
use rules::facts::{Good, State, Taken};
use rules::kept::{self, Kept};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::json::{from_json, to_json};

/// What is kept, as it stands on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    collectors: BTreeMap<Arc<str>, Collector>,
    #[serde(default)]
    detectors: BTreeMap<Arc<str>, BTreeSet<String>>,
    #[serde(default)]
    groups_since_ms: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Collector {
    state: String,
    since_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

impl Document {
    /// Writes what is to be kept, within its bounds.
    pub(super) fn of(kept: &Kept) -> Self {
        let mut room = limits::KEPT_BYTES_MAX;
        let collectors = kept.collectors.iter().map(|(name, collector)| {
            let good = collector.good.as_ref();
            let written = good.and_then(|good| {
                let json = serde_json::value::to_raw_value(&to_json(&good.value)).ok()?;
                let bytes = json.get().len();
                if bytes > limits::KEPT_COLLECTOR_BYTES_MAX {
                    return None;
                }
                room = room.checked_sub(bytes)?;
                Some((json, good.taken.wall.as_millis()))
            });
            let (value, taken_ms) = written.unzip();
            let written = Collector {
                state: collector.state.to_string(),
                since_ms: collector.since.as_millis(),
                taken_ms,
                value,
            };
            (Arc::clone(name), written)
        });
        Self {
            collectors: collectors.collect(),
            detectors: kept
                .detectors
                .iter()
                .map(|(id, groups)| {
                    (
                        Arc::clone(id),
                        groups.iter().map(Group::to_string).collect(),
                    )
                })
                .collect(),
            groups_since_ms: kept
                .groups_since
                .iter()
                .map(|(group, since)| (group.to_string(), since.as_millis()))
                .collect(),
        }
    }

    /// Reads what was kept. What this version does not understand is left out.
    pub(super) fn into_kept(self) -> Kept {
        let collectors = self.collectors.into_iter().filter_map(|(name, collector)| {
            let state = State::parse(&collector.state)?;
            let good = collector
                .value
                .zip(collector.taken_ms)
                .and_then(|(json, taken)| {
                    let json: Json = serde_json::from_str(json.get()).ok()?;
                    let taken = Taken {
                        moment: None,
                        wall: WallTime::from_millis(taken),
                    };
                    let value = from_json(json);
                    Some(Good { value, taken })
                });
            let since = WallTime::from_millis(collector.since_ms);
            Some((name, kept::Collector { state, since, good }))
        });
        let groups = |names: BTreeSet<String>| -> BTreeSet<Group> {
            names
                .iter()
                .filter_map(|name| Group::parse(name).ok())
                .collect()
        };
        Kept {
            collectors: collectors.collect(),
            detectors: self
                .detectors
                .into_iter()
                .map(|(id, names)| (id, groups(names)))
                .collect(),
            groups_since: self
                .groups_since_ms
                .into_iter()
                .filter_map(|(name, since)| {
                    Some((Group::parse(&name).ok()?, WallTime::from_millis(since)))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Value;

    use super::*;

    fn kept(value: Value) -> Kept {
        let taken = Taken {
            moment: None,
            wall: WallTime::from_millis(9_000),
        };
        let collector = kept::Collector {
            state: State::Error,
            since: WallTime::from_millis(7_000),
            good: Some(Good { value, taken }),
        };
        let linux = Group::parse("linux").unwrap();
        Kept {
            collectors: BTreeMap::from([(Arc::from("memory"), collector)]),
            detectors: BTreeMap::from([(
                Arc::from("linux/linux"),
                BTreeSet::from([linux.clone()]),
            )]),
            groups_since: BTreeMap::from([(linux, WallTime::from_millis(5_000))]),
        }
    }

    fn over_the_disk(kept: &Kept) -> Kept {
        let bytes = serde_json::to_vec(&Document::of(kept)).unwrap();
        let read: Document = serde_json::from_slice(&bytes).unwrap();
        read.into_kept()
    }

    #[test]
    fn what_is_kept_comes_back_with_its_kinds() {
        let kept = kept(Value::map([
            ("whole", Value::Int(3)),
            ("number", Value::Float(3.0)),
            (
                "list",
                Value::list([Value::from("é"), Value::None, Value::Bool(true)]),
            ),
        ]));
        assert_eq!(over_the_disk(&kept), kept);
    }

    #[test]
    fn data_that_is_too_large_is_left_out_and_its_state_stays() {
        let large = Value::text("x".repeat(limits::KEPT_COLLECTOR_BYTES_MAX + 1));
        let back = over_the_disk(&kept(Value::map([("large", large)])));
        let collector = &back.collectors["memory"];
        assert_eq!((collector.state, &collector.good), (State::Error, &None));
    }

    #[test]
    fn what_a_later_version_wrote_is_left_out() {
        let text = r#"{"collectors": {"a": {"state": "DREAMING", "since_ms": 1}},
            "detectors": {"p/x": ["good", "not a group"]}, "more": 1}"#;
        let read: Document = serde_json::from_str(text).unwrap();
        let kept = read.into_kept();
        assert!(kept.collectors.is_empty());
        assert_eq!(kept.detectors["p/x"].len(), 1);
    }
}
