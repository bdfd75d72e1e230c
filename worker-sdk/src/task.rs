//! A task as a worker sees it, and the two ways in which it ends.

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
    /// The address of the target, in the form that the kind asks for.
    pub address: String,
    /// The credential that lets the worker in: for this task only, never to be stored or printed.
    pub credential: BTreeMap<String, Secret>,
    /// The action: an action of the manifest.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// The parameters: a JSON object, valid by the action's schema.
    pub parameters: serde_json::Value,
    /// The time that the attempt may take, counted from when the worker got it.
    pub timeout: Duration,
}

/// A task that succeeded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The error that was seen. A number that is not finite is dropped and told as the problem
    /// `bad-reading`.
    pub readings: Vec<Reading>,
    /// The same, for many of them: written down as they are seen, at a small part of the cost.
    pub buffer: ReadingBuffer,
    /// Anything else, as JSON.
    pub result: Option<serde_json::Value>,
    /// Values that were asked for and did not come: with anything here the attempt succeeded in
    /// part, and everybody who looks is told so. What has nothing to answer at all is a
    /// [`Failure`].
    pub missing: Gaps,
    /// The result of recognition, where that is not given by its kind.
    pub recognition: Option<Recognition>,
}

/// A task that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status; [`OutcomeStatus::Succeeded`] is taken for failed.
    pub status: OutcomeStatus,
    /// The reason.
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
