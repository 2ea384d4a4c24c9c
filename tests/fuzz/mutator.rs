//! Makes new inputs of known ones: pieces are cut, doubled, joined, put in and bent. The tests of
//! several crates include this file, so that it is built for them alone.

/// Makes inputs, the same ones for the same seed.
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    /// Begins with a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Changes one of the corpus in one to four places: `pieces` are put in, and `bend` changes a
    /// single byte or letter by a number. What gets longer than `longest` is cut.
    pub(crate) fn mutate<T: Clone>(
        &mut self,
        corpus: &[Vec<T>],
        pieces: &[Vec<T>],
        bend: fn(&T, u64) -> T,
        longest: usize,
    ) -> Vec<T> {
        let mut whole = corpus[self.below(corpus.len())].clone();
        for _ in 0..1 + self.below(4) {
            let at = self.below(whole.len() + 1);
            let end = (at + self.below(16)).min(whole.len());
            match self.below(7) {
                0 => drop(whole.drain(at..end)),
                1 => {
                    let copy = whole[at..end].to_vec();
                    whole.splice(at..at, copy);
                }
                2 | 3 if !pieces.is_empty() => {
                    let piece = &pieces[self.below(pieces.len())];
                    whole.splice(at..at, piece.iter().cloned());
                }
                4 => {
                    let other = &corpus[self.below(corpus.len())];
                    let from = self.below(other.len() + 1);
                    whole.splice(at.., other[from..].iter().cloned());
                }
                5 => whole.truncate(at),
                _ => {
                    let by = self.next();
                    if let Some(one) = whole.get_mut(at) {
                        *one = bend(one, by);
                    }
                }
            }
        }
        whole.truncate(longest);
        whole
    }
}
