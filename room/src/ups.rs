//! An uninterruptible power supply: carries a feed from the mains, and for a while without it.

use std::time::Duration;

use crate::units::{Volts, WattHours, Watts};
use crate::{Breaker, Condition, Conditions, NOMINAL};

/// The share of the output that the mains must supply in addition, lost as heat.
const LOSS: f64 = 0.06;
/// The time to charge an empty battery.
const CHARGE: Duration = Duration::from_secs(3 * 3600);

/// The duration of a quick test, during which the battery carries the load.
const QUICK_TEST: Duration = Duration::from_secs(10);
/// The share of its capacity that a drained battery has.
const DRAINED: f64 = 0.05;
/// The load that an overloaded UPS tells.
const OVERLOAD: f64 = 1.15;

/// The state of the mains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The mains are present.
    Present,
    /// The mains have failed.
    Lost,
}

/// The source of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Mains,
    /// The mains, past everything that protects from them.
    Bypass,
    Battery,
    /// Nothing: no mains, and the battery is empty.
    Nothing,
}

/// A command to a UPS about tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOrder {
    /// Test the battery.
    Begin,
    /// Stop the test.
    Abort,
}

/// The result of the last test of the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// No test was ever made.
    Never,
    /// In progress: the load runs on the battery for this much longer.
    Running(Duration),
    /// The battery carried the load throughout.
    Passed,
    /// It was stopped, or the mains failed meanwhile.
    Aborted,
    /// The battery did not carry the load.
    Failed,
}

