//! A worker of the shipped release, with one UPS.

use std::path::Path;

use serde_json::Value as Json;
use utakata_worker_nut::NutWorker;
use utakata_worker_sdk::{
    Answer, Failure,
    harness::alone::Alone,
    model::{Reading, ReadingValue},
};

/// A worker and one target.
pub struct Device(Alone<NutWorker>);

impl Device {
    pub fn new(address: impl ToString, user: Option<&'static str>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/nut");
        let user = user.into_iter();
        let credential = user.flat_map(|user| [("user", user), ("password", "secret")]);
        let credential: Vec<_> = credential.collect();
        Self(Alone::build(&folder, address, &credential).unwrap())
    }

    /// Carries out an action within its timeout.
    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        let task = self.0.task(action, parameters).unwrap();
        self.0.carry_out(task).await
    }

    /// Every reading of `read`.
    pub async fn read(&self) -> Vec<Reading> {
        self.run("read", serde_json::json!({}))
            .await
            .unwrap()
            .readings
    }
}

/// The value of a metric with this attribute.
pub fn value(readings: &[Reading], metric: &str, attribute: &str) -> Option<ReadingValue> {
    let found = readings.iter().filter(|reading| {
        let mut attributes = reading.attributes.values();
        let has = attribute.is_empty() || attributes.any(|text| **text == *attribute);
        reading.metric.as_str() == metric && has
    });
    // That of the whole comes before that of a phase.
    let found = found.min_by_key(|reading| reading.attributes.len());
    found.map(|reading| reading.value.clone())
}

pub fn number(readings: &[Reading], metric: &str, attribute: &str) -> f64 {
    match value(readings, metric, attribute) {
        Some(ReadingValue::Number(number)) => number,
        other => panic!("{metric} {attribute}: {other:?}"),
    }
}

pub fn text(readings: &[Reading], metric: &str, attribute: &str) -> String {
    match value(readings, metric, attribute) {
        Some(ReadingValue::Text(text)) => text.to_string(),
        other => panic!("{metric} {attribute}: {other:?}"),
    }
}
