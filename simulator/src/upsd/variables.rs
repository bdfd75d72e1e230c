//! The variables of a UPS, by the names of NUT (docs/nut-names.txt there). Pure.

use crate::room::{NOMINAL, Source, Test, Ups};

/// The charge below which a battery counts as low, in percent.
const LOW: f64 = 20.0;
/// The voltage of a full battery, and how much less an empty one has.
const BATTERY_VOLTS: (f64, f64) = (245.0, 35.0);
/// The words that are told in place of numbers.
const NO_NUMBERS: [&str; 5] = ["n/a", "nan", "unknown", "- - -", ""];

/// The variables at one moment, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// Returns the variables of a UPS.
    pub fn of(ups: &Ups) -> Self {
        let charge = ups.charge() * 100.0;
        let volts = BATTERY_VOLTS.0 - BATTERY_VOLTS.1 * (1.0 - ups.charge());
        let (input, output) = (ups.input_voltage().0, ups.output_voltage().0);
        let hertz = |volts: f64| if volts > 0.0 { "50.0" } else { "0.0" };
        Self(vec![
            ("battery.charge", format!("{:.0}", charge.floor())),
            ("battery.charge.low", format!("{LOW:.0}")),
            ("battery.runtime", ups.runtime().as_secs().to_string()),
            ("battery.voltage", format!("{volts:.1}")),
            ("device.mfr", "Simulated".to_owned()),
            ("device.model", "On-line UPS".to_owned()),
            ("device.serial", format!("sim-{}", ups.name)),
            ("device.type", "ups".to_owned()),
            ("driver.name", "simulated".to_owned()),
            ("input.frequency", hertz(input).to_owned()),
            ("input.voltage", format!("{input:.1}")),
            ("input.voltage.nominal", format!("{:.0}", NOMINAL.0)),
            ("output.frequency", hertz(output).to_owned()),
            ("output.voltage", format!("{output:.1}")),
            ("ups.load", format!("{:.1}", ups.load_fraction() * 100.0)),
            ("ups.mfr", "Simulated".to_owned()),
            ("ups.model", "On-line UPS".to_owned()),
            ("ups.realpower", format!("{:.0}", ups.load.0)),
            ("ups.realpower.nominal", format!("{:.0}", ups.rated.0)),
            ("ups.status", status(ups, charge)),
            ("ups.test.result", test(ups.test).to_owned()),
        ])
    }

    /// The same, with the status of a UPS that is on line and has nothing to say.
    #[must_use]
    pub fn with_stuck_status(mut self) -> Self {
        let status = self.0.iter_mut().filter(|(name, _)| *name == "ups.status");
        status.for_each(|(_, value)| "OL".clone_into(value));
        self
    }

    /// The same, with words where numbers belong.
    #[must_use]
    pub fn with_no_numbers(mut self) -> Self {
        let numbers = self
            .0
            .iter_mut()
            .filter(|(_, value)| value.parse::<f64>().is_ok());
        for ((_, value), word) in numbers.zip(NO_NUMBERS.iter().cycle()) {
            (*word).clone_into(value);
        }
        self
    }

    /// Returns a variable by its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns all of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

fn status(ups: &Ups, charge: f64) -> String {
    let mut flags = match ups.source() {
        Source::Mains => vec!["OL"],
        Source::Battery => vec!["OB", "DISCHRG"],
        Source::Bypass => vec!["OL", "BYPASS"],
        Source::Nothing => vec!["OFF"],
    };
    let is_on_battery = ups.source() == Source::Battery;
    for (flag, is_so) in [
        ("LB", charge < LOW && is_on_battery),
        ("CHRG", charge < 100.0 && ups.source() == Source::Mains),
        ("OVER", ups.load_fraction() > 1.0),
    ] {
        if is_so {
            flags.push(flag);
        }
    }
    flags.join(" ")
}

fn test(test: Test) -> &'static str {
    match test {
        Test::Never => "No test initiated",
        Test::Running(_) => "In progress",
        Test::Passed => "Done and passed",
        Test::Aborted => "Aborted",
        Test::Failed => "Done and error",
    }
}
