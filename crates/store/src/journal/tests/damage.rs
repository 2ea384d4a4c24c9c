//! Cuts, flipped bits and lost pages at every place.

use super::*;

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_told_and_nothing_before_it_is_lost() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..20);
    let whole = all(&journal);
    drop(journal);
    let newest = segments(dir.path()).pop().unwrap();
    let length = fs::metadata(&newest).unwrap().len();
    let name = newest.file_name().unwrap();
    let first = Name::parse(name.to_str().unwrap()).unwrap().first;
    for end in 0..=length {
        let torn = copy(dir.path());
        let path = torn.path().join(name);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(end)
            .unwrap();
        let (mut journal, recovery) = open(torn.path());
        let kept = all(&journal);
        assert_eq!(kept, whole[..kept.len()], "at {end}");
        let mut good = segment::HEAD_BYTES as u64;
        let fits = |record: &&Record| {
            good += (frame::HEAD_BYTES + record.payload.len()) as u64;
            good <= end
        };
        let in_newest = whole.iter().filter(|record| record.position.0 >= first);
        let expect = first as usize - 1 + in_newest.take_while(fits).count();
        assert_eq!(kept.len(), expect, "at {end}");
        assert!(!recovery.has_lost_records());
        assert!(
            recovery
                .damage
                .iter()
                .all(|one| one.kind == DamageKind::TornTail)
        );
        let next = kept.len() as u64 + 1;
        fill(&mut journal, next..next + 3);
        drop(journal);
        let (journal, recovery) = open(torn.path());
        assert_eq!(recovery, Recovery::default(), "at {end}");
        assert_eq!(all(&journal).len(), kept.len() + 3);
    }
}

#[test]
fn a_flipped_bit_anywhere_gives_no_panic_no_wrong_record_and_no_refusal() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..25);
    let whole = all(&journal);
    drop(journal);
    let mut random = Random(1);
    for path in segments(dir.path()) {
        for byte in 0..fs::metadata(&path).unwrap().len() as usize {
            let damaged = copy(dir.path());
            let damaged_path = damaged.path().join(path.file_name().unwrap());
            let mut bytes = fs::read(&damaged_path).unwrap();
            bytes[byte] ^= 1 << random.below(8);
            overwrite(&damaged_path, &bytes);
            for check in [Check::Tail, Check::Everything] {
                let again = copy(damaged.path());
                survives(again.path(), check, &whole, &format!("{byte} of {path:?}"));
            }
        }
    }
}

/// Opens a damaged journal: what it gives must be true, what it does not give must be told.
fn survives(dir: &Path, check: Check, whole: &[Record], place: &str) {
    let (mut journal, recovery) = Journal::open(dir, options(check)).unwrap();
    let query = Query::all(Order::OldestFirst, usize::MAX, usize::MAX);
    let page = journal.reader().read(&query).unwrap();
    for record in &page.records {
        assert_eq!(*record, whole[record.position.0 as usize - 1], "{place}");
    }
    let damage = [&recovery.damage[..], &page.damage].concat();
    assert!(
        !damage.is_empty() || page.records.len() == whole.len(),
        "{place}"
    );
    let next = journal.reader().next().0;
    for position in 1..next {
        let is_there = page
            .records
            .iter()
            .any(|record| record.position.0 == position);
        let is_told = damage
            .iter()
            .any(|one| one.lost.contains(&Position(position)));
        assert!(
            is_there || is_told,
            "{place}: {position} is neither there nor told lost"
        );
    }
    assert!(
        next as usize > whole.len() - 1,
        "{place}: at most the last record is torn"
    );
    let newest_first = Query::all(Order::NewestFirst, usize::MAX, usize::MAX);
    let mut reversed = journal.reader().read(&newest_first).unwrap().records;
    reversed.reverse();
    assert_eq!(reversed, page.records, "{place}");
    fill(&mut journal, next..next + 2);
    drop(journal);
    let (journal, recovery) = Journal::open(dir, options(check)).unwrap();
    assert_eq!(all(&journal).len(), page.records.len() + 2, "{place}");
    assert!(
        recovery
            .damage
            .iter()
            .all(|one| one.kind == DamageKind::CorruptMiddle)
    );
}

