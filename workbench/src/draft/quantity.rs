//! The quantity that a number measures, according to UNITS, DISPLAY-HINT or its name. Pure.

use super::naming;

/// The quantity that a number measures, and its conversion to a reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The quantity in its base unit.
    pub base: &'static Base,
    /// The factor by which the raw number is multiplied.
    pub factor: f64,
    /// and the offset.
    pub offset: f64,
}

/// A quantity and its metric.
#[derive(Debug, PartialEq)]
pub struct Base {
    /// The UCUM unit.
    pub unit: &'static str,
    /// The metric; empty if it depends on the object.
    pub metric: &'static str,
    /// The limit below which readings are suspect.
    pub min: Option<f64>,
    /// The limit above which readings are suspect.
    pub max: Option<f64>,
}

macro_rules! bases {
    ($($name:ident = $unit:literal $metric:literal $min:expr, $max:expr;)*) => {
        $(const $name: Base = Base { unit: $unit, metric: $metric, min: $min, max: $max };)*
    };
}

bases! {
    VOLTAGE = "V" "hw.voltage" None, Some(1000.0);
    CURRENT = "A" "hw.current" None, Some(5000.0);
    POWER = "W" "hw.power" None, None;
    APPARENT = "V.A" "hw.power.apparent" Some(0.0), None;
    REACTIVE = "var" "hw.power.reactive" None, None;
    ENERGY = "J" "hw.energy" Some(0.0), None;
    FREQUENCY = "Hz" "hw.frequency" Some(0.0), None;
    TEMPERATURE = "Cel" "hw.temperature" Some(-40.0), Some(125.0);
    RATIO = "1" "" Some(0.0), Some(1.0);
    SPEED = "rpm" "hw.fan.speed" Some(0.0), None;
    TIME = "s" "" Some(0.0), None;
    BYTES = "By" "" Some(0.0), None;
    RATE = "bit/s" "" Some(0.0), None;
    OPTICAL = "dB[mW]" "hw.optical_power" None, None;
    PRESSURE = "Pa" "hw.pressure" None, None;
    AIRFLOW = "m3/s" "hw.airflow" Some(0.0), None;
    FLOW = "L/min" "hw.flow" Some(0.0), None;
}

