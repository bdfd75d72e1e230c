//! The readings to follow, and a message if there are none.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use utakata_api::{Client, client::ReadingQuery, reading::ReadingView};
use utakata_model::{Reading, Selector, suggest};

use crate::{exit::Usage, select};

/// The largest number of names in a message.
const NAMES: usize = 8;

/// The readings to follow.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A metric, or the beginning of its name.
    pub metric: Option<String>,
    /// The attributes that a reading must have.
    pub attributes: Vec<(String, String)>,
}

impl Filter {
    /// Returns true if a reading matches.
    pub fn wants(&self, reading: &Reading) -> bool {
        let is_metric = |prefix: &String| reading.metric.as_str().starts_with(prefix.as_str());
        let has = |(key, wanted): &(String, String)| {
            let mut attributes = reading.attributes.iter();
            attributes.any(|(name, value)| name.to_string() == *key && value.to_string() == *wanted)
        };
        self.metric.as_ref().is_none_or(is_metric) && self.attributes.iter().all(has)
    }

    /// Returns the latest readings. A filter that can never match is a mistake, and is refused; for
    /// one that may still match, a message says that it waits.
    pub async fn first(&self, client: &Client, selector: &Selector) -> Result<Vec<ReadingView>> {
        if client.any_target(selector).await?.is_none() {
            bail!(Usage(select::none(client, selector).await));
        }
        let query = |metric| ReadingQuery {
            selector: selector.clone(),
            metric,
        };
        let mut found = client.readings(&query(self.metric.clone())).await?;
        found.retain(|view| self.wants(&view.reading));
        if !found.is_empty() {
            return Ok(found);
        }
        let all = client.readings(&query(None)).await?;
        if all.is_empty() {
            tell!("these targets have no readings yet: waiting (`utakata read` reads now)");
            return Ok(found);
        }
        bail!(Usage(self.why_none(&all)))
    }

    /// Explains why none of these readings match.
    fn why_none(&self, all: &[ReadingView]) -> String {
        let is_metric = |view: &&ReadingView| {
            let metric = view.reading.metric.as_str();
            self.metric
                .as_ref()
                .is_none_or(|one| metric.starts_with(one.as_str()))
        };
        let of_metric: Vec<&ReadingView> = all.iter().filter(is_metric).collect();
        if let (Some(metric), true) = (&self.metric, of_metric.is_empty()) {
            let names = all.iter().map(|view| view.reading.metric.as_str());
            let names: BTreeSet<&str> = names.collect();
            let hint = hint(metric, &names);
            return format!("these targets have no metric \"{metric}\": {hint}");
        }
        for (key, value) in &self.attributes {
            let attributes = of_metric.iter().flat_map(|view| &view.reading.attributes);
            let pairs: Vec<(String, String)> = attributes
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect();
            let values: BTreeSet<&str> = pairs
                .iter()
                .filter(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
                .collect();
            if values.is_empty() {
                let keys = pairs.iter().map(|(name, _)| name.as_str());
                let hint = hint(key, &keys.collect());
                return format!("no reading here has the attribute \"{key}\": {hint}");
            }
            if !values.contains(value.as_str()) {
                let hint = hint(value, &values);
                return format!("no reading here has {key}={value}: {hint}");
            }
        }
        "no reading here matches all of that".into()
    }
}

/// Returns the nearest name, or some of the existing ones.
fn hint(unknown: &str, known: &BTreeSet<&str>) -> String {
    let near = suggest::nearest(unknown, known.iter().copied());
    if known.len() <= NAMES || near.is_some() {
        return suggest::hint(unknown, known.iter().copied());
    }
    let first: Vec<&str> = known.iter().take(NAMES).copied().collect();
    format!("known are: {}, …", first.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(metric: &str, outlet: &str) -> ReadingView {
        serde_json::from_value(json!({
            "target": "pdu-1", "time": "2026-03-01T12:00:00Z", "metric": metric,
            "attributes": { "outlet": outlet }, "value": 1, "unit": "W", "quality": "good",
        }))
        .unwrap()
    }

    #[test]
    fn a_filter_that_nothing_passes_is_explained() {
        let all = [
            view("hw.power", "1"),
            view("hw.power", "2"),
            view("hw.voltage", "1"),
        ];
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        for (metric, attributes, expect) in [
            (
                Some("hw.powr"),
                Vec::new(),
                "these targets have no metric \"hw.powr\": did you mean \"hw.power\"?",
            ),
            (
                None,
                pair("oulet", "1"),
                "no reading here has the attribute \"oulet\": did you mean \"outlet\"?",
            ),
            (
                Some("hw.power"),
                pair("outlet", "77"),
                "no reading here has outlet=77: known are: 1, 2",
            ),
        ] {
            let metric = metric.map(ToOwned::to_owned);
            let filter = Filter { metric, attributes };
            assert!(all.iter().all(|view| !filter.wants(&view.reading)));
            assert_eq!(filter.why_none(&all), expect);
        }
        let filter = Filter {
            metric: Some("hw.".into()),
            attributes: pair("outlet", "1"),
        };
        assert_eq!(
            all.iter()
                .filter(|view| filter.wants(&view.reading))
                .count(),
            2
        );
    }
}
