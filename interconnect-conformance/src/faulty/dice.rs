//! Dice that fall in the same way for the same seed: SplitMix64 (Steele, Lea, Flood: "Fast
//! Splittable Pseudorandom Number Generators", OOPSLA 2014).

use std::sync::atomic::{AtomicU64, Ordering};

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug)]
pub(super) struct Dice(AtomicU64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        let state = self.0.fetch_add(GAMMA, Ordering::Relaxed);
        mix(state.wrapping_add(GAMMA))
    }

    /// Returns a number from 0 to `end` - 1; 0 if `end` is 0.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Returns true with this probability: 0.0 is never, 1.0 always.
    pub(super) fn chance(&self, chance: f64) -> bool {
        // The upper 53 bits are what an f64 holds exactly.
        let thrown = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        thrown < chance
    }

    /// Shuffles by the method of Fisher and Yates.
    pub(super) fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let dice = Dice::new(1_234_567);
        let expect = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!([dice.next(), dice.next(), dice.next()], expect);
    }

    #[test]
    fn never_is_never_and_always_is_always() {
        let dice = Dice::new(7);
        assert!((0..1_000).all(|_| !dice.chance(0.0) && dice.chance(1.0)));
        let often = (0..1_000).filter(|_| dice.chance(0.1)).count();
        assert!((50..150).contains(&often), "{often} of 1000");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Dice::new(7).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<u32>>());
    }
}