/// Units as written, in lower case: the quantity, its factor, its offset.
const UNITS: &[(&[&str], &Base, f64, f64)] = &[
    (
        &["volt", "volts", "v", "vac", "vdc", "voltsac", "voltsdc"],
        &VOLTAGE,
        1.0,
        0.0,
    ),
    (&["mv", "millivolt", "millivolts"], &VOLTAGE, 0.001, 0.0),
    (&["kv", "kilovolt", "kilovolts"], &VOLTAGE, 1000.0, 0.0),
    (
        &["amp", "amps", "ampere", "amperes", "a", "aac", "adc"],
        &CURRENT,
        1.0,
        0.0,
    ),
    (
        &["ma", "milliamp", "milliamps", "milliampere", "milliamperes"],
        &CURRENT,
        0.001,
        0.0,
    ),
    (&["watt", "watts", "w"], &POWER, 1.0, 0.0),
    (&["mw", "milliwatt", "milliwatts"], &POWER, 0.001, 0.0),
    (&["kw", "kilowatt", "kilowatts"], &POWER, 1000.0, 0.0),
    (
        &["va", "voltamps", "voltamp", "voltampere", "voltamperes"],
        &APPARENT,
        1.0,
        0.0,
    ),
    (
        &["kva", "kilovoltamps", "kilovoltamp"],
        &APPARENT,
        1000.0,
        0.0,
    ),
    (&["var", "vars"], &REACTIVE, 1.0, 0.0),
    (&["kvar", "kvars"], &REACTIVE, 1000.0, 0.0),
    (&["wh", "watthour", "watthours"], &ENERGY, 3600.0, 0.0),
    (
        &["kwh", "kilowatthour", "kilowatthours"],
        &ENERGY,
        3_600_000.0,
        0.0,
    ),
    (&["joule", "joules", "j"], &ENERGY, 1.0, 0.0),
    (&["hertz", "hz"], &FREQUENCY, 1.0, 0.0),
    (&["mhz", "megahertz"], &FREQUENCY, 1e6, 0.0),
    (
        &[
            "celsius",
            "c",
            "degc",
            "degreesc",
            "degreec",
            "degreescelsius",
            "degreecelsius",
            "degcelsius",
            "centigrade",
            "degreescentigrade",
            "degreecentigrade",
            "°c",
        ],
        &TEMPERATURE,
        1.0,
        0.0,
    ),
    (
        &[
            "fahrenheit",
            "f",
            "degf",
            "degreesf",
            "degreef",
            "degreesfahrenheit",
            "degreefahrenheit",
            "°f",
        ],
        &TEMPERATURE,
        5.0 / 9.0,
        -160.0 / 9.0,
    ),
    (&["kelvin", "k"], &TEMPERATURE, 1.0, -273.15),
    (
        &[
            "percent",
            "%",
            "percentage",
            "pct",
            "%rh",
            "percentrh",
            "rh",
        ],
        &RATIO,
        0.01,
        0.0,
    ),
    (&["rpm", "rpms", "revolutionsperminute"], &SPEED, 1.0, 0.0),
    (&["second", "seconds", "sec", "secs", "s"], &TIME, 1.0, 0.0),
    (
        &["millisecond", "milliseconds", "ms", "msec"],
        &TIME,
        0.001,
        0.0,
    ),
    (&["minute", "minutes", "min", "mins"], &TIME, 60.0, 0.0),
    (&["hour", "hours", "h", "hrs"], &TIME, 3600.0, 0.0),
    (&["day", "days"], &TIME, 86_400.0, 0.0),
    (&["byte", "bytes", "octet", "octets"], &BYTES, 1.0, 0.0),
    (
        &["kb", "kilobyte", "kilobytes", "kbyte", "kbytes", "kib"],
        &BYTES,
        1024.0,
        0.0,
    ),
    (
        &["mb", "megabyte", "megabytes", "mbyte", "mbytes", "mib"],
        &BYTES,
        1_048_576.0,
        0.0,
    ),
    (
        &["gb", "gigabyte", "gigabytes", "gbyte", "gbytes", "gib"],
        &BYTES,
        1_073_741_824.0,
        0.0,
    ),
    (
        &["bps", "bit/s", "bits/s", "bitspersecond"],
        &RATE,
        1.0,
        0.0,
    ),
    (&["dbm"], &OPTICAL, 1.0, 0.0),
    (&["pa", "pascal", "pascals"], &PRESSURE, 1.0, 0.0),
    (
        &["kpa", "kilopascal", "kilopascals"],
        &PRESSURE,
        1000.0,
        0.0,
    ),
    (&["bar"], &PRESSURE, 100_000.0, 0.0),
    (&["cfm"], &AIRFLOW, 0.000_471_947, 0.0),
    (
        &["l/min", "lpm", "litersperminute", "litresperminute"],
        &FLOW,
        1.0,
        0.0,
    ),
];

/// Scales of a unit, as written in front of it.
const SCALES: &[(&[&str], f64)] = &[
    (
        &[
            "0.1", ".1", "1/10", "tenth", "tenths", "10th", "10ths", "deci",
        ],
        0.1,
    ),
    (
        &["0.01", ".01", "1/100", "hundredth", "hundredths", "centi"],
        0.01,
    ),
    (
        &[
            "0.001",
            ".001",
            "1/1000",
            "thousandth",
            "thousandths",
            "milli",
        ],
        0.001,
    ),
    (&["kilo", "1000"], 1000.0),
    (&["10"], 10.0),
    (&["100"], 100.0),
];
const FILLERS: [&str; 8] = ["of", "a", "an", "the", "in", "rms", "x", "*"];

