//! Buckets: what is to be told to a handler is gathered here, so that a burst is one notice.
//!
//! The first thing goes out at once; what follows within the window of the handler waits for its
//! end and goes out together. A bucket holds names only: what is told is looked at when it goes
//! out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{WallTime, limits};
use packs::handler::{Gather, Handler};

use super::clock::after;
use super::judge::{self, Verdict};
use super::kept::{Problem, Record, Told};
use super::notice::{Item, Notice, Occasion};
use super::{Alerts, event_key};
use crate::transition::{is_problem, parts_of};

/// What is gathered together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    handler: Arc<str>,
    /// Checks, groups and compliances have texts of their own.
    kind: &'static str,
    /// The node, pack or check; empty when all is gathered.
    part: String,
}

/// A thing to be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Problem(String),
    Event(u64),
}

#[derive(Debug, Default)]
struct Bucket {
    entries: BTreeSet<Entry>,
    /// When it may go out; in the past when nothing went out lately.
    open_at: WallTime,
}

/// All buckets.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    buckets: BTreeMap<Key, Bucket>,
    /// Every bucket by the time at which it may go out, or is dropped when it is empty.
    timers: BTreeSet<(WallTime, Key)>,
    /// When an event that waits for the hours of a handler is looked at again.
    events_at: Option<WallTime>,
}

/// What makes one notice.
struct Due {
    handler: Arc<str>,
    kind: &'static str,
    keys: Vec<Key>,
    entries: Vec<Entry>,
}

impl Key {
    fn of(handler: &Handler, key: &str, problem: &Problem) -> Self {
        let part = match handler.pace.gather {
            Gather::All => String::new(),
            Gather::Node => problem.thing.node.clone(),
            Gather::Pack => problem.thing.pack.clone(),
            Gather::Check => key.to_owned(),
        };
        Self {
            handler: Arc::clone(&handler.id),
            kind: "check",
            part,
        }
    }
}

impl Buckets {
    /// Puts a problem where it belongs.
    pub(super) fn add(&mut self, handler: &Handler, key: &str, problem: &Problem) {
        let at = Key::of(handler, key, problem);
        self.put(at, Entry::Problem(key.to_owned()));
    }

    fn put(&mut self, at: Key, entry: Entry) {
        let bucket = self.buckets.entry(at.clone()).or_default();
        bucket.entries.insert(entry);
        self.timers.insert((bucket.open_at, at));
    }

    /// Takes a problem out again.
    pub(super) fn remove(&mut self, handler: &Handler, key: &str, problem: &Problem) {
        if let Some(bucket) = self.buckets.get_mut(&Key::of(handler, key, problem)) {
            bucket.entries.remove(&Entry::Problem(key.to_owned()));
        }
    }

    /// Takes everything out, to be put where it belongs by other handlers.
    pub(super) fn clear(&mut self) {
        self.buckets
            .values_mut()
            .for_each(|bucket| bucket.entries.clear());
    }

    /// Tells when something goes out next.
    pub(super) fn next_deadline(&self) -> Option<WallTime> {
        let first = self.timers.first().map(|(at, _)| *at);
        first.into_iter().chain(self.events_at).min()
    }

    pub(super) fn shift(&mut self, moved: impl Fn(&mut WallTime)) {
        self.timers.clear();
        for (key, bucket) in &mut self.buckets {
            moved(&mut bucket.open_at);
            self.timers.insert((bucket.open_at, key.clone()));
        }
    }

