//! How the numbers of collectors moved lately, for people who look.
//!
//! It keeps the last runs of numbers that move, in as few bytes as that takes: a number that stands
//! still costs a few bytes, and a path is remembered as its hash. It is no store of metrics: after
//! a restart it begins anew.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::limits::{RECENT_LEAVES_MAX, RECENT_MOVING_MAX, RECENT_RUNS_MAX};
use model::{Value, WallTime};

use crate::facts::Facts;

/// The last numbers of every collector.
#[derive(Debug, Default)]
pub struct Recent {
    collectors: BTreeMap<Arc<str>, Ring>,
}

/// The last numbers of one collector.
#[derive(Debug, Default)]
struct Ring {
    /// The run that was noted last.
    last: Option<WallTime>,
    /// Runs that were noted.
    runs: usize,
    /// The numbers, ordered by the hash of their path.
    numbers: BTreeMap<u64, Number>,
    moving: usize,
}

/// One number over the last runs.
#[derive(Debug)]
struct Number {
    /// The run that it was seen in last.
    seen: usize,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// The same since this run.
    Still { value: f32, since: usize },
    /// The values of the last runs; that of run `n` stands at `n` modulo the length.
    Moving(Box<[f32; RECENT_RUNS_MAX]>),
}

impl Recent {
    /// Notes what the collectors gave since the last time.
    pub fn note(&mut self, facts: &Facts) {
        self.collectors
            .retain(|name, _| facts.collectors.contains_key(name));
        for (name, collector) in &facts.collectors {
            let Some(good) = &collector.good else {
                continue;
            };
            let is_new = |ring: &Ring| ring.last != Some(good.taken.wall);
            if !self.collectors.get(name).is_none_or(is_new) {
                continue;
            }
            let ring = self.collectors.entry(Arc::clone(name)).or_default();
            ring.last = Some(good.taken.wall);
            ring.note(&good.value);
        }
    }

    /// Gives the last values of the numbers of a collector that move, oldest first, by their path
    /// as expressions write it (`"/srv/a.b".used`). `value` is what it gave last.
    pub fn of(&self, name: &str, value: &Value) -> BTreeMap<String, Vec<f64>> {
        let mut found = BTreeMap::new();
        let Some(ring) = self.collectors.get(name) else {
            return found;
        };
        let mut path = Vec::new();
        names(value, &mut path, &mut |path| {
            let number = ring.numbers.get(&hash_of(path));
            if let Some(values) = number.and_then(|number| ring.values(number)) {
                found.insert(written(path), values);
            }
        });
        found
    }
}

impl Ring {
    fn note(&mut self, value: &Value) {
        let run = self.runs;
        self.runs += 1;
        let mut path = Vec::new();
        numbers(value, &mut path, &mut |path, value| {
            self.number(hash_of(path), run, value);
        });
        // What was not seen for as long as we remember is forgotten.
        let moving = &mut self.moving;
        self.numbers.retain(|_, number| {
            let is_kept = run - number.seen < RECENT_RUNS_MAX;
            if !is_kept && matches!(number.values, Values::Moving(_)) {
                *moving -= 1;
            }
            is_kept
        });
    }

    fn number(&mut self, hash: u64, run: usize, value: f32) {
        let is_full = self.numbers.len() >= RECENT_LEAVES_MAX;
        let Some(number) = self.numbers.get_mut(&hash) else {
            if !is_full {
                let values = Values::Still { value, since: run };
                self.numbers.insert(hash, Number { seen: run, values });
            }
            return;
        };
        let seen = std::mem::replace(&mut number.seen, run);
        match &mut number.values {
            Values::Still {
                value: before,
                since,
            } => {
                if *before == value && seen + 1 == run {
                    return;
                }
                if self.moving >= RECENT_MOVING_MAX {
                    // Too many move: this one begins anew, and is not drawn.
                    *since = run;
                    *before = value;
                    return;
                }
                let mut values = [f32::NAN; RECENT_RUNS_MAX];
                for at in (*since).max((run + 1).saturating_sub(RECENT_RUNS_MAX))..=seen {
                    values[at % RECENT_RUNS_MAX] = *before;
                }
                values[run % RECENT_RUNS_MAX] = value;
                number.values = Values::Moving(Box::new(values));
                self.moving += 1;
            }
            Values::Moving(values) => {
                for missed in (seen + 1..run).rev().take(RECENT_RUNS_MAX) {
                    values[missed % RECENT_RUNS_MAX] = f32::NAN;
                }
                values[run % RECENT_RUNS_MAX] = value;
            }
        }
    }

    /// Gives the values of a number that moves, oldest first; none when it stands still.
    fn values(&self, number: &Number) -> Option<Vec<f64>> {
        let Values::Moving(values) = &number.values else {
            return None;
        };
        if number.seen + 1 != self.runs {
            return None;
        }
        let first = self.runs.saturating_sub(RECENT_RUNS_MAX);
        let known = (first..self.runs)
            .map(|run| widened(values[run % RECENT_RUNS_MAX]))
            .skip_while(|value| value.is_nan());
        // A run without the number shows as the value before: JSON has no word for it.
        let mut last = 0.0;
        let filled = known.map(|value| {
            if !value.is_nan() {
                last = value;
            }
            last
        });
        Some(filled.collect())
    }
}

