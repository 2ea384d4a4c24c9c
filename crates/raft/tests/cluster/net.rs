//! A network that loses, delays, reorders and cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raft::{CallError, Calling, Group, Lane, Transport, Voter};

use crate::pass;
use crate::random::Random;

/// The network; nodes reach each other by [`Wire`]s.
pub(crate) struct Net {
    state: Mutex<State>,
}

struct State {
    random: Random,
    up: BTreeMap<Voter, (u64, Group)>,
    cut: BTreeSet<(Voter, Voter)>,
    /// Messages lost out of a hundred.
    loss: u64,
    delay_max_ms: u64,
}

/// The start of a node that takes no part: it is never off.
pub(crate) const GUEST: u64 = u64::MAX;

/// The network as one start of a node sees it.
pub(crate) struct Wire {
    pub(crate) me: Voter,
    pub(crate) boot: u64,
    pub(crate) net: Arc<Net>,
}

enum Way {
    Down,
    Lost,
    Through(Duration, Group),
}

impl Net {
    pub(crate) fn new(random: Random) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                random,
                up: BTreeMap::new(),
                cut: BTreeSet::new(),
                loss: 0,
                delay_max_ms: 3,
            }),
        })
    }

    pub(crate) fn plug(&self, node: Voter, boot: u64, group: Group) {
        self.state.lock().unwrap().up.insert(node, (boot, group));
    }

    pub(crate) fn unplug(&self, node: Voter) {
        self.state.lock().unwrap().up.remove(&node);
    }

    pub(crate) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut.clear();
        state.loss = 0;
        state.delay_max_ms = 3;
    }

    pub(crate) fn set_weather(&self, loss: u64, delay_max_ms: u64) {
        let mut state = self.state.lock().unwrap();
        (state.loss, state.delay_max_ms) = (loss, delay_max_ms);
    }

    /// Cuts the way from one to the other, in that direction.
    pub(crate) fn cut(&self, from: Voter, to: Voter) {
        self.state.lock().unwrap().cut.insert((from, to));
    }

    fn way(&self, from: Voter, boot: u64, to: Voter) -> Way {
        let mut state = self.state.lock().unwrap();
        let delay_max = state.delay_max_ms * 1_000;
        let delay = Duration::from_micros(50 + state.random.below(delay_max));
        let loss = state.loss;
        let is_lost = state.random.below(100) < loss || state.cut.contains(&(from, to));
        let is_me = || state.up.get(&from).is_some_and(|(now, _)| *now == boot);
        if is_lost || !(boot == GUEST || is_me()) {
            return Way::Lost;
        }
        match state.up.get(&to) {
            Some((_, group)) => Way::Through(delay, group.clone()),
            None => Way::Down,
        }
    }

    fn boot(&self, node: Voter) -> Option<u64> {
        self.state
            .lock()
            .unwrap()
            .up
            .get(&node)
            .map(|(boot, _)| *boot)
    }
}

impl Transport for Wire {
    fn call(&self, to: Voter, _: Lane, message: Vec<u8>, time_box: Duration) -> Calling<'_> {
        let (me, boot, net) = (self.me, self.boot, Arc::clone(&self.net));
        Box::pin(async move {
            let no_answer = || CallError::NoAnswer(format!("{to} gave no answer"));
            let (delay, group) = match net.way(me, boot, to) {
                Way::Down => return Err(CallError::NotSent(format!("{to} is down"))),
                Way::Lost => {
                    pass(time_box).await;
                    return Err(no_answer());
                }
                Way::Through(delay, group) => (delay, group),
            };
            let back = net.boot(to);
            pass(delay).await;
            // It is handled also when nobody waits for the answer any more.
            let handled = tokio::spawn(async move { group.handle(&message).await });
            let answer = handled.await.map_err(|_| no_answer())?;
            match (back, net.boot(me)) {
                (Some(back), now) if now == Some(boot) || boot == GUEST => {
                    match net.way(to, back, me) {
                        Way::Through(delay, _) => {
                            pass(delay).await;
                            Ok(answer)
                        }
                        // Nothing is asked of it, so it is not plugged in.
                        Way::Down if boot == GUEST => Ok(answer),
                        Way::Down | Way::Lost => {
                            pass(time_box).await;
                            Err(no_answer())
                        }
                    }
                }
                _ => {
                    pass(time_box).await;
                    Err(no_answer())
                }
            }
        })
    }

    fn voters(&self) -> Vec<Voter> {
        let state = self.net.state.lock().unwrap();
        state
            .up
            .keys()
            .copied()
            .filter(|id| *id != self.me)
            .collect()
    }
}
