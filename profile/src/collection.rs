//! The readings of an answer as they are made: each combination of metric and attributes once, and
//! whatever should have been a number and is none.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value as Json;
use utakata_model::{
    Measurand, MetricName, Missing, Reading, ReadingValue, missing, reading::Attributes,
};

use crate::{Interpretation, Meaning, Raw, Scaling};

/// The metrics that are asked for; none: all.
#[derive(Debug, Clone, Default)]
pub struct Filter(Vec<String>);

/// The readings of an answer.
#[derive(Debug, Default)]
pub struct Collection {
    filter: Filter,
    /// The readings, in the order in which they were made.
    pub readings: Vec<Reading>,
    /// The values that cannot be read.
    pub unread: Vec<Missing>,
    seen: HashSet<(MetricName, Attributes)>,
}

impl Filter {
    /// Creates a filter from the names of metrics; `hw.power` also means all under `hw.power.`.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(String::from).collect())
    }

    /// Creates a filter from the parameters of a read: `{ "metrics": ["hw.power"] }`.
    pub fn of(parameters: &Json) -> Self {
        let names = parameters.get("metrics").and_then(Json::as_array);
        Self::new(names.into_iter().flatten().filter_map(Json::as_str))
    }

    /// Returns true if everything is asked for.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if a metric is asked for.
    pub fn has(&self, metric: &str) -> bool {
        let under = |name: &str| {
            metric
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.is_open() || self.0.iter().any(|name| under(name))
    }
}

impl Collection {
    /// Creates an empty collection of the metrics that are asked for.
    pub fn new(filter: Filter) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }

    /// Adds what a raw value means, with these attributes besides its own. `place` is its name for
    /// people. The first of several with the same metric and attributes counts.
    pub fn add(
        &mut self,
        meaning: &Meaning,
        (raw, scaling): (&Raw<'_>, &Scaling),
        attributes: &Attributes,
        place: &str,
    ) {
        if !self.filter.has(meaning.metric.as_str()) {
            return;
        }
        match meaning.read(raw, scaling) {
            Interpretation::Nothing => {}
            Interpretation::NoNumber => {
                let message = format!("{place}: \"{}\" is not a number", raw.text());
                let metric = meaning.metric.as_str();
                let reason = missing::UNDECODABLE;
                let row = Some(place);
                self.unread
                    .push(Missing::value(metric, row, reason, &message));
            }
            Interpretation::Reading(value, quality) => {
                let mut attributes = attributes.clone();
                for (key, text) in &meaning.attributes {
                    attributes.insert(Arc::clone(key), Arc::clone(text));
                }
                self.push(Reading {
                    of: Measurand {
                        metric: meaning.metric.clone(),
                        attributes,
                        unit: Arc::clone(&meaning.unit),
                    }
                    .into(),
                    value,
                    quality,
                });
            }
        }
    }

    /// Adds a reading, unless there is one with the same metric and attributes, or nobody asked for
    /// it.
    pub fn push(&mut self, reading: Reading) {
        let is_number = match reading.value {
            ReadingValue::Number(number) => number.is_finite(),
            ReadingValue::Text(_) => true,
        };
        let key = (reading.metric.clone(), reading.attributes.clone());
        if is_number && self.filter.has(reading.metric.as_str()) && self.seen.insert(key) {
            self.readings.push(reading);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_also_means_everything_below_it() {
        let filter = Filter::new(["hw.power"]);
        for (metric, expect) in [
            ("hw.power", true),
            ("hw.power.limit", true),
            ("hw.power_factor", false),
            ("hw", false),
        ] {
            assert_eq!(filter.has(metric), expect, "{metric}");
        }
        assert!(Filter::default().has("anything"));
    }

    #[test]
    fn the_first_of_two_counts_and_what_is_no_number_is_named() {
        let form = crate::form::Value {
            metric: MetricName::new("hw.power").ok(),
            unit: "W".into(),
            ..Default::default()
        };
        let meaning = Meaning::compile(&form, &Default::default()).unwrap();
        let mut all = Collection::default();
        for raw in [Raw::Integer(4), Raw::Integer(5), Raw::Text("soon".into())] {
            all.add(
                &meaning,
                (&raw, &Scaling::NONE),
                &Attributes::default(),
                "P1",
            );
        }
        assert_eq!(all.readings.len(), 1);
        assert_eq!(all.readings[0].value, ReadingValue::Number(4.0));
        assert_eq!(all.unread.len(), 1);
        assert!(all.unread[0].message.contains("soon"), "{:?}", all.unread);
    }
}