/// Makes a number as people wrote it, 5.94, out of the nearest one that takes half as many bytes.
fn widened(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// Calls back with every number of a tree of maps.
fn numbers<'a>(value: &'a Value, path: &mut Vec<&'a str>, visit: &mut dyn FnMut(&[&str], f32)) {
    match value {
        Value::Map(members) => {
            for (name, value) in members.iter() {
                path.push(name);
                numbers(value, path, visit);
                path.pop();
            }
        }
        Value::Int(number) => visit(path, *number as f32),
        Value::Float(number) if number.is_finite() => visit(path, *number as f32),
        Value::Float(_) | Value::None | Value::Bool(_) | Value::Text(_) | Value::List(_) => {}
    }
}

fn names<'a>(value: &'a Value, path: &mut Vec<&'a str>, visit: &mut dyn FnMut(&[&str])) {
    numbers(value, path, &mut |path, _| visit(path));
}

fn hash_of(path: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// Writes a path as expressions do.
pub fn written(path: &[&str]) -> String {
    let plain = |segment: &str| {
        let allowed = |letter: char| letter.is_alphanumeric() || "_-/%".contains(letter);
        !segment.is_empty() && segment.chars().all(allowed)
    };
    let segments: Vec<String> = path
        .iter()
        .map(|segment| match plain(segment) {
            true => (*segment).to_owned(),
            false => format!("\"{}\"", segment.replace('\\', "\\\\").replace('"', "\\\"")),
        })
        .collect();
    segments.join(".")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::{Collector, Good, State, Taken};

    /// Notes one run after the other, and gives what is told of the last one.
    fn after(runs: impl IntoIterator<Item = Value>) -> BTreeMap<String, Vec<f64>> {
        let mut recent = Recent::default();
        let mut last = Value::None;
        for (at, value) in runs.into_iter().enumerate() {
            last = value.clone();
            let facts = facts(at as u64, value);
            recent.note(&facts);
            // The same snapshot again is no new run.
            recent.note(&facts);
        }
        recent.of("disks", &last)
    }

    fn facts(second: u64, value: Value) -> Facts {
        let taken = Taken {
            moment: None,
            wall: WallTime::from_millis(second * 1_000),
        };
        let collector = Collector {
            name: Arc::from("disks"),
            defined_at: None,
            state: State::Ok,
            reason: Arc::from(""),
            todo: Arc::from(""),
            good: Some(Good { value, taken }),
            last_run: None,
            next_due: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            hangs_since: None,
            awaits_rates: false,
            since: WallTime::from_millis(0),
        };
        Facts {
            collectors: BTreeMap::from([(Arc::from("disks"), Arc::new(collector))]),
            ..Facts::default()
        }
    }

    #[test]
    fn numbers_are_told_as_they_were_given() {
        let load = |load| Value::map([("load1", Value::Float(load))]);
        let told = after([load(5.94), load(5.63), load(1e-9)]);
        assert_eq!(told["load1"], [5.94, 5.63, 1e-9]);
    }

    fn disk(used: i64, total: i64) -> Value {
        let figures = Value::map([("used", Value::Int(used)), ("total", Value::Int(total))]);
        Value::map([("/srv/a.b", figures), ("type", Value::from("ext4"))])
    }

    #[test]
    fn numbers_that_move_are_told_and_others_are_not() {
        let told = after([disk(1, 9), disk(1, 9), disk(3, 9), disk(2, 9)]);
        let path = "\"/srv/a.b\".used".to_owned();
        assert_eq!(told, BTreeMap::from([(path, vec![1.0, 1.0, 3.0, 2.0])]));
    }

    #[test]
    fn only_the_last_runs_are_kept() {
        let told = after((0..100).map(|at| disk(at, 9)));
        let values = &told["\"/srv/a.b\".used"];
        assert_eq!(values.len(), RECENT_RUNS_MAX);
        assert_eq!((values[0], *values.last().unwrap()), (70.0, 99.0));
    }

    #[test]
    fn a_number_that_stood_still_for_long_brings_its_past() {
        let runs = (0..50).map(|_| disk(7, 9)).chain([disk(8, 9)]);
        let values = &after(runs)["\"/srv/a.b\".used"];
        assert_eq!(values.len(), RECENT_RUNS_MAX);
        assert_eq!(values[..RECENT_RUNS_MAX - 1], [7.0; RECENT_RUNS_MAX - 1]);
    }

    #[test]
    fn a_number_that_was_away_comes_back() {
        let runs = [disk(1, 9), disk(2, 9), Value::None, disk(3, 9)];
        assert_eq!(after(runs)["\"/srv/a.b\".used"], [1.0, 2.0, 2.0, 3.0]);
        let gone = (0..40).map(|_| Value::None);
        let runs = [disk(1, 9), disk(2, 9)]
            .into_iter()
            .chain(gone)
            .chain([disk(3, 9)]);
        assert!(after(runs).is_empty());
    }

    #[test]
    fn hostile_data_takes_bounded_memory() {
        let many = |at: i64| Value::map((0..20_000).map(|key| (format!("k{key}"), Value::Int(at))));
        let mut recent = Recent::default();
        for at in 0..3 {
            recent.note(&facts(at, many(at as i64)));
        }
        let ring = &recent.collectors["disks"];
        assert_eq!(ring.numbers.len(), RECENT_LEAVES_MAX);
        assert_eq!(ring.moving, RECENT_MOVING_MAX);
        let other = |at: u64| Value::map([(format!("other{at}"), Value::Int(1))]);
        for at in 3..60 {
            recent.note(&facts(at, other(at)));
        }
        assert_eq!(recent.collectors["disks"].moving, 0);
        recent.note(&Facts::default());
        assert!(recent.collectors.is_empty());
    }
}
