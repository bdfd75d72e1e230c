//! A worker of a shipped release, and tasks for it.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::Value as Json;
use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Failure, Release, Task,
    model::{
        ActionName, Class, Reading, ReadingValue, TargetName, TaskId, TaskKey, target::Secret,
    },
};
use utakata_worker_snmp::SnmpWorker;

/// The credential values of a test.
pub type Values = BTreeMap<String, Secret>;

/// A worker and one target.
pub struct Device {
    pub worker: SnmpWorker,
    release: Release,
    address: String,
    credential: Values,
}

/// The folder of a shipped release.
pub fn folder(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("releases")
        .join(kind)
}

/// Returns credential values from pairs.
pub fn values(pairs: &[(&str, &str)]) -> Values {
    pairs
        .iter()
        .map(|(key, value)| ((*key).into(), Secret::new(*value)))
        .collect()
}

/// The credential of a v2c community.
pub fn community(name: &str) -> Values {
    values(&[("community", name)])
}

impl Device {
    /// A target of a shipped kind.
    pub fn new(kind: &str, address: impl ToString, credential: Values) -> Self {
        let release = Release::read(&folder(kind)).unwrap();
        Self {
            worker: SnmpWorker::of(&release).unwrap(),
            release,
            address: address.to_string(),
            credential,
        }
    }

    /// A task for it, with parameters valid by the manifest.
    pub fn task(&self, action: &str, parameters: Json) -> Task {
        let name = ActionName::new(action).unwrap();
        let declared = self.release.manifest.action(&name).unwrap();
        declared.schema().unwrap().check(&parameters).unwrap();
        Task {
            key: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            target: TargetName::new("device").unwrap(),
            kind: self.release.manifest.kind.clone(),
            address: self.address.clone(),
            credential: self.credential.clone(),
            action: name,
            class: if declared.class == Class::Control {
                Class::Control
            } else {
                Class::Observe
            },
            parameters,
            timeout: declared.timeout,
        }
    }

    /// Carries out an action within its timeout.
    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        let task = self.task(action, parameters);
        let timeout = task.timeout;
        let answer = self.worker.perform(&task, Instant::now() + timeout).await?;
        Ok(Answer {
            readings: answer.buffer.readings(),
            ..answer
        })
    }

    /// Carries out an action within another timeout.
    pub async fn run_within(
        &self,
        timeout: Duration,
        action: &str,
        parameters: Json,
    ) -> Result<Answer, Failure> {
        let task = self.task(action, parameters);
        let answer = self.worker.perform(&task, Instant::now() + timeout).await?;
        Ok(Answer {
            readings: answer.buffer.readings(),
            ..answer
        })
    }

    /// Returns every reading of `read`.
    pub async fn read(&self) -> Vec<Reading> {
        self.run("read", serde_json::json!({}))
            .await
            .unwrap()
            .readings
    }
}

/// The reading of a metric with these attributes among others.
pub fn find<'a>(
    readings: &'a [Reading],
    metric: &str,
    attributes: &[(&str, &str)],
) -> Option<&'a Reading> {
    readings.iter().find(|reading| {
        reading.metric.as_str() == metric
            && attributes.iter().all(|(key, text)| {
                reading
                    .attributes
                    .get(key)
                    .is_some_and(|found| **found == **text)
            })
    })
}

pub fn number(readings: &[Reading], metric: &str, attributes: &[(&str, &str)]) -> f64 {
    match find(readings, metric, attributes).map(|reading| &reading.value) {
        Some(ReadingValue::Number(number)) => *number,
        other => panic!(
            "{metric} {attributes:?}: {other:?} among {}",
            readings.len()
        ),
    }
}

pub fn text(readings: &[Reading], metric: &str, attributes: &[(&str, &str)]) -> String {
    match find(readings, metric, attributes).map(|reading| &reading.value) {
        Some(ReadingValue::Text(text)) => text.to_string(),
        other => panic!(
            "{metric} {attributes:?}: {other:?} among {}",
            readings.len()
        ),
    }
}
