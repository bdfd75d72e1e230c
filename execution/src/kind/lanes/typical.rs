//! The time that attempts of a kind typically take here, by which a slow target is recognised. Pure.

use std::time::Duration;

/// The shortest time that counts as slow, whatever is typical.
const LEAST: Duration = Duration::from_secs(1);
/// The multiple of the typical time from which a target is slow.
const TIMES: u32 = 8;
/// The share of a new time in the average: one in this many.
const SHARE: u32 = 64;

/// A moving average of the times of answers that were not slow.
#[derive(Debug, Default)]
pub(super) struct Typical(Option<Duration>);

impl Typical {
    /// Takes note of the time that an answer took. Returns true if it was slow.
    pub(super) fn is_slow(&mut self, took: Duration) -> bool {
        let Some(average) = self.0 else {
            let is_slow = took >= LEAST;
            self.0 = (!is_slow).then_some(took);
            return is_slow;
        };
        let is_slow = took >= LEAST.max(average * TIMES);
        // A kind whose targets all become slow must not count all of them as such for ever.
        let took = took.min(average * TIMES);
        self.0 = Some((average * (SHARE - 1) + took) / SHARE);
        is_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_slow_compared_with_others_of_its_kind() {
        let mut typical = Typical::default();
        let (quick, slow) = (Duration::from_millis(20), Duration::from_secs(20));
        assert!((0..100).all(|_| !typical.is_slow(quick)));
        assert!(typical.is_slow(slow));
        assert!(
            !typical.is_slow(Duration::from_millis(900)),
            "half a second is not slow"
        );
        // Where all of them take that long, it is typical.
        let slow_ones = (0..2_000).filter(|_| typical.is_slow(slow)).count();
        assert!(slow_ones < 1_000, "{slow_ones}");
        assert!(!typical.is_slow(slow));
    }
}
