//! Reproducible randomness: the same for the same seed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const MILLION: u32 = 1_000_000;

/// A probability, or a share: from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    millionths: u32,
}

/// The error for a text that is not a probability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a probability: write a number from 0 to 1, like 0.1")]
pub struct Error(String);

impl Chance {
    /// The certain event.
    pub const ALWAYS: Self = Self {
        millionths: MILLION,
    };

    /// Returns true if it happens, for the bits returned by [`draw`].
    pub fn falls(self, bits: u64) -> bool {
        unit(bits) < f64::from(self.millionths) / f64::from(MILLION)
    }

    /// Returns the number selected out of `count`: at least one, unless the share is zero.
    pub fn share_of(self, count: usize) -> usize {
        let share = count as f64 * f64::from(self.millionths) / f64::from(MILLION);
        match self.millionths {
            0 => 0,
            _ => (share.round() as usize).max(1),
        }
    }
}

impl FromStr for Chance {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number: f64 = text.trim().parse().map_err(|_| Error(text.to_owned()))?;
        if !(0.0..=1.0).contains(&number) {
            return Err(Error(text.to_owned()));
        }
        Ok(Self {
            millionths: (number * f64::from(MILLION)).round() as u32,
        })
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.millionths) / f64::from(MILLION))
    }
}

/// Returns the random bits of `name` at turn `turn`.
pub fn draw(seed: u64, name: &str, turn: u64) -> u64 {
    mix((seed ^ hash(name)).wrapping_add(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// A smooth random curve from 0 to 1 that changes direction every `turn`.
pub fn wave(seed: u64, name: &str, clock: Duration, turn: Duration) -> f64 {
    let position = clock.as_secs_f64() / turn.as_secs_f64();
    let knot = |position: f64| unit(draw(seed, name, position as u64));
    let (before, after) = (knot(position.floor()), knot(position.floor() + 1.0));
    let way = position.fract();
    before + (after - before) * way * way * (3.0 - 2.0 * way)
}

/// Converts bits to a number from 0 to just below 1.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The FNV-1a hash of a name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finalizer of SplitMix64.
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_read_as_it_is_written() {
        for text in ["0", "0.1", "0.000001", "1"] {
            assert_eq!(text.parse::<Chance>().unwrap().to_string(), text);
        }
        for text in ["", "-0.1", "1.1", "10%", "NaN"] {
            assert!(text.parse::<Chance>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_falls_is_as_often_as_the_chance_says_and_the_same_for_one_seed() {
        let falls = |chance: &str, seed| {
            let chance: Chance = chance.parse().unwrap();
            let turns = (0..10_000).filter(|turn| chance.falls(draw(seed, "a", *turn)));
            turns.collect::<Vec<_>>()
        };
        assert!((900..1_100).contains(&falls("0.1", 1).len()));
        assert_eq!(falls("0.1", 1), falls("0.1", 1));
        assert_ne!(falls("0.1", 1), falls("0.1", 2));
        assert_eq!(falls("0", 1).len(), 0);
        assert_eq!(falls("1", 1).len(), 10_000);
    }

    #[test]
    fn a_share_is_rounded_but_never_to_none() {
        for (chance, count, expect) in [
            ("0.1", 40, 4),
            ("0.01", 40, 1),
            ("0", 40, 0),
            ("1", 40, 40),
            ("0.5", 3, 2),
        ] {
            let chance: Chance = chance.parse().unwrap();
            assert_eq!(chance.share_of(count), expect, "{chance} of {count}");
        }
    }
}
