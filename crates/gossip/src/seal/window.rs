//! Which numbers of a sender were seen: none is taken twice.

/// How far behind the highest number one may come and still be taken.
pub(super) const WIDTH: u64 = 1_024;

/// The numbers that were seen, as far back as the window reaches. In a large cluster a sender's
/// numbers lie far apart here, so the room for its bits is made when they are needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// One above the highest number that was seen; 0 when none was.
    next: u64,
    /// Which of the numbers right below the highest were seen, the highest of them first.
    below: Vec<u64>,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not there before.
    New,
    /// It was.
    Again,
    /// It lies too far back to tell.
    TooOld,
}

impl Window {
    /// Takes a number.
    pub(super) fn take(&mut self, number: u64) -> Seen {
        let Some(next) = number.checked_add(1) else {
            return Seen::TooOld;
        };
        if next > self.next {
            self.forward(next - self.next);
            self.next = next;
            return Seen::New;
        }
        let Some(back) = (self.next - next).checked_sub(1) else {
            return Seen::Again;
        };
        if back >= WIDTH - 1 {
            return Seen::TooOld;
        }
        let (word, bit) = ((back / 64) as usize, 1 << (back % 64));
        if self.below.len() <= word {
            self.below.resize(word + 1, 0);
        }
        if self.below[word] & bit != 0 {
            return Seen::Again;
        }
        self.below[word] |= bit;
        Seen::New
    }

    /// Moves all bits back, that of the highest number so far too.
    fn forward(&mut self, by: u64) {
        let had = self.next != 0;
        if by >= WIDTH {
            self.below = Vec::new();
            return;
        }
        let (words, bits) = ((by / 64) as usize, by % 64);
        let words_max = (WIDTH / 64) as usize;
        let old = std::mem::take(&mut self.below);
        let word = |at: usize| old.get(at).copied().unwrap_or(0);
        let many = (old.len() + words + 1).min(words_max);
        let mut moved: Vec<u64> = (0..many)
            .map(|at| {
                let Some(from) = at.checked_sub(words) else {
                    return 0;
                };
                let carried = match (bits, from.checked_sub(1)) {
                    (0, _) | (_, None) => 0,
                    (bits, Some(before)) => word(before) >> (64 - bits),
                };
                word(from) << bits | carried
            })
            .collect();
        let highest = by - 1;
        if had && let Some(word) = moved.get_mut((highest / 64) as usize) {
            *word |= 1 << (highest % 64);
        }
        while moved.last() == Some(&0) {
            moved.pop();
        }
        self.below = moved;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_each_number_once_in_any_order() {
        let mut window = Window::default();
        for number in [5, 3, 4, 0, 1_000, 1, 999, 2] {
            assert_eq!(window.take(number), Seen::New, "{number}");
        }
        for number in [5, 3, 4, 0, 1_000, 1, 999, 2] {
            assert_eq!(window.take(number), Seen::Again, "{number}");
        }
    }

    #[test]
    fn what_lies_behind_the_window_is_not_taken() {
        let mut window = Window::default();
        assert_eq!(window.take(10_000), Seen::New);
        assert_eq!(window.take(10_000 - WIDTH + 1), Seen::New);
        assert_eq!(window.take(10_000 - WIDTH), Seen::TooOld);
        assert_eq!(window.take(0), Seen::TooOld);
        assert_eq!(window.take(u64::MAX), Seen::TooOld);
        assert_eq!(window.take(u64::MAX - 1), Seen::New);
        assert_eq!(window.take(u64::MAX - 1), Seen::Again);
    }

    proptest! {
        #[test]
        fn does_what_a_set_of_all_numbers_does(steps in prop::collection::vec(
            prop_oneof![0_u64..64, 0_u64..2_000, 0_u64..100_000], 1..400,
        )) {
            let mut window = Window::default();
            let mut set = BTreeSet::new();
            for number in steps {
                let highest = set.last().copied().unwrap_or(0);
                let expected = if number + WIDTH <= highest {
                    Seen::TooOld
                } else if set.insert(number) {
                    Seen::New
                } else {
                    Seen::Again
                };
                prop_assert_eq!(window.take(number), expected);
            }
        }
    }
}
