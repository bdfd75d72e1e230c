//! Names of metrics and labels: those of a series, in the alphabet of Prometheus, and back. Pure.

use std::{collections::BTreeMap, sync::Arc};

use utakata_history::Series;
use utakata_model::{ActionName, MetricName, Quality, TargetName, reading::Attributes};

/// The metric of failed attempts.
pub const HOLE: &str = "utakata_hole";
/// The labels that are no attributes.
const OWN: [&str; 8] = [
    "__name__", "metric", "target", "action", "unit", "text", "quality", "code",
];

/// Labels by name.
pub type Named = BTreeMap<String, String>;

/// The meaning of the labels of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    pub metric: String,
    pub target: String,
    pub action: String,
    pub unit: String,
    pub text: Option<String>,
    pub quality: Quality,
    pub attributes: Attributes,
}

impl Labels {
    pub fn parse(labels: &Named) -> Self {
        let text = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let attributes = labels
            .iter()
            .filter(|(name, _)| !OWN.contains(&name.as_str()))
            .map(|(name, value)| (plain(name).into(), value.as_str().into()))
            .collect();
        Self {
            metric: text("metric"),
            target: text("target"),
            action: text("action"),
            unit: text("unit"),
            text: labels.get("text").cloned(),
            quality: match labels.get("quality").map(String::as_str) {
                Some("suspect") => Quality::Suspect,
                _ => Quality::Good,
            },
            attributes,
        }
    }

    /// Returns the series, unless the labels are not ours.
    pub fn series(self) -> Option<Series> {
        Some(Series {
            source: 0,
            column: 0,
            target: TargetName::new(self.target).ok()?,
            action: ActionName::new(self.action).ok()?,
            metric: MetricName::new(self.metric).ok()?,
            attributes: self.attributes,
            unit: Arc::from(self.unit),
        })
    }
}

/// Returns a name in the alphabet of Prometheus: a dot becomes `_`, and `_` becomes `__`.
pub fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for c in name.chars() {
        match c {
            '.' => escaped.push('_'),
            '_' => escaped.push_str("__"),
            c if c.is_ascii_alphanumeric() => escaped.push(c),
            _ => escaped.push_str("___"),
        }
    }
    match escaped.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("n{escaped}"),
        false => escaped,
    }
}

/// Returns the name that was escaped.
fn plain(name: &str) -> String {
    name.split("__")
        .map(|part| part.replace('_', "."))
        .collect::<Vec<_>>()
        .join("_")
}

/// Returns the selector of a series, whatever its texts and their quality.
pub fn selector(series: &Series) -> String {
    let mut parts = vec![
        part("metric", series.metric.as_str()),
        part("target", series.target.as_str()),
        part("action", series.action.as_str()),
        part("unit", &series.unit),
    ];
    let attributes = series.attributes.iter();
    parts.extend(attributes.map(|(key, value)| part(&escaped(key), value)));
    format!("{}{{{}}}", escaped(series.metric.as_str()), parts.join(","))
}

/// Returns the selector of the series of a target whose metrics begin like this.
pub fn of_target(target: &str, metric: &str) -> String {
    // Names of metrics have no other special character than the dot.
    let begins = format!("{}.*", metric.replace('.', "[.]"));
    format!("{{{},metric=~{}}}", part("target", target), quoted(&begins))
}

/// Returns the selector of a metric of a target and an action.
pub fn of_source(metric: &str, target: &str, action: Option<&str>) -> String {
    let mut parts = vec![part("target", target)];
    parts.extend(action.map(|action| part("action", action)));
    format!("{metric}{{{}}}", parts.join(","))
}

fn part(name: &str, value: &str) -> String {
    format!("{name}={}", quoted(value))
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        for (name, expect) in [
            ("hw.power", "hw_power"),
            ("hw.sensor_location", "hw_sensor__location"),
            ("phase", "phase"),
            ("a_.b", "a___b"),
        ] {
            assert_eq!(escaped(name), expect);
            if name != "a_.b" {
                assert_eq!(plain(expect), name);
            }
        }
    }

    #[test]
    fn what_devices_say_cannot_end_a_selector() {
        let found = of_target("t\"} or {x=\"", "hw.power");
        let expect = r#"{target="t\"} or {x=\"",metric=~"hw[.]power.*"}"#;
        assert_eq!(found, expect);
    }
}
