//! The rate at which tasks are begun on one target: a token bucket, pure. It holds the tokens of a
//! tenth of a second, and at least one, so that a target is asked evenly.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::PerSecond;

/// The time whose tokens a bucket holds.
const HOLDS: Duration = Duration::from_millis(100);

/// The bucket of one target. It records only the time at which it will be full, which determines
/// the number of tokens at any time (the "virtual scheduling" of ITU-T I.371).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Returns the time at which there is a token, if not now.
    pub(crate) fn waits_until(&self, rate: PerSecond, now: Instant) -> Option<Instant> {
        let at = self
            .full_at?
            .checked_sub(HOLDS.saturating_sub(rate.interval()));
        at.filter(|at| now < *at)
    }

    /// Takes a token, which must be there.
    pub(crate) fn take(&mut self, rate: PerSecond, now: Instant) {
        let from = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(from + rate.interval());
    }

    /// Returns the time at which it is full, if not now.
    pub(crate) fn full_at(&self, now: Instant) -> Option<Instant> {
        self.full_at.filter(|at| now < *at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the number of tokens taken by somebody who takes all that there are.
    fn taken(rate: PerSecond, within: Duration) -> u32 {
        let start = Instant::now();
        let (mut bucket, mut now, mut taken) = (Bucket::default(), start, 0);
        while now < start + within {
            match bucket.waits_until(rate, now) {
                Some(until) => now = until,
                None => {
                    bucket.take(rate, now);
                    taken += 1;
                }
            }
        }
        taken
    }

    #[test]
    fn a_slow_rate_is_even_from_the_first_on() {
        let rate = PerSecond::new(5.0).unwrap();
        assert_eq!(taken(rate, Duration::from_millis(150)), 1);
        assert_eq!(taken(rate, Duration::from_secs(10)), 50);
        let rate = PerSecond::new(0.1).unwrap();
        assert_eq!(taken(rate, Duration::from_secs(15)), 2);
    }

    #[test]
    fn a_fast_rate_holds_tokens_for_a_tenth_of_a_second() {
        let rate = PerSecond::new(1000.0).unwrap();
        let all = taken(rate, Duration::from_secs(10));
        assert!((10_000..=10_100).contains(&all), "{all}");
    }

    proptest! {
        #[test]
        fn never_more_is_taken_than_the_rate_and_what_the_bucket_holds(
            rate in 0.01f64..2000.0,
            waits in prop::collection::vec(0u64..2_000_000, 1..200),
        ) {
            let rate = PerSecond::new(rate).unwrap();
            let start = Instant::now();
            let (mut bucket, mut now, mut taken) = (Bucket::default(), start, 0.0);
            for wait in waits {
                now += Duration::from_micros(wait);
                if bucket.waits_until(rate, now).is_none() {
                    bucket.take(rate, now);
                    taken += 1.0;
                }
                let held = (rate.get() * HOLDS.as_secs_f64()).max(1.0);
                let max = (now - start).as_secs_f64() * rate.get() + held + 0.001;
                prop_assert!(taken <= max, "{taken} {max}");
            }
        }
    }
}
