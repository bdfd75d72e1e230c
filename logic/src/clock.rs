//! The clock of the logic environments: where they share a store, they go by that of its database.
//!
//! It may be set while everything runs: what was seen before then is as old as it was, and no
//! older or younger by that.

use std::{
    sync::Arc,
    // That of tokio can be stopped, and is compared with one that cannot.
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use utakata_model::Selector;

pub use utakata_interconnect::clock::now;

use crate::inventory::Inventory;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);
/// A clock that is slewed is off by less within that; by more, somebody has set it.
const STEP_MIN: SignedDuration = SignedDuration::from_millis(250);

/// Both clocks, as they were when it was last looked: pure.
#[derive(Debug, Clone, Copy)]
struct Looked {
    wall: Timestamp,
    steady: Instant,
}

impl Looked {
    /// By how much the clock was set since it was last looked, if it was.
    fn look(&mut self, wall: Timestamp, steady: Instant) -> Option<SignedDuration> {
        let passed = steady.saturating_duration_since(self.steady);
        let shown = wall.duration_since(self.wall);
        *self = Self { wall, steady };
        let step = shown.checked_sub(SignedDuration::try_from(passed).ok()?)?;
        (step.abs() >= STEP_MIN).then_some(step)
    }
}

/// Watches the clock until it is cancelled.
pub async fn watch(inventory: Arc<Inventory>, cancel: CancellationToken) {
    let mut looked = Looked {
        wall: now(),
        steady: Instant::now(),
    };
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Some(step) = looked.look(now(), Instant::now()) else {
            continue;
        };
        tracing::warn!(?step, "the clock was set");
        for known in inventory.select(&Selector::default()).iter() {
            known.seen.lock().shift(step);
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
