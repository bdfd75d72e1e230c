//! A worker of the shipped release, and tasks for it.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use utakata_worker_redfish::RedfishWorker;
use utakata_worker_sdk::{
    Answer, Failure, Release, Task,
    model::{ActionName, Reading, TargetName, TaskId, TaskKey, target::Secret},
};

/// A worker and one target.
pub struct Device {
    worker: RedfishWorker,
    release: Release,
    address: String,
    credential: BTreeMap<String, Secret>,
}

impl Device {
    pub fn new(address: impl ToString, credential: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/redfish");
        let release = Release::read(&folder).unwrap();
        let pairs = credential.iter();
        Self {
            worker: RedfishWorker::of(&release).unwrap(),
            release,
            address: address.to_string(),
            credential: pairs
                .map(|(key, value)| ((*key).into(), Secret::new(*value)))
                .collect(),
        }
    }

    /// Carries out an action within its timeout.
    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        self.run_at(&self.address, action, parameters).await
    }

    /// The same on another target of the same worker.
    pub async fn run_at(
        &self,
        address: &str,
        action: &str,
        parameters: Json,
    ) -> Result<Answer, Failure> {
        let name = ActionName::new(action).unwrap();
        let declared = self.release.manifest.action(&name).unwrap();
        declared.schema().unwrap().check(&parameters).unwrap();
        let task = Task {
            key: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            target: TargetName::new("bmc").unwrap(),
            kind: self.release.manifest.kind.clone(),
            address: address.into(),
            credential: self.credential.clone(),
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
        self.run("read", json!({})).await.unwrap().readings
    }

    /// The value of a single metric, read alone.
    pub async fn value(&self, metric: &str) -> Option<String> {
        let asked = self.run("read", json!({ "metrics": [metric] })).await;
        let readings = asked.ok()?.readings;
        assert_eq!(readings.len(), 1, "{readings:?}");
        readings.first().map(|one| one.value.to_string())
    }

    pub fn worker(&self) -> &RedfishWorker {
        &self.worker
    }
}

/// The value of a metric with this attribute.
pub fn value(readings: &[Reading], metric: &str, attribute: &str) -> Option<String> {
    let found = readings.iter().find(|reading| {
        let mut attributes = reading.attributes.values();
        let has = attribute.is_empty() || attributes.any(|text| **text == *attribute);
        reading.metric.as_str() == metric && has
    });
    found.map(|reading| reading.value.to_string())
}
