//! The journal against a plain list, through every operation.

use std::collections::VecDeque;

use super::*;

#[test]
fn behaves_like_a_list_through_every_operation_and_reopening() {
    let rounds = if std::env::var_os("SLOW_TESTS").is_some() {
        400
    } else {
        40
    };
    for seed in 0..rounds {
        println!("seed {seed}");
        let dir = scratch::dir();
        let mut random = Random(seed);
        let mut journal = open(dir.path()).0;
        let mut model = Model::default();
        for _ in 0..60 {
            journal = step(journal, dir.path(), &mut model, &mut random);
            model.compare(&journal, &mut random);
        }
    }
}

fn step(mut journal: Journal, dir: &Path, model: &mut Model, random: &mut Random) -> Journal {
    match random.below(12) {
        0..6 => {
            let batch: Vec<(WallTime, Vec<u8>)> = (0..random.below(6))
                .map(|_| {
                    let bytes = random.below(300) as usize;
                    (at(random.below(1_000)), vec![random.next() as u8; bytes])
                })
                .collect();
            let appended = journal.append(&batch).unwrap();
            assert_eq!(appended.start, Position(model.next));
            model.append(batch);
            assert_eq!(appended.end, Position(model.next));
        }
        6 | 7 => {
            let position = Position(random.below(model.next + 2));
            journal.truncate_after(position).unwrap();
            model.records.retain(|record| record.position <= position);
            model.next = model.next.min(position.0 + 1);
        }
        8 => {
            let position = Position(random.below(model.next + 2));
            let before = journal.reader().first().unwrap_or(Position(model.next));
            journal.drop_before(position).unwrap();
            let first = journal.reader().first().unwrap_or(Position(model.next));
            assert!(first >= before && first <= before.max(position));
            model.records.retain(|record| record.position >= first);
        }
        9 if random.below(4) == 0 => {
            model.next = 1 + random.below(10_000);
            model.records.clear();
            journal.reset(Position(model.next)).unwrap();
        }
        _ => {
            drop(journal);
            let check = if random.below(2) == 0 {
                Check::Tail
            } else {
                Check::Everything
            };
            let (opened, recovery) = Journal::open(dir, options(check)).unwrap();
            assert_eq!(recovery, Recovery::default());
            return opened;
        }
    }
    journal
}

struct Model {
    records: VecDeque<Record>,
    next: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            records: VecDeque::new(),
            next: 1,
        }
    }
}

impl Model {
    fn append(&mut self, batch: Vec<(WallTime, Vec<u8>)>) {
        for (time, payload) in batch {
            let position = Position(self.next);
            self.records.push_back(Record {
                position,
                time,
                payload,
            });
            self.next += 1;
        }
    }

    fn compare(&self, journal: &Journal, random: &mut Random) {
        let reader = journal.reader();
        assert_eq!(reader.next(), Position(self.next));
        assert_eq!(
            reader.first(),
            self.records.front().map(|record| record.position)
        );
        assert_eq!(
            reader.last(),
            self.records.back().map(|record| record.position)
        );
        let mut replayed = Vec::new();
        let from = Position(random.below(self.next + 1));
        let damage = reader
            .replay(from, |record| {
                replayed.push(record);
                Ok(())
            })
            .unwrap();
        assert!(damage.is_empty());
        assert!(
            replayed
                .iter()
                .eq(self.records.iter().filter(|r| r.position >= from))
        );
        let order = [Order::OldestFirst, Order::NewestFirst][random.below(2) as usize];
        let start = random.below(1_000);
        let mut query = Query::all(
            order,
            1 + random.below(20) as usize,
            random.below(2_000) as usize,
        );
        if random.below(2) == 0 {
            let end = start + random.below(500);
            query = query.between(at(start)..=at(end));
        }
        if random.below(2) == 0 {
            let start = random.below(self.next + 1);
            query = query
                .from(Position(start))
                .before(Position(start + random.below(30)));
        }
        let mut expect: Vec<&Record> = self
            .records
            .iter()
            .filter(|r| query.positions.contains(&r.position) && query.times.contains(&r.time))
            .collect();
        if order == Order::NewestFirst {
            expect.reverse();
        }
        assert!(read_pages(&reader, query).iter().eq(expect));
    }
}

/// Follows a query to its end and checks the limits of each page.
fn read_pages(reader: &Reader, query: Query) -> Vec<Record> {
    let mut records = Vec::new();
    let mut next = Some(query);
    while let Some(query) = next {
        let page = reader.read(&query).unwrap();
        assert!(page.damage.is_empty());
        let bytes: usize = page.records.iter().map(|record| record.payload.len()).sum();
        assert!(page.records.len() <= query.records_max);
        assert!(bytes <= query.bytes_max || page.records.len() == 1);
        assert!(page.rest.is_none() || !page.records.is_empty());
        records.extend(page.records);
        next = page.rest;
    }
    records
}
