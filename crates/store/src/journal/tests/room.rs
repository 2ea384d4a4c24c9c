//! Zeros behind the records: how they grow, that nothing is lost in them, and when they end.

use super::*;
use crate::journal::room::is_room;

const STEP: u64 = 4_096;
const SECTOR: usize = 512;

fn with_room(check: Check) -> Options {
    Options {
        segment_bytes_max: 6 * STEP,
        record_bytes_max: 4_000,
        grow_bytes: STEP,
        ..options(check)
    }
}

fn open_with_room(dir: &Path) -> (Journal, Recovery) {
    Journal::open(dir, with_room(Check::Everything)).unwrap()
}

fn newest(dir: &Path) -> PathBuf {
    segments(dir).pop().unwrap()
}

/// Demands that only the newest file has zeros behind its records, and all have the told sizes.
fn check_files(journal: &Journal) {
    let catalog = journal.catalog();
    let last = catalog.segments.len() - 1;
    for (at, segment) in catalog.segments.iter().enumerate() {
        let bytes = fs::read(&segment.path).unwrap();
        assert_eq!(bytes.len() as u64, segment.file_bytes, "{segment:?}");
        let behind = &bytes[segment.end as usize..];
        assert!(at == last || behind.is_empty() || !is_room(behind));
    }
}

#[test]
fn a_file_grows_by_steps_and_loses_them_when_it_is_complete() {
    let dir = scratch::dir();
    let mut journal = open_with_room(dir.path()).0;
    let mut steps = Vec::new();
    for position in 1..=120 {
        fill(&mut journal, position..position + 1);
        steps.push(fs::metadata(newest(dir.path())).unwrap().len());
        if position % 10 == 0 {
            check_files(&journal);
        }
    }
    assert!(steps.iter().all(|bytes| bytes % STEP == 0), "{steps:?}");
    steps.dedup();
    assert_eq!(steps, [4_096, 8_192, 12_288]);
    while segments(dir.path()).len() < 3 {
        let next = journal.reader().next().0;
        fill(&mut journal, next..next + 1);
    }
    check_files(&journal);
    for path in &segments(dir.path())[..2] {
        let name = Name::parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
        let bytes = fs::read(path).unwrap();
        let footer = Segment::from_footer(dir.path(), name, &bytes, bytes.len() as u64);
        assert!(footer.is_some(), "{path:?}");
    }
    let expect = all(&journal);
    drop(journal);
    for check in [Check::Tail, Check::Everything] {
        let (journal, recovery) = Journal::open(dir.path(), with_room(check)).unwrap();
        assert_eq!(recovery, Recovery::default());
        assert_eq!(all(&journal), expect);
        check_files(&journal);
    }
}

#[test]
fn room_is_a_clean_end_and_is_used_after_opening() {
    let dir = scratch::dir();
    let mut journal = open_with_room(dir.path()).0;
    // What ends in zeros is a record all the same.
    for bytes in [10, 600, 2_000] {
        journal.append(&[(at(0), vec![0; bytes])]).unwrap();
    }
    let before = all(&journal);
    drop(journal);
    let (mut journal, recovery) = open_with_room(dir.path());
    assert_eq!(recovery, Recovery::default());
    assert_eq!(all(&journal), before);
    check_files(&journal);
    fill(&mut journal, 4..20);
    assert_eq!(segments(dir.path()).len(), 1);
    assert_eq!(fs::metadata(newest(dir.path())).unwrap().len(), STEP);
    // Who wants no room goes on in what there is.
    drop(journal);
    let without = || Options {
        grow_bytes: 0,
        ..with_room(Check::Tail)
    };
    let (mut journal, recovery) = Journal::open(dir.path(), without()).unwrap();
    assert_eq!(recovery, Recovery::default());
    fill(&mut journal, 20..22);
    assert_eq!(segments(dir.path()).len(), 1);
    assert_eq!(positions(&all(&journal)), Vec::from_iter(1..22));
    check_files(&journal);
}

/// One history whose last batch may be torn.
struct History {
    dir: tempfile::TempDir,
    /// The records before the last batch, and those with it.
    earlier: usize,
    whole: Vec<Record>,
    /// The newest file before the last batch, and with it.
    before: Vec<u8>,
    after: Vec<u8>,
    /// Where the last batch begins and ends.
    batch: Range<usize>,
}

impl History {
    fn make(random: &mut Random) -> Self {
        let dir = scratch::dir();
        let mut journal = open_with_room(dir.path()).0;
        let mut batch = |random: &mut Random, records: u64| {
            let payload = |random: &mut Random| {
                let bytes = random.below(1_500) as usize;
                let fill = [0, 1, random.next() as u8][random.below(3) as usize];
                (at(random.below(3)), vec![fill; bytes])
            };
            let records: Vec<_> = (0..records).map(|_| payload(random)).collect();
            journal.append(&records).unwrap();
            let end = journal.catalog().segments.back().unwrap().end as usize;
            (fs::read(newest(dir.path())).unwrap(), end, all(&journal))
        };
        for _ in 0..random.below(5) {
            let records = 1 + random.below(2);
            batch(random, records);
        }
        let (before, start, earlier) = batch(random, 1);
        let records = 1 + random.below(3);
        let (after, end, whole) = batch(random, records);
        drop(journal);
        Self {
            dir,
            earlier: earlier.len(),
            whole,
            before,
            after,
            batch: start..end,
        }
    }

