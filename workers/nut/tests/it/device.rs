//! A worker of the shipped release, and tasks for it.

use std::path::Path;

use serde_json::Value as Json;
use tokio::time::Instant;
use utakata_worker_nut::NutWorker;
use utakata_worker_sdk::{
    Answer, Failure, Release, Task,
    model::{ActionName, Reading, ReadingValue, TargetName, TaskId, TaskKey, target::Secret},
};

/// A worker and one target.
pub struct Device {
    worker: NutWorker,
    release: Release,
    address: String,
    user: Option<&'static str>,
}

impl Device {
    pub fn new(address: impl ToString, user: Option<&'static str>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/nut");
        let release = Release::read(&folder).unwrap();
        Self {
            worker: NutWorker::of(&release).unwrap(),
            release,
            address: address.to_string(),
            user,
        }
    }

    /// Carries out an action within its timeout.
    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        let name = ActionName::new(action).unwrap();
        let declared = self.release.manifest.action(&name).unwrap();
        declared.schema().unwrap().check(&parameters).unwrap();
        let user = self.user.into_iter();
        let credential = user.flat_map(|user| [("user", user), ("password", "secret")]);
        let task = Task {
            key: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            target: TargetName::new("ups").unwrap(),
            kind: self.release.manifest.kind.clone(),
            address: self.address.clone(),
            credential: credential
                .map(|(key, value)| (key.into(), Secret::new(value)))
                .collect(),
            action: name,
            class: declared.class,
            parameters,
            timeout: declared.timeout,
        };
        let deadline = Instant::now() + task.timeout;
        self.worker.perform(&task, deadline).await
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
