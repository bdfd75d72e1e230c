//! The measurements of a machine by itself: temperatures, fans, power supplies.

use super::View;

/// The kelvins that a part is warmer than the inlet at rest, and those that a full load adds.
struct Part {
    name: &'static str,
    context: &'static str,
    rest: f64,
    load: f64,
}

const fn part(name: &'static str, context: &'static str, rest: f64, load: f64) -> Part {
    Part {
        name,
        context,
        rest,
        load,
    }
}

const PARTS: [Part; 22] = [
    part("Inlet", "Intake", 0.0, 0.0),
    part("CPU 1", "CPU", 18.0, 32.0),
    part("CPU 2", "CPU", 17.0, 31.0),
    part("Memory A1-A4", "Memory", 9.0, 12.0),
    part("Memory A5-A8", "Memory", 9.5, 12.5),
    part("Memory B1-B4", "Memory", 10.0, 13.0),
    part("Memory B5-B8", "Memory", 10.5, 13.5),
    part("Regulator CPU 1", "VoltageRegulator", 14.0, 22.0),
    part("Regulator CPU 2", "VoltageRegulator", 13.5, 21.0),
    part("Regulator memory A", "VoltageRegulator", 11.0, 14.0),
    part("Regulator memory B", "VoltageRegulator", 11.5, 14.5),
    part("Chipset", "SystemBoard", 16.0, 9.0),
    part("BMC", "SystemBoard", 19.0, 3.0),
    part("Board front", "SystemBoard", 4.0, 3.0),
    part("Board rear", "SystemBoard", 8.0, 9.0),
    part("Drives", "StorageDevice", 7.0, 6.0),
    part("Drive controller", "PhysicalLocation", 21.0, 8.0),
    part("Network adapter", "NetworkingDevice", 20.0, 12.0),
    part("Riser 1", "Board", 9.0, 8.0),
    part("Riser 2", "Board", 9.5, 8.0),
    part("Supply 1", "PowerSupply", 6.0, 9.0),
    part("Exhaust", "Exhaust", 8.0, 11.0),
];

const FANS: usize = 6;
/// The revolutions of a fan at full speed.
const FULL_SPEED: f64 = 16_000.0;

/// A temperature.
pub struct Temperature {
    /// Its number, from 1.
    pub number: usize,
    pub name: &'static str,
    pub context: &'static str,
    /// In degrees Celsius; absent where nothing is measured while the machine is off.
    pub celsius: Option<f64>,
    /// The temperatures of which it warns, and at which it is critical.
    pub limits: (f64, f64),
}

/// A fan.
pub struct Fan {
    /// Its number, from 1.
    pub number: usize,
    pub percent: f64,
    pub rpm: f64,
    pub has_failed: bool,
}

/// A power supply.
pub struct Supply {
    /// Its number, from 1.
    pub number: usize,
    pub volts: f64,
    pub input_watts: f64,
    pub output_watts: f64,
    pub has_failed: bool,
}

impl Supply {
    /// Its health, in the words of DSP0268.
    pub fn health(&self) -> &'static str {
        if self.has_failed || self.volts <= 0.0 {
            "Critical"
        } else {
            "OK"
        }
    }

    /// Its state, in the words of DSP0268.
    pub fn state(&self) -> &'static str {
        if self.volts <= 0.0 {
            "UnavailableOffline"
        } else {
            "Enabled"
        }
    }
}

/// Returns the temperatures of a machine.
pub fn temperatures(view: &View<'_>) -> Vec<Temperature> {
    let measured = view.measured;
    let of = |(number, part): (usize, &Part)| {
        // The air, the board and the BMC have power of their own.
        let is_standing = matches!(part.context, "Intake" | "SystemBoard" | "Exhaust");
        let celsius = measured.inlet
            + match measured.is_on {
                true => part.rest + part.load * measured.load,
                false => part.rest * 0.3,
            };
        Temperature {
            number,
            name: part.name,
            context: part.context,
            celsius: (measured.is_on || is_standing).then_some(celsius),
            limits: match part.context {
                "Intake" => (42.0, 46.0),
                "CPU" => (95.0, 100.0),
                _ => (85.0, 95.0),
            },
        }
    };
    (1..).zip(&PARTS).map(of).collect()
}

/// Returns the fans of a machine: faster in warm air and under load, and faster if one stands still.
pub fn fans(view: &View<'_>) -> Vec<Fan> {
    let measured = view.measured;
    let warmth = (measured.inlet - 22.0).max(0.0) * 2.5;
    let extra = if view.has_failed_fan { 15.0 } else { 0.0 };
    let wanted = match measured.is_on {
        true => (22.0 + 40.0 * measured.load + warmth + extra).min(100.0),
        false => 0.0,
    };
    let of = |number: usize| {
        let has_failed = view.has_failed_fan && number == 1;
        let percent = match (has_failed, measured.is_on) {
            (true, _) | (_, false) => 0.0,
            (false, true) => (wanted + (number % 3) as f64).min(100.0),
        };
        Fan {
            number,
            percent,
            rpm: FULL_SPEED * percent / 100.0,
            has_failed,
        }
    };
    (1..=FANS).map(of).collect()
}

/// Returns the power supplies of a machine: one for each cord.
pub fn supplies(view: &View<'_>) -> Vec<Supply> {
    /// The share of its input that a supply hands on.
    const EFFICIENCY: f64 = 0.94;
    let of = |(number, input): (usize, &crate::bmc::machine::Input)| {
        let has_failed = view.has_failed_supply && number == 1;
        Supply {
            number,
            volts: input.volts,
            input_watts: input.watts,
            output_watts: if has_failed {
                0.0
            } else {
                input.watts * EFFICIENCY
            },
            has_failed,
        }
    };
    (1..).zip(&view.measured.inputs).map(of).collect()
}

/// Returns the health of the whole: a machine with a failed part goes on, and warns.
pub fn health(view: &View<'_>) -> &'static str {
    let supplies = supplies(view);
    let is_well = supplies.iter().all(|supply| supply.health() == "OK");
    if is_well && !view.has_failed_fan {
        "OK"
    } else {
        "Warning"
    }
}