/// Parts of names that indicate a quantity, and its probable base.
const NAMES: &[(&[&str], &Base, f64)] = &[
    (&["temperature", "temp"], &TEMPERATURE, 1.0),
    (&["humidity", "rh"], &RATIO, 0.01),
    (&["voltage", "volts", "volt"], &VOLTAGE, 1.0),
    (&["amperage", "amps", "current"], &CURRENT, 1.0),
    (&["frequency", "freq", "hz"], &FREQUENCY, 1.0),
    (&["rpm"], &SPEED, 1.0),
    (&["energy", "kwh"], &ENERGY, 3600.0),
    (&["va"], &APPARENT, 1.0),
    (&["watts", "power"], &POWER, 1.0),
    (
        &["percent", "percentage", "load", "utilization", "charge"],
        &RATIO,
        0.01,
    ),
    (&["seconds"], &TIME, 1.0),
    (&["minutes"], &TIME, 60.0),
];

/// The quantity named by UNITS, and its metric; `None` if unknown.
pub fn of_units(units: &str) -> Option<Quantity> {
    let lower = units.to_lowercase();
    let all: String = lower.split_whitespace().collect();
    if let Some(found) = exact(&all) {
        return Some(found);
    }
    let lower = lower.replace(['(', ')', ',', ';', '-', '_'], " ");
    let mut factor = 1.0;
    let mut rest = String::new();
    for part in lower.split_whitespace() {
        let scale = SCALES.iter().find(|(names, _)| names.contains(&part));
        match scale.filter(|_| rest.is_empty()) {
            Some((_, scale)) => factor *= scale,
            None if FILLERS.contains(&part) && part.len() > 1 => {}
            None => rest.push_str(part.trim_end_matches('.')),
        }
    }
    // "0.1A", and "decivolts".
    let found = exact(&rest).or_else(|| {
        SCALES.iter().find_map(|(names, scale)| {
            let mut rests = names.iter().filter_map(|name| rest.strip_prefix(name));
            let found = rests.find_map(exact)?;
            factor *= scale;
            Some(found)
        })
    });
    found.map(|found| Quantity {
        factor: tidy(found.factor * factor),
        ..found
    })
}

/// Returns true if UNITS include a scale, as in `0.1 Volts`.
pub fn is_scaled(units: &str) -> bool {
    let lower = units.to_lowercase();
    let mut names = SCALES.iter().flat_map(|(names, _)| *names);
    names.any(|name| lower.starts_with(name))
}

fn exact(units: &str) -> Option<Quantity> {
    let found = UNITS.iter().find(|(names, ..)| names.contains(&units));
    found.map(|(_, base, factor, offset)| Quantity {
        base,
        factor: *factor,
        offset: *offset,
    })
}

/// The quantity suggested by a name: a guess.
pub fn of_name(name: &str) -> Option<Quantity> {
    let words = naming::words(name);
    let has = |part: &&str| words.iter().any(|word| word == part);
    let found = NAMES.iter().find(|(parts, ..)| parts.iter().any(&has));
    found.map(|(_, base, factor)| Quantity {
        base,
        factor: *factor,
        offset: 0.0,
    })
}

/// The factor stated by a DISPLAY-HINT: `d-1` means tenths.
pub fn of_hint(hint: &str) -> Option<f64> {
    let digits: i32 = hint.strip_prefix("d-")?.parse().ok()?;
    (0..10)
        .contains(&digits)
        .then(|| tidy(10_f64.powi(-digits)))
}

impl Quantity {
    /// Divides the raw number according to a DISPLAY-HINT.
    pub fn scale(&mut self, hint: f64) {
        self.factor = tidy(self.factor * hint);
    }

