//! Zones of books on a virtual clock: what is told within a zone reaches its living nodes, calls
//! between zones go by `Exchanges` alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{MemberState, Moment, NodeId, WallTime};

use super::*;
use crate::book::tests::{proxy, tree, zone};
use crate::book::{Book, From};
use crate::events::Event;
use crate::input::Call;
use crate::item::Item;
use crate::record::Record;
use crate::record::tests::{id, record};

const STEP: Duration = Duration::from_millis(100);

struct Node {
    book: Book,
    exchanges: Exchanges,
    calls: u64,
    up: bool,
}

struct World {
    nodes: BTreeMap<NodeId, Node>,
    now: Moment,
    random: u64,
}

impl World {
    /// Nodes that know those of their zone, and the proxies above as after a join.
    fn new(records: &[Record]) -> Self {
        let mut nodes = BTreeMap::new();
        for record in records {
            let now = Moment::default();
            let mut book = Book::new(record.clone(), tree());
            for other in records {
                let near = other.body.zone == record.body.zone;
                let above = tree().parent(&record.body.zone) == Some(&other.body.zone);
                if near || above && other.body.is_proxy {
                    let item = Item::Record(Arc::new(other.clone()));
                    let _ = book.take(now, WallTime::from_millis(1), &From::Zone, item);
                }
            }
            let seed = u64::from(record.id.as_bytes()[0]);
            let exchanges = Exchanges::new(now, Duration::from_secs(10), seed);
            let node = Node {
                book,
                exchanges,
                calls: 0,
                up: true,
            };
            nodes.insert(record.id, node);
        }
        Self {
            nodes,
            now: Moment::default(),
            random: 7,
        }
    }

    fn wall(&self) -> WallTime {
        let since = self.now.since_start().as_millis() as u64;
        WallTime::from_millis(1_700_000_000_000 + since)
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now = self.now + STEP;
            let ids: Vec<_> = self.nodes.keys().copied().collect();
            for id in ids {
                if self.nodes[&id].up {
                    self.step(id);
                }
            }
        }
    }

    fn places(&self, of: NodeId) -> Vec<Place> {
        let zone = self.nodes[&of].book.zone();
        let near = self.nodes.values().filter(|node| node.book.zone() == zone);
        let others = near.map(|node| node.book.own()).filter(|own| own.id != of);
        others.map(|own| (own.id, own.body.address)).collect()
    }

    fn step(&mut self, id: NodeId) {
        let (now, wall) = (self.now, self.wall());
        let places = self.places(id);
        let states: Vec<_> = places
            .iter()
            .map(|(id, _)| match self.nodes[id].up {
                true => (*id, MemberState::Alive, wall, None),
                false => (*id, MemberState::Dead, wall, None),
            })
            .collect();
        let living: Vec<_> = places
            .into_iter()
            .filter(|(id, _)| self.nodes[id].up)
            .collect();
        let node = self.nodes.get_mut(&id).unwrap();
        node.book.tick(now, wall);
        if node.book.own().body.is_proxy && node.book.report(now, wall, states) {
            node.exchanges.hurry(now);
        }
        while node.book.poll_news().is_some() {}
        let hash = node.book.hash();
        let summary = node.exchanges.summary(now, &living);
        let own = (id, node.book.own().body.address);
        let told: Vec<_> = std::iter::from_fn(|| node.book.poll_spread()).collect();
        if !told.is_empty() {
            node.exchanges.hurry(now);
        }
        let askings = node
            .exchanges
            .due(now, &node.book, &[], (&living, false), &mut node.calls);
        if let Some((to, _)) = summary {
            let to = self.nodes.get_mut(&to).unwrap();
            to.exchanges.told(&to.book, own, hash);
        }
        for item in told {
            for (to, _) in &living {
                self.random = self
                    .random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(99);
                // Each is told some times, and lost to one in sixteen all the same.
                if self.random >> 60 > 0 {
                    let to = self.nodes.get_mut(to).unwrap();
                    let item = Item::decode(&item.encode()).unwrap();
                    let _ = to.book.take(now, wall, &From::Zone, item);
                }
            }
        }
        for asking in askings {
            self.call(id, asking);
        }
    }

    fn call(&mut self, from: NodeId, mut asking: Asking) {
        let (now, wall) = (self.now, self.wall());
        loop {
            let to = self
                .nodes
                .values_mut()
                .find(|it| it.book.own().body.address == asking.to);
            let request = Request::decode(&asking.request).unwrap();
            let proved = &asking.zones[0];
            let answer = to.filter(|to| to.up).map(|to| {
                to.book
                    .answer(now, wall, Some(proved), request, &[])
                    .encode()
            });
            let Node {
                book,
                exchanges,
                calls,
                ..
            } = self.nodes.get_mut(&from).unwrap();
            let outcome =
                exchanges.answered(now, wall, book, asking.call, answer.as_deref(), calls);
            match outcome {
                Outcome::More(more) => asking = more,
                Outcome::Done { .. } | Outcome::Failed { refused: None, .. } => return,
                other => panic!("{other:?}"),
            }
        }
    }

    fn seen(&self, by: u8) -> Vec<u8> {
        let book = &self.nodes[&id(by)].book;
        book.records()
            .map(|record| record.id.as_bytes()[0])
            .collect()
    }

    fn state(&self, by: u8, of: u8) -> MemberState {
        let book = &self.nodes[&id(by)].book;
        book.seen(self.now, self.wall(), id(of)).unwrap().state
    }

    fn up(&mut self, number: u8, up: bool) {
        self.nodes.get_mut(&id(number)).unwrap().up = up;
    }
}

