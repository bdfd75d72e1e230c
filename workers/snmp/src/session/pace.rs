//! How long to wait for a target, and how often to ask it. Pure.
//!
//! As TCP does (RFC 6298): a smoothed round trip and its variation give the timeout, which
//! doubles with every try. Each try has a request id of its own, so every answer gives a sound
//! sample. A target that never answered gets few tries, one that has been silent for long gets
//! one: the network is not the place to find out that a rack is switched off.

use std::time::Duration;

/// The first timeout, before anything is known of the target.
const INITIAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);
const TRIES: u32 = 5;
const TRIES_OF_A_STRANGER: u32 = 2;
/// Silent for so many exchanges, a target counts as gone until it answers again.
const GONE: u32 = 3;

/// What is known of a target's answering.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Smoothed round trip and its variation, in seconds.
    trip: Option<(f64, f64)>,
    /// Exchanges in a row without any answer.
    silences: u32,
}

impl Pace {
    /// How often to ask before giving up.
    pub fn tries(&self) -> u32 {
        match (self.silences, self.trip) {
            (GONE.., _) => 1,
            (_, None) => TRIES_OF_A_STRANGER,
            (_, Some(_)) => TRIES,
        }
    }

    /// How long to wait for the answer to a try, counted from 0.
    pub fn timeout(&self, try_: u32) -> Duration {
        let base = match self.trip {
            None => INITIAL,
            Some((smooth, varies)) => {
                Duration::from_secs_f64(smooth + 4.0 * varies).clamp(SHORTEST, LONGEST)
            }
        };
        base.saturating_mul(1 << try_.min(8)).min(LONGEST)
    }

    /// It answered after so long.
    pub fn answered(&mut self, after: Duration) {
        let sample = after.as_secs_f64();
        self.silences = 0;
        self.trip = Some(match self.trip {
            None => (sample, sample / 2.0),
            Some((smooth, varies)) => (
                0.875 * smooth + 0.125 * sample,
                0.75 * varies + 0.25 * (smooth - sample).abs(),
            ),
        });
    }

    /// It did not answer any of the tries.
    pub fn stayed_silent(&mut self) {
        self.silences = self.silences.saturating_add(1);
    }

    /// Whether it has answered before.
    pub fn has_answered(&self) -> bool {
        self.trip.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_stranger_gets_two_tries_and_a_second_for_the_first() {
        let pace = Pace::default();
        assert_eq!(pace.tries(), 2);
        assert_eq!(pace.timeout(0), Duration::from_secs(1));
        assert_eq!(pace.timeout(1), Duration::from_secs(2));
    }

    #[test]
    fn the_timeout_follows_the_round_trips_within_bounds() {
        for (sample, least, most) in [(2, 250, 250), (400, 400, 800), (9_000, 5_000, 5_000)] {
            let mut pace = Pace::default();
            (0..20).for_each(|_| pace.answered(millis(sample)));
            let timeout = pace.timeout(0);
            assert!(
                timeout >= millis(least) && timeout <= millis(most),
                "{sample}: {timeout:?}"
            );
            assert_eq!(pace.tries(), TRIES);
        }
    }

    #[test]
    fn timeouts_double_up_to_the_longest() {
        let mut pace = Pace::default();
        (0..20).for_each(|_| pace.answered(millis(1)));
        let timeouts: Vec<_> = (0..6).map(|try_| pace.timeout(try_)).collect();
        assert_eq!(timeouts, [250, 500, 1000, 2000, 4000, 5000].map(millis));
    }

    #[test]
    fn who_has_been_silent_for_long_gets_one_try_until_it_answers() {
        let mut pace = Pace::default();
        pace.answered(millis(5));
        (0..GONE).for_each(|_| pace.stayed_silent());
        assert_eq!(pace.tries(), 1);
        pace.answered(millis(5));
        assert_eq!(pace.tries(), TRIES);
    }
}
