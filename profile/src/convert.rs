//! Units: conversions that profiles can name, and the spellings of units by people and devices.

use utakata_model::suggest;

/// A conversion for which a factor and an offset are not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convert {
    /// Degrees Fahrenheit to degrees Celsius.
    Fahrenheit,
    /// Kelvin to degrees Celsius.
    Kelvin,
    /// Watts to dBm.
    Watt,
    /// Milliwatts to dBm.
    Milliwatt,
    /// Microwatts to dBm.
    Microwatt,
}

const NAMES: [(&str, Convert); 5] = [
    ("fahrenheit", Convert::Fahrenheit),
    ("kelvin", Convert::Kelvin),
    ("W-to-dBm", Convert::Watt),
    ("mW-to-dBm", Convert::Milliwatt),
    ("uW-to-dBm", Convert::Microwatt),
];

impl Convert {
    /// Returns the conversion of that name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, convert)| *convert).ok_or_else(|| {
            let hint = suggest::hint(name, NAMES.map(|(known, _)| known));
            format!("there is no conversion \"{name}\": {hint}")
        })
    }

    /// Returns the unit of the result.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Fahrenheit | Self::Kelvin => "Cel",
            Self::Watt | Self::Milliwatt | Self::Microwatt => "dB[mW]",
        }
    }

    /// Converts a number. Zero power is not finite in dBm.
    pub fn apply(self, number: f64) -> f64 {
        match self {
            Self::Fahrenheit => (number - 32.0) * 5.0 / 9.0,
            Self::Kelvin => number - 273.15,
            Self::Watt => 10.0 * (number * 1e3).log10(),
            Self::Milliwatt => 10.0 * number.log10(),
            Self::Microwatt => 10.0 * (number / 1e3).log10(),
        }
    }
}

/// A unit written behind a number, and its effect on the number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spelling {
    /// The multiplier,
    pub multiply: f64,
    /// the divisor,
    pub divide: f64,
    /// and the conversion that follows.
    pub convert: Option<Convert>,
}

impl Spelling {
    /// Returns the number in the unit of the metric.
    pub fn apply(self, number: f64) -> f64 {
        let number = number * self.multiply / self.divide;
        self.convert.map_or(number, |convert| convert.apply(number))
    }

    /// Returns true if it leaves a number unchanged.
    pub fn is_plain(self) -> bool {
        self == PLAIN
    }
}

const PLAIN: Spelling = Spelling {
    multiply: 1.0,
    divide: 1.0,
    convert: None,
};

/// The spellings of units, in lower case, by their UCUM units.
const SPELLINGS: [(&str, &[&str]); 14] = [
    (
        "Cel",
        &[
            "c", "°c", "ºc", "degc", "celsius", "cel", "℃", "°", "deg", "degree", "degrees",
        ],
    ),
    ("V", &["v", "volt", "volts", "vac", "vdc", "vrms"]),
    ("A", &["a", "amp", "amps", "ampere", "amperes", "arms"]),
    ("W", &["w", "watt", "watts"]),
    ("V.A", &["va", "v.a"]),
    ("Hz", &["hz", "hertz"]),
    ("J", &["j", "joule", "joules"]),
    ("rpm", &["rpm", "r/min", "u/min", "{rpm}"]),
    ("s", &["s", "sec", "secs", "second", "seconds"]),
    ("dB[mW]", &["dbm", "db"]),
    ("Pa", &["pa", "pascal"]),
    ("m3/min", &["m3/min", "m³/min", "cmm"]),
    ("By", &["b", "byte", "bytes"]),
    ("1", &[]),
];

/// Other units that people write in place of ours, with multiplier and divisor.
const OTHERS: [(&str, &[&str], f64, f64); 6] = [
    ("s", &["min", "mins", "minute", "minutes"], 60.0, 1.0),
    ("s", &["h", "hr", "hrs", "hour", "hours"], 3600.0, 1.0),
    ("s", &["ms", "msec"], 1.0, 1000.0),
    ("J", &["wh"], 3600.0, 1.0),
    ("J", &["kwh"], 3_600_000.0, 1.0),
    ("1", &["%", "percent", "pct", "%rh", "rh"], 1.0, 100.0),
];

