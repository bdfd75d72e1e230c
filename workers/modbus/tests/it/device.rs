//! Workers of the shipped release and of one for a cooler, and tasks for them.

use std::{fs, path::Path};

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use utakata_worker_modbus::ModbusWorker;
use utakata_worker_sdk::{
    Answer, Failure, Release, Task,
    model::{ActionName, Reading, TargetName, TaskId, TaskKey},
};

/// A cooler, as a folder with two files describes it.
const MANIFEST: &str = r#"
kind = "crac"
version = "1.0.0"
protocol = 2
run.program = "utakata-worker-modbus"
settings.profiles = ["crac"]

[[action]]
name = "read"
class = "observe"
parameters = { type = "object" }

[[action]]
name = "setpoint"
class = "control"
repeat = "repeatable"
parameters = { type = "object", required = ["celsius"], properties.celsius = { type = "number" } }
verify = { action = "read", metric = "utakata.setpoint", value = "$celsius" }
"#;
const PROFILE: &str = r#"
description = "A cooler"

[talk]
gap = 8

[[point]]
metric = "hw.temperature"
at = 0
factor = 0.1
unit = "Cel"
attributes = { "hw.id" = "return" }

[[point]]
metric = "hw.humidity"
at = 2
factor = 0.001
unit = "1"

[[point]]
metric = "utakata.setpoint"
at = 10
factor = 0.1
unit = "Cel"

[[point]]
metric = "hw.status"
at = 12
bits = [{ bit = 0, is = "failed" }, { bit = 3, is = "degraded" }]

[[point]]
metric = "hw.power"
at = 30
type = "f32"
factor = 1000.0
unit = "W"

[[point]]
metric = "system.uptime"
at = 32
type = "u32"
unit = "s"

# The device has nothing there.
[[point]]
metric = "hw.voltage"
at = 35
unit = "V"

[control.setpoint]
at = 10
factor = 0.1
value = "{celsius}"
"#;

/// The registers of the cooler.
pub fn cooler() -> Json {
    json!({
        "uint16": [
            { "addr": 0, "value": 251 }, { "addr": 1, "value": 180 }, { "addr": 2, "value": 453 },
            [3, 9], { "addr": 10, "value": 180 }, { "addr": 11, "value": 70 },
            { "addr": 12, "value": 8 }, [13, 29],
        ],
        "uint32": [{ "addr": [32, 33], "value": 617_001 }],
        "float32": [{ "addr": [30, 31], "value": 12.5 }],
        "write": [[10, 12]],
    })
}

/// A worker and one target.
pub struct Device {
    worker: ModbusWorker,
    release: Release,
    address: String,
}

impl Device {
    /// A target of the shipped kind.
    pub fn new(address: impl ToString) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/modbus");
        Self::of(&folder, address)
    }

    pub fn cooler(address: impl ToString) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("profiles")).unwrap();
        fs::write(folder.path().join("worker.toml"), MANIFEST).unwrap();
        fs::write(folder.path().join("profiles/crac.toml"), PROFILE).unwrap();
        Self::of(folder.path(), address)
    }

    fn of(folder: &Path, address: impl ToString) -> Self {
        let release = Release::read(folder).unwrap();
        Self {
            worker: ModbusWorker::of(&release).unwrap(),
            release,
            address: address.to_string(),
        }
    }

    /// Carries out an action within its timeout.
    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        let name = ActionName::new(action).unwrap();
        let declared = self.release.manifest.action(&name).unwrap();
        declared.schema().unwrap().check(&parameters).unwrap();
        let task = Task {
            key: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            target: TargetName::new("cooler").unwrap(),
            kind: self.release.manifest.kind.clone(),
            address: self.address.clone(),
            credential: Default::default(),
            action: name,
            class: declared.class,
            parameters,
            timeout: declared.timeout,
        };
        let deadline = Instant::now() + task.timeout;
        self.worker.perform(&task, deadline).await
    }

    pub async fn read(&self) -> Answer {
        self.run("read", json!({})).await.unwrap()
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
