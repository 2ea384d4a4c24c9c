//! The queue of deliveries: each notice goes to its handler at least once, in order, and is tried
//! again until it arrives or is too old to be of use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{Moment, WallTime, limits};
use packs::handler::Handler;

use super::clock::{Mend, after};
use super::kept::{Attempt, Delivery, Record, Stage, Thing, Told};
use super::notice::{Item, Notice, Occasion};
use super::snapshot::Reached;
use super::{Alerts, Output, delivery_key};

/// Why a notice was not taken by the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// What failed and what to do.
    pub message: String,
    /// Whether another try can help.
    pub can_help: bool,
    /// How long the other side asked to wait.
    pub wait: Option<Duration>,
}

/// All deliveries, by number.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    all: BTreeMap<u64, Arc<Delivery>>,
    /// Those that are not done, by the queue that they stand in.
    open: BTreeMap<Queue, BTreeSet<u64>>,
    open_count: usize,
    sending: BTreeSet<u64>,
}

/// What is delivered in order: all for one handler, and its tests apart from that. Who tries a
/// handler that fails wants to know at once whether it still does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Queue {
    handler: String,
    is_of_tests: bool,
}

impl Queue {
    fn of(delivery: &Delivery) -> Self {
        Self {
            handler: delivery.handler.clone(),
            is_of_tests: delivery.notice.occasion == Occasion::Test,
        }
    }
}

impl Deliveries {
    pub(super) fn restore(&mut self, mut delivery: Delivery, mend: Mend) {
        if delivery.stage == Stage::Sending {
            delivery.stage = Stage::Waiting;
            mend.past(&mut delivery.due);
        }
        if delivery.stage == Stage::Waiting {
            put_right(&mut delivery, mend);
            self.add(delivery);
        } else {
            self.all.insert(delivery.number, Arc::new(delivery));
        }
    }

    fn add(&mut self, delivery: Delivery) {
        let queue = self.open.entry(Queue::of(&delivery)).or_default();
        self.open_count += usize::from(queue.insert(delivery.number));
        self.all.insert(delivery.number, Arc::new(delivery));
    }

    fn close(&mut self, number: u64) {
        let Some(delivery) = self.all.get(&number) else {
            return;
        };
        let name = Queue::of(delivery);
        let Some(queue) = self.open.get_mut(&name) else {
            return;
        };
        self.open_count -= usize::from(queue.remove(&number));
        if queue.is_empty() {
            self.open.remove(&name);
        }
    }

