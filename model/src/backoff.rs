//! Waits between tries.

use std::time::Duration;

/// Waits that double from the first to the longest. It knows neither clock nor chance: who has
/// them says when it begins anew, and by what a wait is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Makes one whose first wait is next.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// Begins anew: it has worked.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Returns whether nothing was waited for since it began.
    pub fn is_first(&self) -> bool {
        self.next == self.first
    }

    /// Returns how long to wait now; the next wait is twice as long.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        wait
    }

    /// Returns how long to wait now, up to half longer by a number that is drawn by chance, so
    /// that those who lost the same thing do not all come back at once.
    pub fn wait_jittered(&mut self, draw: u16) -> Duration {
        lengthened(self.wait(), draw)
    }
}

/// Returns a wait that is up to half longer.
fn lengthened(wait: Duration, draw: u16) -> Duration {
    wait + wait / 2 * u32::from(draw) / u32::from(u16::MAX)
}

/// Returns a wait that is up to a quarter shorter or longer.
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
