//! Physical quantities as separate types, so that a watt is never added to a volt.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(quantities: I) -> Self {
                quantities.fold(Self::default(), Add::add)
            }
        }
    };
}

quantity!(
    /// Active power.
    Watts
);
quantity!(
    /// Root mean square voltage.
    Volts
);
quantity!(
    /// Root mean square current.
    Amperes
);
quantity!(
    /// Active energy.
    WattHours
);
quantity!(
    /// Temperature.
    Celsius
);

/// Power factor of the load on an outlet: typical of modern server power supplies.
pub const POWER_FACTOR: f64 = 0.95;

impl Watts {
    /// Apparent power in volt-amperes.
    pub fn apparent(self) -> f64 {
        self.0 / POWER_FACTOR
    }

    /// The current drawn by this power at `voltage`; none without a voltage.
    pub fn current(self, voltage: Volts) -> Amperes {
        if voltage.0 > 0.0 {
            Amperes(self.apparent() / voltage.0)
        } else {
            Amperes(0.0)
        }
    }

    /// The energy of this power over `time`.
    pub fn over(self, time: std::time::Duration) -> WattHours {
        WattHours(self.0 * time.as_secs_f64() / 3600.0)
    }
}