    /// Gives the newest file with some sectors as they were before the last batch.
    fn tear(&self, random: &mut Random) -> Vec<u8> {
        let mut torn = self.after.clone();
        let lost = 1 + random.below(4);
        for start in (self.batch.start / SECTOR * SECTOR..torn.len()).step_by(SECTOR) {
            if random.below(5) < lost {
                let end = (start + SECTOR).min(torn.len());
                let old = self.before.get(start..end);
                torn[start..end].copy_from_slice(old.unwrap_or(&[0; SECTOR][..end - start]));
            }
        }
        if random.below(4) == 0 {
            torn.truncate(self.before.len());
        }
        torn
    }
}

#[test]
fn a_batch_torn_at_any_sectors_of_the_room_is_cut_and_all_before_it_stays() {
    let (histories, tears) = if std::env::var_os("SLOW_TESTS").is_some() {
        (400, 50)
    } else {
        (12, 15)
    };
    let (mut cut, mut unseen) = (0, 0);
    for seed in 0..histories * tears {
        let mut random = Random(seed / tears);
        let history = History::make(&mut random);
        let mut random = Random(!seed);
        let torn = history.tear(&mut random);
        let is_whole = torn.get(history.batch.clone()) == history.after.get(history.batch.clone());
        overwrite(&newest(history.dir.path()), &torn);
        let (mut journal, recovery) = open_with_room(history.dir.path());
        let kept = all(&journal);
        assert_eq!(kept, history.whole[..kept.len()], "seed {seed}");
        assert!(kept.len() >= history.earlier, "seed {seed}");
        assert_eq!(kept.len() == history.whole.len(), is_whole, "seed {seed}");
        let is_torn = |one: &Damage| one.kind == DamageKind::TornTail && one.lost.is_empty();
        assert!(recovery.damage.len() <= 1, "seed {seed}: {recovery:?}");
        assert!(
            recovery.damage.iter().all(is_torn),
            "seed {seed}: {recovery:?}"
        );
        match recovery.damage.len() {
            0 if !is_whole => unseen += 1,
            0 => {}
            _ => cut += 1,
        }
        check_files(&journal);
        let next = kept.len() as u64 + 1;
        fill(&mut journal, next..next + 3);
        drop(journal);
        let (journal, recovery) = open_with_room(history.dir.path());
        assert_eq!(recovery, Recovery::default(), "seed {seed}");
        assert_eq!(all(&journal).len(), kept.len() + 3, "seed {seed}");
        check_files(&journal);
    }
    assert!(
        cut > 20 && unseen > 0,
        "{cut} were cut, {unseen} left no trace"
    );
}

#[test]
fn room_that_a_crash_left_in_a_complete_segment_is_taken_away() {
    let dir = scratch::dir();
    let mut journal = open_with_room(dir.path()).0;
    fill(&mut journal, 1..10);
    let path = newest(dir.path());
    let with_zeros = fs::read(&path).unwrap();
    let expect = all(&journal);
    // A new segment begins, and what was done to the old one does not come to the disk.
    journal.roll(Position(10), 0, None).unwrap();
    drop(journal);
    for check in [Check::Tail, Check::Everything] {
        overwrite(&path, &with_zeros);
        let (journal, recovery) = Journal::open(dir.path(), with_room(check)).unwrap();
        assert_eq!(recovery, Recovery::default());
        assert_eq!(all(&journal), expect);
        check_files(&journal);
    }
}

#[test]
fn taking_back_and_giving_up_leave_no_room() {
    let dir = scratch::dir();
    let mut journal = open_with_room(dir.path()).0;
    fill(&mut journal, 1..10);
    journal.truncate_after(Position(4)).unwrap();
    check_files(&journal);
    fill(&mut journal, 5..8);
    journal.abandon();
    assert_eq!(journal.active.as_ref().map(|_| ()), None);
    let newest = journal.catalog().segments.back().unwrap().clone();
    assert_eq!(newest.file_bytes, u64::from(newest.end));
    check_files(&journal);
    fill(&mut journal, 8..9);
    assert_eq!(positions(&all(&journal)), Vec::from_iter(1..9));
    drop(journal);
    let (journal, recovery) = open_with_room(dir.path());
    assert_eq!(recovery, Recovery::default());
    assert_eq!(positions(&all(&journal)), Vec::from_iter(1..9));
}

#[test]
fn a_first_batch_of_which_nothing_came_to_the_disk_is_no_loss() {
    let dir = scratch::dir();
    let mut journal = open_with_room(dir.path()).0;
    fill(&mut journal, 1..10);
    journal.roll(Position(10), 0, None).unwrap();
    fill(&mut journal, 10..11);
    drop(journal);
    let path = newest(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[segment::HEAD_BYTES..].fill(0);
    overwrite(&path, &bytes);
    let (mut journal, recovery) = open_with_room(dir.path());
    assert_eq!(recovery, Recovery::default());
    check_files(&journal);
    // Also when the empty file stays behind, as it may when it cannot be removed.
    let left = fs::read(&path).unwrap();
    journal.reset(Position(50)).unwrap();
    fill(&mut journal, 50..52);
    drop(journal);
    overwrite(&path, &left);
    let (journal, recovery) = open_with_room(dir.path());
    assert_eq!(recovery, Recovery::default());
    assert_eq!(positions(&all(&journal)), [50, 51]);
}