    fn is_open(&self, delivery: &Delivery) -> bool {
        let queue = self.open.get(&Queue::of(delivery));
        queue.is_some_and(|numbers| numbers.contains(&delivery.number))
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Delivery>> {
        self.all.values()
    }

    pub(super) fn is_full(&self) -> bool {
        self.open_count >= limits::ALERT_DELIVERIES_WAITING_MAX
    }

    /// Takes what may be tried now; of each queue the oldest first, one at a time.
    pub(super) fn take_due(&mut self, wall: WallTime) -> Vec<Arc<Delivery>> {
        let free = limits::ALERT_DELIVERIES_SENDING_MAX.saturating_sub(self.sending.len());
        let mut due = Vec::new();
        for number in self.ready() {
            let Some(delivery) = self.all.get_mut(&number).filter(|it| it.due <= wall) else {
                continue;
            };
            if due.len() == free {
                break;
            }
            Arc::make_mut(delivery).stage = Stage::Sending;
            self.sending.insert(number);
            due.push(Arc::clone(delivery));
        }
        due
    }

    /// Tells when the next one is to be tried; while all places are taken, an end comes first.
    pub(super) fn next_due(&self) -> Option<WallTime> {
        if self.sending.len() >= limits::ALERT_DELIVERIES_SENDING_MAX {
            return None;
        }
        let ready = self.ready().into_iter();
        ready
            .filter_map(|number| self.all.get(&number))
            .map(|it| it.due)
            .min()
    }

    /// Those whose turn it is: behind one that is on its way, or that is young and fails, others of
    /// its queue wait.
    fn ready(&self) -> Vec<u64> {
        let mut ready = Vec::new();
        for numbers in self.open.values() {
            for number in numbers {
                let Some(delivery) = self.all.get(number) else {
                    continue;
                };
                if delivery.stage == Stage::Waiting {
                    ready.push(*number);
                }
                let is_old = delivery.due >= after(delivery.made, limits::ALERT_ORDER_MAX);
                if !is_old || delivery.stage == Stage::Sending {
                    break;
                }
            }
        }
        ready
    }

    fn edit(&mut self, number: u64) -> Option<&mut Delivery> {
        self.all.get_mut(&number).map(Arc::make_mut)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Arc<Delivery>> {
        self.all.get(&number)
    }

    /// Brings what waits onto the clock as it is set; gives its numbers.
    pub(super) fn mend(&mut self, mend: Mend) -> Vec<u64> {
        let open: Vec<u64> = self.open.values().flatten().copied().collect();
        for number in &open {
            if let Some(delivery) = self.edit(*number) {
                put_right(delivery, mend);
            }
        }
        open
    }

    /// Drops the oldest of those that are done, and names them.
    fn drop_old(&mut self) -> Vec<u64> {
        let done = self.all.len() - self.open_count;
        let over = done.saturating_sub(limits::ALERT_DELIVERIES_KEPT_MAX);
        let old = self.all.values().filter(|delivery| !self.is_open(delivery));
        let old: Vec<u64> = old.take(over).map(|delivery| delivery.number).collect();
        for number in &old {
            self.all.remove(number);
        }
        old
    }
}

impl Alerts {
    /// Gives the number that the next notice gets.
    pub(super) fn next_notice(&self) -> u64 {
        self.numbers.deliveries + 1
    }

    /// Puts a notice into the queue of a handler; gives its number.
    pub(super) fn send(&mut self, handler: &Handler, notice: Notice) -> u64 {
        let number = self.next_notice();
        self.numbers.deliveries = number;
        let wall = self.clock.wall();
        let delivery = Delivery {
            number,
            id: format!("{}-{number}", self.here.id),
            handler: handler.id.to_string(),
            via: handler.id.to_string(),
            notice,
            made: wall,
            due: wall,
            failures: 0,
            stage: Stage::Waiting,
            log: Vec::new(),
        };
        self.deliveries.add(delivery);
        self.keep_delivery(number);
        number
    }

    /// Sends a notice that says nothing but that notices arrive; gives its number.
    pub fn test(
        &mut self,
        now: Moment,
        wall: WallTime,
        handler: &str,
        by: &str,
    ) -> Result<u64, String> {
        self.at(now, wall);
        // Without its pack too, where only one has that name.
        let mut short = self.handlers.values().filter(|it| *it.name == *handler);
        let short = short.next().filter(|_| short.next().is_none());
        let Some(handler) = self.handlers.get(handler).or(short).cloned() else {
            let near = model::nearest(handler, self.handlers.keys().map(|id| &**id));
            return Err(match near {
                Some(near) => format!("there is no handler {handler}: did you mean {near}?"),
                None => format!("there is no handler {handler}"),
            });
        };
        let thing = Thing {
            node: self.here.id.clone(),
            node_name: self.here.name.clone(),
            node_display_name: self.here.display_name.clone(),
            zone: self.here.zone.clone(),
            name: "test".to_owned(),
            display_name: "test".to_owned(),
            ..Thing::default()
        };
        let item = Item {
            problem: 0,
            occasion: Occasion::Test,
            thing,
            state: "TEST".to_owned(),
            old_state: String::new(),
            output: format!("{by} wants to see whether notices of {} arrive", handler.id),
            since: wall,
            at: wall,
            event: None,
        };
        let notice = Notice {
            occasion: Occasion::Test,
            at: wall,
            items: vec![item],
            more: 0,
            affected: Vec::new(),
            affected_more: 0,
            context: Vec::new(),
        };
        let number = self.send(&handler, notice);
        self.settle();
        Ok(number)
    }

    /// Takes what the shell is to hand over now. A notice whose handler is gone ends here, or takes
    /// another way, and the next one has its turn: thousands may wait for one that is removed.
    pub(super) fn take_due(&mut self, wall: WallTime) -> Vec<Output> {
        let mut delivers = Vec::new();
        loop {
            let due = self.deliveries.take_due(wall);
            if due.is_empty() {
                return delivers;
            }
            for delivery in due {
                if let Some(handler) = self.handlers.get(&*delivery.via).cloned() {
                    self.keep_delivery(delivery.number);
                    delivers.push(Output::Deliver { delivery, handler });
                    continue;
                }
                let gone = Undelivered {
                    message: format!("the handler {} is no longer there", delivery.via),
                    can_help: false,
                    wait: None,
                };
                self.ended(delivery.number, Err(gone));
            }
        }
    }

    /// Takes what became of a try.
    pub fn delivered(
        &mut self,
        now: Moment,
        wall: WallTime,
        number: u64,
        outcome: Result<String, Undelivered>,
    ) {
        self.at(now, wall);
        self.ended(number, outcome);
        self.settle();
    }

    fn ended(&mut self, number: u64, outcome: Result<String, Undelivered>) {
        let wall = self.clock.wall();
        self.deliveries.sending.remove(&number);
        let ways = self.ways(number);
        let Some(delivery) = self.deliveries.edit(number) else {
            return;
        };
        if delivery.stage != Stage::Sending {
            return;
        }
        let (text, failed) = match outcome {
            Ok(receipt) => (receipt, None),
            Err(failed) => (failed.message.clone(), Some(failed)),
        };
        delivery.log.push(Attempt {
            at: wall,
            via: delivery.via.clone(),
            text: text.clone(),
            is_success: failed.is_none(),
        });
        if delivery.log.len() > limits::ALERT_ATTEMPTS_MAX {
            delivery.log.remove(0);
        }
        match failed {
            None => delivery.stage = Stage::Delivered,
            Some(failed) => plan(delivery, &failed, &ways, wall),
        }
        let is_test = delivery.notice.occasion == Occasion::Test;
        let (stage, via) = (delivery.stage, delivery.via.clone());
        self.keep_delivery(number);
        match stage {
            Stage::Waiting | Stage::Sending => return,
            Stage::Delivered => self.note("told", format!("notice {number} by {via}: {text}")),
            Stage::Failed if is_test => {}
            Stage::Failed => {
                self.note("failed", format!("notice {number} was given up: {text}"));
                self.lost(number, &text);
            }
        }
        self.deliveries.close(number);
        for old in self.deliveries.drop_old() {
            self.keep.insert(delivery_key(old), None);
        }
    }

    /// Notes with the problems that nobody read a notice.
    fn lost(&mut self, number: u64, why: &str) {
        let wall = self.clock.wall();
        let mut keys = Vec::new();
        for (key, live) in &mut self.problems {
            let is_it = |told: &Told| told.notice == number;
            let told = live.problem.told.iter().find(|(_, told)| is_it(told));
            let Some(handler) = told.map(|(handler, _)| handler.clone()) else {
                continue;
            };
            if let Some(told) = live.edit().told.get_mut(&handler) {
                told.is_lost = true;
            }
            let text = format!("notice n{number} was given up: {why}");
            live.decide(wall, &handler, text);
            keys.push(key.clone());
        }
        for key in keys {
            self.keep_problem(&key);
        }
    }

    /// Tells what became of the last notice that a handler got of a problem.
    pub(super) fn reached(&self, told: &Told) -> Reached {
        if told.is_lost {
            return Reached::Failed;
        }
        match self.deliveries.get(told.notice).map(|it| it.stage) {
            Some(Stage::Waiting | Stage::Sending) => Reached::Waiting,
            Some(Stage::Failed) => Reached::Failed,
            // Only notices that are done are dropped, and of one that failed that is noted.
            Some(Stage::Delivered) | None => Reached::Told,
        }
    }

    /// Names the handlers that may deliver a notice: its own, then the alternates.
    fn ways(&self, number: u64) -> Vec<String> {
        let Some(delivery) = self.deliveries.get(number) else {
            return Vec::new();
        };
        let own = self.handlers.get(&*delivery.handler);
        let alternates = own.iter().flat_map(|handler| &handler.alternates);
        let alternates = alternates.filter(|id| self.handlers.contains_key(&***id));
        std::iter::once(delivery.handler.clone())
            .chain(alternates.map(ToString::to_string))
            .collect()
    }

    pub(super) fn keep_delivery(&mut self, number: u64) {
        if let Some(delivery) = self.deliveries.get(number) {
            let record = Record::Delivery(Box::new(Delivery::clone(delivery)));
            self.keep.insert(delivery_key(number), Some(record));
        }
    }
}

/// Brings the times of a notice that waits onto the clock as it is set.
fn put_right(delivery: &mut Delivery, mend: Mend) {
    mend.past(&mut delivery.made);
    mend.due(&mut delivery.due, limits::ALERT_RETRY_MAX);
}

/// Decides what follows a failure: the same handler later, the next one now, or the end.
fn plan(delivery: &mut Delivery, failed: &Undelivered, ways: &[String], wall: WallTime) {
    delivery.failures += 1;
    let is_old = after(delivery.made, limits::ALERT_DELIVERY_AGE_MAX) <= wall;
    if is_old || delivery.notice.occasion == Occasion::Test {
        delivery.stage = Stage::Failed;
        return;
    }
    delivery.stage = Stage::Waiting;
    let at = ways
        .iter()
        .position(|way| *way == delivery.via)
        .unwrap_or(0);
    let is_last = at + 1 >= ways.len();
    let is_enough = !failed.can_help || delivery.failures >= limits::ALERT_TRIES_MAX;
    if is_enough && !is_last {
        delivery.via.clone_from(&ways[at + 1]);
        delivery.failures = 0;
        delivery.due = wall;
        return;
    }
    if !failed.can_help {
        // Those before it were away when they were tried, or cannot be helped either.
        let others_may = ways.len() > 1 && delivery.log.iter().any(|one| one.via != delivery.via);
        let is_hopeless = !others_may || delivery.log.len() >= limits::ALERT_ATTEMPTS_MAX;
        if is_hopeless {
            delivery.stage = Stage::Failed;
            return;
        }
    }
    if is_last && is_enough && ways.len() > 1 {
        delivery.via.clone_from(&ways[0]);
    }
    let doubled =
        limits::ALERT_RETRY_MIN.saturating_mul(1 << delivery.failures.min(10).saturating_sub(1));
    let wait = failed.wait.unwrap_or(doubled.min(limits::ALERT_RETRY_MAX));
    delivery.due = after(wall, wait.max(Duration::from_millis(100)));
}