#[test]
fn many_flipped_bits_and_lost_pages_are_survived() {
    let rounds = if std::env::var_os("SLOW_TESTS").is_some() {
        20_000
    } else {
        1_000
    };
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..40);
    let whole = all(&journal);
    drop(journal);
    for seed in 0..rounds {
        let mut random = Random(seed);
        let damaged = copy(dir.path());
        for _ in 0..=random.below(4) {
            let paths = segments(damaged.path());
            let path = &paths[random.below(paths.len() as u64) as usize];
            let mut bytes = fs::read(path).unwrap();
            let start = random.below(bytes.len() as u64 + 1) as usize;
            let end = (start + random.below(200) as usize).min(bytes.len());
            match random.below(5) {
                0 => bytes[start..end].fill(0),
                1 => bytes[start..end].fill_with(|| random.next() as u8),
                2 => drop(bytes.drain(start..end)),
                3 => bytes.truncate(start),
                _ => bytes.extend_from_within(start..end),
            }
            overwrite(path, &bytes);
        }
        let check = [Check::Tail, Check::Everything][random.below(2) as usize];
        let (mut journal, _) = Journal::open(damaged.path(), options(check)).unwrap();
        let records = all(&journal);
        for record in &records {
            assert_eq!(
                *record,
                whole[record.position.0 as usize - 1],
                "seed {seed}"
            );
        }
        let next = journal.reader().next().0;
        fill(&mut journal, next..next + 1);
        drop(journal);
        let (journal, _) = Journal::open(damaged.path(), options(check)).unwrap();
        assert_eq!(all(&journal).len(), records.len() + 1, "seed {seed}");
    }
}

#[test]
fn a_missing_file_is_told_as_lost_records() {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    fill(&mut journal, 1..40);
    drop(journal);
    let path = segments(dir.path()).remove(1);
    fs::remove_file(&path).unwrap();
    for check in [Check::Tail, Check::Everything] {
        let (journal, recovery) = Journal::open(dir.path(), options(check)).unwrap();
        assert!(recovery.has_lost_records());
        let lost = recovery.damage[0].lost.clone();
        let told = recovery.damage[0].to_string();
        let last = lost.end.0 - 1;
        assert!(
            told.ends_with(&format!(", records {} to {last} lost", lost.start)),
            "{told}"
        );
        let expect: Vec<u64> = (1..40).filter(|p| !lost.contains(&Position(*p))).collect();
        assert_eq!(positions(&all(&journal)), expect);
    }
}

/// Zeroes the second of three records that were written as these batches.
fn lose_the_second(batches: &[usize]) -> (Vec<u64>, Recovery) {
    let dir = scratch::dir();
    let mut journal = open(dir.path()).0;
    for records in batches {
        journal.append(&vec![(at(1), [7; 76]); *records]).unwrap();
    }
    drop(journal);
    let path = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[132..232].fill(0);
    overwrite(&path, &bytes);
    let (journal, recovery) = open(dir.path());
    (positions(&all(&journal)), recovery)
}

#[test]
fn a_hole_in_the_last_batch_is_torn_and_a_hole_before_it_is_damage() {
    // The disk may write the pages of one batch in any order, so a record behind a hole proves
    // nothing while both belong to the batch that nobody was told of.
    for (batches, kept, told) in [
        (
            &[3][..],
            &[1][..],
            "200 bytes of an unfinished write cut at offset 132",
        ),
        (
            &[1, 2],
            &[1],
            "200 bytes of an unfinished write cut at offset 132",
        ),
        (
            &[2, 1],
            &[1, 3],
            "100 bytes damaged at offset 132, record 2 lost",
        ),
        (
            &[1, 1, 1],
            &[1, 3],
            "100 bytes damaged at offset 132, record 2 lost",
        ),
    ] {
        let (positions, recovery) = lose_the_second(batches);
        assert_eq!(positions, kept, "{batches:?}");
        assert_eq!(recovery.damage.len(), 1);
        let text = recovery.damage[0].to_string();
        assert!(text.ends_with(told), "{batches:?}: {text}");
        assert_eq!(recovery.has_lost_records(), told.contains("lost"));
    }
}