    /// The metric for an object of that name; `None` if there is no specific one.
    pub fn metric(&self, name: &str) -> Option<&'static str> {
        if !self.base.metric.is_empty() {
            return Some(self.base.metric);
        }
        let words = naming::words(name);
        let has = |parts: &[&str]| words.iter().any(|word| parts.contains(&word.as_str()));
        if *self.base == RATIO {
            return match () {
                () if has(&["humidity", "rh"]) => Some("hw.humidity"),
                () if has(&["charge"]) || (has(&["capacity"]) && has(&["battery", "batt"])) => {
                    Some("hw.battery.charge")
                }
                () if has(&["factor"]) => Some("hw.power_factor"),
                () if has(&["load"]) => Some("hw.load"),
                () => None,
            };
        }
        let is_left = has(&["remaining", "left"]) || (has(&["run"]) && has(&["time"]));
        (*self.base == TIME && is_left).then_some("hw.battery.time_left")
    }

    /// If the raw number is ten, a hundred, … times a plausible value, returns the factor that
    /// corrects it: a guess.
    pub fn rescaled(&self, raw: f64) -> Option<f64> {
        let plausible = match self.base.unit {
            "Cel" => 4.0..100.0,
            "Hz" => 44.0..66.0,
            _ => return None,
        };
        let read = raw * self.factor + self.offset;
        if plausible.contains(&read) || raw <= 0.0 {
            return None;
        }
        let scales = [0.1, 0.01, 0.001];
        let mut found = scales
            .into_iter()
            .filter(|scale| plausible.contains(&(read * scale)));
        found.next().map(|scale| tidy(self.factor * scale))
    }
}

/// A product of decimal fractions without rounding noise.
fn tidy(number: f64) -> f64 {
    format!("{number:.12}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_as_vendors_write_them() {
        let check = |units: &str, unit: &str, factor: f64| {
            let found = of_units(units).unwrap_or_else(|| panic!("{units}"));
            assert_eq!((found.base.unit, found.factor), (unit, factor), "{units}");
        };
        check("Volts", "V", 1.0);
        check("0.1 Volts", "V", 0.1);
        check("0.1 RMS Amp", "A", 0.1);
        check("tenths of degrees C", "Cel", 0.1);
        check("degrees Centigrade", "Cel", 1.0);
        check("0.1 degrees C", "Cel", 0.1);
        check("milliamps", "A", 0.001);
        check("0.01A", "A", 0.01);
        check("tenth of Amps", "A", 0.1);
        check("Volt-Amps", "V.A", 1.0);
        check("VA", "V.A", 1.0);
        check("percent", "1", 0.01);
        check("0.1 percent", "1", 0.001);
        check("%", "1", 0.01);
        check("Watt-Hours", "J", 3600.0);
        check("0.1 kWh", "J", 360_000.0);
        check("RPM", "rpm", 1.0);
        check("minutes", "s", 60.0);
        check("hundredths of amps", "A", 0.01);
        check("Kilobytes", "By", 1024.0);
        assert_eq!(of_units("widgets"), None);
        assert_eq!(of_units(""), None);
        let fahrenheit = of_units("degrees F").unwrap();
        let read = 212.0 * fahrenheit.factor + fahrenheit.offset;
        assert!((read - 100.0).abs() < 1e-9, "{read}");
    }

    #[test]
    fn names_and_values_are_guessed_from() {
        let unit = |name: &str| of_name(name).map(|found| found.base.unit);
        assert_eq!(unit("acmeTempValue"), Some("Cel"));
        assert_eq!(unit("acmeInputVoltage"), Some("V"));
        assert_eq!(unit("acmeTemplateCount"), None);
        assert_eq!(of_hint("d-1"), Some(0.1));
        assert_eq!(of_hint("d"), None);
        assert_eq!(of_hint("255a"), None);
        let temperature = of_name("temp").unwrap();
        assert_eq!(temperature.rescaled(235.0), Some(0.1));
        assert_eq!(temperature.rescaled(23.0), None);
        assert_eq!(temperature.metric("temp"), Some("hw.temperature"));
        let ratio = of_units("%").unwrap();
        assert_eq!(
            ratio.metric("upsBatteryCapacity"),
            Some("hw.battery.charge")
        );
        assert_eq!(ratio.metric("airHumidity"), Some("hw.humidity"));
        assert_eq!(ratio.metric("valvePosition"), None);
    }
}
