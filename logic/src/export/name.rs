//! The names of metrics for Prometheus, made of OpenTelemetry's: units are words, totals say so.
//! Pure.

use utakata_model::{
    MetricName,
    quantity::{Nature, Plausible},
};

/// The words for units (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>).
const UNITS: [(&str, &str); 20] = [
    ("Cel", "celsius"),
    ("K", "kelvin"),
    ("V", "volts"),
    ("A", "amperes"),
    ("W", "watts"),
    ("V.A", "volt_amperes"),
    ("V.A.h", "volt_ampere_hours"),
    ("var", "vars"),
    ("J", "joules"),
    ("Hz", "hertz"),
    ("s", "seconds"),
    ("By", "bytes"),
    ("By/s", "bytes_per_second"),
    ("Pa", "pascals"),
    ("%", "percent"),
    ("1", "ratio"),
    ("rpm", "rpm"),
    ("m/s", "meters_per_second"),
    ("l/min", "liters_per_minute"),
    ("m3/min", "cubic_meters_per_minute"),
];

/// The name of a metric for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExportName {
    pub text: String,
    /// True for totals, which only grow.
    pub is_total: bool,
}

impl ExportName {
    /// Returns the name of a metric's numbers in a unit; of states, the unit is empty.
    pub fn of(metric: &MetricName, unit: &str) -> Self {
        let mut text = plain(metric.as_str());
        let word = UNITS.iter().find(|(known, _)| *known == unit);
        match word {
            Some((_, word)) if !text.ends_with(word) => {
                text.push('_');
                text.push_str(word);
            }
            Some(_) => {}
            // `{outlet}` is a word for people.
            None if unit.is_empty() || unit.starts_with('{') => {}
            None => {
                text.push('_');
                text.push_str(&plain(unit));
            }
        }
        let is_number = !unit.is_empty();
        let is_total = is_number && Plausible::of(metric.as_str(), unit).nature == Nature::Total;
        if is_total {
            text.push_str("_total");
        }
        Self { text, is_total }
    }
}

/// Returns a text with which a name or a label may begin: letters, digits and underscores.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let is_allowed = c.is_ascii_alphanumeric() || c == '_';
        let is_first_digit = plain.is_empty() && c.is_ascii_digit();
        if is_first_digit {
            plain.push('_');
        }
        plain.push(if is_allowed { c } else { '_' });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_unit_in_words_and_totals_say_so() {
        for (metric, unit, expect) in [
            ("hw.temperature", "Cel", "hw_temperature_celsius"),
            ("hw.power", "W", "hw_power_watts"),
            ("hw.energy", "J", "hw_energy_joules_total"),
            ("hw.humidity", "1", "hw_humidity_ratio"),
            ("hw.fan.speed_ratio", "1", "hw_fan_speed_ratio"),
            ("hw.network.packets", "{packet}", "hw_network_packets_total"),
            ("hw.status", "", "hw_status"),
            ("my.flow", "ml/s", "my_flow_ml_s"),
        ] {
            let name = ExportName::of(&MetricName::new(metric).unwrap(), unit);
            assert_eq!(name.text, expect, "{metric} {unit}");
        }
        assert_eq!(plain("3com.port-1"), "_3com_port_1");
    }
}
