//! Who waits for an answer of the core, and where answers go.

use std::collections::BTreeMap;

use gossip::{Call, OrderId, Refusal};
use model::limits;
use tokio::sync::oneshot;

use super::Outcome;

/// Who waits for what.
#[derive(Default)]
pub(super) struct Pending {
    next: u64,
    orders: BTreeMap<OrderId, oneshot::Sender<Outcome>>,
    calls: BTreeMap<Call, oneshot::Sender<Vec<u8>>>,
}

impl Pending {
    /// Takes note of an order; none when too many wait, and then whoever gave it was told so.
    pub(super) fn order(&mut self, answer: oneshot::Sender<Outcome>) -> Option<OrderId> {
        self.orders.retain(|_, waiting| !waiting.is_closed());
        if self.orders.len() >= limits::ORDERS_WAITING_MAX {
            // Whoever asked may be gone.
            let _ = answer.send(Err(Refusal::TooMuch(
                "too many orders wait for an answer already",
            )));
            return None;
        }
        self.next += 1;
        self.orders.insert(OrderId(self.next), answer);
        Some(OrderId(self.next))
    }

    /// Takes note of a question of another node; none when too many wait: the stream is closed.
    pub(super) fn asked(&mut self, answer: oneshot::Sender<Vec<u8>>) -> Option<Call> {
        self.calls.retain(|_, waiting| !waiting.is_closed());
        if self.calls.len() >= limits::NODE_STREAMS_MAX {
            return None;
        }
        self.next += 1;
        self.calls.insert(Call(self.next), answer);
        Some(Call(self.next))
    }

    /// Tells what came of an order.
    pub(super) fn done(&mut self, id: OrderId, outcome: Outcome) {
        if let Some(waiting) = self.orders.remove(&id) {
            // Whoever asked may be gone.
            let _ = waiting.send(outcome);
        }
    }

    /// Answers another node.
    pub(super) fn reply(&mut self, call: Call, answer: Vec<u8>) {
        if let Some(waiting) = self.calls.remove(&call) {
            // Its stream may have ended.
            let _ = waiting.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_reach_who_waits_and_too_many_are_refused() {
        let mut pending = Pending::default();
        let mut waiting = Vec::new();
        let first = loop {
            let (tx, rx) = oneshot::channel();
            let id = pending.order(tx);
            waiting.push(rx);
            if id.is_none() {
                break waiting.remove(0);
            }
        };
        let refused = waiting.pop().unwrap().await.unwrap();
        assert!(matches!(refused, Err(Refusal::TooMuch(_))));
        pending.done(OrderId(1), Ok(gossip::Done::Left));
        assert_eq!(first.await.unwrap(), Ok(gossip::Done::Left));
        // Those who went make room.
        drop(waiting);
        let (tx, _rx) = oneshot::channel();
        assert!(pending.order(tx).is_some());
    }
}
