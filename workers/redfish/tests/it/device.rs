//! A worker of the shipped release, with one service.

use std::{path::Path, time::Duration};

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use utakata_worker_redfish::RedfishWorker;
pub use utakata_worker_sdk::harness::alone::value;
use utakata_worker_sdk::{Answer, Failure, harness::alone::Alone, model::Reading};

/// A worker and one target.
pub struct Device(Alone<RedfishWorker>);

impl Device {
    pub fn new(address: impl ToString, credential: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/redfish");
        Self(Alone::build(&folder, address, credential).unwrap())
    }

    /// Carries out an action within its timeout.
    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        self.run_at(&self.0.address, action, parameters).await
    }

    /// The same on another target of the same worker.
    pub async fn run_at(
        &self,
        address: &str,
        action: &str,
        parameters: Json,
    ) -> Result<Answer, Failure> {
        let mut task = self.0.task(action, parameters).unwrap();
        task.address = address.into();
        self.0.carry_out(task).await
    }

    /// Reads within that time, in place of the timeout of the action.
    pub async fn read_within(&self, timeout: Duration) -> Result<Answer, Failure> {
        let task = self.0.task("read", json!({})).unwrap();
        let deadline = Instant::now() + timeout;
        self.worker().perform(&task, deadline).await
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
        self.0.worker()
    }
}