    /// Takes out what is due: each gives one notice, but for a burst of many small ones, which is
    /// one notice more.
    fn take_due(&mut self, wall: WallTime) -> Vec<Due> {
        let mut keys = BTreeSet::new();
        while let Some((open_at, key)) = self.timers.first().cloned()
            && open_at <= wall
        {
            self.timers.pop_first();
            match self.buckets.get(&key) {
                Some(bucket) if bucket.entries.is_empty() => drop(self.buckets.remove(&key)),
                Some(_) => drop(keys.insert(key)),
                None => {}
            }
        }
        let mut due: Vec<Due> = Vec::new();
        let mut of_handler = 0;
        for key in keys {
            let bucket = self.buckets.get_mut(&key);
            let entries = bucket.map(|bucket| std::mem::take(&mut bucket.entries));
            let entries = entries.unwrap_or_default().into_iter();
            // The buckets of a handler and kind stand side by side.
            let last = due
                .last_mut()
                .filter(|it| it.handler == key.handler && it.kind == key.kind);
            of_handler = if last.is_some() { of_handler + 1 } else { 1 };
            match last {
                Some(last) if of_handler > limits::ALERT_BURST_MAX => {
                    last.keys.push(key);
                    last.entries.extend(entries);
                }
                Some(_) | None => due.push(Due {
                    handler: Arc::clone(&key.handler),
                    kind: key.kind,
                    keys: vec![key],
                    entries: entries.collect(),
                }),
            }
        }
        due
    }

    /// Begins the windows of buckets that went out, and leaves the others open.
    fn went(&mut self, keys: Vec<Key>, window: Option<(WallTime, &Handler)>) {
        for key in keys {
            let Some(bucket) = self.buckets.get_mut(&key) else {
                continue;
            };
            if let Some((wall, handler)) = window {
                bucket.open_at = after(wall, handler.pace.window);
            }
            self.timers.insert((bucket.open_at, key));
        }
    }
}

impl Alerts {
    /// Makes notices of all that is due.
    pub(super) fn flush(&mut self, wall: WallTime) {
        self.offer_events(wall);
        if self.deliveries.is_full() {
            return;
        }
        for due in self.buckets.take_due(wall) {
            let Some(handler) = self.handlers.get(&due.handler).cloned() else {
                self.buckets.went(due.keys, None);
                continue;
            };
            let mut items = Vec::new();
            let notice = self.next_notice();
            for entry in due.entries {
                items.extend(match entry {
                    Entry::Problem(key) => self.tell(&key, &handler, notice, wall),
                    Entry::Event(number) => self.tell_event(number, &handler),
                });
            }
            let window = Some((wall, &*handler)).filter(|_| !items.is_empty());
            self.buckets.went(due.keys, window);
            if !items.is_empty() {
                let notice = self.notice(items, &handler, wall);
                self.send(&handler, notice);
            }
        }
    }

    /// Puts events into the buckets of those who are to be told.
    fn offer_events(&mut self, wall: WallTime) {
        self.buckets.events_at = None;
        let mut given_up = Vec::new();
        for event in self.events.values() {
            for id in &event.handlers {
                let handler = self.handlers.get(id.as_str());
                let handler = handler.filter(|it| judge::is_on(it, &self.here).is_ok());
                let Some(handler) = handler else {
                    given_up.push((event.number, id.clone()));
                    continue;
                };
                let when = handler.pace.when.as_ref();
                if let Some(when) = when.filter(|it| !it.contains(wall, &self.time_zone)) {
                    let next = when.next_change(wall, &self.time_zone);
                    let at = self.buckets.events_at.into_iter().chain(next).min();
                    self.buckets.events_at = at;
                    continue;
                }
                let key = Key {
                    handler: Arc::clone(&handler.id),
                    kind: Item::of_event(event).occasion.as_str(),
                    part: String::new(),
                };
                self.buckets.put(key, Entry::Event(event.number));
            }
        }
        for (number, handler) in given_up {
            self.event_done(number, &handler);
        }
    }

    /// Looks at a problem again; when it is still to be told, notes that it is.
    fn tell(&mut self, key: &str, handler: &Handler, notice: u64, wall: WallTime) -> Option<Item> {
        let live = self.problems.get(key)?;
        let Verdict::Tell(occasion) = self.judge(&live.problem, handler, wall) else {
            return None;
        };
        let item = Item::of(&live.problem, occasion);
        let live = self.problems.get_mut(key)?;
        let problem = live.edit();
        let state = problem.state;
        let is_flapping = problem.is_flapping;
        let told = problem.told.entry(handler.id.to_string()).or_insert(Told {
            state,
            first: wall,
            last: wall,
            times: 0,
            is_flapping,
            notice,
            is_lost: false,
        });
        if !is_problem(told.state) {
            told.first = wall;
        }
        told.state = state;
        told.last = wall;
        told.times += 1;
        told.is_flapping = is_flapping;
        told.notice = notice;
        told.is_lost = false;
        let to = match occasion {
            Occasion::Recovery => format!("notice n{notice}: it is over"),
            _ => format!("notice n{notice}: {state} ({})", occasion.as_str()),
        };
        live.decide(wall, &handler.id, to);
        self.keep_problem(key);
        // Who was told may matter to others, and when it is told again to this one.
        self.wakes.insert((wall, key.to_owned()));
        if let Some(live) = self.problems.get_mut(key)
            && let Some(wake) = live.wake.replace(wall).filter(|wake| *wake != wall)
        {
            self.wakes.remove(&(wake, key.to_owned()));
        }
        Some(item)
    }

