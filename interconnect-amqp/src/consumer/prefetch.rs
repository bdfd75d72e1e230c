//! The number of messages that a consumer gets in advance. Pure.

use std::time::Duration;

/// The largest number that is ever requested.
const MAX_MESSAGES: u16 = 1_000;
/// The assumed number of tasks in a message before the first has arrived.
const GUESS: f64 = 8.0;
/// The weight of the newest message in the average.
const NEWEST: f64 = 0.1;
/// The shortest interval between changes, each of which requires consuming again.
pub(super) const ADAPT_INTERVAL: Duration = Duration::from_secs(1);

/// The prefetch of one class: it follows the number of tasks in a message, and the number
/// requested.
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
    /// Counts a message with this number of tasks.
    pub(super) fn came(&mut self, tasks: usize) {
        self.average += (tasks.max(1) as f64 - self.average) * NEWEST;
    }

    /// Returns the prefetch for this number of requested tasks, while that many messages are begun
    /// and not done.
    pub(super) fn set(&mut self, tasks: usize, begun: usize) -> u16 {
        self.now = self.wanted(tasks, begun);
        self.now
    }

    /// Returns true if it is off by a factor of two. Messages that are begun take up room until
    /// their last task is done, however long that takes: only the rest counts.
    pub(super) fn is_off(&self, tasks: usize, begun: usize) -> bool {
        let free = usize::from(self.now).saturating_sub(begun);
        let too_few = usize::from(self.wanted(tasks, 0)) >= free * 2;
        too_few && self.now < MAX_MESSAGES || self.wanted(tasks, begun) <= self.now / 2
    }

    fn wanted(&self, tasks: usize, begun: usize) -> u16 {
        let messages = (tasks as f64 / self.average).ceil() + begun as f64;
        // Within the range of the type, and without a fraction.
        messages.clamp(1.0, f64::from(MAX_MESSAGES)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_messages_as_hold_what_is_requested() {
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
