//! Waits between attempts.

use std::time::Duration;

/// Waits that double from the first to the longest. It uses neither a clock nor randomness: its
/// owner resets it, and provides the number that jitters a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Creates a back-off with this first wait.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// Starts again with the first wait, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Returns true if it has not waited since the last reset.
    pub fn is_first(&self) -> bool {
        self.next == self.first
    }

    /// Returns the time to wait now, and doubles the next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        wait
    }

    /// Returns how long to wait after so many waits, whatever is next.
    pub fn nth(&self, waits: u32) -> Duration {
        let factor = 1 << waits.min(u32::BITS - 1);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// Returns the time to wait now, lengthened by up to half according to a random number, so that
    /// clients who lost the same connection do not all return at once.
    pub fn wait_jittered(&mut self, draw: u16) -> Duration {
        lengthened(self.wait(), draw)
    }
}

/// Returns the wait lengthened by up to half.
fn lengthened(wait: Duration, draw: u16) -> Duration {
    wait + wait / 2 * u32::from(draw) / u32::from(u16::MAX)
}

/// Returns the wait shortened or lengthened by up to a quarter.
pub fn spread(wait: Duration, draw: u16) -> Duration {
    wait * 3 / 4 + wait / 2 * u32::from(draw) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::new(milliseconds(100), milliseconds(300));
        assert!(backoff.is_first());
        let waits: Vec<_> = (0..4).map(|_| backoff.wait()).collect();
        assert_eq!(waits, [100, 200, 300, 300].map(milliseconds));
        let nth: Vec<_> = [0, 1, 2, 70].map(|waits| backoff.nth(waits)).into();
        assert_eq!(nth, waits);
        assert!(!backoff.is_first());
        backoff.reset();
        assert_eq!(backoff.wait(), milliseconds(100));
    }

    #[test]
    fn what_is_drawn_spreads_a_wait_and_no_more() {
        let wait = milliseconds(1000);
        assert_eq!(lengthened(wait, 0), wait);
        assert_eq!(lengthened(wait, u16::MAX), milliseconds(1500));
        assert_eq!(spread(wait, 0), milliseconds(750));
        assert_eq!(spread(wait, u16::MAX), milliseconds(1250));
    }
}