    fn tell_event(&mut self, number: u64, handler: &Handler) -> Option<Item> {
        let item = Item::of_event(self.events.get(&number)?);
        self.event_done(number, &handler.id);
        Some(item)
    }

    fn event_done(&mut self, number: u64, handler: &str) {
        let Some(event) = self.events.get_mut(&number) else {
            return;
        };
        event.handlers.retain(|id| id != handler);
        let record = match event.handlers.is_empty() {
            true => None,
            false => Some(Record::Event(event.clone())),
        };
        if record.is_none() {
            self.events.remove(&number);
        }
        self.keep.insert(event_key(number), record);
    }

    /// Makes a notice of things: the worst first, the rest counted.
    fn notice(&self, mut items: Vec<Item>, handler: &Handler, wall: WallTime) -> Notice {
        items.sort_by_key(|item| (item.occasion, std::cmp::Reverse(item.weight()), item.at));
        let affected = self.affected(&items, handler, wall);
        let mut context: Vec<String> = Vec::new();
        for item in &items {
            let key = super::problems::key(&item.thing.node, &item.thing.name);
            let live = self.problems.get(&key);
            for text in live.iter().flat_map(|live| &live.problem.context) {
                if context.len() < limits::ALERT_CONTEXT_MAX && !context.contains(text) {
                    context.push(text.clone());
                }
            }
        }
        let occasion = items.first().map_or(Occasion::Test, |item| item.occasion);
        let more = items.len().saturating_sub(limits::ALERT_ITEMS_MAX);
        items.truncate(limits::ALERT_ITEMS_MAX);
        let affected_more = affected.len().saturating_sub(limits::ALERT_AFFECTED_MAX);
        Notice {
            occasion,
            at: wall,
            items,
            more: more as u64,
            affected: affected
                .into_iter()
                .take(limits::ALERT_AFFECTED_MAX)
                .collect(),
            affected_more: affected_more as u64,
            context,
        }
    }

    /// Names what stays silent because of these things: what depends on them by its pack, and what
    /// is bad already.
    fn affected(&self, items: &[Item], handler: &Handler, wall: WallTime) -> BTreeSet<String> {
        let bad = items
            .iter()
            .filter(|item| item.event.is_none() && item.occasion != Occasion::Recovery);
        let bad: Vec<&Item> = bad.collect();
        let roots: BTreeSet<&str> = bad.iter().map(|item| &*item.thing.name).collect();
        let nodes = bad.iter().flat_map(|item| self.node_roots(&item.thing));
        let nodes: Vec<String> = nodes.collect();
        let mut affected = BTreeSet::new();
        let mut left: Vec<&str> = roots.iter().map(|name| parts_of(name).0).collect();
        left.extend(nodes.iter().map(String::as_str));
        while let Some(name) = left.pop() {
            for dependant in self.dependants.get(name).into_iter().flatten() {
                if affected.insert(dependant.clone()) {
                    left.push(dependant);
                }
            }
        }
        for live in self
            .problems
            .values()
            .filter(|live| is_problem(live.problem.state))
        {
            let problem = &live.problem;
            if problem.thing.depends_on.is_empty() {
                continue;
            }
            let cause = self.cause_for(problem, handler, wall);
            if cause.is_some_and(|(cause, _)| roots.contains(&*cause.thing.name)) {
                affected.remove(parts_of(&problem.thing.name).0);
                affected.insert(format!("{} ({})", problem.thing.name, problem.state));
            }
        }
        affected
    }
}
