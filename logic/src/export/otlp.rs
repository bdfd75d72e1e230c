//! Readings over OpenTelemetry's protocol (OTLP over HTTP, in JSON): sent at an interval to a
//! collector.
//!
//! A collector that is away costs nothing but what it misses: readings are not kept for it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use utakata_api::client::relay::{Relay, Relayed};
use utakata_model::{Cure, Problem, ReadingValue, Selector, Target};

use super::{ExportName, GoodReading, Snapshot};
use crate::{
    config::Otlp,
    duties::Duties,
    inventory::{Inventory, TargetEntry},
    kinds::Kinds,
    observed::Observed,
};

/// The number of targets in a request.
const AT_ONCE: usize = 200;
/// The time that a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The services that an export needs.
pub struct Exporter {
    pub config: Otlp,
    pub inventory: Arc<Inventory>,
    pub observed: Arc<Observed>,
    pub kinds: Arc<Kinds>,
    /// The duties: each logic environment exports the targets of its shards.
    pub duties: watch::Receiver<Duties>,
    /// The last error of the export, as long as it lasts.
    pub failing: Arc<Mutex<Option<Problem>>>,
}

impl Exporter {
    /// Exports until it is cancelled; does nothing without a URL.
    pub async fn run(self, cancel: CancellationToken) {
        let Some(url) = self.config.url.clone() else {
            return;
        };
        let Ok(relay) = Relay::new() else {
            tracing::error!("readings cannot be exported: there is no HTTP client");
            return;
        };
        let mut ticks = tokio::time::interval(self.config.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let sent = self.export(&relay, &url).await;
            let mut failing = self.failing.lock();
            if let Err(problem) = &sent
                && failing.is_none()
            {
                tracing::warn!(url, problem, "readings cannot be exported over OTLP");
            }
            *failing = sent.err().map(|problem| {
                let message = format!(
                    "readings cannot be exported to {url} (logic.otlp.url): {problem}; those of \
                     this time are not sent later"
                );
                Problem::new("otlp-away", Cure::Retry, message)
            });
        }
    }

    async fn export(&self, relay: &Relay, url: &str) -> Result<(), String> {
        let snapshot = Snapshot {
            now: crate::clock::now(),
            served: self.kinds.served(),
            schedules: self.inventory.schedules(),
        };
        let selection = self.inventory.select(&Selector::default());
        let shards = self.duties.borrow().shards;
        let ours = selection
            .iter()
            .filter(|entry| shards.have(&entry.target.name));
        let ours: Vec<_> = ours.collect();
        for targets in ours.chunks(AT_ONCE) {
            let resources: Vec<Json> = targets
                .iter()
                .filter_map(|entry| resource(entry, &snapshot.good(&self.observed, entry)))
                .collect();
            if resources.is_empty() {
                continue;
            }
            let body = json!({ "resourceMetrics": resources });
            let mut request = Relayed {
                method: "POST".parse().map_err(|_| "no such method")?,
                path: "/v1/metrics".into(),
                headers: Default::default(),
                body: body.to_string().into_bytes(),
            };
            let json = "application/json".parse().map_err(|_| "no such header")?;
            request.headers.insert("content-type", json);
            let answer = relay.pass(url, request, TIMEOUT).await;
            let answer = answer.map_err(|error| utakata_model::chain(&error))?;
            if !(200..300).contains(&answer.status) {
                let said = String::from_utf8_lossy(&answer.body);
                return Err(format!("it answered {}: {said:.200}", answer.status));
            }
        }
        Ok(())
    }
}

/// Returns the metrics of a target as OTLP has them; `None` if there are none.
fn resource(entry: &TargetEntry, readings: &[GoodReading]) -> Option<Json> {
    let mut metrics: BTreeMap<(String, String, bool), Vec<Json>> = BTreeMap::new();
    for one in readings {
        let reading = &one.reading;
        let name = ExportName::of(&reading.metric, &reading.unit);
        let is_total = name.is_total;
        let key = (
            reading.metric.to_string(),
            reading.unit.to_string(),
            is_total,
        );
        metrics.entry(key).or_default().push(point(one));
    }
    if metrics.is_empty() {
        return None;
    }
    let metrics = metrics.into_iter().map(|((name, unit, is_total), points)| {
        let data = match is_total {
            // 2: cumulative.
            true => (
                "sum",
                json!({ "dataPoints": points, "isMonotonic": true, "aggregationTemporality": 2 }),
            ),
            false => ("gauge", json!({ "dataPoints": points })),
        };
        json!({ "name": name, "unit": unit, data.0: data.1 })
    });
    Some(json!({
        "resource": { "attributes": of_target(&entry.target) },
        "scopeMetrics": [{
            "scope": { "name": "utakata", "version": env!("CARGO_PKG_VERSION") },
            "metrics": metrics.collect::<Vec<_>>(),
        }],
    }))
}

fn of_target(target: &Target) -> Vec<Json> {
    let own = [
        ("utakata.target", target.name.as_str()),
        ("utakata.kind", target.kind.as_str()),
        ("utakata.zone", target.zone.as_str()),
    ];
    let labels = target.labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str(), value.as_str()));
    own.into_iter()
        .chain(labels)
        .map(|(key, value)| attribute(key, value))
        .collect()
}

fn point(one: &GoodReading) -> Json {
    let attributes = one.reading.attributes.iter();
    let mut attributes: Vec<Json> = attributes
        .map(|(key, value)| attribute(key, value))
        .collect();
    let number = match &one.reading.value {
        ReadingValue::Number(number) => *number,
        ReadingValue::Text(state) => {
            attributes.push(attribute("state", state));
            1.0
        }
    };
    json!({
        "attributes": attributes,
        "timeUnixNano": one.time.as_nanosecond().to_string(),
        "asDouble": number,
    })
}

fn attribute(key: &str, value: &str) -> Json {
    json!({ "key": key, "value": { "stringValue": value } })
}
