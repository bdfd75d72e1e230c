//! Consecutive deaths of the workers of a release, or of the service of a kind, and the resulting
//! back-off.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Backoff;

/// The number of consecutive deaths from which a release counts as crashing repeatedly.
const LOOP_FROM: u32 = 3;

/// The deaths of the workers of one release, or of the service of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    in_a_row: u32,
    /// The number of consecutive starts for which the environment had no room.
    hindered: u32,
    not_before: Option<Instant>,
}

/// The longest wait after a start for which the environment had no room: nobody reports when it
/// has.
const MAX_HINDERED_WAIT: Duration = Duration::from_secs(5);

impl Failures {
    /// Counts the death of a worker that had been ready for this long (zero: it never was).
    pub(crate) fn on_death(self, now: Instant, lived: Duration, backoff: &Backoff) -> Self {
        let earlier = if lived >= backoff.forgiven_after {
            0
        } else {
            self.in_a_row
        };
        let wait = waits(backoff).nth(earlier);
        Self {
            in_a_row: earlier.saturating_add(1),
            hindered: 0,
            not_before: now.checked_add(wait),
        }
    }

    /// Counts a start that failed for a reason other than the release.
    pub(crate) fn on_hindrance(self, now: Instant, backoff: &Backoff) -> Self {
        let wait = waits(backoff).nth(self.hindered).min(MAX_HINDERED_WAIT);
        let not_before = now.checked_add(wait);
        Self {
            in_a_row: self.in_a_row,
            hindered: self.hindered.saturating_add(1),
            not_before: not_before.max(self.not_before),
        }
    }

    /// Forgets failed starts: a worker is ready.
    pub(crate) fn on_ready(self) -> Self {
        Self {
            hindered: 0,
            ..self
        }
    }

    /// Forgets deaths once a worker has been ready for long enough.
    pub(crate) fn on_life(self, lived: Duration, backoff: &Backoff) -> Self {
        if lived >= backoff.forgiven_after {
            Self::default()
        } else {
            self
        }
    }

    /// Returns true if a worker may be started.
    pub(crate) fn allow(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| now >= at)
    }

    /// Returns the moment from which a worker may be started.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Returns true if there were any.
    pub(crate) fn any(&self) -> bool {
        self.in_a_row > 0 || self.hindered > 0
    }

    /// Returns true if the release crashes repeatedly.
    pub(crate) fn is_loop(&self) -> bool {
        self.in_a_row >= LOOP_FROM
    }
}

fn waits(backoff: &Backoff) -> utakata_model::Backoff {
    utakata_model::Backoff::new(backoff.first, backoff.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_death_in_a_row_doubles_the_wait_up_to_a_minute() {
        let now = Instant::now();
        let backoff = Backoff::default();
        let mut failures = Failures::default();
        assert!(failures.allow(now) && !failures.any());
        for milliseconds in [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000] {
            failures = failures.on_death(now, Duration::ZERO, &backoff);
            let wait = Duration::from_millis(milliseconds);
            assert!(!failures.allow(now + wait - Duration::from_millis(1)));
            assert!(failures.allow(now + wait));
        }
        assert!(failures.is_loop());
    }

    #[test]
    fn a_hindrance_is_tried_again_soon_and_is_no_death() {
        let now = Instant::now();
        let backoff = Backoff::default();
        let mut failures = Failures::default();
        for milliseconds in [500, 1000, 2000, 4000, 5000, 5000] {
            failures = failures.on_hindrance(now, &backoff);
            let wait = Duration::from_millis(milliseconds);
            assert!(!failures.allow(now + wait - Duration::from_millis(1)));
            assert!(failures.allow(now + wait) && failures.any());
        }
        assert!(!failures.is_loop());
        assert!(!failures.on_ready().any());
        // Deaths are not forgotten by it.
        let died = (0..5).fold(failures, |failures, _| {
            failures.on_death(now, Duration::ZERO, &backoff)
        });
        assert!(died.is_loop() && died.on_hindrance(now, &backoff).on_ready().is_loop());
    }

    #[test]
    fn a_long_life_makes_earlier_deaths_forgotten() {
        let now = Instant::now();
        let backoff = Backoff::default();
        let long = Duration::from_secs(60);
        let died = (0..5).fold(Failures::default(), |failures, _| {
            failures.on_death(now, Duration::ZERO, &backoff)
        });
        assert!(!died.on_life(long, &backoff).any());
        assert!(died.on_life(long / 2, &backoff).is_loop());
        let again = died.on_death(now, long, &backoff);
        assert!(again.allow(now + backoff.first) && !again.is_loop());
    }
}
