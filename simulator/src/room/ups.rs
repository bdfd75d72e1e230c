//! An uninterruptible power supply: carries a feed from the mains, and for a while without.

use std::time::Duration;

use crate::room::NOMINAL;
use crate::units::{Volts, WattHours, Watts};

/// Part of the output that the mains must bring on top, lost as heat.
const LOSS: f64 = 0.06;
/// A charger fills an empty battery in this time.
const CHARGE: Duration = Duration::from_secs(3 * 3600);

/// Whether the mains is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It is.
    Present,
    /// It is not.
    Lost,
}

/// What feeds the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The mains.
    Mains,
    /// The battery.
    Battery,
    /// Nothing: no mains, and the battery is empty.
    Nothing,
}

/// One uninterruptible power supply.
#[derive(Debug)]
pub struct Ups {
    /// Its name.
    pub name: String,
    /// The feed it carries.
    pub feed: String,
    /// What it can carry.
    pub rated: Watts,
    /// What its battery holds when full.
    pub capacity: WattHours,
    /// What its battery holds now.
    pub stored: WattHours,
    /// What it carries now.
    pub load: Watts,
    /// How long it has been without mains; zero with it.
    pub on_battery: Duration,
    /// How often the mains was lost.
    pub input_losses: u32,
    input: Input,
    mains: Volts,
}

impl Ups {
    /// A UPS with a full battery.
    pub fn new(name: String, feed: String, rated: Watts, capacity: WattHours) -> Self {
        Self {
            name,
            feed,
            rated,
            capacity,
            stored: capacity,
            load: Watts(0.0),
            on_battery: Duration::ZERO,
            input_losses: 0,
            input: Input::Present,
            mains: NOMINAL,
        }
    }

    /// What feeds the output.
    pub fn source(&self) -> Source {
        match self.input {
            Input::Present => Source::Mains,
            Input::Lost if self.stored.0 > 0.0 => Source::Battery,
            Input::Lost => Source::Nothing,
        }
    }

    /// Voltage of the mains; zero when it is lost.
    pub fn input_voltage(&self) -> Volts {
        if self.input == Input::Present {
            self.mains
        } else {
            Volts(0.0)
        }
    }

    /// What it draws from the mains: its load, its losses, and what charges its battery.
    pub fn input_power(&self) -> Watts {
        if self.input == Input::Lost {
            return Watts(0.0);
        }
        self.load * (1.0 + LOSS)
            + if self.is_charging() {
                self.charger()
            } else {
                Watts(0.0)
            }
    }

    /// Voltage it delivers; zero when there is nothing to deliver from.
    pub fn output_voltage(&self) -> Volts {
        if self.source() == Source::Nothing {
            Volts(0.0)
        } else {
            NOMINAL
        }
    }

    /// Charge of the battery, 0 to 1.
    pub fn charge(&self) -> f64 {
        (self.stored.0 / self.capacity.0).clamp(0.0, 1.0)
    }

    /// How much of what it can carry it carries: 1 is all.
    pub fn load_fraction(&self) -> f64 {
        self.load.0 / self.rated.0
    }

    /// How long the battery would carry the load of now; at most ten hours.
    pub fn runtime(&self) -> Duration {
        let hours = if self.load.0 > 0.0 {
            self.stored.0 / self.load.0
        } else {
            f64::INFINITY
        };
        Duration::from_secs_f64(hours.clamp(0.0, 10.0) * 3600.0)
    }

    pub(super) fn set_input(&mut self, input: Input) {
        if self.input == Input::Present && input == Input::Lost {
            self.input_losses += 1;
        }
        self.input = input;
    }

    pub(super) fn set_mains(&mut self, voltage: Volts) {
        self.mains = voltage;
    }

    pub(super) fn carry(&mut self, load: Watts, step: Duration) {
        self.load = load;
        match self.input {
            Input::Lost => {
                self.on_battery += step;
                self.stored = at_least_empty(self.stored - load.over(step));
            }
            Input::Present => {
                self.on_battery = Duration::ZERO;
                let charged = self.stored + self.charger().over(step);
                self.stored = if charged > self.capacity {
                    self.capacity
                } else {
                    charged
                };
            }
        }
    }

    fn is_charging(&self) -> bool {
        self.stored < self.capacity
    }

    fn charger(&self) -> Watts {
        Watts(self.capacity.0 / (CHARGE.as_secs_f64() / 3600.0))
    }
}

fn at_least_empty(energy: WattHours) -> WattHours {
    if energy.0 > 0.0 {
        energy
    } else {
        WattHours(0.0)
    }
}
