//! A breaker: its bimetal remembers what flowed through it, its magnet opens at once.
//!
//! The curve is that of IEC 60898-1, characteristic C: 1.13 times the rated current never trips it,
//! 1.45 times does within the hour (here after four minutes), 2.55 times within a minute. The
//! bimetal is a first-order element that is heated by the square of the current.

use std::time::Duration;

use crate::units::Watts;

/// The square of the current, relative to the rated one, that never trips.
const NEVER: f64 = 1.13 * 1.13;
/// The time constant of the bimetal.
const INERTIA: Duration = Duration::from_secs(240);
/// The current, relative to the rated one, at which the magnet opens.
const MAGNET: f64 = 7.0;

/// A breaker. At one voltage and power factor, its rating is a power.
#[derive(Debug, Clone)]
pub struct Breaker {
    /// The power that it carries forever.
    pub rated: Watts,
    /// The number of times that it has tripped.
    pub trips: u32,
    heat: f64,
    is_open: bool,
}

impl Breaker {
    /// Creates a breaker that is closed and cold.
    pub fn new(rated: Watts) -> Self {
        Self {
            rated,
            trips: 0,
            heat: 0.0,
            is_open: false,
        }
    }

    /// Returns true if it has tripped, or was opened: what is behind it has no power.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns the heat of its bimetal as a share of the heat that trips it.
    pub fn heat(&self) -> f64 {
        self.heat / NEVER
    }

    /// Returns the time after which a load trips it, if it ever does.
    pub fn trips_within(&self, load: Watts) -> Option<Duration> {
        if self.is_open {
            return None;
        }
        let current = load.0 / self.rated.0;
        let aim = current * current;
        if current >= MAGNET || self.heat > NEVER {
            return Some(Duration::ZERO);
        }
        let times = (aim - self.heat) / (aim - NEVER);
        (aim > NEVER).then(|| INERTIA.mul_f64(times.ln()))
    }

    /// Closes it. A bimetal that is hot trips it again soon.
    pub fn close(&mut self) {
        self.is_open = false;
    }

    /// Opens it by hand.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Lets `load` flow for `step`. Returns true if that trips it.
    pub(crate) fn carry(&mut self, load: Watts, step: Duration) -> bool {
        let current = load.0 / self.rated.0;
        let aim = if self.is_open { 0.0 } else { current * current };
        let rest = (-step.as_secs_f64() / INERTIA.as_secs_f64()).exp();
        self.heat = aim + (self.heat - aim) * rest;
        let trips = !self.is_open && (self.heat > NEVER || current >= MAGNET);
        if trips {
            self.is_open = true;
            self.trips += 1;
        }
        trips
    }

    /// Gives it the heat that `load` leads to eventually, short of tripping.
    pub(crate) fn settle(&mut self, load: Watts) {
        let current = load.0 / self.rated.0;
        self.heat = (current * current).min(NEVER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the seconds after which a cold breaker trips at a multiple of its rating.
    fn trips_after(times: f64) -> Option<u64> {
        let mut breaker = Breaker::new(Watts(1000.0));
        (1..=3600).find(|_| {
            breaker.carry(Watts(1000.0 * times), Duration::from_secs(1));
            breaker.is_open()
        })
    }

    #[test]
    fn it_trips_as_the_standard_says() {
        assert_eq!(trips_after(1.0), None);
        assert_eq!(trips_after(1.13), None);
        assert!(trips_after(1.45).is_some_and(|seconds| seconds > 60));
        assert!(trips_after(2.55).is_some_and(|seconds| (1..=60).contains(&seconds)));
        assert_eq!(trips_after(10.0), Some(1));
    }

    #[test]
    fn it_says_when_it_trips() {
        for times in [1.0, 1.13, 1.2, 1.5, 2.0, 10.0] {
            let breaker = Breaker::new(Watts(1000.0));
            let said = breaker.trips_within(Watts(1000.0 * times));
            let is_so = match (said, trips_after(times)) {
                (Some(said), Some(after)) => (said.as_secs_f64() - after as f64).abs() <= 1.0,
                (None, None) => true,
                _ => false,
            };
            assert!(is_so, "{times}: {said:?}");
        }
        let mut open = Breaker::new(Watts(1000.0));
        open.open();
        assert_eq!(open.trips_within(Watts(5000.0)), None);
    }

    #[test]
    fn one_that_has_cooled_carries_again_and_one_that_is_hot_does_not() {
        let mut breaker = Breaker::new(Watts(1000.0));
        // Returns the seconds after which it trips.
        let carry = |breaker: &mut Breaker, watts: f64, seconds: u64| {
            (0..seconds).find(|_| breaker.carry(Watts(watts), Duration::from_secs(1)))
        };
        assert!(carry(&mut breaker, 1500.0, 600).is_some_and(|after| after > 100));
        breaker.close();
        assert!(carry(&mut breaker, 1500.0, 600).is_some_and(|after| after < 5));
        assert_eq!(carry(&mut breaker, 0.0, 1200), None);
        breaker.close();
        assert_eq!(carry(&mut breaker, 1000.0, 3600), None);
        assert_eq!((breaker.is_open(), breaker.trips), (false, 2));
    }
}