/// Returns the effect of a text that spells the unit of a metric. `None` if the text as a whole is
/// not such a unit.
pub fn spelling(text: &str, unit: &str) -> Option<Spelling> {
    let word: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let word = word.trim_end_matches('.');
    let low = word.to_lowercase();
    let low = low
        .strip_prefix("degrees")
        .or_else(|| low.strip_prefix("degree"))
        .or_else(|| low.strip_prefix("deg"))
        .or_else(|| low.strip_prefix("grad"))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(&low);
    if unit == "Cel" {
        let convert = match low.trim_start_matches(['°', 'º']) {
            "f" | "fahrenheit" | "℉" => Some(Convert::Fahrenheit),
            "k" | "kelvin" => Some(Convert::Kelvin),
            _ => None,
        };
        if convert.is_some() {
            return Some(Spelling { convert, ..PLAIN });
        }
    }
    let is_of = |(of, words): &(&str, &[&str])| *of == unit && words.contains(&low);
    if SPELLINGS.iter().any(is_of) {
        return Some(PLAIN);
    }
    let other = OTHERS
        .iter()
        .find(|(of, words, ..)| *of == unit && words.contains(&low));
    if let Some((_, _, multiply, divide)) = other {
        return Some(Spelling {
            multiply: *multiply,
            divide: *divide,
            convert: None,
        });
    }
    prefixed(word, unit)
}

/// Reads a unit with an SI prefix: `mA`, `kW`. Upper and lower case are different prefixes.
fn prefixed(word: &str, unit: &str) -> Option<Spelling> {
    let mut letters = word.chars();
    let (multiply, divide) = match letters.next()? {
        'u' | 'µ' | 'μ' => (1.0, 1e6),
        'm' => (1.0, 1e3),
        'k' | 'K' => (1e3, 1.0),
        'M' => (1e6, 1.0),
        'G' => (1e9, 1.0),
        _ => return None,
    };
    let low = letters.as_str().to_lowercase();
    let is_of = |(of, words): &(&str, &[&str])| *of == unit && words.contains(&low.as_str());
    // "min" is not a milli-inch, and nobody writes "mdeg".
    let is_scaled = ["V", "A", "W", "V.A", "Hz", "J", "Pa", "By"].contains(&unit);
    (is_scaled && SPELLINGS.iter().any(is_of)).then_some(Spelling {
        multiply,
        divide,
        convert: None,
    })
}

/// Returns the effect of the unit that the first one or two words of a text ("deg C") spell.
pub fn leading_spelling(text: &str, unit: &str) -> Option<Spelling> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ';' | ',' | ':');
    let mut words = text.trim_start().split(is_end);
    let first = words.next()?;
    let second = words.next().unwrap_or_default();
    let both = format!("{first} {second}");
    spelling(&both, unit)
        .filter(|_| !second.is_empty())
        .or_else(|| spelling(first, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_as_they_are_written() {
        for (text, unit, expect) in [
            ("C", "Cel", Some(20.0)),
            ("°C", "Cel", Some(20.0)),
            ("degree Celsius", "Cel", Some(20.0)),
            ("Degrees C", "Cel", Some(20.0)),
            ("deg. C", "Cel", None),
            ("F", "Cel", Some((20.0 - 32.0) * 5.0 / 9.0)),
            ("degree Fahrenheit", "Cel", Some((20.0 - 32.0) * 5.0 / 9.0)),
            ("K", "Cel", Some(20.0 - 273.15)),
            ("mA", "A", Some(0.02)),
            ("mW", "W", Some(0.02)),
            ("MW", "W", Some(20e6)),
            ("kVA", "V.A", Some(20e3)),
            ("%", "1", Some(0.2)),
            ("% RH", "1", Some(0.2)),
            ("minutes", "s", Some(1200.0)),
            ("kWh", "J", Some(72e6)),
            ("V", "A", None),
            ("bananas", "Cel", None),
            ("", "V", None),
        ] {
            let found = spelling(text, unit).map(|spelling| spelling.apply(20.0));
            assert_eq!(found, expect, "{text} {unit}");
        }
    }

    #[test]
    fn a_power_is_reported_in_dbm() {
        for (convert, number, expect) in [
            (Convert::Milliwatt, 1.0, 0.0),
            (Convert::Watt, 0.001, 0.0),
            (Convert::Microwatt, 1000.0, 0.0),
            (Convert::Milliwatt, 0.01, -20.0),
            (Convert::Fahrenheit, 212.0, 100.0),
            (Convert::Kelvin, 273.15, 0.0),
        ] {
            assert!((convert.apply(number) - expect).abs() < 1e-9, "{convert:?}");
        }
        assert!(!Convert::Milliwatt.apply(0.0).is_finite());
    }

    #[test]
    fn an_unknown_conversion_is_reported_with_the_nearest() {
        let error = Convert::parse("farenheit").unwrap_err(); // typos: on purpose
        assert!(error.contains("did you mean \"fahrenheit\"?"), "{error}");
    }
}