/// An uninterruptible power supply.
#[derive(Debug)]
pub struct Ups {
    pub name: String,
    /// The feed that it supplies.
    pub feed: String,
    /// The load that it can carry.
    pub rated: Watts,
    /// The energy in its battery when full.
    pub capacity: WattHours,
    /// The energy in its battery now.
    pub stored: WattHours,
    /// The power it carries now.
    pub load: Watts,
    /// The time since the mains failed; zero while it is available.
    pub on_battery: Duration,
    /// The number of mains failures.
    pub input_losses: u32,
    /// The result of the last test of the battery.
    pub test: Test,
    /// The time at which the test began.
    pub test_began: Duration,
    /// The conditions that it was put into.
    pub conditions: Conditions,
    /// The utility feed that supplies it, by its index.
    pub utility: Option<usize>,
    /// The breaker of its output, if the room says how much it carries.
    pub breaker: Option<Breaker>,
    /// The state of what supplies it, and of the cable from there.
    supply: Input,
    cable: Input,
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
            test: Test::Never,
            test_began: Duration::ZERO,
            conditions: Conditions::default(),
            utility: None,
            breaker: None,
            supply: Input::Present,
            cable: Input::Present,
            input: Input::Present,
            mains: NOMINAL,
        }
    }

    /// Returns the source of the output.
    pub fn source(&self) -> Source {
        let is_testing = matches!(self.test, Test::Running(_));
        let is_open = self.breaker.as_ref().is_some_and(Breaker::is_open);
        if is_open || self.conditions.has(Condition::OutputOff) {
            return Source::Nothing;
        }
        if self.has_input() && self.conditions.has(Condition::Bypass) {
            return Source::Bypass;
        }
        match self.input {
            Input::Present if !is_testing || self.stored.0 <= 0.0 => Source::Mains,
            _ if self.stored.0 > 0.0 => Source::Battery,
            _ => Source::Nothing,
        }
    }

    /// Returns true if the mains is available.
    pub fn has_input(&self) -> bool {
        self.input == Input::Present
    }

    /// Voltage of the mains; zero when it has failed.
    pub fn input_voltage(&self) -> Volts {
        if self.input == Input::Present {
            self.mains
        } else {
            Volts(0.0)
        }
    }

    /// Returns the power drawn from the mains: load, losses, and charging.
    pub fn input_power(&self) -> Watts {
        match self.source() {
            Source::Mains => {}
            Source::Bypass => return self.load,
            Source::Battery | Source::Nothing => return Watts(0.0),
        }
        self.load * (1.0 + LOSS)
            + if self.is_charging() {
                self.charger()
            } else {
                Watts(0.0)
            }
    }

    /// The output voltage; zero when there is no source.
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

    /// Returns the load as a fraction of the rated load: 1 is full load.
    pub fn load_fraction(&self) -> f64 {
        let fraction = self.load.0 / self.rated.0;
        match self.conditions.has(Condition::Overload) {
            true => fraction.max(OVERLOAD),
            false => fraction,
        }
    }

    /// Returns how long the battery would carry the current load; at most ten hours.
    pub fn runtime(&self) -> Duration {
        let hours = if self.load.0 > 0.0 {
            self.stored.0 / self.load.0
        } else {
            f64::INFINITY
        };
        Duration::from_secs_f64(hours.clamp(0.0, 10.0) * 3600.0)
    }

    /// Disconnects its own cable, or reconnects it.
    pub(super) fn set_input(&mut self, input: Input) {
        self.cable = input;
        self.take_input();
    }

    /// Has what supplies it fail, or return.
    pub(super) fn set_supply(&mut self, input: Input) {
        self.supply = input;
        self.take_input();
    }

    fn take_input(&mut self) {
        let input = match (self.supply, self.cable) {
            (Input::Present, Input::Present) => Input::Present,
            _ => Input::Lost,
        };
        if self.input == Input::Present && input == Input::Lost {
            self.input_losses += 1;
        }
        if input == Input::Lost && matches!(self.test, Test::Running(_)) {
            self.test = Test::Aborted;
        }
        self.input = input;
    }

    /// Starts a quick battery test at `clock`, or stops the one in progress.
    pub(super) fn set_test(&mut self, order: TestOrder, clock: Duration) {
        match order {
            TestOrder::Begin => {
                let can_begin = self.input == Input::Present && self.stored.0 > 0.0;
                self.test = if can_begin {
                    Test::Running(QUICK_TEST)
                } else {
                    Test::Aborted
                };
                self.test_began = clock;
            }
            TestOrder::Abort if matches!(self.test, Test::Running(_)) => self.test = Test::Aborted,
            TestOrder::Abort => {}
        }
    }

    pub(super) fn set_condition(&mut self, condition: Condition, clock: Duration) {
        if condition == Condition::TestFailed {
            self.test = Test::Failed;
            self.test_began = clock;
        }
        self.conditions.add(condition);
    }

    /// Ends all conditions: the battery is charged, and its test is forgotten.
    pub(super) fn clear_conditions(&mut self) {
        if self.conditions.has(Condition::BatteryDrained) {
            self.stored = self.capacity;
        }
        if self.test == Test::Failed {
            self.test = Test::Never;
        }
        self.conditions.clear();
    }

    pub(super) fn set_mains(&mut self, voltage: Volts) {
        self.mains = voltage;
    }

    pub(super) fn carry(&mut self, load: Watts, step: Duration) {
        self.load = load;
        match self.source() {
            Source::Battery | Source::Nothing => {
                self.on_battery += step;
                self.stored = at_least_empty(self.stored - load.over(step));
            }
            Source::Mains | Source::Bypass => {
                self.on_battery = Duration::ZERO;
                let charged = self.stored + self.charger().over(step);
                self.stored = if charged > self.capacity {
                    self.capacity
                } else {
                    charged
                };
            }
        }
        let drained = self.capacity * DRAINED;
        if self.conditions.has(Condition::BatteryDrained) && self.stored > drained {
            self.stored = drained;
        }
        if let Test::Running(left) = self.test {
            let left = left.saturating_sub(step);
            self.test = match left {
                Duration::ZERO => Test::Passed,
                _ if self.stored.0 <= 0.0 => Test::Aborted,
                left => Test::Running(left),
            };
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
