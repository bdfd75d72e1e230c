//! A task as seen by a worker, and its two possible results.

use std::{collections::BTreeMap, time::Duration};

use crate::ReadingBuffer;
use utakata_model::{
    ActionName, Class, Gaps, Kind, OutcomeStatus, Problem, Reading, Recognition, TargetName,
    TaskKey, target::Secret,
};

/// One action on one target, once.
#[derive(Debug, Clone)]
pub struct Task {
    /// The fencing token of the attempt.
    pub key: TaskKey,
    /// The name of the target.
    pub target: TargetName,
    /// The kind of the target: that of the manifest.
    pub kind: Kind,
    /// The address of the target, in the form that the kind requires.
    pub address: String,
    /// The credential that gives the worker access: for this task only, never to be stored or
    /// printed.
    pub credential: BTreeMap<String, Secret>,
    /// The name of the action, which is one of the manifest.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// The parameters: a JSON object, valid according to the action's schema.
    pub parameters: serde_json::Value,
    /// The time that the attempt may take, counted from when the worker received it.
    pub timeout: Duration,
}

/// The result of a task that succeeded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The readings obtained. A number that is not finite is dropped and reported as the problem
    /// `bad-reading`.
    pub readings: Vec<Reading>,
    /// An alternative for many readings: encoded as they are obtained, at a fraction of the cost.
    pub buffer: ReadingBuffer,
    /// Anything besides readings, as JSON.
    pub result: Option<serde_json::Value>,
    /// The values that were requested and did not arrive. If there are any, the attempt succeeded
    /// only in part, and everybody can see that. A target that gives no answer at all is a
    /// [`Failure`].
    pub missing: Gaps,
    /// The result of recognition, unless the kind of the target determines it.
    pub recognition: Option<Recognition>,
}

/// A task that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status; [`OutcomeStatus::Succeeded`] counts as failed.
    pub status: OutcomeStatus,
    /// The reason for the failure.
    pub problem: Problem,
}

impl Failure {
    /// The target did not do it.
    pub fn failed(problem: Problem) -> Self {
        Self {
            status: OutcomeStatus::Failed,
            problem,
        }
    }

    /// Nobody can know whether the target did it.
    pub fn unknown(problem: Problem) -> Self {
        Self {
            status: OutcomeStatus::Unknown,
            problem,
        }
    }
}
