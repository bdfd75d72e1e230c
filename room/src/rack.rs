//! A rack: the power drawn by its equipment becomes heat, some of which returns to the inlet.

use std::time::Duration;

use crate::units::{Celsius, Watts};

/// The supply air of a room without cooling units.
pub(crate) const SUPPLY: Celsius = Celsius(21.0);
/// The warming of the inlet in kelvins per watt drawn in the rack, by recirculation.
const PER_WATT: f64 = 0.001;
/// The time in which two thirds of a change of temperature take place.
const INERTIA: Duration = Duration::from_secs(180);

#[derive(Debug)]
pub struct Rack {
    pub name: String,
    /// Temperature of the air at its inlet.
    pub inlet: Celsius,
    /// The temperature at which the air is held, whatever the rack draws.
    held: Option<Celsius>,
}

impl Rack {
    /// A rack whose inlet has the temperature of the supply air.
    pub fn new(name: String) -> Self {
        Self {
            name,
            inlet: SUPPLY,
            held: None,
        }
    }

    /// Lets `power` heat it, and the air that is supplied cool it, for `step`.
    pub(super) fn warm(&mut self, power: Watts, supply: Celsius, step: Duration) {
        if let Some(held) = self.held {
            self.inlet = held;
            return;
        }
        let aim = settled(power, supply);
        let rest = (-step.as_secs_f64() / INERTIA.as_secs_f64()).exp();
        self.inlet = aim + (self.inlet - aim) * rest;
    }

    /// Holds the air at its inlet at a temperature.
    pub(super) fn hold(&mut self, at: Celsius) {
        self.held = Some(at);
    }

    /// Leaves the air at its inlet to the supply air of the room, which it has at once.
    pub(super) fn release(&mut self, supply: Celsius) {
        if self.held.take().is_some() {
            self.inlet = supply;
        }
    }

    /// Sets the temperature that `power` leads to eventually.
    pub(super) fn settle(&mut self, power: Watts, supply: Celsius) {
        self.inlet = settled(power, supply);
    }
}

fn settled(power: Watts, supply: Celsius) -> Celsius {
    supply + Celsius(power.0 * PER_WATT)
}
