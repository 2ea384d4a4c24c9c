//! Chances that a seed decides: the generator splitmix64, so that a run can be repeated anywhere.

use std::time::Duration;

/// Chances that a seed decides.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Makes the chances of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Gives any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Gives a number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// Tells whether something of this chance happens.
    pub fn happens(&mut self, chance: f64) -> bool {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64 <= chance && chance > 0.0
    }

    /// Gives a time between two.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap();
        least + Duration::from_micros(self.number() % (span + 1))
    }
}
