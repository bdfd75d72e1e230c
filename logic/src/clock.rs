//! The clock of the logic environments: where they share a store, they go by that of its database.
//!
//! It may be set while everything runs: what was seen before then is as old as it was, and no
//! older or younger by that.

// That of tokio can be stopped, and is compared with one that cannot.
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Interval, MissedTickBehavior, interval};

pub use utakata_interconnect::clock::now;

/// Between two looks at both clocks.
const INTERVAL: Duration = Duration::from_millis(500);
/// A clock that is slewed is off by less within that; by more, somebody has set it.
const MIN_STEP: SignedDuration = SignedDuration::from_millis(250);

/// Both clocks at the last look: pure.
#[derive(Debug, Clone, Copy)]
struct Looked {
    wall: Timestamp,
    steady: Instant,
}

impl Looked {
    /// Returns by how much the clock was set since the last look, if it was.
    fn look(&mut self, wall: Timestamp, steady: Instant) -> Option<SignedDuration> {
        let passed = steady.saturating_duration_since(self.steady);
        let shown = wall.duration_since(self.wall);
        *self = Self { wall, steady };
        let step = shown.checked_sub(SignedDuration::try_from(passed).ok()?)?;
        (step.abs() >= MIN_STEP).then_some(step)
    }
}

/// Notices when the clock is set.
pub struct Watch {
    looked: Looked,
    ticks: Interval,
}

impl Watch {
    /// Begins to watch.
    pub fn begin() -> Self {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            looked: Looked {
                wall: now(),
                steady: Instant::now(),
            },
            ticks,
        }
    }

    /// Waits until the clock is set; returns by how much.
    pub async fn step(&mut self) -> SignedDuration {
        loop {
            self.ticks.tick().await;
            if let Some(step) = self.looked.look(now(), Instant::now()) {
                return step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed_and_one_that_drifts_is_not() {
        let (wall, steady) = (Timestamp::from_second(1_000_000).unwrap(), Instant::now());
        let mut looked = Looked { wall, steady };
        let mut at = |wall_ms: i64, steady_ms: u64| {
            looked.look(
                wall + SignedDuration::from_millis(wall_ms),
                steady + Duration::from_millis(steady_ms),
            )
        };
        assert_eq!(at(1000, 1000), None);
        assert_eq!(at(2100, 2000), None);
        let hours = SignedDuration::from_hours(2);
        assert_eq!(at(2600 + 7_200_000, 2500), Some(hours));
        assert_eq!(at(3100 + 7_200_000, 3000), None);
        assert_eq!(at(3600, 3500), Some(-hours));
    }
}
