//! The changes that a decision asks for, and those that it hands back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{ActionName, TargetName};

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
}

/// A change that is handed back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandBack {
    /// The key of the operation.
    pub key: String,
    /// The key of the operation that it undoes.
    pub undoes: String,
    /// The target to change back.
    pub target: TargetName,
    /// The outlet, if it is one.
    pub outlet: Option<String>,
}