#[test]
fn three_zones_see_what_they_may_and_events_go_up_only() {
    let mut world = World::new(&[
        proxy(1, "lan"),
        record(2, "lan"),
        proxy(3, "internet"),
        proxy(4, "customer-1"),
    ]);
    for number in 1..=4 {
        let now = world.now;
        let node = world.nodes.get_mut(&id(number)).unwrap();
        let event = Event {
            id: number.into(),
            kind: format!("NODE{number}-END"),
            payload: Arc::from([]),
            from: id(number),
            zone: node.book.zone().clone(),
            at: WallTime::from_millis(1),
        };
        node.book.add_event(now, event).unwrap();
    }
    world.run(2);
    assert_eq!(world.seen(1), [1, 2, 3, 4]);
    world.run(30);
    let events = |by: u8| -> Vec<_> {
        let events = world.nodes[&id(by)].book.events(world.now);
        let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(
        (world.seen(2), events(2)),
        (vec![1, 2, 3, 4], vec![1, 2, 3, 4])
    );
    assert_eq!((world.seen(3), events(3)), (vec![1, 3, 4], vec![3, 4]));
    assert_eq!((world.seen(4), events(4)), (vec![3, 4], vec![4]));
}

fn two_zones() -> World {
    World::new(&[
        proxy(1, "lan"),
        proxy(2, "lan"),
        record(5, "lan"),
        proxy(3, "internet"),
        proxy(4, "internet"),
        record(6, "internet"),
        record(7, "internet"),
    ])
}

#[test]
fn a_death_below_is_known_above_and_taken_back_when_it_was_none() {
    let mut world = two_zones();
    world.run(30);
    world.up(7, false);
    world.run(3);
    assert_eq!(world.state(1, 7), MemberState::Dead);
    world.run(40);
    for by in [1, 2, 5] {
        assert_eq!(
            (world.state(by, 7), world.state(by, 6)),
            (MemberState::Dead, MemberState::Alive)
        );
    }
    world.up(7, true);
    world.run(40);
    for by in [1, 2, 5] {
        assert_eq!(world.state(by, 7), MemberState::Alive, "{by}");
    }
}

#[test]
fn one_proxy_of_two_may_die_on_either_side_and_nothing_is_suspect() {
    for dead in [1, 2, 3, 4] {
        let mut world = two_zones();
        world.run(30);
        world.up(dead, false);
        for _ in 0..120 {
            world.run(1);
            for by in [1, 2, 5].into_iter().filter(|by| *by != dead) {
                assert_eq!(world.state(by, 6), MemberState::Alive, "{dead} {by}");
            }
        }
    }
}

#[test]
fn without_proxies_a_zone_is_suspect_then_dead_and_comes_back_by_itself() {
    let mut world = two_zones();
    world.run(30);
    world.up(3, false);
    world.up(4, false);
    world.run(15);
    assert_eq!(world.state(5, 6), MemberState::Alive);
    world.run(25);
    assert_eq!(world.state(5, 6), MemberState::Suspect);
    world.run(35);
    for by in [1, 2, 5] {
        assert_eq!(world.state(by, 6), MemberState::Dead);
    }
    world.up(3, true);
    world.up(4, true);
    world.run(45);
    for by in [1, 2, 5] {
        assert_eq!(world.state(by, 6), MemberState::Alive, "{by}");
    }
}

#[test]
fn books_of_a_zone_become_one_though_much_is_lost() {
    let records: Vec<_> = (1..=20).map(|number| record(number, "lan")).collect();
    let mut world = World::new(&records);
    for number in 1..=20 {
        let now = world.now;
        let node = world.nodes.get_mut(&id(number)).unwrap();
        node.book
            .change_own(now, |body| body.program = format!("0.7.{number}"));
    }
    world
        .nodes
        .get_mut(&id(1))
        .unwrap()
        .book
        .forget(WallTime::from_millis(1_700_000_000_000), id(9));
    world.up(9, false);
    world.run(60);
    let hash = world.nodes[&id(1)].book.hash();
    for (id_, node) in world.nodes.iter().filter(|(_, node)| node.up) {
        assert_eq!(node.book.hash(), hash, "{id_}");
        assert!(node.book.record(id(9)).is_none());
    }
}

#[test]
fn a_call_of_somebody_else_is_left_alone() {
    let mut book = Book::new(record(1, "lan"), tree());
    let mut exchanges = Exchanges::new(Moment::default(), Duration::from_secs(10), 1);
    let (now, wall) = (Moment::default(), WallTime::default());
    let outcome = exchanges.answered(now, wall, &mut book, Call(9), None, &mut 0);
    assert_eq!(outcome, Outcome::NotMine);
    assert_eq!(book.zone(), &zone("lan"));
}
