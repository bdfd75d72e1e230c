//! The clock of the logic environments: if they share a store, that of its database.
//!
//! It may be set while everything runs. Earlier observations keep their age, and become neither
//! older nor younger.

// The clock of tokio can be paused, and is compared with one that cannot.
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Interval, MissedTickBehavior, interval};

pub use utakata_interconnect::clock::now;

/// The interval between looks at both clocks.
const INTERVAL: Duration = Duration::from_millis(500);
/// A clock that is slewed drifts less than this within the interval; a larger difference means that
/// somebody has set it.
const MIN_STEP: SignedDuration = SignedDuration::from_millis(250);

/// Both clocks at the last look. Pure.
#[derive(Debug, Clone, Copy)]
struct Looked {
    wall: Timestamp,
    steady: Instant,
}

impl Looked {
    /// Returns the amount by which the clock was set since the last look, if it was.
    fn look(&mut self, wall: Timestamp, steady: Instant) -> Option<SignedDuration> {
        let passed = steady.saturating_duration_since(self.steady);
        let shown = wall.duration_since(self.wall);
        *self = Self { wall, steady };
        let step = shown.checked_sub(SignedDuration::try_from(passed).ok()?)?;
        (step.abs() >= MIN_STEP).then_some(step)
    }
}

/// A detector of clock settings, for whoever looks often.
#[derive(Debug)]
pub struct Steps(Looked);

impl Steps {
    /// Starts watching.
    pub fn begin() -> Self {
        Self(Looked {
            wall: now(),
            steady: Instant::now(),
        })
    }

    /// Returns the amount by which the clock was set since the last look, if it was.
    pub fn look(&mut self) -> Option<SignedDuration> {
        self.0.look(now(), Instant::now())
    }
}

/// A detector of clock settings, for whoever waits for one.
pub struct Watch {
    steps: Steps,
    ticks: Interval,
}

impl Watch {
    /// Starts watching.
    pub fn begin() -> Self {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            steps: Steps::begin(),
            ticks,
        }
    }

    /// Waits until the clock is set, and returns the amount.
    pub async fn step(&mut self) -> SignedDuration {
        loop {
            self.ticks.tick().await;
            if let Some(step) = self.steps.look() {
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
