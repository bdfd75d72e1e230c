//! Randomness that is the same for the same seed.

use std::time::Duration;

/// A sequence of random numbers that a seed determines (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Creates the sequence of a seed for one purpose: those for others are independent.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut dice = Self {
            state: seed ^ purpose.wrapping_mul(0xa076_1d64_78bd_642f),
        };
        dice.next();
        dice
    }

    /// Returns the next number.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = self.state;
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Returns a number from 0 to just below this; 0 if this is 0.
    pub fn below(&mut self, max: usize) -> usize {
        let max = max.max(1) as u64;
        (self.next() % max) as usize
    }

    /// Returns a fraction: from 0 to just below 1.
    pub fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a random duration up to this.
    pub fn up_to(&mut self, max: Duration) -> Duration {
        max.mul_f64(self.part())
    }

    /// Returns the time until an event that happens once in `mean`, at a constant rate: rarely at
    /// once and rarely very late.
    pub fn wait(&mut self, mean: Duration) -> Duration {
        let long = -(1.0 - self.part()).ln();
        mean.mul_f64(long.clamp(0.05, 4.0))
    }

    /// Chooses one of several by weight; the first if all weights are 0.
    pub fn choose<T: Copy>(&mut self, weighted: &[(T, usize)], otherwise: T) -> T {
        let all = weighted.iter().map(|(_, weight)| weight).sum();
        let mut at = self.below(all);
        for (one, weight) in weighted {
            if at < *weight {
                return *one;
            }
            at -= weight;
        }
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_fall_the_same_way_for_one_seed_and_purpose() {
        let thrown = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            (0..20).map(|_| dice.next()).collect::<Vec<_>>()
        };
        assert_eq!(thrown(1, 2), thrown(1, 2));
        assert_ne!(thrown(1, 2), thrown(2, 2));
        assert_ne!(thrown(1, 2), thrown(1, 3));
    }

    #[test]
    fn what_is_chosen_is_as_often_as_its_weight_says() {
        let mut dice = Dice::new(7, 0);
        let thrown = (0..10_000).map(|_| dice.choose(&[('a', 1), ('b', 9)], 'a'));
        let count = thrown.filter(|one| *one == 'a').count();
        assert!((800..1_200).contains(&count), "{count}");
        assert_eq!(dice.choose(&[], 'c'), 'c');
    }
}
