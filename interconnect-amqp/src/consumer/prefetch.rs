//! The number of messages that a consumer is handed ahead. Pure.

use std::time::Duration;

/// The most that is ever asked for.
const MAX_MESSAGES: u16 = 1_000;
/// The assumed size of a message before the first has come.
const GUESS: f64 = 8.0;
/// The weight of the newest message in the average.
const NEWEST: f64 = 0.1;
/// Changing it means to consume anew: no more often than this.
pub(super) const ADAPT_INTERVAL: Duration = Duration::from_secs(1);

/// Of one class: follows how many tasks a message holds, and how many are asked for.
#[derive(Debug)]
pub(super) struct Prefetch {
    average: f64,
    now: u16,
}

impl Default for Prefetch {
    fn default() -> Self {
        Self {
            average: GUESS,
            now: 0,
        }
    }
}

impl Prefetch {
    /// A message of so many tasks came.
    pub(super) fn came(&mut self, tasks: usize) {
        self.average += (tasks.max(1) as f64 - self.average) * NEWEST;
    }

    /// For so many tasks that are asked for, while so many messages are begun and not done.
    pub(super) fn set(&mut self, tasks: usize, begun: usize) -> u16 {
        self.now = self.wanted(tasks, begun);
        self.now
    }

    /// Returns true if it is off by a factor of two. Messages that are begun take up room until
    /// their last task is done, however long that takes: what counts is what is left for others.
    pub(super) fn is_off(&self, tasks: usize, begun: usize) -> bool {
        let free = usize::from(self.now).saturating_sub(begun);
        let too_few = usize::from(self.wanted(tasks, 0)) >= free * 2;
        too_few && self.now < MAX_MESSAGES || self.wanted(tasks, begun) <= self.now / 2
    }

    fn wanted(&self, tasks: usize, begun: usize) -> u16 {
        let messages = (tasks as f64 / self.average).ceil() + begun as f64;
        // Within the bounds of the type, and no fraction is left.
        messages.clamp(1.0, f64::from(MAX_MESSAGES)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_messages_as_hold_what_is_asked_for() {
        for (size, tasks, begun, expect) in [
            (32, 320, 0, 10),
            (32, 321, 0, 11),
            (32, 1, 0, 1),
            (32, 0, 7, 7),
            (1, 10, 5, 15),
            (1, 100_000, 0, 1_000),
        ] {
            let mut prefetch = Prefetch::default();
            (0..200).for_each(|_| prefetch.came(size));
            prefetch.average = prefetch.average.round();
            assert_eq!(prefetch.set(tasks, begun), expect, "{size} {tasks} {begun}");
        }
    }

    #[test]
    fn it_is_off_when_twice_or_half_as_many_are_wanted() {
        let mut prefetch = Prefetch::default();
        assert_eq!(prefetch.set(80, 0), 10);
        for (tasks, begun, expect) in [
            (80, 0, false),
            (152, 0, false),
            (160, 0, true),
            (48, 0, false),
            (40, 0, true),
            (40, 5, false),
            (8, 8, false),
            (8, 9, false),
            (16, 9, true),
            (1, 10, true),
        ] {
            assert_eq!(prefetch.is_off(tasks, begun), expect, "{tasks} {begun}");
        }
        (0..200).for_each(|_| prefetch.came(1));
        assert!(prefetch.is_off(80, 0), "messages are smaller now");
    }
}
