//! The faults of the room of a drill: a utility feed fails, and devices fall silent. A pure
//! sequence that a seed determines.

use std::time::Duration;

use crate::dice::Dice;

/// The time before the first loss, and between two, each with what is drawn on top. Two losses are
/// so far apart that a policy which acts and hands back does not look as if it swung to and fro.
const FIRST: Duration = Duration::from_secs(3);
const FIRST_AND: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_secs(60);
const BETWEEN_AND: Duration = Duration::from_secs(30);
/// The least and the greatest time that a loss lasts: less than it takes for the breaker to trip if
/// nothing is done, and more.
const LASTS: Duration = Duration::from_secs(40);
const LASTS_AND: Duration = Duration::from_secs(110);
/// The mean time between two silences, and the greatest time that one lasts.
const SILENT_EVERY: Duration = Duration::from_secs(12);
const SILENT_FOR: Duration = Duration::from_secs(6);

/// A stretch of time since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Duration,
    pub to: Duration,
}

/// A device of a list that does not answer for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    pub span: Span,
    /// The choice among several: the remainder of the division by their number.
    pub which: usize,
}

/// Everything that befalls the room within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// The losses of the utility feed, in order. The last one may go on beyond the end.
    pub losses: Vec<Span>,
    pub silences: Vec<Silence>,
}

impl Weather {
    /// Draws the weather of a seed.
    pub fn new(seed: u64, time: Duration) -> Self {
        let mut dice = Dice::new(seed, 11);
        let mut losses = Vec::new();
        let mut from = FIRST + dice.up_to(FIRST_AND);
        while losses.is_empty() || from < time {
            let to = from + LASTS + dice.up_to(LASTS_AND);
            losses.push(Span { from, to });
            from = to + BETWEEN + dice.up_to(BETWEEN_AND);
        }
        let mut dice = Dice::new(seed, 12);
        let mut silences = Vec::new();
        let mut from = dice.wait(SILENT_EVERY);
        while from < time {
            let to = from + dice.up_to(SILENT_FOR);
            let which = dice.below(1 << 16);
            silences.push(Silence {
                span: Span { from, to },
                which,
            });
            from = to + dice.wait(SILENT_EVERY);
        }
        Self { losses, silences }
    }

    /// Returns true while the utility feed is lost.
    pub fn is_lost(&self, now: Duration) -> bool {
        self.losses.iter().any(|span| span.has(now))
    }

    /// Returns the device that is silent, as the choice among several.
    pub fn silent(&self, now: Duration) -> Option<usize> {
        let mut silences = self.silences.iter();
        silences.find(|one| one.span.has(now)).map(|one| one.which)
    }
}

impl Span {
    fn has(self, now: Duration) -> bool {
        self.from <= now && now < self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    #[test]
    fn the_same_seed_brings_the_same_weather() {
        let weather = Weather::new(1, TEN_MINUTES);
        assert_eq!(weather, Weather::new(1, TEN_MINUTES));
        assert_ne!(weather, Weather::new(2, TEN_MINUTES));
    }

    #[test]
    fn every_drill_has_a_loss_and_two_are_far_apart() {
        for seed in 0..100 {
            let short = Weather::new(seed, Duration::from_secs(10));
            assert!(short.losses[0].from < Duration::from_secs(10));
            let long = Weather::new(seed, TEN_MINUTES);
            assert!(long.losses.len() >= 2, "{long:?}");
            assert!(!long.silences.is_empty(), "{long:?}");
            for two in long.losses.windows(2) {
                assert!(two[0].to + BETWEEN <= two[1].from, "{two:?}");
            }
            let first = long.losses[0];
            assert!(long.is_lost(first.from) && !long.is_lost(first.to));
            let silence = long.silences[0];
            assert_eq!(long.silent(silence.span.from), Some(silence.which));
        }
    }
}
