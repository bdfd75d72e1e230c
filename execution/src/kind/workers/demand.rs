//! The number of workers that a pool has needed lately, and therefore keeps warm. Pure.
//!
//! The rule: a pool needs the workers that are busy and those that the queue would fill once it has
//! waited for as long as a pool takes to grow. The peak of each slice of the time looked back at is
//! remembered, and a pool keeps the highest of them. A load that returns again and again therefore
//! waits for no start, a burst costs idle workers for that long and no longer, and a queue that
//! vanishes in a moment starts nothing.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The number of slices of the time that is looked back at.
const SLICES: u32 = 10;

/// The needs of late.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// The beginning of each slice and its peak, the oldest first.
    slices: VecDeque<(Instant, u32)>,
}

impl Demand {
    /// Records the present need. `back` is the time that is looked back at.
    pub(crate) fn on(&mut self, needed: u32, now: Instant, back: Duration) {
        let age = |since: Instant| now.saturating_duration_since(since);
        match self.slices.back_mut() {
            Some((since, peak)) if age(*since) < back / SLICES => *peak = needed.max(*peak),
            _ => self.slices.push_back((now, needed)),
        }
        // A slice counts until its last moment is that old.
        while self
            .slices
            .front()
            .is_some_and(|(since, _)| age(*since) > back + back / SLICES)
        {
            self.slices.pop_front();
        }
    }

    /// Returns the highest of them.
    pub(crate) fn peak(&self) -> u32 {
        self.slices.iter().map(|(_, peak)| *peak).max().unwrap_or(0)
    }
}

/// Returns the number of workers of this capacity that running and queued tasks need.
pub(crate) fn needed(running: u64, queued: u64, capacity: u32) -> u32 {
    let all = running.saturating_add(queued);
    u32::try_from(all.div_ceil(u64::from(capacity.max(1)))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_the_time_looked_back_at_is_kept_and_no_longer() {
        let start = Instant::now();
        let back = Duration::from_secs(300);
        let mut demand = Demand::default();
        assert_eq!(demand.peak(), 0);
        let mut at = |second: u64, needed: u32| {
            demand.on(needed, start + Duration::from_secs(second), back);
            demand.peak()
        };
        assert_eq!(at(0, 1), 1);
        assert_eq!(at(10, 7), 7);
        assert_eq!(at(11, 0), 7);
        for second in 12..300 {
            assert_eq!(at(second, 2), 7, "{second}");
        }
        assert_eq!(at(331, 2), 2);
        assert_eq!(at(10_000, 0), 0);
    }

    #[test]
    fn it_stays_small_however_often_it_is_reported() {
        let start = Instant::now();
        let mut demand = Demand::default();
        for n in 0..100_000u64 {
            let now = start + Duration::from_millis(n * 50);
            demand.on(1, now, Duration::from_secs(300));
        }
        assert!(demand.slices.len() <= SLICES as usize + 2);
        for n in 0..1000u64 {
            demand.on(1, start + Duration::from_secs(6000 + n), Duration::ZERO);
        }
        assert!(demand.slices.len() <= 2, "nothing is looked back at");
    }

    #[test]
    fn what_runs_and_what_is_queued_fill_workers() {
        for (running, queued, capacity, expect) in [
            (0, 0, 10, 0),
            (1, 0, 10, 1),
            (10, 0, 10, 1),
            (10, 1, 10, 2),
            (3, 4, 1, 7),
            (3, 0, 0, 3),
        ] {
            assert_eq!(needed(running, queued, capacity), expect);
        }
    }
}
