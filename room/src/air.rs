//! The air of a room with cooling units: one cold aisle, one warm.
//!
//! The air that the units supply mixes, the equipment warms it by so many kelvins, and it comes back. If
//! the units move less air than the equipment, warm air comes round to the cold side; if none moves
//! any, the room warms up.

use std::time::Duration;

use crate::Cooling;
use crate::units::{Celsius, Watts};

/// The warming of air on its way through equipment, whose fans see to it.
const THROUGH: f64 = 11.0;
/// The joules that warm the air, the walls and the metal of a room by a kelvin, for each watt of
/// its cooling units.
const INERTIA: f64 = 40.0;

/// The air of a room.
#[derive(Debug)]
pub struct Air {
    /// The air on the cold side of the racks.
    pub cold: Celsius,
    /// The air that comes back to the cooling units.
    pub warm: Celsius,
    /// The joules that warm it by a kelvin.
    inertia: f64,
}

impl Air {
    /// Creates air at the temperature that the units supply.
    pub fn new(units: &[Cooling]) -> Self {
        let mean = units.iter().map(|unit| unit.setpoint.0).sum::<f64>() / units.len() as f64;
        let capacity: f64 = units.iter().map(|unit| unit.capacity.0).sum();
        Self {
            cold: Celsius(mean),
            warm: Celsius(mean + THROUGH),
            inertia: capacity * INERTIA,
        }
    }

    /// Lets the units supply and the equipment give off `heat` for `step`.
    pub(crate) fn advance(&mut self, units: &[Cooling], heat: Watts, step: Duration) {
        let moving = units.iter().filter(|unit| unit.has_mains());
        let (mut airflow, mut mix) = (0.0, 0.0);
        for unit in moving {
            airflow += unit.airflow;
            mix += unit.airflow * unit.supply.0;
        }
        let seconds = step.as_secs_f64();
        if airflow <= 0.0 {
            self.cold += Celsius(heat.0 * seconds / self.inertia);
            self.warm = self.cold + Celsius(THROUGH);
            return;
        }
        let rise = heat.0 / airflow;
        let through = rise.min(THROUGH);
        let aim = Celsius(mix / airflow + rise - through);
        let rest = (-seconds * airflow / self.inertia).exp();
        self.cold = aim + (self.cold - aim) * rest;
        self.warm = self.cold + Celsius(through);
    }
}
