//! What requests about histories have in common.

use api::HistoryEntry;
use model::WallTime;
use serde::Deserialize;

/// Changes that are told when nobody says how many.
pub(super) const LAST_DEFAULT: usize = 1_000;

/// How many changes somebody wants to see.
#[derive(Deserialize)]
pub(super) struct Last {
    last: Option<usize>,
}

impl Last {
    /// Gives how many are wanted.
    pub(super) fn count(&self) -> usize {
        self.last.unwrap_or(LAST_DEFAULT)
    }
}

/// Puts what happened in one second together.
pub(super) fn by_second<C>(
    changes: impl IntoIterator<Item = (WallTime, C)>,
) -> Vec<HistoryEntry<C>> {
    let mut seconds: Vec<HistoryEntry<C>> = Vec::new();
    for (wall, change) in changes {
        let date = wall.as_secs();
        match seconds.last_mut() {
            Some(second) if second.date == date => second.entries.push(change),
            Some(_) | None => seconds.push(HistoryEntry {
                date,
                entries: vec![change],
            }),
        }
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_second_stand_together() {
        let at = |millis, what| (WallTime::from_millis(millis), what);
        let told = by_second([at(1_000, 'a'), at(1_900, 'b'), at(2_000, 'c')]);
        let second = |date, entries| HistoryEntry { date, entries };
        assert_eq!(told, [second(1, vec!['a', 'b']), second(2, vec!['c'])]);
    }
}
