//! The changes that a decision asks for, and those that it hands back.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{ActionName, PolicyName, TargetName};

/// A change that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The key of the operation: asking twice is asking once.
    pub key: String,
    /// The act of the policy by its number.
    pub act: usize,
    /// The action to carry out.
    pub action: ActionName,
    /// The target to change.
    pub target: TargetName,
    /// The outlet, if it is one.
    pub outlet: Option<String>,
    /// The parameters of the action, by name.
    pub parameters: BTreeMap<String, Value>,
    /// True if a person has to approve it.
    pub approval: bool,
    /// The time after which the target takes it back by itself, unless it is renewed.
    pub lease: Option<Duration>,
    /// The policies whose acts may have led to it, the latest first.
    pub because: Vec<PolicyName>,
}

/// A change that is told again, before the target takes it back by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renewal {
    /// The key of the operation.
    pub key: String,
    /// The key of the operation that it renews: the last on this target that was done.
    pub renews: String,
    /// The action to carry out again.
    pub action: ActionName,
    /// The target that holds the change.
    pub target: TargetName,
    /// The parameters of the operation that it renews: another value would be a change.
    pub parameters: BTreeMap<String, Value>,
    /// The time after which the target takes it back by itself, unless it is renewed.
    pub lease: Duration,
    /// The time that is left: told later, it would not renew and begin anew.
    pub within: Duration,
}

/// A change that is handed back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandBack {
    /// The key of the operation.
    pub key: String,
    /// The key of the operation that it undoes.
    pub undoes: String,
    /// The key of the operation that it undoes if that one has changed nothing.
    pub or_undoes: Option<String>,
    /// The target to change back.
    pub target: TargetName,
    /// The outlet, if it is one.
    pub outlet: Option<String>,
}
