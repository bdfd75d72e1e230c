//! A worker without a manager, and one target of it: for the tests of a worker against real
//! equipment.

use std::{collections::BTreeMap, error::Error, path::Path};

use serde_json::Value as Json;
use utakata_model::{ActionName, Reading, TargetName, TaskId, TaskKey, target::Secret};

use crate::{Answer, Context, Failure, Release, Task, Worker};

/// A worker and one target.
#[derive(Debug)]
pub struct Alone<W> {
    worker: W,
    release: Release,
    /// The address of the target.
    pub address: String,
    /// The credential with which tasks are carried out.
    pub credential: BTreeMap<String, Secret>,
}

type AnyError = Box<dyn Error + Send + Sync>;

impl<W: Worker> Alone<W> {
    /// Builds the worker of a release.
    ///
    /// # Errors
    /// The release cannot be read, or the worker cannot be built.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "whoever calls has an address of one of several types at hand, or a text"
    )]
    pub fn build(
        folder: &Path,
        address: impl ToString,
        credential: &[(&str, &str)],
    ) -> Result<Self, AnyError> {
        let release = Release::read(folder)?;
        let pairs = credential.iter();
        Ok(Self {
            worker: W::build(&release)?,
            release,
            address: address.to_string(),
            credential: pairs
                .map(|(key, value)| ((*key).into(), Secret::new(*value)))
                .collect(),
        })
    }

    /// Makes a task of an action, if its parameters are valid.
    ///
    /// # Errors
    /// There is no such action, or its schema does not permit the parameters.
    pub fn task(&self, action: &str, parameters: Json) -> Result<Task, AnyError> {
        let name = ActionName::new(action)?;
        let declared = self.release.manifest.action(&name);
        let declared = declared.ok_or_else(|| format!("there is no action {action}"))?;
        let schema = declared.schema()?;
        schema
            .check(&parameters)
            .map_err(|error| format!("{action}: {error:?}"))?;
        Ok(Task {
            key: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            target: TargetName::new("target")?,
            kind: self.release.manifest.kind.clone(),
            address: self.address.clone(),
            credential: self.credential.clone(),
            class: declared.class,
            timeout: declared.timeout,
            action: name,
            parameters,
        })
    }

    /// Carries out a task within its time.
    ///
    /// # Errors
    /// The target did not do it, or nobody can know.
    pub async fn carry_out(&self, task: Task) -> Result<Answer, Failure> {
        let context = Context::alone(task.timeout);
        self.worker.run(task, context).await
    }

    /// Returns the worker itself, to look at what it has kept.
    pub fn worker(&self) -> &W {
        &self.worker
    }
}

/// Returns the value of the first reading of a metric that has an attribute with this text; the
/// empty text: any reading.
pub fn value(readings: &[Reading], metric: &str, attribute: &str) -> Option<String> {
    let found = readings.iter().find(|reading| {
        let mut attributes = reading.attributes.values();
        let has = attribute.is_empty() || attributes.any(|text| **text == *attribute);
        reading.metric.as_str() == metric && has
    });
    found.map(|reading| reading.value.to_string())
}
